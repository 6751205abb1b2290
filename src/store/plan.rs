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
    /// far they're served, and language. Nearly nobody is owed anything; an index knows who is. Who had a
    /// letter of this digest before, and is owed what it held, gets it with the next one.
    GROUPS = Sql::both(
        "SELECT topics_key, cursor_seq, owed, apart, language, COUNT(*) AS readers FROM (
           SELECT s.topics_key, s.cursor_seq, s.owed, s.apart, r.language
           FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
           WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
             AND s.state = 'active' AND s.cursor_seq < $4
           UNION ALL
           SELECT s.topics_key, s.cursor_seq, s.owed, s.apart, r.language
           FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
           WHERE h.list_id = $1 AND (h.cadence = $2 OR $2 = '') AND (h.id = $3 OR $3 = 0)
             AND s.state = 'active' AND s.owed <> '' AND s.cursor_seq >= $4
             AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.digest_id = $10 AND l.subscription_id = s.id)
         ) AS waiting
         WHERE (topics_key, cursor_seq, owed, apart, language) > ($5, $6, $7, $8, $9)
         GROUP BY topics_key, cursor_seq, owed, apart, language
         ORDER BY topics_key, cursor_seq, owed, apart, language LIMIT 200");
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
    /// How many they are.
    pub readers: i64,
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
            readers: 0,
        }
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
    Ok(Some(queued))
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
