//! What a reader can do with what they have: rest, go on, come back after leaving, take another
//! address, have letters without HTML, and see all that is held about them.

use chrono::NaiveDate;
use chrono::NaiveTime;
use chrono::TimeDelta;
use chrono::TimeZone;
use serde_json::json;

use crate::access::BadLink;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::Format;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::consent::Act;
use crate::audience::list::Cadence;
use crate::audience::sign_up;
use crate::audience::sign_up::NoStanding;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::SubscriptionState;
use crate::clock::Stamp;
use crate::digest::window;
use crate::letter::LetterPurpose;
use crate::store;
use crate::store::Tx;
use crate::store::subscriber::NewSubscriber;
use crate::webhook::Event;

/// For so long after leaving, one press takes it back; later it takes a new confirmation.
const SECOND_THOUGHTS: TimeDelta = TimeDelta::days(1);
/// The longest pause: longer than that is leaving.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(366);

/// No letters until the morning of a day by the reader's own clock. What comes out meanwhile is in
/// the first one afterwards. False if the day is past or too far off, or there is nothing to pause.
pub async fn pause(
    app: &App,
    standing: &Standing,
    until: NaiveDate,
    (origin, wording): (&str, &str),
) -> store::Result<bool> {
    let now = app.now();
    let Some(until) = morning(until, standing.subscriber.zone) else {
        return Ok(false);
    };
    if until <= now || until - now > LONGEST_PAUSE {
        return Ok(false);
    }
    let about = (standing.subscriber.id, standing.list.id);
    let mut tx = app.db.begin().await?;
    let paused = store::subscription::pause(&mut tx, standing.subscription.id, until).await?;
    if paused {
        store::owed::cancel_of_subscription(&mut tx, standing.subscription.id, now).await?;
        sign_up::record(&mut tx, app, about, Act::Changed, (origin, wording)).await?;
    }
    tx.commit().await?;
    Ok(paused)
}

/// The first moment of a day; where clocks skip midnight, the first there is.
fn morning(day: NaiveDate, zone: chrono_tz::Tz) -> Option<Stamp> {
    (0..4).find_map(|hours| {
        let at = day.and_time(NaiveTime::from_hms_opt(hours, 0, 0)?);
        zone.from_local_datetime(&at).earliest().map(Stamp::from)
    })
}

/// Goes on before the pause is over. False if there was none.
pub async fn resume(
    app: &App,
    standing: &Standing,
    (origin, wording): (&str, &str),
) -> store::Result<bool> {
    let about = (standing.subscriber.id, standing.list.id);
    let mut tx = app.db.begin().await?;
    let resumed = store::subscription::resume(&mut tx, standing.subscription.id).await?;
    if resumed {
        sign_up::record(&mut tx, app, about, Act::Changed, (origin, wording)).await?;
    }
    tx.commit().await?;
    Ok(resumed)
}

/// Ends every pause whose day has come.
pub async fn resume_due(app: &App) -> anyhow::Result<u64> {
    let mut tx = app.db.begin().await?;
    let resumed = store::subscription::resume_due(&mut tx, app.now()).await?;
    tx.commit().await?;
    if resumed > 0 {
        tracing::info!(subscriptions = resumed, "pause.ended");
    }
    Ok(resumed)
}

/// Whether leaving can still be taken back.
pub fn may_come_back(app: &App, standing: &Standing) -> bool {
    let ended = standing.subscription.ended_at;
    standing.subscription.state == SubscriptionState::Ended
        && ended.is_some_and(|ended| app.now() - ended < SECOND_THOUGHTS)
}

