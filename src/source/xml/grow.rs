//! Tokens in, a tree out, with its limits kept and its mistakes mended.
//!
//! An element that nobody closed ends where the one around it ends; an article's plain fields
//! (title, link, date) also end where the next field or the next article begins. Nesting beyond
//! [`DEEPEST`] is flattened, and what goes beyond the other limits is left out and said.
//! Nothing here calls itself, however deep the document.

use std::borrow::Cow;

use quick_xml::events::attributes::Attributes;

use crate::source::xml::Attribute;
use crate::source::xml::Kind;
use crate::source::xml::NONE;
use crate::source::xml::Node;
use crate::source::xml::Tree;
use crate::source::xml::scan::Scanner;
use crate::source::xml::scan::Token;
use crate::source::xml::scan::resolve;
use crate::source::xml::space::Space;

/// Levels of nesting.
const DEEPEST: usize = 256;
/// Attributes of one element.
const MOST_ATTRIBUTES: usize = 256;
/// Attributes of one document.
const MOST_ATTRIBUTES_IN_ALL: usize = 1_000_000;
/// Elements and texts of one document.
const MOST_NODES: usize = 1_000_000;

/// Fields that hold text alone, so that another field can't begin within.
const PLAIN: [&str; 14] = [
    "title",
    "link",
    "guid",
    "id",
    "pubdate",
    "updated",
    "published",
    "modified",
    "issued",
    "created",
    "category",
    "comments",
    "language",
    "description",
];
/// Fields whose start tells that a plain one before was never closed.
const FIELDS: [&str; 20] = [
    "title",
    "link",
    "guid",
    "id",
    "pubdate",
    "updated",
    "published",
    "modified",
    "issued",
    "created",
    "category",
    "comments",
    "language",
    "description",
    "author",
    "enclosure",
    "item",
    "entry",
    "summary",
    "source",
];

struct Open<'a> {
    id: u32,
    /// As written, to find its end by.
    written: &'a str,
    /// How many namespace declarations stood before it.
    declared: usize,
}

struct Growth<'a> {
    tree: Tree<'a>,
    open: Vec<Open<'a>>,
    /// Prefix and meaning, innermost last.
    spaces: Vec<(&'a str, Space)>,
    /// Elements open beyond [`DEEPEST`].
    beyond: usize,
    too_deep: bool,
    too_many: bool,
    unclosed: usize,
}

/// Builds the tree of a document.
pub(super) fn grow(text: &str) -> Tree<'_> {
    let mut growth = Growth {
        tree: Tree::empty(),
        open: Vec::new(),
        spaces: Vec::new(),
        beyond: 0,
        too_deep: false,
        too_many: false,
        unclosed: 0,
    };
    for token in Scanner::new(text) {
        if growth.tree.nodes.len() >= MOST_NODES {
            let problem = format!("only the first {MOST_NODES} pieces of the document were read");
            growth.tree.problems.push(problem);
            break;
        }
        growth.take(token);
    }
    growth.finish()
}

impl<'a> Growth<'a> {
    fn take(&mut self, token: Token<'a>) {
        match token {
            Token::Open {
                name,
                inside,
                empty,
            } => self.start(name, inside, empty),
            Token::Close(name) => self.end(name),
            Token::Text(text) => self.text(resolve(text)),
            Token::Verbatim(text) => self.text(Cow::Borrowed(text)),
        }
    }

    fn start(&mut self, written: &'a str, inside: &'a str, empty: bool) {
        if self.open.len() >= DEEPEST {
            self.too_deep = true;
            self.beyond += usize::from(!empty);
            return;
        }
        let declared = self.spaces.len();
        let pairs = self.attributes(written, inside);
        self.declare(&pairs);
        let (prefix, local) = split(written);
        let space = self.space(prefix);
        let name = lower(local);
        self.end_plain_field(space, &name);
        let from = self.tree.attributes.len();
        for (key, value) in pairs {
            self.attribute(key, value);
        }
        let attributes = from..self.tree.attributes.len();
        let kind = Kind::Element {
            space,
            name,
            attributes,
        };
        let id = self.add(kind);
        self.open.push(Open {
            id,
            written,
            declared,
        });
        if empty {
            self.pop();
        }
    }

