//! Views narrowed by topics and language: what a reader put together in an address.

use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::article::query::Query;
use crate::audience::list::TopicId;
use crate::source::SourceId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::article;
use crate::store::article::View;
use crate::store::run;
use crate::store::search;
use crate::store::statements;
use crate::store::to_json;

/// $2 and $3 are the view, $4, $5 and $8 lists of topics as JSON, $6 a language in lower case: `en`
/// takes `en-GB` too. $7 is what to search for, in the database's own language; $9 the least seq.
macro_rules! narrowed {
    ($state:literal) => {
        Sql {
            sqlite: concat!(
                "SELECT a.id FROM article a WHERE a.state = ", $state, " AND a.seq >= $9
                   AND ($2 IS NULL OR EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id AND x.topic_id = $2))
                   AND ($3 IS NULL OR a.source_id = $3)
                   AND ($4 = '[]' OR EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id
                                             AND x.topic_id IN (SELECT value FROM json_each($4))))
                   AND NOT EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id
                                   AND x.topic_id IN (SELECT value FROM json_each($5)))
                   AND ($6 = '' OR LOWER(a.language) = $6 OR LOWER(a.language) LIKE $6 || '-%')
                   AND ($7 = '' OR a.id IN (SELECT rowid FROM article_search WHERE article_search MATCH $7))
                   AND ($8 = '[]' OR EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id
                                             AND x.topic_id IN (SELECT value FROM json_each($8))))
                 ORDER BY a.seq DESC LIMIT $1"),
            postgres: concat!(
                "SELECT a.id FROM article a WHERE a.state = ", $state, " AND a.seq >= $9
                   AND (CAST($2 AS BIGINT) IS NULL
                        OR EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id AND x.topic_id = $2))
                   AND (CAST($3 AS BIGINT) IS NULL OR a.source_id = $3)
                   AND (CAST($4 AS TEXT) = '[]' OR EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id
                        AND x.topic_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($4 AS JSON)))))
                   AND NOT EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id AND x.topic_id IN
                        (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(CAST($5 AS TEXT) AS JSON))))
                   AND (CAST($6 AS TEXT) = '' OR LOWER(a.language) = $6 OR LOWER(a.language) LIKE $6 || '-%')
                   AND (CAST($7 AS TEXT) = '' OR a.words @@ to_tsquery('simple', $7))
                   AND (CAST($8 AS TEXT) = '[]' OR EXISTS (SELECT 1 FROM article_topic x WHERE x.article_id = a.id
                        AND x.topic_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($8 AS JSON)))))
                 ORDER BY a.seq DESC LIMIT $1"),
        }
    };
}

statements! {
    PUBLISHED = narrowed!("'published'");
    WITHDRAWN = narrowed!("'withdrawn'");
}

/// What articles of a view must be besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Of one of these topics; of any if there are none.
    pub any: Vec<TopicId>,
    /// And of one of these, too; of any if there are none.
    pub also: Vec<TopicId>,
    /// Of none of these topics.
    pub none: Vec<TopicId>,
    /// In this language: BCP 47 tag in lower case; of any if empty.
    pub language: String,
    /// Having all these words; whatever they say if there are none.
    pub words: Option<Query>,
}

/// At most `limit` published articles of a narrowed view, newest first.
pub async fn page(
    tx: &mut Tx,
    view: View,
    narrowing: &Narrowing,
    limit: i64,
) -> Result<Vec<Article>> {
    let ids = ids(tx, PUBLISHED, (view, narrowing), Seq(0), limit).await?;
    article::some(tx, &ids).await
}

/// At most `limit` articles of a narrowed view that were withdrawn, and have a seq of `from` or
/// more; newest first.
pub async fn withdrawn(
    tx: &mut Tx,
    view: View,
    narrowing: &Narrowing,
    from: Seq,
    limit: i64,
) -> Result<Vec<Article>> {
    let ids = ids(tx, WITHDRAWN, (view, narrowing), from, limit).await?;
    article::some(tx, &ids).await
}

async fn ids(
    tx: &mut Tx,
    statement: Sql,
    (view, narrowing): (View, &Narrowing),
    from: Seq,
    limit: i64,
) -> Result<Vec<ArticleId>> {
    let (topic, source): (Option<TopicId>, Option<SourceId>) = match view {
        View::Everything => (None, None),
        View::Topic(id) => (Some(id), None),
        View::Source(id) => (None, Some(id)),
    };
    let (any, none) = (to_json(&narrowing.any), to_json(&narrowing.none));
    let words = narrowing.words.as_ref();
    let words = words.map_or_else(String::new, |words| search::expression(tx, words));
    let (language, also) = (&narrowing.language, to_json(&narrowing.also));
    let ids = run!(
        tx,
        statement,
        query_scalar(limit, topic, source, any, none, language, words, also, from),
        fetch_all
    )?;
    Ok(ids)
}
