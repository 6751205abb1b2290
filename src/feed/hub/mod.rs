//! Our WebSub hub (W3C Recommendation of 2018): wishes in, verified subscriptions and pushes out.
//!
//! Whoever names a callback has to answer there for it: until the callback repeats our challenge
//! nothing changes, so nobody can have us knock on a stranger's door more than once or twice.
//! Wishes, subscriptions and what they are owed are rows; whatever was in hand when a process died
//! is done by the next. Callbacks are strangers' addresses, asked by the fetcher and its guard.

mod outside;
mod push;

pub use outside::tell_outside;
pub use push::push_due;

use anyhow::Context;
use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::TimeDelta;
use subtle::ConstantTimeEq;
use url::Url;

use crate::access::Token;
use crate::app::App;
use crate::callback::IN_HAND;
use crate::callback::Reached;
use crate::callback::side_by_side;
use crate::clock::Stamp;
use crate::feed::FeedFormat;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::document::Document;
use crate::source::SourceUrl;
use crate::store;
use crate::store::StoreError;
use crate::store::hub::Mode;
use crate::store::hub::NewWish;
use crate::store::hub::Wish;

/// How long a subscription lasts if it isn't said.
const LEASE: TimeDelta = TimeDelta::days(10);
/// The shortest and the longest that it lasts.
const LEASES: [TimeDelta; 2] = [TimeDelta::minutes(5), TimeDelta::days(30)];
/// Bytes of a secret.
const MOST_SECRET: usize = 200;
/// Bytes of an address.
const MOST_ADDRESS: usize = 2000;
/// Subscriptions whose callbacks are at one host and port.
const MOST_OF_HOST: i64 = 5_000;
/// Wishes that wait to be verified.
const MOST_WISHES: i64 = 10_000;
/// How many wishes one look verifies, and pushes one look makes.
const AT_A_LOOK: i64 = 200;
/// How often a callback that can't be reached is asked whether a wish is its own.
const MOST_TRIES: i64 = 3;

/// What somebody posts to the hub, as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `hub.mode`.
    pub mode: String,
    /// `hub.topic`.
    pub topic: String,
    /// `hub.callback`.
    pub callback: String,
    /// `hub.lease_seconds`; empty if it wasn't said.
    pub lease_seconds: String,
    /// `hub.secret`; empty if it wasn't said.
    pub secret: String,
}

