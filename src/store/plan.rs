//! The planning of letters: set by set, never a reader at a time.

use crate::article::Seq;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::TopicChoice;
use crate::clock::Stamp;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::EditionId;
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
    /// Who is yet to be planned, as groups that get the same: topics, cursor and language.
    GROUPS = Sql::both(
        "SELECT s.topics_key, s.cursor_seq, r.language, COUNT(*) AS readers
         FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
         WHERE h.list_id = $1 AND h.cadence = $2 AND (h.id = $3 OR $3 = 0)
           AND s.state = 'active' AND s.cursor_seq < $4 AND s.active_at <= $5
         GROUP BY s.topics_key, s.cursor_seq, r.language ORDER BY s.topics_key, s.cursor_seq, r.language LIMIT 200");
    /// The digest's row stays locked until the commit: it isn't cancelled, and nobody else plans
    /// it, meanwhile.
    HOLD = Sql::both("UPDATE digest SET state = state WHERE id = $1 AND state = 'planning'");
    /// The next so many readers of a group. Their rows stay locked until their cursors have moved,
    /// or another digest planned at the same moment would give them the same window; only SQLite
    /// has but one writer.
    CHUNK = Sql {
        sqlite:
        "SELECT s.id
         FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
         WHERE h.list_id = $1 AND h.cadence = $2 AND (h.id = $3 OR $3 = 0)
           AND s.state = 'active' AND s.active_at <= $4
           AND s.topics_key = $5 AND s.cursor_seq = $6 AND r.language = $7 ORDER BY s.id LIMIT $8",
        postgres:
        "SELECT s.id
         FROM rhythm h JOIN subscription s ON s.rhythm_id = h.id JOIN subscriber r ON r.id = s.subscriber_id
         WHERE h.list_id = $1 AND h.cadence = $2 AND (h.id = $3 OR $3 = 0)
           AND s.state = 'active' AND s.active_at <= $4
           AND s.topics_key = $5 AND s.cursor_seq = $6 AND r.language = $7 ORDER BY s.id LIMIT $8 FOR UPDATE OF s",
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
    /// The cursors of the same chunk, letter or none.
    MOVE_CURSORS = Sql {
        sqlite: "UPDATE subscription SET cursor_seq = $2 WHERE id IN (SELECT value FROM json_each($1))",
        postgres:
        "UPDATE subscription SET cursor_seq = $2
         WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    };
}

/// Readers who get the same: what a plan goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they chose.
    pub topics: TopicChoice,
    /// Where their window begins: after this.
    pub cursor: Seq,
    /// What they read.
    pub language: Language,
    /// How many they are.
    pub readers: i64,
}

/// At most 200 groups that have yet to be planned. Planning one takes it off this list.
pub async fn groups(tx: &mut Tx, digest: &Digest) -> Result<Vec<Group>> {
    let rows: Vec<(String, Seq, String, i64)> = run!(
        tx,
        GROUPS,
        query_as(
            digest.list_id,
            digest.cadence.as_str(),
            rhythm_or_any(digest),
            digest.to_seq,
            digest.cut_at
        ),
        fetch_all
    )?;
    rows.into_iter()
        .map(|(topics, cursor, language, readers)| {
            let topics = parsed(&topics, "subscription", "topics_key", 0)?;
            Ok(Group {
                topics,
                cursor,
                language: parsed(&language, "subscriber", "language", 0)?,
                readers,
            })
        })
        .collect()
}

/// Keeps a digest in planning until the commit: nobody cancels it or plans it meanwhile. False if
/// it isn't in planning.
pub async fn hold(tx: &mut Tx, id: DigestId) -> Result<bool> {
    Ok(change!(tx, HOLD, (id))? > 0)
}

/// Queues letters with this edition for the next so many readers of a group, or with `None` just
/// moves their cursors. Gives how many letters, or `None` when the group is done or the digest
/// isn't in planning any more.
pub async fn chunk(
    tx: &mut Tx,
    digest: &Digest,
    group: &Group,
    edition: Option<EditionId>,
    (most, now, deadline): (i64, Stamp, Stamp),
) -> Result<Option<u64>> {
    if !hold(tx, digest.id).await? {
        return Ok(None);
    }
    let chunk = next(tx, digest, group, most).await?;
    if chunk.is_empty() {
        return Ok(None);
    }
    let chunk = to_json(&chunk);
    let queued = match edition {
        Some(edition) => change!(tx, QUEUE, (&chunk, digest.id, edition, now, deadline))?,
        None => 0,
    };
    change!(tx, MOVE_CURSORS, (&chunk, digest.to_seq))?;
    Ok(Some(queued))
}

async fn next(
    tx: &mut Tx,
    digest: &Digest,
    group: &Group,
    most: i64,
) -> Result<Vec<SubscriptionId>> {
    Ok(run!(
        tx,
        CHUNK,
        query_scalar(
            digest.list_id,
            digest.cadence.as_str(),
            rhythm_or_any(digest),
            digest.cut_at,
            group.topics.to_string(),
            group.cursor,
            group.language.as_str(),
            most
        ),
        fetch_all
    )?)
}

fn rhythm_or_any(digest: &Digest) -> i64 {
    digest.rhythm_id.map_or(0, |id| id.0)
}
