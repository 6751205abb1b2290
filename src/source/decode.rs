//! A stranger's bytes in, text out, with the name of the character set that fits them.
//!
//! Evidence is asked in the order of its worth: byte order mark, the zero bytes of UTF-16, text
//! that can only be UTF-8, the HTTP header, the document's own declaration, and at last a
//! statistical guess that knows Cyrillic. A declaration that the bytes contradict is refused and
//! named. Control characters, which neither XML nor HTML allows, are taken out. Never fails: what
//! fits nothing is decoded with U+FFFD for what can't be read.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A document as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Without byte order mark and control characters.
    pub text: String,
    /// As the WHATWG Encoding Standard names it, e.g. `windows-1251`; `UTF-32LE` and `UTF-32BE`
    /// beside it.
    pub charset: &'static str,
    /// What was refused or repaired, in words.
    pub problems: Vec<String>,
}

/// How far into a document its own declaration is looked for, in bytes.
const DECLARATION_WITHIN: usize = 4096;

/// Decodes a document. `content_type` is the HTTP header's value, e.g. `text/xml; charset=koi8-u`.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> Decoded {
    let mut problems = Vec::new();
    let (text, charset) = if let Some((text, name)) = utf32(bytes) {
        (Cow::Owned(text), name)
    } else {
        let (encoding, skip) = choose(bytes, content_type, &mut problems);
        let rest = bytes.get(skip..).unwrap_or_default();
        let (text, broken) = encoding.decode_without_bom_handling(rest);
        if broken {
            problems.push(format!("some bytes are no {}", encoding.name()));
        }
        (text, encoding.name())
    };
    let text = without_controls(text, &mut problems);
    Decoded {
        text,
        charset,
        problems,
    }
}

/// The encoding, and the length of the byte order mark.
fn choose(
    bytes: &[u8],
    content_type: Option<&str>,
    problems: &mut Vec<String>,
) -> (&'static Encoding, usize) {
    if let Some(found) = Encoding::for_bom(bytes) {
        return found;
    }
    if let Some(encoding) = bare_utf16(bytes) {
        return (encoding, 0);
    }
    let header = content_type.and_then(charset_of);
    let declared = declaration(bytes);
    let claims = [
        (header.as_deref(), "the HTTP header"),
        (declared.as_deref(), "the document"),
    ];
    let known = claims.map(|(label, who)| (label.and_then(known), who));
    for ((label, who), (encoding, _)) in claims.iter().zip(&known) {
        if let (Some(label), None) = (label, encoding) {
            problems.push(format!("{who} names an unknown charset `{}`", short(label)));
        }
    }
    let said: Vec<_> = known
        .iter()
        .filter_map(|(encoding, who)| encoding.map(|encoding| (encoding, *who)))
        .collect();
    let chosen = fitting(bytes, &said).unwrap_or_else(|| guess(bytes));
    for (encoding, who) in said {
        if encoding != chosen && !bytes.is_ascii() {
            let (said, is) = (encoding.name(), chosen.name());
            problems.push(format!("{who} says {said}, but the text is {is}"));
        }
    }
    (chosen, 0)
}

/// The first claim that the bytes bear out. Text beyond ASCII that is valid UTF-8 is hardly ever
/// anything else, so there only an East Asian claim stands; and Latin-1 is what servers say
/// when nobody told them, so it gives way to any other word.
fn fitting(bytes: &[u8], said: &[(&'static Encoding, &str)]) -> Option<&'static Encoding> {
    let utf8 = reads_as_utf8(bytes);
    let fits = |encoding: &'static Encoding| {
        let text = || encoding.decode_without_bom_handling_and_without_replacement(bytes);
        (encoding == UTF_8 && utf8) || text().is_some()
    };
    let mut fitting = said
        .iter()
        .map(|(encoding, _)| *encoding)
        .filter(|encoding| !(utf8 && !bytes.is_ascii() && encoding.is_single_byte()))
        .filter(|encoding| fits(encoding));
    let first = fitting.next();
    if first == Some(WINDOWS_1252) {
        return fitting.next().or(first);
    }
    first.or(utf8.then_some(UTF_8))
}

/// Whether it is UTF-8 but for a few bytes: programs that shorten texts cut letters in two, and
/// one such cut must not turn the whole document into another alphabet.
fn reads_as_utf8(bytes: &[u8]) -> bool {
    let (mut letters, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken * 10 <= letters
}

/// What statistics say. Without a hint chardetng takes short Ukrainian texts for Western or
/// Chinese ones as often as not; with it, Japanese ones for Ukrainian. So the hint is believed
/// where it gives words.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let here = detector.guess(Some(b"ua"), Utf8Detection::Deny);
    let anywhere = detector.guess(None, Utf8Detection::Deny);
    if anywhere.is_single_byte() || reads_as_words(&here.decode_without_bom_handling(bytes).0) {
        here
    } else {
        anywhere
    }
}

/// Whether letters beyond ASCII stand as in words: few capitals after small ones, and few signs.
fn reads_as_words(text: &str) -> bool {
    let (mut letters, mut odd, mut small) = (0_usize, 0_usize, false);
    for c in text.chars() {
        if !c.is_ascii() {
            letters += 1;
            let sign = !c.is_alphabetic() && !"«»–—’“”„…№\u{a0}".contains(c);
            odd += usize::from(sign || (small && c.is_uppercase()));
        }
        small = !c.is_ascii() && c.is_lowercase();
    }
    odd * 8 <= letters
}

/// A label's encoding. UTF-16 is no longer a candidate once the zero bytes are found missing.
fn known(label: &str) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else {
        encoding
    })
}

