//! A page's tree in, what stands between the headline and the body out: the lead, which many
//! pages keep apart from the rest.

use std::collections::HashSet;

use ego_tree::{NodeId, NodeRef};
use scraper::{ElementRef, Html, Node};

use crate::source::dom::is_called;
use crate::source::dom::words;
use crate::source::page::measure::Measures;

/// Characters of the longest lead.
const LONGEST: usize = 2_000;

/// Words in class names and ids of what stands there and is none.
const OTHER: &[&str] = &[
    "author",
    "authors",
    "autor",
    "autore",
    "autoren",
    "byline",
    "caption",
    "captions",
    "copyright",
    "credit",
    "credits",
    "date",
    "dateline",
    "disclaimer",
    "legend",
    "meta",
    "timestamp",
];

/// Words in class names and ids of a lead.
const LEADS: &[&str] = &[
    "abstract",
    "anons",
    "bajada",
    "chapo",
    "deck",
    "dek",
    "einleitung",
    "excerpt",
    "intro",
    "introtext",
    "lead",
    "leadin",
    "lede",
    "preface",
    "standfirst",
    "subheadline",
    "subtitle",
    "summary",
    "teaser",
    "vorspann",
];

/// The paragraphs of the lead, in order; none if the headline stands within the body.
pub(super) fn lead(html: &Html, heading: NodeId, body: NodeId) -> Vec<NodeId> {
    let (Some(heading), Some(body)) = (html.tree.get(heading), html.tree.get(body)) else {
        return Vec::new();
    };
    let around: HashSet<NodeId> = body.ancestors().map(|node| node.id()).collect();
    if heading.ancestors().any(|node| node.id() == body.id()) {
        return Vec::new();
    }
    let mut between: Vec<NodeRef<'_, Node>> = Vec::new();
    for branch in [heading].into_iter().chain(heading.ancestors()) {
        if around.contains(&branch.id()) {
            break;
        }
        let meets =
            |node: &NodeRef<'_, Node>| node.id() != body.id() && !around.contains(&node.id());
        between.extend(branch.next_siblings().take_while(meets));
    }
    let shared: HashSet<NodeId> = heading.ancestors().map(|node| node.id()).collect();
    let inner = [body].into_iter().chain(body.ancestors());
    let inner: Vec<_> = inner
        .take_while(|node| {
            node.parent()
                .is_some_and(|outer| !shared.contains(&outer.id()))
        })
        .collect();
    for branch in inner.into_iter().rev() {
        let before: Vec<_> = branch.prev_siblings().collect();
        between.extend(before.into_iter().rev());
    }
    let measures = Measures::new(html.root_element());
    let mut found = Vec::new();
    let mut length = 0;
    for element in between.into_iter().filter_map(ElementRef::wrap) {
        for block in blocks(element, &measures) {
            length += measures.of(block).text;
            if length <= LONGEST {
                found.push(block.id());
            }
        }
    }
    found
}

/// The blocks of prose within that may be a lead.
fn blocks<'a>(element: ElementRef<'a>, measures: &Measures) -> Vec<ElementRef<'a>> {
    let mut found = Vec::new();
    let mut waiting = vec![element];
    while let Some(element) = waiting.pop() {
        let name = element.value().name();
        let measure = measures.of(element);
        if measure.prose == 0
            || matches!(name, "figure" | "figcaption" | "aside" | "table")
            || is_called(element, OTHER)
        {
            continue;
        }
        let apart = |inner: &ElementRef<'_>| measures.of(*inner).prose > 0;
        let parts: Vec<_> = element.child_elements().filter(apart).collect();
        let whole = matches!(name, "p" | "ul" | "ol" | "blockquote") || parts.is_empty();
        if !whole {
            waiting.extend(parts.into_iter().rev());
        } else if !measure.mostly_links(30) && (is_sentence(element) || named(element)) {
            found.push(element);
        }
    }
    found
}

/// Whether it, or what holds it, is called a lead.
fn named(element: ElementRef<'_>) -> bool {
    let around = [element]
        .into_iter()
        .chain(element.ancestors().filter_map(ElementRef::wrap));
    around.take(3).any(|outer| {
        let described = outer
            .attr("itemprop")
            .is_some_and(|of| of.contains("description"));
        described || is_called(outer, LEADS)
    })
}

/// Whether its words end as a sentence does.
fn is_sentence(element: ElementRef<'_>) -> bool {
    words(element, LONGEST)
        .trim_end_matches(['»', '"', '”', '“', ')', ' '])
        .ends_with(['.', '!', '?', '…', ':'])
}

#[cfg(test)]
mod tests {
    use crate::source::page::body_of;

    const LEAD: &str =
        "У Полтаві створили офіс, який допоможе громадам знайти партнерів за кордоном.";

    fn page(lead: &str) -> String {
        let words = "Офіс діятиме при обласній адміністрації. ".repeat(8);
        body_of(&format!(
            "<main><header><h1>Створили офіс</h1>{lead}</header><div class=body><p>{words}</p><p>{words}</p></div></main>"
        ))
    }

    #[test]
    fn a_lead_apart_from_the_body_comes_first() {
        for lead in [
            format!("<p class=intro>{LEAD}</p>"),
            format!("<div itemprop=description><p>{LEAD}</p></div>"),
            format!("<h2>{LEAD}</h2>"),
        ] {
            let text = page(&lead);
            assert!(text.starts_with(LEAD), "{text}");
            assert_eq!(text.matches(LEAD).count(), 1);
        }
    }

    #[test]
    fn what_is_no_lead_stays_out() {
        for other in [
            format!("<div class=author-note><p>{LEAD}</p></div>"),
            format!("<figure><figcaption>{LEAD}</figcaption></figure>"),
            "<p>Полтавська обласна військова адміністрація, відділ новин</p>".to_owned(),
            "<p>Більше про це <a href=/2>у нашому давнішому матеріалі</a>, він тут.</p>".to_owned(),
        ] {
            let text = page(&other);
            assert!(text.starts_with("Офіс діятиме"), "{text}");
        }
    }
}
