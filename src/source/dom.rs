//! What listings and article pages share of looking into HTML: selectors in, elements out;
//! an element in, its words, its date, its address out. Never fetches, never judges.

use chrono::{DateTime, FixedOffset};
use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, Node, Selector};
use url::Url;

use crate::article::Media;
use crate::article::clean::one_line;
use crate::article::date;
use crate::article::tracking::without_tracking;
use crate::source::Selectors;
use crate::source::read::How;

/// Characters of the longest selector.
const LONGEST_SELECTOR: usize = 200;
/// Characters of the longest headline, name or caption.
pub(super) const LINE: usize = 500;

/// What the source's owner has said about where things stand, ready for use.
#[derive(Default)]
pub(super) struct Picks {
    pub(super) item: Option<Selector>,
    pub(super) link: Option<Selector>,
    pub(super) title: Option<Selector>,
    pub(super) date: Option<Selector>,
    pub(super) summary: Option<Selector>,
    pub(super) body: Option<Selector>,
    pub(super) topics: Option<Selector>,
    pub(super) departments: Option<Selector>,
    pub(super) image: Option<Selector>,
}

impl Picks {
    /// Compiles the selectors; one that can't be is left out, and named among the problems.
    pub(super) fn new(selectors: &Selectors, problems: &mut Vec<String>) -> Self {
        let mut pick = |name: &str, css: &Option<String>| {
            let compiled = compile(name, css.as_deref()?);
            compiled.map_err(|problem| problems.push(problem)).ok()
        };
        Self {
            item: pick("item", &selectors.item),
            link: pick("link", &selectors.link),
            title: pick("title", &selectors.title),
            date: pick("date", &selectors.date),
            summary: pick("summary", &selectors.summary),
            body: pick("body", &selectors.body),
            topics: pick("topics", &selectors.topics),
            departments: pick("departments", &selectors.departments),
            image: pick("image", &selectors.image),
        }
    }
}

fn compile(name: &str, css: &str) -> Result<Selector, String> {
    if css.chars().nth(LONGEST_SELECTOR).is_some() {
        let length = css.chars().count();
        return Err(format!(
            "expected a selector of at most {LONGEST_SELECTOR} characters for `--{name}`, but got {length}"
        ));
    }
    Selector::parse(css).map_err(|why| {
        format!(
            "expected a CSS selector such as `.news h3 > a` for `--{name}`, but got `{css}`: {why}"
        )
    })
}

/// All elements within that match. `css` is one of ours; a bad one matches nothing.
pub(super) fn all<'a>(within: ElementRef<'a>, css: &str) -> Vec<ElementRef<'a>> {
    let matches = |selector: Selector| within.select(&selector).collect();
    Selector::parse(css).map(matches).unwrap_or_default()
}

/// The first element within that matches.
pub(super) fn first<'a>(within: ElementRef<'a>, css: &str) -> Option<ElementRef<'a>> {
    let selector = Selector::parse(css).ok()?;
    within.select(&selector).next()
}

/// The first element within that a selector of the owner's matches.
pub(super) fn picked<'a>(within: ElementRef<'a>, by: Option<&Selector>) -> Option<ElementRef<'a>> {
    within.select(by?).next()
}

/// The words of each element within that a selector of the owner's matches, each once.
pub(super) fn names(within: ElementRef<'_>, by: Option<&Selector>) -> Vec<String> {
    let found = by.into_iter().flat_map(|by| within.select(by));
    distinct(found.map(|element| words(element, LINE)))
}

/// The texts that aren't empty, each once, in order.
pub(super) fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !text.is_empty() && !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept
}

/// What a reader sees of an element, on one line of at most `most` characters.
pub(super) fn words(element: ElementRef<'_>, most: usize) -> String {
    let mut text = String::new();
    let mut hidden = None;
    for edge in element.traverse() {
        match edge {
            Edge::Open(node) if hidden.is_none() => match node.value() {
                Node::Text(words) => text.push_str(&words.text),
                Node::Element(inner) => match inner.name() {
                    "script" | "style" | "template" | "noscript" | "svg" => {
                        hidden = Some(node.id());
                    }
                    name if !inline(name) => text.push(' '),
                    _ => {}
                },
                _ => {}
            },
            Edge::Close(node) if hidden == Some(node.id()) => hidden = None,
            Edge::Close(node) if hidden.is_none() && breaks(node.value()) => text.push(' '),
            _ => {}
        }
        if text.len() > most.saturating_mul(16) {
            break;
        }
    }
    one_line(&text, most)
}

fn breaks(node: &Node) -> bool {
    node.as_element()
        .is_some_and(|element| !inline(element.name()))
}

/// Elements that part no words.
pub(super) fn inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "em"
            | "font"
            | "i"
            | "mark"
            | "q"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "u"
            | "wbr"
    )
}

/// The date that an element tells, in its attributes or in its words.
pub(super) fn date_of(element: ElementRef<'_>, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let attributes = ["datetime", "content", "data-date", "title"];
    let mut told = attributes.iter().filter_map(|name| element.attr(name));
    told.find_map(|text| date::read(text, how.zone, how.now))
        .or_else(|| date::read(&words(element, 200), how.zone, how.now))
}

