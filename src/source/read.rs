//! A document of any kind in, a [`Reading`] out. Never panics, whatever the bytes.
//!
//! What a document is, it says by its first element that means something, not by its
//! Content-Type: feeds come as `text/html`, and login pages as `application/rss+xml`.

use chrono_tz::Tz;
use url::Url;

use crate::clock::Stamp;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::SourceKind;
use crate::source::decode::decode;
use crate::source::listing;
use crate::source::page;
use crate::source::sitemap;
use crate::source::syndication;
use crate::source::xml::scan::Scanner;
use crate::source::xml::scan::Token;

/// Bytes of a document, after decompression.
pub const LARGEST_DOCUMENT: usize = 15 * 1024 * 1024;

/// What came from the source.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The body, decompressed.
    pub bytes: &'a [u8],
    /// The HTTP header's value, if there was one.
    pub content_type: Option<&'a str>,
    /// The address it was found at, after redirects.
    pub base: Option<&'a Url>,
}

/// How it is to be read.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// What it is taken for.
    pub kind: SourceKind,
    /// Where things stand, if it is HTML.
    pub selectors: &'a Selectors,
    /// The zone of dates without one in HTML. In feeds they are in UTC.
    pub zone: Tz,
    /// What «вчора» counts from.
    pub now: Stamp,
}

/// What a document looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Json,
    Feed,
    Sitemap,
    Html,
    Strange,
}

/// Reads a document. One that can't be read has no kind, no drafts, and says why.
pub fn read(document: &Document<'_>, how: &How<'_>) -> Reading {
    if document.bytes.len() > LARGEST_DOCUMENT {
        let size = document.bytes.len();
        let limit = LARGEST_DOCUMENT;
        return Reading::unread(format!("expected at most {limit} bytes, but got {size}"));
    }
    let decoded = decode(document.bytes, document.content_type);
    let mut reading = read_text(&decoded.text, document, how);
    reading.charset = Some(decoded.charset.to_owned());
    reading.problems.splice(0..0, decoded.problems);
    let silent = reading.drafts.iter().filter(|draft| !draft.says_anything());
    match silent.count() {
        0 => {}
        silent => reading.problems.push(format!(
            "items that are left out: {silent}; expected a headline, a text, an address or a file, but got none"
        )),
    }
    reading
}

fn read_text(text: &str, document: &Document<'_>, how: &How<'_>) -> Reading {
    if text.trim().is_empty() {
        return Reading::unread("expected a feed or a page, but got nothing");
    }
    let base = document.base;
    let look = look(text, document.content_type);
    match (how.kind, look) {
        (SourceKind::Auto | SourceKind::Feed, Look::Json) => {
            syndication::read_json(text, base, how.now)
        }
        (SourceKind::Auto | SourceKind::Feed, Look::Feed) => syndication::read(text, base, how.now),
        (SourceKind::Auto | SourceKind::Sitemap, Look::Sitemap) => {
            sitemap::read(text, base, how.now)
        }
        (SourceKind::Auto, Look::Html) => read_html(text, base, how),
        (SourceKind::Listing, Look::Html | Look::Strange) => listing::read(text, base, how),
        (SourceKind::Page, Look::Html | Look::Strange) => page::read(text, base, how),
        (kind, look) => {
            let (wanted, got) = (wanted(kind), look.words());
            Reading::unread(format!("expected {wanted}, but got {got}"))
        }
    }
}

/// HTML of unknown kind: a listing if someone said where its items are, else an article if it
/// holds one.
fn read_html(text: &str, base: Option<&Url>, how: &How<'_>) -> Reading {
    if how.selectors.item.is_none() {
        let page = page::read(text, base, how);
        if !page.drafts.is_empty() {
            return page;
        }
    }
    listing::read(text, base, how)
}

/// Elements that are looked at before giving up.
const LOOK_WITHIN: usize = 300;

