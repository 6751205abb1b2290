//! Webhooks, and what each is to be told.

use serde_json::Value;

use crate::clock::Stamp;
use crate::source::SourceUrl;
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
use crate::webhook;
use crate::webhook::Event;
use crate::webhook::SigningSecret;
use crate::webhook::Webhook;
use crate::webhook::WebhookId;

/// When something new goes to a webhook `w`: now, or when it's asked again to take what it didn't.
macro_rules! turn {
    ($now:literal) => {
        concat!(
            "COALESCE((SELECT MIN(m.due_at) FROM webhook_message m
               WHERE m.webhook_id = w.id AND m.state = 'waiting' AND m.tries > 0 AND m.due_at > ",
            $now,
            "), ",
            $now,
            ")"
        )
    };
}

statements! {
    ADD = Sql::both(
        "INSERT INTO webhook (url, events, secret, state, made_at) SELECT $1, $2, $3, 'active', $4
         WHERE (SELECT COUNT(*) FROM webhook) < $5 RETURNING id");
    GET = Sql::both("SELECT id, url, events, state, made_at FROM webhook WHERE id = $1");
    PAGE = Sql::both("SELECT id, url, events, state, made_at FROM webhook WHERE id > $1 ORDER BY id LIMIT $2");
    REMOVE = Sql::both("DELETE FROM webhook WHERE id = $1");
    TELL = Sql {
        sqlite:
        concat!(
            "INSERT INTO webhook_message (webhook_id, event, body, state, made_at, due_at)
             SELECT w.id, $1, $2, 'waiting', $3, ", turn!("$3"), " FROM webhook w
             WHERE w.state = 'active' AND EXISTS (SELECT 1 FROM json_each(w.events) WHERE value = $1)"),
        postgres:
        concat!(
            "INSERT INTO webhook_message (webhook_id, event, body, state, made_at, due_at)
             SELECT w.id, $1, $2, 'waiting', $3, ", turn!("$3"), " FROM webhook w
             WHERE w.state = 'active'
               AND EXISTS (SELECT 1 FROM json_array_elements_text(CAST(w.events AS JSON)) AS asked (value) WHERE value = $1)"),
    };
    TELL_ONE = Sql::both(concat!(
        "INSERT INTO webhook_message (webhook_id, event, body, state, made_at, due_at)
         SELECT w.id, $2, $3, 'waiting', $4, ", turn!("$4"), " FROM webhook w WHERE w.id = $1 AND w.state = 'active'"));
    /// In the order of what happened, as far as each has been taken.
    DUE = Sql::both(
        "SELECT m.id, m.webhook_id, w.url, w.secret, m.body, m.made_at, m.due_at, m.tries
         FROM webhook_message m JOIN webhook w ON w.id = m.webhook_id
         WHERE m.state = 'waiting' AND m.due_at <= $1 ORDER BY m.due_at, m.id LIMIT $2");
    CLAIM = Sql::both("UPDATE webhook_message SET due_at = $3 WHERE id = $1 AND due_at = $2 AND state = 'waiting'");
    /// What came of a try: it's taken, waits until $5, or has failed.
    NOTE = Sql::both(
        "UPDATE webhook_message SET state = $3, answer = $4, due_at = $5, tried_at = $6, tries = tries + 1
         WHERE id = $1 AND due_at = $2 AND state = 'waiting'");
    /// Whatever else is due to the same program waits with it, so that it holds up nobody else's.
    PUT_OFF = Sql::both(
        "UPDATE webhook_message SET due_at = $3 WHERE webhook_id = $1 AND state = 'waiting' AND due_at <= $2");
    GIVE_UP = Sql::both(
        "UPDATE webhook_message SET state = 'failed' WHERE webhook_id = $1 AND state = 'waiting' AND made_at < $2");
    GONE = Sql::both("UPDATE webhook SET state = 'gone' WHERE id = $1");
    DROP_WAITING = Sql::both("UPDATE webhook_message SET state = 'failed' WHERE webhook_id = $1 AND state = 'waiting'");
    LATEST = Sql::both(
        "SELECT id, event, state, made_at, due_at, tries, tried_at, answer FROM webhook_message
         WHERE webhook_id = $1 ORDER BY id DESC LIMIT $2");
    CLEAR = Sql::both("DELETE FROM webhook_message WHERE state <> 'waiting' AND made_at < $1");
}

#[derive(sqlx::FromRow)]
struct Row {
    id: WebhookId,
    url: String,
    events: String,
    state: String,
    made_at: Stamp,
}

/// What is to be posted now.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Message {
    /// Which; it stays the same from try to try.
    pub id: i64,
    /// Whose.
    pub webhook_id: WebhookId,
    /// Where to.
    pub url: String,
    secret: String,
    /// The very bytes.
    pub body: String,
    /// When it happened.
    pub made_at: Stamp,
    /// When it was to go.
    pub due_at: Stamp,
    /// How often it was tried.
    pub tries: i64,
}

impl Message {
    /// What signs it.
    pub fn secret(&self) -> SigningSecret {
        SigningSecret::kept(self.secret.clone())
    }
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Told {
    /// Which.
    pub id: i64,
    /// What of.
    pub event: String,
    /// `waiting`, `taken` or `failed`.
    pub state: String,
    /// When it happened.
    pub made_at: Stamp,
    /// When it's tried next, while it waits.
    pub due_at: Stamp,
    /// How often it was tried.
    pub tries: i64,
    /// When it was last.
    pub tried_at: Option<Stamp>,
    /// What came of that, in words.
    pub answer: Option<String>,
}

/// What comes of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It was taken.
    Taken,
    /// It's tried again at a moment.
    Again(Stamp),
    /// It isn't tried any more.
    Never,
}

/// Adds a webhook; `None` if there are too many.
pub async fn add(
    tx: &mut Tx,
    url: &SourceUrl,
    events: &[Event],
    secret: &SigningSecret,
    now: Stamp,
) -> Result<Option<WebhookId>> {
    let events: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
    let (url, events, secret) = (url.as_str(), to_json(&events), secret.as_str());
    Ok(run!(
        tx,
        ADD,
        query_scalar(url, events, secret, now, webhook::MOST),
        fetch_optional
    )?)
}

/// The webhook with this number.
pub async fn find(tx: &mut Tx, id: WebhookId) -> Result<Option<Webhook>> {
    let row: Option<Row> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.as_ref().map(read).transpose()
}

/// At most `limit` webhooks after a number, in order.
pub async fn page(tx: &mut Tx, after: WebhookId, limit: i64) -> Result<Vec<Webhook>> {
    let rows: Vec<Row> = run!(tx, PAGE, query_as(after, limit), fetch_all)?;
    rows.iter().map(read).collect()
}

/// Removes a webhook and all that it was to be told. Says whether there was one.
pub async fn remove(tx: &mut Tx, id: WebhookId) -> Result<bool> {
    Ok(change!(tx, REMOVE, (id))? > 0)
}

/// Tells whoever asked for such events of one: what it's about by number. They learn it once this is
/// committed.
pub async fn tell(tx: &mut Tx, event: Event, about: &Value, now: Stamp) -> Result<()> {
    change!(tx, TELL, (event.as_str(), body(event, about, now), now))?;
    Ok(())
}

/// Has one webhook tried out. False if there is none that is told.
pub async fn try_out(tx: &mut Tx, id: WebhookId, now: Stamp) -> Result<bool> {
    let event = Event::Test;
    let body = body(event, &serde_json::json!({ "webhook": id.0 }), now);
    Ok(change!(tx, TELL_ONE, (id, event.as_str(), body, now))? > 0)
}

fn body(event: Event, about: &Value, now: Stamp) -> String {
    let (kind, at) = (event.as_str(), now.to_string());
    serde_json::json!({ "type": kind, "timestamp": at, "data": about }).to_string()
}

/// At most `limit` messages that are to go now.
pub async fn due(tx: &mut Tx, now: Stamp, limit: i64) -> Result<Vec<Message>> {
    Ok(run!(tx, DUE, query_as(now, limit), fetch_all)?)
}

/// Takes a message in hand until a moment; false if somebody else did.
pub async fn claim(tx: &mut Tx, message: &Message, until: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM, (message.id, message.due_at, until))? > 0)
}

/// Notes what came of a try, in words too.
pub async fn note(
    tx: &mut Tx,
    id: i64,
    claimed: Stamp,
    (then, answer): (Then, &str),
    now: Stamp,
) -> Result<()> {
    let (state, due) = match then {
        Then::Taken => ("taken", claimed),
        Then::Again(due) => ("waiting", due),
        Then::Never => ("failed", claimed),
    };
    change!(tx, NOTE, (id, claimed, state, answer, due, now))?;
    Ok(())
}

/// Has all that is due to a webhook wait until a moment.
pub async fn put_off(tx: &mut Tx, id: WebhookId, now: Stamp, due: Stamp) -> Result<()> {
    change!(tx, PUT_OFF, (id, now, due))?;
    Ok(())
}

/// Gives up what happened before a moment and a webhook hasn't taken.
pub async fn give_up(tx: &mut Tx, id: WebhookId, before: Stamp) -> Result<()> {
    change!(tx, GIVE_UP, (id, before))?;
    Ok(())
}

/// Tells a webhook nothing any more.
pub async fn end(tx: &mut Tx, id: WebhookId) -> Result<()> {
    change!(tx, GONE, (id))?;
    change!(tx, DROP_WAITING, (id))?;
    Ok(())
}

/// At most `limit` messages of one webhook, the newest first.
pub async fn latest(tx: &mut Tx, id: WebhookId, limit: i64) -> Result<Vec<Told>> {
    Ok(run!(tx, LATEST, query_as(id, limit), fetch_all)?)
}

/// Clears away what is over and happened before a moment.
pub async fn clear(tx: &mut Tx, before: Stamp) -> Result<u64> {
    Ok(change!(tx, CLEAR, (before))?)
}

fn read(row: &Row) -> Result<Webhook> {
    let id = row.id.0;
    let events: Vec<String> = from_json(&row.events, "webhook", "events", id)?;
    let events = events
        .iter()
        .map(|event| parsed(event, "webhook", "events", id));
    let is_active = match row.state.as_str() {
        "active" => true,
        "gone" => false,
        other => return Err(broken("webhook", "state", id, &other)),
    };
    Ok(Webhook {
        id: row.id,
        url: parsed(&row.url, "webhook", "url", id)?,
        events: events.collect::<Result<_>>()?,
        is_active,
        made_at: row.made_at,
    })
}
