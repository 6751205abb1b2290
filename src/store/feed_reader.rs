//! How many people read a feed through a service that asks for all of them. The services say so
//! themselves; nothing is known of who the people are.

use chrono::TimeDelta;

use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

/// A service that hasn't asked for so long has no more readers here.
const SILENCE: TimeDelta = TimeDelta::days(14);

statements! {
    RECORD = Sql::both(
        "INSERT INTO feed_reader (feed, reader, people, told_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (feed, reader) DO UPDATE SET people = excluded.people, told_at = excluded.told_at");
    FORGET = Sql::both("DELETE FROM feed_reader WHERE told_at < $1");
    PEOPLE = Sql::both(
        "SELECT feed, CAST(SUM(people) AS BIGINT) FROM feed_reader WHERE told_at >= $1 GROUP BY feed ORDER BY feed");
}

/// Notes what a service said of a feed, and forgets those that fell silent.
pub async fn record(tx: &mut Tx, feed: &str, reader: &str, people: i64, now: Stamp) -> Result<()> {
    change!(tx, FORGET, (now - SILENCE))?;
    change!(tx, RECORD, (feed, reader, people, now))?;
    Ok(())
}

/// How many people read each feed, by path; feeds of which nobody told are left out.
pub async fn people(tx: &mut Tx, now: Stamp) -> Result<Vec<(String, i64)>> {
    Ok(run!(tx, PEOPLE, query_as(now - SILENCE), fetch_all)?)
}
