//! Who changed what: only ever added to.

use crate::clock::Stamp;
use crate::store::Db;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    RECORD = Sql::both(
        "INSERT INTO audit (at, actor, action, subject, was, became) VALUES ($1, $2, $3, $4, $5, $6)");
    PAGE = Sql::both(
        "SELECT id, at, actor, action, subject, was, became FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2");
    PAGE_OF = Sql::both(
        "SELECT id, at, actor, action, subject, was, became FROM audit
         WHERE subject = $3 AND id < $1 ORDER BY id DESC LIMIT $2");
}

/// One change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Who: `user olena@example.org`, `key newsroom`, `command line`.
    pub actor: String,
    /// What they did: `article.edit`.
    pub action: &'static str,
    /// To what: `article 7`.
    pub subject: String,
    /// As it was, JSON or empty.
    pub was: String,
    /// As it became, JSON or empty.
    pub became: String,
}

/// A change as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Recorded {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Stamp,
    /// Who.
    pub actor: String,
    /// What they did.
    pub action: String,
    /// To what.
    pub subject: String,
    /// As it was.
    pub was: String,
    /// As it became.
    pub became: String,
}

impl Change {
    /// One that was made at the command line.
    pub fn at_command_line(action: &'static str, subject: String, became: String) -> Self {
        Self {
            actor: "command line".to_owned(),
            action,
            subject,
            became,
            ..Self::default()
        }
    }
}

/// Writes a change down, in the transaction that makes it where there is one.
pub async fn record(tx: &mut Tx, change: &Change, now: Stamp) -> Result<()> {
    change!(
        tx,
        RECORD,
        (
            now,
            &change.actor,
            change.action,
            &change.subject,
            &change.was,
            &change.became
        )
    )?;
    Ok(())
}

/// Writes down a change that a flow has made in a transaction of its own.
pub async fn record_after(db: &Db, change: &Change, now: Stamp) -> Result<()> {
    let mut tx = db.begin().await?;
    record(&mut tx, change, now).await?;
    tx.commit().await
}

/// At most `limit` changes, newest first, numbered below `before`; of one subject, if it's given.
pub async fn page(
    tx: &mut Tx,
    subject: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Recorded>> {
    let before = before.unwrap_or(i64::MAX);
    Ok(match subject {
        None => run!(tx, PAGE, query_as(before, limit), fetch_all)?,
        Some(subject) => run!(tx, PAGE_OF, query_as(before, limit, subject), fetch_all)?,
    })
}
