//! The planning of letters: set by set, never a reader at a time.

use crate::article::Seq;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::TopicChoice;
use crate::clock::Stamp;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::EditionId;
use crate::digest::window::Served;
use crate::locale::Language;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    /// Who is yet to be planned, as groups that get the same, after the group given: topics, how
    /// far they're served, and language. They're read in the order of their numbers, as they lie on disk.
    /// Nearly nobody is owed anything; an index knows who is, and the `+` has it used. Who had a letter of
    /// this digest before, and is owed what it held, gets it with the next one.
    GROUPS = Sql::both(
        "SELECT topics_key, cursor_seq, owed, apart, language FROM (
           SELECT DISTINCT s.topics_key, s.cursor_seq, s.owed, s.apart, r.language
           FROM subscription s JOIN subscriber r ON r.id = s.subscriber_id
           WHERE s.id IN (
             SELECT s.id FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id
             WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
               AND s.state = 'active' AND s.cursor_seq < $4)
           UNION ALL
           SELECT DISTINCT s.topics_key, s.cursor_seq, s.owed, s.apart, r.language
           FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
           WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
             AND s.state = 'active' AND s.owed <> '' AND +s.cursor_seq >= $4
             AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.digest_id = $10 AND l.subscription_id = s.id)
         ) AS waiting
         WHERE (topics_key, cursor_seq, owed, apart, language) > ($5, $6, $7, $8, $9)
         ORDER BY topics_key, cursor_seq, owed, apart, language LIMIT 200");
    /// How many readers are in some groups, whatever their language: no further than $5, which an index tells.
    AMONG = Sql {
        sqlite:
        "WITH turn AS MATERIALIZED (SELECT DISTINCT value ->> 0 AS topics_key, value ->> 1 AS cursor_seq FROM json_each($1))
         SELECT COUNT(*) FROM (
           SELECT s.id FROM turn CROSS JOIN rhythm h CROSS JOIN subscription s
           WHERE h.list_id = $2 AND (h.cadence = $3 OR $3 = '') AND (h.id = $4 OR $4 = 0) AND s.rhythm_id = h.id
             AND s.state = 'active' AND s.cursor_seq = turn.cursor_seq AND s.topics_key = turn.topics_key LIMIT $5) AS few",
        postgres:
        "WITH turn AS (
           SELECT DISTINCT value ->> 0 AS topics_key, CAST(value ->> 1 AS BIGINT) AS cursor_seq
           FROM json_array_elements(CAST($1 AS JSON)) AS line (value))
         SELECT COUNT(*) FROM (
           SELECT s.id FROM turn CROSS JOIN rhythm h CROSS JOIN subscription s
           WHERE h.list_id = $2 AND (h.cadence = $3 OR $3 = '') AND (h.id = $4 OR $4 = 0) AND s.rhythm_id = h.id
             AND s.state = 'active' AND s.cursor_seq = turn.cursor_seq AND s.topics_key = turn.topics_key LIMIT $5) AS few",
    };
    /// Where the widest window begins.
    FLOOR = Sql::both(
        "SELECT MIN(s.cursor_seq) FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id
         WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
           AND s.state = 'active' AND s.cursor_seq < $4");
    /// The digest's row stays locked until the commit: it isn't cancelled, and nobody else plans
    /// it, meanwhile.
    HOLD = Sql::both("UPDATE digest SET state = state WHERE id = $1 AND state = 'planning'");
    /// The next so many readers of a group are served up to there, letter or none. On PostgreSQL
    /// their rows are locked first, or another digest planned at the same moment would give them
    /// the same window; SQLite has but one writer.
    MOVE = Sql {
        sqlite:
        "UPDATE subscription SET cursor_seq = $10, owed = $11, apart = $12 WHERE id IN (
           SELECT s.id
           FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
           WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
             AND s.state = 'active' AND s.topics_key = $4 AND s.cursor_seq = $5
             AND s.owed = $6 AND s.apart = $7 AND r.language = $8
             AND ($6 = '' OR NOT EXISTS (SELECT 1 FROM letter l WHERE l.digest_id = $13 AND l.subscription_id = s.id))
           ORDER BY s.id LIMIT $9)
         RETURNING id",
        postgres:
        "UPDATE subscription SET cursor_seq = $10, owed = $11, apart = $12 WHERE id IN (
           SELECT s.id
           FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
           WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
             AND s.state = 'active' AND s.topics_key = $4 AND s.cursor_seq = $5
             AND s.owed = $6 AND s.apart = $7 AND r.language = $8
             AND ($6 = '' OR NOT EXISTS (SELECT 1 FROM letter l WHERE l.digest_id = $13 AND l.subscription_id = s.id))
           ORDER BY s.id LIMIT $9 FOR UPDATE OF s)
         RETURNING id",
    };
    /// The last of the next so many readers of a list. On PostgreSQL they stay as they are until the
    /// commit, as for [`MOVE`].
    LAST = Sql {
        sqlite:
        "SELECT MAX(id) FROM (
           SELECT id FROM subscription WHERE list_id = $1 AND state = 'active' AND id > $2 ORDER BY id LIMIT $3)",
        postgres:
        "SELECT MAX(id) FROM (
           SELECT id FROM subscription WHERE list_id = $1 AND state = 'active' AND id > $2 ORDER BY id LIMIT $3 FOR UPDATE
         ) AS next",
    };
    /// One letter for each reader of many groups whom we may write to, from one number to another: what
    /// is next to each other on disk is written together.
    QUEUE_ACROSS = Sql {
        sqlite:
        "WITH turn AS MATERIALIZED (
           SELECT value ->> 0 AS topics_key, value ->> 1 AS cursor_seq, value ->> 2 AS language, value ->> 3 AS edition_id
           FROM json_each($1))
         INSERT INTO letter (purpose, subscriber_id, subscription_id, digest_id, edition_id, state, lane, made_at, due_at, deadline_at)
         SELECT 'digest', s.subscriber_id, s.id, $2, turn.edition_id, 'queued', 1, $3, $3, $4
         FROM subscription s CROSS JOIN rhythm h ON h.id = s.rhythm_id CROSS JOIN subscriber r ON r.id = s.subscriber_id
              CROSS JOIN turn ON turn.topics_key = s.topics_key AND turn.cursor_seq = s.cursor_seq AND turn.language = r.language
         WHERE s.list_id = $5 AND s.state = 'active' AND s.id > $6 AND s.id <= $7 AND s.owed = '' AND s.apart = ''
           AND (h.cadence = $8 OR $8 = '') AND (h.id = $9 OR $9 = 0) AND r.state = 'confirmed'
           AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
         ORDER BY s.id ON CONFLICT (digest_id, subscription_id) DO NOTHING",
        postgres:
        "WITH turn AS (
           SELECT value ->> 0 AS topics_key, CAST(value ->> 1 AS BIGINT) AS cursor_seq, value ->> 2 AS language,
                  CAST(value ->> 3 AS BIGINT) AS edition_id
           FROM json_array_elements(CAST($1 AS JSON)) AS line (value))
         INSERT INTO letter (purpose, subscriber_id, subscription_id, digest_id, edition_id, state, lane, made_at, due_at, deadline_at)
         SELECT 'digest', s.subscriber_id, s.id, $2, turn.edition_id, 'queued', 1, $3, $3, $4
         FROM subscription s JOIN rhythm h ON h.id = s.rhythm_id JOIN subscriber r ON r.id = s.subscriber_id
              JOIN turn ON turn.topics_key = s.topics_key AND turn.cursor_seq = s.cursor_seq AND turn.language = r.language
         WHERE s.list_id = $5 AND s.state = 'active' AND s.id > $6 AND s.id <= $7 AND s.owed = '' AND s.apart = ''
           AND (h.cadence = $8 OR $8 = '') AND (h.id = $9 OR $9 = 0) AND r.state = 'confirmed'
           AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
         ORDER BY s.id ON CONFLICT (digest_id, subscription_id) DO NOTHING",
    };
    /// Whoever has just got a letter is served.
    SERVE_ACROSS = Sql::both(
        "UPDATE subscription SET cursor_seq = $1
         WHERE cursor_seq < $1 AND owed = '' AND apart = '' AND state = 'active' AND id IN (
           SELECT subscription_id FROM letter WHERE digest_id = $2 AND subscription_id > $3 AND subscription_id <= $4)");
    COUNT_ON = Sql::both("UPDATE digest SET letters = letters + $2 WHERE id = $1");
    /// One letter for each reader of a chunk whom we may write to.
    QUEUE = Sql {
        sqlite:
        "INSERT INTO letter (purpose, subscriber_id, subscription_id, digest_id, edition_id, state, lane, made_at, due_at, deadline_at)
         SELECT 'digest', s.subscriber_id, s.id, $2, $3, 'queued', 1, $4, $4, $5
         FROM subscription s JOIN subscriber r ON r.id = s.subscriber_id
         WHERE s.id IN (SELECT value FROM json_each($1)) AND r.state = 'confirmed'
           AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
         ON CONFLICT (digest_id, subscription_id) DO NOTHING",
        postgres:
        "INSERT INTO letter (purpose, subscriber_id, subscription_id, digest_id, edition_id, state, lane, made_at, due_at, deadline_at)
         SELECT 'digest', s.subscriber_id, s.id, $2, $3, 'queued', 1, $4, $4, $5
         FROM subscription s JOIN subscriber r ON r.id = s.subscriber_id
         WHERE s.id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))) AND r.state = 'confirmed'
           AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
         ON CONFLICT (digest_id, subscription_id) DO NOTHING",
    };
}

