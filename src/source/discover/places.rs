//! Where a site says that its news can be read: feeds in a page's head and in its `Link` headers,
//! sitemaps in its `robots.txt`. A text comes in, addresses go out; nothing is fetched.

use url::Url;

use crate::article::html::document;
use crate::source::SourceUrl;
use crate::source::announced::header_links;
use crate::source::decode::decode;
use crate::source::dom;
use crate::source::fetch::Document;

/// What announced feeds call themselves (RFC 4287 §8, the RSS Advisory Board's and JSON Feed's
/// autodiscovery).
const FEED_TYPES: [&str; 4] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/json",
];

/// Feeds in the order they were announced in, those of comments last.
#[derive(Default)]
struct Feeds(Vec<(bool, SourceUrl)>);

impl Feeds {
    /// One link, if it leads to a feed.
    fn add(&mut self, (rel, mime): (&str, &str), title: &str, url: Option<Url>) {
        let is_alternate = rel
            .split_ascii_whitespace()
            .any(|rel| rel.eq_ignore_ascii_case("alternate"));
        let mime = mime.split(';').next().unwrap_or_default();
        let is_feed = FEED_TYPES
            .iter()
            .any(|known| mime.trim().eq_ignore_ascii_case(known));
        let url: Option<SourceUrl> = url.and_then(|url| url.as_str().parse().ok());
        let Some(url) = url.filter(|_| is_alternate && is_feed) else {
            return;
        };
        let said = format!("{title} {}", url.as_str()).to_lowercase();
        let of_comments = said.contains("comment") || said.contains("комент");
        if !self.0.iter().any(|(_, known)| *known == url) {
            self.0.push((of_comments, url));
        }
    }

    fn in_order(mut self) -> Vec<SourceUrl> {
        self.0.sort_by_key(|(of_comments, _)| *of_comments);
        self.0.into_iter().map(|(_, url)| url).collect()
    }
}

/// The feeds that a page announces, those of comments last.
pub(super) fn feeds(page: &Document) -> Vec<SourceUrl> {
    let text = decode(&page.bytes, page.content_type.as_deref()).text;
    Url::parse(page.final_url.as_str())
        .map(|base| feeds_in(&page.links, &text, &base))
        .unwrap_or_default()
}

fn feeds_in(headers: &[String], text: &str, base: &Url) -> Vec<SourceUrl> {
    let mut feeds = Feeds::default();
    for link in headers.iter().flat_map(|header| header_links(header)) {
        let url = base.join(link.address.trim()).ok();
        feeds.add((&link.rel, &link.mime), "", url);
    }
    let html = document(text);
    let base = dom::base_of(&html, Some(base));
    for link in dom::all(html.root_element(), "link[href][type]") {
        let attribute = |name| link.attr(name).unwrap_or_default().trim();
        let href = attribute("href");
        let url = base.as_ref().and_then(|base| base.join(href).ok());
        let what = (attribute("rel"), attribute("type"));
        feeds.add(what, attribute("title"), url);
    }
    feeds.in_order()
}

/// Where a page's `robots.txt` is (RFC 9309 §2.3).
pub(super) fn robots_of(page: &SourceUrl) -> Option<SourceUrl> {
    let url = Url::parse(page.as_str()).ok()?.join("/robots.txt").ok()?;
    url.as_str().parse().ok()
}

/// The sitemaps that a `robots.txt` names (sitemaps.org, "Specifying the Sitemap location"), those
/// of news first.
pub(super) fn sitemaps(robots: &Document) -> Vec<SourceUrl> {
    let text = decode(&robots.bytes, Some("text/plain; charset=utf-8")).text;
    sitemaps_in(&text)
}

fn sitemaps_in(robots: &str) -> Vec<SourceUrl> {
    let mut found: Vec<SourceUrl> = Vec::new();
    for line in robots.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.split('#').next().unwrap_or_default().trim();
        let is_sitemap = name.trim().eq_ignore_ascii_case("sitemap");
        if let Some(url) = value.parse().ok().filter(|_| is_sitemap)
            && !found.contains(&url)
        {
            found.push(url);
        }
    }
    found.sort_by_key(|url| !is_of_news(url));
    found
}

/// Whether a sitemap's name says that it holds news; its host's says nothing.
fn is_of_news(sitemap: &SourceUrl) -> bool {
    let url = Url::parse(sitemap.as_str());
    url.is_ok_and(|url| url.path().to_lowercase().contains("news"))
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
        let feeds: Vec<String> = feeds_in(&[], page, &base)
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

    #[test]
    fn feeds_in_link_headers_are_announced_too() {
        let headers = [
            r#"</style.css>; rel=preload; as=style, </feed>; type="application/atom+xml"; rel="alternate""#.to_owned(),
            r#"<https://hub.example/>; rel="hub""#.to_owned(),
        ];
        let base = Url::parse("https://news.example/uk/").unwrap();
        let feeds = feeds_in(&headers, "", &base);
        assert_eq!(feeds[0].as_str(), "https://news.example/feed");
        assert_eq!(feeds.len(), 1);
    }

    #[test]
    fn sitemaps_of_news_come_before_others() {
        let robots = "User-agent: *\nDisallow: /admin\nSitemap: https://news.example/sitemap.xml # all\n\
                      sitemap:https://news.example/news-sitemap.xml\nSITEMAP: /relative.xml\n\
                      Sitemap: https://news.example/sitemap.xml\n";
        let found: Vec<String> = sitemaps_in(robots)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "https://news.example/news-sitemap.xml",
                "https://news.example/sitemap.xml"
            ]
        );
    }
}
