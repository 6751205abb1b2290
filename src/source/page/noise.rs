//! A page's tree in, the same tree without what belongs to the site and not to the article out:
//! menus, "latest news", sharing, forms, comments, by what elements are, what they are called
//! and how they are headed. Never takes out where most of the page's prose stands.

use std::collections::HashSet;
use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Html};

use crate::source::dom::labels;
use crate::source::page::body::detach;
use crate::source::page::boxes::exact_title;
use crate::source::page::boxes::headed_as_box;
use crate::source::page::measure::Measure;
use crate::source::page::measure::Measures;

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

/// Those of them that also stand around an article's own words.
const WEAK: &[&str] = &[
    "ad", "ads", "banner", "hidden", "latest", "share", "sharing", "skip", "social", "socials",
    "widget",
];

/// Characters of prose that such an element keeps its place by.
const OWN: usize = 200;

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| NOISE.iter().copied().collect());

/// Whether what an element holds is prose of its own, and not a few words about other places.
pub(super) fn own(measure: Measure) -> bool {
    let long = measure.prose >= OWN && !measure.mostly_links(20);
    long || (measure.prose > 0 && measure.linked == 0)
}

/// Whether the element and all in it is the site's, not the article's.
fn noise(element: ElementRef<'_>, measure: Measure) -> bool {
    let own = own(measure);
    let named =
        |name: &String| NAMES.contains(name.as_str()) && !(own && WEAK.contains(&name.as_str()));
    labels(element).iter().any(named) || headed_as_box(element, exact_title)
}

/// The same, by what it is and what it is called alone.
fn foreign(element: ElementRef<'_>) -> bool {
    kind(element)
        || labels(element)
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
pub(in crate::source) fn in_frame(element: ElementRef<'_>) -> bool {
    foreign(element)
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(foreign)
}

/// Takes all noise out of the tree, but for what stands around `kept`, and what holds most of
/// the page's prose, whatever it is called.
pub(super) fn prune(html: &mut Html, kept: &[NodeId]) {
    let measures = Measures::new(html.root_element());
    let frame = strangers(html, kept, &measures).into_iter();
    let frame: Vec<NodeId> = frame.filter(|e| kind(*e)).map(|e| e.id()).collect();
    detach(html, &frame);
    let measures = Measures::new(html.root_element());
    let mut gone = Vec::new();
    for element in strangers(html, kept, &measures) {
        if noise(element, measures.of(element)) {
            gone.push(element.id());
        } else if exact_title(element) {
            gone.push(element.id());
            let lists = element.next_siblings().filter_map(ElementRef::wrap);
            let lists = lists.take_while(|next| matches!(next.value().name(), "ul" | "ol" | "a"));
            gone.extend(lists.map(|list| list.id()));
        }
    }
    detach(html, &gone);
}

/// The elements that may be judged: all but those around `kept` and those that hold most of the
/// page's prose.
pub(super) fn strangers<'a>(
    html: &'a Html,
    kept: &[NodeId],
    measures: &Measures,
) -> Vec<ElementRef<'a>> {
    let kept = kept.iter().filter_map(|id| html.tree.get(*id));
    let around: HashSet<NodeId> = kept
        .flat_map(|node| node.ancestors().chain([node]).map(|outer| outer.id()))
        .collect();
    let root = html.root_element();
    let most = measures.of(root).prose / 2;
    let judged = |element: &ElementRef<'_>| {
        let prose = measures.of(*element).prose;
        !around.contains(&element.id()) && (most == 0 || prose <= most)
    };
    root.descendent_elements().filter(judged).collect()
}
