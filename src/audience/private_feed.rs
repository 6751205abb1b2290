//! A subscription as a feed of its own, `/my/{token}/feed.atom`: for those who would rather read
//! than get letters.
//!
//! Its address is the key, and can do nothing but read. It is the same at every look, so that the
//! page of preferences can show it; its owner can take it back or change it at any time, without
//! any other link losing its force.

use crate::access::BadLink;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::sign_up;
use crate::audience::sign_up::NoStanding;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::SubscriptionState;
use crate::clock::Stamp;
use crate::store;

/// The feed's address; `None` while the subscription has none.
pub async fn address(app: &App, subscription: SubscriptionId) -> store::Result<Option<String>> {
    let mut tx = app.db.read().await?;
    let turn = store::subscription::feed_turn(&mut tx, subscription).await?;
    Ok(turn.map(|turn| address_of(app, subscription, turn)))
}

/// Gives the subscription a feed, or its feed a new address: the one before is worthless from now
/// on.
pub async fn open(app: &App, subscription: SubscriptionId) -> store::Result<String> {
    let mut tx = app.db.begin().await?;
    let turn = store::subscription::open_feed(&mut tx, subscription).await?;
    tx.commit().await?;
    Ok(address_of(app, subscription, turn))
}

/// Takes the feed back.
pub async fn close(app: &App, subscription: SubscriptionId) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    store::subscription::close_feed(&mut tx, subscription).await?;
    tx.commit().await
}

/// Whose feed an address opens. Fails with [`BadLink::Expired`] if it was taken back, or the
/// subscription has ended.
pub async fn standing(app: &App, token: &str) -> Result<Standing, NoStanding> {
    let link = SignedLink::open(token, Purpose::Feed, &app.secret)?;
    let standing = sign_up::standing(app, token, Purpose::Feed).await?;
    let mut tx = app.db.read().await?;
    let turn = store::subscription::feed_turn(&mut tx, standing.subscription.id).await?;
    let is_read = matches!(
        standing.subscription.state,
        SubscriptionState::Active | SubscriptionState::Paused
    );
    if turn == Some(link.made.seconds()) && is_read {
        Ok(standing)
    } else {
        Err(BadLink::Expired.into())
    }
}

/// The link's moment is the turn: a number that grows with every change.
fn address_of(app: &App, subscription: SubscriptionId, turn: i64) -> String {
    let link = SignedLink {
        number: subscription.0,
        made: Stamp(turn * 1000),
    };
    let token = link.sign(Purpose::Feed, &app.secret);
    app.url(&format!("/my/{token}/feed.atom"))
}
