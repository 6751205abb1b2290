//! Origins: how sources name articles, which keeps an edit from becoming a second article.

use std::collections::HashSet;

use crate::article::ArticleId;
use crate::clock::Stamp;
use crate::source::SourceId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

/// Origins as [`Known`] reads them; what follows narrows them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.source_id, o.guid, o.guid_key, o.url_key, o.gone_at, a.id, a.fingerprint, a.state, a.withdrawn_by,
                    a.title, a.published, a.source_id AS owner
             FROM origin o JOIN article a ON a.id = o.article_id ",
            $rest
        )
    };
}

statements! {
    ADD = Sql::both(
        "INSERT INTO origin (source_id, guid, article_id, url, guid_key, url_key) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (source_id, guid) DO UPDATE SET url = excluded.url, url_key = excluded.url_key, gone_at = NULL");
    ADD_ALL = Sql {
        sqlite:
        "INSERT INTO origin (source_id, guid, article_id, url, guid_key, url_key)
         SELECT $1, value ->> '$[0]', value ->> '$[1]', value ->> '$[2]', value ->> '$[3]', value ->> '$[4]'
         FROM json_each($2) WHERE true
         ON CONFLICT (source_id, guid) DO UPDATE SET url = excluded.url, url_key = excluded.url_key, gone_at = NULL",
        postgres:
        "INSERT INTO origin (source_id, guid, article_id, url, guid_key, url_key)
         SELECT CAST($1 AS BIGINT), value ->> 0, CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3, value ->> 4
         FROM json_array_elements(CAST($2 AS JSON)) AS line (value)
         ON CONFLICT (source_id, guid) DO UPDATE SET url = excluded.url, url_key = excluded.url_key, gone_at = NULL",
    };
    /// By address whichever source says so. Nearly all are known by all three names, and come once.
    KNOWN = Sql {
        sqlite: select!(
        "WHERE (o.source_id, o.guid) IN (
           SELECT source_id, guid FROM origin WHERE source_id = $1 AND guid IN (SELECT value FROM json_each($2))
           UNION
           SELECT source_id, guid FROM origin WHERE source_id = $1 AND guid_key IN (SELECT value FROM json_each($3))
           UNION
           SELECT source_id, guid FROM origin WHERE url_key IN (SELECT value FROM json_each($4)))"),
        postgres: select!(
        "WHERE (o.source_id, o.guid) IN (
           SELECT source_id, guid FROM origin WHERE source_id = $1 AND guid IN (SELECT json_array_elements_text(CAST($2 AS JSON)))
           UNION
           SELECT source_id, guid FROM origin WHERE source_id = $1 AND guid_key IN (SELECT json_array_elements_text(CAST($3 AS JSON)))
           UNION
           SELECT source_id, guid FROM origin WHERE url_key IN (SELECT json_array_elements_text(CAST($4 AS JSON))))"),
    };
    OF_SOURCE = Sql::both(select!("WHERE o.source_id = $1 AND o.gone_at IS NULL"));
    OF_ARTICLE = Sql::both(select!("WHERE o.article_id = $1"));
    COUNT = Sql::both("SELECT COUNT(DISTINCT article_id) FROM origin WHERE source_id = $1");
    SET_GONE = Sql::both("UPDATE origin SET gone_at = $3 WHERE source_id = $1 AND article_id = $2");
    ADD_MARKS = Sql {
        sqlite:
        "INSERT INTO mark (mark, article_id) SELECT value ->> '$[0]', value ->> '$[1]' FROM json_each($1) WHERE true
         ON CONFLICT DO NOTHING",
        postgres:
        "INSERT INTO mark (mark, article_id)
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM json_array_elements(CAST($1 AS JSON)) AS line (value)
         ON CONFLICT DO NOTHING",
    };
    /// Of the same articles as [`ALIKE`].
    MET = Sql {
        sqlite:
        "SELECT DISTINCT mark FROM mark WHERE mark IN (SELECT value FROM json_each($1))
           AND article_id > (SELECT COALESCE(MAX(id), 0) FROM article) - 5000",
        postgres:
        "SELECT DISTINCT mark FROM mark WHERE mark IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
           AND article_id > (SELECT COALESCE(MAX(id), 0) FROM article) - 5000",
    };
    /// Of the newest, since a phrase that opens every release of a newsroom would find them all.
    ALIKE = Sql {
        sqlite:
        "SELECT article_id FROM mark WHERE mark IN (SELECT value FROM json_each($1))
           AND article_id > (SELECT COALESCE(MAX(id), 0) FROM article) - 5000
         GROUP BY article_id ORDER BY COUNT(*) DESC, article_id DESC LIMIT $2",
        postgres:
        "SELECT article_id FROM mark WHERE mark IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
           AND article_id > (SELECT COALESCE(MAX(id), 0) FROM article) - 5000
         GROUP BY article_id ORDER BY COUNT(*) DESC, article_id DESC LIMIT $2",
    };
}

