//! Relays that warm up: since when, and how many letters they took today.

use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    BEGIN = Sql::both(
        "INSERT INTO relay (name, since, day, sent) VALUES ($1, $2, $2, 0) ON CONFLICT (name) DO NOTHING");
    GET = Sql::both("SELECT since, day, sent FROM relay WHERE name = $1");
    COUNT = Sql::both(
        "UPDATE relay SET sent = $3 + CASE WHEN day = $2 THEN sent ELSE 0 END, day = $2 WHERE name = $1");
}

/// The day of a relay's first letter (today, if it's new), the day its count is of, and the count.
/// Days count since 1970.
pub async fn begin(tx: &mut Tx, name: &str, today: i64) -> Result<(i64, i64, i64)> {
    change!(tx, BEGIN, (name, today))?;
    Ok(run!(tx, GET, query_as(name), fetch_one)?)
}

/// Counts letters that a relay took today.
pub async fn count(tx: &mut Tx, name: &str, today: i64, letters: i64) -> Result<()> {
    change!(tx, COUNT, (name, today, letters))?;
    Ok(())
}
