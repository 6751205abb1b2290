//! How a reader comes, chooses and goes: ask, confirm, choose, leave, and "send me my link".
//!
//! Whatever address is asked for, the answer is the same, and what differs is in the mailbox. A
//! letter is queued in the transaction of the fact that causes it, so a reader who was told "look
//! into your mailbox" has one coming.

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::Value;
use serde_json::json;

use crate::access::BadLink;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::SubscriberState;
use crate::audience::consent;
use crate::audience::consent::Act;
use crate::audience::consent::Consent;
use crate::audience::list::Cadence;
use crate::audience::list::Hour;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::audience::pace::Days;
use crate::audience::subscription::Subscription;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::SubscriptionState;
use crate::audience::subscription::TopicChoice;
use crate::digest::window;
use crate::letter::LetterPurpose;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::store::subscriber::NewSubscriber;
use crate::webhook::Event;

/// How long a letter that somebody waits for is worth sending.
const WORTH_SENDING: TimeDelta = TimeDelta::hours(24);

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Where to write.
    pub email: EmailAddress,
    /// May be empty.
    pub name: String,
    /// Of letters and pages.
    pub language: Language,
    /// Their clock.
    pub zone: Tz,
    /// How often.
    pub cadence: Cadence,
    /// On which days, if they chose weekdays and which.
    pub days: Option<Days>,
    /// When, if they chose.
    pub hour: Option<Hour>,
    /// About what.
    pub topics: TopicChoice,
    /// Through which door: `form 203.0.113.0/24`, `import people.csv`.
    pub origin: String,
    /// The words they were shown.
    pub wording: String,
}

/// Somebody asks for a list: notes it and queues the letter with the link, or, to a subscriber, the
/// link to their choices. A suppressed address gets nothing; nobody can tell from outside. False if
/// its mailbox has had its share today, so that nothing was queued, nor would have been.
pub async fn ask(app: &App, list: &List, wish: &Wish) -> store::Result<bool> {
    let mut tx = app.db.begin().await?;
    if store::subscriber::is_suppressed(&mut tx, &wish.email, &app.secret).await? {
        let spent = spend(&mut tx, app, LetterPurpose::Confirm, &wish.email).await?;
        tx.commit().await?;
        return Ok(spent);
    }
    let (subscriber, asked) = note(app, &mut tx, list, wish).await?;
    let (purpose, about) = match asked {
        Some(id) => (LetterPurpose::Confirm, Some(id)),
        None => (LetterPurpose::Link, None),
    };
    let queued = write(&mut tx, app, purpose, (&subscriber, about)).await?;
    if asked.is_some() && queued {
        record(
            &mut tx,
            app,
            (subscriber.id, list.id),
            Act::Asked,
            (&wish.origin, &wish.wording),
        )
        .await?;
    }
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(queued)
}

/// Somebody whose consent is on record elsewhere joins at once, without a letter. `None` if they
/// have the list, or must not be written to.
pub async fn enrol(app: &App, list: &List, wish: &Wish) -> store::Result<Option<SubscriptionId>> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    if store::subscriber::is_suppressed(&mut tx, &wish.email, &app.secret).await? {
        return Ok(None);
    }
    let (subscriber, asked) = note(app, &mut tx, list, wish).await?;
    if let Some(id) = asked {
        store::subscription::activate(&mut tx, id, now).await?;
        store::subscriber::confirm(&mut tx, subscriber.id).await?;
        record(
            &mut tx,
            app,
            (subscriber.id, list.id),
            Act::Given,
            (&wish.origin, &wish.wording),
        )
        .await?;
        let about = about(subscriber.id, id, list);
        store::webhook::tell(&mut tx, Event::Confirmed, &about, now).await?;
    }
    tx.commit().await?;
    Ok(asked)
}

/// What a link in a letter leads to.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Who.
    pub subscriber: Subscriber,
    /// What.
    pub list: List,
    /// How.
    pub subscription: Subscription,
}

