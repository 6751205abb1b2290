//! A leased letter in, its bytes out: the edition with the reader's own links, or a template with
//! what it needs.

mod single;

use std::sync::Arc;

use anyhow::Context;
use url::Url;

use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::Format;
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
use crate::letter::compose::ComposeError;
use crate::letter::compose::Composed;
use crate::letter::compose::Draft;
use crate::letter::compose::ListHeaders;
use crate::letter::compose::Shared;
use crate::letter::stencil::Stencil;
use crate::letter::template;
use crate::locale::Language;
use crate::store::edition::Edition;
use crate::store::letter::Leased;
use crate::templates::Rendered;
use crate::templates::letters;
use crate::templates::letters::Reader;

/// An edition with what all its letters share, made once.
#[derive(Debug)]
pub(super) struct Printed {
    /// The edition.
    pub(super) edition: Edition,
    /// The list it was printed for.
    pub(super) list: Arc<List>,
    stencil: Result<Stencil, ComposeError>,
    /// For readers who want text alone.
    plain: Result<Stencil, ComposeError>,
}

impl Printed {
    /// Prints an edition for its list.
    pub(super) fn new(app: &App, edition: Edition, list: &Arc<List>) -> Self {
        let stencil = stencil_of(app, &edition, list, Format::Both);
        let plain = stencil_of(app, &edition, list, Format::Text);
        Self {
            edition,
            list: Arc::clone(list),
            stencil,
            plain,
        }
    }
}

fn stencil_of(
    app: &App,
    edition: &Edition,
    list: &List,
    format: Format,
) -> Result<Stencil, ComposeError> {
    let headers = list_headers(app, LetterPurpose::Digest, edition.digest_id.0, list);
    let shared = Shared {
        is_bulk: true,
        date: edition.made_at,
        from: &list.sender,
        reply_to: app.settings.mail.reply_to.as_ref(),
        language: edition.language,
        subject: &edition.subject,
        html: (format == Format::Both).then_some(edition.html.as_str()),
        text: &edition.text,
        list: Some(headers),
    };
    let boundary = format!("edition {}", edition.id.0);
    Stencil::new(&shared, &app.secret.mac("boundary", &boundary))
}

/// The stencil of one reader alone, whose letter asks about them.
async fn personal(
    app: &App,
    letter: &Leased,
    (to, format): (&EmailAddress, Format),
    (printed, own): (&Printed, &str),
) -> anyhow::Result<Stencil> {
    let subscription = letter.subscription_id;
    let subscription = subscription.context("the subscription was forgotten")?;
    let reader = Reader {
        leave_url: leave_url(app, subscription),
        preferences_url: preferences_url(app, subscription),
        address: to.as_str().to_owned(),
    };
    let language = printed.edition.language;
    let templates = template::for_letter(app, printed.edition.made_at).await;
    let rendered = templates.personal::<letters::Digest>(own, &reader, &app.site, language)?;
    let edition = Edition {
        subject: rendered.subject,
        html: rendered.html,
        text: rendered.text,
        ..printed.edition.clone()
    };
    Ok(stencil_of(app, &edition, &printed.list, format)?)
}

/// Writes a letter. Whatever is wrong with it, it fails alone.
pub(super) async fn letter(
    app: &App,
    letter: &Leased,
    list: Option<&List>,
    printed: Option<&Printed>,
) -> anyhow::Result<Composed> {
    let to = letter.email.as_deref();
    let to: EmailAddress = to.context("the reader was forgotten")?.parse()?;
    let format: Format = letter.format.as_deref().unwrap_or("both").parse()?;
    if letter.purpose == LetterPurpose::Digest {
        let printed = printed.context("the edition or its list was forgotten")?;
        let (date, sender) = (printed.edition.made_at, &printed.list.sender);
        if let Some(own) = &printed.edition.own {
            let stencil = personal(app, letter, (&to, format), (printed, own)).await?;
            return fill_in(app, letter, &to, (&stencil, date, sender));
        }
        let stencil = match format {
            Format::Both => &printed.stencil,
            Format::Text => &printed.plain,
        };
        let stencil = stencil.as_ref().map_err(ComposeError::clone)?;
        return fill_in(app, letter, &to, (stencil, date, sender));
    }
    let language: Language = language_of(app, letter).parse()?;
    let rendered = single::rendered(app, letter, list, language).await?;
    let from = list.map_or(&app.settings.mail.from, |list| &list.sender);
    let digest = letter.digest_id.map_or(0, |id| id.0);
    let shared = Shared {
        is_bulk: false,
        date: letter.made_at,
        from,
        reply_to: app.settings.mail.reply_to.as_ref(),
        language,
        subject: &rendered.subject,
        html: (format == Format::Both).then_some(rendered.html.as_str()),
        text: &rendered.text,
        list: list.map(|list| list_headers(app, letter.purpose, digest, list)),
    };
    let boundary = app.secret.mac("boundary", &letter.id.to_string());
    let stencil = Stencil::new(&shared, &boundary)?;
    fill_in(app, letter, &to, (&stencil, letter.made_at, from))
}