/// Takes back the leaving, as if it hadn't been, but with fewer letters if they want that. False if
/// it's too late.
pub async fn come_back(
    app: &App,
    standing: &Standing,
    cadence: Option<Cadence>,
    (origin, wording): (&str, &str),
) -> store::Result<bool> {
    let now = app.now();
    let (subscription, list) = (&standing.subscription, &standing.list);
    let mut tx = app.db.begin().await?;
    let since = now - SECOND_THOUGHTS;
    if !store::subscription::come_back(&mut tx, subscription.id, since).await? {
        return Ok(false);
    }
    store::person::cancel_goodbye(&mut tx, subscription.id, now).await?;
    if let Some(cadence) = cadence.filter(|cadence| list.cadences.contains(cadence)) {
        let hour = Some(subscription.rhythm.hour);
        let beat = list.beat(cadence, (None, hour, standing.subscriber.zone));
        let next = window::next_beat(beat, list.pace.gathering(), now);
        let rhythm = store::rhythm::keep(&mut tx, list.id, beat, next).await?;
        store::subscription::choose(&mut tx, subscription.id, rhythm, &subscription.topics).await?;
    }
    let about = (standing.subscriber.id, list.id);
    sign_up::record(&mut tx, app, about, Act::Given, (origin, wording)).await?;
    store::webhook::tell(&mut tx, Event::Confirmed, &standing.about(), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Letters with HTML or without, on every list.
pub async fn set_format(app: &App, standing: &Standing, format: Format) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    store::subscriber::set_format(&mut tx, standing.subscriber.id, format).await?;
    tx.commit().await
}

/// They want their letters somewhere else: a letter to the new address asks whether it's theirs.
/// Until it's answered nothing changes, and nobody learns whether we know that address.
pub async fn ask_address(app: &App, standing: &Standing, new: &EmailAddress) -> store::Result<()> {
    let now = app.now();
    let subscriber = &standing.subscriber;
    let mut tx = app.db.begin().await?;
    if store::subscriber::is_suppressed(&mut tx, new, &app.secret).await? {
        return Ok(());
    }
    let wanted = NewSubscriber {
        email: new.clone(),
        name: subscriber.name.clone(),
        language: subscriber.language,
        zone: subscriber.zone,
    };
    let to = store::subscriber::keep(&mut tx, &wanted, &app.secret, now).await?;
    if to.id != subscriber.id {
        store::address::ask(&mut tx, subscriber.id, to.id, now).await?;
        sign_up::write(&mut tx, app, LetterPurpose::Address, (&to, None)).await?;
    }
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(())
}

/// A change of address that a link is about.
#[derive(Debug, Clone)]
pub struct Move {
    /// Who moves.
    pub who: Subscriber,
    /// Who has the new address: mostly nobody else.
    pub to: Subscriber,
}

/// What a link to another address is about. Looks only.
pub async fn address_move(app: &App, token: &str) -> Result<Move, NoStanding> {
    let link = SignedLink::open(token, Purpose::Address, &app.secret)?;
    let link = link.within(app.settings.retain.unconfirmed, app.now())?;
    let mut tx = app.db.read().await?;
    let change = store::address::find(&mut tx, link.number).await?;
    let (who, to) = change.ok_or(BadLink::Expired)?;
    Ok(Move {
        who: known(&mut tx, who).await?,
        to: known(&mut tx, to).await?,
    })
}

async fn known(tx: &mut Tx, id: SubscriberId) -> Result<Subscriber, NoStanding> {
    let found = store::subscriber::find(tx, id).await?;
    found.ok_or(NoStanding::Forgotten)
}

/// The button behind that link: from here on letters go to the new address. Links in old letters
/// stay good.
pub async fn change_address(
    app: &App,
    change: &Move,
    (origin, wording): (&str, &str),
) -> store::Result<()> {
    let (who, new) = (change.who.id, &change.to.email);
    let mac = app.secret.address_mac(new);
    let mut tx = app.db.begin().await?;
    store::address::make(&mut tx, who, change.to.id, (new, &mac)).await?;
    for subscription in store::subscription::of_subscriber(&mut tx, who).await? {
        let about = (who, subscription.list_id);
        sign_up::record(&mut tx, app, about, Act::Changed, (origin, wording)).await?;
    }
    tx.commit().await?;
    app.scrub_later();
    Ok(())
}

/// All that is held about somebody, for them to keep.
pub async fn export(app: &App, subscriber: &Subscriber) -> store::Result<serde_json::Value> {
    let mut tx = app.db.read().await?;
    let mut subscriptions = Vec::new();
    for subscription in store::subscription::of_subscriber(&mut tx, subscriber.id).await? {
        let list = store::list::get(&mut tx, subscription.list_id).await?;
        let topics = store::topic::some(&mut tx, subscription.topics.ids()).await?;
        let topics: Vec<String> = topics.into_iter().map(|(_, topic)| topic.name).collect();
        subscriptions.push(json!({
            "list": list.slug.as_str(),
            "name": list.name,
            "state": subscription.state,
            "paused_until": subscription.paused_until.map(|until| until.to_string()),
            "ended_at": subscription.ended_at.map(|ended| ended.to_string()),
            "cadence": subscription.rhythm.cadence,
            "hour": subscription.rhythm.hour,
            "zone": subscription.rhythm.zone.name(),
            "topics": topics,
        }));
    }
    let consents = store::consent::of_subscriber(&mut tx, subscriber.id).await?;
    let consents = consents.into_iter().map(|consent| {
        json!({
            "at": consent.at.to_string(),
            "act": consent.act.as_str(),
            "origin": consent.origin,
            "wording": consent.wording,
        })
    });
    let consents: Vec<serde_json::Value> = consents.collect();
    let letters = store::person::letters(&mut tx, subscriber.id).await?;
    let letters = letters.into_iter().map(|letter| {
        json!({
            "id": letter.id,
            "purpose": letter.purpose,
            "list": letter.list,
            "state": letter.state,
            "made_at": letter.made_at.to_string(),
            "finished_at": letter.finished_at.map(|finished| finished.to_string()),
        })
    });
    let letters: Vec<serde_json::Value> = letters.collect();
    Ok(json!({
        "email": subscriber.email.as_str(),
        "name": subscriber.name,
        "language": subscriber.language.as_str(),
        "zone": subscriber.zone.name(),
        "format": subscriber.format,
        "confirmed": subscriber.state == crate::audience::SubscriberState::Confirmed,
        "created_at": subscriber.created_at.to_string(),
        "subscriptions": subscriptions,
        "consents": consents,
        "letters": letters,
        "attempts": store::person::attempts(&mut tx, subscriber.id).await?,
        "bounces": store::person::bounces(&mut tx, subscriber.id).await?,
    }))
}