/// Readers who get the same: what a plan goes by. The words as they're in the database.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Group {
    topics_key: String,
    cursor_seq: Seq,
    owed: String,
    apart: String,
    language: String,
}

impl Group {
    /// No group: all come after it.
    pub fn none() -> Self {
        Self {
            topics_key: String::new(),
            cursor_seq: Seq(-1),
            owed: String::new(),
            apart: String::new(),
            language: String::new(),
        }
    }

    /// Whether they lack all that came since, and nothing else.
    pub fn is_plain(&self) -> bool {
        self.owed.is_empty() && self.apart.is_empty()
    }

    /// What they chose.
    pub fn topics(&self) -> Result<TopicChoice> {
        parsed(&self.topics_key, "subscription", "topics_key", 0)
    }

    /// How far they have been served.
    pub fn served(&self) -> Result<Served> {
        Ok(Served {
            cursor: self.cursor_seq,
            owed: parsed(&self.owed, "subscription", "owed", 0)?,
            apart: parsed(&self.apart, "subscription", "apart", 0)?,
        })
    }

    /// What they read.
    pub fn language(&self) -> Result<Language> {
        parsed(&self.language, "subscriber", "language", 0)
    }
}

/// At most 200 groups that have yet to be planned, after one. Planning one takes it off this list,
/// unless it's left to wait.
pub async fn groups(tx: &mut Tx, digest: &Digest, after: &Group) -> Result<Vec<Group>> {
    Ok(run!(
        tx,
        GROUPS,
        query_as(
            digest.list_id,
            cadence_or_any(digest),
            rhythm_or_any(digest),
            digest.critical.unwrap_or(digest.to_seq),
            &after.topics_key,
            after.cursor_seq,
            &after.owed,
            &after.apart,
            &after.language,
            digest.id
        ),
        fetch_all
    )?)
}

