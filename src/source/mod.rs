//! Where news comes from, and what a source gives: [`Draft`]s, untrusted until they are taken in.

mod address;
mod announced;
mod dated;
pub mod decode;
pub mod discover;
mod dom;
pub mod fetch;
pub mod listing;
pub mod pace;
pub mod page;
pub mod pictures;
pub mod poll;
mod problems;
pub mod read;
mod repeated;
mod site;
pub mod sitemap;
pub mod syndication;
pub mod websub;
mod xml;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::article::Media;
use crate::article::clean::SafeHtml;
use crate::clock::Stamp;
use crate::source::pace::Pace;

/// A source's number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize, Deserialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct SourceId(pub i64);

/// A place that news comes from, and how it has been lately.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Our number for it.
    pub id: SourceId,
    /// Where it is.
    pub url: SourceUrl,
    /// How it's read.
    pub kind: SourceKind,
    /// As people read it; attribution names it so.
    pub name: String,
    /// Where things stand on its pages.
    pub selectors: Selectors,
    /// How long to wait between polls.
    pub every: TimeDelta,
    /// Whether it's polled.
    pub state: SourceState,
    /// The validators of what was read last, byte for byte as they came.
    pub etag: Option<String>,
    /// See `etag`.
    pub last_modified: Option<String>,
    /// The address that gave them, if a redirect led there.
    pub validators_url: Option<SourceUrl>,
    /// Where permanent redirects have been leading.
    pub moved: Option<Moved>,
    /// When it would be asked, by its own words and rhythm.
    pub pace: Pace,
    /// When it was first read to its end; `None` if it never was.
    pub first_polled_at: Option<Stamp>,
    /// When it was last asked.
    pub last_polled_at: Option<Stamp>,
    /// When it last answered well.
    pub last_good_at: Option<Stamp>,
    /// When it's due.
    pub next_poll_at: Stamp,
    /// How many polls have failed in a row.
    pub failures: i64,
    /// Why the last poll failed, in words.
    pub problem: Option<String>,
}

/// A permanent redirect (301, 308) that was seen: believed only when it has stood for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where it leads.
    pub to: SourceUrl,
    /// When it was first seen.
    pub since: Stamp,
    /// At how many polls in a row.
    pub times: i64,
}

/// Whether a source is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// It is.
    Active,
    /// A person stopped it.
    Paused,
    /// It said that it's gone for good (410).
    Gone,
}

impl SourceState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Gone => "gone",
        }
    }
}

/// What a document turned out to be, after reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// RSS 0.9x or 2.0.
    Rss,
    /// RSS 0.90 or 1.0.
    Rdf,
    /// Atom 0.3 or 1.0.
    Atom,
    /// JSON Feed 1.x.
    Json,
    /// An HTML page that lists articles.
    Listing,
    /// An HTML page that is one article.
    Page,
    /// A sitemap or news sitemap.
    Sitemap,
}

/// How a source is to be read; `Auto` works it out from the document.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Whatever the document turns out to be.
    #[default]
    Auto,
    /// RSS, Atom or JSON Feed.
    Feed,
    /// An HTML page that lists articles.
    Listing,
    /// One article's page.
    Page,
    /// A sitemap.
    Sitemap,
}

impl SourceKind {
    /// The word in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Feed => "feed",
            Self::Listing => "listing",
            Self::Page => "page",
            Self::Sitemap => "sitemap",
        }
    }

    /// Whether nobody has said how to read it: that's to be found out.
    pub fn is_open(self, selectors: &Selectors) -> bool {
        self == Self::Auto && *selectors == Selectors::default()
    }
}

/// CSS selectors that tell where things stand on a listing and on the pages it links to.
/// An absent one is worked out where that's possible.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Selectors {
    /// One article on a listing.
    #[arg(long, value_name = "CSS")]
    pub item: Option<String>,
    /// The link to its page, within the item.
    #[arg(long, value_name = "CSS")]
    pub link: Option<String>,
    /// Its headline.
    #[arg(long, value_name = "CSS")]
    pub title: Option<String>,
    /// Its date.
    #[arg(long, value_name = "CSS")]
    pub date: Option<String>,
    /// Its summary.
    #[arg(long, value_name = "CSS")]
    pub summary: Option<String>,
    /// The body, on the article's page.
    #[arg(long, value_name = "CSS")]
    pub body: Option<String>,
    /// Tags, one match each.
    #[arg(long, value_name = "CSS")]
    pub topics: Option<String>,
    /// Departments, one match each.
    #[arg(long, value_name = "CSS")]
    pub departments: Option<String>,
    /// Pictures, one match each.
    #[arg(long, value_name = "CSS")]
    pub image: Option<String>,
}

