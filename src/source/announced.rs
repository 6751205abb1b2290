//! What a document says of its hub: HTTP links and text in, the hubs and the address that they know
//! it by out (WebSub §4).
//!
//! Headers go before the document, where the first of a kind counts. A link after the first article
//! or in the body of a page is somebody else's word, and isn't looked at.

use std::borrow::Cow;

use quick_xml::events::attributes::Attributes;
use serde::Deserialize;
use url::Url;

use crate::source::SourceUrl;
use crate::source::xml::scan::Scanner;
use crate::source::xml::scan::Token;
use crate::source::xml::scan::resolve;

/// Elements that are looked at before giving up.
const LOOK_WITHIN: usize = 300;

/// The hub of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Where to subscribe.
    pub(crate) hub: SourceUrl,
    /// What to.
    pub(crate) topic: SourceUrl,
}

/// The first of each kind.
#[derive(Debug, Default)]
struct Links {
    hub: Option<SourceUrl>,
    own: Option<SourceUrl>,
}

impl Links {
    fn add(&mut self, rel: &str, address: &str, base: &Url) {
        let address = || base.join(address.trim()).ok()?.as_str().parse().ok();
        let is = |name: &str| {
            rel.split_ascii_whitespace()
                .any(|rel| rel.eq_ignore_ascii_case(name))
        };
        if self.hub.is_none() && is("hub") {
            self.hub = address();
        }
        if self.own.is_none() && is("self") {
            self.own = address();
        }
    }
}

/// The hub that a document found at `base` announces, in its `Link` headers or its text. One that
/// doesn't say its own address is known by where it was found.
pub(crate) fn announced(headers: &[String], text: &str, base: &Url) -> Option<Announced> {
    let mut links = Links::default();
    for header in headers {
        for link in header_links(header) {
            links.add(&link.rel, link.address, base);
        }
    }
    if links.hub.is_none() || links.own.is_none() {
        let within = in_text(text, base);
        links.hub = links.hub.or(within.hub);
        links.own = links.own.or(within.own);
    }
    let found = || base.as_str().parse().ok();
    Some(Announced {
        hub: links.hub?,
        topic: links.own.or_else(found)?,
    })
}

/// One link of a `Link` header.
pub(super) struct HeaderLink<'a> {
    /// As it came.
    pub(super) address: &'a str,
    /// Relations, spaces between them.
    pub(super) rel: String,
    /// What it leads to, as a media type; empty if it doesn't say.
    pub(super) mime: String,
}

/// The links of a `Link` header (RFC 8288).
pub(super) fn header_links(header: &str) -> Vec<HeaderLink<'_>> {
    let mut links = Vec::new();
    let mut rest = header;
    while let Some((address, after)) = rest.split_once('<').and_then(|(_, at)| at.split_once('>')) {
        let end = end_of_link(after);
        let (parameters, next) = after.split_at_checked(end).unwrap_or((after, ""));
        links.push(HeaderLink {
            address,
            rel: parameter(parameters, "rel"),
            mime: parameter(parameters, "type"),
        });
        rest = next;
    }
    links
}

/// Where the comma is that ends a link's parameters; commas may stand in quotes.
fn end_of_link(parameters: &str) -> usize {
    let mut quoted = false;
    for (at, sign) in parameters.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            ',' if !quoted => return at,
            _ => {}
        }
    }
    parameters.len()
}

fn parameter(parameters: &str, name: &str) -> String {
    let named = parameters.split(';').filter_map(|one| one.split_once('='));
    let found = named
        .into_iter()
        .find(|(said, _)| said.trim().eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| {
        value.trim().trim_matches('"').to_owned()
    })
}

fn in_text(text: &str, base: &Url) -> Links {
    if text.trim_start().starts_with('{') {
        return in_json(text, base);
    }
    let mut links = Links::default();
    let opened = Scanner::new(text).filter_map(|token| match token {
        Token::Open { name, inside, .. } => Some((name, inside)),
        _ => None,
    });
    for (name, inside) in opened.take(LOOK_WITHIN) {
        let local = name.rsplit(':').next().unwrap_or_default();
        match local.to_ascii_lowercase().as_str() {
            "item" | "entry" | "body" => break,
            "link" => {
                if let Some((rel, address)) = link(name, inside) {
                    links.add(&rel, &address, base);
                }
            }
            _ => {}
        }
    }
    links
}