/// Why the hub doesn't take a request, in words for whoever made it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Neither of the two modes.
    #[error("expected hub.mode to be `subscribe` or `unsubscribe`, but got `{0}`")]
    Mode(String),
    /// Nothing of ours.
    #[error(
        "expected hub.topic to be the address of a feed here, such as `{example}`, but got `{got}`"
    )]
    Topic {
        /// The feed of everything.
        example: String,
        /// What came.
        got: String,
    },
    /// A feed of ours under another spelling than it names itself by.
    #[error("expected hub.topic as the feed itself spells it, `{0}`")]
    Spelling(String),
    /// No address that can be pushed to.
    #[error("expected hub.callback to be a public http(s) address, but got `{got}`: {problem}")]
    Callback {
        /// What came.
        got: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No whole number.
    #[error("expected hub.lease_seconds to be a whole number of seconds, but got `{0}`")]
    Lease(String),
    /// Too long.
    #[error("expected hub.secret to have at most {MOST_SECRET} bytes, but got {0}")]
    Secret(usize),
    /// Too much for one host, or at once.
    #[error("expected fewer subscriptions at a time; try again later")]
    TooMany,
    /// Our fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a feed holds now.
#[derive(Debug, Clone)]
struct Content {
    version: i64,
    bytes: Bytes,
    media_type: &'static str,
    hash: String,
}

/// Takes a request, if it can be met. Its callback is asked at the next look.
pub async fn ask(app: &App, request: &Request) -> Result<(), Refusal> {
    let mode = match request.mode.as_str() {
        "subscribe" => Mode::Subscribe,
        "unsubscribe" => Mode::Unsubscribe,
        other => return Err(Refusal::Mode(short(other))),
    };
    let wish = NewWish {
        path: topic(app, &request.topic)?,
        callback: callback(app, &request.callback)?.to_string(),
        mode,
        lease: lease(&request.lease_seconds)?,
        secret: secret(&request.secret)?,
    };
    if mode == Mode::Subscribe {
        exists(app, &wish.path, &request.topic).await?;
    }
    let mut tx = app.db.begin().await?;
    let waiting = store::hub::count_wishes(&mut tx).await?;
    let held = store::hub::count_of_host(&mut tx, &host(&wish.callback)).await?;
    if waiting >= MOST_WISHES || (mode == Mode::Subscribe && held >= MOST_OF_HOST) {
        return Err(Refusal::TooMany);
    }
    store::hub::wish(&mut tx, &wish, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// The path of a topic below `base_url`, if it can be a feed of ours in its one spelling.
fn topic(app: &App, topic: &str) -> Result<String, Refusal> {
    let unknown = || no_such_topic(app, topic);
    let path = topic.strip_prefix(&app.settings.base_url);
    let path = path.filter(|path| path.starts_with('/') && path.len() <= MOST_ADDRESS);
    let path = path.ok_or_else(unknown)?;
    let address = address(path).ok_or_else(unknown)?;
    let spelling = address.path();
    if spelling == path {
        Ok(spelling)
    } else {
        Err(Refusal::Spelling(app.url(&spelling)))
    }
}

fn no_such_topic(app: &App, topic: &str) -> Refusal {
    Refusal::Topic {
        example: app.url("/feed.atom"),
        got: short(topic),
    }
}

/// A feed for programs, by its path and query.
fn address(path: &str) -> Option<Address> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Address::read(path, query).filter(|address| address.form != Form::Page)
}

fn document(path: &str) -> Option<Document> {
    let address = address(path)?;
    let format = match address.form {
        Form::Feed(format) => format,
        // Who names no type gets Atom there.
        Form::Any | Form::Page => FeedFormat::Atom,
    };
    Some(Document::Feed(address, format))
}

async fn exists(app: &App, path: &str, topic: &str) -> Result<(), Refusal> {
    let unknown = || no_such_topic(app, topic);
    let document = document(path).ok_or_else(unknown)?;
    document.read(app).await?.map(drop).ok_or_else(unknown)
}

fn callback(app: &App, text: &str) -> Result<SourceUrl, Refusal> {
    let bad = |problem: String| Refusal::Callback {
        got: short(text),
        problem,
    };
    if text.len() > MOST_ADDRESS {
        return Err(bad(format!("it has more than {MOST_ADDRESS} bytes")));
    }
    let url: SourceUrl = text.parse().map_err(|problem| bad(format!("{problem}")))?;
    let may = app.fetcher.may_ask(&url);
    may.map_err(|problem| bad(problem.to_string()))?;
    Ok(url)
}

fn lease(seconds: &str) -> Result<TimeDelta, Refusal> {
    if seconds.is_empty() {
        return Ok(LEASE);
    }
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Refusal::Lease(short(seconds)));
    }
    let [shortest, longest] = LEASES;
    let asked = seconds.parse().ok().and_then(TimeDelta::try_seconds);
    Ok(asked.unwrap_or(longest).clamp(shortest, longest))
}

fn secret(secret: &str) -> Result<Option<String>, Refusal> {
    if secret.len() > MOST_SECRET {
        return Err(Refusal::Secret(secret.len()));
    }
    Ok((!secret.is_empty()).then(|| secret.to_owned()))
}

/// As much of a stranger's text as an answer repeats.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Where an address is, by host and port: what budgets are kept by.
fn host(url: &str) -> String {
    let url = Url::parse(url).ok();
    let place = url.as_ref().and_then(|url| {
        let port = url.port_or_known_default().unwrap_or_default();
        Some(format!("{}:{port}", url.host_str()?))
    });
    place.unwrap_or_default()
}

/// What a feed holds now; `None` if there is none such any more.
async fn content(app: &App, path: &str) -> anyhow::Result<Option<Content>> {
    let Some(document) = document(path) else {
        return Ok(None);
    };
    let Some(material) = document.read(app).await? else {
        return Ok(None);
    };
    let version = material.version;
    let writer = app.clone();
    let written = app.tasks.spawn_blocking(move || material.bytes(&writer));
    let (bytes, media_type) = written.await??;
    Ok(Some(Content {
        version,
        hash: URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes)),
        bytes: bytes.into(),
        media_type,
    }))
}

/// Asks the callbacks of wishes that are due whether they are their own. Gives how many.
pub async fn verify_due(app: &App) -> anyhow::Result<usize> {
    let now = app.now();
    let due = store::hub::wishes_due(&mut app.db.read().await?, now, AT_A_LOOK).await?;
    let found = due.len();
    side_by_side(app, due, |wish| host(&wish.asked.callback), verify).await?;
    Ok(found)
}

