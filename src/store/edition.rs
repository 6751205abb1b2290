//! Editions: what digests say, frozen, once for all who share articles and language.

use crate::article::ArticleId;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::digest::EditionId;
use crate::locale::Language;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::archive;
use crate::store::from_json;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    FIND_MADE = Sql::both("SELECT id FROM edition WHERE digest_id = $1 AND language = $2 AND articles = $3");
    ADD = Sql::both(
        "INSERT INTO edition (digest_id, language, articles, subject, html, text, made_at, own)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id");
    FIND = Sql::both(
        "SELECT id, digest_id, language, articles, subject, html, text, made_at, own FROM edition WHERE id = $1");
    /// In the language asked for, if there is one.
    FULLEST = Sql::both(
        "SELECT id, language, subject FROM edition WHERE digest_id = $1
         ORDER BY CASE WHEN language = $2 THEN 0 ELSE 1 END, LENGTH(articles) DESC, id LIMIT 1");
    OF_DIGEST = Sql::both(
        "SELECT id, digest_id, language, articles, subject, html, text, made_at, own FROM edition WHERE digest_id = $1 ORDER BY id");
}

/// The frozen content of a digest for all who share articles and language.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    /// Our number for it.
    pub id: EditionId,
    /// Whose.
    pub digest_id: DigestId,
    /// The language it's written in.
    pub language: Language,
    /// What it holds, newest first.
    pub articles: Vec<ArticleId>,
    /// One line.
    pub subject: String,
    /// With marks where the reader's own links go.
    pub html: String,
    /// With the same marks.
    pub text: String,
    /// The `Date` of its letters.
    pub made_at: Stamp,
    /// What each letter is rendered from, where marks won't do (JSON): its template asks about the
    /// reader.
    pub own: Option<String>,
}

#[derive(sqlx::FromRow)]
struct EditionRow {
    id: i64,
    digest_id: DigestId,
    language: String,
    articles: String,
    subject: String,
    html: String,
    text: String,
    made_at: Stamp,
    own: Option<String>,
}

/// The edition of these articles in this language, if it was made.
pub async fn find_made(
    tx: &mut Tx,
    digest: DigestId,
    language: Language,
    articles: &[ArticleId],
) -> Result<Option<EditionId>> {
    Ok(run!(
        tx,
        FIND_MADE,
        query_scalar(digest, language.as_str(), to_json(articles)),
        fetch_optional
    )?)
}

/// Freezes an edition (its `id` is ignored), and puts what it holds into the archive.
pub async fn add(tx: &mut Tx, new: &Edition) -> Result<EditionId> {
    archive::keep(tx, new.digest_id, &new.articles).await?;
    Ok(run!(
        tx,
        ADD,
        query_scalar(
            new.digest_id,
            new.language.as_str(),
            to_json(&new.articles),
            &new.subject,
            &new.html,
            &new.text,
            new.made_at,
            &new.own
        ),
        fetch_one
    )?)
}

/// The edition with this number.
pub async fn find(tx: &mut Tx, id: EditionId) -> Result<Option<Edition>> {
    let row: Option<EditionRow> = run!(tx, FIND, query_as(id), fetch_optional)?;
    row.map(edition).transpose()
}

/// The subject of a digest's longest edition, in this language if there is one, and its language.
pub async fn fullest(
    tx: &mut Tx,
    digest: DigestId,
    language: Language,
) -> Result<Option<(Language, String)>> {
    let row: Option<(i64, String, String)> = run!(
        tx,
        FULLEST,
        query_as(digest, language.as_str()),
        fetch_optional
    )?;
    row.map(|(id, language, subject)| Ok((parsed(&language, "edition", "language", id)?, subject)))
        .transpose()
}

/// Every edition of a digest.
pub async fn of_digest(tx: &mut Tx, id: DigestId) -> Result<Vec<Edition>> {
    let rows: Vec<EditionRow> = run!(tx, OF_DIGEST, query_as(id), fetch_all)?;
    rows.into_iter().map(edition).collect()
}

fn edition(row: EditionRow) -> Result<Edition> {
    Ok(Edition {
        id: EditionId(row.id),
        digest_id: row.digest_id,
        language: parsed(&row.language, "edition", "language", row.id)?,
        articles: from_json(&row.articles, "edition", "articles", row.id)?,
        subject: row.subject,
        html: row.html,
        text: row.text,
        made_at: row.made_at,
        own: row.own,
    })
}