/// UTF-16 without a mark: markup is ASCII, so every other byte of much of it is zero.
fn bare_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = bytes.get(..bytes.len().min(1024))?;
    let zeros = |offset: usize| {
        let places = start.iter().skip(offset).step_by(2);
        places.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let enough = (start.len() / 10).max(2);
    if odd >= enough && odd > even.saturating_mul(8) {
        Some(UTF_16LE)
    } else if even >= enough && even > odd.saturating_mul(8) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// UTF-32, by its mark or by its first `<`. The Encoding Standard doesn't know it.
fn utf32(bytes: &[u8]) -> Option<(String, &'static str)> {
    let (little, skip) = match bytes.get(..4)? {
        [0xFF, 0xFE, 0, 0] => (true, 4),
        [0, 0, 0xFE, 0xFF] => (false, 4),
        [b'<', 0, 0, 0] => (true, 0),
        [0, 0, 0, b'<'] => (false, 0),
        _ => return None,
    };
    let unit = |four: &[u8]| -> char {
        let four: [u8; 4] = four.try_into().unwrap_or_default();
        let code = if little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        };
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    let text = bytes.get(skip..)?.chunks_exact(4).map(unit).collect();
    Some((text, if little { "UTF-32LE" } else { "UTF-32BE" }))
}

/// The value of `charset=` in a Content-Type.
fn charset_of(content_type: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    let (_, value) = lower.split_once("charset")?;
    quoted(value)
}

/// What the document says of itself: `<?xml … encoding="…"?>` or `<meta … charset=…>`.
fn declaration(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(DECLARATION_WITHIN))?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let prolog = head.split_once("<?xml").and_then(|(_, rest)| {
        let (inside, _) = rest.split_once('>')?;
        let (_, value) = inside.split_once("encoding")?;
        quoted(value)
    });
    prolog.or_else(|| {
        head.split("<meta")
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
            .find_map(|(inside, _)| charset_of(inside))
    })
}

/// The word after `=`, in quotes of either kind or none.
fn quoted(value: &str) -> Option<String> {
    let word = value.trim_start().strip_prefix('=')?;
    let word = word.trim_start_matches([' ', '\t', '"', '\'']);
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '?' | '/' | '>' | ',');
    let word = word.split(end).next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