fn look(text: &str, content_type: Option<&str>) -> Look {
    if text.trim_start().starts_with('{') {
        return Look::Json;
    }
    let names = Scanner::new(text).filter_map(|token| match token {
        Token::Open { name, .. } => Some(name),
        _ => None,
    });
    let (mut wrapped, mut some_html) = (false, false);
    for name in names.take(LOOK_WITHIN) {
        let local = name.rsplit(':').next().unwrap_or_default();
        match local.to_ascii_lowercase().as_str() {
            "rss" | "rdf" | "feed" | "channel" | "entry" => return Look::Feed,
            "urlset" | "sitemapindex" => return Look::Sitemap,
            // Some programs wrap a feed in a page; a page that goes on as one is no feed.
            "html" | "body" => wrapped = true,
            _ if wrapped => return Look::Html,
            "head" | "title" => return Look::Html,
            "a" | "p" | "div" | "article" | "section" | "main" | "h1" => some_html = true,
            _ => {}
        }
    }
    if wrapped || some_html || content_type.is_some_and(|mime| mime.contains("html")) {
        Look::Html
    } else {
        Look::Strange
    }
}

impl Look {
    fn words(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Feed => "a feed",
            Self::Sitemap => "a sitemap",
            Self::Html => "HTML",
            Self::Strange => "something unknown",
        }
    }
}

