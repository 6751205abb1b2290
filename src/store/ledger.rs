//! The ledger as people who look after lists read it, beside what [`letter`](super::letter) gives.

use std::collections::BTreeMap;

use crate::access::reach::Reach;
use crate::audience::SubscriberId;
use crate::clock::Stamp;
use crate::letter::LetterState;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    /// Those that were accepted are known from how many were made: see [`digest`](super::digest).
    OF_DIGESTS = Sql::both(
        "SELECT state, COUNT(*) FROM letter
         WHERE digest_id IN (SELECT id FROM digest) AND purpose = 'digest' AND state > 'accepted' GROUP BY state");
    OF_NO_DIGEST = Sql::both("SELECT state, COUNT(*) FROM letter WHERE purpose <> 'digest' GROUP BY state");
    MADE = Sql {
        sqlite:
        "SELECT COALESCE(SUM(letters - (SELECT COALESCE(SUM(value ->> 1), 0) FROM json_each(COALESCE(folded, '[]')))), 0)
         FROM digest",
        postgres:
        "SELECT CAST(COALESCE(SUM(letters - (
           SELECT CAST(COALESCE(SUM(CAST(line.value ->> 1 AS BIGINT)), 0) AS BIGINT)
           FROM json_array_elements(CAST(COALESCE(folded, '[]') AS JSON)) AS line (value))), 0) AS BIGINT)
         FROM digest",
    };
    OF_SUBSCRIBER = Sql::both(
        "SELECT id, purpose, state, made_at, finished_at, tries FROM letter
         WHERE subscriber_id = $1 AND ($3 = 0 OR subscription_id IN (
           SELECT s.id FROM subscription s JOIN user_list y ON y.list_id = s.list_id
           WHERE s.subscriber_id = $1 AND y.user_id = $3))
         ORDER BY made_at DESC, id DESC LIMIT $2");
    BEGUN_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM subscription WHERE active_at >= $1 AND active_at < $2
           AND ($3 = 0 OR list_id IN (SELECT list_id FROM user_list WHERE user_id = $3))");
    ENDED_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM subscription WHERE ended_at >= $1 AND ended_at < $2 AND active_at IS NOT NULL
           AND ($3 = 0 OR list_id IN (SELECT list_id FROM user_list WHERE user_id = $3))");
    BYTES = Sql {
        sqlite: "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        postgres: "SELECT pg_database_size(current_database())",
    };
}

/// One letter of somebody's.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Sent {
    /// Which.
    pub id: i64,
    /// What for.
    pub purpose: String,
    /// Where it stands.
    pub state: String,
    /// When it was queued.
    pub made_at: Stamp,
    /// When it came to rest.
    pub finished_at: Option<Stamp>,
    /// How often it was tried.
    pub tries: i64,
}

/// How many letters there are, by where they stand.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(LetterState, i64)>> {
    let made: i64 = run!(tx, MADE, query_scalar(), fetch_one)?;
    let others: Vec<(String, i64)> = run!(tx, OF_DIGESTS, query_as(), fetch_all)?;
    let single: Vec<(String, i64)> = run!(tx, OF_NO_DIGEST, query_as(), fetch_all)?;
    let accepted = made - others.iter().map(|(_, letters)| letters).sum::<i64>();
    let accepted = (LetterState::Accepted.as_str().to_owned(), accepted);
    let mut counts = BTreeMap::<String, i64>::new();
    for (state, letters) in others.into_iter().chain(single).chain([accepted]) {
        *counts.entry(state).or_default() += letters;
    }
    counts
        .into_iter()
        .filter(|(_, letters)| *letters > 0)
        .map(|(state, letters)| Ok((parsed(&state, "letter", "state", 0)?, letters)))
        .collect()
}

/// At most `limit` letters of one subscriber, the newest first, about what is within reach.
pub async fn of_subscriber(
    tx: &mut Tx,
    reach: &Reach,
    id: SubscriberId,
    limit: i64,
) -> Result<Vec<Sent>> {
    let user = reach.user();
    Ok(run!(
        tx,
        OF_SUBSCRIBER,
        query_as(id, limit, user),
        fetch_all
    )?)
}

/// By how many active subscriptions within reach there were more at the second moment than at the
/// first.
pub async fn came_and_went(tx: &mut Tx, reach: &Reach, from: Stamp, to: Stamp) -> Result<i64> {
    let user = reach.user();
    let begun: i64 = run!(tx, BEGUN_WITHIN, query_scalar(from, to, user), fetch_one)?;
    let ended: i64 = run!(tx, ENDED_WITHIN, query_scalar(from, to, user), fetch_one)?;
    Ok(begun - ended)
}

/// How large the database is.
pub async fn database_bytes(tx: &mut Tx) -> Result<i64> {
    Ok(run!(tx, BYTES, query_scalar(), fetch_one)?)
}
