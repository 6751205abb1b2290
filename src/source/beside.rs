//! A tree without the site's frame in, the same tree without what stands between an article's
//! paragraphs and isn't one out: boxes of other stories, cards, lists of links, lines about the
//! author and the like.
//!
//! It looks closer than [`noise`](super::noise) does, and comes after the date has been found,
//! which stands in such places.

use std::collections::HashSet;
use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Html};
use url::Url;

use crate::source::body::detach;
use crate::source::boxes::box_title;
use crate::source::boxes::headed_as_box;
use crate::source::boxes::list_below;
use crate::source::boxes::pointer;
use crate::source::dom::all;
use crate::source::dom::first;
use crate::source::dom::names_of;
use crate::source::dom::words;
use crate::source::measure::Measure;
use crate::source::measure::Measures;
use crate::source::noise::own;
use crate::source::noise::strangers;

/// Words, and pairs of words, in class names and ids of what stands beside an article's words.
const BESIDE: &[&str] = &[
    "about author",
    "addthis",
    "addtoany",
    "also read",
    "app stores",
    "appstores",
    "author block",
    "author card",
    "author details",
    "avatar",
    "contact box",
    "contactbox",
    "cta",
    "donate",
    "donation",
    "editors choice",
    "follow us",
    "interesting articles",
    "last news",
    "lastnews",
    "lee tambien",
    "mailchimp",
    "mc4wp",
    "news list",
    "news related",
    "newslist",
    "other news",
    "othernews",
    "outbrain",
    "read time",
    "reading time",
    "recommendations",
    "relatedposts",
    "relatedpoststitle",
    "sharedaddy",
    "sign up",
    "tagcloud",
    "tag list",
    "taglist",
    "tags list",
    "top news",
    "topnews",
    "yarpp",
    "affiliate",
    "affiliates",
    "author bio",
    "author box",
    "author description",
    "author info",
    "authorbox",
    "author profile",
    "byline",
    "commentaires",
    "comentarios",
    "commenti",
    "crosslinks",
    "disclaimer",
    "disclosure",
    "entry meta",
    "entry footer",
    "kommentar",
    "kommentare",
    "komentarze",
    "likes",
    "more news",
    "more stories",
    "nav links",
    "next post",
    "next story",
    "nextstory",
    "paywall",
    "post meta",
    "post navigation",
    "postmeta",
    "postmetadata",
    "print hidden",
    "rating",
    "ratings",
    "read also",
    "readmore",
    "related posts",
    "replies",
    "respond",
    "see also",
    "shariff",
    "signup",
    "social",
    "sponsor",
    "taboola",
    "tags",
    "teaser",
    "teasers",
    "trending",
    "most read",
    "mostread",
    "breaking news",
    "article meta",
    "timestamp",
];

/// The same, of short lines that tell when, by whom and in which department.
const LINES: &[&str] = &[
    "author",
    "authors",
    "category",
    "categories",
    "created",
    "date",
    "dateline",
    "datetime",
    "kicker",
    "meta",
    "published",
    "pubdate",
    "rubric",
    "updated",
    "views",
    "hits",
];

/// Characters of the longest such line.
const LINE: usize = 80;

/// Those of them that also stand around an article's own words.
const WEAK: &[&str] = &[
    "disclaimer",
    "article meta",
    "breaking news",
    "byline",
    "paywall",
    "rating",
    "ratings",
    "tags",
    "teaser",
    "teasers",
];

/// Characters of prose in the longest card of another story.
const CARD: usize = 400;

/// Characters of the shortest headline.
const HEADLINE: usize = 30;

/// How addresses of pages end, as against those of files.
const PAGES: &[&str] = &["asp", "aspx", "cfm", "htm", "html", "jsp", "php", "shtml"];

/// Characters of the longest line above a list of links.
const TITLE: usize = 60;

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| BESIDE.iter().copied().collect());

/// Takes out what stands beside the article's words, but for what stands around `kept`.
pub(super) fn clear(html: &mut Html, kept: &[NodeId], site: Option<&Url>) {
    let measures = Measures::new(html.root_element());
    let mut gone = Vec::new();
    for element in strangers(html, kept, &measures) {
        let measure = measures.of(element);
        if named(element, measure) || boxed(element, measure) || pointer(element, measure) {
            gone.push(element.id());
        } else if box_title(element) {
            gone.push(element.id());
            gone.extend(list_below(element, &measures).map(|list| list.id()));
        }
    }
    detach(html, &gone);
    let measures = Measures::new(html.root_element());
    let mut gone = Vec::new();
    for element in strangers(html, kept, &measures) {
        if is_card(element, measures.of(element)) {
            gone.push(element.id());
        } else if is_lone_link(element, measures.of(element), site) {
            gone.push(element.id());
        } else if is_link_list(element, measures.of(element)) {
            gone.push(element.id());
            let above = element.prev_siblings().filter_map(ElementRef::wrap).next();
            gone.extend(above.filter(|above| heads(*above)).map(|title| title.id()));
        }
    }
    detach(html, &gone);
}

