//! Letters that are no digest: each is written for one person, from its template and what the
//! database says of them now.

use anyhow::Context;

use crate::access;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::article::Article;
use crate::audience::forget;
use crate::audience::list::List;
use crate::clock::Stamp;
use crate::delivery::canary;
use crate::delivery::write::leave_url;
use crate::delivery::write::preferences_url;
use crate::digest::latest;
use crate::digest::render;
use crate::letter::LetterPurpose;
use crate::letter::template;
use crate::locale::Language;
use crate::store;
use crate::store::letter::Leased;
use crate::templates::Rendered;
use crate::templates::cards::ArticleCard;
use crate::templates::letters;

/// The letter, by its purpose.
pub(super) async fn rendered(
    app: &App,
    letter: &Leased,
    list: Option<&List>,
    language: Language,
) -> anyhow::Result<Rendered> {
    let templates = &template::for_letter(app, letter.made_at).await;
    let site = &app.site;
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
        LetterPurpose::Address => {
            templates.letter(&new_address(app, letter).await?, site, language)
        }
        LetterPurpose::Erasure => templates.letter(&erasure(app, letter)?, site, language),
        LetterPurpose::Password => templates.letter(&password(app, letter)?, site, language),
        LetterPurpose::Sample => return template::sample(app, letter, language).await,
        LetterPurpose::Goodbye => {
            let list = list()?;
            let list_url = app.url(&format!("/lists/{}", list.slug));
            let goodbye = letters::Goodbye {
                list: list.name.clone(),
                list_url,
            };
            templates.letter(&goodbye, site, language)
        }
        LetterPurpose::Alarm => {
            templates.letter(&alarm(app, letter, list()?).await?, site, language)
        }
        LetterPurpose::Silence => templates.letter(&silence(app, letter).await?, site, language),
        LetterPurpose::Review => {
            let review = review(app, letter, list()?).await?;
            templates.letter(&review, site, language)
        }
    };
    Ok(rendered?)
}

async fn review(app: &App, letter: &Leased, list: &List) -> anyhow::Result<letters::Review> {
    let id = letter.digest_id.context("the digest was forgotten")?;
    let digest = store::digest::find(&mut app.db.read().await?, id).await?;
    let digest = digest.context("the digest was forgotten")?;
    let (articles, _) = render::articles(app, &digest, list).await?;
    let base_url = &app.settings.base_url;
    let card = |article: &Article| ArticleCard::of(article, base_url, list.zone);
    let local = |moment: Stamp| moment.utc().with_timezone(&list.zone).fixed_offset();
    Ok(letters::Review {
        list: list.name.clone(),
        articles: articles.iter().map(card).collect(),
        url: app.url(&format!("/admin/digests/{}", id.0)),
        until: digest.review_until.map(local),
        silence: list.pace.silence,
    })
}

async fn alarm(app: &App, letter: &Leased, list: &List) -> anyhow::Result<letters::Alarm> {
    let id = letter.digest_id.context("the digest was forgotten")?;
    let digest = store::digest::find(&mut app.db.read().await?, id).await?;
    let alarm = digest.and_then(|digest| digest.alarm);
    let alarm = alarm.context("the digest was forgotten")?;
    Ok(letters::Alarm {
        list: list.name.clone(),
        why: alarm.why,
        reports: alarm.reports.unsigned_abs(),
        letters: alarm.letters.unsigned_abs(),
        stopped: alarm.stopped,
        url: app.url(&format!("/admin/digests/{}", id.0)),
    })
}

/// Says what was silent when the letter was made, also when it's written again.
async fn silence(app: &App, letter: &Leased) -> anyhow::Result<letters::Silent> {
    let canary = app.settings.mail.canary.as_ref();
    let canary = canary.context("there is no canary any more")?;
    let silent = store::canary::at(&mut app.db.read().await?, letter.made_at).await?;
    Ok(letters::Silent {
        address: canary.address.as_str().to_owned(),
        lists: silent
            .into_iter()
            .map(|silence| canary::shown(app, silence))
            .collect(),
        url: app.url("/admin"),
    })
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
    let mut tx = app.db.read().await?;
    let subscription = store::subscription::find(&mut tx, id).await?;
    let rhythm = subscription
        .context("the subscription was forgotten")?
        .rhythm;
    let latest = latest::of_list(app, &mut tx, list, rhythm.cadence, letter.made_at).await?;
    Ok(letters::Welcome {
        list: list.name.clone(),
        cadence: rhythm.cadence,
        hour: u8::try_from(rhythm.hour.number())?,
        preferences_url: preferences_url(app, id),
        leave_url: leave_url(app, id),
        latest,
    })
}

async fn new_address(app: &App, letter: &Leased) -> anyhow::Result<letters::Address> {
    let to = letter.subscriber_id.context("the reader was forgotten")?;
    let change = store::address::newest_to(&mut app.db.read().await?, to).await?;
    let link = SignedLink {
        number: change.context("they want another address by now")?,
        made: letter.made_at,
    };
    let token = link.sign(Purpose::Address, &app.secret);
    Ok(letters::Address {
        url: app.url(&format!("/address/{token}")),
        days: app.settings.retain.unconfirmed.num_days().unsigned_abs(),
    })
}

fn erasure(app: &App, letter: &Leased) -> anyhow::Result<letters::Erasure> {
    let link = SignedLink {
        number: letter.subscriber_id.context("the reader was forgotten")?.0,
        made: letter.made_at,
    };
    let token = link.sign(Purpose::Erasure, &app.secret);
    Ok(letters::Erasure {
        url: app.url(&format!("/erase/{token}")),
        hours: forget::LINK_WORKS.num_hours().unsigned_abs(),
    })
}

fn password(app: &App, letter: &Leased) -> anyhow::Result<letters::Password> {
    let link = SignedLink {
        number: letter.user_id.context("the user was forgotten")?,
        made: letter.made_at,
    };
    let token = link.sign(Purpose::Password, &app.secret);
    Ok(letters::Password {
        url: app.url(&format!("/admin/sign-in/{token}")),
        minutes: access::MAILED_LINK_WORKS.num_minutes().unsigned_abs(),
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
