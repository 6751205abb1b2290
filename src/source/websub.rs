//! Our side of a source's WebSub hub: asking it to push, agreeing to what we asked for, and taking
//! in what it pushes.
//!
//! A poll finds out about the hub ([`heed`]); from then on the hub is asked again before each lease
//! ends, and the source is polled only now and then, to make sure. The callback's address is signed
//! and the secret made from it, so neither has to be kept. What isn't signed with it is taken for
//! nothing, politely.

use aws_lc_rs::hmac;
use bytes::Bytes;
use chrono::TimeDelta;
use url::Url;
use url::form_urlencoded;

use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::article::intake;
use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::source::announced::Announced;
use crate::source::announced::announced;
use crate::source::decode::decode;
use crate::source::fetch::Answer;
use crate::source::fetch::Document;
use crate::source::poll::read_document;
use crate::store;
use crate::store::Tx;
use crate::store::push::PushState;
use crate::store::push::SourcePush;

/// For how long we ask to be pushed to.
const LEASE: TimeDelta = TimeDelta::days(10);
/// The longest lease that is believed.
const LONGEST_LEASE: TimeDelta = TimeDelta::days(366);
/// How many hubs one look asks.
const AT_A_LOOK: i64 = 50;
/// How long a process may hold what it took in hand: longer than any exchange.
const IN_HAND: TimeDelta = TimeDelta::minutes(2);
/// The wait before a hub that doesn't confirm is asked again; it doubles, to a day.
const WAIT: TimeDelta = TimeDelta::minutes(10);
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);
/// How many times less often a source is polled while it's pushed to us.
const SLOWER: i32 = 8;
/// How many times a hub may send us on.
const REDIRECTS: usize = 3;
/// Bytes at a document's head in which a hub is looked for.
const WITHIN: usize = 128 * 1024;
/// The same of JSON, which has to be read whole.
const WITHIN_JSON: usize = 4 * 1024 * 1024;

/// Notes which hub a polled document announces, and polls less often while that one pushes.
pub(super) async fn heed(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    found: Option<Announced>,
    delta: bool,
) -> anyhow::Result<()> {
    if let Some(Announced { hub, topic }) = found {
        let made = Stamp(app.now().seconds() * 1000);
        store::push::heed(tx, source.id, (&hub, &topic), made, app.now()).await?;
    } else if !delta {
        store::push::forget(tx, source.id).await?;
    }
    ease(app, tx, source).await
}

/// Polls less often while a hub pushes.
pub(super) async fn ease(app: &App, tx: &mut Tx, source: &Source) -> anyhow::Result<()> {
    let wait = source.every.checked_mul(SLOWER).unwrap_or(LONGEST_WAIT);
    let wait = wait.min(LONGEST_WAIT);
    let now = app.now();
    Ok(store::push::slow(tx, source.id, now, now + wait).await?)
}

/// The hub that a document announces.
pub(super) fn find(document: &Document) -> Option<Announced> {
    let base = Url::parse(document.final_url.as_str()).ok()?;
    let is_json = document.bytes.trim_ascii_start().starts_with(b"{");
    let within = if is_json { WITHIN_JSON } else { WITHIN };
    let bytes = document.bytes.get(..within).unwrap_or(&document.bytes);
    let text = decode(bytes, document.content_type.as_deref()).text;
    announced(&document.links, &text, &base)
}

/// Asks hubs that are due to push to us, or to go on. Gives how many.
pub async fn ask_due(app: &App) -> anyhow::Result<usize> {
    let now = app.now();
    let due = store::push::due(&mut app.db.read().await?, now, AT_A_LOOK).await?;
    let found = due.len();
    for push in due {
        if app.stop.is_cancelled() {
            break;
        }
        ask(app, &push).await?;
    }
    Ok(found)
}

