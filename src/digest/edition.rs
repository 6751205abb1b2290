//! An edition's marks: where a reader's own links go, put in once when the edition is rendered,
//! replaced in each letter. So a digest to a hundred thousand is rendered once for each set of
//! articles and language.

use std::borrow::Cow;

/// What all marks begin with.
const MARK: &str = "VISNYKmark";
/// Stands for the page with the button that ends the subscription.
pub const LEAVE: &str = "VISNYKmarkLEAVE";
/// Stands for the page of the reader's choices.
pub const PREFERENCES: &str = "VISNYKmarkPREFERENCES";
/// Stands for the reader's address.
pub const ADDRESS: &str = "VISNYKmarkADDRESS";

/// What goes where the marks are.
#[derive(Debug, Clone)]
pub struct Own<'a> {
    /// The leave page.
    pub leave: &'a str,
    /// The page of choices.
    pub preferences: &'a str,
    /// The address.
    pub address: &'a str,
}

/// What a part of a letter is written in: how a reader's own words are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Element content and double-quoted attributes.
    Html,
    /// Nothing is special.
    Text,
}

/// The part with the reader's own words in place of the marks.
pub fn splice(part: &str, own: &Own<'_>, markup: Markup) -> String {
    let mut spliced = Vec::with_capacity(part.len() + 512);
    splice_into(part, own, markup, &mut spliced);
    String::from_utf8(spliced).unwrap_or_default()
}

/// The same, after what is already in `out`.
pub fn splice_into(part: &str, own: &Own<'_>, markup: Markup, out: &mut Vec<u8>) {
    let mut rest = part;
    while let Some((before, mark, after)) = next_mark(rest) {
        out.extend_from_slice(before.as_bytes());
        let word = match mark {
            LEAVE => own.leave,
            PREFERENCES => own.preferences,
            _ => own.address,
        };
        match markup {
            Markup::Html => out.extend_from_slice(escaped(word).as_bytes()),
            Markup::Text => out.extend_from_slice(word.as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
}

/// What every reader gets the same, and the rest, which begins with the first mark.
pub fn at_first_mark(part: &str) -> (&str, &str) {
    let before = next_mark(part).map_or(part, |(before, ..)| before);
    part.split_at_checked(before.len()).unwrap_or((part, ""))
}

fn next_mark(text: &str) -> Option<(&str, &'static str, &str)> {
    // All marks begin alike, so the text is searched once.
    for (at, _) in text.match_indices(MARK) {
        let (before, from) = text.split_at_checked(at)?;
        let mark = [LEAVE, PREFERENCES, ADDRESS]
            .into_iter()
            .find_map(|mark| Some((mark, from.strip_prefix(mark)?)));
        if let Some((mark, after)) = mark {
            return Some((before, mark, after));
        }
    }
    None
}

/// As whoever writes out a document does it whose attributes are all in double quotes.
fn escaped(word: &str) -> Cow<'_, str> {
    if !word.contains(['&', '<', '>', '"']) {
        return Cow::Borrowed(word);
    }
    let escape = |letter| match letter {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        other => Cow::Owned(String::from(other)),
    };
    Cow::Owned(word.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_replaced_and_escaped_for_its_place() {
        let own = Own {
            leave: "https://x/leave/1",
            preferences: "https://x/p?a&b",
            address: "a'b@example.org",
        };
        let part = format!("<a href=\"{LEAVE}\">{ADDRESS}</a> {PREFERENCES} {LEAVE}");
        assert_eq!(
            splice(&part, &own, Markup::Html),
            "<a href=\"https://x/leave/1\">a'b@example.org</a> https://x/p?a&amp;b https://x/leave/1"
        );
        assert_eq!(splice(ADDRESS, &own, Markup::Text), "a'b@example.org");
        assert_eq!(splice("без міток", &own, Markup::Text), "без міток");
    }
}
