//! Attempts: what servers said, kept word for word.

use crate::clock::Stamp;
use crate::letter::LetterId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    RECORD = Sql {
        sqlite:
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
                json_extract(value, '$[6]'), json_extract(value, '$[7]') FROM json_each($1)",
        postgres:
        "INSERT INTO attempt (letter_id, at, outcome, phase, host, code, enhanced, text)
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3, value ->> 4,
                CAST(value ->> 5 AS BIGINT), value ->> 6, value ->> 7
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

/// Adds tries to the records of letters.
pub async fn record(tx: &mut Tx, tries: &[(LetterId, &AttemptRecord)]) -> Result<()> {
    let line = |(letter, tried): &(LetterId, &AttemptRecord)| {
        let AttemptRecord {
            at,
            outcome,
            phase,
            host,
            code,
            enhanced,
            text,
        } = tried;
        serde_json::json!([letter, at, outcome, phase, host, code, enhanced, text])
    };
    let lines: Vec<serde_json::Value> = tries.iter().map(line).collect();
    change!(tx, RECORD, (to_json(&lines)))?;
    Ok(())
}

/// Every try of a letter, in order.
pub async fn of_letter(tx: &mut Tx, letter: LetterId) -> Result<Vec<AttemptRecord>> {
    Ok(run!(tx, OF_LETTER, query_as(letter), fetch_all)?)
}
