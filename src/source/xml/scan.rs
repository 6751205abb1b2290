//! Text that means to be XML in, tokens out, whatever the text holds.
//!
//! One pass, each byte looked at a fixed number of times. What can't be markup is text: a `<`
//! before a blank, an `&` that names nothing. A tag that lacks its `>` or a quote ends where the
//! next begins; what a document's end cuts short ends there. Document types are skipped, never
//! read: nobody's entities are expanded. Strict parsers refuse all of that and lose the feed.

use std::borrow::Cow;

use markup5ever::data::C1_REPLACEMENTS;
use markup5ever::data::NAMED_ENTITIES;

/// A piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `<name …>`.
    Open {
        /// With its prefix, as written.
        name: &'a str,
        /// The name and what follows it within the tag.
        inside: &'a str,
        /// `<name …/>`.
        empty: bool,
    },
    /// `</name>`.
    Close(&'a str),
    /// Character data, references unresolved.
    Text(&'a str),
    /// Character data from a CDATA section, to be taken as it is.
    Verbatim(&'a str),
}

/// Reads tokens from the front of a text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    rest: &'a str,
    /// Ends that were looked for in vain, and so are nowhere in the rest: looking again for
    /// each start would take the square of the document's length.
    missing: [bool; 4],
}

/// What ends a comment, an instruction, a CDATA section, a document type's inner part.
const ENDS: [&str; 4] = ["-->", "?>", "]]>", "]"];

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            missing: [false; 4],
        }
    }

    /// Takes `length` bytes from the front. All lengths here end at ASCII or at the end.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Takes up to and with the `which` of [`ENDS`]; `None` if it never comes.
    fn take_past(&mut self, which: usize) -> Option<&'a str> {
        let end = ENDS.get(which)?;
        let missing = self.missing.get_mut(which)?;
        if *missing {
            return None;
        }
        let Some(at) = self.rest.find(end) else {
            *missing = true;
            return None;
        };
        let inside = self.take(at);
        self.take(end.len());
        Some(inside)
    }

    /// Text up to the next `<`, which may itself begin with one that is no markup.
    fn text(&mut self) -> Token<'a> {
        let length = self
            .rest
            .char_indices()
            .nth(1)
            .map_or(self.rest.len(), |(second, _)| {
                let after = self.rest.get(second..).unwrap_or_default();
                after.find('<').map_or(self.rest.len(), |at| second + at)
            });
        Token::Text(self.take(length))
    }

    /// Skips `<!…>`, or gives a CDATA section.
    fn declaration(&mut self) -> Option<Token<'a>> {
        if self.rest.starts_with("<!--") {
            self.take(4);
            self.take_past(0);
        } else if self.rest.starts_with("<![CDATA[") {
            self.take(9);
            let inside = self.take_past(2);
            return Some(Token::Verbatim(
                inside.unwrap_or_else(|| self.take(self.rest.len())),
            ));
        } else {
            let stop = self.rest.find(['[', '>']).unwrap_or(self.rest.len());
            if self.take(stop).len() < 200 && self.rest.starts_with('[') {
                self.inner_doctype();
            }
            let close = self.rest.find(['>', '<']).unwrap_or(self.rest.len());
            self.take(close);
            if self.rest.starts_with('>') {
                self.take(1);
            }
        }
        None
    }

    /// Skips `[ … ]`, up to the bracket that closes the document type.
    fn inner_doctype(&mut self) {
        while self.take_past(3).is_some() {
            if self.rest.trim_start().starts_with('>') {
                return;
            }
        }
    }

    /// Skips `<?…?>`; one that never ends so is taken to end at its `>`.
    fn instruction(&mut self) {
        self.take(2);
        if self.take_past(1).is_none() {
            let close = self.rest.find('>').map_or(self.rest.len(), |at| at + 1);
            self.take(close);
        }
    }

    fn close(&mut self) -> Token<'a> {
        self.take(2);
        let end = self.rest.find(['>', '<']).unwrap_or(self.rest.len());
        let inside = self.take(end);
        if self.rest.starts_with('>') {
            self.take(1);
        }
        Token::Close(inside.split_whitespace().next().unwrap_or_default())
    }

    fn open(&mut self) -> Token<'a> {
        self.take(1);
        let inside = self.take(tag_length(self.rest));
        if self.rest.starts_with('>') {
            self.take(1);
        }
        let (inside, empty) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let ends = |c: char| c.is_whitespace() || c == '/';
        let name = inside.split(ends).next().unwrap_or_default();
        Token::Open {
            name,
            inside,
            empty,
        }
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let mut start = self.rest.chars();
            match (start.next()?, start.next(), start.next()) {
                ('<', Some('!'), _) => {
                    if let Some(token) = self.declaration() {
                        return Some(token);
                    }
                }
                ('<', Some('?'), _) => self.instruction(),
                ('<', Some('/'), Some(c)) if starts_name(c) => return Some(self.close()),
                ('<', Some(c), _) if starts_name(c) => return Some(self.open()),
                _ => return Some(self.text()),
            }
        }
    }
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// The length of a tag whose `<` is gone, up to its `>`, or up to where it must have been.
fn tag_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut after_equals = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'>' | b'<' => return at,
            b'"' | b'\'' if after_equals => match value_length(bytes.get(at + 1..), *byte) {
                Ok(length) => at += length + 1,
                Err(length) => return at + 1 + length,
            },
            _ => {}
        }
        after_equals = *byte == b'=' || (after_equals && byte.is_ascii_whitespace());
        at += 1;
    }
    bytes.len()
}

