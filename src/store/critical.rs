//! Critical articles: asked for by one person, approved by another, then sent at once.

use crate::article::ArticleId;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    ASK = Sql::both(
        "INSERT INTO critical (article_id, list_id, asked_by, asked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (article_id, list_id) DO NOTHING");
    FIND = Sql::both(
        "SELECT article_id, list_id, asked_by, asked_at, approved_by, digest_id FROM critical
         WHERE article_id = $1 AND list_id = $2");
    WAITING = Sql::both(
        "SELECT article_id, list_id, asked_by, asked_at, approved_by, digest_id FROM critical
         WHERE approved_by IS NULL ORDER BY id");
    /// Only another than who asked, and only once.
    APPROVE = Sql::both(
        "UPDATE critical SET approved_by = $3, approved_at = $4
         WHERE article_id = $1 AND list_id = $2 AND approved_by IS NULL AND asked_by <> $3");
    SENT = Sql::both("UPDATE critical SET digest_id = $3 WHERE article_id = $1 AND list_id = $2");
    REFUSE = Sql::both("DELETE FROM critical WHERE article_id = $1 AND list_id = $2 AND approved_by IS NULL");
}

/// An article that somebody calls critical for a list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Critical {
    /// Which article.
    pub article_id: ArticleId,
    /// For whom.
    pub list_id: ListId,
    /// Who asked: an address.
    pub asked_by: String,
    /// When.
    pub asked_at: Stamp,
    /// Who approved.
    pub approved_by: Option<String>,
    /// What it went out as.
    pub digest_id: Option<DigestId>,
}

/// Notes who asks. False if somebody has.
pub async fn ask(
    tx: &mut Tx,
    (article, list): (ArticleId, ListId),
    by: &str,
    now: Stamp,
) -> Result<bool> {
    Ok(change!(tx, ASK, (article, list, by, now))? > 0)
}

/// What was asked for this article and list.
pub async fn find(tx: &mut Tx, (article, list): (ArticleId, ListId)) -> Result<Option<Critical>> {
    Ok(run!(tx, FIND, query_as(article, list), fetch_optional)?)
}

/// What waits for a second person, the oldest first.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<Critical>> {
    Ok(run!(tx, WAITING, query_as(), fetch_all)?)
}

/// Notes who approves. False if nobody asked, it was approved before, or they asked themselves.
pub async fn approve(
    tx: &mut Tx,
    (article, list): (ArticleId, ListId),
    by: &str,
    now: Stamp,
) -> Result<bool> {
    Ok(change!(tx, APPROVE, (article, list, by, now))? > 0)
}

/// Notes what it went out as.
pub async fn sent(
    tx: &mut Tx,
    (article, list): (ArticleId, ListId),
    digest: DigestId,
) -> Result<()> {
    change!(tx, SENT, (article, list, digest))?;
    Ok(())
}

/// Takes back what was asked and not yet approved. False if there is nothing to take back.
pub async fn refuse(tx: &mut Tx, (article, list): (ArticleId, ListId)) -> Result<bool> {
    Ok(change!(tx, REFUSE, (article, list))? > 0)
}
