//! A page's tree and its titles in, the element that shows the headline out. The first `h1` is
//! often a logo's, and some pages have none; dates stand near the headline, not near the logo.

use ego_tree::NodeId;
use scraper::ElementRef;

use crate::source::dom::is_called;
use crate::source::dom::words;

/// Characters of the longest headline that is compared.
const HEADLINE: usize = 300;
/// Letters and digits of the shortest.
const SHORTEST: usize = 12;

/// The element that shows what the page is titled by: the longest heading that stands in a
/// title, else `heading`.
pub(super) fn headline(
    root: ElementRef<'_>,
    heading: Option<NodeId>,
    titles: &[&str],
) -> Option<NodeId> {
    let titles: Vec<String> = titles.iter().map(|title| letters(title)).collect();
    let shown = |element: ElementRef<'_>| {
        let shown = letters(&words(element, HEADLINE));
        let stands = titles.iter().any(|title| title.contains(&shown));
        let whole = stands && shown.chars().nth(SHORTEST - 1).is_some();
        whole.then_some((shown.len(), rank(element)?, element.id()))
    };
    let headings = root.descendent_elements().filter(|e| rank(*e).is_some());
    let found = headings.filter_map(shown);
    let best = found.reduce(|best, next| {
        if (next.0, next.1) > (best.0, best.1) {
            next
        } else {
            best
        }
    });
    best.map(|(_, _, id)| id).or(heading)
}

/// How much an element is a heading by its name.
fn rank(element: ElementRef<'_>) -> Option<u8> {
    match element.value().name() {
        "h1" => Some(6),
        "h2" => Some(5),
        "h3" | "h4" => Some(4),
        "p" | "div" | "span" => is_called(element, &["title", "headline", "h1"]).then_some(3),
        _ => None,
    }
}

fn letters(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::html::document;
    use crate::source::dom::first;

    #[test]
    fn the_headline_is_what_the_title_names() {
        for (body, expected) in [
            ("<h1>Місто</h1><h2 id=x>Новий міст відкрито</h2>", Some("x")),
            (
                "<h3>Новий міст відкрито</h3><h1 id=x>Новий міст відкрито</h1>",
                Some("x"),
            ),
            (
                "<h1>Місто</h1><p id=x class=title>Новий міст відкрито!</p>",
                Some("x"),
            ),
            (
                "<h1 id=x>Зовсім інші слова</h1><h2>Також інші слова</h2>",
                Some("x"),
            ),
            ("<h2>Також інші слова</h2>", None),
        ] {
            let html = document(body);
            let root = html.root_element();
            let heading = first(root, "h1").map(|heading| heading.id());
            let found = headline(root, heading, &["Новий міст відкрито | Місто", ""]);
            let found = found.and_then(|id| ElementRef::wrap(html.tree.get(id)?));
            assert_eq!(
                found.and_then(|element| element.attr("id")),
                expected,
                "{body}"
            );
        }
    }
}
