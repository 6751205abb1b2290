//! Addresses as feeds write them in, absolute http(s) addresses out.

use url::Url;

use crate::source::problems::quote;
use crate::source::xml::resolved;

/// Bytes of an address: what browsers and servers still take.
const LONGEST: usize = 8192;

/// The absolute address, by `base` if it is relative. `Err` says what is wrong with it.
pub(crate) fn address(text: &str, base: Option<&Url>) -> Result<String, String> {
    let text = text.trim();
    let got = || quote(text);
    if text.len() > LONGEST {
        let length = text.len();
        return Err(format!(
            "expected an address of at most {LONGEST} bytes, but got {length}"
        ));
    }
    match resolved(text, base) {
        Some(url) if !matches!(url.scheme(), "http" | "https") => Err(format!(
            "expected an http or https address, but got {}",
            got()
        )),
        Some(url) => Ok(url.into()),
        None if base.is_none() => Err(format!(
            "{} is no whole address, and the document's own isn't known",
            got()
        )),
        None => Err(format!("expected an address, but got {}", got())),
    }
}

/// The text, if it is an http(s) address by itself.
pub(crate) fn absolute(text: &str) -> Option<String> {
    address(text, None).ok()
}

/// A BCP 47 tag, if the text has the shape of one.
pub(crate) fn language(text: &str) -> Option<String> {
    let tag = text.trim().replace('_', "-");
    let (primary, _) = tag.split_once('-').unwrap_or((&tag, ""));
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let sound = (2..=8).contains(&primary.len())
        && primary.chars().all(|c| c.is_ascii_alphabetic())
        && tag.len() <= 35
        && tag.chars().all(allowed);
    sound.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_made_whole_or_refused() {
        let base = Url::parse("https://example.org/news/feed.xml").unwrap();
        assert_eq!(
            address(" ../a?b=в ", Some(&base)).unwrap(),
            "https://example.org/a?b=%D0%B2"
        );
        assert_eq!(
            address("javascript:alert(1)", Some(&base)).unwrap_err(),
            "expected an http or https address, but got `javascript:alert(1)`"
        );
        assert!(address("/a", None).unwrap_err().contains("isn't known"));
    }

    #[test]
    fn language_tags_have_a_shape() {
        assert_eq!(language("uk_UA"), Some("uk-UA".to_owned()));
        assert_eq!(language("українська"), None);
        assert_eq!(language(""), None);
    }
}
