//! Articles in, a feed's bytes out: RSS 2.0, Atom 1.0 (RFC 4287) or JSON Feed 1.1.
//!
//! What a feed says of itself is a [`Channel`]; each article becomes an `Entry`, which is where
//! every string passes the XML filter and every address becomes plain ASCII. The formats only
//! arrange. Articles keep the caller's order. Nothing here asks the time or the database, and no
//! link comes from anywhere but [`Links`] and the articles themselves.

pub(crate) mod address;
mod atom;
mod directory;
pub(crate) mod document;
mod entry;
pub mod hub;
mod json;
mod legal;
pub mod opml;
mod rss;
pub mod sitemap;
pub mod snapshot;
mod subject;

use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Topic;
use crate::article::TopicKind;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::feed::entry::Entry;
use crate::feed::legal::address;
use crate::feed::legal::language;
use crate::feed::legal::legal;
use crate::feed::legal::one_line;

/// The program's name as feeds give it.
const GENERATOR: &str = "Visnyk";
/// The program's version as feeds give it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The namespace of RFC 5005.
const HISTORY: &str = "http://purl.org/syndication/history/1.0";

/// The formats of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedFormat {
    /// RSS 2.0.
    Rss,
    /// Atom 1.0.
    Atom,
    /// JSON Feed 1.1.
    Json,
}

impl FeedFormat {
    /// Every format, the most widely read first.
    pub const ALL: [Self; 3] = [Self::Rss, Self::Atom, Self::Json];

    /// The format with this extension, in lower case and without the dot.
    pub fn find(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == extension)
    }

    /// The end of its addresses, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Rss => "rss",
            Self::Atom => "atom",
            Self::Json => "json",
        }
    }

    /// The `type` of a link to it, without parameters.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Rss => "application/rss+xml",
            Self::Atom => "application/atom+xml",
            Self::Json => "application/feed+json",
        }
    }

    /// Its `Content-Type`. JSON takes no charset: it is UTF-8 by RFC 8259.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Rss => "application/rss+xml; charset=utf-8",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Json => "application/feed+json",
        }
    }
}

/// Whether a feed carries whole articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fullness {
    /// Summary and body.
    #[default]
    Full,
    /// Summaries alone (`?full=0`).
    Summaries,
}

/// Our own addresses, and the identifiers that outlive them.
///
/// An address changes with `base_url`; an identifier is a `tag:` URI (RFC 4151) that holds
/// nothing but the authority and year an installation was given once, and the article's number.
/// So a new domain, title or slug never shows old news as new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    base: String,
    authority: String,
    year: u16,
}

impl Links {
    /// `base_url` is an absolute http(s) address, with or without a slash at its end. `authority`
    /// is the host name that the installation had in `year`: both are to be stored at set-up and
    /// never changed. What RFC 4151 doesn't allow in an authority is left out of it; without any
    /// the authority is `localhost`.
    pub fn new(base_url: &str, authority: &str, year: u16) -> Self {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let authority: String = authority.chars().filter(allowed).collect();
        let authority = Some(authority.to_ascii_lowercase()).filter(|name| !name.is_empty());
        Self {
            base: base_url.trim_end_matches('/').to_owned(),
            authority: authority.unwrap_or_else(|| "localhost".to_owned()),
            year: year.clamp(1000, 9999),
        }
    }

    /// The address of `path`, which begins with a slash.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// An article's page.
    pub fn article(&self, id: ArticleId) -> String {
        self.to(&format!("/articles/{id}"))
    }

    /// A topic's page.
    pub fn topic(&self, topic: &Topic) -> String {
        self.to(&format!("/{}/{}", topic.kind.path(), topic.slug))
    }

    /// What tells the kinds of topic apart: a category's `domain` or `scheme`.
    pub fn topics(&self, kind: TopicKind) -> String {
        self.to(&format!("/{}", kind.path()))
    }

    /// An article's identifier, for ever.
    pub fn article_id(&self, id: ArticleId) -> String {
        self.tag(&format!("article/{id}"))
    }

    /// A digest's identifier, for ever.
    pub fn digest_id(&self, id: DigestId) -> String {
        self.tag(&format!("digest/{}", id.0))
    }

    /// A feed's identifier, the same in every format. `name` is what it is a feed of, in ASCII:
    /// `all`, `topics/economy`.
    pub fn feed_id(&self, name: &str) -> String {
        self.tag(&format!("feed/{name}"))
    }

    fn tag(&self, specific: &str) -> String {
        format!("tag:{},{}:{specific}", self.authority, self.year)
    }
}

/// What a feed says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Where our pages are and how articles are identified.
    pub links: Links,
    /// [`Links::feed_id`] of this feed.
    pub id: String,
    /// Plain text.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// Who publishes it: `site.name`.
    pub publisher: String,
    /// BCP 47 tag.
    pub language: String,
    /// The page for people that shows the same articles.
    pub home_url: String,
    /// The very address that this document is fetched from, its query included.
    pub self_url: String,
    /// URL of the licence for everything that doesn't name its own.
    pub licence: Option<String>,
    /// Attribution in words.
    pub rights: Option<String>,
    /// When anything in it last changed.
    pub updated: Stamp,
    /// How long a reader may wait before it asks again, in minutes.
    pub ttl_minutes: u32,
    /// What the whole feed is about; empty for everything.
    pub topics: Vec<Topic>,
    /// Address of a picture that stands for the feed.
    pub icon: Option<String>,
    /// Address of the WebSub hub.
    pub hub: Option<String>,
    /// Address of the archive document (RFC 5005) that comes before, in the same format.
    pub prev_archive: Option<String>,
    /// What an archive document says beside; `None` for a feed that is no archive.
    pub archive: Option<ArchiveLinks>,
}

