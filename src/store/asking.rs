//! Letters that somebody asked for in a mailbox's name: three a day, whoever asks.

use chrono::TimeDelta;

use crate::clock::Stamp;
use crate::letter::LetterPurpose;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    /// One statement counts and decides, so that nobody comes between. Nothing is returned of a
    /// mailbox whose third letter back is of this day still.
    SPEND = Sql::both(
        "INSERT INTO asking (mailbox_mac, budget, newest, second, third) VALUES ($1, $2, $3, 0, 0)
         ON CONFLICT (mailbox_mac, budget) DO UPDATE
           SET newest = excluded.newest, second = asking.newest, third = asking.second
           WHERE asking.third <= $4
         RETURNING newest");
    FORGET = Sql::both("DELETE FROM asking WHERE newest <= $1");
}

/// How long a letter counts.
const DAY: TimeDelta = TimeDelta::days(1);

/// Counts one more letter to a mailbox, or says that it has had three within a day. Erasing has a
/// budget of its own: no flood of other letters keeps anybody from being forgotten.
pub async fn spend(
    tx: &mut Tx,
    mailbox_mac: &str,
    purpose: LetterPurpose,
    now: Stamp,
) -> Result<bool> {
    let budget = match purpose {
        LetterPurpose::Erasure => "erasure",
        _ => "asked",
    };
    let spent: Option<Stamp> = run!(
        tx,
        SPEND,
        query_scalar(mailbox_mac, budget, now, now - DAY),
        fetch_optional
    )?;
    Ok(spent.is_some())
}

/// Forgets whatever counts no more.
pub async fn forget_old(tx: &mut Tx, now: Stamp) -> Result<()> {
    change!(tx, FORGET, (now - DAY))?;
    Ok(())
}
