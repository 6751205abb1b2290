//! Text that means to be XML in, a tree of elements with meanings for namespaces out.
//!
//! The tree is an arena in document order; walking it never recurses. It is made for documents
//! of strangers: see [`scan`] for what is repaired and [`grow`] for the limits. There is no
//! "ill-formed" here; what is no XML at all gives a tree without elements.

mod grow;
pub(crate) mod scan;
mod space;

use std::borrow::Cow;
use std::ops::Range;

use url::Url;

pub(crate) use space::Space;

/// No node.
const NONE: u32 = u32::MAX;

/// A document.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    attributes: Vec<Attribute<'a>>,
    /// The elements that the document's end cut short, outermost first.
    cut: Vec<u32>,
    /// What was repaired or left out, in words.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug)]
struct Node<'a> {
    parent: u32,
    first: u32,
    last: u32,
    next: u32,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Element {
        space: Space,
        /// Without prefix, lower case.
        name: Cow<'a, str>,
        attributes: Range<usize>,
    },
    Text(Cow<'a, str>),
}

#[derive(Debug)]
struct Attribute<'a> {
    space: Space,
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl<'a> Node<'a> {
    fn new(parent: u32, kind: Kind<'a>) -> Self {
        Self {
            parent,
            first: NONE,
            last: NONE,
            next: NONE,
            kind,
        }
    }
}

impl<'a> Tree<'a> {
    /// Reads a document.
    pub(crate) fn read(text: &'a str) -> Self {
        grow::grow(text)
    }

    fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            attributes: Vec::new(),
            cut: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// All elements, in document order.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        (0..).zip(&self.nodes).filter_map(|(id, node)| {
            let element = Element { tree: self, id };
            matches!(node.kind, Kind::Element { .. }).then_some(element)
        })
    }

    fn node(&self, id: u32) -> Option<&Node<'a>> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn kind(&self, id: u32) -> Option<&Kind<'a>> {
        self.node(id).map(|node| &node.kind)
    }

    fn node_mut(&mut self, id: u32) -> Option<&mut Node<'a>> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    fn kind_mut(&mut self, id: u32) -> Option<&mut Kind<'a>> {
        self.node_mut(id).map(|node| &mut node.kind)
    }

    fn last_of(&self, id: u32) -> Option<u32> {
        self.node(id).map(|node| node.last).filter(|id| *id != NONE)
    }

    /// Adds a node as its parent's last. There are never `u32::MAX` of them.
    fn add(&mut self, node: Node<'a>) -> u32 {
        let id = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let parent = node.parent;
        self.nodes.push(node);
        let Some(parent) = self.node_mut(parent) else {
            return id;
        };
        let before = std::mem::replace(&mut parent.last, id);
        if before == NONE {
            parent.first = id;
        } else if let Some(before) = self.node_mut(before) {
            before.next = id;
        }
        id
    }
}

/// An element of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'t> {
    tree: &'t Tree<'t>,
    id: u32,
}

impl<'t> Element<'t> {
    fn node(self) -> Option<&'t Node<'t>> {
        self.tree.node(self.id)
    }

    fn of(tree: &'t Tree<'t>, id: u32) -> Option<Self> {
        matches!(tree.kind(id)?, Kind::Element { .. }).then_some(Self { tree, id })
    }