/// Where the widest window of a digest begins: at its own end, if all windows are past it.
pub async fn floor(tx: &mut Tx, digest: &Digest) -> Result<Seq> {
    let floor: Option<Seq> = run!(
        tx,
        FLOOR,
        query_scalar(
            digest.list_id,
            cadence_or_any(digest),
            rhythm_or_any(digest),
            digest.to_seq
        ),
        fetch_one
    )?;
    Ok(floor.unwrap_or(digest.to_seq))
}

/// Keeps a digest in planning until the commit: nobody cancels it or plans it meanwhile. False if
/// it isn't in planning.
pub async fn hold(tx: &mut Tx, id: DigestId) -> Result<bool> {
    Ok(change!(tx, HOLD, (id))? > 0)
}

/// Moves the next so many readers of a group on, and queues letters with this edition for them, if
/// there is one. Gives how many letters, or `None` when the group is done or the digest isn't in
/// planning any more. `then` must not be what they are served already.
pub async fn chunk(
    tx: &mut Tx,
    digest: &Digest,
    group: &Group,
    (edition, then): (Option<EditionId>, &Served),
    (most, now, deadline): (i64, Stamp, Stamp),
) -> Result<Option<u64>> {
    if !hold(tx, digest.id).await? {
        return Ok(None);
    }
    let moved: Vec<SubscriptionId> = run!(
        tx,
        MOVE,
        query_scalar(
            digest.list_id,
            cadence_or_any(digest),
            rhythm_or_any(digest),
            &group.topics_key,
            group.cursor_seq,
            &group.owed,
            &group.apart,
            &group.language,
            most,
            then.cursor,
            then.owed.to_string(),
            then.apart.to_string(),
            digest.id
        ),
        fetch_all
    )?;
    if moved.is_empty() {
        return Ok(None);
    }
    let Some(edition) = edition else {
        return Ok(Some(0));
    };
    let moved = to_json(&moved);
    let queued = change!(tx, QUEUE, (&moved, digest.id, edition, now, deadline))?;
    count_on(tx, digest.id, queued).await?;
    Ok(Some(queued))
}