/// Where an archive document stands in its chain (RFC 5005 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveLinks {
    /// Address of the feed itself.
    pub current: String,
    /// Address of the next, newer archive document.
    pub next_archive: Option<String>,
}

/// What a feed shows, each part in its own order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// Articles.
    pub articles: Vec<Article>,
    /// Digests that were sent, as everybody may read them.
    pub digests: Vec<SentDigest>,
    /// Articles that would be there, but were withdrawn, and when (RFC 6721). Only Atom can say it.
    pub withdrawn: Vec<(ArticleId, Stamp)>,
}

/// A digest in the feed of its list. Nothing in it is anybody's own.
#[derive(Debug, Clone, PartialEq)]
pub struct SentDigest {
    /// Our number for it.
    pub id: DigestId,
    /// Its page.
    pub url: String,
    /// Plain text.
    pub title: String,
    /// BCP 47 tag.
    pub language: String,
    /// When it was sent.
    pub sent_at: Stamp,
    /// What it holds, newest first.
    pub articles: Vec<Article>,
}

impl Channel {
    /// What an archive document links beside its predecessor, by relation.
    fn chain(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.archive.iter().flat_map(|archive| {
            let next = archive.next_archive.as_deref();
            let next = next.map(|url| ("next-archive", url));
            std::iter::once(("current", &*archive.current)).chain(next)
        })
    }

    /// The same, with only what feeds may hold. Addresses that are none are left out, except
    /// our own.
    fn legal(&self) -> Self {
        let own = |url: &str| address(url).unwrap_or_else(|| legal(url));
        let known = |url: &Option<String>| url.as_deref().and_then(address);
        Self {
            links: Links {
                base: own(&self.links.base).trim_end_matches('/').to_owned(),
                ..self.links.clone()
            },
            id: legal(&self.id),
            title: one_line(&self.title),
            description: one_line(&self.description),
            publisher: one_line(&self.publisher),
            language: language(&self.language).unwrap_or_else(|| "und".to_owned()),
            home_url: own(&self.home_url),
            self_url: legal(&self.self_url),
            licence: known(&self.licence),
            rights: self.rights.as_deref().map(one_line),
            updated: self.updated,
            ttl_minutes: self.ttl_minutes,
            topics: self.topics.iter().map(legal::topic).collect(),
            icon: known(&self.icon),
            hub: known(&self.hub),
            prev_archive: known(&self.prev_archive),
            archive: self.archive.clone(),
        }
    }
}

/// Why a feed could not be written. None of these is expected: the writers only fail if memory
/// or the crate underneath does.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// RSS.
    #[error("expected an RSS feed to be written")]
    Rss(#[from] ::rss::Error),
    /// Atom.
    #[error("expected an Atom feed to be written")]
    Atom(#[from] atom_syndication::Error),
    /// JSON Feed.
    #[error("expected a JSON feed to be written")]
    Json(#[from] serde_json::Error),
    /// OPML.
    #[error("expected an OPML list to be written")]
    Opml(#[from] std::io::Error),
}

/// Writes `articles`, in their order, as one feed document in UTF-8.
pub fn render(
    format: FeedFormat,
    channel: &Channel,
    articles: &[Article],
    fullness: Fullness,
) -> Result<Vec<u8>, FeedError> {
    let channel = channel.legal();
    let articles = articles.iter();
    let entries = articles.map(|article| Entry::new(&channel, article, fullness));
    write(format, &channel, entries.collect(), &[])
}

/// Writes all that is shown as one feed document in UTF-8.
pub fn render_shown(
    format: FeedFormat,
    channel: &Channel,
    shown: &Shown,
    fullness: Fullness,
) -> Result<Vec<u8>, FeedError> {
    let channel = channel.legal();
    let articles = shown.articles.iter();
    let articles = articles.map(|article| Entry::new(&channel, article, fullness));
    let digests = shown.digests.iter();
    let digests = digests.map(|digest| Entry::of_digest(&channel, digest, fullness));
    let entries = articles.chain(digests).collect();
    write(format, &channel, entries, &shown.withdrawn)
}

fn write(
    format: FeedFormat,
    channel: &Channel,
    entries: Vec<Entry>,
    withdrawn: &[(ArticleId, Stamp)],
) -> Result<Vec<u8>, FeedError> {
    match format {
        FeedFormat::Rss => rss::write(channel, entries),
        FeedFormat::Atom => atom::write(channel, entries, withdrawn),
        FeedFormat::Json => json::write(channel, &entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(base_url: &str) -> Links {
        Links::new(base_url, "News.Example", 2026)
    }

    #[test]
    fn identifiers_outlive_addresses() {
        let id = ArticleId(7);
        let (old, new) = (
            links("http://news.example"),
            links("https://poltava.example/n/"),
        );
        assert_eq!(old.article_id(id), "tag:news.example,2026:article/7");
        assert_eq!(old.article_id(id), new.article_id(id));
        assert_eq!(new.article(id), "https://poltava.example/n/articles/7");
    }

    #[test]
    fn an_authority_holds_only_what_tag_uris_allow() {
        let links = Links::new("http://[::1]:8080", "[::1]:8080", 2026);
        assert_eq!(links.feed_id("all"), "tag:18080,2026:feed/all");
        let nameless = Links::new("http://localhost", "", 0);
        assert_eq!(nameless.feed_id("all"), "tag:localhost,1000:feed/all");
    }

    #[test]
    fn formats_are_found_by_extension() {
        for format in FeedFormat::ALL {
            assert_eq!(FeedFormat::find(format.extension()), Some(format));
            assert!(format.media_type().starts_with(format.mime()));
        }
        assert_eq!(FeedFormat::find("xml"), None);
    }
}
