//! Rhythms: the beats of lists, and when each is due.

use crate::access::reach::Reach;
use crate::audience::list::Cadence;
use crate::audience::list::Hour;
use crate::audience::list::ListId;
use crate::audience::pace::Beat;
use crate::audience::pace::Days;
use crate::audience::subscription::Rhythm;
use crate::audience::subscription::RhythmId;
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
    KEEP = Sql::both(
        "INSERT INTO rhythm (list_id, cadence, days, hour, zone, next_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (list_id, cadence, days, hour, zone) DO UPDATE SET zone = excluded.zone RETURNING id");
    DUE = Sql::both(
        "SELECT id, list_id, cadence, days, hour, zone, next_at FROM rhythm WHERE next_at <= $1 ORDER BY next_at, id");
    /// Of lists within reach, and with a reader; what goes out at once has no hour to look forward to.
    COMING = Sql::both(
        "SELECT h.list_id, h.cadence, h.next_at FROM rhythm h
         WHERE h.next_at > $1 AND h.cadence <> 'immediate'
           AND ($3 = 0 OR h.list_id IN (SELECT list_id FROM user_list WHERE user_id = $3))
           AND EXISTS (SELECT 1 FROM subscription s WHERE s.rhythm_id = h.id AND s.state = 'active')
         ORDER BY h.next_at LIMIT $2");
    /// Alarms set by a clock that was far ahead: beyond what any beat of theirs can be.
    ASTRAY = Sql::both(
        "SELECT id, list_id, cadence, days, hour, zone, next_at FROM rhythm
         WHERE next_at > $1 + 86400000 * CASE cadence WHEN 'immediate' THEN 2 WHEN 'hourly' THEN 2 WHEN 'daily' THEN 2
                                                      WHEN 'monthly' THEN 33 ELSE 8 END
         ORDER BY id");
    /// Whoever moves the alarm cuts the digest; a second process finds it moved.
    CLAIM = Sql::both("UPDATE rhythm SET next_at = $3 WHERE id = $1 AND next_at = $2");
    /// Whether anybody in the rhythm has not been served up to a seq, or is owed something.
    WAITS = Sql::both(
        "SELECT COUNT(*) FROM (SELECT id FROM subscription
         WHERE rhythm_id = $1 AND state = 'active' AND (cursor_seq < $2 OR owed <> '') LIMIT 1) AS waiting");
}

#[derive(sqlx::FromRow)]
struct RhythmRow {
    id: i64,
    list_id: i64,
    cadence: String,
    days: i64,
    hour: i64,
    zone: String,
    next_at: Stamp,
}

/// The number of this rhythm; one that's new is due at `next_at`.
pub async fn keep(tx: &mut Tx, list: ListId, beat: Beat, next_at: Stamp) -> Result<RhythmId> {
    Ok(run!(
        tx,
        KEEP,
        query_scalar(
            list,
            beat.cadence.as_str(),
            beat.days.bits(),
            i64::from(beat.hour.number()),
            beat.zone.name(),
            next_at
        ),
        fetch_one
    )?)
}

/// Rhythms that are due, the longest overdue first.
pub async fn due(tx: &mut Tx, now: Stamp) -> Result<Vec<Rhythm>> {
    let rows: Vec<RhythmRow> = run!(tx, DUE, query_as(now), fetch_all)?;
    rows.iter().map(rhythm).collect()
}

/// When digests are due next: at most so many, the soonest first.
pub async fn coming(
    tx: &mut Tx,
    reach: &Reach,
    now: Stamp,
    limit: i64,
) -> Result<Vec<(ListId, Cadence, Stamp)>> {
    let rows: Vec<(ListId, String, Stamp)> =
        run!(tx, COMING, query_as(now, limit, reach.user()), fetch_all)?;
    rows.into_iter()
        .map(|(list, cadence, at)| {
            let cadence = parsed(&cadence, "rhythm", "cadence", list.0)?;
            Ok((list, cadence, at))
        })
        .collect()
}

/// Rhythms whose alarms a clock that ran ahead has set too late.
pub async fn astray(tx: &mut Tx, now: Stamp) -> Result<Vec<Rhythm>> {
    let rows: Vec<RhythmRow> = run!(tx, ASTRAY, query_as(now), fetch_all)?;
    rows.iter().map(rhythm).collect()
}

/// Takes the beat that's due, moving the alarm to `next`; false if somebody else did.
pub async fn claim(tx: &mut Tx, due: &Rhythm, next: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM, (due.id, due.next_at, next))? > 0)
}

/// Whether anybody in the rhythm has yet to be served up to `seq`.
pub async fn waits(tx: &mut Tx, id: RhythmId, seq: crate::article::Seq) -> Result<bool> {
    let waiting: i64 = run!(tx, WAITS, query_scalar(id, seq), fetch_one)?;
    Ok(waiting > 0)
}

fn rhythm(row: &RhythmRow) -> Result<Rhythm> {
    Ok(Rhythm {
        id: RhythmId(row.id),
        list_id: ListId(row.list_id),
        cadence: parsed(&row.cadence, "rhythm", "cadence", row.id)?,
        days: Days::try_from(row.days)
            .map_err(|problem| broken("rhythm", "days", row.id, &problem))?,
        hour: Hour::try_from(row.hour)
            .map_err(|problem| broken("rhythm", "hour", row.id, &problem))?,
        zone: parsed(&row.zone, "rhythm", "zone", row.id)?,
        next_at: row.next_at,
    })
}
