//! What an installation was given once and keeps, whatever becomes of its settings; and what its owners chose.

use chrono::Datelike;

use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    /// The first value stays.
    KEEP = Sql::both("INSERT INTO installation (name, value, since) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING");
    /// The value that differs from the one before is noted with its moment.
    NOTE = Sql::both(
        "INSERT INTO installation (name, value, since) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, since = excluded.since
         WHERE installation.value <> excluded.value");
    /// Replaces the value.
    SET = Sql::both(
        "INSERT INTO installation (name, value, since) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, since = excluded.since");
    /// PostgreSQL may compare by a language, in which a space is nothing; the table has a few rows.
    CHOSEN = Sql {
        sqlite: "SELECT name, value FROM installation WHERE name > 'chosen ' AND name < 'chosen!' ORDER BY name",
        postgres: "SELECT name, value FROM installation WHERE name LIKE 'chosen %' ORDER BY name",
    };
    GET = Sql::both("SELECT value, since FROM installation WHERE name = $1");
    FORGET = Sql::both("DELETE FROM installation WHERE name = $1");
}

/// What stands before the names of what owners chose.
const CHOICE: &str = "chosen ";

/// What feeds need to know of the place they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The host name that identifiers hold (RFC 4151), as it was at the first start.
    pub authority: String,
    /// The year of the first start.
    pub year: u16,
    /// Since when the installation has looked as it does.
    pub look_since: Stamp,
}

/// The installation, set up if this is its first start. `look` names everything but articles that
/// documents depend on: when it isn't what it was the last time, they have changed now.
pub async fn set_up(tx: &mut Tx, authority: &str, look: &str, now: Stamp) -> Result<Installation> {
    let year = now.utc().year().to_string();
    change!(tx, KEEP, ("authority", authority, now))?;
    change!(tx, KEEP, ("year", &year, now))?;
    change!(tx, NOTE, ("look", look, now))?;
    let (year, _) = get(tx, "year").await?;
    Ok(Installation {
        authority: get(tx, "authority").await?.0,
        year: parsed(&year, "installation", "value", 0)?,
        look_since: get(tx, "look").await?.1,
    })
}

/// Fails if everything was moved elsewhere.
pub async fn refuse_moved(tx: &mut Tx) -> Result<()> {
    let moved: Option<(String, Stamp)> = run!(tx, GET, query_as("moved"), fetch_optional)?;
    match moved {
        Some((to, since)) => Err(StoreError::Moved { to, since }),
        None => Ok(()),
    }
}

/// Notes that everything was moved to `to`.
pub async fn set_moved(tx: &mut Tx, to: &str, now: Stamp) -> Result<()> {
    change!(tx, KEEP, ("moved", to, now))?;
    Ok(())
}

/// Forgets that everything was moved. Says whether it was.
pub async fn clear_moved(tx: &mut Tx) -> Result<bool> {
    Ok(change!(tx, FORGET, ("moved",))? > 0)
}

/// What owners chose, by names that [`choose`] was given.
pub async fn chosen(tx: &mut Tx) -> Result<Vec<(String, String)>> {
    let rows: Vec<(String, String)> = run!(tx, CHOSEN, query_as(), fetch_all)?;
    let rows = rows.into_iter().filter_map(|(name, value)| {
        let name = name.strip_prefix(CHOICE)?.to_owned();
        Some((name, value))
    });
    Ok(rows.collect())
}

/// Notes what owners chose, or that they choose it no more.
pub async fn choose(tx: &mut Tx, name: &str, value: Option<&str>, now: Stamp) -> Result<()> {
    let name = format!("{CHOICE}{name}");
    match value {
        Some(value) => change!(tx, SET, (&name, value, now))?,
        None => change!(tx, FORGET, (&name,))?,
    };
    Ok(())
}

async fn get(tx: &mut Tx, name: &str) -> Result<(String, Stamp)> {
    Ok(run!(tx, GET, query_as(name), fetch_one)?)
}
