//! A page's tree in, where its article's words stand out. What belongs to the site and not to
//! the article (menus, "latest news", sharing, forms) is noise, by what elements are, what they
//! are called and how they are headed; the body is where nearly all other prose stands.

use std::collections::HashSet;

use ego_tree::{NodeId, NodeRef};
use html5ever::{LocalName, QualName, ns};
use scraper::{ElementRef, Html, Node, StrTendril};

use crate::source::dom::all;
use crate::source::dom::first;
use crate::source::dom::labels;
use crate::source::dom::shown;
use crate::source::dom::words;
use crate::source::measure::{Measure, Measures};

/// Words in class names and ids of what isn't the article.
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
const WEAK: &[&str] = &["ad", "ads", "banner", "hidden", "latest", "share", "sharing", "skip", "social", "socials", "widget"];

/// Characters of prose that such an element keeps its place by.
const OWN: usize = 200;

/// How such boxes are headed.
const BOXES: &[&str] = &[
    "also read",
    "also see",
    "latest",
    "latest news",
    "more news",
    "most read",
    "popular",
    "read also",
    "read more",
    "recommended",
    "related",
    "related articles",
    "related news",
    "related stories",
    "share",
    "share this",
    "subscribe",
    "tags",
    "більше новин",
    "головні новини",
    "дивіться також",
    "ділитися",
    "за темою",
    "інші новини",
    "матеріали за темою",
    "новини за темою",
    "новина за темою",
    "останні новини",
    "підписатися",
    "поділитися",
    "поділитись",
    "популярне",
    "популярні новини",
    "рекомендуємо",
    "схожі матеріали",
    "схожі новини",
    "теги",
    "читайте також",
    "читати також",
    "що ще почитати",
];

/// Words in class names and ids of a row of pictures.
const GALLERIES: &[&str] = &[
    "carousel",
    "fotorama",
    "galleries",
    "gallery",
    "lightbox",
    "photos",
    "slider",
    "slides",
    "slideshow",
    "swiper",
];

/// Characters of prose from which a page without them in its `article` has its words elsewhere.
const ARTICLE: usize = 400;

/// Whether the element and all in it is the site's, not the article's.
fn noise(element: ElementRef<'_>, measure: Measure) -> bool {
    let own = measure.prose >= OWN && !measure.mostly_links(20);
    kind(element) || labels(element).iter().any(|label| NOISE.contains(&label.as_str()) && !(own && WEAK.contains(&label.as_str()))) || headed_as_box(element)
}

/// The same, by what it is and what it is called alone.
fn foreign(element: ElementRef<'_>) -> bool {
    kind(element) || labels(element).iter().any(|label| NOISE.contains(&label.as_str()))
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

fn headed_as_box(element: ElementRef<'_>) -> bool {
    let container = matches!(element.value().name(), "div" | "section" | "ul" | "article");
    container && element.child_elements().next().is_some_and(box_title)
}

fn box_title(element: ElementRef<'_>) -> bool {
    let headline = matches!(
        element.value().name(),
        "h2" | "h3" | "h4" | "h5" | "h6" | "p" | "div" | "span" | "strong" | "b"
    );
    let text = if headline {
        words(element, 40).to_lowercase()
    } else {
        String::new()
    };
    let text = text.trim_end_matches([':', '…', '.', ' ', '»', '→']);
    headline && BOXES.contains(&text)
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
            let lists = element.next_siblings().filter_map(ElementRef::wrap);
            let lists = lists.take_while(|next| matches!(next.value().name(), "ul" | "ol" | "a"));
            gone.extend(lists.map(|list| list.id()));
        }
    }
    detach(html, &gone);
}

/// Takes the nodes out of the tree.
pub(super) fn detach(html: &mut Html, gone: &[NodeId]) {
    for id in gone {
        if let Some(mut node) = html.tree.get_mut(*id) {
            node.detach();
        }
    }
}

