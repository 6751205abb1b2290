//! Attempts: what servers said, kept word for word.

use crate::clock::Stamp;
use crate::letter::LetterId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    RECORD = Sql::both(
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    OF_LETTER = Sql::both(
        "SELECT at, outcome, phase, host, code, enhanced, text FROM attempt WHERE letter_id = $1 ORDER BY id");
}

/// One try, as the ledger tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct AttemptRecord {
    /// When.
    pub at: Stamp,
    /// How it ended: `accepted`, `deferred`, `refused`, `uncertain` or `failed`.
    pub outcome: String,
    /// How far it came.
    pub phase: String,
    /// With whom.
    pub host: String,
    /// The server's reply code.
    pub code: Option<i64>,
    /// The server's enhanced status code (RFC 3463).
    pub enhanced: Option<String>,
    /// What the server said, or what went wrong.
    pub text: String,
}

/// Adds one try to a letter's record.
pub async fn record(tx: &mut Tx, letter: LetterId, attempt: &AttemptRecord) -> Result<()> {
    change!(
        tx,
        RECORD,
        (
            letter,
            attempt.at,
            &attempt.outcome,
            &attempt.phase,
            &attempt.host,
            attempt.code,
            attempt.enhanced.as_ref(),
            &attempt.text
        )
    )?;
    Ok(())
}

/// Every try of a letter, in order.
pub async fn of_letter(tx: &mut Tx, letter: LetterId) -> Result<Vec<AttemptRecord>> {
    Ok(run!(tx, OF_LETTER, query_as(letter), fetch_all)?)
}
