//! The canary's letters, and lists whose digests didn't come to it.

use crate::audience::EmailAddress;
use crate::audience::SubscriberId;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::delivery::silence::Sent;
use crate::delivery::silence::Silence;
use crate::delivery::silence::Why;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    SENT = Sql::both(
        "SELECT l.id, l.digest_id, d.list_id, l.state, l.made_at, l.finished_at, c.seen_at
         FROM letter l JOIN digest d ON d.id = l.digest_id JOIN subscription s ON s.id = l.subscription_id
              LEFT JOIN canary_letter c ON c.letter_id = l.id
         WHERE l.subscriber_id = $1 AND l.made_at > $2 AND l.purpose = 'digest' AND s.state = 'active' ORDER BY l.made_at DESC, l.id DESC LIMIT $3");
    LISTS = Sql::both(
        "SELECT COUNT(DISTINCT s.list_id) FROM subscription s JOIN subscriber r ON r.id = s.subscriber_id
         WHERE r.email_key = $1 AND r.state = 'confirmed' AND s.state = 'active'");
    SEE = Sql::both("INSERT INTO canary_letter (letter_id, seen_at) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    /// Digests of the canary's that nobody has cut.
    OVERDUE = Sql::both(
        "SELECT s.list_id, MIN(b.next_at) FROM subscription s JOIN rhythm b ON b.id = s.rhythm_id
         WHERE s.subscriber_id = $1 AND s.state = 'active' AND b.next_at < $2 GROUP BY s.list_id ORDER BY s.list_id");
    BEGIN = Sql::both(
        "INSERT INTO silence (list_id, digest_id, why, since, began_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING");
    END = Sql::both("UPDATE silence SET ended_at = $2 WHERE list_id = $1 AND ended_at IS NULL");
    /// What there was at a moment.
    AT = Sql::both(
        "SELECT x.id, x.list_id, l.name, x.digest_id, x.why, x.since FROM silence x JOIN list l ON l.id = x.list_id
         WHERE x.began_at <= $1 AND (x.ended_at IS NULL OR x.ended_at > $1) ORDER BY x.id");
}

#[derive(sqlx::FromRow)]
struct SentRow {
    id: LetterId,
    digest_id: DigestId,
    list_id: ListId,
    state: String,
    made_at: Stamp,
    finished_at: Option<Stamp>,
    seen_at: Option<Stamp>,
}

/// At most `most` digests to the canary that were made since, of lists that it still gets, newest first.
pub async fn sent(tx: &mut Tx, canary: SubscriberId, since: Stamp, most: i64) -> Result<Vec<Sent>> {
    let rows: Vec<SentRow> = run!(tx, SENT, query_as(canary, since, most), fetch_all)?;
    let sent = |row: SentRow| {
        Ok(Sent {
            letter: row.id,
            digest: row.digest_id,
            list: row.list_id,
            state: parsed(&row.state, "letter", "state", row.id.0)?,
            made_at: row.made_at,
            finished_at: row.finished_at,
            is_seen: row.seen_at.is_some(),
        })
    };
    rows.into_iter().map(sent).collect()
}

/// How many lists the canary gets.
pub async fn lists(tx: &mut Tx, canary: &EmailAddress) -> Result<i64> {
    Ok(run!(tx, LISTS, query_scalar(canary.key()), fetch_one)?)
}

/// Notes that a letter has come.
pub async fn see(tx: &mut Tx, letter: LetterId, now: Stamp) -> Result<()> {
    change!(tx, SEE, (letter, now))?;
    Ok(())
}

/// Lists that the canary gets whose digest was due before `before` and isn't cut, and since when.
pub async fn overdue(
    tx: &mut Tx,
    canary: SubscriberId,
    before: Stamp,
) -> Result<Vec<(ListId, Stamp)>> {
    Ok(run!(tx, OVERDUE, query_as(canary, before), fetch_all)?)
}

/// Notes that a list has fallen silent. False if it had before.
pub async fn begin(tx: &mut Tx, silence: &Silence, now: Stamp) -> Result<bool> {
    let (list, digest) = (silence.list, silence.digest);
    let (why, since) = (silence.why.as_str(), silence.since);
    Ok(change!(tx, BEGIN, (list, digest, why, since, now))? > 0)
}

/// Notes that a list is heard again.
pub async fn end(tx: &mut Tx, list: ListId, now: Stamp) -> Result<()> {
    change!(tx, END, (list, now))?;
    Ok(())
}

/// Lists that were silent at a moment, with their names.
pub async fn at(tx: &mut Tx, moment: Stamp) -> Result<Vec<(Silence, String)>> {
    type Row = (i64, ListId, String, Option<DigestId>, String, Stamp);
    let rows: Vec<Row> = run!(tx, AT, query_as(moment), fetch_all)?;
    let silence = |(id, list, name, digest, why, since): Row| {
        let why: Why = parsed(&why, "silence", "why", id)?;
        let silence = Silence {
            list,
            digest,
            why,
            since,
        };
        Ok((silence, name))
    };
    rows.into_iter().map(silence).collect()
}