/// An absolute http(s) address without fragment and tracking.
pub(super) fn address(href: &str, base: Option<&Url>) -> Option<String> {
    let href = href.trim();
    let mut url = match Url::parse(href) {
        Ok(url) => url,
        Err(_) => base?.join(href).ok()?,
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || href.starts_with('#') {
        return None;
    }
    url.set_fragment(None);
    without_tracking(&mut url);
    Some(url.into())
}

/// What relative addresses on the page are relative to.
pub(super) fn base_of(html: &Html, base: Option<&Url>) -> Option<Url> {
    let said = first(html.root_element(), "base[href]").and_then(|element| element.attr("href"));
    let joined = said.and_then(|href| match base {
        Some(base) => base.join(href).ok(),
        None => Url::parse(href).ok(),
    });
    joined
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .or_else(|| base.cloned())
}

/// The words in an element's class names and id: `news-list` and `newsList` are two each.
pub(super) fn labels(element: ElementRef<'_>) -> Vec<String> {
    marks(element).flat_map(split).collect()
}

/// Whether one of those words is among these.
pub(super) fn is_called(element: ElementRef<'_>, words: &[&str]) -> bool {
    let mut labels = labels(element).into_iter();
    labels.any(|label| words.contains(&label.as_str()))
}

fn marks(element: ElementRef<'_>) -> impl Iterator<Item = &str> {
    let marks = ["class", "id"].into_iter();
    marks.filter_map(move |mark| element.attr(mark))
}

fn split(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in name.chars().take(LINE) {
        if !letter.is_alphanumeric() || letter.is_uppercase() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The same words, and each pair of them that stand together in one name.
pub(super) fn names_of(element: ElementRef<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for name in marks(element)
        .flat_map(str::split_whitespace)
        .take(LINE / 10)
    {
        let mut before: Option<usize> = None;
        for word in split(name) {
            if let Some(before) = before.and_then(|at| names.get(at)) {
                let pair = format!("{before} {word}");
                names.push(pair);
            }
            before = Some(names.len());
            names.push(word);
        }
    }
    names
}

/// The picture that an `img` shows, or the larger one it leads to.
pub(super) fn picture(image: ElementRef<'_>, base: Option<&Url>) -> Option<Media> {
    let pixels = |name: &str| {
        image
            .attr(name)
            .and_then(|value| value.trim().parse::<u32>().ok())
    };
    let (width, height) = (pixels("width"), pixels("height"));
    if width.is_some_and(|w| w < 50) || height.is_some_and(|h| h < 50) {
        return None;
    }
    let larger = image
        .ancestors()
        .skip(1)
        .take(2)
        .filter_map(ElementRef::wrap);
    let larger = larger
        .filter(|element| element.value().name() == "a")
        .filter_map(|link| address(link.attr("href")?, base))
        .find(|url| mime_of(url).is_some());
    let url = larger.or_else(|| address(&shown(image)?, base))?;
    let mime = mime_of(&url);
    let figure = image.ancestors().filter_map(ElementRef::wrap);
    let figure = figure
        .take(5)
        .find(|element| element.value().name() == "figure");
    let caption = figure
        .filter(|figure| all(*figure, "img").len() == 1)
        .and_then(|figure| first(figure, "figcaption"))
        .map(|caption| words(caption, LINE))
        .filter(|caption| !caption.is_empty());
    let spoken = || ["alt", "title"].iter().filter_map(|name| image.attr(name));
    let caption = caption.or_else(|| {
        spoken()
            .map(|text| one_line(text, LINE))
            .find(|text| !text.is_empty())
    });
    Some(Media {
        url,
        mime,
        length: None,
        width,
        height,
        caption,
    })
}

/// The address of the picture itself, which lazy pages keep beside a placeholder.
pub(super) fn shown(image: ElementRef<'_>) -> Option<String> {
    let lazy = [
        "data-src",
        "data-original",
        "data-lazy-src",
        "data-lazy",
        "src",
    ];
    let plain = lazy
        .iter()
        .filter_map(|name| image.attr(name))
        .map(str::trim);
    let set = ["data-srcset", "data-lazy-srcset", "srcset"];
    let largest = || {
        let set = set.iter().find_map(|name| image.attr(name))?;
        let largest = set.split(", ").max_by_key(|entry| {
            let size = entry.trim().rsplit_once(' ').map_or("", |(_, size)| size);
            size.trim_end_matches(['w', 'x'])
                .parse::<u32>()
                .unwrap_or(0)
        })?;
        largest.split_whitespace().next().map(str::to_owned)
    };
    let mut plain = plain.filter(|url| !url.is_empty() && !url.starts_with("data:"));
    plain.next().map(str::to_owned).or_else(largest)
}

/// The MIME type of a picture, if its address tells.
pub(super) fn mime_of(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    let mime = match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "jfif" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        _ => return None,
    };
    Some(mime.to_owned())
}
