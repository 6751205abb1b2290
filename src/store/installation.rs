//! What an installation was given once and keeps, whatever becomes of its settings.

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
    GET = Sql::both("SELECT value, since FROM installation WHERE name = $1");
    FORGET = Sql::both("DELETE FROM installation WHERE name = $1");
}

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

async fn get(tx: &mut Tx, name: &str) -> Result<(String, Stamp)> {
    Ok(run!(tx, GET, query_as(name), fetch_one)?)
}
