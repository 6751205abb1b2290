//! A tree in, how much stands in each of its elements out: text, text in links, prose. The one
//! look at the whole tree that all judgements of what is the article go by.

use std::collections::HashMap;

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::{ElementRef, Node};

use crate::source::dom::inline;

/// Characters from which a block of text counts as prose.
pub(super) const PROSE: usize = 40;

/// Characters of the largest element that may be a card or a line about another story.
const SMALL: usize = 1_000;

/// What stands in an element; of text, characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// All that a reader sees.
    pub(super) text: usize,
    /// Of it, what stands in links.
    pub(super) linked: usize,
    /// How many links that is.
    pub(super) links: usize,
    /// Text outside links, in blocks that hold a sentence.
    pub(super) prose: usize,
    /// How many elements there are in it.
    pub(super) elements: usize,
    /// How many of them are pictures.
    pub(super) images: usize,
}

impl Measure {
    fn add(&mut self, other: Self) {
        self.text += other.text;
        self.linked += other.linked;
        self.links += other.links;
        self.prose += other.prose;
        self.elements += other.elements + 1;
        self.images += other.images;
    }

    /// Whether it is small enough to be looked through word by word, however often.
    pub(super) fn is_small(self) -> bool {
        self.text <= SMALL && self.elements <= SMALL / 4
    }

    /// Whether links make up at least so many hundredths of it.
    pub(super) fn mostly_links(self, hundredths: usize) -> bool {
        self.linked > 0 && self.linked * 100 >= self.text * hundredths
    }
}

/// The measures of all elements within one.
pub(super) struct Measures(HashMap<NodeId, Measure>);

/// An element whose end hasn't come yet.
struct Open {
    measure: Measure,
    /// Text outside links that stands in no block further inside.
    own: usize,
    inline: bool,
}

impl Measures {
    pub(super) fn new(scope: ElementRef<'_>) -> Self {
        let mut all = HashMap::new();
        let mut open: Vec<Open> = Vec::new();
        let (mut links, mut silence) = (0_usize, 0_usize);
        for edge in scope.traverse() {
            match edge {
                Edge::Open(node) => match node.value() {
                    Node::Text(text) if silence == 0 => {
                        add_text(&mut open, text.trim().chars().count(), links > 0);
                    }
                    Node::Element(element) => {
                        links += usize::from(element.name() == "a");
                        silence += usize::from(silent(element.name()));
                        open.push(Open {
                            measure: Measure::default(),
                            own: 0,
                            inline: inline(element.name()),
                        });
                    }
                    _ => {}
                },
                Edge::Close(node) => {
                    let Some(element) = node.value().as_element() else {
                        continue;
                    };
                    let Some(mut closed) = open.pop() else {
                        continue;
                    };
                    if element.name() == "a" {
                        links = links.saturating_sub(1);
                        closed.measure.links += usize::from(closed.measure.text > 0);
                    }
                    silence -= usize::from(silent(element.name())).min(silence);
                    if !closed.inline && closed.own >= PROSE {
                        closed.measure.prose += closed.own;
                    }
                    closed.measure.images += usize::from(element.name() == "img");
                    all.insert(node.id(), closed.measure);
                    if let Some(outer) = open.last_mut() {
                        outer.measure.add(closed.measure);
                    }
                }
            }
        }
        Self(all)
    }

    pub(super) fn of(&self, element: ElementRef<'_>) -> Measure {
        self.0.get(&element.id()).copied().unwrap_or_default()
    }
}

fn add_text(open: &mut [Open], length: usize, linked: bool) {
    if let Some(inner) = open.last_mut() {
        inner.measure.text += length;
        inner.measure.linked += if linked { length } else { 0 };
    }
    let block = open.iter_mut().rev().find(|open| !open.inline);
    if let Some(block) = block.filter(|_| !linked) {
        block.own += length;
    }
}

/// Elements whose text no reader sees.
fn silent(name: &str) -> bool {
    matches!(
        name,
        "noscript" | "script" | "style" | "template" | "textarea" | "title"
    )
}

#[cfg(test)]
mod tests {
    use crate::article::html::document;
    use crate::source::dom::first;

    use super::*;

    fn measure(html: &str) -> Measure {
        let html = document(html);
        let body = first(html.root_element(), "body").unwrap();
        Measures::new(html.root_element()).of(body)
    }

    #[test]
    fn prose_is_long_text_outside_links() {
        let long = "я".repeat(PROSE);
        let page = format!(
            "<p>{long}</p><p>коротко</p><a href=/><div>{long}</div></a><script>{long}</script>"
        );
        let found = measure(&page);
        assert_eq!((found.prose, found.links), (PROSE, 1));
        assert_eq!((found.text, found.linked), (2 * PROSE + 7, PROSE));
        assert!(!found.mostly_links(50));
        assert!(found.mostly_links(40));
    }

    #[test]
    fn a_sentence_goes_on_across_inline_elements() {
        let half = "я".repeat(PROSE / 2);
        assert_eq!(measure(&format!("<p>{half}<b>{half}</b>")).prose, PROSE);
        assert_eq!(measure(&format!("<p>{half}<p>{half}")).prose, 0);
    }
}
