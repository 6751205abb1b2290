//! What readers are owed: articles in letters of digests that will never go out, to be in the next.
//!
//! A letter that a server may have taken already (`resends > 0`) owes nothing: it is at rest as
//! probably delivered.

use std::collections::HashMap;

use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::subscription::Seqs;
use crate::audience::subscription::SubscriptionId;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::from_json;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    EDITIONS = Sql::both("SELECT id, articles FROM edition WHERE digest_id = $1");
    EDITIONS_OF_SUBSCRIPTION = Sql::both(
        "SELECT DISTINCT e.digest_id, e.id, e.articles FROM letter l JOIN edition e ON e.id = l.edition_id
         WHERE l.subscriber_id = (SELECT subscriber_id FROM subscription WHERE id = $1) AND l.subscription_id = $1
           AND l.state IN ('queued', 'deferred', 'leased', 'paused')");
    SEQS = Sql {
        sqlite: "SELECT id, seq FROM article WHERE id IN (SELECT value FROM json_each($1))",
        postgres:
        "SELECT id, seq FROM article
         WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    };
    /// $2 is a list of editions, each with its seqs as text; $3 the deadline that has passed; $4 one
    /// subscription, or 0 for all.
    GIVE_BACK = Sql {
        sqlite:
        "WITH held AS MATERIALIZED (
           SELECT json_extract(value, '$[0]') AS edition_id, json_extract(value, '$[1]') AS seqs FROM json_each($2)),
         back AS MATERIALIZED (
           SELECT l.subscription_id AS id, held.seqs FROM letter l JOIN held ON held.edition_id = l.edition_id
           WHERE l.digest_id = $1 AND l.purpose = 'digest' AND l.state IN ('queued', 'deferred', 'leased', 'paused') AND l.resends = 0
             AND l.deadline_at < $3 AND (l.subscription_id = $4 OR $4 = 0))
         UPDATE subscription SET owed = CASE owed WHEN '' THEN back.seqs ELSE owed || ',' || back.seqs END
         FROM back WHERE subscription.id = back.id AND subscription.state IN ('active', 'paused')",
        postgres:
        "WITH held AS (
           SELECT CAST(value ->> 0 AS BIGINT) AS edition_id, value ->> 1 AS seqs
           FROM json_array_elements(CAST($2 AS JSON)) AS line (value)),
         back AS (
           SELECT l.subscription_id AS id, held.seqs FROM letter l JOIN held ON held.edition_id = l.edition_id
           WHERE l.digest_id = $1 AND l.purpose = 'digest' AND l.state IN ('queued', 'deferred', 'leased', 'paused') AND l.resends = 0
             AND l.deadline_at < $3 AND (l.subscription_id = $4 OR $4 = 0))
         UPDATE subscription SET owed = CASE owed WHEN '' THEN back.seqs ELSE owed || ',' || back.seqs END
         FROM back WHERE subscription.id = back.id AND subscription.state IN ('active', 'paused')",
    };
    /// What a server may have is probably delivered; the rest is over, and its articles were given
    /// back.
    END = Sql::both(
        "UPDATE letter SET state = CASE WHEN resends > 0 THEN 'uncertain' ELSE $3 END, finished_at = $4,
                given_back = CASE WHEN resends > 0 THEN 0 ELSE 1 END
         WHERE digest_id = $1 AND purpose = 'digest' AND state IN ('queued', 'deferred', 'leased', 'paused') AND deadline_at < $2
           AND (subscription_id = $5 OR $5 = 0)");
}

/// Ends the letters of a digest whose time ran out. Gives how many.
pub async fn expire(tx: &mut Tx, digest: DigestId, now: Stamp) -> Result<u64> {
    let editions: Vec<(i64, String)> = run!(tx, EDITIONS, query_as(digest), fetch_all)?;
    give_back(tx, digest, &editions, (now, None)).await?;
    Ok(change!(tx, END, (digest, now, "failed", now, 0))?)
}

/// Cancels every letter of a digest whose hand-over hasn't begun. Gives how many.
pub async fn cancel(tx: &mut Tx, digest: DigestId, now: Stamp) -> Result<u64> {
    let ever = Stamp(i64::MAX);
    let editions: Vec<(i64, String)> = run!(tx, EDITIONS, query_as(digest), fetch_all)?;
    give_back(tx, digest, &editions, (ever, None)).await?;
    Ok(change!(tx, END, (digest, ever, "cancelled", now, 0))?)
}

/// Cancels the digests of a subscription that rests for a while; they come in one when it goes on.
/// Gives how many.
pub async fn cancel_of_subscription(
    tx: &mut Tx,
    subscription: SubscriptionId,
    now: Stamp,
) -> Result<u64> {
    let ever = Stamp(i64::MAX);
    let rows: Vec<(DigestId, i64, String)> = run!(
        tx,
        EDITIONS_OF_SUBSCRIPTION,
        query_as(subscription),
        fetch_all
    )?;
    let mut ended = 0;
    for (digest, edition, articles) in rows {
        let whose = (ever, Some(subscription));
        give_back(tx, digest, &[(edition, articles)], whose).await?;
        ended += change!(tx, END, (digest, ever, "cancelled", now, subscription))?;
    }
    Ok(ended)
}

async fn give_back(
    tx: &mut Tx,
    digest: DigestId,
    editions: &[(i64, String)],
    (before, whose): (Stamp, Option<SubscriptionId>),
) -> Result<()> {
    let mut held = Vec::new();
    for (id, articles) in editions {
        let articles: Vec<ArticleId> = from_json(articles, "edition", "articles", *id)?;
        held.push((*id, articles));
    }
    let all: Vec<ArticleId> = held.iter().flat_map(|(_, ids)| ids).copied().collect();
    let seqs: Vec<(ArticleId, Seq)> = run!(tx, SEQS, query_as(to_json(&all)), fetch_all)?;
    let seqs: HashMap<ArticleId, Seq> = seqs.into_iter().collect();
    let lines: Vec<(i64, String)> = held
        .into_iter()
        .map(|(id, articles)| {
            let seqs = articles.iter().filter_map(|id| seqs.get(id)).copied();
            (id, seqs.collect::<Seqs>().to_string())
        })
        .filter(|(_, seqs)| !seqs.is_empty())
        .collect();
    let whose = whose.map_or(0, |id| id.0);
    change!(tx, GIVE_BACK, (digest, to_json(&lines), before, whose))?;
    Ok(())
}
