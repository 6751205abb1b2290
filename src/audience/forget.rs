//! Forgetting somebody: their address leaves the database, and its file; what stays is a keyed
//! hash, so that nobody can sign them up again, and evidence that names nobody.

use chrono::TimeDelta;

use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::consent::Act;
use crate::audience::sign_up;
use crate::audience::sign_up::NoStanding;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::SubscriptionState;
use crate::letter::LetterPurpose;
use crate::store;
use crate::store::subscriber::Suppression;
use crate::webhook::Event;

/// How long the link in the letter works: what it does can't be undone.
pub const LINK_WORKS: TimeDelta = TimeDelta::hours(24);

/// They want to be forgotten: a letter to their own address brings the link, since the one they
/// came by may have been passed on.
pub async fn ask(app: &App, standing: &Standing) -> store::Result<()> {
    let whom = (&standing.subscriber, None);
    let mut tx = app.db.begin().await?;
    sign_up::write(&mut tx, app, LetterPurpose::Erasure, whom).await?;
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(())
}

/// Whom a link to be forgotten is about. Looks only.
pub async fn whom(app: &App, token: &str) -> Result<Subscriber, NoStanding> {
    let link = SignedLink::open(token, Purpose::Erasure, &app.secret)?;
    let link = link.within(LINK_WORKS, app.now())?;
    let mut tx = app.db.read().await?;
    let found = store::subscriber::find(&mut tx, SubscriberId(link.number)).await?;
    found.ok_or(NoStanding::Forgotten)
}

/// Forgets somebody for good. The caller has the file cleaned ([`App::scrub_later`], or
/// [`store::Db::scrub`]).
pub async fn forget(
    app: &App,
    subscriber: &Subscriber,
    (origin, wording): (&str, &str),
) -> store::Result<()> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    for subscription in store::subscription::of_subscriber(&mut tx, subscriber.id).await? {
        let about = (subscriber.id, subscription.list_id);
        sign_up::record(&mut tx, app, about, Act::Withdrawn, (origin, wording)).await?;
        if matches!(
            subscription.state,
            SubscriptionState::Active | SubscriptionState::Paused
        ) {
            let list = store::list::get(&mut tx, subscription.list_id).await?;
            let about = sign_up::about(subscriber.id, subscription.id, &list);
            store::webhook::tell(&mut tx, Event::Left, &about, now).await?;
        }
    }
    let why = Suppression::Erasure;
    store::subscriber::suppress(&mut tx, &subscriber.email, why, &app.secret, now).await?;
    store::address::forget_wanted(&mut tx, subscriber.id).await?;
    store::upload::forget(&mut tx, &subscriber.email).await?;
    store::person::forget(&mut tx, subscriber.id, now).await?;
    tx.commit().await?;
    tracing::info!(subscriber = subscriber.id.0, "subscriber.forgotten");
    Ok(())
}

/// The same by address, for whoever looks after the lists: the address may not come back, whether
/// or not we knew it. Says whether we did.
pub async fn forget_address(
    app: &App,
    email: &EmailAddress,
    evidence: (&str, &str),
) -> store::Result<bool> {
    let mut tx = app.db.begin().await?;
    let found = store::subscriber::find_by_email(&mut tx, email).await?;
    let Some(subscriber) = found else {
        let why = Suppression::Erasure;
        store::subscriber::suppress(&mut tx, email, why, &app.secret, app.now()).await?;
        store::upload::forget(&mut tx, email).await?;
        tx.commit().await?;
        return Ok(false);
    };
    drop(tx);
    forget(app, &subscriber, evidence).await?;
    app.db.scrub().await?;
    Ok(true)
}
