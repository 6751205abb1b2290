//! A page's tree in, where its article's words stand out: where the page says so itself, else
//! where nearly all prose stands that is neither [`noise`](super::noise) nor
//! [`beside`](super::beside) it.

use std::collections::HashSet;

use ego_tree::{NodeId, NodeRef};
use html5ever::{LocalName, QualName, ns};
use scraper::{ElementRef, Html, Node, StrTendril};

use crate::source::dom::all;
use crate::source::dom::is_called;
use crate::source::dom::shown;
use crate::source::dom::words;
use crate::source::page::measure::Measures;

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
        is_called(*element, GALLERIES)
            && !all(*element, "img").is_empty()
            && !element.value().name().starts_with('h')
    };
    scope.descendent_elements().filter(labelled).collect()
}
