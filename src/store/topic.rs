//! Topics: departments and tags.

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::article::Topic;
use crate::article::TopicKind;
use crate::article::topic::slug;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    /// The first name a topic was seen under stays: «Економіка» and «економіка» are one topic.
    KEEP = Sql::both(
        "INSERT INTO topic (kind, slug, name) VALUES ($1, $2, $3)
         ON CONFLICT (kind, slug) DO UPDATE SET slug = excluded.slug RETURNING id");
    /// In the topics' order, so that two transactions never wait for each other.
    KEEP_ALL = Sql {
        sqlite:
        "INSERT INTO topic (kind, slug, name)
         SELECT value ->> '$[0]', value ->> '$[1]', value ->> '$[2]' FROM json_each($1) WHERE true ORDER BY 1, 2
         ON CONFLICT (kind, slug) DO UPDATE SET slug = excluded.slug RETURNING id, kind, slug",
        postgres:
        "INSERT INTO topic (kind, slug, name)
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_array_elements(CAST($1 AS JSON)) AS line (value) ORDER BY 1, 2
         ON CONFLICT (kind, slug) DO UPDATE SET slug = excluded.slug RETURNING id, kind, slug",
    };
    FIND = Sql::both("SELECT id, kind, slug, name FROM topic WHERE kind = $1 AND slug = $2");
    /// A department before a tag of the same slug.
    FIND_ANY = Sql::both("SELECT id, kind, slug, name FROM topic WHERE slug = $1 ORDER BY kind LIMIT 1");
    LEFT_AT = Sql::both("SELECT left_at FROM topic WHERE id = $1");
    /// With the number of published articles, the topics that have some.
    IN_USE = Sql::both(
        "SELECT t.id, t.kind, t.slug, t.name, COUNT(*) AS articles
         FROM topic t JOIN article_topic x ON x.topic_id = t.id JOIN article a ON a.id = x.article_id
         WHERE a.state = 'published' GROUP BY t.id, t.kind, t.slug, t.name ORDER BY t.kind, t.name");
    SOME = Sql {
        sqlite: "SELECT id, kind, slug, name FROM topic WHERE id IN (SELECT value FROM json_each($1)) ORDER BY kind, name",
        postgres:
        "SELECT id, kind, slug, name FROM topic
         WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))) ORDER BY kind, name",
    };
}

type Row = (TopicId, String, String, String);

/// The number of the topic with this name, made if it's new; `None` for a name that no slug can be
/// made of.
pub async fn keep(tx: &mut Tx, kind: TopicKind, name: &str) -> Result<Option<TopicId>> {
    let slug = slug(name);
    if slug.is_empty() {
        return Ok(None);
    }
    Ok(Some(run!(
        tx,
        KEEP,
        query_scalar(kind.as_str(), slug, name),
        fetch_one
    )?))
}

/// The numbers of several topics by kind and slug, made if they're new.
pub async fn keep_all(
    tx: &mut Tx,
    names: &BTreeMap<(TopicKind, String), String>,
) -> Result<HashMap<(TopicKind, String), TopicId>> {
    let rows: Vec<_> = names
        .iter()
        .map(|((kind, slug), name)| (kind.as_str(), slug, name))
        .collect();
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let kept: Vec<(TopicId, String, String)> =
        run!(tx, KEEP_ALL, query_as(to_json(&rows)), fetch_all)?;
    kept.into_iter()
        .map(|(id, kind, slug)| Ok(((parsed(&kind, "topic", "kind", id.0)?, slug), id)))
        .collect()
}

/// The topic at this address.
pub async fn find(tx: &mut Tx, kind: TopicKind, slug: &str) -> Result<Option<(TopicId, Topic)>> {
    let row: Option<Row> = run!(tx, FIND, query_as(kind.as_str(), slug), fetch_optional)?;
    row.map(topic).transpose()
}

/// The topic or department with this slug.
pub async fn find_any(tx: &mut Tx, slug: &str) -> Result<Option<(TopicId, Topic)>> {
    let row: Option<Row> = run!(tx, FIND_ANY, query_as(slug), fetch_optional)?;
    row.map(topic).transpose()
}

/// When an edit last took an article off this topic.
pub async fn left_at(tx: &mut Tx, id: TopicId) -> Result<Stamp> {
    Ok(run!(tx, LEFT_AT, query_scalar(id), fetch_one)?)
}

/// Every topic that has published articles, with how many; departments first, by name.
pub async fn in_use(tx: &mut Tx) -> Result<Vec<(TopicId, Topic, i64)>> {
    let rows: Vec<(TopicId, String, String, String, i64)> =
        run!(tx, IN_USE, query_as(), fetch_all)?;
    rows.into_iter()
        .map(|(id, kind, slug, name, articles)| {
            let (id, topic) = topic((id, kind, slug, name))?;
            Ok((id, topic, articles))
        })
        .collect()
}

/// These topics, departments first, by name.
pub async fn some(tx: &mut Tx, ids: &[TopicId]) -> Result<Vec<(TopicId, Topic)>> {
    let rows: Vec<Row> = run!(tx, SOME, query_as(to_json(ids)), fetch_all)?;
    rows.into_iter().map(topic).collect()
}

fn topic((id, kind, slug, name): Row) -> Result<(TopicId, Topic)> {
    let kind = parsed(&kind, "topic", "kind", id.0)?;
    Ok((id, Topic { kind, slug, name }))
}
