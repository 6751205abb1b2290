//! Subscriptions.

use crate::access::reach::Reach;
use crate::article::Seq;
use crate::audience::SubscriberId;
use crate::audience::list::Cadence;
use crate::audience::list::Hour;
use crate::audience::list::ListId;
use crate::audience::pace::Days;
use crate::audience::subscription::Rhythm;
use crate::audience::subscription::RhythmId;
use crate::audience::subscription::Subscription;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::SubscriptionState;
use crate::audience::subscription::TopicChoice;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    /// Asking again while it's asked for or ended sets the new choice; an active one is left as its
    /// owner has it.
    ASK = Sql::both(
        "INSERT INTO subscription (subscriber_id, list_id, rhythm_id, topics_key, cursor_seq, state, asked_at)
         VALUES ($1, $2, $3, $4, 0, 'asked', $5)
         ON CONFLICT (subscriber_id, list_id) DO UPDATE SET rhythm_id = excluded.rhythm_id,
           topics_key = excluded.topics_key, state = 'asked', asked_at = excluded.asked_at
           WHERE subscription.state IN ('asked', 'ended')
         RETURNING id");
    GET = Sql::both(
        "SELECT s.id, s.subscriber_id, s.list_id, s.rhythm_id, s.topics_key, s.cursor_seq, s.owed, s.apart, s.state, s.active_at,
                s.ended_at, s.paused_until, h.cadence, h.days, h.hour, h.zone, h.next_at
         FROM subscription s JOIN rhythm h ON h.id = s.rhythm_id WHERE s.id = $1");
    OF_SUBSCRIBER = Sql::both(
        "SELECT s.id, s.subscriber_id, s.list_id, s.rhythm_id, s.topics_key, s.cursor_seq, s.owed, s.apart, s.state, s.active_at,
                s.ended_at, s.paused_until, h.cadence, h.days, h.hour, h.zone, h.next_at
         FROM subscription s JOIN rhythm h ON h.id = s.rhythm_id WHERE s.subscriber_id = $1 ORDER BY s.id");
    AFTER = Sql::both(
        "SELECT s.id, s.subscriber_id, s.list_id, s.rhythm_id, s.topics_key, s.cursor_seq, s.owed, s.apart, s.state, s.active_at,
                s.ended_at, s.paused_until, h.cadence, h.days, h.hour, h.zone, h.next_at
         FROM subscription s JOIN rhythm h ON h.id = s.rhythm_id WHERE s.id > $1 ORDER BY s.id LIMIT $2");
    /// A window begins where the reader joins: what came before is on the site.
    ACTIVATE = Sql::both(
        "UPDATE subscription SET state = 'active', active_at = $2, ended_at = NULL,
                owed = '', apart = '',
                cursor_seq = (SELECT value FROM counter WHERE name = 'article')
         WHERE id = $1 AND state = 'asked'");
    END = Sql::both(
        "UPDATE subscription SET state = 'ended', ended_at = $2, paused_until = NULL WHERE id = $1 AND state <> 'ended'");
    /// The cursor stays: what comes out meanwhile is in the first digest afterwards.
    PAUSE = Sql::both(
        "UPDATE subscription SET state = 'paused', paused_until = $2 WHERE id = $1 AND state IN ('active', 'paused')");
    RESUME = Sql::both("UPDATE subscription SET state = 'active', paused_until = NULL WHERE id = $1 AND state = 'paused'");
    RESUME_DUE = Sql::both(
        "UPDATE subscription SET state = 'active', paused_until = NULL WHERE state = 'paused' AND paused_until <= $1");
    COME_BACK = Sql::both(
        "UPDATE subscription SET state = 'active', ended_at = NULL
         WHERE id = $1 AND state = 'ended' AND ended_at > $2 AND active_at IS NOT NULL");
    CHOOSE = Sql::both("UPDATE subscription SET rhythm_id = $2, topics_key = $3 WHERE id = $1");
    FEED_TURN = Sql::both("SELECT feed_turn FROM subscription WHERE id = $1");
    /// To the next odd number.
    OPEN_FEED = Sql::both("UPDATE subscription SET feed_turn = feed_turn + 1 + feed_turn % 2 WHERE id = $1 RETURNING feed_turn");
    /// To the next even number.
    CLOSE_FEED = Sql::both("UPDATE subscription SET feed_turn = feed_turn + feed_turn % 2 WHERE id = $1");
    /// By list, since that is what the index begins with.
    COUNT_ACTIVE = Sql::both(
        "SELECT COUNT(*) FROM list l CROSS JOIN subscription s WHERE s.list_id = l.id AND s.state = 'active'");
    COUNT_ACTIVE_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM user_list y CROSS JOIN subscription s
         WHERE y.user_id = $1 AND s.list_id = y.list_id AND s.state = 'active'");
    /// No further than that.
    COUNT = Sql::both("SELECT COUNT(*) FROM (SELECT id FROM subscription LIMIT $1) AS few");
    COUNT_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM (SELECT s.id FROM user_list y CROSS JOIN subscription s
           WHERE y.user_id = $2 AND s.list_id = y.list_id LIMIT $1) AS few");
    /// By the beginning of the address; each database has its own way to look that up in the index.
    COUNT_OF = Sql {
        sqlite:
        "SELECT COUNT(*) FROM (SELECT s.id FROM subscriber r CROSS JOIN subscription s
           WHERE s.subscriber_id = r.id AND r.email_key >= $2 AND r.email_key < $2 || char(1114111)
             AND ($3 = 0 OR s.list_id IN (SELECT list_id FROM user_list WHERE user_id = $3)) LIMIT $1) AS few",
        postgres:
        "SELECT COUNT(*) FROM (SELECT s.id FROM subscriber r CROSS JOIN subscription s
           WHERE s.subscriber_id = r.id AND starts_with(r.email_key, $2)
             AND ($3 = 0 OR s.list_id IN (SELECT list_id FROM user_list WHERE user_id = $3)) LIMIT $1) AS few",
    };
    /// The newest first: joined from the left, so that it's read in that order.
    PAGE = Sql::both(
        "SELECT s.id, s.subscriber_id, r.email, r.name, l.name AS list, h.cadence, s.state,
                CASE s.state WHEN 'ended' THEN COALESCE(s.ended_at, s.asked_at)
                             WHEN 'asked' THEN s.asked_at ELSE COALESCE(s.active_at, s.asked_at) END AS since
         FROM subscription s LEFT JOIN subscriber r ON r.id = s.subscriber_id
              LEFT JOIN list l ON l.id = s.list_id LEFT JOIN rhythm h ON h.id = s.rhythm_id
         WHERE s.id < $1 AND ($3 = 0 OR s.list_id IN (SELECT list_id FROM user_list WHERE user_id = $3))
         ORDER BY s.id DESC LIMIT $2");
    /// The addresses first, then those who have them, so that a rare beginning is found at once. All that is
    /// asked of the many before the few are chosen is in an index.
    PAGE_OF = Sql {
        sqlite:
        "SELECT s.id, s.subscriber_id, r.email, r.name, l.name AS list, h.cadence, s.state,
                CASE s.state WHEN 'ended' THEN COALESCE(s.ended_at, s.asked_at)
                             WHEN 'asked' THEN s.asked_at ELSE COALESCE(s.active_at, s.asked_at) END AS since
         FROM (SELECT s.id FROM subscriber r CROSS JOIN subscription s
               WHERE s.subscriber_id = r.id AND r.email_key >= $1 AND r.email_key < $1 || char(1114111)
                 AND +s.id < $2 AND ($4 = 0 OR s.list_id IN (SELECT list_id FROM user_list WHERE user_id = $4))
               ORDER BY s.id DESC LIMIT $3) AS found
              CROSS JOIN subscription s ON s.id = found.id JOIN subscriber r ON r.id = s.subscriber_id
              JOIN list l ON l.id = s.list_id JOIN rhythm h ON h.id = s.rhythm_id
         ORDER BY s.id DESC",
        postgres:
        "SELECT s.id, s.subscriber_id, r.email, r.name, l.name AS list, h.cadence, s.state,
                CASE s.state WHEN 'ended' THEN COALESCE(s.ended_at, s.asked_at)
                             WHEN 'asked' THEN s.asked_at ELSE COALESCE(s.active_at, s.asked_at) END AS since
         FROM subscription s JOIN subscriber r ON r.id = s.subscriber_id
              JOIN list l ON l.id = s.list_id JOIN rhythm h ON h.id = s.rhythm_id
         WHERE starts_with(r.email_key, $1) AND s.id < $2
           AND ($4 = 0 OR s.list_id IN (SELECT list_id FROM user_list WHERE user_id = $4))
         ORDER BY s.id DESC LIMIT $3",
    };
}

#[derive(sqlx::FromRow)]
struct SubscriptionRow {
    id: i64,
    subscriber_id: SubscriberId,
    list_id: ListId,
    rhythm_id: RhythmId,
    topics_key: String,
    cursor_seq: Seq,
    owed: String,
    apart: String,
    state: String,
    active_at: Option<Stamp>,
    cadence: String,
    days: i64,
    hour: i64,
    zone: String,
    next_at: Stamp,
    ended_at: Option<Stamp>,
    paused_until: Option<Stamp>,
}

/// A subscription as people who look after lists see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Which.
    pub id: SubscriptionId,
    /// Whose: the number.
    pub subscriber: SubscriberId,
    /// Whose: the address.
    pub email: String,
    /// Whose: the name, may be empty.
    pub name: String,
    /// To what: the list's name.
    pub list: String,
    /// How often.
    pub cadence: Cadence,
    /// Where it stands.
    pub state: SubscriptionState,
    /// Since when it stands there.
    pub since: Stamp,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: i64,
    subscriber_id: SubscriberId,
    email: String,
    name: String,
    list: String,
    cadence: String,
    state: String,
    since: Stamp,
}

/// Asks for a list. `None` if there is an active or paused subscription already.
pub async fn ask(
    tx: &mut Tx,
    (subscriber, list): (SubscriberId, ListId),
    rhythm: RhythmId,
    topics: &TopicChoice,
    now: Stamp,
) -> Result<Option<SubscriptionId>> {
    Ok(run!(
        tx,
        ASK,
        query_scalar(subscriber, list, rhythm, topics.to_string(), now),
        fetch_optional
    )?)
}

/// The subscription with this number.
pub async fn find(tx: &mut Tx, id: SubscriptionId) -> Result<Option<Subscription>> {
    let row: Option<SubscriptionRow> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.as_ref().map(subscription).transpose()
}

/// Everything a subscriber gets, asked for, or left.
pub async fn of_subscriber(tx: &mut Tx, id: SubscriberId) -> Result<Vec<Subscription>> {
    let rows: Vec<SubscriptionRow> = run!(tx, OF_SUBSCRIBER, query_as(id), fetch_all)?;
    rows.iter().map(subscription).collect()
}

/// At most `limit` subscriptions after a number, in order.
pub async fn after(tx: &mut Tx, after: SubscriptionId, limit: i64) -> Result<Vec<Subscription>> {
    let rows: Vec<SubscriptionRow> = run!(tx, AFTER, query_as(after, limit), fetch_all)?;
    rows.iter().map(subscription).collect()
}

/// Begins, after the last article that is published now. False if it wasn't waiting to begin.
pub async fn activate(tx: &mut Tx, id: SubscriptionId, now: Stamp) -> Result<bool> {
    Ok(change!(tx, ACTIVATE, (id, now))? > 0)
}

/// Ends. False if it had.
pub async fn end(tx: &mut Tx, id: SubscriptionId, now: Stamp) -> Result<bool> {
    Ok(change!(tx, END, (id, now))? > 0)
}

/// Rests until a moment. False if there is nothing to rest from.
pub async fn pause(tx: &mut Tx, id: SubscriptionId, until: Stamp) -> Result<bool> {
    Ok(change!(tx, PAUSE, (id, until))? > 0)
}

/// Goes on. False if it wasn't paused.
pub async fn resume(tx: &mut Tx, id: SubscriptionId) -> Result<bool> {
    Ok(change!(tx, RESUME, (id))? > 0)
}

/// Has every pause that is over end. Gives how many.
pub async fn resume_due(tx: &mut Tx, now: Stamp) -> Result<u64> {
    Ok(change!(tx, RESUME_DUE, (now))?)
}

/// Takes back the end of one that was active, unless that was longer ago. The cursor is where it
/// was.
pub async fn come_back(tx: &mut Tx, id: SubscriptionId, since: Stamp) -> Result<bool> {
    Ok(change!(tx, COME_BACK, (id, since))? > 0)
}

/// Sets rhythm and topics; the cursor stays, so nothing is repeated or lost.
pub async fn choose(
    tx: &mut Tx,
    id: SubscriptionId,
    rhythm: RhythmId,
    topics: &TopicChoice,
) -> Result<()> {
    change!(tx, CHOOSE, (id, rhythm, topics.to_string()))?;
    Ok(())
}

/// Which turn the subscription's private feed has; `None` while it has none.
pub async fn feed_turn(tx: &mut Tx, id: SubscriptionId) -> Result<Option<i64>> {
    let turn: Option<i64> = run!(tx, FEED_TURN, query_scalar(id), fetch_optional)?;
    Ok(turn.filter(|turn| turn % 2 == 1))
}

/// Gives the subscription a private feed, or its feed a new turn, which ends the one before.
pub async fn open_feed(tx: &mut Tx, id: SubscriptionId) -> Result<i64> {
    Ok(run!(tx, OPEN_FEED, query_scalar(id), fetch_one)?)
}

/// Takes the private feed away, if there is one.
pub async fn close_feed(tx: &mut Tx, id: SubscriptionId) -> Result<()> {
    change!(tx, CLOSE_FEED, (id))?;
    Ok(())
}

/// How many of those within reach get digests.
pub async fn count_active(tx: &mut Tx, reach: &Reach) -> Result<i64> {
    Ok(if reach.is_bound() {
        run!(
            tx,
            COUNT_ACTIVE_WITHIN,
            query_scalar(reach.user()),
            fetch_one
        )?
    } else {
        run!(tx, COUNT_ACTIVE, query_scalar(), fetch_one)?
    })
}

/// How many there are within reach, in whatever state, to addresses that begin so (in lower case;
/// empty for all): at most `most`.
pub async fn count(tx: &mut Tx, reach: &Reach, beginning: &str, most: i64) -> Result<i64> {
    let user = reach.user();
    Ok(if !beginning.is_empty() {
        run!(tx, COUNT_OF, query_scalar(most, beginning, user), fetch_one)?
    } else if reach.is_bound() {
        run!(tx, COUNT_WITHIN, query_scalar(most, user), fetch_one)?
    } else {
        run!(tx, COUNT, query_scalar(most), fetch_one)?
    })
}

/// At most `limit` of those, newest first, numbered below `before`.
pub async fn page(
    tx: &mut Tx,
    reach: &Reach,
    beginning: &str,
    before: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let (before, user) = (before.map_or(i64::MAX, |id| id.0), reach.user());
    let rows: Vec<ListedRow> = if beginning.is_empty() {
        run!(tx, PAGE, query_as(before, limit, user), fetch_all)?
    } else {
        run!(
            tx,
            PAGE_OF,
            query_as(beginning, before, limit, user),
            fetch_all
        )?
    };
    rows.into_iter().map(listed).collect()
}

fn listed(row: ListedRow) -> Result<Listed> {
    let id = row.id;
    Ok(Listed {
        id: SubscriptionId(id),
        subscriber: row.subscriber_id,
        email: row.email,
        name: row.name,
        list: row.list,
        cadence: parsed(&row.cadence, "rhythm", "cadence", id)?,
        state: state(&row.state, id)?,
        since: row.since,
    })
}

fn state(word: &str, id: i64) -> Result<SubscriptionState> {
    match word {
        "asked" => Ok(SubscriptionState::Asked),
        "active" => Ok(SubscriptionState::Active),
        "paused" => Ok(SubscriptionState::Paused),
        "ended" => Ok(SubscriptionState::Ended),
        other => Err(broken("subscription", "state", id, &other)),
    }
}

fn subscription(row: &SubscriptionRow) -> Result<Subscription> {
    let id = row.id;
    let rhythm = Rhythm {
        id: row.rhythm_id,
        list_id: row.list_id,
        cadence: parsed(&row.cadence, "rhythm", "cadence", row.rhythm_id.0)?,
        days: Days::try_from(row.days)
            .map_err(|problem| broken("rhythm", "days", row.rhythm_id.0, &problem))?,
        hour: Hour::try_from(row.hour)
            .map_err(|problem| broken("rhythm", "hour", row.rhythm_id.0, &problem))?,
        zone: parsed(&row.zone, "rhythm", "zone", row.rhythm_id.0)?,
        next_at: row.next_at,
    };
    Ok(Subscription {
        id: SubscriptionId(id),
        subscriber_id: row.subscriber_id,
        list_id: row.list_id,
        rhythm,
        topics: parsed(&row.topics_key, "subscription", "topics_key", id)?,
        cursor: row.cursor_seq,
        owed: parsed(&row.owed, "subscription", "owed", id)?,
        apart: parsed(&row.apart, "subscription", "apart", id)?,
        state: state(&row.state, id)?,
        active_at: row.active_at,
        ended_at: row.ended_at,
        paused_until: row.paused_until,
    })
}