fn wanted(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Auto => "a feed, a sitemap or HTML",
        SourceKind::Feed => "RSS, Atom or JSON Feed",
        SourceKind::Listing | SourceKind::Page => "HTML",
        SourceKind::Sitemap => "a sitemap",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::DocumentKind;

    const RSS: &str = include_str!("../../tests/fixtures/feeds/newsroom.rss");
    const ATOM: &str = include_str!("../../tests/fixtures/feeds/newsroom.atom");
    const RDF: &str = include_str!("../../tests/fixtures/feeds/newsroom.rdf");
    const JSON: &str = include_str!("../../tests/fixtures/feeds/newsroom.json");

    fn read_bytes(bytes: &[u8]) -> Reading {
        let base = Url::parse("https://example.org/feed").unwrap();
        let document = Document {
            bytes,
            content_type: None,
            base: Some(&base),
        };
        read(&document, &how(SourceKind::Auto))
    }

    fn how(kind: SourceKind) -> How<'static> {
        static NONE: Selectors = Selectors {
            item: None,
            link: None,
            title: None,
            date: None,
            summary: None,
            body: None,
            topics: None,
            departments: None,
            image: None,
        };
        How {
            kind,
            selectors: &NONE,
            zone: Tz::Europe__Kyiv,
            now: Stamp(1_700_000_000_000),
        }
    }

    fn titles(text: &str) -> Vec<String> {
        let reading = read_bytes(text.as_bytes());
        assert!(reading.kind.is_some(), "{text}: {:?}", reading.problems);
        let drafts = reading.drafts.into_iter();
        drafts.map(|draft| draft.title).collect()
    }

    #[test]
    fn whole_articles_survive_every_kind_of_breakage() {
        let a = "<item><title>А</title><link>https://example.org/a</link></item>";
        let b = "<item><title>Б</title><link>https://example.org/b</link></item>";
        for (what, broken) in [
            ("sound", format!("<rss><channel>{a}{b}</channel></rss>")),
            ("truncated", format!("<rss><channel>{a}{b}<item")),
            (
                "cut within CDATA",
                format!("<rss><channel>{a}{b}<![CDATA[x"),
            ),
            (
                "cut within a comment",
                format!("<rss><channel>{a}{b}<!-- x"),
            ),
            (
                "junk before the prolog",
                format!(
                    "\n<br />\n<b>Warning</b>: x < y\n<?xml version='1.0'?><rss><channel>{a}{b}"
                ),
            ),
            (
                "wrong case",
                format!("<RSS><Channel>{a}{b}</CHANNEL></rss>").replace("title>", "TITLE>"),
            ),
            (
                "articles never closed",
                format!("<rss><channel>{a}{b}</channel></rss>").replace("</item>", ""),
            ),
            (
                "fields never closed",
                format!("<rss><channel>{a}{b}</channel></rss>").replace("</title>", ""),
            ),
            (
                "a tag without its end",
                format!("<rss><channel>{a}{b}</channel></rss>").replace("</link>", "</link"),
            ),
            (
                "an attribute without its quote",
                format!("<rss><channel>{a}{b}</channel></rss>").replace("<item>", "<item a=\"b>"),
            ),
            (
                "stray ends",
                format!("<rss><channel></p>{a}</br></item>{b}</channel></rss>"),
            ),
            ("no channel", format!("<rss version='0.91'>{a}{b}</rss>")),
            (
                "wrapped in a page",
                format!(
                    "<!DOCTYPE html><html><body><rss><channel>{a}{b}</channel></rss></body></html>"
                ),
            ),
            (
                "a strange default namespace",
                format!("<rss xmlns='https://example.org/mine'><channel>{a}{b}</channel></rss>"),
            ),
        ] {
            assert_eq!(titles(&broken), ["А", "Б"], "{what}: {broken}");
        }
    }

    #[test]
    fn text_survives_what_strict_parsers_refuse() {
        for (written, meant) in [
            ("Річка & ліс", "Річка & ліс"),
            ("R&D; Q&A", "R&D; Q&A"),
            ("а&nbsp;&mdash; б&hellip;", "а — б…"),
            ("2 < 3", "2 < 3"),
            ("a\u{8}\u{1}b", "ab"),
            ("<![CDATA[Річка & ліс]]>", "Річка & ліс"),
            ("a&#xD800;&#8;b", "ab"),
        ] {
            let rss =
                format!("<rss><channel><item><title>{written}</title></item></channel></rss>");
            assert_eq!(titles(&rss), [meant], "{written}");
        }
    }

    #[test]
    fn undeclared_prefixes_mean_what_they_usually_mean() {
        let rss = "<rss><channel><item><title>а</title><dc:creator>Олена</dc:creator>
            <content:encoded>&lt;p>тіло&lt;/p></content:encoded>
            <media:content url='/a.jpg'/></item></channel></rss>";
        let reading = read_bytes(rss.as_bytes());
        assert_eq!(reading.drafts[0].authors, ["Олена"]);
        assert_eq!(reading.drafts[0].html.as_str(), "<p>тіло</p>");
        assert_eq!(reading.drafts[0].media.len(), 1);
        let foreign = "<rss xmlns:dc='https://example.org/else'><channel><item><title>а</title>
            <dc:creator>Олена</dc:creator></item></channel></rss>";
        assert!(read_bytes(foreign.as_bytes()).drafts[0].authors.is_empty());
    }

    #[test]
    fn every_cut_of_a_feed_keeps_the_articles_before_it() {
        let first_end = RSS.find("</item>").unwrap() + "</item>".len();
        for (cut, _) in RSS.char_indices().step_by(7) {
            let reading = read_bytes(&RSS.as_bytes()[..cut]);
            if cut >= first_end {
                assert!(reading.drafts[0].title.starts_with("Створили"), "{cut}");
            }
        }
    }

    #[test]
    fn a_json_feed_that_breaks_off_keeps_its_whole_items() {
        let end = JSON.find("\"43\"").unwrap();
        let reading = read_bytes(&JSON.as_bytes()[..end]);
        assert_eq!(reading.kind, Some(DocumentKind::Json));
        assert_eq!(reading.title.as_deref(), Some("Новини"));
        assert_eq!(reading.drafts.len(), 1);
        assert!(reading.problems[0].contains("breaks off"));
    }

    #[test]
    fn kinds_are_told_apart_by_what_the_document_holds() {
        for (text, kind) in [
            (RSS, Some(DocumentKind::Rss)),
            (ATOM, Some(DocumentKind::Atom)),
            (RDF, Some(DocumentKind::Rdf)),
            (JSON, Some(DocumentKind::Json)),
            (
                "<urlset><url><loc>https://example.org/1",
                Some(DocumentKind::Sitemap),
            ),
            ("", None),
            (" \n", None),
            ("just words", None),
            ("{\"a\": 1}", None),
            ("{\"items\": [", None),
            ("<svg><path/></svg>", None),
        ] {
            let reading = read_bytes(text.as_bytes());
            assert_eq!(reading.kind, kind, "{text}");
            assert!(kind.is_some() || !reading.problems.is_empty(), "{text}");
        }
        let html = Document {
            bytes: b"<!DOCTYPE html><html><body><p>x",
            content_type: Some("application/rss+xml"),
            base: None,
        };
        let reading = read(&html, &how(SourceKind::Feed));
        assert_eq!(reading.kind, None);
        assert_eq!(
            reading.problems,
            ["expected RSS, Atom or JSON Feed, but got HTML"]
        );
    }

    #[test]
    fn hostile_documents_are_harmless() {
        let deep = "<x>".repeat(1_000_000);
        let rss = |inner: &str| format!("<rss><channel><item><title>а</title></item><item>{inner}");
        let attributes: Vec<_> = (0..100_000).map(|n| format!(" a{n}=''")).collect();
        let attributes = attributes.concat();
        let lol: Vec<_> = (1..10)
            .map(|n| {
                let inner = format!("&l{};", n - 1).repeat(10);
                format!("<!ENTITY l{n} \"{inner}\">")
            })
            .collect();
        for hostile in [
            rss(&deep),
            rss(&format!("<description>{deep}")),
            rss(&format!("<x{attributes}>")),
            rss(&format!("<title>{}</title></item>", "ї".repeat(5_000_000))),
            rss(&"<!--".repeat(1_000_000)),
            rss(&"<![".repeat(1_000_000)),
            rss(&"<?".repeat(1_000_000)),
            rss(&"<a b=\"".repeat(1_000_000)),
            rss(&"<a b='>".repeat(1_000_000)),
            rss(&"&".repeat(3_000_000)),
            rss(&"<".repeat(3_000_000)),
            format!(
                "<!DOCTYPE rss [<!ENTITY l0 'ha'>{}]>{}",
                lol.concat(),
                rss("&l9;")
            ),
            format!("<!DOCTYPE {}]>{}", "[".repeat(1_000_000), rss("")),
            format!(
                "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}",
                rss("<description>&x;</description></item>")
            ),
        ] {
            let reading = read_bytes(hostile.as_bytes());
            let start: String = hostile.chars().take(80).collect();
            assert_eq!(
                reading.drafts.first().map(|draft| draft.title.as_str()),
                Some("а"),
                "{start}"
            );
            for draft in &reading.drafts {
                assert!(draft.title.chars().count() <= 500, "{start}");
                assert!(!draft.text.contains("root:"), "{start}");
            }
        }
        let huge = vec![b' '; LARGEST_DOCUMENT + 1];
        assert_eq!(read_bytes(&huge).kind, None);
    }

    #[test]
    fn ukrainian_feeds_are_read_in_undeclared_charsets() {
        let bare = RSS.replace(" encoding=\"UTF-8\"", "");
        let utf16 = |big: bool| -> Vec<u8> {
            let unit = |unit: u16| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            bare.encode_utf16().flat_map(unit).collect()
        };
        for (bytes, charset) in [
            (
                encoding_rs::WINDOWS_1251.encode(&bare).0.into_owned(),
                "windows-1251",
            ),
            (encoding_rs::KOI8_U.encode(&bare).0.into_owned(), "KOI8-U"),
            (utf16(false), "UTF-16LE"),
            (utf16(true), "UTF-16BE"),
        ] {
            let reading = read_bytes(&bytes);
            assert_eq!(reading.charset.as_deref(), Some(charset));
            assert_eq!(reading.title.as_deref(), Some("Новини області"));
            assert_eq!(reading.drafts[0].authors, ["Іван Мороз", "Олена Коваль"]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, content_type: Option<String>) {
            let document = Document { bytes: &bytes, content_type: content_type.as_deref(), base: None };
            read(&document, &how(SourceKind::Auto));
        }

        #[test]
        fn no_spoilt_feed_makes_it_panic(
            which in 0..4_usize,
            spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..40_usize), 1..12),
        ) {
            let mut bytes = [RSS, ATOM, RDF, JSON][which].as_bytes().to_vec();
            for (at, byte, removed) in spoils {
                let at = at.index(bytes.len());
                bytes[at] = byte;
                let end = (at + removed).min(bytes.len() - 1);
                bytes.drain(at..end);
            }
            read_bytes(&bytes);
        }

        #[test]
        fn no_heap_of_markup_makes_it_panic(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "<rss>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<", ">", "&", ";",
                "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "<!DOCTYPE", "[", "]", "\"", "'", "=",
                "<a:b c='", "xmlns:a='", "xml:base='//[", "&#x", "&amp", "ї", "<link>", "/>", "</",
                "<entry>", "<content type='xhtml'>", "javascript:", "\u{0}",
            ]), 0..60)
        ) {
            read_bytes(pieces.concat().as_bytes());
        }
    }
}
