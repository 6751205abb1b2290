//! Our WebSub hub's memory: wishes to be verified, subscriptions, and what they are owed.
//!
//! Whoever moves an alarm (`due_at`) does the work; a process that dies with it in hand leaves an
//! alarm that rings again. An outcome finds the alarm as it was moved, or something newer to do.

use chrono::TimeDelta;

use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    WISH = Sql::both(
        "INSERT INTO hub_wish (path, callback, mode, lease_ms, secret, asked_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (path, callback) DO UPDATE SET mode = excluded.mode, lease_ms = excluded.lease_ms,
           secret = excluded.secret, asked_at = excluded.asked_at, due_at = excluded.due_at, tries = 0");
    COUNT_WISHES = Sql::both("SELECT COUNT(*) FROM hub_wish");
    COUNT_OF_HOST = Sql::both("SELECT COUNT(*) FROM hub_subscription WHERE host = $1");
    WISHES_DUE = Sql::both(
        "SELECT id, path, callback, mode, lease_ms, secret, due_at, tries FROM hub_wish WHERE due_at <= $1 ORDER BY due_at LIMIT $2");
    CLAIM_WISH = Sql::both("UPDATE hub_wish SET due_at = $3 WHERE id = $1 AND due_at = $2");
    DEFER_WISH = Sql::both("UPDATE hub_wish SET due_at = $3, tries = tries + 1 WHERE id = $1 AND due_at = $2");
    END_WISH = Sql::both("DELETE FROM hub_wish WHERE id = $1 AND due_at = $2");
    /// What it held when somebody first asked stays: the others are owed what came since.
    KEEP_TOPIC = Sql::both(
        "INSERT INTO hub_topic (path, version, hash) VALUES ($1, $2, $3)
         ON CONFLICT (path) DO UPDATE SET path = excluded.path RETURNING id");
    SUBSCRIBE = Sql::both(
        "INSERT INTO hub_subscription (topic_id, callback, host, secret, until, pushed) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (topic_id, callback) DO UPDATE SET secret = excluded.secret, until = excluded.until");
    UNSUBSCRIBE = Sql::both(
        "DELETE FROM hub_subscription WHERE callback = $2 AND topic_id IN (SELECT id FROM hub_topic WHERE path = $1)");
    ANY_OVER = Sql::both("SELECT COUNT(*) FROM hub_subscription WHERE until <= $1");
    EXPIRE = Sql::both("DELETE FROM hub_subscription WHERE until <= $1");
    FORGET_TOPICS = Sql::both(
        "DELETE FROM hub_topic WHERE NOT EXISTS (SELECT 1 FROM hub_subscription s WHERE s.topic_id = hub_topic.id)");
    TOPICS_BEHIND = Sql::both("SELECT id, path, version, hash FROM hub_topic WHERE version < $1 ORDER BY version LIMIT $2");
    SEE_TOPIC = Sql::both("UPDATE hub_topic SET version = $3, hash = $4 WHERE id = $1 AND version = $2");
    /// One that is being tried, or waits after a failure, keeps its pace; the millisecond keeps an
    /// outcome on its way from clearing what is new.
    OWE = Sql::both(
        "UPDATE hub_subscription SET due_at = CASE WHEN due_at IS NULL OR tries = 0 THEN $3 ELSE due_at + 1 END
         WHERE topic_id = $1 AND pushed <> $2");
    FORGET_TOPIC = Sql::both("DELETE FROM hub_topic WHERE path = $1");
    PUSHES_DUE = Sql::both(
        "SELECT s.id, t.path, s.callback, s.host, s.secret, s.pushed, s.due_at, s.tries
         FROM hub_subscription s JOIN hub_topic t ON t.id = s.topic_id WHERE s.due_at <= $1 ORDER BY s.due_at LIMIT $2");
    CLAIM_PUSH = Sql::both("UPDATE hub_subscription SET due_at = $3 WHERE id = $1 AND due_at = $2");
    PUSHED = Sql::both(
        "UPDATE hub_subscription SET pushed = $3, tries = 0, due_at = CASE WHEN due_at = $2 THEN NULL ELSE due_at END
         WHERE id = $1");
    DEFER_PUSH = Sql::both("UPDATE hub_subscription SET due_at = $3, tries = tries + 1 WHERE id = $1 AND due_at >= $2");
    END = Sql::both("DELETE FROM hub_subscription WHERE id = $1");
    SUBSCRIPTIONS = Sql::both(
        "SELECT s.id, t.path, s.callback, s.host, s.secret, s.pushed, COALESCE(s.due_at, 0) AS due_at, s.tries
         FROM hub_subscription s JOIN hub_topic t ON t.id = s.topic_id ORDER BY s.id LIMIT $1");
    OUTSIDE = Sql::both(
        "INSERT INTO outside_hub (url, version, told_at, due_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (url) DO UPDATE SET url = excluded.url RETURNING version, told_at, due_at, tries");
    CLAIM_OUTSIDE = Sql::both("UPDATE outside_hub SET due_at = $3 WHERE url = $1 AND due_at = $2");
    TOLD_OUTSIDE = Sql::both(
        "UPDATE outside_hub SET version = $3, told_at = $4, due_at = $4, tries = 0 WHERE url = $1 AND due_at = $2");
    DEFER_OUTSIDE = Sql::both("UPDATE outside_hub SET due_at = $3, tries = tries + 1 WHERE url = $1 AND due_at = $2");
    /// The places of articles that changed since, or that an edit took one from.
    PLACES = Sql::both(
        "SELECT DISTINCT t.kind AS kind, t.slug AS slug, CAST(0 AS BIGINT) AS source FROM article a
           JOIN article_topic x ON x.article_id = a.id JOIN topic t ON t.id = x.topic_id WHERE a.changed_at > $1
         UNION SELECT t.kind, t.slug, CAST(0 AS BIGINT) FROM topic t WHERE t.left_at > $1
         UNION SELECT '', '', a.source_id FROM article a WHERE a.changed_at > $1 AND a.source_id IS NOT NULL");
}

/// What somebody asks of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To be pushed to.
    Subscribe,
    /// To be left alone.
    Unsubscribe,
}

impl Mode {
    /// The word in requests and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A wish, before its callback was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWish {
    /// The feed's address below `base_url`, in its one spelling.
    pub path: String,
    /// Where to push to.
    pub callback: String,
    /// What is wished.
    pub mode: Mode,
    /// For how long.
    pub lease: TimeDelta,
    /// What pushes are to be signed with.
    pub secret: Option<String>,
}

/// A wish to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which.
    pub id: i64,
    /// What was asked.
    pub asked: NewWish,
    /// When its alarm rings.
    pub due_at: Stamp,
    /// How often its callback couldn't be reached.
    pub tries: i64,
}

/// A feed that somebody subscribes to, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HubTopic {
    /// Which.
    pub id: i64,
    /// Its address below `base_url`.
    pub path: String,
    /// The counter `feeds` then.
    pub version: i64,
    /// What it held then.
    pub hash: String,
}

/// A subscription, and when it is to be pushed to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Push {
    /// Which.
    pub id: i64,
    /// The feed's address below `base_url`.
    pub path: String,
    /// Where to push to.
    pub callback: String,
    /// The callback's host and port.
    pub host: String,
    /// What the push is signed with.
    pub secret: Option<String>,
    /// The hash of what the callback took last.
    pub pushed: String,
    /// When its alarm rings.
    pub due_at: Stamp,
    /// How often it failed in a row.
    pub tries: i64,
}

/// How far an outside hub knows our feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Outside {
    /// The counter `feeds` at the last telling.
    pub version: i64,
    /// When that was.
    pub told_at: Stamp,
    /// When its alarm rings.
    pub due_at: Stamp,
    /// How often it failed in a row.
    pub tries: i64,
}

/// A place whose feeds may have changed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ChangedPlace {
    /// A topic's kind; empty for a source.
    pub kind: String,
    /// A topic's slug.
    pub slug: String,
    /// A source's number.
    pub source: i64,
}

