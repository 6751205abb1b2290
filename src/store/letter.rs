//! Letters: the outbox and the ledger in one. Each arrow between states is one guarded statement:
//!
//! ```text
//! queued ──► leased ──► handing ──► accepted
//!   ▲          │           ├──► deferred ──► (leased again when due)
//!   │          │           ├──► refused
//!   └──────────┼───────────┴──► uncertain ──► queued: same bytes, resends + 1
//!              ├──► failed         can't be built, or out of time
//!              └──► cancelled      nobody wants it any more
//! ```
//!
//! A digest that is stopped for a while has its letters `paused` instead of queued.
//!
//! A worker that lost its lease holds an old fence, and changes nothing.

use std::sync::LazyLock;

use crate::access::reach::Reach;
use crate::audience::SubscriberId;
use crate::audience::subscription::SubscriptionId;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::digest::EditionId;
use crate::letter::LetterId;
use crate::letter::LetterPurpose;
use crate::letter::LetterState;
use crate::store::Db;
use crate::store::Errand;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::attempt::Tried;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

/// A page of letters, the newest first, chosen by the rest.
macro_rules! page {
    ($chosen:literal) => {
        concat!(
            "SELECT l.id, l.purpose, l.state, l.digest_id, l.edition_id, l.given_back, l.made_at, l.due_at, l.handing_at,
                    l.finished_at, l.tries, l.resends, COALESCE(r.email, u.email, '') AS email
             FROM letter l LEFT JOIN subscriber r ON r.id = l.subscriber_id LEFT JOIN \"user\" u ON u.id = l.user_id
             WHERE ",
            $chosen,
            " ORDER BY l.id DESC LIMIT $2"
        )
    };
}