/// Gives each picture the address that lazy pages keep beside a placeholder.
pub(super) fn wake_pictures(html: &mut Html) {
    let images = all(html.root_element(), "img");
    let sources: Vec<(NodeId, String)> = images
        .into_iter()
        .filter_map(|image| Some((image.id(), shown(image)?)))
        .collect();
    for (id, source) in sources {
        let Some(mut node) = html.tree.get_mut(id) else {
            continue;
        };
        let Node::Element(element) = node.value() else {
            continue;
        };
        element.attrs.retain(|(name, _)| &*name.local != "src");
        let name = QualName::new(None, ns!(), LocalName::from("src"));
        let place = element.attrs.partition_point(|(other, _)| *other < name);
        element
            .attrs
            .insert(place, (name, StrTendril::from(source.as_str())));
    }
}

/// The element in which nearly all prose within `scope` stands, and how many characters that is.
pub(super) fn densest(scope: ElementRef<'_>) -> (ElementRef<'_>, usize) {
    let measures = Measures::new(scope);
    let weight = |element: &ElementRef<'_>| measures.of(*element).prose;
    let mut place = scope;
    loop {
        let enough = weight(&place) * 4 / 5;
        let children = place
            .child_elements()
            .filter(|child| container(child.value().name()));
        match children.max_by_key(weight) {
            Some(child) if weight(&child) > 0 && weight(&child) >= enough => place = child,
            _ => return (place, weight(&place)),
        }
    }
}

/// The element that holds the article, and the one that holds its body.
pub(super) fn places(
    root: ElementRef<'_>,
    heading: Option<NodeId>,
    picked: Option<NodeId>,
) -> (Option<NodeId>, Option<NodeId>) {
    let heading = heading.and_then(|id| root.tree().get(id));
    let scope = heading.and_then(|heading| scope(root, heading));
    let (place, weight) = densest(scope.unwrap_or(root));
    let marked = || marked(root, weight);
    let sparse = || weight == 0 && scope.is_none() && words(root, ARTICLE).ends_with('…');
    let found = || (!sparse()).then(|| place.id());
    let body = picked.or_else(marked).or_else(found);
    let around = || {
        let body = root.tree().get(body?)?;
        let outer: HashSet<NodeId> = body
            .ancestors()
            .chain([body])
            .map(|node| node.id())
            .collect();
        let mut shared = heading?.ancestors().map(|node| node.id());
        shared.find(|id| outer.contains(id))
    };
    let scope = scope.map(|scope| scope.id()).or_else(around);
    (scope.or(body), body)
}

/// The element that the page itself marks as the body, if it holds most of such prose.
fn marked(root: ElementRef<'_>, prose: usize) -> Option<NodeId> {
    let measures = Measures::new(root);
    let marks = all(root, "[itemprop~='articleBody']").into_iter();
    let fullest = marks.rev().max_by_key(|mark| measures.of(*mark).prose)?;
    (measures.of(fullest).prose * 4 >= prose).then(|| fullest.id())
}

/// The `article` or `main` around the heading, unless most of the page's prose stands elsewhere.
fn scope<'a>(root: ElementRef<'a>, heading: NodeRef<'a, Node>) -> Option<ElementRef<'a>> {
    let (_, all_prose) = densest(root);
    let holds = |scope: &ElementRef<'_>| all_prose < ARTICLE || densest(*scope).1 * 2 >= all_prose;
    let around = || heading.ancestors().filter_map(ElementRef::wrap);
    let article =
        |e: &ElementRef<'_>| e.value().name() == "article" || e.attr("itemscope").is_some();
    let main = |e: &ElementRef<'_>| e.value().name() == "main" || e.attr("role") == Some("main");
    let article = around().find(article).filter(holds);
    article.or_else(|| around().find(main).filter(holds))
}

fn container(name: &str) -> bool {
    matches!(
        name,
        "article"
            | "body"
            | "center"
            | "div"
            | "form"
            | "main"
            | "section"
            | "table"
            | "tbody"
            | "td"
            | "tr"
    )
}

/// The outermost rows of pictures within.
pub(super) fn galleries(scope: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let labelled = |element: &ElementRef<'_>| {
        labels(*element)
            .iter()
            .any(|label| GALLERIES.contains(&label.as_str()))
            && !all(*element, "img").is_empty()
            && !element.value().name().starts_with('h')
    };
    scope.descendent_elements().filter(labelled).collect()
}