#[derive(sqlx::FromRow)]
struct WishRow {
    id: i64,
    path: String,
    callback: String,
    mode: String,
    lease_ms: i64,
    secret: Option<String>,
    due_at: Stamp,
    tries: i64,
}

/// Notes a wish. One that is still to be verified gives way.
pub async fn wish(tx: &mut Tx, new: &NewWish, now: Stamp) -> Result<()> {
    let lease = new.lease.num_milliseconds();
    let (mode, secret) = (new.mode.as_str(), new.secret.as_ref());
    change!(
        tx,
        WISH,
        (&new.path, &new.callback, mode, lease, secret, now)
    )?;
    Ok(())
}

/// How many wishes wait.
pub async fn count_wishes(tx: &mut Tx) -> Result<i64> {
    Ok(run!(tx, COUNT_WISHES, query_scalar(), fetch_one)?)
}

/// How many subscriptions push to a host.
pub async fn count_of_host(tx: &mut Tx, host: &str) -> Result<i64> {
    Ok(run!(tx, COUNT_OF_HOST, query_scalar(host), fetch_one)?)
}

/// Wishes to be verified now.
pub async fn wishes_due(tx: &mut Tx, now: Stamp, limit: i64) -> Result<Vec<Wish>> {
    let rows: Vec<WishRow> = run!(tx, WISHES_DUE, query_as(now, limit), fetch_all)?;
    rows.into_iter().map(read_wish).collect()
}

