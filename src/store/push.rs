//! How sources' own hubs push to us, and when to ask them again.

use crate::clock::Stamp;
use crate::source::SourceId;
use crate::source::SourceUrl;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    /// A hub or topic that is new is asked at once; the one that is known goes on.
    HEED = Sql::both(
        "INSERT INTO source_push (source_id, hub, topic, state, made, due_at) VALUES ($1, $2, $3, 'asked', $4, $5)
         ON CONFLICT (source_id) DO UPDATE SET hub = excluded.hub, topic = excluded.topic, state = 'asked',
           made = excluded.made, until = NULL, due_at = excluded.due_at, tries = 0, problem = NULL
         WHERE source_push.hub <> excluded.hub OR source_push.topic <> excluded.topic");
    FORGET = Sql::both("DELETE FROM source_push WHERE source_id = $1");
    GET = Sql::both(
        "SELECT source_id, hub, topic, state, made, until, due_at, tries, pushed_at, problem FROM source_push WHERE source_id = $1");
    DUE = Sql::both(
        "SELECT p.source_id, p.hub, p.topic, p.state, p.made, p.until, p.due_at, p.tries, p.pushed_at, p.problem
         FROM source_push p JOIN source s ON s.id = p.source_id
         WHERE p.due_at <= $1 AND s.state = 'active' ORDER BY p.due_at LIMIT $2");
    CLAIM = Sql::both("UPDATE source_push SET due_at = $3 WHERE source_id = $1 AND due_at = $2");
    /// Unless it was confirmed meanwhile, which has moved the alarm.
    ASKED = Sql::both(
        "UPDATE source_push SET due_at = $3, tries = tries + 1, problem = $4 WHERE source_id = $1 AND due_at = $2");
    CONFIRM = Sql::both(
        "UPDATE source_push SET state = 'active', until = $3, due_at = $4, tries = 0, problem = NULL
         WHERE source_id = $1 AND made = $2");
    REFUSE = Sql::both(
        "UPDATE source_push SET state = 'refused', until = NULL, due_at = $3, problem = $4 WHERE source_id = $1 AND made = $2");
    PUSHED = Sql::both("UPDATE source_push SET pushed_at = $2 WHERE source_id = $1");
    /// A source that is pushed to us is polled only to make sure.
    SLOW = Sql::both(
        "UPDATE source SET next_poll_at = $3 WHERE id = $1 AND next_poll_at < $3
           AND EXISTS (SELECT 1 FROM source_push p WHERE p.source_id = source.id AND p.state = 'active' AND p.until > $2)");
    HURRY = Sql::both("UPDATE source SET next_poll_at = $2 WHERE id = $1 AND next_poll_at > $2 AND state = 'active'");
}

/// How far we are with a source's hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushState {
    /// It was asked, or is to be.
    Asked,
    /// It has agreed.
    Active,
    /// It has said no.
    Refused,
}

/// How a source's hub pushes to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePush {
    /// Whose hub.
    pub source_id: SourceId,
    /// Where it is.
    pub hub: SourceUrl,
    /// What it knows the source as.
    pub topic: SourceUrl,
    /// How far we are.
    pub state: PushState,
    /// What the callback and the secret were made from, in whole seconds.
    pub made: Stamp,
    /// When its word ends.
    pub until: Option<Stamp>,
    /// When it's asked next.
    pub due_at: Stamp,
    /// How often it was asked in vain.
    pub tries: i64,
    /// When it last pushed.
    pub pushed_at: Option<Stamp>,
    /// Why it doesn't, in words.
    pub problem: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    source_id: SourceId,
    hub: String,
    topic: String,
    state: String,
    made: Stamp,
    until: Option<Stamp>,
    due_at: Stamp,
    tries: i64,
    pushed_at: Option<Stamp>,
    problem: Option<String>,
}

/// Notes which hub a source names. `made` is a moment in whole seconds, `due` when to ask it.
pub async fn heed(
    tx: &mut Tx,
    id: SourceId,
    (hub, topic): (&SourceUrl, &SourceUrl),
    made: Stamp,
    due: Stamp,
) -> Result<()> {
    change!(tx, HEED, (id, hub.as_str(), topic.as_str(), made, due))?;
    Ok(())
}

/// Forgets a source's hub.
pub async fn forget(tx: &mut Tx, id: SourceId) -> Result<()> {
    change!(tx, FORGET, (id))?;
    Ok(())
}

/// A source's hub, if it has one.
pub async fn find(tx: &mut Tx, id: SourceId) -> Result<Option<SourcePush>> {
    let row: Option<Row> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.map(read).transpose()
}

/// Hubs to be asked now.
pub async fn due(tx: &mut Tx, now: Stamp, limit: i64) -> Result<Vec<SourcePush>> {
    let rows: Vec<Row> = run!(tx, DUE, query_as(now, limit), fetch_all)?;
    rows.into_iter().map(read).collect()
}

/// Takes the asking in hand until a moment; false if somebody else did.
pub async fn claim(tx: &mut Tx, push: &SourcePush, until: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM, (push.source_id, push.due_at, until))? > 0)
}

/// Notes that a hub was asked, and when to ask again if it doesn't confirm.
pub async fn asked(
    tx: &mut Tx,
    id: SourceId,
    claimed: Stamp,
    due: Stamp,
    problem: Option<&str>,
) -> Result<()> {
    change!(tx, ASKED, (id, claimed, due, problem))?;
    Ok(())
}

/// Notes a hub's agreement until a moment, and when to renew it.
pub async fn confirm(tx: &mut Tx, push: &SourcePush, until: Stamp, renew: Stamp) -> Result<()> {
    change!(tx, CONFIRM, (push.source_id, push.made, until, renew))?;
    Ok(())
}

/// Notes a hub's refusal, and when to ask again.
pub async fn refuse(tx: &mut Tx, push: &SourcePush, due: Stamp, problem: &str) -> Result<()> {
    change!(tx, REFUSE, (push.source_id, push.made, due, problem))?;
    Ok(())
}

/// Notes that content came.
pub async fn pushed(tx: &mut Tx, id: SourceId, now: Stamp) -> Result<()> {
    change!(tx, PUSHED, (id, now))?;
    Ok(())
}

/// Puts the next poll off until a moment, if the source is pushed to us.
pub async fn slow(tx: &mut Tx, id: SourceId, now: Stamp, next: Stamp) -> Result<()> {
    change!(tx, SLOW, (id, now, next))?;
    Ok(())
}

/// Has a source polled at a moment, if that is sooner than it would be.
pub async fn hurry(tx: &mut Tx, id: SourceId, next: Stamp) -> Result<()> {
    change!(tx, HURRY, (id, next))?;
    Ok(())
}

fn read(row: Row) -> Result<SourcePush> {
    let id = row.source_id.0;
    let state = match row.state.as_str() {
        "asked" => PushState::Asked,
        "active" => PushState::Active,
        "refused" => PushState::Refused,
        other => return Err(broken("source_push", "state", id, &other)),
    };
    Ok(SourcePush {
        source_id: row.source_id,
        hub: parsed(&row.hub, "source_push", "hub", id)?,
        topic: parsed(&row.topic, "source_push", "topic", id)?,
        state,
        made: row.made,
        until: row.until,
        due_at: row.due_at,
        tries: row.tries,
        pushed_at: row.pushed_at,
        problem: row.problem,
    })
}
