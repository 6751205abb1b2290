//! What comes back after a letter has left: bounces, complaints, and letters that say "leave".
//!
//! A [`Report`] goes in, from a mailbox, a provider's hook (`web/hooks`) or the ledger's own
//! refusals; what it means for the reader comes out, once, however often it is told.

use chrono::TimeDelta;
use serde_json::json;

use crate::access::Purpose;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::SubscriberId;
use crate::audience::consent;
use crate::audience::consent::Act;
use crate::audience::consent::Consent;
use crate::audience::sign_up;
use crate::audience::subscription::SubscriptionState;
use crate::clock::Stamp;
use crate::delivery::inbox::Inbox;
use crate::delivery::returns::About;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::delivery::returns::message;
use crate::delivery::returns::message::Mail;
use crate::delivery::returns::status;
use crate::delivery::smtp::Trust;
use crate::digest::DigestId;
use crate::digest::alarm;
use crate::digest::alarm::Alarm;
use crate::digest::alarm::Spike;
use crate::digest::review;
use crate::letter::LetterId;
use crate::letter::LetterState;
use crate::store;
use crate::store::Tx;
use crate::store::bounce::NewBounce;
use crate::store::subscriber::Suppression;
use crate::webhook::Event;

/// Points in [`MEMORY`] from which an address is written to no more.
const TOO_MANY: i64 = 10;
/// How long a bounce counts.
const MEMORY: TimeDelta = TimeDelta::days(30);
/// Mails that are read before the next look.
const AT_ONCE: usize = 500;
/// Refusals that are looked at in one unit of work.
const CHUNK: i64 = 500;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It is on record.
    Recorded,
    /// It is on record, and the address is written to no more.
    Suppressed,
    /// It came before.
    Known,
    /// Nobody we know: nothing was done.
    Nobody,
    /// The reader left by letter.
    Left,
    /// It's no report, or not a provable one: nothing was done.
    Ignored,
}

/// Takes a report in.
pub async fn take_in(app: &App, report: &Report) -> store::Result<Taken> {
    let mut tx = app.db.begin().await?;
    let Some(whom) = find(&mut tx, &report.about).await? else {
        tracing::info!(origin = report.origin, "bounce.nobody");
        return Ok(Taken::Nobody);
    };
    let taken = record(app, &mut tx, report, &whom).await?;
    tx.commit().await?;
    tracing::info!(
        origin = report.origin,
        kind = report.kind.as_str(),
        letter = whom.letter.map(|id| id.0),
        subscriber = whom.subscriber.0,
        ?taken,
        "bounce.taken"
    );
    Ok(taken)
}

/// Takes in one mail of the mailbox that letters come back to. `recipient` is the address that the
/// mail server delivered it for, where it says so.
pub async fn take_mail(app: &App, bytes: &[u8], recipient: Option<&str>) -> anyhow::Result<Taken> {
    match message::read(bytes, recipient, &app.secret) {
        Mail::Report(report) => Ok(take_in(app, &report).await?),
        Mail::Leave(token) => leave(app, &token).await,
        Mail::Other(why) => {
            tracing::info!(why, "bounce.unverified");
            Ok(Taken::Ignored)
        }
    }
}

/// Reads what came into the mailbox that `mail.mailbox` names, and says how much that was. A mail
/// is marked as seen once it's on record and never deleted, so nothing is lost if we stop half-way.
pub async fn take_mailbox(app: &App, trust: &Trust) -> anyhow::Result<usize> {
    let Some(url) = &app.settings.mail.mailbox else {
        return Ok(0);
    };
    let mut inbox = Inbox::open(url.expose(), trust).await?;
    let unseen = inbox.unseen(AT_ONCE).await?;
    for mail in &unseen {
        if let Some(bytes) = inbox.fetch(*mail).await? {
            take_mail(app, &bytes, None).await?;
        }
        inbox.mark_seen(*mail).await?;
    }
    inbox.close().await;
    Ok(unseen.len())
}

/// What relays refused outright in the ledger says the same as a bounce would. Looks at what was
/// refused since the last time, and says how many there were.
pub async fn take_refusals(app: &App) -> anyhow::Result<usize> {
    let since = app.now() - MEMORY;
    let mut tx = app.db.begin().await?;
    let refused = store::bounce::refusals(&mut tx, since, CHUNK).await?;
    for refusal in &refused {
        let status = refusal.enhanced.clone();
        let report = Report {
            key: format!("smtp:{}", refusal.letter_id),
            about: About::Letter(refusal.letter_id),
            kind: status::kind(status.as_deref(), refusal.code),
            status,
            text: refusal.text.clone(),
            origin: "smtp",
        };
        if let Some(whom) = find(&mut tx, &report.about).await? {
            record(app, &mut tx, &report, &whom).await?;
        }
    }
    tx.commit().await?;
    Ok(refused.len())
}

/// Whom a report is about.
struct Whom {
    subscriber: SubscriberId,
    email: EmailAddress,
    letter: Option<LetterId>,
    digest: Option<DigestId>,
}