fn read_wish(row: WishRow) -> Result<Wish> {
    let mode = match row.mode.as_str() {
        "subscribe" => Mode::Subscribe,
        "unsubscribe" => Mode::Unsubscribe,
        other => return Err(broken("hub_wish", "mode", row.id, &other)),
    };
    Ok(Wish {
        id: row.id,
        asked: NewWish {
            path: row.path,
            callback: row.callback,
            mode,
            lease: TimeDelta::milliseconds(row.lease_ms),
            secret: row.secret,
        },
        due_at: row.due_at,
        tries: row.tries,
    })
}

/// Takes a wish in hand until a moment; false if somebody else did.
pub async fn claim_wish(tx: &mut Tx, wish: &Wish, until: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM_WISH, (wish.id, wish.due_at, until))? > 0)
}

/// Puts off a wish that was taken in hand until `claimed`.
pub async fn defer_wish(tx: &mut Tx, id: i64, claimed: Stamp, due: Stamp) -> Result<()> {
    change!(tx, DEFER_WISH, (id, claimed, due))?;
    Ok(())
}

/// Ends a wish that was taken in hand; false if a newer one took its place meanwhile.
pub async fn end_wish(tx: &mut Tx, id: i64, claimed: Stamp) -> Result<bool> {
    Ok(change!(tx, END_WISH, (id, claimed))? > 0)
}

/// Subscribes a callback, or renews its lease. `seen` is the counter and the hash of what the feed
/// holds now: what came before it is not owed.
pub async fn subscribe(
    tx: &mut Tx,
    asked: &NewWish,
    host: &str,
    (version, hash): (i64, &str),
    until: Stamp,
) -> Result<()> {
    let topic: i64 = run!(
        tx,
        KEEP_TOPIC,
        query_scalar(&asked.path, version, hash),
        fetch_one
    )?;
    let secret = asked.secret.as_ref();
    change!(
        tx,
        SUBSCRIBE,
        (topic, &asked.callback, host, secret, until, hash)
    )?;
    Ok(())
}

/// Ends a subscription, if there is one.
pub async fn unsubscribe(tx: &mut Tx, path: &str, callback: &str) -> Result<bool> {
    Ok(change!(tx, UNSUBSCRIBE, (path, callback))? > 0)
}

/// Whether a lease is over.
pub async fn any_over(tx: &mut Tx, now: Stamp) -> Result<bool> {
    let over: i64 = run!(tx, ANY_OVER, query_scalar(now), fetch_one)?;
    Ok(over > 0)
}

