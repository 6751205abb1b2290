//! Strings of any kind in, strings that every feed format may hold out: the XML 1.0 character
//! filter, addresses in ASCII, language tags. The one place where this is done.

use std::borrow::Cow;

use url::Position;
use url::Url;

use crate::article::Topic;

/// The text without the characters that XML 1.0 forbids (§2.2), C1 controls and noncharacters,
/// which readers take for a broken charset. For the same reason U+FFFD becomes a question mark:
/// it says no more than that something was lost.
pub(super) fn legal(text: &str) -> String {
    text.chars()
        .filter(|&c| is_legal(c))
        .map(|c| if c == '\u{FFFD}' { '?' } else { c })
        .collect()
}

fn is_legal(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n');
    let noncharacter = u32::from(c) & 0xFFFE == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&c);
    !control && !noncharacter
}

/// The text on one line.
pub(super) fn one_line(text: &str) -> String {
    // The filter goes first: what it takes away may stand between spaces.
    let text = legal(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// A topic whose name can be shown.
pub(super) fn topic(topic: &Topic) -> Topic {
    let name = Some(one_line(&topic.name)).filter(|name| !name.is_empty());
    Topic {
        kind: topic.kind,
        slug: legal(&topic.slug),
        name: name.unwrap_or_else(|| legal(&topic.slug)),
    }
}

/// The text for a place where the format can't say that it isn't HTML, and where half the readers
/// take it for that. What looks like a tag gets the quotation marks ‹ and ›; an ampersand that
/// seems to begin a reference is parted from it by an invisible word joiner.
pub(super) fn words(text: &str) -> String {
    let text = legal(text);
    let text = if has_tag(&text) {
        text.replace('<', "‹").replace('>', "›")
    } else {
        text
    };
    let mut parts = text.split('&');
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        words.push('&');
        if begins_reference(part) {
            words.push('\u{2060}');
        }
        words.push_str(part);
    }
    words
}

/// Whether a reader might take the text for HTML.
pub(super) fn looks_like_html(text: &str) -> bool {
    has_tag(text) || text.split('&').skip(1).any(begins_reference)
}

fn has_tag(text: &str) -> bool {
    let mut after = text.split('<').skip(1);
    after.any(|after| after.starts_with(begins_tag))
}

fn begins_tag(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '/' | '!' | '?')
}

/// `R&D` and `Q & A` are left alone.
fn begins_reference(after_ampersand: &str) -> bool {
    let name_ends = after_ampersand.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    name_ends.starts_with(|c: char| c == '#' || c == ';' || c == '_' || c.is_alphanumeric())
}

/// The address as RFC 3986 has it: ASCII, absolute, http(s). `None` if it is no such thing.
pub(super) fn address(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let origin = &url[..Position::BeforePath];
    let rest: String = url[Position::BeforePath..].chars().map(escaped).collect();
    matches!(url.scheme(), "http" | "https").then(|| format!("{origin}{rest}"))
}

/// The WHATWG parser leaves some characters that RFC 3986 doesn't know.
fn escaped(c: char) -> Cow<'static, str> {
    match c {
        '[' => "%5B".into(),
        '\\' => "%5C".into(),
        ']' => "%5D".into(),
        '^' => "%5E".into(),
        '`' => "%60".into(),
        '{' => "%7B".into(),
        '|' => "%7C".into(),
        '}' => "%7D".into(),
        c => c.to_string().into(),
    }
}

/// A MIME type without parameters, in lower case. `None` if it isn't one.
pub(super) fn mime(text: &str) -> Option<String> {
    let essence = text.split(';').next()?.trim().to_ascii_lowercase();
    let token = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        !part.is_empty() && part.chars().all(allowed)
    };
    let (kind, subtype) = essence.split_once('/')?;
    (token(kind) && token(subtype)).then_some(essence)
}

/// A BCP 47 tag by its outer form. `None` if it can't be one.
pub(super) fn language(text: &str) -> Option<String> {
    let subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    text.split('-').all(subtag).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_what_xml_forbids_and_keeps_the_rest() {
        let nasty = "a\0\u{8}\u{B}\u{1F}\u{7F}\u{85}\u{FFFE}\u{FFFF}\u{FDD0}b\t\nї 🌻";
        assert_eq!(legal(nasty), "ab\t\nї 🌻");
        assert_eq!(legal("до\u{FFFD}я"), "до?я");
    }

    #[test]
    fn words_are_taken_for_no_html() {
        assert_eq!(words("List<String> </b>"), "List‹String› ‹/b›");
        assert_eq!(words("5 < 6 & 7 > 2, R&D, Q&A"), "5 < 6 & 7 > 2, R&D, Q&A");
        assert_eq!(
            words("AT&amp;T &#x3C; &1"),
            "AT&\u{2060}amp;T &\u{2060}#x3C; &\u{2060}1"
        );
    }

    #[test]
    fn addresses_become_ascii() {
        let ascii = address("http://новини.укр/стаття?q=[а]|{б}#^").unwrap();
        assert!(
            ascii.is_ascii() && !ascii.contains(['[', '|', '{', '^']),
            "{ascii}"
        );
        assert!(ascii.starts_with("http://xn--"));
        assert_eq!(
            address("http://[::1]:80/a").as_deref(),
            Some("http://[::1]/a")
        );
    }

    #[test]
    fn what_is_no_web_address_is_none() {
        for text in [
            "",
            "/a",
            "javascript:alert(1)",
            "data:,a",
            "mailto:a@b.c",
            "http://",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn types_and_languages_are_checked_by_form() {
        assert_eq!(mime("Image/JPEG; q=1").as_deref(), Some("image/jpeg"));
        assert_eq!(mime("jpeg"), None);
        assert_eq!(mime("image/"), None);
        assert_eq!(language("uk-UA").as_deref(), Some("uk-UA"));
        assert_eq!(language("українська"), None);
        assert_eq!(language(""), None);
    }
}
