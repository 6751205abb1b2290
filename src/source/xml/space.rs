//! A namespace's address, or a prefix that nobody declared, in; what it means to us out.

/// The vocabularies that news are written in. RSS of all kinds and Atom of all kinds are one:
/// their names don't collide where they stand, and feeds mix them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// RSS 0.9x, 1.0, 2.0, Atom 0.3, 1.0, sitemaps, and no namespace at all.
    Feed,
    /// RDF syntax.
    Rdf,
    /// The XML namespace: `xml:base`, `xml:lang`.
    Xml,
    /// XHTML.
    Html,
    /// `content:encoded`.
    Content,
    /// Dublin Core, elements and terms.
    Dc,
    /// Media RSS.
    Media,
    /// Podcasts, as Apple has them.
    Itunes,
    /// Licences: `creativeCommons:license` and `cc:license`.
    Licence,
    /// Google's news sitemaps.
    News,
    /// Google's image sitemaps.
    Image,
    /// When to come again: RSS 1.0's syndication module.
    Syndication,
    /// Whole feeds and archives (RFC 5005).
    History,
    /// What was taken off (RFC 6721).
    Tombstones,
    /// Any other.
    Other,
}

impl Space {
    /// By the namespace's address; small mistakes in it are overlooked, as feed readers do.
    pub(crate) fn of_uri(uri: &str) -> Self {
        let lower = uri.trim().to_ascii_lowercase();
        let bare = lower
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_start_matches("www.")
            .trim_end_matches(['/', '#']);
        match bare {
            ""
            | "w3.org/2005/atom"
            | "purl.org/atom/ns"
            | "my.netscape.com/publish/formats/rss-0.91.dtd"
            | "blogs.law.harvard.edu/tech/rss"
            | "sitemaps.org/schemas/sitemap/0.9"
            | "google.com/schemas/sitemap/0.84" => Self::Feed,
            "w3.org/1999/02/22-rdf-syntax-ns" => Self::Rdf,
            "w3.org/xml/1998/namespace" => Self::Xml,
            "w3.org/1999/xhtml" => Self::Html,
            "itunes.com/dtds/podcast-1.0.dtd" | "example.com/dtds/podcast-1.0.dtd" => Self::Itunes,
            "creativecommons.org/ns" | "web.resource.org/cc" => Self::Licence,
            _ => Self::of_family(bare),
        }
    }

    fn of_family(bare: &str) -> Self {
        let begins = |start: &str| bare.starts_with(start);
        if begins("purl.org/rss/1.0/modules/content") {
            Self::Content
        } else if begins("purl.org/rss/1.0/modules/syndication") {
            Self::Syndication
        } else if begins("purl.org/syndication/history") {
            Self::History
        } else if begins("purl.org/atompub/tombstones") {
            Self::Tombstones
        } else if begins("purl.org/dc/") {
            Self::Dc
        } else if begins("purl.org/net/rss1.1") || bare == "purl.org/rss/1.0" {
            Self::Feed
        } else if bare.ends_with("creativecommonsrssmodule") {
            Self::Licence
        } else if begins("channel.netscape.com/rdf/simple/0.9")
            || begins("my.netscape.com/rdf/simple/0.9")
            || begins("backend.userland.com/rss")
        {
            Self::Feed
        } else if bare.contains("search.yahoo.com/mrss") || begins("rssboard.org/media-rss") {
            Self::Media
        } else if begins("google.com/schemas/sitemap-news") {
            Self::News
        } else if begins("google.com/schemas/sitemap-image") {
            Self::Image
        } else {
            Self::Other
        }
    }

    /// By a prefix that the document uses and never declares.
    pub(crate) fn of_prefix(prefix: &str) -> Self {
        match prefix.to_ascii_lowercase().as_str() {
            "" | "rss" | "atom" | "atom10" | "atom03" | "a10" => Self::Feed,
            "rdf" => Self::Rdf,
            "xml" => Self::Xml,
            "xhtml" | "html" | "h" => Self::Html,
            "content" => Self::Content,
            "dc" | "dcterms" => Self::Dc,
            "media" => Self::Media,
            "itunes" => Self::Itunes,
            "creativecommons" | "cc" => Self::Licence,
            "news" => Self::News,
            "image" => Self::Image,
            "sy" => Self::Syndication,
            "fh" => Self::History,
            "at" => Self::Tombstones,
            _ => Self::Other,
        }
    }
}
