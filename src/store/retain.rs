//! What is cleared away when its time is over: tries, letters (their numbers stay), and people who
//! never answered.

use std::collections::BTreeMap;

use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::from_json;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    CLEAR_ATTEMPTS = Sql::both(
        "DELETE FROM attempt WHERE id IN (
           SELECT a.id FROM attempt a JOIN letter l ON l.id = a.letter_id
           WHERE a.at < $1 AND l.state IN ('accepted', 'refused', 'uncertain', 'failed', 'cancelled')
           ORDER BY a.id LIMIT $2)");
    /// Letters that have come to rest, of one digest,
    OLD_LETTERS = Sql::both(
        "SELECT id, state, purpose FROM letter
         WHERE digest_id = $1 AND finished_at < $2 AND state IN ('accepted', 'refused', 'uncertain', 'failed', 'cancelled')
         ORDER BY id LIMIT $3");
    /// and of none.
    OLD_LETTERS_ALONE = Sql::both(
        "SELECT id, state, purpose FROM letter
         WHERE digest_id IS NULL AND finished_at < $1 AND state IN ('accepted', 'refused', 'uncertain', 'failed', 'cancelled')
         ORDER BY id LIMIT $2");
    CLEAR_LETTERS = Sql {
        sqlite: "DELETE FROM letter WHERE id IN (SELECT value FROM json_each($1))",
        postgres:
        "DELETE FROM letter WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    };
    OLD_DIGESTS = Sql::both(
        "SELECT d.id FROM digest d WHERE d.cut_at < $1 AND d.state IN ('planned', 'cancelled')
           AND EXISTS (SELECT 1 FROM letter l WHERE l.digest_id = d.id) ORDER BY d.id");
    FOLDED = Sql::both("SELECT folded FROM digest WHERE id = $1");
    FOLD = Sql::both("UPDATE digest SET folded = $2 WHERE id = $1");
    FORGET_ASKED = Sql::both("DELETE FROM subscription WHERE state = 'asked' AND asked_at < $1");
    FORGET_STRANGERS = Sql::both(
        "DELETE FROM subscriber WHERE state = 'asked' AND created_at < $1
           AND NOT EXISTS (SELECT 1 FROM subscription s WHERE s.subscriber_id = subscriber.id)");
}

/// Clears at most so many tries before a moment, of letters at rest. Gives how many.
pub async fn clear_attempts(tx: &mut Tx, before: Stamp, most: i64) -> Result<u64> {
    Ok(change!(tx, CLEAR_ATTEMPTS, (before, most))?)
}

/// Digests cut before a moment that have letters still.
pub async fn old_digests(tx: &mut Tx, before: Stamp) -> Result<Vec<DigestId>> {
    Ok(run!(tx, OLD_DIGESTS, query_scalar(before), fetch_all)?)
}

/// Clears at most so many letters that came to rest before a moment, of a digest or of none, and
/// keeps the digest's counts. Gives how many.
pub async fn clear_letters(
    tx: &mut Tx,
    digest: Option<DigestId>,
    before: Stamp,
    most: i64,
) -> Result<usize> {
    let old: Vec<(LetterId, String, String)> = match digest {
        Some(digest) => run!(tx, OLD_LETTERS, query_as(digest, before, most), fetch_all)?,
        None => run!(tx, OLD_LETTERS_ALONE, query_as(before, most), fetch_all)?,
    };
    if old.is_empty() {
        return Ok(0);
    }
    if let Some(digest) = digest {
        let states = old.iter().filter(|(_, _, purpose)| purpose == "digest");
        fold(tx, digest, states.map(|(_, state, _)| state.as_str())).await?;
    }
    let ids: Vec<LetterId> = old.iter().map(|(id, ..)| *id).collect();
    change!(tx, CLEAR_LETTERS, (to_json(&ids)))?;
    Ok(old.len())
}

async fn fold<'a>(
    tx: &mut Tx,
    digest: DigestId,
    states: impl Iterator<Item = &'a str>,
) -> Result<()> {
    let folded: Option<String> = run!(tx, FOLDED, query_scalar(digest), fetch_one)?;
    let mut counts = BTreeMap::<String, i64>::new();
    if let Some(folded) = folded {
        counts.extend(from_json::<Vec<(String, i64)>>(
            &folded, "digest", "folded", digest.0,
        )?);
    }
    for state in states {
        *counts.entry(state.to_owned()).or_default() += 1;
    }
    let counts: Vec<(String, i64)> = counts.into_iter().collect();
    change!(tx, FOLD, (digest, to_json(&counts)))?;
    Ok(())
}

/// Forgets who asked before a moment and never answered. Gives how many subscriptions.
pub async fn forget_unconfirmed(tx: &mut Tx, before: Stamp) -> Result<u64> {
    let asked = change!(tx, FORGET_ASKED, (before))?;
    change!(tx, FORGET_STRANGERS, (before))?;
    Ok(asked)
}
