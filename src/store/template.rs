//! Letters' templates as owners wrote them: only ever added to, so that what was in force at any
//! moment can be told.

use crate::clock::Stamp;
use crate::letter::LetterPurpose;
use crate::letter::LetterTemplate;
use crate::letter::Part;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::run;
use crate::store::statements;

statements! {
    ADD = Sql::both(
        "INSERT INTO template (purpose, part, number, text, made_at, made_by)
         SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4, $5 FROM template WHERE purpose = $1 AND part = $2
         RETURNING number");
    ADD_TRIED = Sql::both(
        "INSERT INTO template (purpose, part, text, made_at, made_by) VALUES ($1, $2, $3, $4, $5) RETURNING id");
    FIND = Sql::both("SELECT id, purpose, part, number, text, made_at, made_by FROM template WHERE id = $1");
    FIND_VERSION = Sql::both(
        "SELECT id, purpose, part, number, text, made_at, made_by FROM template
         WHERE purpose = $1 AND part = $2 AND number = $3");
    VERSIONS = Sql::both(
        "SELECT id, purpose, part, number, text, made_at, made_by FROM template
         WHERE purpose = $1 AND part = $2 AND number IS NOT NULL ORDER BY number DESC LIMIT $3");
    /// What is added later may have a lower id (PostgreSQL), but always makes it one more.
    AS_OF = Sql::both(
        "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM template WHERE number IS NOT NULL AND made_at <= $1");
    IN_FORCE = Sql::both(
        "SELECT id, purpose, part, number, text, made_at, made_by FROM template
         WHERE id IN (SELECT MAX(id) FROM template WHERE number IS NOT NULL AND id <= $1 GROUP BY purpose, part)");
}

/// One version of one template.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Version {
    /// Its row.
    pub id: i64,
    /// Of which letter,
    #[sqlx(try_from = "String")]
    pub purpose: LetterPurpose,
    /// and which part of it.
    #[sqlx(try_from = "String")]
    pub part: Part,
    /// From 1; `None` if it was only tried.
    pub number: Option<i64>,
    /// What it says; `None` for what was shipped.
    pub text: Option<String>,
    /// When it was saved.
    pub made_at: Stamp,
    /// By whom.
    pub made_by: String,
}

/// All templates together, as they were in force at one moment: how many versions there were, and
/// the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    count: i64,
    last: i64,
}

impl Version {
    /// What it's a version of.
    pub fn template(&self) -> LetterTemplate {
        LetterTemplate {
            purpose: self.purpose,
            part: self.part,
        }
    }
}

impl AsOf {
    /// As it is now.
    pub const NOW: Self = Self {
        count: i64::MAX,
        last: i64::MAX,
    };

    /// Whether nobody had written any.
    pub fn is_as_shipped(self) -> bool {
        self.count == 0
    }
}

/// Adds a version, which is in force from now on; without a text, what was shipped is. Gives its
/// number.
pub async fn add(
    tx: &mut Tx,
    template: LetterTemplate,
    text: Option<&str>,
    (by, now): (&str, Stamp),
) -> Result<i64> {
    let (purpose, part) = (template.purpose.as_str(), template.part.as_str());
    Ok(run!(
        tx,
        ADD,
        query_scalar(purpose, part, text, now, by),
        fetch_one
    )?)
}

/// Keeps a text that is never in force, for a letter to whoever wrote it. Gives its row.
pub async fn add_tried(
    tx: &mut Tx,
    template: LetterTemplate,
    text: &str,
    (by, now): (&str, Stamp),
) -> Result<i64> {
    let (purpose, part) = (template.purpose.as_str(), template.part.as_str());
    Ok(run!(
        tx,
        ADD_TRIED,
        query_scalar(purpose, part, text, now, by),
        fetch_one
    )?)
}

/// One row.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<Version>> {
    Ok(run!(tx, FIND, query_as(id), fetch_optional)?)
}

/// The version of a template with this number.
pub async fn find_version(
    tx: &mut Tx,
    template: LetterTemplate,
    number: i64,
) -> Result<Option<Version>> {
    let (purpose, part) = (template.purpose.as_str(), template.part.as_str());
    Ok(run!(
        tx,
        FIND_VERSION,
        query_as(purpose, part, number),
        fetch_optional
    )?)
}

/// At most so many versions of a template, the newest first.
pub async fn versions(tx: &mut Tx, template: LetterTemplate, limit: i64) -> Result<Vec<Version>> {
    let (purpose, part) = (template.purpose.as_str(), template.part.as_str());
    Ok(run!(
        tx,
        VERSIONS,
        query_as(purpose, part, limit),
        fetch_all
    )?)
}

/// What stood at a moment.
pub async fn as_of(tx: &mut Tx, at: Stamp) -> Result<AsOf> {
    let (count, last) = run!(tx, AS_OF, query_as(at), fetch_one)?;
    Ok(AsOf { count, last })
}

/// The version of each template that is in force then, of those that anybody ever wrote.
pub async fn in_force(tx: &mut Tx, then: AsOf) -> Result<Vec<Version>> {
    Ok(run!(tx, IN_FORCE, query_as(then.last), fetch_all)?)
}
