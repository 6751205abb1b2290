//! Everything held about one person: shown to them, and forgotten.

use crate::audience::SubscriberId;
use crate::audience::subscription::SubscriptionId;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    LETTERS = Sql::both(
        "SELECT l.id, l.purpose, l.state, l.made_at, l.finished_at, t.slug AS list
         FROM letter l LEFT JOIN subscription s ON s.id = l.subscription_id LEFT JOIN list t ON t.id = s.list_id
         WHERE l.subscriber_id = $1 ORDER BY l.id");
    ATTEMPTS = Sql::both(
        "SELECT a.letter_id, a.at, a.outcome, a.host, a.code, a.text FROM attempt a JOIN letter l ON l.id = a.letter_id
         WHERE l.subscriber_id = $1 ORDER BY a.id");
    BOUNCES = Sql::both(
        "SELECT at, kind, origin, text FROM bounce
         WHERE address_mac = (SELECT address_mac FROM subscriber WHERE id = $1) ORDER BY id");
    /// What waits goes nowhere.
    CANCEL = Sql::both(
        "UPDATE letter SET state = 'cancelled', finished_at = $2
         WHERE subscriber_id = $1 AND state IN ('queued', 'deferred', 'leased')");
    /// They came back before it went. Letters are found by whose they are.
    CANCEL_GOODBYE = Sql::both(
        "UPDATE letter SET state = 'cancelled', finished_at = $2
         WHERE subscriber_id = (SELECT subscriber_id FROM subscription WHERE id = $1) AND subscription_id = $1 AND purpose = 'goodbye' AND state IN ('queued', 'deferred', 'leased')");
    /// Servers repeat the address in their answers.
    FORGET_ATTEMPTS = Sql::both(
        "DELETE FROM attempt WHERE letter_id IN (SELECT id FROM letter WHERE subscriber_id = $1)");
    FORGET_WORDS = Sql::both(
        "UPDATE bounce SET text = '' WHERE address_mac = (SELECT address_mac FROM subscriber WHERE id = $1)");
    FORGET = Sql::both("DELETE FROM subscriber WHERE id = $1");
}

/// A letter as its reader may know of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct SentLetter {
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
    /// The slug of its list.
    pub list: Option<String>,
}

/// One try at handing a letter over, as its reader may know of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct Tried {
    /// Of which letter.
    pub letter_id: i64,
    /// When.
    pub at: Stamp,
    /// What came of it.
    pub outcome: String,
    /// Which server.
    pub host: String,
    /// Its answer.
    pub code: Option<i64>,
    /// In words.
    pub text: String,
}

/// What was said of a letter after it had left.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct CameBack {
    /// When.
    pub at: Stamp,
    /// Bounce or complaint.
    pub kind: String,
    /// Which way it came.
    pub origin: String,
    /// In words.
    pub text: String,
}

/// Every letter to somebody that is on record.
pub async fn letters(tx: &mut Tx, id: SubscriberId) -> Result<Vec<SentLetter>> {
    Ok(run!(tx, LETTERS, query_as(id), fetch_all)?)
}

/// Every try at those letters.
pub async fn attempts(tx: &mut Tx, id: SubscriberId) -> Result<Vec<Tried>> {
    Ok(run!(tx, ATTEMPTS, query_as(id), fetch_all)?)
}

/// What came back from their address.
pub async fn bounces(tx: &mut Tx, id: SubscriberId) -> Result<Vec<CameBack>> {
    Ok(run!(tx, BOUNCES, query_as(id), fetch_all)?)
}

/// Says no goodbye to somebody who came back.
pub async fn cancel_goodbye(tx: &mut Tx, id: SubscriptionId, now: Stamp) -> Result<()> {
    change!(tx, CANCEL_GOODBYE, (id, now))?;
    Ok(())
}

/// Forgets somebody: letters that wait, whatever repeats the address, and the person. The ledger
/// keeps that letters went out, not to whom.
pub async fn forget(tx: &mut Tx, id: SubscriberId, now: Stamp) -> Result<()> {
    change!(tx, CANCEL, (id, now))?;
    change!(tx, FORGET_ATTEMPTS, (id))?;
    change!(tx, FORGET_WORDS, (id))?;
    change!(tx, FORGET, (id))?;
    Ok(())
}
