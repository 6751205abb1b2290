//! Counters: numbers that only grow, each in one row.

use crate::article::Seq;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::run;
use crate::store::statements;

statements! {
    /// The row stays locked until the publishing transaction commits: commit order is seq order.
    NEXT_SEQS = Sql::both("UPDATE counter SET value = value + $1 WHERE name = 'article' RETURNING value");
    LAST_SEQ = Sql::both("SELECT value FROM counter WHERE name = 'article'");
    TOUCH_FEEDS = Sql::both("UPDATE counter SET value = value + 1 WHERE name = 'feeds' RETURNING value");
    FEEDS_VERSION = Sql::both("SELECT value FROM counter WHERE name = 'feeds'");
}

/// The first of so many next seqs. No other transaction gets one between here and the commit.
pub async fn next_seqs(tx: &mut Tx, count: usize) -> Result<Seq> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let last: i64 = run!(tx, NEXT_SEQS, query_scalar(count), fetch_one)?;
    Ok(Seq(last - count + 1))
}

/// The last seq given.
pub async fn last_seq(tx: &mut Tx) -> Result<Seq> {
    Ok(run!(tx, LAST_SEQ, query_scalar(), fetch_one)?)
}

/// Says that feeds may have changed. Gives the new version: no other transaction gets one between
/// here and the commit.
pub async fn touch_feeds(tx: &mut Tx) -> Result<i64> {
    Ok(run!(tx, TOUCH_FEEDS, query_scalar(), fetch_one)?)
}

/// A number that changes whenever a feed might.
pub async fn feeds_version(tx: &mut Tx) -> Result<i64> {
    Ok(run!(tx, FEEDS_VERSION, query_scalar(), fetch_one)?)
}
