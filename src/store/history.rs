//! What was published lately, counted: what readers are told to expect.

use crate::audience::history::History;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    ALL = Sql::both(
        "SELECT COUNT(*) AS articles, COUNT(DISTINCT published_at / 3600000) AS hours,
                COUNT(DISTINCT published_at / 86400000) AS days, MIN(published_at) AS first
         FROM article WHERE state = 'published' AND mailing = 'digest' AND published_at > $1");
    OF_TOPICS = Sql {
        sqlite:
        "SELECT COUNT(*) AS articles, COUNT(DISTINCT a.published_at / 3600000) AS hours,
                COUNT(DISTINCT a.published_at / 86400000) AS days, MIN(a.published_at) AS first
         FROM article a WHERE a.state = 'published' AND a.mailing = 'digest' AND a.published_at > $1
           AND EXISTS (SELECT 1 FROM article_topic t WHERE t.article_id = a.id
                         AND t.topic_id IN (SELECT value FROM json_each($2)))",
        postgres:
        "SELECT COUNT(*) AS articles, COUNT(DISTINCT a.published_at / 3600000) AS hours,
                COUNT(DISTINCT a.published_at / 86400000) AS days, MIN(a.published_at) AS first
         FROM article a WHERE a.state = 'published' AND a.mailing = 'digest' AND a.published_at > $1
           AND EXISTS (SELECT 1 FROM article_topic t WHERE t.article_id = a.id
                         AND t.topic_id IN (SELECT CAST(value AS BIGINT)
                                            FROM json_array_elements_text(CAST($2 AS JSON))))",
    };
}

/// What was published for digests since a moment, about any of these topics; about anything if none
/// is named.
pub async fn since(tx: &mut Tx, topics: &[TopicId], since: Stamp) -> Result<History> {
    let row: (i64, i64, i64, Option<Stamp>) = if topics.is_empty() {
        run!(tx, ALL, query_as(since), fetch_one)?
    } else {
        let topics = to_json(topics);
        run!(tx, OF_TOPICS, query_as(since, topics), fetch_one)?
    };
    let (articles, hours, days, first) = row;
    Ok(History {
        articles,
        hours,
        days,
        first,
    })
}
