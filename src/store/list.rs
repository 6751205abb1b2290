//! Lists: the newsletters people subscribe to.

use crate::audience::list::Cadence;
use crate::audience::list::Hour;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::audience::list::Review;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::from_json;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    ADD = Sql::both(
        "INSERT INTO list (slug, name, description, sender, language, zone, hour, cadences, topics, review, pace, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (slug) DO NOTHING RETURNING id");
    GET = Sql::both(
        "SELECT id, slug, name, description, sender, language, zone, hour, cadences, topics, review, pace, created_at
         FROM list WHERE id = $1");
    FIND = Sql::both(
        "SELECT id, slug, name, description, sender, language, zone, hour, cadences, topics, review, pace, created_at
         FROM list WHERE slug = $1");
    ALL = Sql::both(
        "SELECT id, slug, name, description, sender, language, zone, hour, cadences, topics, review, pace, created_at
         FROM list ORDER BY id");
    PAGE = Sql::both(
        "SELECT id, slug, name, description, sender, language, zone, hour, cadences, topics, review, pace, created_at
         FROM list WHERE id > $1 ORDER BY id LIMIT $2");
    CHANGE = Sql::both(
        "UPDATE list SET name = $2, description = $3, sender = $4, language = $5, zone = $6, hour = $7, cadences = $8,
                topics = $9, review = $10
         WHERE id = $1");
    COUNT_ACTIVE = Sql::both("SELECT COUNT(*) FROM subscription WHERE list_id = $1 AND state = 'active'");
}

#[derive(sqlx::FromRow)]
struct ListRow {
    id: i64,
    slug: String,
    name: String,
    description: String,
    sender: String,
    language: String,
    zone: String,
    hour: i64,
    cadences: String,
    topics: String,
    review: String,
    pace: String,
    created_at: Stamp,
}

/// Adds a list (its `id` is ignored); `None` if there is one with this slug.
pub async fn add(tx: &mut Tx, new: &List) -> Result<Option<ListId>> {
    Ok(run!(
        tx,
        ADD,
        query_scalar(
            new.slug.as_str(),
            &new.name,
            &new.description,
            new.sender.to_string(),
            new.language.as_str(),
            new.zone.name(),
            i64::from(new.hour.number()),
            to_json(&new.cadences),
            to_json(&new.topics),
            new.review.as_str(),
            to_json(&new.pace),
            new.created_at
        ),
        fetch_optional
    )?)
}

/// The list with this number, which must be there.
pub async fn get(tx: &mut Tx, id: ListId) -> Result<List> {
    list(run!(tx, GET, query_as(id), fetch_one)?)
}

/// The list with this slug.
pub async fn find(tx: &mut Tx, slug: &str) -> Result<Option<List>> {
    let row: Option<ListRow> = run!(tx, FIND, query_as(slug), fetch_optional)?;
    row.map(list).transpose()
}

/// Every list, the oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<List>> {
    let rows: Vec<ListRow> = run!(tx, ALL, query_as(), fetch_all)?;
    rows.into_iter().map(list).collect()
}

/// At most `limit` lists after a number, in order.
pub async fn page(tx: &mut Tx, after: ListId, limit: i64) -> Result<Vec<List>> {
    let rows: Vec<ListRow> = run!(tx, PAGE, query_as(after, limit), fetch_all)?;
    rows.into_iter().map(list).collect()
}

/// Sets what may be changed of a list: all but its slug. What subscribers chose stays.
pub async fn change(tx: &mut Tx, changed: &List) -> Result<()> {
    change!(
        tx,
        CHANGE,
        (
            changed.id,
            &changed.name,
            &changed.description,
            changed.sender.to_string(),
            changed.language.as_str(),
            changed.zone.name(),
            i64::from(changed.hour.number()),
            to_json(&changed.cadences),
            to_json(&changed.topics),
            changed.review.as_str()
        )
    )?;
    Ok(())
}

/// How many people get its digests.
pub async fn count_active(tx: &mut Tx, id: ListId) -> Result<i64> {
    Ok(run!(tx, COUNT_ACTIVE, query_scalar(id), fetch_one)?)
}

fn list(row: ListRow) -> Result<List> {
    let id = row.id;
    let review = match row.review.as_str() {
        "auto" => Review::Auto,
        "hold" => Review::Hold,
        other => return Err(broken("list", "review", id, &other)),
    };
    let cadences: Vec<Cadence> = from_json(&row.cadences, "list", "cadences", id)?;
    Ok(List {
        id: ListId(id),
        slug: parsed(&row.slug, "list", "slug", id)?,
        name: row.name,
        description: row.description,
        sender: parsed(&row.sender, "list", "sender", id)?,
        language: parsed(&row.language, "list", "language", id)?,
        zone: parsed(&row.zone, "list", "zone", id)?,
        hour: Hour::try_from(row.hour).map_err(|problem| broken("list", "hour", id, &problem))?,
        cadences,
        topics: from_json(&row.topics, "list", "topics", id)?,
        review,
        pace: from_json(&row.pace, "list", "pace", id)?,
        created_at: row.created_at,
    })
}