fn named(element: ElementRef<'_>, measure: Measure) -> bool {
    let told = |name: &str| element.attr("itemprop").is_some_and(|of| of.contains(name));
    let own = own(measure);
    let by =
        |name: &String| NAMES.contains(name.as_str()) && !(own && WEAK.contains(&name.as_str()));
    let part = element
        .parent()
        .and_then(ElementRef::wrap)
        .is_some_and(|outer| outer.value().name() == "p");
    let line = measure.text <= LINE && !heading(element) && !part;
    let by_line = |name: &String| line && LINES.contains(&name.as_str());
    let names = names_of(element);
    told("author") || (!told("description") && names.iter().any(|name| by(name) || by_line(name)))
}

fn boxed(element: ElementRef<'_>, measure: Measure) -> bool {
    let title = |title: ElementRef<'_>| {
        box_title(title) && (!own(measure) || title.value().name().starts_with('h'))
    };
    headed_as_box(element, title)
}

/// Whether it shows another story: its headline, linked, and few words.
fn is_card(element: ElementRef<'_>, measure: Measure) -> bool {
    if measure.links == 0 || measure.prose > CARD {
        return false;
    }
    match element.value().name() {
        "a" => first(element, "h1, h2, h3, h4, h5, h6").is_some(),
        "article" => headed_away(element),
        "li" | "div" | "section" | "figure" => {
            let class = element.attr("class");
            let beside = element
                .next_siblings()
                .chain(element.prev_siblings())
                .filter_map(ElementRef::wrap);
            let mut alike = beside
                .take(8)
                .filter(|other| class.is_some() && other.attr("class") == class);
            headed_away(element) && alike.any(headed_away)
        }
        _ => false,
    }
}

fn headed_away(element: ElementRef<'_>) -> bool {
    first(element, "h1, h2, h3, h4, h5, h6").is_some_and(leads_away)
}

/// Whether all its words are a link.
fn leads_away(heading: ElementRef<'_>) -> bool {
    let linked: usize = all(heading, "a[href]")
        .iter()
        .flat_map(|link| link.text())
        .map(str::len)
        .sum();
    let around = heading.ancestors().take(3).filter_map(ElementRef::wrap);
    let all_words: usize = heading.text().map(str::len).sum();
    linked > 0 && linked * 10 >= all_words * 9
        || around.into_iter().any(|outer| outer.value().name() == "a")
}

/// Whether it links to other places and tells nothing itself.
fn is_link_list(element: ElementRef<'_>, measure: Measure) -> bool {
    let list = matches!(
        element.value().name(),
        "ul" | "ol" | "dl" | "div" | "section" | "article" | "table"
    );
    list && measure.links > 1 && measure.prose == 0 && measure.mostly_links(70)
}

/// Whether it's a paragraph that is one headline, linked, of another story on the same site. A
/// link to a file stays: that's what the article is about.
fn is_lone_link(element: ElementRef<'_>, measure: Measure, site: Option<&Url>) -> bool {
    let block = matches!(element.value().name(), "p" | "div" | "blockquote");
    let headline = measure.links == 1 && measure.text >= HEADLINE && measure.mostly_links(95);
    let link = || first(element, "a[href]").and_then(|link| link.attr("href"));
    block && headline && link().is_some_and(|href| is_story(href, site))
}

fn is_story(href: &str, site: Option<&Url>) -> bool {
    let host = |url: &Url| {
        url.host_str()
            .map(|host| host.trim_start_matches("www.").to_owned())
    };
    let (path, near) = match Url::parse(href.trim()) {
        Ok(url) => (
            url.path().to_owned(),
            site.is_some_and(|site| host(site) == host(&url)),
        ),
        Err(_) => (href.trim().to_owned(), !href.trim_start().starts_with('#')),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let page = path.rsplit('/').next().is_none_or(|last| {
        let ending = last.rsplit_once('.').map_or("", |(_, ending)| ending);
        ending.is_empty()
            || ending.len() > 5
            || PAGES.contains(&ending.to_ascii_lowercase().as_str())
    });
    near && page
}

/// Whether it's a heading, or a short line that ends as one.
fn heads(element: ElementRef<'_>) -> bool {
    heading(element) || words(element, TITLE).ends_with(':')
}

fn heading(element: ElementRef<'_>) -> bool {
    matches!(element.value().name(), "h2" | "h3" | "h4" | "h5" | "h6")
}
