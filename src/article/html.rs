//! A stranger's HTML in, a tree that is neither too deep nor too large out.
//!
//! The HTML parsing rules look through all open elements at every tag, so a page of nothing but
//! `<div>` costs the square of its length; 10⁵ attributes on one tag cost the same, and so does
//! writing a text of nothing but `&`. All are stopped here, once for all who parse: what lies beyond
//! the limits is left out, and never an error. Nothing here decides what is safe to show; that's [`clean`](super::clean).

use std::borrow::Cow;

use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{Html, HtmlTreeSink, Node};

/// Levels of nesting; honest pages stay under 60.
const DEPTH: usize = 256;
/// Nodes of one tree; honest pages stay under 50,000.
const NODES: usize = 200_000;
/// Attributes of one tag.
const ATTRIBUTES: usize = 2_000;
/// Bytes that the serializer may look at in vain: for each sign that it may have to escape it looks
/// for a `<` up to the end of the text (html5ever 0.40). An honest article stays under a tenth.
const WORK: usize = 1_000_000_000;
/// Bytes that are parsed between two looks at the tree.
const CHUNK: usize = 1024;

/// The tree of a page, as far as it stays within the limits; nothing of one that can't be written.
pub fn document(text: &str) -> Html {
    let html = grow(text).0;
    let texts = html.tree.nodes().map(|node| match node.value() {
        Node::Text(_) if node.parent().is_some_and(|outer| is_raw(outer.value())) => 0,
        Node::Text(text) => work(text),
        Node::Element(element) => element.attrs().map(|(_, value)| work(value)).sum(),
        _ => 0,
    });
    let all = texts.fold(0, usize::saturating_add);
    if all > WORK.saturating_mul(4) {
        return grow("").0;
    }
    html
}

/// Whether its text is written as it is, with no look for what to escape: pages keep a megabyte there.
fn is_raw(node: &Node) -> bool {
    let name = node.as_element().map(scraper::node::Element::name);
    name.is_some_and(|name| matches!(name, "script" | "style"))
}

/// What writing it would cost at most, if it were one text.
fn work(text: &str) -> usize {
    let signs = text.bytes().filter(|byte| is_looked_at(*byte)).count();
    signs.saturating_mul(text.len())
}

fn is_looked_at(byte: u8) -> bool {
    matches!(byte, b'&' | 0xC2)
}

/// A text that would be too much to write as it is, without the spaces that don't break: what was pasted
/// from a word processor has thousands.
pub(super) fn eased(text: &str) -> Cow<'_, str> {
    if work(text) <= WORK {
        return text.into();
    }
    let text = text.replace("&nbsp;", " ").replace("&#160;", " ");
    text.replace('\u{a0}', " ").into()
}

/// `text`, or a beginning of it that can be written however much is escaped.
pub(super) fn writable(text: &str) -> &str {
    if work(text) <= WORK {
        return text;
    }
    let mut signs = 0_usize;
    let end = text.bytes().enumerate().find(|(at, byte)| {
        signs += usize::from(is_looked_at(*byte));
        signs.saturating_mul(*at) > WORK / 32
    });
    let end = end.map_or(text.len(), |(at, _)| text.floor_char_boundary(at));
    text.get(..end).unwrap_or_default()
}

/// The beginning of `text` that parses into a tree within the limits: nearly always all of it.
pub fn sound(text: &str) -> &str {
    let text = writable(text);
    let plain = text.bytes().filter(|byte| *byte == b'<').count() <= DEPTH;
    let end = if plain {
        bounded(text).len()
    } else {
        grow(text).1
    };
    text.get(..end).unwrap_or_default()
}

/// The tree, and how many bytes of the text are in it.
fn grow(text: &str) -> (Html, usize) {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = parse_document(sink, ParseOpts::default());
    let mut rest = bounded(text);
    let mut used = 0;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK));
        parser.process(StrTendril::from_slice(chunk));
        used += chunk.len();
        rest = after;
        if overgrown(&parser.tokenizer.sink.sink) {
            break;
        }
    }
    (parser.finish(), used)
}