/// The length of a quoted value; `Err` is where the tag ends, if the closing quote was forgotten:
/// then a `>` stands before the next tag's `<`.
fn value_length(bytes: Option<&[u8]>, quote: u8) -> Result<usize, usize> {
    let bytes = bytes.unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == quote);
    let value = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let tag = value.iter().position(|byte| matches!(byte, b'<' | b'>'));
    match (end, tag.map(|at| (at, value.get(at)))) {
        (Some(_), Some((at, Some(b'>')))) if value.contains(&b'<') => Err(at),
        (Some(end), _) => Ok(end),
        (None, Some((at, _))) => Err(at),
        (None, None) => Err(bytes.len()),
    }
}

/// Resolves character references, and those entities that HTML names. Others stay as they are.
pub(crate) fn resolve(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split('&');
    let mut out = String::with_capacity(text.len());
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let named = piece
            .split_once(';')
            .and_then(|(name, after)| Some((reference(name)?, after)));
        if let Some((found, after)) = named {
            out.extend(found.into_iter().flatten());
            out.push_str(after);
        } else {
            out.push('&');
            out.push_str(piece);
        }
    }
    Cow::Owned(out)
}

/// What `&name;` stands for. A number that is no character stands for nothing.
fn reference(name: &str) -> Option<[Option<char>; 2]> {
    if name.len() > 32 {
        return None;
    }
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return Some([numbered(code.ok()?), None]);
    }
    let mut key = String::with_capacity(name.len() + 1);
    key.push_str(name);
    key.push(';');
    let (first, second) = NAMED_ENTITIES.get(key.as_str())?;
    let second = char::from_u32(*second).filter(|c| *c != '\0');
    Some([Some(char::from_u32(*first)?), second])
}

/// A numbered character that XML allows; 128 to 159 are meant as windows-1252, as in HTML.
fn numbered(code: u32) -> Option<char> {
    match code {
        0x09 | 0x0A | 0x0D => char::from_u32(code),
        0..0x20 | 0xFFFE | 0xFFFF => None,
        0x80..=0x9F => *C1_REPLACEMENTS.get(usize::try_from(code - 0x80).ok()?)?,
        _ => char::from_u32(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let show = |token| match token {
            Token::Open {
                inside,
                empty: true,
                ..
            } => format!("<{inside}/>"),
            Token::Open { inside, .. } => format!("<{inside}>"),
            Token::Close(name) => format!("</{name}>"),
            Token::Text(text) => resolve(text).into_owned(),
            Token::Verbatim(text) => format!("={text}"),
        };
        Scanner::new(text).map(show).collect()
    }

    #[test]
    fn sound_xml_is_taken_apart() {
        assert_eq!(
            tokens("<?xml version='1.0'?><!-- < --><a b='>'>x<c/>&amp;<![CDATA[<d>]]></a >"),
            ["<a b='>'>", "x", "<c/>", "&", "=<d>", "</a>"]
        );
    }

    #[test]
    fn what_is_no_markup_is_text() {
        assert_eq!(
            tokens("<a>1 < 2 & 3 <= 4 <</a>"),
            ["<a>", "1 ", "< 2 & 3 ", "<= 4 ", "<", "</a>"]
        );
    }

    #[test]
    fn tags_without_their_end_stop_at_the_next() {
        assert_eq!(
            tokens("<a <b>x</b </a"),
            ["<a >", "<b>", "x", "</b>", "</a>"]
        );
        assert_eq!(
            tokens("<a url=\"x>  <b c=\"d\">"),
            ["<a url=\"x>", "  ", "<b c=\"d\">"]
        );
        assert_eq!(tokens("<a b='<i>'>"), ["<a b='<i>'>"]);
        assert_eq!(tokens("<a><![CDATA[x"), ["<a>", "=x"]);
        assert_eq!(tokens("<!-- <a>x"), [" ", "<a>", "x"]);
    }

    #[test]
    fn document_types_are_skipped_whole() {
        assert_eq!(
            tokens("<!DOCTYPE a [<!ENTITY b \"]x\"> <!ENTITY c '&b;&b;'>] ><a>&c;</a>"),
            ["<a>", "&c;", "</a>"]
        );
        assert_eq!(tokens("<!DOCTYPE html><a>"), ["<a>"]);
    }

    #[test]
    fn references_are_resolved_and_bare_ampersands_kept() {
        assert_eq!(
            resolve("&lt;&#1111;&#x457;&nbsp;&mdash;&hellip;"),
            "<її\u{a0}—…"
        );
        assert_eq!(
            resolve("AT&T; R&D &nosuch; &#150;&#xD800;"),
            "AT&T; R&D &nosuch; –"
        );
        assert_eq!(resolve("a&#0;&#8;b"), "ab");
    }
}
