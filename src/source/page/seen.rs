//! A page's tree in, what people see beside the prose out: names of tags and departments,
//! pictures. The date is [`dating`](super::dating)'s.

use ego_tree::NodeId;
use scraper::{ElementRef, Selector};
use url::Url;

use crate::article::Media;
use crate::source::dom::all;
use crate::source::dom::distinct;
use crate::source::dom::is_called;
use crate::source::dom::names;
use crate::source::dom::picture;
use crate::source::dom::words;
use crate::source::page::measure::Measures;
use crate::source::page::noise::in_frame;

/// Words in class names of lists of tags.
pub(super) const TAGS: &[&str] = &["hashtags", "tag", "tags"];
/// Characters of prose from which a paragraph is no list of names.
const SHORT: usize = 80;
/// Words in class names of who issued it.
pub(super) const DEPARTMENTS: &[&str] = &["department", "departments", "issuer", "issuers"];

/// Names that stand in an element called so, with the elements that hold them.
pub(super) fn group(
    root: ElementRef<'_>,
    called: &[&str],
    by: Option<&Selector>,
) -> (Vec<NodeId>, Vec<String>) {
    if let Some(by) = by {
        let holders = root.select(by).map(|element| element.id()).collect();
        return (holders, names(root, Some(by)));
    }
    let names_some = |element: &ElementRef<'_>| {
        let labelled = is_called(*element, called);
        let tag = called == TAGS && element.attr("rel").is_some_and(|rel| rel.contains("tag"));
        (labelled || tag) && !matches!(element.value().name(), "html" | "body" | "main" | "article")
    };
    let groups = root.descendent_elements().filter(names_some);
    let groups: Vec<_> = groups
        .filter(|group| words(*group, 700).chars().count() < 700 && !in_frame(*group))
        .filter(|group| !all(*group, "p").into_iter().any(is_paragraph))
        .take(50)
        .collect();
    let parts = groups
        .iter()
        .flat_map(|group| parts_of(*group))
        .map(|part| words(part, 200));
    let clean = parts.map(|part| {
        part.trim_start_matches('#')
            .trim_end_matches(',')
            .to_owned()
    });
    (
        groups.iter().map(|group| group.id()).collect(),
        distinct(clean),
    )
}

/// Whether it's a paragraph of an article: a post's element may be named by its tags, too.
fn is_paragraph(element: ElementRef<'_>) -> bool {
    Measures::new(element).of(element).prose > SHORT
}

/// The pictures where the owner says they are.
pub(super) fn pictures(
    root: ElementRef<'_>,
    by: Option<&Selector>,
    base: Option<&Url>,
) -> Vec<Media> {
    let found = by.into_iter().flat_map(|by| root.select(by));
    let images = found.flat_map(|element| match element.value().name() {
        "img" => vec![element],
        _ => all(element, "img"),
    });
    once(images.filter_map(|image| picture(image, base)))
}

/// The article's pictures, each once.
pub(super) fn gallery(scope: Option<ElementRef<'_>>, base: Option<&Url>) -> Vec<Media> {
    let images = scope.into_iter().flat_map(|scope| all(scope, "img"));
    let decoration =
        |image: &ElementRef<'_>| is_called(*image, &["icon", "logo", "avatar", "emoji", "arrow"]);
    once(
        images
            .filter(|image| !decoration(image))
            .filter_map(|image| picture(image, base)),
    )
}

/// The members of a group: its list items, else its links, else itself.
fn parts_of(group: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let parts = ["li", "a"].iter().map(|css| all(group, css));
    let mut parts = parts.filter(|parts| !parts.is_empty());
    parts.next().unwrap_or_else(|| vec![group])
}

/// Each address once.
fn once(media: impl Iterator<Item = Media>) -> Vec<Media> {
    let mut kept: Vec<Media> = Vec::new();
    for one in media.take(200) {
        if kept.iter().all(|other| other.url != one.url) {
            kept.push(one);
        }
    }
    kept
}