/// Ends subscriptions whose leases are over, and forgets feeds that nobody subscribes to.
pub async fn expire(tx: &mut Tx, now: Stamp) -> Result<u64> {
    let ended = change!(tx, EXPIRE, (now))?;
    change!(tx, FORGET_TOPICS, ())?;
    Ok(ended)
}

/// Feeds that were last seen before the counter was at `version`.
pub async fn topics_behind(tx: &mut Tx, version: i64, limit: i64) -> Result<Vec<HubTopic>> {
    Ok(run!(
        tx,
        TOPICS_BEHIND,
        query_as(version, limit),
        fetch_all
    )?)
}

/// Notes what a feed holds, and owes it to everybody who hasn't got it. Nothing happens if somebody
/// else saw to it.
pub async fn see_topic(
    tx: &mut Tx,
    topic: &HubTopic,
    (version, hash): (i64, &str),
    now: Stamp,
) -> Result<u64> {
    let ours = change!(tx, SEE_TOPIC, (topic.id, topic.version, version, hash))? > 0;
    if !ours || topic.hash == hash {
        return Ok(0);
    }
    Ok(change!(tx, OWE, (topic.id, hash, now))?)
}

/// Forgets a feed that is no more, and all who subscribe to it.
pub async fn forget_topic(tx: &mut Tx, path: &str) -> Result<()> {
    change!(tx, FORGET_TOPIC, (path))?;
    Ok(())
}

/// What is to be pushed now.
pub async fn pushes_due(tx: &mut Tx, now: Stamp, limit: i64) -> Result<Vec<Push>> {
    Ok(run!(tx, PUSHES_DUE, query_as(now, limit), fetch_all)?)
}

/// At most `limit` subscriptions.
pub async fn subscriptions(tx: &mut Tx, limit: i64) -> Result<Vec<Push>> {
    Ok(run!(tx, SUBSCRIPTIONS, query_as(limit), fetch_all)?)
}

/// Takes a push in hand until a moment; false if somebody else did.
pub async fn claim_push(tx: &mut Tx, push: &Push, until: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM_PUSH, (push.id, push.due_at, until))? > 0)
}

/// Notes that a callback took the content with this hash.
pub async fn pushed(tx: &mut Tx, id: i64, claimed: Stamp, hash: &str) -> Result<()> {
    change!(tx, PUSHED, (id, claimed, hash))?;
    Ok(())
}

/// Puts off a push that failed.
pub async fn defer_push(tx: &mut Tx, id: i64, claimed: Stamp, due: Stamp) -> Result<()> {
    change!(tx, DEFER_PUSH, (id, claimed, due))?;
    Ok(())
}

/// Ends a subscription.
pub async fn end(tx: &mut Tx, id: i64) -> Result<()> {
    change!(tx, END, (id))?;
    Ok(())
}

/// How far an outside hub knows our feeds; one that is new knows them as they are.
pub async fn outside(tx: &mut Tx, url: &str, version: i64, now: Stamp) -> Result<Outside> {
    Ok(run!(tx, OUTSIDE, query_as(url, version, now), fetch_one)?)
}

/// Takes the telling in hand until a moment; false if somebody else did.
pub async fn claim_outside(tx: &mut Tx, url: &str, known: Outside, until: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM_OUTSIDE, (url, known.due_at, until))? > 0)
}

/// Notes that an outside hub was told of everything up to `version`.
pub async fn told_outside(
    tx: &mut Tx,
    url: &str,
    claimed: Stamp,
    version: i64,
    now: Stamp,
) -> Result<()> {
    change!(tx, TOLD_OUTSIDE, (url, claimed, version, now))?;
    Ok(())
}

/// Puts off a telling that failed.
pub async fn defer_outside(tx: &mut Tx, url: &str, claimed: Stamp, due: Stamp) -> Result<()> {
    change!(tx, DEFER_OUTSIDE, (url, claimed, due))?;
    Ok(())
}

/// The places whose feeds may have changed since a moment, everything apart.
pub async fn changed_places(tx: &mut Tx, since: Stamp) -> Result<Vec<ChangedPlace>> {
    Ok(run!(tx, PLACES, query_as(since), fetch_all)?)
}
