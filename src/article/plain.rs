//! Cleaned HTML in, the plain text that its reader sees out. Never a mark-up of its own: no
//! footnotes for links, no drawn tables.

use crate::article::clean::SafeHtml;
use crate::article::tidy::Piece;
use crate::article::tidy::pieces;

/// What a reader sees of the HTML, as plain text: an empty line between paragraphs, a line for
/// each item of a list and each row of a table, links as their text alone.
pub fn plain_text(html: &SafeHtml) -> String {
    let mut text = Text::default();
    for piece in pieces(html.as_str()) {
        match piece {
            Piece::Text(words) => text.add(words),
            Piece::Open { name, attributes } => text.open(name, attributes),
            Piece::Close(name) => text.close(name),
        }
    }
    text.out
}

/// Plain text in the making.
#[derive(Default)]
struct Text {
    out: String,
    /// Line breaks due before the next word: 0, 1 or 2.
    breaks: usize,
    /// A space is due before the next word.
    space: bool,
    /// What stands before the next word: a bullet, a number, a dot between cells.
    mark: String,
    /// The numbering of each open list; `None` in one with bullets.
    lists: Vec<Option<i64>>,
    /// Open `pre` elements.
    verbatim: usize,
    /// The open `figure` elements.
    figures: Vec<Figure>,
}

/// A figure whose end hasn't come yet.
struct Figure {
    /// Where it begins in the text, and what is due there.
    from: usize,
    breaks: usize,
    mark: String,
    /// Whether it shows more than its caption.
    full: bool,
    /// Open captions within it.
    captions: usize,
}

impl Text {
    fn add(&mut self, escaped: &str) {
        for (number, part) in escaped.split('&').enumerate() {
            let entity = [
                ("amp;", "&"),
                ("lt;", "<"),
                ("gt;", ">"),
                ("quot;", "\""),
                ("nbsp;", " "),
            ];
            let found = entity
                .iter()
                .find_map(|(name, means)| Some((*means, part.strip_prefix(name)?)));
            match found {
                Some((means, rest)) if number > 0 => {
                    self.put(means);
                    self.put(rest);
                }
                _ => self.put(part),
            }
        }
    }

    /// Words, and the white space between them.
    fn put(&mut self, text: &str) {
        for part in text.split_inclusive(char::is_whitespace) {
            let (word, after) = part.split_at(part.trim_end().len());
            if !word.is_empty() {
                self.put_word(word);
            }
            match after {
                "" => {}
                "\n" if self.verbatim > 0 => self.line(1),
                _ => self.space = true,
            }
        }
    }

    fn put_word(&mut self, word: &str) {
        if !self.out.is_empty() {
            if self.breaks > 0 {
                self.out
                    .push_str(if self.breaks == 1 { "\n" } else { "\n\n" });
            } else if self.space {
                self.out.push(' ');
            }
        }
        for figure in &mut self.figures {
            figure.full |= figure.captions == 0;
        }
        self.out.push_str(&self.mark);
        self.mark.clear();
        (self.breaks, self.space) = (0, false);
        self.out.push_str(word);
    }

    /// The next word begins a line (1) or a paragraph (2); right after a bullet it doesn't.
    fn line(&mut self, breaks: usize) {
        if self.mark.is_empty() {
            let most = if self.lists.is_empty() { 2 } else { 1 };
            self.breaks = self.breaks.max(breaks.min(most));
        }
    }

    fn open(&mut self, name: &str, attributes: &str) {
        match name {
            "br" => self.line(1),
            "ul" | "ol" => {
                self.line(2);
                let start = attributes
                    .split("start=\"")
                    .nth(1)
                    .and_then(|v| v.split('"').next());
                let first = start.and_then(|n| n.parse().ok()).unwrap_or(1_i64);
                self.lists.push((name == "ol").then_some(first));
            }
            "li" => {
                self.mark.clear();
                self.line(1);
                let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(8));
                self.mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number = number.saturating_add(1);
                        format!("{indent}{}. ", number.saturating_sub(1))
                    }
                    _ => format!("{indent}• "),
                };
            }
            "td" | "th" if self.breaks == 0 && self.mark.is_empty() && !self.out.is_empty() => {
                self.mark.push_str("· ");
                self.space = true;
            }
            "pre" => {
                self.verbatim += 1;
                self.line(2);
            }
            "q" => self.put_word("«"),
            "figure" => {
                self.line(2);
                self.figures.push(Figure {
                    from: self.out.len(),
                    breaks: self.breaks,
                    mark: self.mark.clone(),
                    full: false,
                    captions: 0,
                });
            }
            "figcaption" => {
                self.line(1);
                self.caption(|captions| captions + 1);
            }
            _ => self.line(breaks(name)),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "ul" | "ol" => {
                self.lists.pop();
                self.mark.clear();
                self.line(2);
            }
            "pre" => {
                self.verbatim = self.verbatim.saturating_sub(1);
                self.line(2);
            }
            "q" => {
                self.space = false;
                self.put_word("»");
            }
            "tr" | "li" => {
                self.mark.clear();
                self.line(1);
            }
            "figure" => self.close_figure(),
            "figcaption" => {
                self.line(1);
                self.caption(|captions| captions.saturating_sub(1));
            }
            _ => self.line(breaks(name)),
        }
    }
}

impl Text {
    fn caption(&mut self, change: impl Fn(usize) -> usize) {
        for figure in &mut self.figures {
            figure.captions = change(figure.captions);
        }
    }

    /// A caption without what it's about tells nothing: a text shows no pictures.
    fn close_figure(&mut self) {
        if let Some(figure) = self.figures.pop().filter(|figure| !figure.full) {
            self.out.truncate(figure.from);
            (self.breaks, self.mark) = (figure.breaks, figure.mark);
        }
        self.line(2);
    }
}

/// The line breaks around an element.
fn breaks(name: &str) -> usize {
    match name {
        "p" | "div" | "blockquote" | "figure" | "table" | "dl" | "hr" | "details" | "h1" | "h2"
        | "h3" | "h4" | "h5" | "h6" => 2,
        "li" | "tr" | "dt" | "dd" | "figcaption" | "caption" | "summary" => 1,
        _ => 0,
    }
}
