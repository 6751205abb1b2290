//! What must hold for any bytes, beside that nothing panics: one function for each reader of strangers.

use chrono_tz::Tz;
use url::Url;
use visnyk::article::clean::clean;
use visnyk::article::clean::plain_text;
use visnyk::article::date;
use visnyk::clock::Stamp;
use visnyk::source::Reading;
use visnyk::source::Selectors;
use visnyk::source::SourceKind;
use visnyk::source::decode;
use visnyk::source::read;

/// 26 June 2023, 17:07 in Kyiv.
const NOW: Stamp = Stamp(1_687_788_420_000);

/// Bytes in some charset: the first line is the HTTP header.
pub fn decode(bytes: &[u8]) {
    let (header, body) = first_line(bytes);
    let decoded = decode::decode(body, Some(&header));
    let control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    assert!(!decoded.text.contains(control), "{:?}", decoded.text);
    assert!(!decoded.charset.is_empty());
}

/// A feed.
pub fn syndication(bytes: &[u8]) {
    read_as(SourceKind::Feed, &Selectors::default(), bytes);
}

/// A page with articles on it: the first line says where they stand.
pub fn listing(bytes: &[u8]) {
    let (css, body) = first_line(bytes);
    let selectors = Selectors {
        item: (!css.trim().is_empty()).then_some(css),
        ..Selectors::default()
    };
    read_as(SourceKind::Listing, &selectors, body);
}

/// An article's page.
pub fn page(bytes: &[u8]) {
    read_as(SourceKind::Page, &Selectors::default(), bytes);
}

/// A date in words.
pub fn date(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(found) = date::read(&text, Tz::Europe__Kyiv, NOW) {
        let written = found.to_rfc3339();
        let again = date::read(&written, Tz::Europe__Kyiv, NOW);
        assert_eq!(again, Some(found), "{text:?} was read as {written}");
    }
}

/// HTML for our pages and letters.
pub fn cleaner(bytes: &[u8]) {
    let html = String::from_utf8_lossy(bytes);
    let base = Url::parse("https://example.org/news/1").ok();
    let cleaned = clean(&html, base.as_ref());
    harmless(cleaned.as_str());
    assert_eq!(clean(cleaned.as_str(), None), cleaned, "{html:?}");
    let text = plain_text(&cleaned);
    assert!(!text.contains('\0'), "{html:?}");
}

fn read_as(kind: SourceKind, selectors: &Selectors, bytes: &[u8]) {
    let base = Url::parse("https://example.org/news").ok();
    let document = read::Document {
        bytes,
        content_type: None,
        base: base.as_ref(),
    };
    let how = read::How {
        kind,
        selectors,
        zone: Tz::Europe__Kyiv,
        now: NOW,
    };
    sound(&read::read(&document, &how));
}

fn sound(reading: &Reading) {
    assert!(reading.kind.is_some() || reading.drafts.is_empty());
    assert!(reading.problems.len() <= 30, "{:?}", reading.problems);
    for draft in &reading.drafts {
        assert!(draft.title.chars().count() <= 500, "{:?}", draft.title);
        assert!(!draft.title.contains(char::is_control), "{:?}", draft.title);
        harmless(draft.html.as_str());
        assert_eq!(clean(draft.html.as_str(), None), draft.html);
        let media = draft.media.iter().map(|media| media.url.as_str());
        for address in draft.url.iter().map(String::as_str).chain(media) {
            let parsed = Url::parse(address).map(|url| url.scheme().to_owned());
            assert!(
                matches!(parsed.as_deref(), Ok("http" | "https")),
                "{address:?}"
            );
        }
    }
}

/// No tag that runs, frames or loads; no attribute that runs. Text and values hold no `<`.
fn harmless(html: &str) {
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let bad = [
            "script", "style", "iframe", "svg", "math", "form", "object", "base", "meta", "link",
        ];
        assert!(!bad.contains(&name), "{html:?}");
        let attributes: Vec<&str> = tag.split('"').collect();
        for pair in attributes.chunks_exact(2) {
            let name = pair[0].split(' ').next_back().unwrap_or_default();
            assert!(
                !name.starts_with("on") && !name.starts_with("style"),
                "{html:?}"
            );
            let runs = matches!(name, "href=" | "src=" | "cite=")
                && pair[1].trim().starts_with("javascript:");
            assert!(!runs, "{html:?}");
        }
    }
}

fn first_line(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, rest) = bytes.split_at(end.unwrap_or(0));
    (
        String::from_utf8_lossy(line).into_owned(),
        rest.strip_prefix(b"\n").unwrap_or(rest),
    )
}