/// The relation and the address of a `link` element.
fn link(name: &str, inside: &str) -> Option<(String, String)> {
    let (mut rel, mut address) = (None, None);
    for attribute in Attributes::html(inside, name.len())
        .with_checks(false)
        .flatten()
    {
        let value = match attribute.value {
            Cow::Borrowed(value) => std::str::from_utf8(value).ok()?.to_owned(),
            Cow::Owned(value) => String::from_utf8(value).ok()?,
        };
        let value = resolve(&value).into_owned();
        match attribute.key.0 {
            b"rel" | b"REL" => rel = Some(value),
            b"href" | b"HREF" => address = Some(value),
            _ => {}
        }
    }
    rel.zip(address)
}

fn in_json(text: &str, base: &Url) -> Links {
    #[derive(Deserialize)]
    struct Feed {
        feed_url: Option<String>,
        #[serde(default)]
        hubs: Vec<Hub>,
    }
    #[derive(Deserialize)]
    struct Hub {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        url: String,
    }
    let mut links = Links::default();
    if let Ok(feed) = serde_json::from_str::<Feed>(text) {
        for hub in feed.hubs {
            if hub.kind.eq_ignore_ascii_case("websub") {
                links.add("hub", &hub.url, base);
            }
        }
        links.add("self", &feed.feed_url.unwrap_or_default(), base);
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[&str], text: &str) -> String {
        let headers: Vec<String> = headers.iter().map(|&one| one.to_owned()).collect();
        let base = Url::parse("https://a.example/news/feed").unwrap();
        let found = announced(&headers, text, &base);
        found.map_or_else(String::new, |found| {
            pair(found.hub.as_str(), found.topic.as_str())
        })
    }

    fn pair(hub: &str, topic: &str) -> String {
        format!("{hub} {topic}")
    }

    const ATOM: &str = "<feed xmlns='http://www.w3.org/2005/Atom'><link rel='hub' href='/hub'/>
        <link href='https://a.example/own' rel='self'/><entry><link rel='hub' href='/evil'/></entry></feed>";

    /// Scenarios 100 to 104 of websub.rocks.
    #[test]
    fn a_hub_is_found_wherever_it_may_be_announced() {
        let header = "<https://h.example/>; rel=\"hub\", </x,y>; title=\"a, <b>\"; rel=self";
        assert_eq!(
            found(&[header], ""),
            pair("https://h.example/", "https://a.example/x,y")
        );
        let apart = [
            "<https://h.example/>;rel=hub",
            "<s>; rel=\"alternate self\"",
        ];
        assert_eq!(
            found(&apart, ""),
            pair("https://h.example/", "https://a.example/news/s")
        );
        let html = "<!DOCTYPE html><html><head><!-- <link rel=hub href=/no> -->
            <link rel=hub href=/hub><LINK REL='self' HREF='?a&amp;b'></head><body><link rel=self href=/no>";
        assert_eq!(
            found(&[], html),
            pair("https://a.example/hub", "https://a.example/news/feed?a&b")
        );
        assert_eq!(
            found(&[], ATOM),
            pair("https://a.example/hub", "https://a.example/own")
        );
        let rss = "<rss><channel><link>https://a.example/</link><atom:link rel='hub' href='https://h.example/'/>
            <atom:link rel='self' href='https://a.example/rss'/><item><link>x</link></item></channel></rss>";
        assert_eq!(
            found(&[], rss),
            pair("https://h.example/", "https://a.example/rss")
        );
        let json = "{\"version\":\"https://jsonfeed.org/version/1.1\",\"feed_url\":\"https://a.example/json\",
            \"hubs\":[{\"type\":\"rssCloud\",\"url\":\"https://c.example\"},{\"type\":\"WebSub\",\"url\":\"https://h.example\"}]}";
        assert_eq!(
            found(&[], json),
            pair("https://h.example/", "https://a.example/json")
        );
    }

    #[test]
    fn headers_go_before_the_document_and_the_address_found_is_the_last_resort() {
        let header = "<https://h.example/>; rel=hub";
        assert_eq!(
            found(&[header], ATOM),
            pair("https://h.example/", "https://a.example/own")
        );
        assert_eq!(
            found(&[header], "<rss/>"),
            pair("https://h.example/", "https://a.example/news/feed")
        );
    }

    #[test]
    fn what_is_no_hub_is_none() {
        for text in [
            "",
            "<feed><link rel='self' href='x'/></feed>",
            "<feed><link rel='hub' href='ftp://a.example/'/></feed>",
            "<feed><entry><link rel='hub' href='/x'/></entry></feed>",
            "{\"hubs\": 3}",
            "{",
        ] {
            assert_eq!(
                found(&["", "<", "<>", "<a>;rel", "rel=hub"], text),
                "",
                "{text}"
            );
        }
    }
}
