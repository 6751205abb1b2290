//! What an address is: a feed, a page that announces feeds, a sitemap, a list of articles, or one
//! article.
//!
//! An address comes in; what to store as the source goes out, with a taste of what it would give.
//! Nothing is kept but a site's wish to be left alone. The address is asked once, and so is each
//! feed that it announces until one holds articles, three at most.

use chrono::TimeDelta;
use url::Url;

use crate::app::App;
use crate::article::html::document;
use crate::source::DocumentKind;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::decode::decode;
use crate::source::dom;
use crate::source::fetch::Accept;
use crate::source::fetch::Document;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::source::poll::LEASE;
use crate::source::poll::read_as;
use crate::store;

/// Announced feeds that are asked.
const TRIED: usize = 3;
/// Titles that show what would come.
const A_TASTE: usize = 3;
/// What announced feeds call themselves (RFC 4287 §8, the RSS Advisory Board's and JSON Feed's
/// autodiscovery).
const FEED_TYPES: [&str; 4] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/json",
];

/// What was found at an address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// What to poll: the address itself, or the best feed that it announces.
    pub url: SourceUrl,
    /// How to read it; `auto` if it couldn't be told yet.
    pub kind: SourceKind,
    /// The source's name for itself.
    pub title: Option<String>,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// How many articles it gives now.
    pub articles: usize,
    /// The first titles.
    pub newest: Vec<String>,
    /// Other feeds that the page announces.
    pub others: Vec<SourceUrl>,
    /// What a person should know before relying on it.
    pub problem: Option<String>,
}

/// A document, and what it holds.
struct Seen {
    document: Document,
    reading: Reading,
}

/// Works out what `url` is. What can't be reached or understood is `auto`, with the reason.
///
/// # Errors
/// [`anyhow::Error`] if the database doesn't answer.
pub async fn discover(app: &App, url: &SourceUrl) -> anyhow::Result<Found> {
    let seen = match look(app, url, SourceKind::Auto).await? {
        Ok(seen) => seen,
        Err(problem) => return Ok(Found::unknown(url, problem)),
    };
    match seen.reading.kind {
        Some(DocumentKind::Sitemap) => Ok(Found::of(url, SourceKind::Sitemap, &seen.reading)),
        Some(DocumentKind::Listing | DocumentKind::Page) => in_page(app, url, seen).await,
        Some(_) => Ok(Found::of(url, SourceKind::Feed, &seen.reading)),
        None => {
            let problem = seen.reading.problems.first().cloned();
            Ok(Found::unknown(url, problem.unwrap_or_default()))
        }
    }
}

/// A page: its feeds say more, and more reliably, than its looks.
async fn in_page(app: &App, url: &SourceUrl, seen: Seen) -> anyhow::Result<Found> {
    let announced = announced(&seen.document)?;
    for feed in announced.iter().take(TRIED) {
        let Ok(found) = look(app, feed, SourceKind::Feed).await? else {
            continue;
        };
        if !found.reading.drafts.is_empty() {
            let mut others = announced.clone();
            others.retain(|other| other != feed);
            return Ok(Found {
                others,
                ..Found::of(feed, SourceKind::Feed, &found.reading)
            });
        }
    }
    let others = announced;
    let selectors = Selectors::default();
    let listing = read_as(app, SourceKind::Listing, &selectors, &seen.document).await?;
    if listing.drafts.len() > 1 {
        return Ok(Found {
            others,
            ..Found::of(url, SourceKind::Listing, &listing)
        });
    }
    let words = if seen.reading.kind == Some(DocumentKind::Page) {
        "it looks like one article, not like a list of them; add the page that lists them, or say --kind page"
    } else {
        "no feed, and nothing that repeats like a list; say where the articles stand with --item and --link"
    };
    Ok(Found {
        kind: SourceKind::Auto,
        others,
        problem: Some(words.to_owned()),
        ..Found::of(url, SourceKind::Auto, &seen.reading)
    })
}

