//! What an address is: a feed, a page that announces feeds, a sitemap, a list of articles, or one
//! article.
//!
//! An address comes in; what to store as the source goes out, with a taste of what it would give.
//! Nothing is kept but a site's wish to be left alone. The address is asked once, and so is each
//! feed that it announces until one holds articles, three at most. A page with neither feeds nor a
//! list is the last resort's occasion: the sitemaps in its `robots.txt`.

mod places;
mod propose;
mod wanted;

pub use self::wanted::Wanted;

use std::fmt;

use chrono::TimeDelta;
use serde::Serialize;
use serde::Serializer;

use crate::app::App;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::fetch::Accept;
use crate::source::fetch::Document;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::source::poll::read_as;
use crate::source::site::Site;
use crate::source::site::breathe;
use crate::source::site::leave;

/// Announced feeds, or sitemaps, that are asked.
const TRIED: usize = 3;
/// Articles that show what would come.
const A_TASTE: usize = 3;

/// What was found at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// The first of them.
    pub newest: Vec<Taste>,
    /// By which a list could be read too, for whoever wants to have it in hand.
    pub selectors: Option<Selectors>,
    /// Other feeds that the page announces.
    pub others: Vec<SourceUrl>,
    /// What a person should know before relying on it.
    pub problem: Option<Doubt>,
}

/// An article, as a taste of its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taste {
    /// Its headline.
    pub title: String,
    /// When it was published, if that can be told.
    pub published: Option<chrono::DateTime<chrono::FixedOffset>>,
}

/// What a person should know before relying on what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It couldn't be asked or understood; why, in words.
    Unread(String),
    /// The host is being asked already, or asked to be left alone.
    Busy(String),
    /// It looks like an article's own page.
    OneArticle,
    /// A page without feeds, on which nothing repeats.
    NoList,
    /// It holds no articles.
    Empty,
}

impl fmt::Display for Doubt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(why) => out.write_str(why),
            Self::Busy(host) => write!(
                out,
                "{host} is being asked already, or wants to be left alone for a while"
            ),
            Self::OneArticle => out.write_str(
                "it looks like one article, not like a list of them; add the page that lists them, or say --kind page",
            ),
            Self::NoList => out.write_str(
                "no feed, and nothing that repeats like a list; say where the articles stand with --item and --link",
            ),
            Self::Empty => out.write_str("it holds no articles yet"),
        }
    }
}

impl Serialize for Doubt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A document, and what it holds.
pub(in crate::source) struct Seen {
    pub(in crate::source) document: Document,
    pub(in crate::source) reading: Reading,
}

/// Works out what `url` is. What can't be reached or understood is `auto`, with the reason.
///
/// # Errors
/// [`anyhow::Error`] if the database doesn't answer.
pub async fn discover(app: &App, url: &SourceUrl) -> anyhow::Result<Found> {
    match look(app, None, url, SourceKind::Auto).await? {
        Ok(seen) => Ok(what_is(app, None, url, seen).await?.0),
        Err(doubt) => Ok(Found::unknown(url, doubt)),
    }
}

/// What the document found at `url` is, and what to read in its place if that is a feed that it
/// announces. The host named is in the caller's hands already.
pub(in crate::source) async fn what_is(
    app: &App,
    ours: Option<&str>,
    url: &SourceUrl,
    seen: Seen,
) -> anyhow::Result<(Found, Seen)> {
    let kind = match seen.reading.kind {
        Some(DocumentKind::Listing | DocumentKind::Page) => {
            return in_page(app, ours, url, seen).await;
        }
        Some(DocumentKind::Sitemap) => SourceKind::Sitemap,
        Some(_) => SourceKind::Feed,
        None => {
            let doubt = Doubt::Unread(seen.reading.reason());
            return Ok((Found::unknown(url, doubt), seen));
        }
    };
    Ok((Found::of(url, kind, &seen.reading), seen))
}

/// A page: its feeds say more, and more reliably, than its looks.
async fn in_page(
    app: &App,
    ours: Option<&str>,
    url: &SourceUrl,
    page: Seen,
) -> anyhow::Result<(Found, Seen)> {
    let others = places::feeds(&page.document);
    if let Some((mut found, seen)) = first_full(app, ours, &others, SourceKind::Feed).await? {
        found.others = others;
        found.others.retain(|other| *other != found.url);
        return Ok((found, seen));
    }
    let selectors = Selectors::default();
    let listing = read_as(app, SourceKind::Listing, &selectors, &page.document).await?;
    if listing.drafts.len() > 1 {
        let found = Found {
            others,
            selectors: propose::selectors(app, &page.document).await?,
            ..Found::of(url, SourceKind::Listing, &listing)
        };
        let document = page.document;
        return Ok((
            found,
            Seen {
                document,
                reading: listing,
            },
        ));
    }
    if let Some(sitemap) = in_robots(app, ours, url).await? {
        return Ok(sitemap);
    }
    let doubt = if page.reading.kind == Some(DocumentKind::Page) {
        Doubt::OneArticle
    } else {
        Doubt::NoList
    };
    let found = Found {
        kind: SourceKind::Auto,
        others,
        problem: Some(doubt),
        ..Found::of(url, SourceKind::Auto, &page.reading)
    };
    Ok((found, page))
}