async fn verify(app: App, wish: Wish) -> anyhow::Result<Reached> {
    let claimed = app.now() + IN_HAND;
    let mut tx = app.db.begin().await?;
    let ours = store::hub::claim_wish(&mut tx, &wish, claimed).await?;
    tx.commit().await?;
    if !ours {
        return Ok(Reached::Yes);
    }
    let challenge = Token::random();
    let url = question(&app, &wish, challenge.as_str())?;
    let answer = app.fetcher.call(&url).await;
    let verified = match &answer {
        Ok(answer) => {
            answer.is_success() && bool::from(answer.body.ct_eq(challenge.as_str().as_bytes()))
        }
        Err(problem) if wish.tries + 1 < MOST_TRIES => {
            tracing::info!(%problem, "hub.unreachable");
            let wait = TimeDelta::minutes(1) * 2_i32.pow(u32::try_from(wish.tries)?);
            let mut tx = app.db.begin().await?;
            store::hub::defer_wish(&mut tx, wish.id, claimed, app.now() + wait).await?;
            tx.commit().await?;
            return Ok(Reached::No);
        }
        Err(_) => false,
    };
    let mode = wish.asked.mode.as_str();
    tracing::info!(mode, topic = wish.asked.path, verified, "hub.verified");
    conclude(&app, &wish, claimed, verified).await?;
    Ok(answer.map_or(Reached::No, |_| Reached::Yes))
}

/// The callback's address with our question; what it had of its own stays.
fn question(app: &App, wish: &Wish, challenge: &str) -> anyhow::Result<SourceUrl> {
    let mut url = Url::parse(&wish.asked.callback)?;
    let mut query = url.query_pairs_mut();
    query.append_pair("hub.mode", wish.asked.mode.as_str());
    query.append_pair("hub.topic", &app.url(&wish.asked.path));
    query.append_pair("hub.challenge", challenge);
    if wish.asked.mode == Mode::Subscribe {
        let seconds = wish.asked.lease.num_seconds().to_string();
        query.append_pair("hub.lease_seconds", &seconds);
    }
    drop(query);
    url.as_str().parse().context("a callback with its question")
}

async fn conclude(app: &App, wish: &Wish, claimed: Stamp, verified: bool) -> anyhow::Result<()> {
    let asked = &wish.asked;
    let content = match asked.mode {
        Mode::Subscribe if verified => content(app, &asked.path).await?,
        _ => None,
    };
    let mut tx = app.db.begin().await?;
    let still = store::hub::end_wish(&mut tx, wish.id, claimed).await?;
    match (asked.mode, content) {
        _ if !still || !verified => {}
        (Mode::Unsubscribe, _) => {
            store::hub::unsubscribe(&mut tx, &asked.path, &asked.callback).await?;
        }
        (Mode::Subscribe, Some(content)) => {
            let seen = (content.version, content.hash.as_str());
            let until = app.now() + asked.lease;
            store::hub::subscribe(&mut tx, asked, &host(&asked.callback), seen, until).await?;
        }
        (Mode::Subscribe, None) => {}
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_keep_within_bounds() {
        for (said, seconds) in [
            ("", 864_000),
            ("0", 300),
            ("300", 300),
            ("86400", 86_400),
            ("99999999999999999999999", 2_592_000),
        ] {
            assert_eq!(lease(said).unwrap().num_seconds(), seconds, "{said}");
        }
        for bad in ["-1", "1.5", "a day", " 60"] {
            assert!(matches!(lease(bad), Err(Refusal::Lease(_))), "{bad}");
        }
    }

    #[test]
    fn a_secret_has_two_hundred_bytes_at_most() {
        assert_eq!(secret("").unwrap(), None);
        assert_eq!(secret(&"s".repeat(200)).unwrap().unwrap().len(), 200);
        assert!(matches!(
            secret(&"ї".repeat(101)),
            Err(Refusal::Secret(202))
        ));
    }

    #[test]
    fn budgets_go_by_host_and_port() {
        assert_eq!(host("https://a.example/x?y"), "a.example:443");
        assert_eq!(host("http://a.example:8080/"), "a.example:8080");
        assert_eq!(host("http://[::1]/"), "[::1]:80");
    }
}