/// Asks once, in turn with everybody else who asks the site. One that wants to be left alone, now or
/// from an answer before, is.
async fn look(
    app: &App,
    url: &SourceUrl,
    kind: SourceKind,
) -> anyhow::Result<Result<Seen, String>> {
    let (host, until) = (url.host(), app.now() + LEASE);
    let mut tx = app.db.begin().await?;
    let ours = store::source::take_site(&mut tx, &host, app.now(), until).await?;
    tx.commit().await?;
    if !ours {
        let words = format!("{host} is being asked already, or wants to be left alone for a while");
        return Ok(Err(words));
    }
    let request = Request {
        url,
        validators: None,
        accept: Accept::Source,
        now: app.now(),
    };
    let fetched = app.fetcher.get(&request).await;
    let wait = fetched.as_ref().err().and_then(FetchError::retry_after);
    let wait = wait.and_then(|wait| TimeDelta::from_std(wait).ok());
    let free = app.now() + wait.unwrap_or_default();
    let mut tx = app.db.begin().await?;
    store::source::move_site(&mut tx, &host, until, free).await?;
    tx.commit().await?;
    let document = match fetched {
        Ok(Fetched::Document(document)) => document,
        Ok(Fetched::NotModified { .. }) => {
            return Ok(Err("expected a document, but got 304".to_owned()));
        }
        Err(problem) => return Ok(Err(problem.to_string())),
    };
    let reading = read_as(app, kind, &Selectors::default(), &document).await?;
    Ok(Ok(Seen { document, reading }))
}

impl Found {
    fn of(url: &SourceUrl, kind: SourceKind, reading: &Reading) -> Self {
        let titles = reading.drafts.iter().map(|draft| draft.title.clone());
        let problem = reading.drafts.is_empty();
        Self {
            url: url.clone(),
            kind,
            title: reading.title.clone().filter(|title| !title.is_empty()),
            language: reading.language.clone(),
            articles: reading.drafts.len(),
            newest: titles
                .filter(|title| !title.is_empty())
                .take(A_TASTE)
                .collect(),
            others: Vec::new(),
            problem: problem.then(|| "it holds no articles yet".to_owned()),
        }
    }

    fn unknown(url: &SourceUrl, problem: String) -> Self {
        Self {
            url: url.clone(),
            kind: SourceKind::Auto,
            title: None,
            language: None,
            articles: 0,
            newest: Vec::new(),
            others: Vec::new(),
            problem: Some(problem),
        }
    }
}

/// The feeds that a page announces, those of comments last.
fn announced(page: &Document) -> anyhow::Result<Vec<SourceUrl>> {
    let base = Url::parse(page.final_url.as_str())?;
    let text = decode(&page.bytes, page.content_type.as_deref()).text;
    Ok(feeds_in(&text, &base))
}

fn feeds_in(text: &str, base: &Url) -> Vec<SourceUrl> {
    let html = document(text);
    let base = dom::base_of(&html, Some(base));
    let links = dom::all(html.root_element(), "link[href][type]").into_iter();
    let mut feeds: Vec<(bool, SourceUrl)> = Vec::new();
    for link in links.map(|link| link.value()) {
        let attribute = |name| link.attr(name).unwrap_or_default().trim();
        let is_alternate = attribute("rel")
            .split_ascii_whitespace()
            .any(|rel| rel.eq_ignore_ascii_case("alternate"));
        let mime = attribute("type").split(';').next().unwrap_or_default();
        let is_feed = FEED_TYPES
            .iter()
            .any(|known| mime.trim().eq_ignore_ascii_case(known));
        let url = base
            .as_ref()
            .and_then(|base| base.join(attribute("href")).ok());
        let url: Option<SourceUrl> = url.and_then(|url| url.as_str().parse().ok());
        let Some(url) = url.filter(|_| is_alternate && is_feed) else {
            continue;
        };
        let said = format!("{} {}", attribute("title"), url.as_str()).to_lowercase();
        let of_comments = said.contains("comment") || said.contains("комент");
        if !feeds.iter().any(|(_, known)| *known == url) {
            feeds.push((of_comments, url));
        }
    }
    feeds.sort_by_key(|(of_comments, _)| *of_comments);
    feeds.into_iter().map(|(_, url)| url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_feeds_come_in_order_and_those_of_comments_last() {
        let page = r#"<!doctype html><head><base href="https://elsewhere.example/">
            <link rel="alternate" type="application/rss+xml" title="Коментарі" href="/comments/feed/">
            <LINK REL="alternate home" TYPE="application/rss+xml; charset=utf-8" HREF="/feed/">
            <link rel="alternate" type="application/atom+xml" href="atom.xml?a=1&amp;b=2">
            <link rel="alternate" type="application/rss+xml" href="/feed/">
            <link rel="alternate" hreflang="en" type="text/html" href="/en/">
            <link rel="stylesheet" type="text/css" href="/look.css">
            <link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">"#;
        let base = Url::parse("https://news.example/uk/news").unwrap();
        let feeds: Vec<String> = feeds_in(page, &base)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            feeds,
            [
                "https://elsewhere.example/feed/",
                "https://elsewhere.example/atom.xml?a=1&b=2",
                "https://elsewhere.example/comments/feed/",
            ]
        );
    }
}