    /// Name without prefix, lower case.
    pub(crate) fn name(self) -> &'t str {
        match self.node().map(|node| &node.kind) {
            Some(Kind::Element { name, .. }) => name,
            _ => "",
        }
    }

    /// What its namespace means.
    pub(crate) fn space(self) -> Space {
        match self.node().map(|node| &node.kind) {
            Some(Kind::Element { space, .. }) => *space,
            _ => Space::Other,
        }
    }

    /// Whether it is that element.
    pub(crate) fn is(self, space: Space, name: &str) -> bool {
        self.space() == space && self.name() == name
    }

    /// Whether the document goes on after it: if not, half of it may be missing.
    pub(crate) fn is_whole(self) -> bool {
        !self.tree.cut.contains(&self.id)
    }

    /// The element around it.
    pub(crate) fn parent(self) -> Option<Self> {
        Self::of(self.tree, self.node()?.parent)
    }

    /// Itself, the element around it, and so on to the root.
    pub(crate) fn path(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |element| element.parent())
    }

    fn nodes(self) -> impl Iterator<Item = u32> {
        let first = self.node().map(|node| node.first);
        let present = |id: &u32| *id != NONE;
        std::iter::successors(first.filter(present), move |id| {
            self.tree.node(*id).map(|node| node.next).filter(present)
        })
    }

    /// The elements directly within.
    pub(crate) fn children(self) -> impl Iterator<Item = Self> {
        self.nodes().filter_map(move |id| Self::of(self.tree, id))
    }

    /// The elements of that name directly within.
    pub(crate) fn all(self, space: Space, name: &'static str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.is(space, name))
    }

    /// The first of them.
    pub(crate) fn child(self, space: Space, name: &'static str) -> Option<Self> {
        self.all(space, name).next()
    }

    /// An attribute without prefix.
    pub(crate) fn attribute(self, name: &str) -> Option<&'t str> {
        self.attribute_in(Space::Feed, name)
    }

    /// An attribute of a namespace.
    pub(crate) fn attribute_in(self, space: Space, name: &str) -> Option<&'t str> {
        let found = |attribute: &&Attribute<'_>| attribute.space == space && attribute.name == name;
        let attribute = self.attributes().iter().find(found)?;
        Some(attribute.value.trim())
    }

    fn attributes(self) -> &'t [Attribute<'t>] {
        match self.node().map(|node| &node.kind) {
            Some(Kind::Element { attributes, .. }) => {
                let range = attributes.clone();
                self.tree.attributes.get(range).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// Everything within, in document order: the nodes, and for elements their ends too.
    fn walk(self) -> impl Iterator<Item = Step<'t>> {
        let tree = self.tree;
        let top = self.id;
        let mut next = self.node().and_then(|node| entered(tree, node.first));
        std::iter::from_fn(move || {
            let step = next.take()?;
            next = match step {
                Step::Into(element) => {
                    let first = element.node().map_or(NONE, |node| node.first);
                    entered(tree, first).or(Some(Step::OutOf(element)))
                }
                Step::Text(id, _) | Step::OutOf(Element { id, .. }) => after(tree, id, top),
            };
            Some(step)
        })
    }

    /// All text within, tags left out.
    pub(crate) fn text(self) -> Cow<'t, str> {
        let mut texts = self.walk().filter_map(|step| match step {
            Step::Text(_, text) => Some(text),
            _ => None,
        });
        let first = texts.next().unwrap_or_default();
        let mut all = Cow::Borrowed(first);
        for text in texts {
            all.to_mut().push_str(text);
        }
        all
    }

    /// Whether there are elements within.
    pub(crate) fn has_markup(self) -> bool {
        self.children().next().is_some()
    }

    /// What is within as HTML: names without prefixes, text escaped.
    pub(crate) fn inner_html(self) -> String {
        let mut html = String::new();
        for step in self.walk() {
            match step {
                Step::Text(_, text) => escape(text, &mut html),
                Step::Into(element) => element.start_tag(&mut html),
                Step::OutOf(element) if VOID.contains(&element.name()) => {}
                Step::OutOf(element) => {
                    html.push_str("</");
                    html.push_str(element.name());
                    html.push('>');
                }
            }
        }
        html
    }

    fn start_tag(self, html: &mut String) {
        html.push('<');
        html.push_str(self.name());
        for attribute in self.attributes() {
            if attribute.space == Space::Feed && attribute.name != "xmlns" {
                html.push(' ');
                html.push_str(&attribute.name);
                html.push_str("=\"");
                escape(&attribute.value, html);
                html.push('"');
            }
        }
        html.push('>');
    }

    /// The address that relative ones within are resolved by: `xml:base`, from the root inwards.
    pub(crate) fn base(self, document: Option<&Url>) -> Option<Url> {
        let written: Vec<&str> = self
            .path()
            .filter_map(|element| element.attribute_in(Space::Xml, "base"))
            .collect();
        let mut base = document.cloned();
        for part in written.iter().rev() {
            base = resolved(part, base.as_ref()).or(base);
        }
        base
    }

    /// The nearest `xml:lang`.
    pub(crate) fn language(self) -> Option<&'t str> {
        self.path()
            .find_map(|element| element.attribute_in(Space::Xml, "lang"))
    }
}

/// An address by itself, or by a base.
pub(crate) fn resolved(address: &str, base: Option<&Url>) -> Option<Url> {
    match base {
        Some(base) => base.join(address).ok(),
        None => Url::parse(address).ok(),
    }
}

enum Step<'t> {
    Into(Element<'t>),
    Text(u32, &'t str),
    OutOf(Element<'t>),
}

fn entered<'t>(tree: &'t Tree<'t>, id: u32) -> Option<Step<'t>> {
    match &tree.node(id)?.kind {
        Kind::Text(text) => Some(Step::Text(id, text)),
        Kind::Element { .. } => Some(Step::Into(Element { tree, id })),
    }
}

fn after<'t>(tree: &'t Tree<'t>, id: u32, top: u32) -> Option<Step<'t>> {
    let node = tree.node(id)?;
    entered(tree, node.next).or_else(|| {
        let parent = Element::of(tree, node.parent)?;
        (parent.id != top).then_some(Step::OutOf(parent))
    })
}

/// HTML's elements without an end tag.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Appends text so that HTML reads it as it is.
pub(crate) fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(c),
        }
    }
}