fn lines(turns: &[(&Group, EditionId)]) -> String {
    let line = |(group, edition): &(&Group, EditionId)| {
        serde_json::json!([group.topics_key, group.cursor_seq, group.language, edition])
    };
    to_json(&turns.iter().map(line).collect::<Vec<_>>())
}

/// Whether so many readers are in these groups, be they of other languages too.
pub async fn are_among(
    tx: &mut Tx,
    digest: &Digest,
    turns: &[(&Group, EditionId)],
    readers: i64,
) -> Result<bool> {
    let found: i64 = run!(
        tx,
        AMONG,
        query_scalar(
            lines(turns),
            digest.list_id,
            cadence_or_any(digest),
            rhythm_or_any(digest),
            readers
        ),
        fetch_one
    )?;
    Ok(found >= readers)
}

/// Queues letters for the next so many readers of the list, in the order of their numbers, who are in
/// one of these groups and may be written to, and moves them on to the digest's end. All groups must be
/// [plain](Group::is_plain). Gives the last reader looked at and how many letters, or `None` when there
/// are no more readers or the digest isn't in planning any more.
pub async fn stretch(
    tx: &mut Tx,
    digest: &Digest,
    turns: &[(&Group, EditionId)],
    after: SubscriptionId,
    (most, now, deadline): (i64, Stamp, Stamp),
) -> Result<Option<(SubscriptionId, u64)>> {
    if !hold(tx, digest.id).await? {
        return Ok(None);
    }
    let last: Option<SubscriptionId> = run!(
        tx,
        LAST,
        query_scalar(digest.list_id, after, most),
        fetch_one
    )?;
    let Some(last) = last else {
        return Ok(None);
    };
    let queued = change!(
        tx,
        QUEUE_ACROSS,
        (
            lines(turns),
            digest.id,
            now,
            deadline,
            digest.list_id,
            after,
            last,
            cadence_or_any(digest),
            rhythm_or_any(digest)
        )
    )?;
    if queued > 0 {
        change!(tx, SERVE_ACROSS, (digest.to_seq, digest.id, after, last))?;
        count_on(tx, digest.id, queued).await?;
    }
    Ok(Some((last, queued)))
}

/// Keeps how many letters a digest has: pages that show it count none.
async fn count_on(tx: &mut Tx, id: DigestId, letters: u64) -> Result<()> {
    change!(tx, COUNT_ON, (id, letters.cast_signed()))?;
    Ok(())
}

/// What is critical goes to every cadence.
fn cadence_or_any(digest: &Digest) -> &'static str {
    match digest.critical {
        Some(_) => "",
        None => digest.cadence.as_str(),
    }
}

fn rhythm_or_any(digest: &Digest) -> i64 {
    digest.rhythm_id.map_or(0, |id| id.0)
}
