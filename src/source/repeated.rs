//! A page in, a selector of the structure that repeats around headlines out, if there is one.
//! It is written in class names, so that it holds when news come and go.

use std::collections::HashMap;

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Selector};

use crate::article::date;
use crate::source::dom::LINE;
use crate::source::dom::all;
use crate::source::dom::first;
use crate::source::dom::words;
use crate::source::page::noise::in_frame;
use crate::source::read::How;

/// Characters and words of the shortest headline that is known by its length.
const HEADLINE: (usize, usize) = (20, 3);

/// The selector of the structure that repeats around headlines, if there is one.
pub(super) fn repeated(html: &Html, how: &How<'_>) -> Option<String> {
    let root = html.root_element();
    let links = all(root, "a[href]").into_iter().take(5_000);
    let headlines: Vec<_> = links
        .filter(|link| headline(*link) && !in_page_frame(*link))
        .collect();
    let mut around: HashMap<NodeId, usize> = HashMap::new();
    for link in &headlines {
        for node in link.ancestors() {
            *around.entry(node.id()).or_default() += 1;
        }
    }
    let mut rows: HashMap<String, (usize, usize, usize)> = HashMap::new();
    for (place, link) in headlines.iter().enumerate() {
        let alone = |outer: &ElementRef<'_>| around.get(&outer.id()) == Some(&1);
        let outer = link.ancestors().filter_map(ElementRef::wrap);
        let item = outer.take_while(alone).last().unwrap_or(*link);
        let dated = item.attr("datetime").is_some() || has_date(item, how);
        let row = rows.entry(shape(item)).or_insert((0, 0, place));
        row.0 += 1;
        row.1 += usize::from(dated);
    }
    let plain = rows
        .into_iter()
        .filter(|(css, (links, _, _))| *links >= 2 && !css.is_empty());
    plain
        .max_by_key(|(_, (links, dated, place))| (dated * 3 + links, usize::MAX - place))
        .map(|(css, _)| css)
        .filter(|css| Selector::parse(css).is_ok())
}

fn headline(link: ElementRef<'_>) -> bool {
    let text = words(link, LINE);
    text.chars().count() >= HEADLINE.0 && text.split(' ').count() >= HEADLINE.1
}

/// Whether it stands in the site's frame. What is called "latest" may well be the listing.
fn in_page_frame(link: ElementRef<'_>) -> bool {
    let mut around = link.ancestors().filter_map(ElementRef::wrap);
    around.any(|outer| matches!(outer.value().name(), "nav" | "footer" | "aside")) && in_frame(link)
}

fn has_date(item: ElementRef<'_>, how: &How<'_>) -> bool {
    let mut texts = item
        .descendants()
        .filter_map(|node| node.value().as_text())
        .take(100);
    first(item, "time[datetime]").is_some()
        || texts.any(|text| date::read(text.trim(), how.zone, how.now).is_some())
}

/// A selector for elements of this one's shape: its name and classes under its parents', as far
/// up as it takes to find a class or an id.
fn shape(item: ElementRef<'_>) -> String {
    let mut path = vec![step(item, true)];
    for outer in item.ancestors().filter_map(ElementRef::wrap).take(4) {
        let step = step(outer, false);
        let marked = step.contains(['.', '#']);
        path.push(step);
        if marked || outer.value().name() == "body" {
            break;
        }
    }
    path.reverse();
    path.join(" > ")
}

/// An element's name with its id or classes; an item only with the classes that it shares with
/// one beside it.
pub(super) fn step(element: ElementRef<'_>, item: bool) -> String {
    let name = element.value().name();
    let plain = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    if let Some(id) = element.value().id().filter(|id| !item && plain(id)) {
        return format!("{name}#{id}");
    }
    let beside = || {
        element
            .next_siblings()
            .take(3)
            .chain(element.prev_siblings().take(3))
    };
    let shared = |class: &&str| {
        let mut others = beside().filter_map(ElementRef::wrap);
        !item
            || beside().count() == 0
            || others.any(|other| other.value().classes().any(|c| c == *class))
    };
    let classes = element
        .value()
        .classes()
        .filter(plain)
        .filter(shared)
        .take(3);
    classes.fold(name.to_owned(), |step, class| step + "." + class)
}
