//! Sources, and how their polls went.

use chrono::TimeDelta;
use clap::ValueEnum;

use crate::clock::Stamp;
use crate::source::Moved;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::counter::touch_feeds;
use crate::store::from_json;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    ADD = Sql::both(
        "INSERT INTO source (url, kind, name, selectors, every_ms, state, created_at, next_poll_at, host)
         VALUES ($1, $2, $3, $4, $5, 'active', $6, $6, $7) ON CONFLICT (url) DO NOTHING RETURNING id");
    GET = Sql::both(
        "SELECT id, url, kind, name, selectors, every_ms, state, etag, last_modified, first_polled_at, last_polled_at,
                last_good_at, next_poll_at, failures, problem, validators_url, moved_to, moved_since, moved_times, pace
         FROM source WHERE id = $1");
    ALL = Sql::both(
        "SELECT id, url, kind, name, selectors, every_ms, state, etag, last_modified, first_polled_at, last_polled_at,
                last_good_at, next_poll_at, failures, problem, validators_url, moved_to, moved_since, moved_times, pace
         FROM source ORDER BY id");
    AT = Sql::both(
        "SELECT id, url, kind, name, selectors, every_ms, state, etag, last_modified, first_polled_at, last_polled_at,
                last_good_at, next_poll_at, failures, problem, validators_url, moved_to, moved_since, moved_times, pace
         FROM source WHERE url = $1");
    PAGE = Sql::both(
        "SELECT id, url, kind, name, selectors, every_ms, state, etag, last_modified, first_polled_at, last_polled_at,
                last_good_at, next_poll_at, failures, problem, validators_url, moved_to, moved_since, moved_times, pace
         FROM source WHERE id > $1 ORDER BY id LIMIT $2");
    CHANGE = Sql::both(
        "UPDATE source SET name = $2, kind = $3, selectors = $4, every_ms = $5, etag = NULL, last_modified = NULL
         WHERE id = $1");
    SETTLE = Sql::both(
        "UPDATE source SET url = $2, host = $3, kind = $4
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM source other WHERE other.url = $2 AND other.id <> $1)");
    CALL = Sql::both("UPDATE source SET next_poll_at = $2 WHERE id = $1 AND state = 'active'");
    /// Those of a host that is left alone wait, and are in nobody's way.
    DUE = Sql::both(
        "SELECT s.id, s.url FROM source s LEFT JOIN site h ON h.host = s.host
         WHERE s.state = 'active' AND s.next_poll_at <= $1 AND (h.next_at IS NULL OR h.next_at <= $1)
         ORDER BY s.next_poll_at LIMIT $2");
    /// Whoever moves the alarm polls; a second process finds it moved.
    CLAIM = Sql::both("UPDATE source SET next_poll_at = $3 WHERE id = $1 AND next_poll_at = $2 AND state = 'active'");
    RECORD_GOOD = Sql::both(
        "UPDATE source SET etag = $2, last_modified = $3, validators_url = $4, last_polled_at = $5, last_good_at = $5,
                first_polled_at = $6, next_poll_at = $7, failures = 0, problem = $8, host = $9, pace = $10
         WHERE id = $1");
    SET_MOVED = Sql::both("UPDATE source SET moved_to = $2, moved_since = $3, moved_times = $4 WHERE id = $1");
    /// Unless another source is there already.
    MOVE = Sql::both(
        "UPDATE source SET url = $2, host = $3, moved_to = NULL, moved_since = NULL, moved_times = 0
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM source x WHERE x.url = $2)");
    /// One process at a time asks a host; whoever moves the moment may.
    TAKE_SITE = Sql::both(
        "INSERT INTO site (host, next_at) VALUES ($1, $3)
         ON CONFLICT (host) DO UPDATE SET next_at = excluded.next_at WHERE site.next_at <= $2");
    MOVE_SITE = Sql::both("UPDATE site SET next_at = $3 WHERE host = $1 AND next_at = $2");
    /// Whoever has taken it for longer sees that the moment isn't theirs any more.
    LEAVE_SITE = Sql::both(
        "INSERT INTO site (host, next_at) VALUES ($1, $2)
         ON CONFLICT (host) DO UPDATE SET next_at =
           CASE WHEN site.next_at < excluded.next_at THEN excluded.next_at ELSE site.next_at + 1 END");
    RECORD_BAD = Sql::both(
        "UPDATE source SET last_polled_at = $2, next_poll_at = $3, failures = failures + 1, problem = $4 WHERE id = $1");
    SET_STATE = Sql::both("UPDATE source SET state = $2, next_poll_at = $3 WHERE id = $1");
    REMOVE = Sql::both("DELETE FROM source WHERE id = $1");
}

#[derive(sqlx::FromRow)]
struct SourceRow {
    id: i64,
    url: String,
    kind: String,
    name: String,
    selectors: String,
    every_ms: i64,
    state: String,
    etag: Option<String>,
    last_modified: Option<String>,
    first_polled_at: Option<Stamp>,
    last_polled_at: Option<Stamp>,
    last_good_at: Option<Stamp>,
    next_poll_at: Stamp,
    failures: i64,
    problem: Option<String>,
    validators_url: Option<String>,
    moved_to: Option<String>,
    moved_since: Option<Stamp>,
    moved_times: i64,
    pace: String,
}

/// A source to be added; it's due at once.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Where it is.
    pub url: SourceUrl,
    /// How it's read.
    pub kind: SourceKind,
    /// As people read it.
    pub name: String,
    /// Where things stand on its pages.
    pub selectors: Selectors,
    /// How long to wait between polls.
    pub every: TimeDelta,
}

/// Adds a source; `None` if there is one with this address.
pub async fn add(tx: &mut Tx, new: &NewSource, now: Stamp) -> Result<Option<SourceId>> {
    touch_feeds(tx).await?;
    Ok(run!(
        tx,
        ADD,
        query_scalar(
            new.url.as_str(),
            new.kind.as_str(),
            &new.name,
            to_json(&new.selectors),
            new.every.num_milliseconds(),
            now,
            new.url.host()
        ),
        fetch_optional
    )?)
}

/// The source with this number.
pub async fn find(tx: &mut Tx, id: SourceId) -> Result<Option<Source>> {
    let row: Option<SourceRow> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.map(source).transpose()
}

/// The source at this address, which must be there.
pub async fn at(tx: &mut Tx, url: &SourceUrl) -> Result<Source> {
    source(run!(tx, AT, query_as(url.as_str()), fetch_one)?)
}

/// At most `limit` sources after a number, in order.
pub async fn page(tx: &mut Tx, after: SourceId, limit: i64) -> Result<Vec<Source>> {
    let rows: Vec<SourceRow> = run!(tx, PAGE, query_as(after, limit), fetch_all)?;
    rows.into_iter().map(source).collect()
}

/// Sets how a source is called and read. It's read whole next time, not only what is new.
pub async fn change(tx: &mut Tx, changed: &Source) -> Result<()> {
    touch_feeds(tx).await?;
    change!(
        tx,
        CHANGE,
        (
            changed.id,
            &changed.name,
            changed.kind.as_str(),
            to_json(&changed.selectors),
            changed.every.num_milliseconds()
        )
    )?;
    Ok(())
}

/// Has a source polled at the next look. False if it isn't polled at all.
pub async fn call(tx: &mut Tx, id: SourceId, now: Stamp) -> Result<bool> {
    Ok(change!(tx, CALL, (id, now))? > 0)
}

/// Every source.
pub async fn all(tx: &mut Tx) -> Result<Vec<Source>> {
    let rows: Vec<SourceRow> = run!(tx, ALL, query_as(), fetch_all)?;
    rows.into_iter().map(source).collect()
}

/// Sources to be polled now and their addresses, the longest overdue first.
pub async fn due(tx: &mut Tx, now: Stamp, limit: i64) -> Result<Vec<(SourceId, String)>> {
    Ok(run!(tx, DUE, query_as(now, limit), fetch_all)?)
}

/// Takes the poll that's due at `due_at`, moving the alarm to `next`; false if somebody else did.
pub async fn claim(tx: &mut Tx, id: SourceId, due_at: Stamp, next: Stamp) -> Result<bool> {
    Ok(change!(tx, CLAIM, (id, due_at, next))? > 0)
}

/// Notes a poll that went well, in the transaction that takes in what it gave: the validators are
/// never ahead of the articles.
pub async fn record_good(
    tx: &mut Tx,
    polled: &Source,
    now: Stamp,
    next: Stamp,
    note: Option<&str>,
) -> Result<()> {
    change!(
        tx,
        RECORD_GOOD,
        (
            polled.id,
            polled.etag.as_ref(),
            polled.last_modified.as_ref(),
            polled.validators_url.as_ref().map(SourceUrl::as_str),
            now,
            polled.first_polled_at,
            next,
            note,
            polled.url.host(),
            to_json(&polled.pace)
        )
    )?;
    Ok(())
}

/// Notes where permanent redirects lead, or that they no longer do.
pub async fn set_moved(tx: &mut Tx, id: SourceId, moved: Option<&Moved>) -> Result<()> {
    let to = moved.map(|moved| moved.to.as_str());
    let since = moved.map(|moved| moved.since);
    let times = moved.map_or(0, |moved| moved.times);
    change!(tx, SET_MOVED, (id, to, since, times))?;
    Ok(())
}

/// The source is at another address from now on. False if another source is there already.
pub async fn move_to(tx: &mut Tx, id: SourceId, url: &SourceUrl) -> Result<bool> {
    Ok(change!(tx, MOVE, (id, url.as_str(), url.host()))? > 0)
}

/// Keeps what an `auto` source has turned out to be. False if the address is another source's.
pub async fn settle(tx: &mut Tx, id: SourceId, url: &SourceUrl, kind: SourceKind) -> Result<bool> {
    Ok(change!(tx, SETTLE, (id, url.as_str(), url.host(), kind.as_str()))? > 0)
}

/// Takes a host for this process until `until`; false if somebody else has it, or it's to be left
/// alone.
pub async fn take_site(tx: &mut Tx, host: &str, now: Stamp, until: Stamp) -> Result<bool> {
    Ok(change!(tx, TAKE_SITE, (host, now, until))? > 0)
}

/// Moves the moment until which a host is taken; false if it isn't taken until `from` any more.
pub async fn move_site(tx: &mut Tx, host: &str, from: Stamp, to: Stamp) -> Result<bool> {
    Ok(change!(tx, MOVE_SITE, (host, from, to))? > 0)
}

/// Leaves a host alone until then, and until whoever has taken it now would have given it back.
pub async fn leave_site(tx: &mut Tx, host: &str, until: Stamp) -> Result<()> {
    change!(tx, LEAVE_SITE, (host, until))?;
    Ok(())
}

/// Notes a poll that failed. The old articles and validators stay.
pub async fn record_bad(
    tx: &mut Tx,
    id: SourceId,
    now: Stamp,
    next: Stamp,
    problem: &str,
) -> Result<()> {
    change!(tx, RECORD_BAD, (id, now, next, problem))?;
    Ok(())
}

/// Stops polling a source, or starts again at `next`. Says whether there is such a source.
pub async fn set_state(tx: &mut Tx, id: SourceId, state: SourceState, next: Stamp) -> Result<bool> {
    Ok(change!(tx, SET_STATE, (id, state.as_str(), next))? > 0)
}

/// Forgets a source; its articles stay.
pub async fn remove(tx: &mut Tx, id: SourceId) -> Result<bool> {
    touch_feeds(tx).await?;
    Ok(change!(tx, REMOVE, (id))? > 0)
}

fn source(row: SourceRow) -> Result<Source> {
    let id = row.id;
    let state = match row.state.as_str() {
        "active" => SourceState::Active,
        "paused" => SourceState::Paused,
        "gone" => SourceState::Gone,
        other => return Err(broken("source", "state", id, &other)),
    };
    let address = |text: Option<String>| {
        text.map(|text| parsed(&text, "source", "url", id))
            .transpose()
    };
    let moved_to: Option<SourceUrl> = address(row.moved_to)?;
    let moved = moved_to.zip(row.moved_since).map(|(to, since)| Moved {
        to,
        since,
        times: row.moved_times,
    });
    Ok(Source {
        id: SourceId(id),
        url: parsed(&row.url, "source", "url", id)?,
        kind: SourceKind::from_str(&row.kind, false)
            .map_err(|problem| broken("source", "kind", id, &problem))?,
        name: row.name,
        selectors: from_json(&row.selectors, "source", "selectors", id)?,
        every: TimeDelta::milliseconds(row.every_ms),
        state,
        etag: row.etag,
        last_modified: row.last_modified,
        validators_url: address(row.validators_url)?,
        moved,
        pace: from_json(&row.pace, "source", "pace", id)?,
        first_polled_at: row.first_polled_at,
        last_polled_at: row.last_polled_at,
        last_good_at: row.last_good_at,
        next_poll_at: row.next_poll_at,
        failures: row.failures,
        problem: row.problem,
    })
}