/// The first sitemap that the site's `robots.txt` names and that holds articles.
async fn in_robots(
    app: &App,
    ours: Option<&str>,
    page: &SourceUrl,
) -> anyhow::Result<Option<(Found, Seen)>> {
    let Some(robots) = places::robots_of(page) else {
        return Ok(None);
    };
    breathe(&robots.host()).await;
    let named = match ask(app, ours, &robots).await? {
        Ok(document) => places::sitemaps(&document),
        Err(_) => return Ok(None),
    };
    first_full(app, ours, &named, SourceKind::Sitemap).await
}

/// The first of several addresses that holds articles.
async fn first_full(
    app: &App,
    ours: Option<&str>,
    places: &[SourceUrl],
    kind: SourceKind,
) -> anyhow::Result<Option<(Found, Seen)>> {
    for place in places.iter().take(TRIED) {
        breathe(&place.host()).await;
        if let Ok(seen) = look(app, ours, place, kind).await?
            && !seen.reading.drafts.is_empty()
        {
            return Ok(Some((Found::of(place, kind, &seen.reading), seen)));
        }
    }
    Ok(None)
}

async fn look(
    app: &App,
    ours: Option<&str>,
    url: &SourceUrl,
    kind: SourceKind,
) -> anyhow::Result<Result<Seen, Doubt>> {
    let document = match ask(app, ours, url).await? {
        Ok(document) => document,
        Err(doubt) => return Ok(Err(doubt)),
    };
    let reading = read_as(app, kind, &Selectors::default(), &document).await?;
    Ok(Ok(Seen { document, reading }))
}

/// What `url` gives under these selectors; nothing is kept but the document, for whoever is typing
/// and would have it a moment old.
///
/// # Errors
/// [`anyhow::Error`] if the database doesn't answer.
pub async fn preview(
    app: &App,
    url: &SourceUrl,
    (kind, selectors): (SourceKind, &Selectors),
    typing: bool,
) -> anyhow::Result<Result<Reading, Doubt>> {
    let known = app.looks.find(url, app.now()).filter(|_| typing);
    let document = match known {
        Some(document) => document,
        None => match ask(app, None, url).await? {
            Ok(document) => document,
            Err(doubt) => return Ok(Err(doubt)),
        },
    };
    app.looks.keep(url, &document, app.now());
    Ok(Ok(read_as(app, kind, selectors, &document).await?))
}

/// Asks once, in turn with everybody else who asks the site. One that wants to be left alone, now or
/// from an answer before, is.
async fn ask(
    app: &App,
    ours: Option<&str>,
    url: &SourceUrl,
) -> anyhow::Result<Result<Document, Doubt>> {
    let host = url.host();
    let site = if ours == Some(host.as_str()) {
        None
    } else {
        let Some(site) = Site::take(app, host.clone()).await? else {
            return Ok(Err(Doubt::Busy(host)));
        };
        Some(site)
    };
    let request = Request {
        url,
        validators: None,
        accept: Accept::Source,
        now: app.now(),
    };
    let fetched = app.fetcher.get(&request).await;
    let wait = fetched.as_ref().err().and_then(FetchError::retry_after);
    let wait = wait.and_then(|(wait, _)| TimeDelta::from_std(wait).ok());
    match (site, &fetched) {
        (Some(site), _) => drop(site.free(app, app.now() + wait.unwrap_or_default()).await?),
        (None, Err(problem)) => drop(leave(app, url, problem).await?),
        (None, Ok(_)) => {}
    }
    Ok(match fetched {
        Ok(Fetched::Document(document)) => Ok(document),
        Ok(Fetched::NotModified { .. }) => {
            Err(Doubt::Unread("expected a document, but got 304".to_owned()))
        }
        Err(problem) => Err(Doubt::Unread(problem.to_string())),
    })
}

impl Found {
    fn of(url: &SourceUrl, kind: SourceKind, reading: &Reading) -> Self {
        let titled = |draft: &&Draft| !draft.title.is_empty();
        let newest = reading.drafts.iter().filter(titled).take(A_TASTE);
        Self {
            url: url.clone(),
            kind,
            title: reading.title.clone().filter(|title| !title.is_empty()),
            language: reading.language.clone(),
            articles: reading.drafts.len(),
            newest: newest
                .map(|draft| Taste {
                    title: draft.title.clone(),
                    published: draft.published,
                })
                .collect(),
            selectors: None,
            others: Vec::new(),
            problem: reading.drafts.is_empty().then_some(Doubt::Empty),
        }
    }

    fn unknown(url: &SourceUrl, doubt: Doubt) -> Self {
        Self {
            url: url.clone(),
            kind: SourceKind::Auto,
            title: None,
            language: None,
            articles: 0,
            newest: Vec::new(),
            selectors: None,
            others: Vec::new(),
            problem: Some(doubt),
        }
    }
}