/// Puts the reader's own words into a stencil.
fn fill_in(
    app: &App,
    letter: &Leased,
    to: &EmailAddress,
    (stencil, date, from): (&Stencil, Stamp, &Mailbox),
) -> anyhow::Result<Composed> {
    let is_digest = letter.purpose == LetterPurpose::Digest;
    let links = if is_digest || letter.purpose == LetterPurpose::Welcome {
        let subscription = letter.subscription_id;
        let subscription = subscription.context("the subscription was forgotten")?;
        Some((
            leave_url(app, subscription),
            preferences_url(app, subscription),
        ))
    } else {
        None
    };
    let (leave, preferences) = links
        .as_ref()
        .map(|(leave, own)| (leave.as_str(), own.as_str()))
        .unzip();
    let by_mail = leave
        .and_then(|leave| leave.rsplit_once('/'))
        .map(|(_, token)| format!("mailto:{}?subject=leave%20{token}", from.address));
    let returns = match &app.settings.mail.bounces {
        Some(domain) => address::of(letter.id, domain, &app.secret),
        None => from.address.clone(),
    };
    let draft = Draft {
        id: letter.id,
        purpose: letter.purpose,
        date,
        from,
        returns: &returns,
        to,
        own: Own {
            leave: leave.unwrap_or_default(),
            preferences: preferences.unwrap_or_default(),
            address: to.as_str(),
        },
        leave,
        leave_by_mail: by_mail.as_deref(),
    };
    Ok(compose::compose(
        stencil,
        &draft,
        &app.signers,
        &app.secret,
    )?)
}

/// A rendered edition as nobody in particular would get it: for previews. Its links lead to where
/// anybody can ask for their own.
pub fn sample(app: &App, edition: Rendered) -> Rendered {
    let link = app.url("/link");
    let own = own_of_nobody(&link);
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
    let shared = Shared {
        is_bulk: true,
        date: app.now(),
        from: &list.sender,
        reply_to: app.settings.mail.reply_to.as_ref(),
        language,
        subject: &sample.subject,
        html: Some(&sample.html),
        text: &sample.text,
        list: None,
    };
    let link = app.url("/link");
    let to = "reader@example.org".parse()?;
    let draft = Draft {
        id: LetterId(0),
        purpose: LetterPurpose::Digest,
        date: shared.date,
        from: &list.sender,
        returns: &list.sender.address,
        to: &to,
        own: own_of_nobody(&link),
        leave: None,
        leave_by_mail: None,
    };
    let stencil = Stencil::new(&shared, &app.secret.mac("boundary", "sample"))?;
    Ok(compose::compose(&stencil, &draft, &app.signers, &app.secret)?.bytes)
}

/// Links lead to where anybody can ask for their own.
fn own_of_nobody(link: &str) -> Own<'_> {
    Own {
        leave: link,
        preferences: link,
        address: "reader@example.org",
    }
}

/// People who look after lists read the site's own language.
fn language_of<'a>(app: &'a App, letter: &'a Leased) -> &'a str {
    letter
        .language
        .as_deref()
        .unwrap_or(&app.settings.site.language)
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

fn list_headers(app: &App, purpose: LetterPurpose, digest: i64, list: &List) -> ListHeaders {
    let base = Url::parse(&app.settings.base_url).ok();
    let host = base
        .as_ref()
        .and_then(Url::domain)
        .unwrap_or("localhost")
        .to_owned();
    ListHeaders {
        name: list.name.clone(),
        id: format!("{}.{host}", list.slug),
        help: app.url(&format!("/lists/{}", list.slug)),
        archive: app.url(&format!("/archive/{}", list.slug)),
        feedback: format!("{digest}:{}:{}:visnyk", list.slug, purpose.as_str()),
    }
}