/// Whether the tree has reached a limit. The newest node stands where the next one will.
fn overgrown(sink: &HtmlTreeSink) -> bool {
    let html = sink.0.borrow();
    let mut nodes = html.tree.nodes();
    nodes.len() > NODES
        || nodes
            .next_back()
            .is_some_and(|newest| newest.ancestors().take(DEPTH + 1).count() > DEPTH)
}

/// `text` up to the first tag with too many attributes. Looks at every `<` on its own, whatever
/// stands around it, so that no comment or quotation can hide a tag; the sum of its looks is
/// bounded.
fn bounded(text: &str) -> &str {
    if text.len() <= ATTRIBUTES {
        return text;
    }
    let bytes = text.as_bytes();
    let mut budget = bytes.len().saturating_mul(16);
    for (at, _) in text.match_indices('<') {
        let tag = bytes.get(at + 1..).unwrap_or_default();
        if !tag.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let (attributes, looked) = attributes(tag);
        budget = budget.saturating_sub(looked);
        if attributes >= ATTRIBUTES || budget == 0 {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// How many attributes the tag has (counting stops at the limit), and how many bytes were
/// looked at.
fn attributes(tag: &[u8]) -> (usize, usize) {
    let (mut count, mut at, mut between) = (0, 0, false);
    while let Some(&byte) = tag.get(at) {
        at += 1;
        match byte {
            b'>' => break,
            b'"' | b'\'' if tag.get(..at - 1).is_some_and(ends_in_equals) => {
                let value = tag.get(at..).unwrap_or_default();
                let length = value.iter().position(|b| *b == byte);
                at += length.map_or(value.len(), |length| length + 1);
                between = true;
            }
            b'/' => between = true,
            _ if byte.is_ascii_whitespace() => between = true,
            _ if between => {
                between = false;
                count += 1;
                if count >= ATTRIBUTES {
                    break;
                }
            }
            _ => {}
        }
    }
    (count, at)
}

fn ends_in_equals(before: &[u8]) -> bool {
    let space = before
        .iter()
        .rev()
        .take(64)
        .take_while(|byte| byte.is_ascii_whitespace());
    before.iter().rev().nth(space.count()) == Some(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_honest_page_is_left_whole() {
        let page = "<p class=a title='x > y'>Новини <b>дня</b></p>".repeat(2_000);
        assert_eq!(sound(&page), page);
        assert_eq!(document(&page).root_element().text().count(), 4_000);
    }

    #[test]
    fn a_page_of_nothing_but_openings_is_cut() {
        let page = "<div>".repeat(1_000_000);
        assert!(sound(&page).len() < 4_096);
        let formats = (0..200).fold(String::new(), |all, n| {
            all + "<font color=" + &n.to_string() + ">"
        });
        assert!(sound(&("<p>".to_owned() + &formats + &"<p>x".repeat(1_000_000))).len() < 100_000);
    }

    #[test]
    fn a_text_of_nothing_but_signs_is_cut_and_a_long_one_of_words_is_not() {
        let signs = "&x;".repeat(100_000);
        assert!(sound(&signs).len() < 20_000);
        assert_eq!(document(&signs).root_element().text().count(), 0);
        let value = format!("<p title='{signs}'>x");
        assert_eq!(document(&value).root_element().text().count(), 0);
        let words = "«Слово», і ще два\u{a0}слова. ".repeat(2_000);
        assert_eq!(sound(&words), words);
        assert_eq!(document(&words).root_element().text().count(), 1);
    }

    #[test]
    fn a_page_is_whole_however_much_its_scripts_hold() {
        let state = "{\"a\": \"b&c\"},".repeat(100_000);
        let page = format!("<p>Новина</p><script>[{state}]</script><style>/*{state}*/</style>");
        assert_eq!(document(&page).root_element().text().count(), 3);
    }

    #[test]
    fn a_tag_of_nothing_but_attributes_is_cut() {
        let many = (0..100_000).fold(String::new(), |all, n| all + " a" + &n.to_string());
        assert_eq!(sound(&format!("text<p{many}>")), "text");
        assert_eq!(
            sound(&format!("<!-- <a b=\"--><p{many}>\"")),
            "<!-- <a b=\"-->"
        );
        assert!(sound(&"<a".repeat(500_000)).len() <= 1_000_000);
    }
}