async fn find(tx: &mut Tx, about: &About) -> store::Result<Option<Whom>> {
    match about {
        About::Letter(id) => {
            let found = store::bounce::addressee(tx, *id).await?;
            Ok(found.map(|found| Whom {
                subscriber: found.subscriber,
                email: found.email,
                letter: Some(*id),
                digest: found.digest,
            }))
        }
        About::Address(email) => {
            let subscriber = store::subscriber::find_by_email(tx, email).await?;
            Ok(subscriber.map(|subscriber| Whom {
                subscriber: subscriber.id,
                email: subscriber.email,
                letter: None,
                digest: None,
            }))
        }
    }
}

/// Counts the report, and ends what it must end, all in one unit of work.
async fn record(app: &App, tx: &mut Tx, report: &Report, whom: &Whom) -> store::Result<Taken> {
    let now = app.now();
    let mac = app.secret.address_mac(&whom.email);
    let new = NewBounce {
        report: &report.key,
        letter: whom.letter,
        digest: whom.digest,
        address_mac: &mac,
        kind: report.kind,
        origin: report.origin,
        status: report.status.as_deref(),
        text: &report.text,
        at: now,
    };
    if !store::bounce::record(tx, &new).await? {
        return Ok(Taken::Known);
    }
    if let Some(letter) = whom.letter.filter(|_| report.kind != Kind::Complaint) {
        let about = json!({
            "letter": letter, "subscriber": whom.subscriber, "digest": whom.digest,
            "kind": report.kind.as_str(), "status": report.status, "origin": report.origin,
        });
        store::webhook::tell(tx, Event::Refused, &about, now).await?;
    }
    if let Some(digest) = whom.digest {
        look_at(app, tx, digest, report.kind).await?;
    }
    let score = store::bounce::soft(tx, &mac, now - MEMORY).await?;
    let Some(why) = suppresses(report.kind, score) else {
        return Ok(Taken::Recorded);
    };
    store::subscriber::suppress(tx, &whom.email, why, &app.secret, now).await?;
    if report.kind == Kind::Complaint {
        end_all(tx, whom.subscriber, report.origin, now).await?;
    }
    Ok(Taken::Suppressed)
}

/// Stops a digest that too much comes back of.
async fn look_at(app: &App, tx: &mut Tx, digest: DigestId, kind: Kind) -> store::Result<()> {
    let why = match kind {
        Kind::Hard => Spike::Bounces,
        Kind::Complaint => Spike::Complaints,
        Kind::Soft | Kind::Policy => return Ok(()),
    };
    let reports = store::bounce::count(tx, digest, kind).await?;
    if !alarm::is_worth_a_look(reports) {
        return Ok(());
    }
    let Some(digest) = store::digest::find(tx, digest).await? else {
        return Ok(());
    };
    let counts = store::digest::counts(tx, digest.id).await?;
    let went = |state| matches!(state, LetterState::Accepted | LetterState::Refused);
    let letters = counts.iter().filter(|(state, _)| went(*state));
    let letters = letters.map(|(_, letters)| letters).sum();
    let limits = &app.settings.mail.alarm;
    if digest.alarm.is_none() && alarm::is_spike(limits, why, reports, letters) {
        let alarm = Alarm {
            why,
            reports,
            letters,
            stopped: 0,
        };
        review::stop_in_alarm(tx, &digest, alarm, app.now()).await?;
    }
    Ok(())
}

fn suppresses(kind: Kind, score: i64) -> Option<Suppression> {
    match kind {
        Kind::Complaint => Some(Suppression::Complaint),
        Kind::Hard => Some(Suppression::Bounce),
        Kind::Soft if score >= TOO_MANY => Some(Suppression::Bounce),
        Kind::Soft | Kind::Policy => None,
    }
}

/// A complaint withdraws every consent. No goodbye: nothing more is written.
async fn end_all(
    tx: &mut Tx,
    subscriber: SubscriberId,
    origin: &str,
    now: Stamp,
) -> store::Result<()> {
    for subscription in store::subscription::of_subscriber(tx, subscriber).await? {
        if !store::subscription::end(tx, subscription.id, now).await? {
            continue;
        }
        store::letter::cancel_of_subscription(tx, subscription.id, now).await?;
        let list = store::list::get(tx, subscription.list_id).await?;
        let about = sign_up::about(subscriber, subscription.id, &list);
        store::webhook::tell(tx, Event::Left, &about, now).await?;
        let consent = Consent {
            subscriber_id: subscriber,
            list_id: subscription.list_id,
            act: Act::Withdrawn,
            at: now,
            origin: format!("complaint {origin}"),
            wording: consent::hash(""),
        };
        store::consent::record(tx, &consent).await?;
    }
    Ok(())
}

/// The `mailto:` of `List-Unsubscribe` (RFC 2369): its subject holds the same token as the link.
async fn leave(app: &App, token: &str) -> anyhow::Result<Taken> {
    let standing = match sign_up::standing(app, token, Purpose::Leave).await {
        Ok(standing) => standing,
        Err(sign_up::NoStanding::Store(problem)) => return Err(problem.into()),
        Err(why) => {
            tracing::info!(why = why.to_string(), "bounce.unverified");
            return Ok(Taken::Ignored);
        }
    };
    if standing.subscription.state == SubscriptionState::Ended {
        return Ok(Taken::Known);
    }
    sign_up::leave(app, &standing, "mail", "").await?;
    Ok(Taken::Left)
}