/// An article that a source has named before.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Known {
    /// Whose name it is.
    pub source_id: SourceId,
    /// The name.
    pub guid: String,
    /// The same without what tells no articles apart.
    pub guid_key: String,
    /// The address, likewise.
    pub url_key: Option<String>,
    /// When that source took it off.
    pub gone_at: Option<Stamp>,
    /// Which article.
    pub id: ArticleId,
    /// What it last said.
    pub fingerprint: String,
    /// Published or withdrawn.
    pub state: String,
    /// Who took it off, if somebody did.
    pub withdrawn_by: Option<String>,
    /// What it's called.
    pub title: String,
    /// The source's date.
    pub published: Option<String>,
    /// The source whose words it has.
    pub owner: Option<SourceId>,
}

/// How a source names an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Its own identifier, or what stands in for one.
    pub guid: String,
    /// The same without what tells no articles apart.
    pub guid_key: String,
    /// Its address.
    pub url: Option<String>,
    /// The same without what tells no articles apart.
    pub url_key: Option<String>,
}

/// Notes how a source names an article.
pub async fn add(tx: &mut Tx, source: SourceId, names: &Names, id: ArticleId) -> Result<()> {
    change!(
        tx,
        ADD,
        (
            source,
            &names.guid,
            id,
            names.url.as_ref(),
            &names.guid_key,
            names.url_key.as_ref()
        )
    )?;
    Ok(())
}

/// Everything that is known under any of these names, whoever gave them.
pub async fn known(tx: &mut Tx, source: SourceId, names: &[Names]) -> Result<Vec<Known>> {
    let of = |part: fn(&Names) -> Option<&String>| {
        let parts: Vec<&String> = names.iter().filter_map(part).collect();
        to_json(&parts)
    };
    let guids = of(|names| Some(&names.guid));
    let keys = of(|names| Some(&names.guid_key));
    let addresses = of(|names| names.url_key.as_ref());
    let mut known: Vec<Known> = run!(
        tx,
        KNOWN,
        query_as(source, guids, keys, addresses),
        fetch_all
    )?;
    known.sort_by(|one, other| (one.source_id, &one.guid).cmp(&(other.source_id, &other.guid)));
    Ok(known)
}

/// What a source names and hasn't taken off.
pub async fn of_source(tx: &mut Tx, source: SourceId) -> Result<Vec<Known>> {
    Ok(run!(tx, OF_SOURCE, query_as(source), fetch_all)?)
}

/// Every name of an article.
pub async fn of_article(tx: &mut Tx, id: ArticleId) -> Result<Vec<Known>> {
    Ok(run!(tx, OF_ARTICLE, query_as(id), fetch_all)?)
}

/// How many articles a source has named.
pub async fn count(tx: &mut Tx, source: SourceId) -> Result<i64> {
    Ok(run!(tx, COUNT, query_scalar(source), fetch_one)?)
}

/// Notes that a source took an article off, or has it again.
pub async fn set_gone(
    tx: &mut Tx,
    source: SourceId,
    id: ArticleId,
    gone_at: Option<Stamp>,
) -> Result<()> {
    change!(tx, SET_GONE, (source, id, gone_at))?;
    Ok(())
}

/// Notes how a source names several articles, each by a name of its own.
pub async fn add_all(tx: &mut Tx, source: SourceId, named: &[(Names, ArticleId)]) -> Result<()> {
    let rows: Vec<_> = named
        .iter()
        .map(|(names, id)| (&names.guid, id, &names.url, &names.guid_key, &names.url_key))
        .collect();
    change!(tx, ADD_ALL, (source, to_json(&rows)))?;
    Ok(())
}

/// Notes by what articles' likes are found.
pub async fn add_marks(tx: &mut Tx, marks: &[(i64, ArticleId)]) -> Result<()> {
    change!(tx, ADD_MARKS, (to_json(marks)))?;
    Ok(())
}

/// Which of these marks articles have by which [`alike`] could find them.
pub async fn met(tx: &mut Tx, marks: &[i64]) -> Result<HashSet<i64>> {
    let met: Vec<i64> = run!(tx, MET, query_scalar(to_json(marks)), fetch_all)?;
    Ok(met.into_iter().collect())
}

/// At most `limit` articles that share marks, those that share the most first.
pub async fn alike(tx: &mut Tx, marks: &[i64], limit: i64) -> Result<Vec<ArticleId>> {
    Ok(run!(
        tx,
        ALIKE,
        query_scalar(to_json(marks), limit),
        fetch_all
    )?)
}

/// Whether a source calls an article so, by its own identifier or else by address.
pub async fn is_known(tx: &mut Tx, source: SourceId, names: Names) -> Result<bool> {
    let known = known(tx, source, &[names]).await?;
    Ok(known.iter().any(|known| known.source_id == source))
}
