//! A leased letter in, its bytes out: the edition with the reader's own links, or a template with
//! what it needs.

use anyhow::Context;
use url::Url;

use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::list::List;
use crate::audience::subscription::SubscriptionId;
use crate::clock::Stamp;
use crate::config::Mailbox;
use crate::delivery::returns::address;
use crate::digest::edition;
use crate::digest::edition::Markup;
use crate::digest::edition::Own;
use crate::letter::LetterId;
use crate::letter::LetterPurpose;
use crate::letter::compose;
use crate::letter::compose::Composed;
use crate::letter::compose::Draft;
use crate::letter::compose::ListHeaders;
use crate::locale::Language;
use crate::store;
use crate::store::edition::Edition;
use crate::store::letter::Leased;
use crate::templates::Rendered;
use crate::templates::letters;

/// Writes a letter. Whatever is wrong with it, it fails alone.
pub(super) async fn letter(
    app: &App,
    letter: &Leased,
    list: Option<&List>,
    edition: Option<&Edition>,
) -> anyhow::Result<Composed> {
    let to: EmailAddress = letter
        .email
        .as_deref()
        .context("the reader was forgotten")?
        .parse()?;
    let (rendered, date, language) = if letter.purpose == LetterPurpose::Digest {
        let edition = edition.context("the edition was forgotten")?;
        list.context("the list was forgotten")?;
        let rendered = digest(app, letter, edition, &to)?;
        (rendered, edition.made_at, edition.language)
    } else {
        let language: Language = letter.language.as_deref().unwrap_or("uk").parse()?;
        let rendered = other(app, letter, list, language).await?;
        (rendered, letter.made_at, language)
    };
    let from = list.map_or(&app.settings.mail.from, |list| &list.sender);
    let returns = match &app.settings.mail.bounces {
        Some(domain) => address::of(letter.id, domain, &app.secret),
        None => from.address.clone(),
    };
    let draft = Draft {
        id: letter.id,
        purpose: letter.purpose,
        date,
        from,
        reply_to: app.settings.mail.reply_to.as_ref(),
        returns: &returns,
        to: &to,
        language,
        subject: &rendered.subject,
        html: &rendered.html,
        text: &rendered.text,
        list: list.map(|list| list_headers(app, letter, list, from)),
    };
    Ok(compose::compose(&draft, &app.signers, &app.secret)?)
}

fn digest(
    app: &App,
    letter: &Leased,
    edition: &Edition,
    to: &EmailAddress,
) -> anyhow::Result<Rendered> {
    let subscription = letter
        .subscription_id
        .context("the subscription was forgotten")?;
    let own = Own {
        leave: &leave_url(app, subscription),
        preferences: &preferences_url(app, subscription),
        address: to.as_str(),
    };
    Ok(Rendered {
        subject: edition.subject.clone(),
        html: edition::splice(&edition.html, &own, Markup::Html),
        text: edition::splice(&edition.text, &own, Markup::Text),
    })
}

/// A rendered edition as nobody in particular would get it: for previews. Its links lead to where
/// anybody can ask for their own.
pub fn sample(app: &App, edition: Rendered) -> Rendered {
    let link = app.url("/link");
    let own = Own {
        leave: &link,
        preferences: &link,
        address: "reader@example.org",
    };
    Rendered {
        html: edition::splice(&edition.html, &own, Markup::Html),
        text: edition::splice(&edition.text, &own, Markup::Text),
        ..edition
    }
}

/// A sample as the file that would go over the wire, to nobody in particular.
pub fn sample_letter(
    app: &App,
    list: &List,
    language: Language,
    sample: &Rendered,
) -> anyhow::Result<Vec<u8>> {
    let draft = Draft {
        id: LetterId(0),
        purpose: LetterPurpose::Digest,
        date: app.now(),
        from: &list.sender,
        reply_to: app.settings.mail.reply_to.as_ref(),
        returns: &list.sender.address,
        to: &"reader@example.org".parse()?,
        language,
        subject: &sample.subject,
        html: &sample.html,
        text: &sample.text,
        list: None,
    };
    Ok(compose::compose(&draft, &app.signers, &app.secret)?.bytes)
}

