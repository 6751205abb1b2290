//! Consent: evidence that is only ever added to.

use crate::audience::SubscriberId;
use crate::audience::consent::Act;
use crate::audience::consent::Consent;
use crate::audience::list::ListId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    RECORD = Sql::both(
        "INSERT INTO consent (subscriber_id, list_id, act, at, origin, wording) VALUES ($1, $2, $3, $4, $5, $6)");
    OF_SUBSCRIBER = Sql::both(
        "SELECT id, subscriber_id, list_id, act, at, origin, wording FROM consent WHERE subscriber_id = $1 ORDER BY id");
}

type Row = (
    i64,
    SubscriberId,
    ListId,
    String,
    crate::clock::Stamp,
    String,
    String,
);

/// Adds one piece of evidence.
pub async fn record(tx: &mut Tx, consent: &Consent) -> Result<()> {
    change!(
        tx,
        RECORD,
        (
            consent.subscriber_id,
            consent.list_id,
            consent.act.as_str(),
            consent.at,
            &consent.origin,
            &consent.wording
        )
    )?;
    Ok(())
}

/// All that a subscriber ever said, in order.
pub async fn of_subscriber(tx: &mut Tx, id: SubscriberId) -> Result<Vec<Consent>> {
    let rows: Vec<Row> = run!(tx, OF_SUBSCRIBER, query_as(id), fetch_all)?;
    rows.into_iter()
        .map(|(id, subscriber_id, list_id, act, at, origin, wording)| {
            let act = [Act::Asked, Act::Given, Act::Changed, Act::Withdrawn]
                .into_iter()
                .find(|known| known.as_str() == act)
                .ok_or_else(|| broken("consent", "act", id, &act))?;
            Ok(Consent {
                subscriber_id,
                list_id,
                act,
                at,
                origin,
                wording,
            })
        })
        .collect()
}