fn without_controls(text: Cow<'_, str>, problems: &mut Vec<String>) -> String {
    let unwanted = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    let count = text.bytes().filter(|byte| unwanted(*byte)).count();
    if count == 0 {
        return text.into_owned();
    }
    problems.push(format!("{count} control characters were taken out"));
    text.chars()
        .filter(|c| !u8::try_from(*c).is_ok_and(unwanted))
        .collect()
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use encoding_rs::{KOI8_U, WINDOWS_1251};
    use proptest::prelude::*;

    use super::*;

    const NEWS: &str = "<rss version=\"2.0\"><channel><title>Новини Полтавщини</title><item>\
        <title>На Полтавщині створили Регіональний офіс міжнародного співробітництва</title>\
        <description>Офіс діятиме при Полтавській облвійськадміністрації.</description>\
        </item></channel></rss>";

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        let unit = |unit: u16| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        };
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn ukrainian_is_read_in_every_charset_without_a_declaration() {
        for encoding in [WINDOWS_1251, KOI8_U, UTF_8] {
            let (bytes, _, _) = encoding.encode(NEWS);
            let decoded = decode(&bytes, None);
            assert_eq!(decoded.text, NEWS);
            assert_eq!(decoded.charset, encoding.name());
        }
        for (little, name) in [(true, "UTF-16LE"), (false, "UTF-16BE")] {
            let decoded = decode(&utf16(NEWS, little), None);
            assert_eq!(decoded.text, NEWS);
            assert_eq!(decoded.charset, name);
        }
    }

    #[test]
    fn a_single_ukrainian_headline_is_enough_for_a_guess() {
        for title in ["Новини", "Україна", "Що нового в Полтаві", "Її їжак"]
        {
            let text = format!("<rss><channel><title>{title}</title></channel></rss>");
            let (bytes, _, _) = WINDOWS_1251.encode(&text);
            assert_eq!(decode(&bytes, None).text, text, "{title}");
        }
    }

    #[test]
    fn western_text_is_not_taken_for_cyrillic() {
        let text = "<title>Für Élise: déjà vu, señor? Größe und Straße, naïve café</title>";
        let (bytes, _, _) = WINDOWS_1252.encode(text);
        assert_eq!(decode(&bytes, None).text, text);
    }

    #[test]
    fn the_header_and_the_document_are_believed_in_that_order() {
        let xml = "<?xml version='1.0' encoding='windows-1251'?><t>Вісник</t>";
        let (bytes, _, _) = WINDOWS_1251.encode(xml);
        assert_eq!(decode(&bytes, None).text, xml);
        let (bytes, _, _) = KOI8_U.encode(xml);
        let decoded = decode(&bytes, Some("text/xml; charset=\"koi8-u\""));
        assert_eq!(decoded.text, xml);
        assert_eq!(
            decoded.problems,
            ["the document says windows-1251, but the text is KOI8-U"]
        );
        let html = "<html><meta charset=windows-1251><title>Вісник</title>";
        let (bytes, _, _) = WINDOWS_1251.encode(html);
        assert_eq!(decode(&bytes, Some("text/html")).text, html);
    }

    #[test]
    fn a_wrong_claim_is_noticed() {
        let decoded = decode(NEWS.as_bytes(), Some("text/xml; charset=iso-8859-1"));
        assert_eq!(decoded.text, NEWS);
        assert_eq!(
            decoded.problems,
            ["the HTTP header says windows-1252, but the text is UTF-8"]
        );
        let (bytes, _, _) = WINDOWS_1251.encode(NEWS);
        let decoded = decode(&bytes, Some("text/xml; charset=utf-8"));
        assert_eq!(decoded.text, NEWS);
        assert_eq!(decoded.problems.len(), 1);
        let decoded = decode(b"<a/>", Some("text/xml; charset=x-klingon"));
        assert_eq!(
            decoded.problems,
            ["the HTTP header names an unknown charset `x-klingon`"]
        );
    }

    #[test]
    fn a_letter_cut_in_two_leaves_the_rest_readable() {
        let mut bytes = NEWS.as_bytes().to_vec();
        bytes.remove(NEWS.find('П').unwrap());
        for content_type in [None, Some("text/xml; charset=utf-8")] {
            let decoded = decode(&bytes, content_type);
            assert!(decoded.text.contains("створили Регіональний офіс"));
            assert_eq!(decoded.charset, "UTF-8");
            assert_eq!(decoded.problems, ["some bytes are no UTF-8"]);
        }
    }

    #[test]
    fn marks_are_obeyed_and_left_out() {
        let mut bytes = vec![0xEF, 0xBB, 0xBF];
        bytes.extend("ґанок".bytes());
        assert_eq!(
            decode(&bytes, Some("text/xml; charset=koi8-u")).text,
            "ґанок"
        );
        let mut bytes = vec![0xFE, 0xFF];
        bytes.extend(utf16("ґанок", false));
        assert_eq!(decode(&bytes, None).text, "ґанок");
        let bytes: Vec<u8> = "\u{FEFF}<a>ґ</a>"
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        assert_eq!(decode(&bytes, None).text, "<a>ґ</a>");
    }

    #[test]
    fn control_characters_are_taken_out() {
        let decoded = decode(b"<a>\x00x\x0By\t\n</a>", None);
        assert_eq!(decoded.text, "<a>xy\t\n</a>");
        assert_eq!(decoded.problems, ["2 control characters were taken out"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, content_type: Option<String>) {
            decode(&bytes, content_type.as_deref());
        }
    }
}