async fn other(
    app: &App,
    letter: &Leased,
    list: Option<&List>,
    language: Language,
) -> anyhow::Result<Rendered> {
    let (templates, site) = (&app.templates, &app.site);
    let list = || list.context("the list was forgotten");
    let rendered = match letter.purpose {
        LetterPurpose::Digest => anyhow::bail!("expected an edition for a digest, but got none"),
        LetterPurpose::Link => {
            let url = newest_preferences(app, letter).await?;
            templates.letter(&letters::Link { url }, site, language)
        }
        LetterPurpose::Confirm => templates.letter(&confirm(app, letter, list()?)?, site, language),
        LetterPurpose::Welcome => {
            let welcome = welcome(app, letter, list()?).await?;
            templates.letter(&welcome, site, language)
        }
        LetterPurpose::Goodbye => {
            let list = list()?;
            let list_url = app.url(&format!("/lists/{}", list.slug));
            let goodbye = letters::Goodbye {
                list: list.name.clone(),
                list_url,
            };
            templates.letter(&goodbye, site, language)
        }
    };
    Ok(rendered?)
}

fn confirm(app: &App, letter: &Leased, list: &List) -> anyhow::Result<letters::Confirm> {
    let subscription = letter
        .subscription_id
        .context("the subscription was forgotten")?;
    let link = SignedLink {
        number: subscription.0,
        made: letter.made_at,
    };
    Ok(letters::Confirm {
        list: list.name.clone(),
        url: app.url(&format!(
            "/confirm/{}",
            link.sign(Purpose::Confirm, &app.secret)
        )),
        days: app.settings.retain.unconfirmed.num_days().unsigned_abs(),
    })
}

async fn welcome(app: &App, letter: &Leased, list: &List) -> anyhow::Result<letters::Welcome> {
    let id = letter
        .subscription_id
        .context("the subscription was forgotten")?;
    let subscription = store::subscription::find(&mut app.db.read().await?, id).await?;
    let rhythm = subscription
        .context("the subscription was forgotten")?
        .rhythm;
    Ok(letters::Welcome {
        list: list.name.clone(),
        cadence: rhythm.cadence,
        hour: u8::try_from(rhythm.hour.number())?,
        preferences_url: preferences_url(app, id),
        leave_url: leave_url(app, id),
    })
}

/// The choices of what somebody subscribed to last.
async fn newest_preferences(app: &App, letter: &Leased) -> anyhow::Result<String> {
    let subscriber = letter.subscriber_id.context("the reader was forgotten")?;
    let subscriptions =
        store::subscription::of_subscriber(&mut app.db.read().await?, subscriber).await?;
    let newest = subscriptions
        .last()
        .context("the subscription was forgotten")?;
    Ok(preferences_url(app, newest.id))
}

/// A link that never expires and is the same in each letter.
fn forever(app: &App, path: &str, subscription: SubscriptionId, purpose: Purpose) -> String {
    let link = SignedLink {
        number: subscription.0,
        made: Stamp(0),
    };
    app.url(&format!("/{path}/{}", link.sign(purpose, &app.secret)))
}

/// The page with the button that ends a subscription; one POST to it does the same (RFC 8058).
pub(super) fn leave_url(app: &App, subscription: SubscriptionId) -> String {
    forever(app, "leave", subscription, Purpose::Leave)
}

/// The page of a subscription's choices.
pub(super) fn preferences_url(app: &App, subscription: SubscriptionId) -> String {
    forever(app, "preferences", subscription, Purpose::Preferences)
}

fn list_headers(app: &App, letter: &Leased, list: &List, from: &Mailbox) -> ListHeaders {
    let base = Url::parse(&app.settings.base_url).ok();
    let host = base
        .as_ref()
        .and_then(Url::domain)
        .unwrap_or("localhost")
        .to_owned();
    let leave = letter
        .subscription_id
        .filter(|_| {
            matches!(
                letter.purpose,
                LetterPurpose::Digest | LetterPurpose::Welcome
            )
        })
        .map(|id| leave_url(app, id));
    let by_mail = leave
        .as_ref()
        .and_then(|leave| leave.rsplit_once('/'))
        .map(|(_, token)| format!("mailto:{}?subject=leave%20{token}", from.address));
    let digest = letter.digest_id.map_or(0, |id| id.0);
    ListHeaders {
        name: list.name.clone(),
        id: format!("{}.{host}", list.slug),
        help: app.url(&format!("/lists/{}", list.slug)),
        archive: app.url(&format!("/archive/{}", list.slug)),
        leave,
        leave_by_mail: by_mail,
        feedback: format!("{digest}:{}:{}:visnyk", list.slug, letter.purpose.as_str()),
    }
}
