//! Origins: how sources name articles, which keeps an edit from becoming a second article.

use crate::article::ArticleId;
use crate::source::SourceId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    ADD = Sql::both(
        "INSERT INTO origin (source_id, guid, article_id, url) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source_id, guid) DO UPDATE SET url = excluded.url");
    FIND_BY_GUID = Sql::both(
        "SELECT a.id, a.fingerprint, a.state FROM origin o JOIN article a ON a.id = o.article_id
         WHERE o.source_id = $1 AND o.guid = $2");
    /// An address that several articles share is nobody's name.
    FIND_BY_URL = Sql::both(
        "SELECT a.id, a.fingerprint, a.state FROM origin o JOIN article a ON a.id = o.article_id
         WHERE o.source_id = $1 AND o.url = $2
           AND NOT EXISTS (SELECT 1 FROM origin x WHERE x.source_id = $1 AND x.url = $2 AND x.article_id <> a.id)
         LIMIT 1");
}

/// An article that a source has named before.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Known {
    /// Which.
    pub id: ArticleId,
    /// What it last said.
    pub fingerprint: String,
    /// Published or withdrawn.
    pub state: String,
}

/// Notes how a source names an article.
pub async fn add(
    tx: &mut Tx,
    source: SourceId,
    guid: &str,
    id: ArticleId,
    url: Option<&str>,
) -> Result<()> {
    change!(tx, ADD, (source, guid, id, url))?;
    Ok(())
}

/// The article that a source calls this, by its own identifier or else by address.
pub async fn find(
    tx: &mut Tx,
    source: SourceId,
    guid: &str,
    url: Option<&str>,
) -> Result<Option<Known>> {
    let known: Option<Known> = run!(tx, FIND_BY_GUID, query_as(source, guid), fetch_optional)?;
    if known.is_some() || url.is_none() {
        return Ok(known);
    }
    Ok(run!(
        tx,
        FIND_BY_URL,
        query_as(source, url),
        fetch_optional
    )?)
}
