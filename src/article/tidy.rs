//! HTML that ammonia has written in, the same HTML in Visnyk's own manner out.
//!
//! Works on the serializer's regular output as a row of [`Piece`]s, without a tree. It resolves
//! addresses, strips tracking from links, demotes `h1`, drops empty shells and pixels, and what
//! XML 1.0 can't hold. It only drops, renames and rewrites addresses: what is allowed at all is
//! settled before, by the cleaner.

use std::fmt::{self, Write};

use url::Url;

use crate::article::tracking::without_tracking;

/// Elements that may be nested in each other; deeper ones lose their tags.
const DEPTH: usize = 100;

/// A part of HTML as the serializer writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Words, escaped.
    Text(&'a str),
    /// A start tag; its attributes as they stand.
    Open { name: &'a str, attributes: &'a str },
    /// An end tag.
    Close(&'a str),
}

/// The pieces of serialized HTML, in order.
pub(super) fn pieces(html: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (text, after) = rest.split_at_checked(end)?;
            rest = after;
            return (!text.is_empty()).then_some(Piece::Text(text));
        };
        let mut quoted = false;
        let end = tag.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == b'>' && !quoted
        });
        let (tag, after) = tag.split_at_checked(end.unwrap_or(tag.len()))?;
        rest = after.strip_prefix('>').unwrap_or_default();
        if let Some(name) = tag.strip_prefix('/') {
            return Some(Piece::Close(name));
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        Some(Piece::Open { name, attributes })
    })
}

/// Names and escaped values of a tag's attributes.
fn each(attributes: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = attributes;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = after;
        Some((name.trim(), value))
    })
}

fn unescape(value: &str) -> String {
    value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

fn escape(value: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\u{a0}', "&nbsp;")
}

/// The HTML, and whether a parser would certainly read it back as it is written.
pub(super) fn tidy(html: &str, base: Option<&Url>) -> (String, bool) {
    let mut tidy = Tidy {
        out: String::with_capacity(html.len()),
        open: Vec::new(),
        base,
        stable: true,
    };
    for piece in pieces(html) {
        match piece {
            Piece::Text(text) => tidy.text(text),
            Piece::Open { name, attributes } => tidy.open(name, attributes),
            Piece::Close(_) => tidy.close(),
        }
    }
    let trimmed = tidy.out.trim_matches([' ', '\n', '\t', '\u{c}']);
    let stable = tidy.stable && tidy.open.is_empty();
    (trimmed.to_owned(), stable)
}

/// An element that is open.
struct Shell<'a> {
    name: &'a str,
    /// Where its start tag stands in the output.
    from: usize,
    /// Where its content begins there.
    inner: usize,
    /// Whether it holds anything to see.
    full: bool,
    /// Whether its tags are left out.
    bare: bool,
}

struct Tidy<'a> {
    out: String,
    open: Vec<Shell<'a>>,
    base: Option<&'a Url>,
    stable: bool,
}

impl<'a> Tidy<'a> {
    fn text(&mut self, text: &str) {
        let blank = text
            .split("&nbsp;")
            .all(|part| part.chars().all(|c| c.is_whitespace() || !legal(c)));
        if !blank {
            self.fill();
            self.stable &= !self.parent().is_some_and(only_parts);
        }
        let mut written = self.open.iter().rev().filter(|shell| !shell.bare);
        let first = written
            .next()
            .is_some_and(|shell| shell.name == "pre" && shell.inner == self.out.len());
        let text = if first {
            text.trim_start_matches(|c| matches!(c, '\n' | '\r') || !legal(c))
        } else {
            text
        };
        if text.chars().all(|c| legal(c) && c != '\r') {
            self.out.push_str(text);
        } else {
            let legal = text.chars().filter(|c| legal(*c));
            self.out
                .extend(legal.map(|c| if c == '\r' { '\n' } else { c }));
        }
    }

    fn open(&mut self, name: &'a str, attributes: &str) {
        let name = renamed(name);
        self.stable &= self.fits(name);
        match name {
            "img" => {
                if let Some(picture) = self.picture(attributes) {
                    self.fill();
                    self.out.push_str(&picture);
                }
            }
            "br" | "wbr" | "col" | "hr" => {
                if name == "hr" {
                    self.fill();
                }
                let attributes = self.kept(name, attributes).unwrap_or_default();
                add(&mut self.out, format_args!("<{name}{attributes}>"));
            }
            _ => {
                let from = self.out.len();
                let kept = self.kept(name, attributes);
                let bare = kept.is_none() || self.open.len() >= DEPTH;
                if !bare {
                    add(
                        &mut self.out,
                        format_args!("<{name}{}>", kept.unwrap_or_default()),
                    );
                }
                let inner = self.out.len();
                self.open.push(Shell {
                    name,
                    from,
                    inner,
                    full: false,
                    bare,
                });
            }
        }
    }

    fn close(&mut self) {
        let Some(shell) = self.open.pop() else { return };
        if shell.bare {
            if shell.full {
                self.fill();
            }
        } else if shell.full {
            add(&mut self.out, format_args!("</{}>", shell.name));
            self.fill();
        } else if matches!(
            shell.name,
            "td" | "th" | "tr" | "tbody" | "thead" | "tfoot" | "colgroup"
        ) {
            add(&mut self.out, format_args!("</{}>", shell.name));
        } else {
            self.drop_shell(&shell);
        }
    }