    /// The attributes as written, as many as are allowed.
    fn attributes(&mut self, written: &str, inside: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut pairs = Vec::new();
        if inside.len() == written.len() {
            return pairs;
        }
        let mut all = Attributes::html(inside, written.len());
        for attribute in all.with_checks(false).flatten() {
            if pairs.len() == MOST_ATTRIBUTES {
                self.too_many = true;
                break;
            }
            let Cow::Borrowed(value) = attribute.value else {
                continue;
            };
            let key = std::str::from_utf8(attribute.key.0);
            if let (Ok(key), Ok(value)) = (key, std::str::from_utf8(value)) {
                pairs.push((key, value));
            }
        }
        pairs
    }

    fn declare(&mut self, pairs: &[(&'a str, &'a str)]) {
        for (key, uri) in pairs {
            let prefix = match key.split_once(':') {
                Some(("xmlns", prefix)) => prefix,
                None if *key == "xmlns" => "",
                _ => continue,
            };
            let mut space = Space::of_uri(uri);
            // A root with a default namespace that nobody knows is a feed all the same.
            if space == Space::Other && prefix.is_empty() && self.open.is_empty() {
                space = Space::Feed;
            }
            self.spaces.push((prefix, space));
        }
    }

    fn attribute(&mut self, key: &'a str, value: &'a str) {
        if self.tree.attributes.len() >= MOST_ATTRIBUTES_IN_ALL {
            self.too_many = true;
            return;
        }
        let (prefix, local) = split(key);
        let space = if prefix.is_empty() {
            Space::Feed
        } else {
            self.space(prefix)
        };
        self.tree.attributes.push(Attribute {
            space,
            name: lower(local),
            value: resolve(value),
        });
    }

    fn space(&self, prefix: &str) -> Space {
        let declared = self.spaces.iter().rev().find(|(name, _)| *name == prefix);
        declared.map_or_else(|| Space::of_prefix(prefix), |(_, space)| *space)
    }

    fn end_plain_field(&mut self, space: Space, name: &str) {
        if space != Space::Feed || !FIELDS.contains(&name) {
            return;
        }
        if matches!(name, "item" | "entry") {
            let within = self.open.iter().rposition(|open| self.is(open.id, name));
            if let Some(at) = within {
                self.close_down_to(at);
            }
        } else if let Some(top) = self.open.last()
            && PLAIN.iter().any(|plain| self.is(top.id, plain))
        {
            self.unclosed += 1;
            self.pop();
        }
    }

    fn is(&self, id: u32, wanted: &str) -> bool {
        matches!(self.tree.kind(id), Some(Kind::Element { space: Space::Feed, name, .. }) if name == wanted)
    }

    fn end(&mut self, written: &str) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let same = |open: &Open<'_>| open.written.eq_ignore_ascii_case(written);
        match self.open.iter().rposition(same) {
            Some(at) if at + 1 == self.open.len() => self.pop(),
            Some(at) => self.close_down_to(at),
            None => {}
        }
    }

    /// Closes the element at `at` and all within.
    fn close_down_to(&mut self, at: usize) {
        self.unclosed += self.open.len().saturating_sub(at + 1);
        while self.open.len() > at {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(open) = self.open.pop() {
            self.spaces.truncate(open.declared);
        }
    }

    fn text(&mut self, text: Cow<'a, str>) {
        let last = self.top().and_then(|top| self.tree.last_of(top));
        if let Some(id) = last
            && let Some(Kind::Text(before)) = self.tree.kind_mut(id)
        {
            before.to_mut().push_str(&text);
        } else if !self.open.is_empty() {
            self.add(Kind::Text(text));
        }
    }

    fn top(&self) -> Option<u32> {
        self.open.last().map(|open| open.id)
    }

    fn add(&mut self, kind: Kind<'a>) -> u32 {
        let parent = self.top().unwrap_or(NONE);
        self.tree.add(Node::new(parent, kind))
    }

    fn finish(mut self) -> Tree<'a> {
        self.tree.cut = self.open.iter().map(|open| open.id).collect();
        let problems = &mut self.tree.problems;
        if !self.open.is_empty() {
            problems.push("the document breaks off: what is whole was read".to_owned());
        }
        if self.unclosed > 0 {
            problems.push(format!("{} elements were never closed", self.unclosed));
        }
        if self.too_deep {
            problems.push(format!("nesting beyond {DEEPEST} levels was flattened"));
        }
        if self.too_many {
            problems.push("more attributes than any document needs were left out".to_owned());
        }
        self.tree
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
