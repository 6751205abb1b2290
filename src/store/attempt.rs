//! Attempts: what servers said, kept word for word.

use crate::clock::Stamp;
use crate::letter::LetterId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::letter::Held;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    RECORD = Sql {
        sqlite:
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         SELECT value ->> 0, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
         FROM json_each($1)",
        postgres:
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 2 AS BIGINT), value ->> 3, value ->> 4, value ->> 5,
                CAST(value ->> 6 AS BIGINT), value ->> 7, value ->> 8
         FROM json_array_elements(CAST($1 AS JSON)) AS line (value)",
    };
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

/// One try as a line of what is sent to the database: the letter, its fence, and what
/// [`AttemptRecord`] has, in its order.
#[derive(Debug, serde::Serialize)]
pub struct Tried<'a>(
    LetterId,
    i64,
    Stamp,
    &'a str,
    &'a str,
    &'a str,
    Option<i64>,
    Option<&'a str>,
    &'a str,
);

impl<'a> Tried<'a> {
    /// A try of a letter that is held so.
    pub fn new((id, fence): Held, tried: &'a AttemptRecord) -> Self {
        let AttemptRecord {
            at,
            outcome,
            phase,
            host,
            code,
            enhanced,
            text,
        } = tried;
        Self(
            id,
            fence,
            *at,
            outcome,
            phase,
            host,
            *code,
            enhanced.as_deref(),
            text,
        )
    }
}

/// Adds tries to the records of letters.
pub async fn record(tx: &mut Tx, tries: &[Tried<'_>]) -> Result<()> {
    change!(tx, RECORD, (to_json(tries)))?;
    Ok(())
}

/// Every try of a letter, in order.
pub async fn of_letter(tx: &mut Tx, letter: LetterId) -> Result<Vec<AttemptRecord>> {
    Ok(run!(tx, OF_LETTER, query_as(letter), fetch_all)?)
}
