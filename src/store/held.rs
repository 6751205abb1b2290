//! Drafts that wait for a person, because too many came at once.

use crate::clock::Stamp;
use crate::source::SourceId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    ADD = Sql::both(
        "INSERT INTO held (source_id, guid, held_at, state, title, draft) VALUES ($1, $2, $3, 'held', $4, $5)
         ON CONFLICT (source_id, guid) DO NOTHING");
    NAMES = Sql {
        sqlite: "SELECT guid FROM held WHERE source_id = $1 AND guid IN (SELECT value FROM json_each($2))",
        postgres:
        "SELECT guid FROM held WHERE source_id = $1 AND guid IN (SELECT json_array_elements_text(CAST($2 AS JSON)))",
    };
    PAGE = Sql::both(
        "SELECT id, source_id, held_at, title, draft FROM held
         WHERE source_id = $1 AND state = 'held' AND id > $2 ORDER BY id LIMIT $3");
    COUNT = Sql::both("SELECT COUNT(*) FROM held WHERE source_id = $1 AND state = 'held'");
    COUNTS = Sql::both("SELECT source_id, COUNT(*) FROM held WHERE state = 'held' GROUP BY source_id");
    RELEASE = Sql::both("DELETE FROM held WHERE source_id = $1 AND state = 'held'");
    /// By name they stay, so that the next poll doesn't bring them again.
    DROP = Sql::both("UPDATE held SET state = 'dropped', draft = '' WHERE source_id = $1 AND state = 'held'");
}

/// A draft that waits.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Held {
    /// Our number for it.
    pub id: i64,
    /// Who gave it.
    pub source_id: SourceId,
    /// Since when it waits.
    pub held_at: Stamp,
    /// What it's called.
    pub title: String,
    /// The draft as JSON.
    pub draft: String,
}

/// Has a draft wait, unless it does already.
pub async fn add(
    tx: &mut Tx,
    source: SourceId,
    guid: &str,
    (title, draft): (&str, &str),
    now: Stamp,
) -> Result<()> {
    change!(tx, ADD, (source, guid, now, title, draft))?;
    Ok(())
}

/// Those of the names under which a draft waits, or was dropped by a person.
pub async fn names(tx: &mut Tx, source: SourceId, guids: &[&str]) -> Result<Vec<String>> {
    Ok(run!(
        tx,
        NAMES,
        query_scalar(source, to_json(guids)),
        fetch_all
    )?)
}

/// At most `limit` drafts of a source that wait, after a number, in order.
pub async fn page(tx: &mut Tx, source: SourceId, after: i64, limit: i64) -> Result<Vec<Held>> {
    Ok(run!(tx, PAGE, query_as(source, after, limit), fetch_all)?)
}

/// How many of a source wait.
pub async fn count(tx: &mut Tx, source: SourceId) -> Result<i64> {
    Ok(run!(tx, COUNT, query_scalar(source), fetch_one)?)
}

/// How many of each source wait.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(SourceId, i64)>> {
    Ok(run!(tx, COUNTS, query_as(), fetch_all)?)
}

/// Has none of a source wait any longer: they're about to be published.
pub async fn release(tx: &mut Tx, source: SourceId) -> Result<u64> {
    Ok(change!(tx, RELEASE, (source))?)
}

/// Drops those of a source that wait, for good. Gives how many.
pub async fn drop_all(tx: &mut Tx, source: SourceId) -> Result<u64> {
    Ok(change!(tx, DROP, (source))?)
}