/// All that reading one document gave. This is what `visnyk read` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// What the document is; `None` if it could not be read at all.
    pub kind: Option<DocumentKind>,
    /// The character set it was decoded from, as the WHATWG Encoding Standard names it.
    pub charset: Option<String>,
    /// The source's name for itself.
    pub title: Option<String>,
    /// The web page the source belongs to.
    pub link: Option<String>,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// What the source says of itself, plain text.
    pub description: Option<String>,
    /// What was repaired or refused, in words, for the person who looks after the source.
    pub problems: Vec<String>,
    /// In the document's order.
    #[serde(rename = "articles")]
    pub drafts: Vec<Draft>,
    /// When it would be asked again.
    #[serde(skip)]
    pub pace: Pace,
    /// It says that there is nothing else: what it doesn't hold is no more (RFC 5005).
    #[serde(skip)]
    pub complete: bool,
    /// Identifiers of what it has taken off (RFC 6721).
    #[serde(skip)]
    pub deleted: Vec<String>,
}

impl Reading {
    /// Why nothing could be read, in words; what decoding had to say comes before it.
    pub(crate) fn reason(&self) -> String {
        let reason = self.problems.last().cloned();
        reason.unwrap_or_else(|| "expected a feed or a page".to_owned())
    }

    /// A reading that gave nothing yet.
    pub(crate) fn empty() -> Self {
        Self {
            kind: None,
            charset: None,
            title: None,
            link: None,
            language: None,
            description: None,
            problems: Vec::new(),
            drafts: Vec::new(),
            pace: Pace::default(),
            complete: false,
            deleted: Vec::new(),
        }
    }

    /// A reading of what couldn't be read, and why.
    pub(crate) fn unread(problem: impl Into<String>) -> Self {
        Self {
            problems: vec![problem.into()],
            ..Self::empty()
        }
    }
}

/// What a source gives of one article.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Draft {
    /// The source's own identifier.
    pub guid: Option<String>,
    /// Absolute http(s) address of the article.
    pub url: Option<String>,
    /// Plain text on one line; empty if the source has none.
    pub title: String,
    /// Plain text.
    pub summary: String,
    /// The body, cleaned. Whoever reads a draft back cleans it again.
    #[serde(skip_deserializing)]
    pub html: SafeHtml,
    /// The body as plain text.
    pub text: String,
    /// With the offset found; never invented.
    #[serde(serialize_with = "rfc3339")]
    pub published: Option<DateTime<FixedOffset>>,
    /// With the offset found; never invented.
    #[serde(serialize_with = "rfc3339")]
    pub updated: Option<DateTime<FixedOffset>>,
    /// Names of people.
    pub authors: Vec<String>,
    /// Names of who issued it.
    pub departments: Vec<String>,
    /// Names of tags.
    pub topics: Vec<String>,
    /// Pictures, sounds, files.
    pub media: Vec<Media>,
    /// BCP 47 tag, if the article has its own.
    pub language: Option<String>,
    /// URL of the licence.
    pub licence: Option<String>,
}

impl Draft {
    /// Whether there is anything in it that could be shown.
    pub(crate) fn says_anything(&self) -> bool {
        let texts = [&self.title, &self.summary, &self.text];
        self.url.is_some() || !self.media.is_empty() || texts.iter().any(|text| !text.is_empty())
    }
}

#[expect(
    clippy::ref_option,
    reason = "serde calls it with a reference to the field"
)]
fn rfc3339<S: serde::Serializer>(
    date: &Option<DateTime<FixedOffset>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    date.map(|date| date.to_rfc3339()).serialize(to)
}

/// The address of a source: absolute http(s), without a fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceUrl(String);

/// Why a text is no [`SourceUrl`].
#[derive(Debug, thiserror::Error)]
#[error("expected an http or https address such as `https://example.org/feed.xml`, but got `{0}`")]
pub struct BadSourceUrl(String);

impl SourceUrl {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose it is: what is asked by one at a time.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.0).ok();
        let host = url.as_ref().and_then(Url::host_str);
        host.unwrap_or_default().to_owned()
    }
}

impl FromStr for SourceUrl {
    type Err = BadSourceUrl;
    fn from_str(text: &str) -> Result<Self, BadSourceUrl> {
        let bad = || BadSourceUrl(text.chars().take(200).collect());
        let mut url = Url::parse(text.trim()).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad());
        }
        url.set_fragment(None);
        Ok(Self(url.into()))
    }
}

impl TryFrom<String> for SourceUrl {
    type Error = BadSourceUrl;
    fn try_from(text: String) -> Result<Self, BadSourceUrl> {
        text.parse()
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
