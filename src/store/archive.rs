//! The archive: what each digest held, whoever it went to. It outlives editions and letters.

use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::list::Cadence;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    KEEP = Sql {
        sqlite:
        "INSERT INTO digest_article (digest_id, article_id)
         SELECT $1, a.id FROM article a WHERE a.id IN (SELECT value FROM json_each($2)) ON CONFLICT DO NOTHING",
        postgres:
        "INSERT INTO digest_article (digest_id, article_id)
         SELECT $1, a.id FROM article a
         WHERE a.id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS JSON))) ON CONFLICT DO NOTHING",
    };
    /// Digests that hold something the public may still read.
    PAGE = Sql::both(
        "SELECT d.id, d.cadence, d.cut_at FROM digest d
         WHERE d.list_id = $1 AND d.id < $2 AND d.state IN ('planning', 'planned')
           AND EXISTS (SELECT 1 FROM digest_article x JOIN article a ON a.id = x.article_id
                       WHERE x.digest_id = d.id AND a.state = 'published')
         ORDER BY d.id DESC LIMIT $3");
    FIND = Sql::both(
        "SELECT id, cadence, cut_at FROM digest WHERE list_id = $1 AND id = $2 AND state IN ('planning', 'planned')
           AND EXISTS (SELECT 1 FROM digest_article x WHERE x.digest_id = digest.id)");
    BEFORE = Sql::both(
        "SELECT MAX(d.id) FROM digest d
         WHERE d.list_id = $1 AND d.cadence = $2 AND d.id < $3 AND d.state IN ('planning', 'planned')
           AND EXISTS (SELECT 1 FROM digest_article x JOIN article a ON a.id = x.article_id
                       WHERE x.digest_id = d.id AND a.state = 'published')");
    AFTER = Sql::both(
        "SELECT MIN(d.id) FROM digest d
         WHERE d.list_id = $1 AND d.cadence = $2 AND d.id > $3 AND d.state IN ('planning', 'planned')
           AND EXISTS (SELECT 1 FROM digest_article x JOIN article a ON a.id = x.article_id
                       WHERE x.digest_id = d.id AND a.state = 'published')");
    DATES = Sql {
        sqlite:
        "SELECT x.digest_id, a.published, a.published_at FROM digest_article x JOIN article a ON a.id = x.article_id
         WHERE x.digest_id IN (SELECT value FROM json_each($1)) AND a.state = 'published'",
        postgres:
        "SELECT x.digest_id, a.published, a.published_at FROM digest_article x JOIN article a ON a.id = x.article_id
         WHERE x.digest_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
           AND a.state = 'published'",
    };
    ARTICLES = Sql::both(
        "SELECT a.id, a.seq FROM digest_article x JOIN article a ON a.id = x.article_id
         WHERE x.digest_id = $1 AND a.state = 'published' AND a.seq < $2 ORDER BY a.seq DESC LIMIT $3");
}

/// A digest as the archive has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// Which.
    pub id: DigestId,
    /// How often its kind comes.
    pub cadence: Cadence,
    /// When it was cut.
    pub cut_at: Stamp,
}

/// An article's dates: the source's own, RFC 3339, and ours.
pub type Dates = (Option<String>, Stamp);

/// Notes that a digest holds these articles.
pub async fn keep(tx: &mut Tx, digest: DigestId, articles: &[ArticleId]) -> Result<()> {
    change!(tx, KEEP, (digest, to_json(articles)))?;
    Ok(())
}

/// At most `limit` digests of a list, newest first, numbered below `before`.
pub async fn page(
    tx: &mut Tx,
    list: ListId,
    before: Option<DigestId>,
    limit: i64,
) -> Result<Vec<Archived>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let rows: Vec<(DigestId, String, Stamp)> =
        run!(tx, PAGE, query_as(list, before, limit), fetch_all)?;
    rows.into_iter().map(archived).collect()
}

/// One digest of a list, if it has gone out.
pub async fn find(tx: &mut Tx, list: ListId, id: DigestId) -> Result<Option<Archived>> {
    let row: Option<(DigestId, String, Stamp)> =
        run!(tx, FIND, query_as(list, id), fetch_optional)?;
    row.map(archived).transpose()
}

/// The digests of the same list and cadence before and after one.
pub async fn neighbours(
    tx: &mut Tx,
    list: ListId,
    of: Archived,
) -> Result<(Option<DigestId>, Option<DigestId>)> {
    let cadence = of.cadence.as_str();
    let before: Option<i64> = run!(tx, BEFORE, query_scalar(list, cadence, of.id), fetch_one)?;
    let after: Option<i64> = run!(tx, AFTER, query_scalar(list, cadence, of.id), fetch_one)?;
    Ok((before.map(DigestId), after.map(DigestId)))
}

/// The dates of everything in these digests, each with its digest.
pub async fn dates(tx: &mut Tx, digests: &[DigestId]) -> Result<Vec<(DigestId, Dates)>> {
    let rows: Vec<(DigestId, Option<String>, Stamp)> =
        run!(tx, DATES, query_as(to_json(digests)), fetch_all)?;
    let dated = rows
        .into_iter()
        .map(|(digest, published, at)| (digest, (published, at)));
    Ok(dated.collect())
}

/// At most `limit` articles of a digest, newest first, with a seq below `before`.
pub async fn articles(
    tx: &mut Tx,
    digest: DigestId,
    before: Option<Seq>,
    limit: i64,
) -> Result<Vec<(ArticleId, Seq)>> {
    let before = before.map_or(i64::MAX, |seq| seq.0);
    Ok(run!(
        tx,
        ARTICLES,
        query_as(digest, before, limit),
        fetch_all
    )?)
}

fn archived((id, cadence, cut_at): (DigestId, String, Stamp)) -> Result<Archived> {
    Ok(Archived {
        id,
        cadence: parsed(&cadence, "digest", "cadence", id.0)?,
        cut_at,
    })
}
