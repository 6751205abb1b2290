//! A page's tree in, the same tree without what belongs to the site and not to the article out:
//! menus, "latest news", sharing, forms, comments, by what elements are, what they are called
//! and how they are headed. Never takes out where most of the page's prose stands.

use std::collections::HashSet;
use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Html};

use crate::source::body::detach;
use crate::source::boxes::box_title;
use crate::source::boxes::headed_as_box;
use crate::source::boxes::list_below;
use crate::source::dom::names_of;
use crate::source::measure::Measure;
use crate::source::measure::Measures;

/// Words, and pairs of words, in class names and ids of what isn't the article.
const NOISE: &[&str] = &[
    "ad",
    "ads",
    "advert",
    "advertisement",
    "banner",
    "banners",
    "breadcrumb",
    "breadcrumbs",
    "comment",
    "comments",
    "cookie",
    "cookies",
    "disqus",
    "feedback",
    "footer",
    "hidden",
    "latest",
    "menu",
    "modal",
    "nav",
    "navbar",
    "navigation",
    "newsletter",
    "pager",
    "pagination",
    "popular",
    "popup",
    "promo",
    "readalso",
    "recent",
    "recommend",
    "recommended",
    "related",
    "share",
    "sharing",
    "sidebar",
    "similar",
    "skip",
    "social",
    "socials",
    "sponsored",
    "subscribe",
    "subscription",
    "widget",
];

/// The same, of what stands beside an article's words on its own page.
const BESIDE: &[&str] = &[
    "about author",
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
    "outbrain",
    "tags",
    "teaser",
    "teasers",
    "trending",
    "most read",
    "mostread",
    "breaking news",
    "also read",
    "article meta",
    "timestamp",
];

/// Those of them that also stand around an article's own words.
const WEAK: &[&str] = &[
    "ad",
    "ads",
    "banner",
    "hidden",
    "latest",
    "share",
    "sharing",
    "skip",
    "social",
    "socials",
    "widget",
    "teaser",
    "teasers",
    "rating",
    "ratings",
    "tags",
    "disclaimer",
    "article meta",
    "byline",
    "paywall",
    "breaking news",
];

/// Characters of prose that such an element keeps its place by.
const OWN: usize = 200;

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| NOISE.iter().copied().collect());
static ALL_NAMES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| NOISE.iter().chain(BESIDE).copied().collect());

/// Whether the element and all in it is the site's, not the article's.
fn noise(element: ElementRef<'_>, measure: Measure) -> bool {
    let own = measure.prose >= OWN && !measure.mostly_links(20)
        || measure.prose > 0 && measure.linked == 0;
    let lead = element
        .attr("itemprop")
        .is_some_and(|of| of.contains("description"));
    kind(element)
        || (!lead
            && names_of(element).iter().any(|name| {
                ALL_NAMES.contains(name.as_str()) && !(own && WEAK.contains(&name.as_str()))
            }))
        || headed_as_box(element, own)
}

/// The same, by what it is and what it is called alone.
fn foreign(element: ElementRef<'_>) -> bool {
    kind(element)
        || names_of(element)
            .iter()
            .any(|label| NAMES.contains(label.as_str()))
}

/// The same, by what it is alone.
fn kind(element: ElementRef<'_>) -> bool {
    let name = element.value().name();
    let within = |names: &[&str]| {
        let mut around = element.ancestors().filter_map(ElementRef::wrap);
        around.any(|outer| names.contains(&outer.value().name()))
    };
    match name {
        "html" | "body" | "main" => return false,
        "aside" | "button" | "dialog" | "form" | "iframe" | "input" | "nav" | "noscript"
        | "script" | "select" | "style" | "svg" | "template" | "textarea" => return true,
        "footer" | "header" if !within(&["article", "main"]) => return true,
        _ => {}
    }
    let role = element.attr("role").unwrap_or_default();
    let roles = [
        "banner",
        "complementary",
        "contentinfo",
        "dialog",
        "navigation",
        "search",
    ];
    roles.contains(&role)
        || element.attr("hidden").is_some()
        || element.attr("aria-hidden") == Some("true")
        || element
            .attr("style")
            .is_some_and(|style| style.replace(' ', "").contains("display:none"))
}

/// Whether it stands in what is the site's by what it is and what it is called.
pub(super) fn in_frame(element: ElementRef<'_>) -> bool {
    foreign(element)
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(foreign)
}

/// Takes all noise out of the tree, but for what stands around `kept`, and what holds most of
/// the page's prose, whatever it is called.
pub(super) fn prune(html: &mut Html, kept: &[NodeId]) {
    let around: HashSet<NodeId> = kept
        .iter()
        .filter_map(|id| html.tree.get(*id))
        .flat_map(|node| node.ancestors().map(|outer| outer.id()).chain([node.id()]))
        .collect();
    let measures = Measures::new(html.root_element());
    let weight = |element: ElementRef<'_>| measures.of(element).prose;
    let most = weight(html.root_element()) / 2;
    let elements = html
        .root_element()
        .descendent_elements()
        .collect::<Vec<_>>();
    let mut gone = Vec::new();
    for element in elements {
        if around.contains(&element.id()) || (most > 0 && weight(element) > most) {
            continue;
        }
        if noise(element, measures.of(element)) {
            gone.push(element.id());
        } else if box_title(element) {
            gone.push(element.id());
            gone.extend(list_below(element, &measures).map(|list| list.id()));
        }
    }
    detach(html, &gone);
}