async fn ask(app: &App, push: &SourcePush) -> anyhow::Result<()> {
    let claimed = app.now() + IN_HAND;
    let mut tx = app.db.begin().await?;
    let ours = store::push::claim(&mut tx, push, claimed).await?;
    tx.commit().await?;
    if !ours {
        return Ok(());
    }
    let problem = request(app, push).await.err();
    if let Some(problem) = &problem {
        tracing::info!(source = push.source_id.0, problem, "websub.deferred");
    }
    let doublings = u32::try_from(push.tries.clamp(0, 10)).unwrap_or_default();
    let due = app.now() + (WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
    let mut tx = app.db.begin().await?;
    store::push::asked(&mut tx, push.source_id, claimed, due, problem.as_deref()).await?;
    tx.commit().await?;
    Ok(())
}

async fn request(app: &App, push: &SourcePush) -> Result<(), String> {
    let callback: SourceUrl = callback(app, push)
        .parse()
        .map_err(|problem| format!("{problem}"))?;
    // A hub couldn't reach us there, and would be asked in vain.
    app.fetcher
        .may_ask(&callback)
        .map_err(|problem| format!("`base_url` is no place to push to: {problem}"))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.topic", push.topic.as_str())
        .append_pair("hub.callback", callback.as_str())
        .append_pair("hub.secret", &secret(app, &token(app, push)))
        .append_pair("hub.lease_seconds", &LEASE.num_seconds().to_string())
        .finish();
    let answer = post(app, &push.hub, form.into()).await?;
    if answer.is_success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&answer.body)
        .chars()
        .filter(|sign| !sign.is_control())
        .take(200)
        .collect();
    Err(format!("the hub answers {}: {said}", answer.status))
}

/// Follows 307 and 308, which keep the method.
async fn post(app: &App, hub: &SourceUrl, form: Bytes) -> Result<Answer, String> {
    let kind = "application/x-www-form-urlencoded";
    let mut hub = hub.clone();
    for _ in 0..=REDIRECTS {
        let answer = app.fetcher.post(&hub, kind, &[], form.clone()).await;
        let answer = answer.map_err(|problem| problem.to_string())?;
        match (answer.status, &answer.location) {
            (307 | 308, Some(next)) => hub = next.clone(),
            _ => return Ok(answer),
        }
    }
    Err(format!("the hub sends us on more than {REDIRECTS} times"))
}

fn token(app: &App, push: &SourcePush) -> String {
    let link = SignedLink {
        number: push.source_id.0,
        made: push.made,
    };
    link.sign(Purpose::Push, &app.secret)
}

fn callback(app: &App, push: &SourcePush) -> String {
    app.url(&format!("/websub/{}", token(app, push)))
}

fn secret(app: &App, token: &str) -> String {
    app.secret.mac("websub", token)
}

/// What a hub says at our callback's address with GET.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// `hub.mode`.
    pub mode: String,
    /// `hub.topic`.
    pub topic: String,
    /// `hub.lease_seconds`.
    pub lease_seconds: String,
    /// `hub.reason`.
    pub reason: String,
}

/// Whether we agree to what a hub says: only to what we asked of it ourselves. It's by a GET that a
/// hub says so, and what it says is noted; nothing else can come of it.
pub async fn agree(app: &App, token: &str, word: &Word) -> anyhow::Result<bool> {
    let Some((_, push)) = known(app, token).await? else {
        return Ok(word.mode == "unsubscribe" && is_ours(app, token));
    };
    if push.topic.as_str() != word.topic {
        return Ok(false);
    }
    let now = app.now();
    let mut tx = app.db.begin().await?;
    match word.mode.as_str() {
        "subscribe" => {
            let lease = lease(&word.lease_seconds);
            let renew = now + lease * 4 / 5;
            store::push::confirm(&mut tx, &push, now + lease, renew).await?;
        }
        "denied" => {
            let reason: String = word.reason.chars().take(200).collect();
            let problem = format!("the hub refuses: {reason}");
            store::push::refuse(&mut tx, &push, now + LONGEST_WAIT, &problem).await?;
        }
        _ => return Ok(false),
    }
    tx.commit().await?;
    tracing::info!(source = push.source_id.0, mode = word.mode, "websub.word");
    Ok(true)
}

fn lease(seconds: &str) -> TimeDelta {
    let seconds = seconds.parse().ok().and_then(TimeDelta::try_seconds);
    let said = seconds.filter(|lease| *lease > TimeDelta::zero());
    said.unwrap_or(LEASE).min(LONGEST_LEASE)
}

fn is_ours(app: &App, token: &str) -> bool {
    SignedLink::open(token, Purpose::Push, &app.secret).is_ok()
}