statements! {
    ADD = Sql::both(
        "INSERT INTO letter (purpose, subscriber_id, subscription_id, state, lane, made_at, due_at, deadline_at)
         VALUES ($1, $2, $3, 'queued', 0, $4, $4, $5) RETURNING id");
    /// To everybody who may decide on a digest.
    ADD_FOR_EDITORS = Sql::both(
        "INSERT INTO letter (purpose, user_id, digest_id, state, lane, made_at, due_at, deadline_at)
         SELECT $1, id, $2, 'queued', 0, $3, $3, $4 FROM \"user\" u
         WHERE state = 'active' AND role IN ('owner', 'editor') AND (bound = 0 OR EXISTS (
           SELECT 1 FROM user_list y JOIN digest d ON d.list_id = y.list_id WHERE y.user_id = u.id AND d.id = $2))");
    ADD_FOR_OWNERS = Sql::both(
        "INSERT INTO letter (purpose, user_id, state, lane, made_at, due_at, deadline_at)
         SELECT $1, id, 'queued', 0, $2, $2, $3 FROM \"user\" WHERE state = 'active' AND role = 'owner'");
    ADD_TO_USER = Sql::both(
        "INSERT INTO letter (purpose, user_id, state, lane, made_at, due_at, deadline_at)
         VALUES ($1, $2, 'queued', 0, $3, $3, $4)");
    ADD_SAMPLE = Sql::both(
        "INSERT INTO letter (purpose, user_id, template_id, state, lane, made_at, due_at, deadline_at)
         VALUES ('sample', $1, $2, 'queued', 0, $3, $3, $4)");
    COUNT_TO_USER = Sql::both(
        "SELECT COUNT(*) FROM letter WHERE user_id = $1 AND purpose = $2 AND made_at > $3");
    /// Takes due letters of a lane for one worker. Only the row lock differs.
    LEASE = Sql {
        sqlite:
        "UPDATE letter SET state = 'leased', fence = fence + 1, worker = $1, leased_until = $2
         WHERE id IN (SELECT id FROM letter WHERE state IN ('queued', 'deferred') AND lane = $5 AND due_at <= $3
                      ORDER BY due_at LIMIT $4)
         RETURNING id",
        postgres:
        "UPDATE letter SET state = 'leased', fence = fence + 1, worker = $1, leased_until = $2
         WHERE id IN (SELECT id FROM letter WHERE state IN ('queued', 'deferred') AND lane = $5 AND due_at <= $3
                      ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING id",
    };
    LEASED = Sql {
        sqlite:
        "SELECT l.id, l.fence, l.purpose, l.subscriber_id, l.subscription_id, l.user_id, l.digest_id, l.edition_id, l.made_at,
                l.deadline_at, l.lane, l.tries, l.resends, COALESCE(r.email, u.email) AS email, r.language, r.format, COALESCE(s.list_id, d.list_id) AS list_id, l.template_id
         FROM letter l LEFT JOIN subscriber r ON r.id = l.subscriber_id LEFT JOIN subscription s ON s.id = l.subscription_id
              LEFT JOIN \"user\" u ON u.id = l.user_id LEFT JOIN digest d ON d.id = l.digest_id
         WHERE l.id IN (SELECT value FROM json_each($1)) ORDER BY l.lane, l.due_at, l.id",
        postgres:
        "SELECT l.id, l.fence, l.purpose, l.subscriber_id, l.subscription_id, l.user_id, l.digest_id, l.edition_id, l.made_at,
                l.deadline_at, l.lane, l.tries, l.resends, COALESCE(r.email, u.email) AS email, r.language, r.format, COALESCE(s.list_id, d.list_id) AS list_id, l.template_id
         FROM letter l LEFT JOIN subscriber r ON r.id = l.subscriber_id LEFT JOIN subscription s ON s.id = l.subscription_id
              LEFT JOIN \"user\" u ON u.id = l.user_id LEFT JOIN digest d ON d.id = l.digest_id
         WHERE l.id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
         ORDER BY l.lane, l.due_at, l.id",
    };
    /// The gate, the last thing before MAIL FROM: a digest goes only to an active subscription of a
    /// confirmed subscriber, a welcome too, and nothing goes to a suppressed address. From here the
    /// lease counts anew.
    HAND = Sql {
        sqlite:
        "UPDATE letter SET state = 'handing', handing_at = $2, leased_until = $3
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS fence FROM json_each($1, '$.hand')) AS held
         WHERE letter.id = held.id AND letter.fence = held.fence AND letter.state = 'leased'
           AND (EXISTS (SELECT 1 FROM \"user\" u WHERE u.id = letter.user_id AND u.state = 'active')
             OR EXISTS (SELECT 1 FROM subscriber r WHERE r.id = letter.subscriber_id
                         AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
                         AND (letter.purpose NOT IN ('digest', 'welcome') OR (r.state = 'confirmed' AND EXISTS (
                               SELECT 1 FROM subscription s WHERE s.id = letter.subscription_id AND s.state = 'active')))))
         RETURNING letter.id, letter.fence",
        postgres:
        "UPDATE letter SET state = 'handing', handing_at = $2, leased_until = $3
         FROM (SELECT CAST(value ->> 0 AS BIGINT) AS id, CAST(value ->> 1 AS BIGINT) AS fence
               FROM json_array_elements(CAST($1 AS JSON) -> 'hand') AS line (value)) AS held
         WHERE letter.id = held.id AND letter.fence = held.fence AND letter.state = 'leased'
           AND (EXISTS (SELECT 1 FROM \"user\" u WHERE u.id = letter.user_id AND u.state = 'active')
             OR EXISTS (SELECT 1 FROM subscriber r WHERE r.id = letter.subscriber_id
                         AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
                         AND (letter.purpose NOT IN ('digest', 'welcome') OR (r.state = 'confirmed' AND EXISTS (
                               SELECT 1 FROM subscription s WHERE s.id = letter.subscription_id AND s.state = 'active')))))
         RETURNING letter.id, letter.fence",
    };
    /// The hand-over takes longer: the lease counts anew.
    KEEP = Sql::both("UPDATE letter SET leased_until = $3 WHERE id = $1 AND fence = $2 AND state = 'handing'");
    /// What servers said of the letters that they took; before [`ACCEPT`], which has them move.
    TRIED = Sql {
        sqlite:
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         SELECT letter.id, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
         FROM json_each($1, '$.tried') JOIN letter ON letter.id = value ->> 0
         WHERE letter.fence = value ->> 1 AND letter.state = 'handing'",
        postgres:
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         SELECT letter.id, CAST(value ->> 2 AS BIGINT), value ->> 3, value ->> 4, value ->> 5,
                CAST(value ->> 6 AS BIGINT), value ->> 7, value ->> 8
         FROM json_array_elements(CAST($1 AS JSON) -> 'tried') AS line (value)
              JOIN letter ON letter.id = CAST(value ->> 0 AS BIGINT)
         WHERE letter.fence = CAST(value ->> 1 AS BIGINT) AND letter.state = 'handing'",
    };
    ACCEPT = Sql {
        sqlite:
        "UPDATE letter SET state = 'accepted', finished_at = $2, tries = tries + 1
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS fence FROM json_each($1, '$.accept')) AS held
         WHERE letter.id = held.id AND letter.fence = held.fence AND letter.state = 'handing' RETURNING letter.id, letter.fence",
        postgres:
        "UPDATE letter SET state = 'accepted', finished_at = $2, tries = tries + 1
         FROM (SELECT CAST(value ->> 0 AS BIGINT) AS id, CAST(value ->> 1 AS BIGINT) AS fence
               FROM json_array_elements(CAST($1 AS JSON) -> 'accept') AS line (value)) AS held
         WHERE letter.id = held.id AND letter.fence = held.fence AND letter.state = 'handing' RETURNING letter.id, letter.fence",
    };
    REFUSE = Sql::both(
        "UPDATE letter SET state = 'refused', finished_at = $3, tries = tries + 1
         WHERE id = $1 AND fence = $2 AND state = 'handing'");
    DEFER = Sql::both(
        "UPDATE letter SET state = 'deferred', due_at = $3, tries = tries + 1
         WHERE id = $1 AND fence = $2 AND state = 'handing'");
    /// Probably delivered: goes again, the same to the byte, so that receivers can tell.
    REPEAT = Sql::both(
        "UPDATE letter SET state = 'queued', due_at = $3, tries = tries + 1, resends = resends + 1
         WHERE id = $1 AND fence = $2 AND state = 'handing'");
    FAIL = Sql::both(
        "UPDATE letter SET state = 'failed', finished_at = $3 WHERE id = $1 AND fence = $2 AND state = 'leased'");
    CANCEL = Sql::both(
        "UPDATE letter SET state = 'cancelled', finished_at = $3 WHERE id = $1 AND fence = $2 AND state = 'leased'");
    /// Back unopened, and not due before then.
    PUT_OFF = Sql::both(
        "UPDATE letter SET state = 'queued', worker = NULL, due_at = $3 WHERE id = $1 AND fence = $2 AND state = 'leased'");
    /// Back unopened: no server has heard of it.
    RETURN = Sql::both(
        "UPDATE letter SET state = 'queued', worker = NULL WHERE id = $1 AND fence = $2 AND state = 'leased'");
    /// What a dead owner held. On SQLite there is one owner, by the lock file; on PostgreSQL the
    /// lease must have ended.
    TAKE_BACK = Sql::both(
        "UPDATE letter SET state = 'queued', worker = NULL, resends = resends + CASE state WHEN 'handing' THEN 1 ELSE 0 END
         WHERE state IN ('leased', 'handing') AND leased_until <= $1");
    /// What time it is for all workers: those on several machines needn't agree on it otherwise.
    DATABASE_NOW = Sql {
        sqlite: "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        postgres: "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    };
    IS_PUT_OFF = Sql::both(
        "SELECT COUNT(*) FROM (
           SELECT id FROM letter WHERE state IN ('queued', 'deferred') AND lane IN (0, 1)
             AND due_at > $1 AND (tries = 0 OR due_at > $1 + 86400000) LIMIT 1) AS waiting");
    /// Due by a clock that ran ahead: what was never tried is due at once, and nothing else waits for
    /// more than a day.
    WIND_BACK = Sql::both(
        "UPDATE letter SET due_at = $1 WHERE state IN ('queued', 'deferred') AND lane IN (0, 1)
           AND due_at > CASE tries WHEN 0 THEN $1 ELSE $1 + 86400000 END");
    WAITS = Sql::both(
        "SELECT COUNT(*) FROM (SELECT id FROM letter WHERE digest_id = $1 AND purpose = 'digest'
           AND state IN ('queued', 'deferred', 'leased') LIMIT 1) AS waiting");
    PAUSE = Sql::both(
        "UPDATE letter SET state = 'paused' WHERE digest_id = $1 AND purpose = 'digest' AND state IN ('queued', 'deferred', 'leased')");
    RESUME = Sql::both("UPDATE letter SET state = 'queued', due_at = $2 WHERE digest_id = $1 AND purpose = 'digest' AND state = 'paused'");
    /// The reader left: what is not being handed over this moment stays here.
    CANCEL_OF_SUBSCRIPTION = Sql::both(
        "UPDATE letter SET state = 'cancelled', finished_at = $2
         WHERE subscriber_id = (SELECT subscriber_id FROM subscription WHERE id = $1) AND subscription_id = $1
           AND purpose <> 'goodbye' AND state IN ('queued', 'deferred', 'leased', 'paused')");
    /// SQLite would rather read every letter there ever was.
    COUNT_UNFINISHED = Sql {
        sqlite:
        "SELECT (SELECT COUNT(*) FROM letter INDEXED BY letter_due WHERE state IN ('queued', 'deferred'))
              + (SELECT COUNT(*) FROM letter INDEXED BY letter_held WHERE state IN ('leased', 'handing'))",
        postgres:
        "SELECT (SELECT COUNT(*) FROM letter WHERE state IN ('queued', 'deferred'))
              + (SELECT COUNT(*) FROM letter WHERE state IN ('leased', 'handing'))",
    };
    COUNT_UNFINISHED_WITHIN = Sql {
        sqlite:
        "SELECT (SELECT COUNT(*) FROM letter l INDEXED BY letter_due WHERE l.state IN ('queued', 'deferred') AND EXISTS (
                   SELECT 1 FROM subscription s JOIN user_list y ON y.list_id = s.list_id
                   WHERE s.id = l.subscription_id AND y.user_id = $1))
              + (SELECT COUNT(*) FROM letter l INDEXED BY letter_held WHERE l.state IN ('leased', 'handing') AND EXISTS (
                   SELECT 1 FROM subscription s JOIN user_list y ON y.list_id = s.list_id
                   WHERE s.id = l.subscription_id AND y.user_id = $1))",
        postgres:
        "SELECT COUNT(*) FROM letter l WHERE l.state IN ('queued', 'deferred', 'leased', 'handing') AND EXISTS (
           SELECT 1 FROM subscription s JOIN user_list y ON y.list_id = s.list_id
           WHERE s.id = l.subscription_id AND y.user_id = $1)",
    };
    COUNT_ACCEPTED_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM letter l WHERE l.state = 'accepted' AND l.finished_at > $1 AND EXISTS (
           SELECT 1 FROM subscription s JOIN user_list y ON y.list_id = s.list_id
           WHERE s.id = l.subscription_id AND y.user_id = $2)");
    COUNT_ACCEPTED = Sql::both("SELECT COUNT(*) FROM letter WHERE state = 'accepted' AND finished_at > $1");
    NEXT_DUE = Sql::both("SELECT MIN(due_at) FROM letter WHERE state IN ('queued', 'deferred')");
    GET = Sql::both(
        "SELECT l.id, l.purpose, l.state, l.digest_id, l.edition_id, l.given_back, l.made_at, l.due_at, l.handing_at, l.finished_at, l.tries, l.resends,
                COALESCE(r.email, u.email, '') AS email
         FROM letter l LEFT JOIN subscriber r ON r.id = l.subscriber_id LEFT JOIN \"user\" u ON u.id = l.user_id WHERE l.id = $1");
    PAGE = Sql::both(page!("l.id < $1"));
    /// About subscriptions to a user's lists.
    PAGE_WITHIN = Sql::both(page!(
        "l.id < $1 AND ($3 = '' OR l.state = $3) AND EXISTS (
           SELECT 1 FROM subscription s JOIN user_list y ON y.list_id = s.list_id
           WHERE s.id = l.subscription_id AND y.user_id = $4)"));
    IS_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM letter l JOIN subscription s ON s.id = l.subscription_id
              JOIN user_list y ON y.list_id = s.list_id
         WHERE l.id = $1 AND y.user_id = $2");
    PAGE_OF_DIGEST = Sql::both(page!("l.id < $1 AND l.digest_id = $3"));
    PAGE_OF_DIGEST_IN = Sql::both(page!("l.id < $1 AND l.digest_id = $3 AND l.purpose = 'digest' AND l.state = $4"));
    /// By state: each kind of states has an index of its own, but for letters that arrived, which are
    /// nearly all.
    PAGE_WAITING = Sql::both(page!("l.id < $1 AND l.state IN ('queued', 'deferred') AND l.state = $3"));
    PAGE_HELD = Sql::both(page!("l.id < $1 AND l.state IN ('leased', 'handing') AND l.state = $3"));
    PAGE_ACCEPTED = Sql::both(page!("l.id < $1 AND l.state = 'accepted' AND l.state = $3"));
    PAGE_RARE = Sql::both(page!(
        "l.id < $1 AND l.state IN ('refused', 'uncertain', 'failed', 'cancelled', 'paused') AND l.state = $3"));
    OF_SUBSCRIPTION = Sql::both(
        "SELECT l.id, l.purpose, l.state, l.digest_id, l.edition_id, l.given_back, l.made_at, l.due_at, l.handing_at, l.finished_at, l.tries, l.resends,
                COALESCE(r.email, u.email, '') AS email
         FROM letter l LEFT JOIN subscriber r ON r.id = l.subscriber_id LEFT JOIN \"user\" u ON u.id = l.user_id
         WHERE l.subscriber_id = (SELECT subscriber_id FROM subscription WHERE id = $1) AND l.subscription_id = $1
           AND l.purpose = 'digest' ORDER BY l.id DESC LIMIT $2");
    FIND_OF = Sql::both(
        "SELECT l.id, l.purpose, l.state, l.digest_id, l.edition_id, l.given_back, l.made_at, l.due_at, l.handing_at, l.finished_at, l.tries, l.resends,
                COALESCE(r.email, u.email, '') AS email
         FROM letter l LEFT JOIN subscriber r ON r.id = l.subscriber_id LEFT JOIN \"user\" u ON u.id = l.user_id
         WHERE l.digest_id = $1 AND l.subscription_id = $2");
    RETRY = Sql::both(
        "UPDATE letter SET state = 'queued', due_at = $2, deadline_at = $3, finished_at = NULL
         WHERE digest_id = $1 AND purpose = 'digest' AND state IN ('failed', 'refused') AND given_back = 0");
}

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for it: a confirmation, a link.
    Urgent = 0,
    /// A digest.
    Bulk = 1,
}

/// A letter that a worker holds, and whom it's for.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Leased {
    /// Which.
    pub id: LetterId,
    /// The lease's number: what the worker shows with every change.
    pub fence: i64,
    /// What it's for.
    #[sqlx(try_from = "String")]
    pub purpose: LetterPurpose,
    /// Whom it's for; `None` if they were erased meanwhile.
    pub subscriber_id: Option<SubscriberId>,
    /// What it's about.
    pub subscription_id: Option<SubscriptionId>,
    /// Which of the people who look after lists it's for, if it's for one of them.
    pub user_id: Option<i64>,
    /// Its digest.
    pub digest_id: Option<DigestId>,
    /// What it says, for digests.
    pub edition_id: Option<EditionId>,
    /// When it was queued; its `Date`, unless its edition has one.
    pub made_at: Stamp,
    /// When it's no longer worth sending.
    pub deadline_at: Stamp,
    /// Its [`Lane`].
    pub lane: i64,
    /// How often it was tried.
    pub tries: i64,
    /// How often it went out again after a doubt.
    pub resends: i64,
    /// Where to write.
    pub email: Option<String>,
    /// The reader's language.
    pub language: Option<String>,
    /// What their letters are made of.
    pub format: Option<String>,
    /// The list it's about.
    pub list_id: Option<crate::audience::list::ListId>,
    /// What it's a sample of, if it's one.
    pub template_id: Option<i64>,
}

/// A letter as the ledger tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LetterRecord {
    /// Which.
    pub id: LetterId,
    /// What for.
    pub purpose: LetterPurpose,
    /// Where it stands.
    pub state: LetterState,
    /// Its digest.
    pub digest_id: Option<DigestId>,
    /// What it says, for digests.
    pub edition_id: Option<EditionId>,
    /// Whether its articles went back to its reader, to come with their next digest.
    pub given_back: bool,
    /// To whom; empty once they were erased.
    pub email: String,
    /// When it was queued.
    pub made_at: Stamp,
    /// When it's tried next, while it waits.
    pub due_at: Stamp,
    /// When it was last shown to a server.
    pub handing_at: Option<Stamp>,
    /// When it came to rest.
    pub finished_at: Option<Stamp>,
    /// How often it was tried.
    pub tries: i64,
    /// How often it went out again after a doubt.
    pub resends: i64,
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    id: LetterId,
    purpose: String,
    state: String,
    digest_id: Option<DigestId>,
    edition_id: Option<EditionId>,
    given_back: i64,
    email: String,
    made_at: Stamp,
    due_at: Stamp,
    handing_at: Option<Stamp>,
    finished_at: Option<Stamp>,
    tries: i64,
    resends: i64,
}

/// Queues a letter that somebody waits for.
pub async fn add(
    tx: &mut Tx,
    purpose: LetterPurpose,
    (subscriber, subscription): (SubscriberId, Option<SubscriptionId>),
    now: Stamp,
    deadline: Stamp,
) -> Result<LetterId> {
    Ok(run!(
        tx,
        ADD,
        query_scalar(purpose.as_str(), subscriber, subscription, now, deadline),
        fetch_one
    )?)
}

/// Queues a letter to somebody who looks after lists.
pub async fn add_to_user(
    tx: &mut Tx,
    purpose: LetterPurpose,
    user: i64,
    (now, deadline): (Stamp, Stamp),
) -> Result<()> {
    change!(tx, ADD_TO_USER, (purpose.as_str(), user, now, deadline))?;
    Ok(())
}

/// Queues a sample of a template for whoever wrote it.
pub async fn add_sample(
    tx: &mut Tx,
    user: i64,
    template: i64,
    (now, deadline): (Stamp, Stamp),
) -> Result<()> {
    change!(tx, ADD_SAMPLE, (user, template, now, deadline))?;
    Ok(())
}

/// How many letters of this purpose a user was written after a moment.
pub async fn count_to_user(
    tx: &mut Tx,
    purpose: LetterPurpose,
    user: i64,
    after: Stamp,
) -> Result<i64> {
    Ok(run!(
        tx,
        COUNT_TO_USER,
        query_scalar(user, purpose.as_str(), after),
        fetch_one
    )?)
}

/// Queues letters about a digest to everybody who may decide on it. Gives how many.
pub async fn add_for_editors(
    tx: &mut Tx,
    purpose: LetterPurpose,
    digest: DigestId,
    now: Stamp,
    deadline: Stamp,
) -> Result<u64> {
    let purpose = purpose.as_str();
    Ok(change!(
        tx,
        ADD_FOR_EDITORS,
        (purpose, digest, now, deadline)
    )?)
}

/// A letter about the whole to everybody who owns it. Gives how many.
pub async fn add_for_owners(
    tx: &mut Tx,
    purpose: LetterPurpose,
    now: Stamp,
    deadline: Stamp,
) -> Result<u64> {
    Ok(change!(
        tx,
        ADD_FOR_OWNERS,
        (purpose.as_str(), now, deadline)
    )?)
}

/// Takes at most `most` due letters of a lane for a worker until a moment.
pub async fn lease(
    tx: &mut Tx,
    worker: &str,
    (now, until): (Stamp, Stamp),
    (lane, most): (Lane, i64),
) -> Result<Vec<Leased>> {
    let lane = lane as i64;
    let ids: Vec<LetterId> = run!(
        tx,
        LEASE,
        query_scalar(worker, until, now, most, lane),
        fetch_all
    )?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(run!(tx, LEASED, query_as(to_json(&ids)), fetch_all)?)
}

/// What a worker can say of a letter it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrow {
    /// leased → handing, through the gate; ours until then.
    Hand(Stamp),
    /// handing, still; ours until then.
    Keep(Stamp),
    /// handing → accepted.
    Accept,
    /// handing → refused.
    Refuse,
    /// handing → deferred, until then.
    Defer(Stamp),
    /// handing → queued again, until then: probably delivered.
    Repeat(Stamp),
    /// leased → failed.
    Fail,
    /// leased → cancelled.
    Cancel,
    /// leased → queued, as if never taken.
    Return,
    /// leased → queued, not due before then.
    PutOff(Stamp),
}

/// Moves a letter along one arrow. False if it isn't where the arrow begins, or the fence is old,
/// or (for [`Arrow::Hand`]) the gate is shut.
pub async fn go(tx: &mut Tx, id: LetterId, fence: i64, arrow: Arrow, now: Stamp) -> Result<bool> {
    let changed = match arrow {
        Arrow::Hand(until) => {
            let steps = Steps {
                hand: vec![(id, fence)],
                ..Steps::default()
            };
            return Ok(!take_steps(tx, &steps, (now, until)).await?.is_empty());
        }
        Arrow::Accept => {
            let steps = Steps {
                accept: vec![(id, fence)],
                ..Steps::default()
            };
            return Ok(!take_steps(tx, &steps, (now, now)).await?.is_empty());
        }
        Arrow::Keep(until) => change!(tx, KEEP, (id, fence, until))?,
        Arrow::Refuse => change!(tx, REFUSE, (id, fence, now))?,
        Arrow::Defer(due) => change!(tx, DEFER, (id, fence, due))?,
        Arrow::Repeat(due) => change!(tx, REPEAT, (id, fence, due))?,
        Arrow::Fail => change!(tx, FAIL, (id, fence, now))?,
        Arrow::Cancel => change!(tx, CANCEL, (id, fence, now))?,
        Arrow::Return => change!(tx, RETURN, (id, fence))?,
        Arrow::PutOff(due) => change!(tx, PUT_OFF, (id, fence, due))?,
    };
    Ok(changed > 0)
}

/// A letter and the fence of the lease that it's held by.
pub type Held = (LetterId, i64);

/// The two steps that every letter takes, for several letters at once.
#[derive(Debug, Default, serde::Serialize)]
pub struct Steps<'a> {
    /// Those that take [`Arrow::Accept`].
    pub accept: Vec<Held>,
    /// What was said of them.
    pub tried: Vec<Tried<'a>>,
    /// Those that take [`Arrow::Hand`].
    pub hand: Vec<Held>,
}

/// On SQLite all in one go: each time a statement is sent costs more than the statement.
static STEPS: LazyLock<String> =
    LazyLock::new(|| [TRIED, ACCEPT, HAND].map(|sql| sql.sqlite).join(";\n"));

/// The same, and nothing else, in a unit of work.
static WORK: LazyLock<String> =
    LazyLock::new(|| ["BEGIN IMMEDIATE", STEPS.as_str(), "COMMIT"].join(";\n"));

/// Takes the steps in a unit of work of their own, as [`take_steps`] does.
pub async fn take_steps_alone(
    db: &Db,
    steps: &Steps<'_>,
    (now, until): (Stamp, Stamp),
) -> Result<Vec<Held>> {
    if let Db::Sqlite { write, .. } = db {
        let mut errand = Errand::begin(write).await?;
        let work = sqlx::query_as(WORK.as_str());
        let work = work.bind(to_json(steps)).bind(now).bind(until);
        let moved = work.fetch_all(errand.connection()).await?;
        errand.end();
        return Ok(moved);
    }
    let mut tx = db.begin().await?;
    let moved = take_steps(&mut tx, steps, (now, until)).await?;
    tx.commit().await?;
    Ok(moved)
}

/// Takes the steps. Gives those that moved; what pass the gate are ours `until` then.
pub async fn take_steps(
    tx: &mut Tx,
    steps: &Steps<'_>,
    (now, until): (Stamp, Stamp),
) -> Result<Vec<Held>> {
    let all = to_json(steps);
    match tx {
        Tx::Sqlite(tx) => {
            let steps = sqlx::query_as(STEPS.as_str());
            let steps = steps.bind(all).bind(now).bind(until);
            Ok(steps.fetch_all(&mut **tx).await?)
        }
        Tx::Postgres(_) => {
            if !steps.tried.is_empty() {
                change!(tx, TRIED, (&all))?;
            }
            let mut moved: Vec<Held> = Vec::new();
            if !steps.accept.is_empty() {
                moved = run!(tx, ACCEPT, query_as(&all, now), fetch_all)?;
            }
            if !steps.hand.is_empty() {
                let passed: Vec<Held> = run!(tx, HAND, query_as(&all, now, until), fetch_all)?;
                moved.extend(passed);
            }
            Ok(moved)
        }
    }
}

/// Takes back what dead workers held whose leases ended by `ended`. Gives how many.
pub async fn take_back(tx: &mut Tx, ended: Stamp) -> Result<u64> {
    Ok(change!(tx, TAKE_BACK, (ended))?)
}

/// What time it is by the database's clock, which leases go by where several workers share it.
pub async fn database_now(tx: &mut Tx) -> Result<Stamp> {
    Ok(run!(tx, DATABASE_NOW, query_scalar(), fetch_one)?)
}

/// Whether there are such as [`wind_back`] sets right.
pub async fn is_put_off(tx: &mut Tx, now: Stamp) -> Result<bool> {
    let found: i64 = run!(tx, IS_PUT_OFF, query_scalar(now), fetch_one)?;
    Ok(found > 0)
}

/// Sets letters right that a clock which ran ahead has put off. Gives how many.
pub async fn wind_back(tx: &mut Tx, now: Stamp) -> Result<u64> {
    Ok(change!(tx, WIND_BACK, (now))?)
}

/// Whether letters of a digest aren't on their way yet.
pub async fn waits(tx: &mut Tx, digest: DigestId) -> Result<bool> {
    let found: i64 = run!(tx, WAITS, query_scalar(digest), fetch_one)?;
    Ok(found > 0)
}

/// Stops a digest's letters that aren't on their way, for a while. Gives how many.
pub async fn pause(tx: &mut Tx, digest: DigestId) -> Result<u64> {
    Ok(change!(tx, PAUSE, (digest))?)
}

/// Lets a digest's stopped letters go on. Gives how many.
pub async fn resume(tx: &mut Tx, digest: DigestId, now: Stamp) -> Result<u64> {
    Ok(change!(tx, RESUME, (digest, now))?)
}

/// Cancels whatever waits for somebody who left.
pub async fn cancel_of_subscription(tx: &mut Tx, id: SubscriptionId, now: Stamp) -> Result<u64> {
    Ok(change!(tx, CANCEL_OF_SUBSCRIPTION, (id, now))?)
}

/// How many letters are queued, leased, handing or deferred.
pub async fn count_unfinished(tx: &mut Tx, reach: &Reach) -> Result<i64> {
    Ok(if reach.is_bound() {
        let user = reach.user();
        run!(tx, COUNT_UNFINISHED_WITHIN, query_scalar(user), fetch_one)?
    } else {
        run!(tx, COUNT_UNFINISHED, query_scalar(), fetch_one)?
    })
}

/// How many letters a server has taken since.
pub async fn count_accepted(tx: &mut Tx, reach: &Reach, since: Stamp) -> Result<i64> {
    Ok(if reach.is_bound() {
        let user = reach.user();
        run!(
            tx,
            COUNT_ACCEPTED_WITHIN,
            query_scalar(since, user),
            fetch_one
        )?
    } else {
        run!(tx, COUNT_ACCEPTED, query_scalar(since), fetch_one)?
    })
}

/// When the next waiting letter is due.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Stamp>> {
    Ok(run!(tx, NEXT_DUE, query_scalar(), fetch_one)?)
}

/// One letter.
pub async fn find(tx: &mut Tx, id: LetterId) -> Result<Option<LetterRecord>> {
    let row: Option<RecordRow> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.map(record).transpose()
}

/// The same, if it's about a subscription within reach.
pub async fn find_within(tx: &mut Tx, reach: &Reach, id: LetterId) -> Result<Option<LetterRecord>> {
    if reach.is_bound() {
        let user = reach.user();
        let found: i64 = run!(tx, IS_WITHIN, query_scalar(id, user), fetch_one)?;
        if found == 0 {
            return Ok(None);
        }
    }
    find(tx, id).await
}

/// A page of the letters within reach, in a state if it's given.
pub async fn page_within(
    tx: &mut Tx,
    reach: &Reach,
    before: Option<LetterId>,
    state: Option<LetterState>,
    limit: i64,
) -> Result<Vec<LetterRecord>> {
    if !reach.is_bound() {
        return page(tx, before, None, state, limit).await;
    }
    let before = before.map_or(i64::MAX, |id| id.0);
    let state = state.map_or("", LetterState::as_str);
    let rows: Vec<RecordRow> = run!(
        tx,
        PAGE_WITHIN,
        query_as(before, limit, state, reach.user()),
        fetch_all
    )?;
    rows.into_iter().map(record).collect()
}

/// At most `limit` digests of one subscription, newest first.
pub async fn of_subscription(
    tx: &mut Tx,
    id: SubscriptionId,
    limit: i64,
) -> Result<Vec<LetterRecord>> {
    let rows: Vec<RecordRow> = run!(tx, OF_SUBSCRIPTION, query_as(id, limit), fetch_all)?;
    rows.into_iter().map(record).collect()
}

/// What a digest is to one subscription.
pub async fn find_of(
    tx: &mut Tx,
    digest: DigestId,
    subscription: SubscriptionId,
) -> Result<Option<LetterRecord>> {
    let row: Option<RecordRow> = run!(tx, FIND_OF, query_as(digest, subscription), fetch_optional)?;
    row.map(record).transpose()
}

/// At most `limit` letters, newest first, numbered below `before`, of a digest and in a state if
/// given.
pub async fn page(
    tx: &mut Tx,
    before: Option<LetterId>,
    digest: Option<DigestId>,
    state: Option<LetterState>,
    limit: i64,
) -> Result<Vec<LetterRecord>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let rows: Vec<RecordRow> = match (digest, state) {
        (None, None) => run!(tx, PAGE, query_as(before, limit), fetch_all)?,
        (None, Some(state)) => {
            let kind = kind_of(state);
            run!(tx, kind, query_as(before, limit, state.as_str()), fetch_all)?
        }
        (Some(digest), None) => run!(
            tx,
            PAGE_OF_DIGEST,
            query_as(before, limit, digest),
            fetch_all
        )?,
        (Some(digest), Some(state)) => {
            let state = state.as_str();
            run!(
                tx,
                PAGE_OF_DIGEST_IN,
                query_as(before, limit, digest, state),
                fetch_all
            )?
        }
    };
    rows.into_iter().map(record).collect()
}

/// The statement that finds letters in this state.
fn kind_of(state: LetterState) -> Sql {
    match state {
        LetterState::Queued | LetterState::Deferred => PAGE_WAITING,
        LetterState::Leased | LetterState::Handing => PAGE_HELD,
        LetterState::Accepted => PAGE_ACCEPTED,
        LetterState::Refused
        | LetterState::Uncertain
        | LetterState::Failed
        | LetterState::Cancelled
        | LetterState::Paused => PAGE_RARE,
    }
}

/// Queues again what failed or was refused. Gives how many.
pub async fn retry(tx: &mut Tx, digest: DigestId, now: Stamp, deadline: Stamp) -> Result<u64> {
    Ok(change!(tx, RETRY, (digest, now, deadline))?)
}

fn record(row: RecordRow) -> Result<LetterRecord> {
    Ok(LetterRecord {
        id: row.id,
        purpose: parsed(&row.purpose, "letter", "purpose", row.id.0)?,
        state: parsed(&row.state, "letter", "state", row.id.0)?,
        digest_id: row.digest_id,
        edition_id: row.edition_id,
        given_back: row.given_back != 0,
        email: row.email,
        made_at: row.made_at,
        due_at: row.due_at,
        handing_at: row.handing_at,
        finished_at: row.finished_at,
        tries: row.tries,
        resends: row.resends,
    })
}
