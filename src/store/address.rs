//! Changes of address: asked for, and made once the new address has answered.

use crate::audience::EmailAddress;
use crate::audience::SubscriberId;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    FORGET_OLD = Sql::both("DELETE FROM address_change WHERE subscriber_id = $1");
    ASK = Sql::both("INSERT INTO address_change (subscriber_id, to_id, asked_at) VALUES ($1, $2, $3) RETURNING id");
    FIND = Sql::both("SELECT subscriber_id, to_id FROM address_change WHERE id = $1");
    NEWEST_TO = Sql::both("SELECT MAX(id) FROM address_change WHERE to_id = $1");
    /// What the new address had begun on a list counts for more than what the old one had ended.
    YIELD = Sql::both(
        "DELETE FROM subscription WHERE subscriber_id = $1 AND state IN ('asked', 'ended')
           AND list_id IN (SELECT list_id FROM subscription WHERE subscriber_id = $2 AND state IN ('active', 'paused'))");
    DROP_TWICE = Sql::both(
        "DELETE FROM subscription WHERE subscriber_id = $2
           AND list_id IN (SELECT list_id FROM subscription WHERE subscriber_id = $1)");
    TAKE_SUBSCRIPTIONS = Sql::both("UPDATE subscription SET subscriber_id = $1 WHERE subscriber_id = $2");
    TAKE_LETTERS = Sql::both("UPDATE letter SET subscriber_id = $1 WHERE subscriber_id = $2");
    DROP = Sql::both("DELETE FROM subscriber WHERE id = $1");
    SET = Sql::both(
        "UPDATE subscriber SET email = $2, email_key = $3, address_mac = $4, state = 'confirmed' WHERE id = $1");
    /// Addresses somebody wanted to have, that nobody ever answered from.
    DROP_WANTED = Sql::both(
        "DELETE FROM subscriber WHERE state = 'asked'
           AND id IN (SELECT to_id FROM address_change WHERE subscriber_id = $1)
           AND NOT EXISTS (SELECT 1 FROM subscription s WHERE s.subscriber_id = subscriber.id)");
}

/// Notes that somebody wants another address; what they wanted before is off. Gives the number for
/// the link.
pub async fn ask(tx: &mut Tx, who: SubscriberId, to: SubscriberId, now: Stamp) -> Result<i64> {
    change!(tx, FORGET_OLD, (who))?;
    Ok(run!(tx, ASK, query_scalar(who, to, now), fetch_one)?)
}

/// Who wants the address of whom, if they still do.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<(SubscriberId, SubscriberId)>> {
    Ok(run!(tx, FIND, query_as(id), fetch_optional)?)
}

/// The newest change to this address, for the letter to it.
pub async fn newest_to(tx: &mut Tx, to: SubscriberId) -> Result<Option<i64>> {
    Ok(run!(tx, NEWEST_TO, query_scalar(to), fetch_one)?)
}

/// Gives `who` the address of `to`, with all that `to` has; of two subscriptions to a list the one
/// that is alive stays.
pub async fn make(
    tx: &mut Tx,
    who: SubscriberId,
    to: SubscriberId,
    (address, mac): (&EmailAddress, &str),
) -> Result<()> {
    change!(tx, YIELD, (who, to))?;
    change!(tx, DROP_TWICE, (who, to))?;
    change!(tx, TAKE_SUBSCRIPTIONS, (who, to))?;
    change!(tx, TAKE_LETTERS, (who, to))?;
    change!(tx, DROP, (to))?;
    change!(tx, SET, (who, address.as_str(), address.key(), mac))?;
    Ok(())
}

/// Forgets an address that somebody asked for in vain.
pub async fn forget_wanted(tx: &mut Tx, who: SubscriberId) -> Result<()> {
    change!(tx, DROP_WANTED, (who))?;
    Ok(())
}