/// The source of a callback's token, if it's polled and this is the token that its hub has.
async fn known(app: &App, token: &str) -> anyhow::Result<Option<(Source, SourcePush)>> {
    let Ok(link) = SignedLink::open(token, Purpose::Push, &app.secret) else {
        return Ok(None);
    };
    let mut tx = app.db.read().await?;
    let source = store::source::find(&mut tx, SourceId(link.number)).await?;
    let push = store::push::find(&mut tx, SourceId(link.number)).await?;
    let known = source.zip(push);
    Ok(
        known
            .filter(|(source, push)| source.state == SourceState::Active && push.made == link.made),
    )
}

/// What became of pushed content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// It was taken in, or brought the next poll forward.
    Content,
    /// It isn't signed as it should be.
    Nothing,
    /// Nobody waits for it any more: the hub may forget us.
    Gone,
}

/// Content as it was pushed.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// `X-Hub-Signature`.
    pub signature: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub bytes: Bytes,
}

/// Takes in what a hub pushes. Like a delta: what is missing wasn't deleted.
pub async fn take(app: &App, token: &str, pushed: Pushed) -> anyhow::Result<Took> {
    let Some((source, push)) = known(app, token).await? else {
        return Ok(Took::Gone);
    };
    if push.state == PushState::Refused || !is_signed(&secret(app, token), &pushed) {
        tracing::info!(source = source.id.0, "websub.unsigned");
        return Ok(Took::Nothing);
    }
    let document = Document {
        bytes: pushed.bytes,
        content_type: pushed.content_type,
        final_url: push.topic,
        moved_to: None,
        validators: None,
        max_age: None,
        delta: true,
        links: Vec::new(),
    };
    let reading = read_document(app, &source, &document).await?;
    let is_feed = matches!(
        reading.kind,
        Some(DocumentKind::Rss | DocumentKind::Rdf | DocumentKind::Atom | DocumentKind::Json)
    );
    let now = app.now();
    let mut tx = app.db.begin().await?;
    store::push::pushed(&mut tx, source.id, now).await?;
    if is_feed && source.first_polled_at.is_some() {
        let news = intake::take_in(app, &mut tx, &source, reading.drafts).await?;
        tracing::info!(source = source.id.0, ?news, "websub.taken");
    } else {
        // A page's articles are on other pages: the poll knows how to read them.
        store::push::hurry(&mut tx, source.id, now).await?;
    }
    tx.commit().await?;
    Ok(Took::Content)
}

/// Whether the signature is the body's, by whichever of the methods that WebSub knows.
fn is_signed(secret: &str, pushed: &Pushed) -> bool {
    let Some((method, hex)) = pushed.signature.as_deref().and_then(|s| s.split_once('=')) else {
        return false;
    };
    let method = match method.trim().to_ascii_lowercase().as_str() {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return false,
    };
    let Some(mac) = bytes_of(hex.trim()) else {
        return false;
    };
    let key = hmac::Key::new(method, secret.as_bytes());
    hmac::verify(&key, &pushed.bytes, &mac).is_ok()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(signature: &str) -> bool {
        is_signed(
            "Jefe",
            &Pushed {
                signature: Some(signature.to_owned()),
                content_type: None,
                bytes: "what do ya want for nothing?".into(),
            },
        )
    }

    /// RFC 2202 and RFC 4231, test case 2.
    #[test]
    fn every_method_of_signing_is_known() {
        assert!(signed("sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
        assert!(signed("SHA1=EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"));
        assert!(signed(
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ));
        assert!(signed(
            "sha384=af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
        ));
        assert!(signed(
            "sha512=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        ));
        for wrong in [
            "",
            "=",
            "sha1",
            "sha1=",
            "sha1=ef",
            "md5=750c783e6ab0b503eaa86e310a5db738",
            "sha1=ї",
            "sha256=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ] {
            assert!(!signed(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_lease_is_what_the_hub_says_within_reason() {
        assert_eq!(lease("300"), TimeDelta::minutes(5));
        for odd in ["", "0", "-5", "soon"] {
            assert_eq!(lease(odd), LEASE);
        }
        assert_eq!(lease("9999999999"), LONGEST_LEASE);
    }
}