impl Standing {
    /// The same for programs.
    pub fn about(&self) -> Value {
        about(self.subscriber.id, self.subscription.id, &self.list)
    }
}

/// What programs are told of a subscription: numbers, never an address.
pub fn about(subscriber: SubscriberId, subscription: SubscriptionId, list: &List) -> Value {
    let list = list.slug.as_str();
    json!({ "subscriber": subscriber, "subscription": subscription, "list": list })
}

/// Why a link leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum NoStanding {
    /// It isn't good, or no longer.
    #[error(transparent)]
    Link(#[from] BadLink),
    /// What it was about is gone.
    #[error("expected a subscription that is there, but got one that was forgotten")]
    Forgotten,
    /// The database didn't say.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// What a confirm, leave or preferences link is about. Looks only; following a link changes
/// nothing.
pub async fn standing(app: &App, token: &str, purpose: Purpose) -> Result<Standing, NoStanding> {
    let mut link = SignedLink::open(token, purpose, &app.secret)?;
    if purpose == Purpose::Confirm {
        link = link.within(app.settings.retain.unconfirmed, app.now())?;
    }
    let mut tx = app.db.read().await?;
    let subscription = store::subscription::find(&mut tx, SubscriptionId(link.number)).await?;
    let subscription = subscription.ok_or(NoStanding::Forgotten)?;
    let subscriber = store::subscriber::find(&mut tx, subscription.subscriber_id).await?;
    let subscriber = subscriber.ok_or(NoStanding::Forgotten)?;
    let list = store::list::get(&mut tx, subscription.list_id).await?;
    Ok(Standing {
        subscriber,
        list,
        subscription,
    })
}

/// The button behind the link: from here on they get digests, beginning with what is published
/// next. Pressing it again changes nothing.
pub async fn confirm(
    app: &App,
    standing: &Standing,
    origin: &str,
    wording: &str,
) -> store::Result<()> {
    let now = app.now();
    let about = (standing.subscriber.id, standing.list.id);
    let mut tx = app.db.begin().await?;
    if store::subscription::activate(&mut tx, standing.subscription.id, now).await? {
        store::subscriber::confirm(&mut tx, standing.subscriber.id).await?;
        record(&mut tx, app, about, Act::Given, (origin, wording)).await?;
        let (purpose, whom) = (
            LetterPurpose::Welcome,
            (standing.subscriber.id, Some(standing.subscription.id)),
        );
        // It goes in any case, and leaves the less for others.
        spend(&mut tx, app, purpose, &standing.subscriber.email).await?;
        store::letter::add(&mut tx, purpose, whom, now, now + WORTH_SENDING).await?;
        store::webhook::tell(&mut tx, Event::Confirmed, &standing.about(), now).await?;
    }
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(())
}

/// They leave. When this returns, nothing whose hand-over has not begun goes out to them but the
/// goodbye.
pub async fn leave(
    app: &App,
    standing: &Standing,
    origin: &str,
    wording: &str,
) -> store::Result<()> {
    let now = app.now();
    let about = (standing.subscriber.id, standing.list.id);
    let mut tx = app.db.begin().await?;
    if store::subscription::end(&mut tx, standing.subscription.id, now).await? {
        store::letter::cancel_of_subscription(&mut tx, standing.subscription.id, now).await?;
        record(&mut tx, app, about, Act::Withdrawn, (origin, wording)).await?;
        if standing.subscription.state != SubscriptionState::Asked {
            let (purpose, whom) = (
                LetterPurpose::Goodbye,
                (standing.subscriber.id, Some(standing.subscription.id)),
            );
            store::letter::add(&mut tx, purpose, whom, now, now + WORTH_SENDING).await?;
            store::webhook::tell(&mut tx, Event::Left, &standing.about(), now).await?;
        }
    }
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(())
}

/// They choose differently. The cursor stays, so nothing is repeated and nothing lost.
pub async fn choose(app: &App, standing: &Standing, wish: &Wish) -> store::Result<()> {
    let about = (standing.subscriber.id, standing.list.id);
    let mut tx = app.db.begin().await?;
    let rhythm = keep_rhythm(app, &mut tx, &standing.list, wish).await?;
    store::subscription::choose(&mut tx, standing.subscription.id, rhythm, &wish.topics).await?;
    store::subscriber::set_choices(&mut tx, standing.subscriber.id, wish.language, wish.zone)
        .await?;
    record(
        &mut tx,
        app,
        about,
        Act::Changed,
        (&wish.origin, &wish.wording),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// "Send me my link": a letter to a subscriber, nothing to anybody else, the same answer to both.
pub async fn send_link(app: &App, email: &EmailAddress) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    let Some(subscriber) = store::subscriber::hold_by_email(&mut tx, email).await? else {
        return Ok(());
    };
    if subscriber.state == SubscriberState::Confirmed {
        write(&mut tx, app, LetterPurpose::Link, (&subscriber, None)).await?;
    }
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(())
}

/// Queues a letter that somebody asked for in an address's name, unless its mailbox has had its
/// share today ([`store::asking`]). Says whether it did. Every door that makes us write to an address leads through here.
pub(super) async fn write(
    tx: &mut Tx,
    app: &App,
    purpose: LetterPurpose,
    (whom, about): (&Subscriber, Option<SubscriptionId>),
) -> store::Result<bool> {
    let now = app.now();
    let spent = spend(tx, app, purpose, &whom.email).await?;
    if spent {
        let deadline = now + WORTH_SENDING;
        store::letter::add(tx, purpose, (whom.id, about), now, deadline).await?;
    }
    Ok(spent)
}

async fn spend(
    tx: &mut Tx,
    app: &App,
    purpose: LetterPurpose,
    email: &EmailAddress,
) -> store::Result<bool> {
    let mailbox = app.secret.mailbox_mac(email);
    store::asking::spend(tx, &mailbox, purpose, app.now()).await
}

/// The subscriber, and the subscription that waits to begin; none if they have the list.
async fn note(
    app: &App,
    tx: &mut Tx,
    list: &List,
    wish: &Wish,
) -> store::Result<(Subscriber, Option<SubscriptionId>)> {
    let subscriber = keep(app, tx, wish).await?;
    let rhythm = keep_rhythm(app, tx, list, wish).await?;
    let about = (subscriber.id, list.id);
    let asked = store::subscription::ask(tx, about, rhythm, &wish.topics, app.now()).await?;
    Ok((subscriber, asked))
}

async fn keep(app: &App, tx: &mut Tx, wish: &Wish) -> store::Result<Subscriber> {
    let new = NewSubscriber {
        email: wish.email.clone(),
        name: wish.name.clone(),
        language: wish.language,
        zone: wish.zone,
    };
    store::subscriber::keep(tx, &new, &app.secret, app.now()).await
}

async fn keep_rhythm(
    app: &App,
    tx: &mut Tx,
    list: &List,
    wish: &Wish,
) -> store::Result<crate::audience::subscription::RhythmId> {
    let beat = list.beat(wish.cadence, (wish.days, wish.hour, wish.zone));
    let next = window::next_beat(beat, list.pace.gathering(), app.now());
    store::rhythm::keep(tx, list.id, beat, next).await
}

pub(super) async fn record(
    tx: &mut Tx,
    app: &App,
    (subscriber_id, list_id): (SubscriberId, ListId),
    act: Act,
    (origin, wording): (&str, &str),
) -> store::Result<()> {
    let wording = consent::hash(wording);
    let consent = Consent {
        subscriber_id,
        list_id,
        act,
        at: app.now(),
        origin: origin.to_owned(),
        wording,
    };
    store::consent::record(tx, &consent).await
}