    /// Takes an empty element out; a space stays where it kept words apart.
    fn drop_shell(&mut self, shell: &Shell<'_>) {
        let apart = self.out.len() > shell.inner || block(shell.name);
        self.out.truncate(shell.from);
        if apart && !self.out.ends_with([' ', '\n', '>']) && !self.out.is_empty() {
            self.out.push(if block(shell.name) { '\n' } else { ' ' });
        } else if apart && !block(shell.name) && self.out.ends_with('>') {
            self.out.push(' ');
        }
    }

    /// What is open now holds something to see; closing hands that on outwards.
    fn fill(&mut self) {
        if let Some(shell) = self.open.last_mut() {
            shell.full = true;
        }
    }

    fn parent(&self) -> Option<&'a str> {
        self.open
            .iter()
            .rev()
            .find(|shell| !shell.bare)
            .map(|shell| shell.name)
    }

    /// Whether a parser would leave the element where it stands.
    fn fits(&self, name: &str) -> bool {
        let parent = self.parent();
        let inside = |names: &[&str], until: &[&str]| {
            let mut near = self.open.iter().rev().map(|shell| shell.name);
            near.find(|open| names.contains(open) || until.contains(open))
                .is_some_and(|open| names.contains(&open))
        };
        let cell = &["td", "th", "caption", "table"];
        let parts_fit = match name {
            "tr" => matches!(parent, Some("tbody" | "thead" | "tfoot")),
            "td" | "th" => parent == Some("tr"),
            "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => parent == Some("table"),
            "col" => parent == Some("colgroup"),
            _ => !parent.is_some_and(only_parts),
        };
        parts_fit
            && !(block(name) && inside(&["p"], cell))
            && !(name == "a" && inside(&["a"], &["td", "th", "caption"]))
            && !(name == "li" && inside(&["li"], &["ul", "ol", "td", "th"]))
            && !(matches!(name, "dd" | "dt") && inside(&["dd", "dt"], &["dl", "td", "th"]))
            && !(heading(name) && parent.is_some_and(heading))
            && !(name == "table" && parent == Some("table"))
    }

    /// The attributes as they are to be written, each with a space before it; `None` if the
    /// element means nothing without the one it lacks.
    fn kept(&self, name: &str, attributes: &str) -> Option<String> {
        let mut kept = String::new();
        let mut linked = false;
        for (attribute, value) in each(attributes) {
            let value = match attribute {
                "href" | "cite" => match self.address(&unescape(value), name == "a") {
                    Some(address) => escape(&address),
                    None => continue,
                },
                _ => value.chars().filter(|c| legal(*c) && *c != '\r').collect(),
            };
            linked |= attribute == "href";
            add(&mut kept, format_args!(" {attribute}=\"{value}\""));
        }
        if name != "a" {
            return Some(kept);
        }
        linked.then(|| kept + " rel=\"noopener nofollow\"")
    }

    /// The picture's tag, unless it has no address or is a pixel that counts readers.
    fn picture(&self, attributes: &str) -> Option<String> {
        let find = |wanted: &str| {
            each(attributes)
                .find(|(name, _)| *name == wanted)
                .map(|(_, v)| v)
        };
        let size = |name: &str| find(name).and_then(|value| value.trim().parse::<u32>().ok());
        let (width, height) = (size("width"), size("height"));
        if width.is_some_and(|w| w <= 1) || height.is_some_and(|h| h <= 1) {
            return None;
        }
        let src = self.address(&unescape(find("src")?), false)?;
        if !src.starts_with("http") {
            return None;
        }
        let alt: String = find("alt")
            .unwrap_or_default()
            .chars()
            .filter(|c| legal(*c))
            .collect();
        let mut tag = format!(
            "<img src=\"{}\" alt=\"{}\"",
            escape(&src),
            alt.replace('\r', " ")
        );
        for (name, pixels) in [("width", width), ("height", height)] {
            if let Some(pixels) = pixels {
                add(&mut tag, format_args!(" {name}=\"{pixels}\""));
            }
        }
        Some(tag + " loading=\"lazy\">")
    }

    /// The address made absolute; `None` if it can't be, or isn't one that may stand in a page.
    fn address(&self, address: &str, link: bool) -> Option<String> {
        let mut url = match Url::parse(address.trim()) {
            Ok(url) => url,
            Err(_) => self.base?.join(address.trim()).ok()?,
        };
        if !matches!(url.scheme(), "http" | "https" | "mailto" | "tel") {
            return None;
        }
        if link {
            without_tracking(&mut url);
        }
        let address: String = url.into();
        address.chars().all(legal).then_some(address)
    }
}

/// Adds to a text without a copy between.
fn add(to: &mut String, what: fmt::Arguments<'_>) {
    // Writing into a `String` never fails.
    let _infallible = to.write_fmt(what);
}

/// Whether XML 1.0 can hold the character; C1 controls and the byte order mark go too.
fn legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

fn renamed(name: &str) -> &str {
    match name {
        "h1" => "h2",
        "article" | "aside" | "footer" | "header" | "main" | "section" => "div",
        _ => name,
    }
}

/// Elements whose children are parts of a table and nothing else.
fn only_parts(name: &str) -> bool {
    matches!(
        name,
        "table" | "tbody" | "thead" | "tfoot" | "tr" | "colgroup"
    )
}

fn heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

fn block(name: &str) -> bool {
    heading(name)
        || matches!(
            name,
            "blockquote"
                | "dd"
                | "details"
                | "div"
                | "dl"
                | "dt"
                | "figcaption"
                | "figure"
                | "hr"
                | "li"
                | "ol"
                | "p"
                | "pre"
                | "summary"
                | "table"
                | "ul"
        )
}
