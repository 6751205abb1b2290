//! What went wrong with a source, as the program says it in; the same out, for people, in their
//! language.
//!
//! The program's own sentence is what the database, the log, the API and the command line have. What
//! isn't known here is shown as it is.

use crate::web::admin::sources::sayings::SAYINGS;
use crate::web::visit::Visit;

/// Parts of a note that may be one sentence with semicolons.
const PARTS: usize = 3;

/// A note of what went wrong, told in the language of who looks.
pub(super) fn told(visit: &Visit, note: &str) -> String {
    sentences(visit, note).join(" ")
}

/// Its first sentence: enough for a list of sources.
pub(super) fn told_shortly(visit: &Visit, note: &str) -> String {
    match sentences(visit, note).as_slice() {
        [first, _, ..] => format!("{first} …"),
        all => all.concat(),
    }
}

fn sentences(visit: &Visit, note: &str) -> Vec<String> {
    let say = |key: &str, count, fill: &[(&str, String)]| {
        let key = format!("source_trouble.{key}");
        let said = visit.app.templates.say(visit.language, &key, count, fill);
        said.ok()
    };
    let number = |number| visit.language.number(number);
    Telling {
        say: &say,
        number: &number,
    }
    .sentences(note)
}

/// Words by their key, for a count, with what stands in them.
type Say<'a> = &'a dyn Fn(&str, Option<u64>, &[(&str, String)]) -> Option<String>;

/// How words are found, and numbers written.
struct Telling<'a> {
    say: Say<'a>,
    number: &'a dyn Fn(u64) -> String,
}

impl Telling<'_> {
    fn sentences(&self, note: &str) -> Vec<String> {
        let parts: Vec<&str> = note.split("; ").collect();
        let mut told = Vec::new();
        let mut rest = parts.as_slice();
        while let Some(first) = rest.first() {
            let sentence = (1..=PARTS.min(rest.len()))
                .find_map(|length| Some((self.sentence(&rest.get(..length)?.join("; "))?, length)));
            let (sentence, length) = sentence.unwrap_or_else(|| ((*first).to_owned(), 1));
            told.push(sentence);
            rest = rest.get(length..).unwrap_or_default();
        }
        told
    }

    /// `None` if it's none that we know.
    fn sentence(&self, sentence: &str) -> Option<String> {
        SAYINGS.iter().find_map(|(key, saying)| {
            let mut fill = caught(saying, sentence)?;
            let mut count = None;
            for (name, text) in &mut fill {
                let number = text.parse().ok();
                match *name {
                    "count" => count = Some(number?),
                    "problem" => *text = self.sentences(text).join(" "),
                    name if name.starts_with("the_") => *text = self.sentence(text)?,
                    "limit" | "size" | "all" => *text = (self.number)(number?),
                    _ => {}
                }
            }
            fill.retain(|(name, _)| *name != "count");
            (self.say)(key, count, &fill)
        })
    }
}

/// What stands in a sentence where the saying has names; `None` if it's another sentence.
fn caught<'s>(saying: &'s str, sentence: &str) -> Option<Vec<(&'s str, String)>> {
    let mut pieces = saying.split('{');
    let mut rest = sentence.strip_prefix(pieces.next().unwrap_or_default())?;
    let mut caught = Vec::new();
    for piece in pieces {
        let (name, literal) = piece.split_once('}')?;
        let end = if literal.is_empty() {
            rest.len()
        } else {
            rest.find(literal)?
        };
        let (text, after) = rest.split_at_checked(end)?;
        caught.push((name, text.to_owned()));
        rest = after.strip_prefix(literal)?;
    }
    rest.is_empty().then_some(caught)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::clock::Stamp;
    use crate::source::Selectors;
    use crate::source::SourceKind;
    use crate::source::fetch::FetchError;
    use crate::source::fetch::Phase;
    use crate::source::read::Document;
    use crate::source::read::How;
    use crate::source::read::read;

    /// What stands for a sentence, and for what was in it.
    fn told(note: &str) -> String {
        let say = |key: &str, count: Option<u64>, fill: &[(&str, String)]| {
            let count = count.map(|count| count.to_string());
            let filled = fill.iter().map(|(_, text)| text.clone());
            let all: Vec<String> = count.into_iter().chain(filled).collect();
            Some(format!("{key}({})", all.join(",")))
        };
        let number = |number: u64| number.to_string();
        Telling {
            say: &say,
            number: &number,
        }
        .sentences(note)
        .join(" ")
    }

    #[test]
    fn notes_are_told_sentence_by_sentence() {
        for (note, meant) in [
            ("expected a document, but got status 503", "status(503)"),
            (
                "https://a.example/1: expected a document, but got status 500; tried again at the next poll",
                "page(https://a.example/1,status(500))",
            ),
            (
                "expected a date, but got `x`; expected a date, but got `y`; and 3 more",
                "date(x) date(y) more(3)",
            ),
            (
                "expected RSS, Atom or JSON Feed, but got HTML",
                "strange(any_feed(),html())",
            ),
            (
                "60 pages were asked for; the rest are at the next poll",
                "pages(60)",
            ),
            (
                "item 8 dropped: the same as an earlier one",
                "item(8,item_again())",
            ),
            (
                "an answer from the moon; and 1 more",
                "an answer from the moon more(1)",
            ),
            ("expected peace, but got war", "expected peace, but got war"),
        ] {
            assert_eq!(told(note), meant, "{note}");
        }
    }

    #[test]
    fn there_are_words_for_every_saying_and_no_others() {
        let words: toml::Table = include_str!("../../../../templates/words/uk.toml")
            .parse()
            .unwrap();
        let words = words["source_trouble"].as_table().unwrap();
        let words: BTreeSet<&str> = words.keys().map(String::as_str).collect();
        let sayings = SAYINGS.iter().map(|(key, _)| *key);
        assert_eq!(sayings.collect::<BTreeSet<_>>(), words);
    }

    #[test]
    fn every_reason_why_a_fetch_gave_nothing_is_told() {
        let x = || "x".to_owned();
        let mut errors = vec![
            FetchError::Setup(x()),
            FetchError::Scheme(x()),
            FetchError::Credentials,
            FetchError::Blocked { address: x() },
            FetchError::UnknownHost {
                host: x(),
                problem: x(),
            },
            FetchError::Connect(x()),
            FetchError::Tls(x()),
            FetchError::NotHttp(x()),
            FetchError::TooManyRedirects { limit: 5 },
            FetchError::BadRedirect(x()),
            FetchError::Downgrade(x()),
            FetchError::TooLarge { limit: 5 },
            FetchError::Ratio { limit: 5 },
            FetchError::Encoding(x()),
            FetchError::Broken(x()),
            FetchError::Unasked,
            FetchError::Gone,
            FetchError::Status {
                code: 500,
                retry_after: None,
                host: x(),
            },
        ];
        let phases = [Phase::Connect, Phase::Headers, Phase::Body, Phase::Pace];
        errors.extend(phases.map(|phase| FetchError::Timeout { phase }));
        for error in errors {
            let told = told(&error.to_string());
            assert!(!told.contains("expected"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_with_charsets_and_kinds_is_told() {
        for (bytes, header) in [
            (
                "<rss><channel><item><title>Ліс</title>",
                "text/xml; charset=x-none",
            ),
            ("<?xml version='1.0' encoding='x-none'?><rss>", "text/xml"),
            (
                "<rss><channel><item><title>Ліс</title>",
                "text/xml; charset=koi8-u",
            ),
            (
                "<?xml version='1.0' encoding='koi8-u'?><rss><title>Ліс",
                "text/xml",
            ),
            ("<rss><channel><item><title>a\u{1}\u{2}</title>", "text/xml"),
            ("<html><body><p>a", "text/html"),
            ("{", "application/json"),
            ("", "text/xml"),
            ("<urlset>", "text/xml"),
        ] {
            for kind in [
                SourceKind::Auto,
                SourceKind::Feed,
                SourceKind::Listing,
                SourceKind::Page,
                SourceKind::Sitemap,
            ] {
                let document = Document {
                    bytes: bytes.as_bytes(),
                    content_type: Some(header),
                    base: None,
                };
                let how = How {
                    kind,
                    selectors: &Selectors::default(),
                    zone: chrono_tz::UTC,
                    now: Stamp(0),
                };
                let reading = read(&document, &how);
                for problem in reading.problems {
                    let told = told(&problem);
                    assert!(
                        !told.split('(').next().unwrap().contains(' '),
                        "{problem}: {told}"
                    );
                }
            }
        }
    }

    /// The pieces between the names, as the sources have them somewhere.
    #[test]
    fn every_saying_is_said_by_somebody() {
        let mut sources = String::new();
        let mut folders = vec![
            Path::new("src/source").to_owned(),
            "src/article/intake".into(),
        ];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = fs::read_to_string(path).unwrap();
                    let lines = text.split("\\\n").map(str::trim_start);
                    sources.extend(lines);
                }
            }
        }
        let composed = ["slow_connect", "slow_headers", "slow_body", "slow_pace"];
        let composed =
            |key| composed.contains(key) || key.ends_with("_charset") || key.ends_with("_says");
        for (key, saying) in SAYINGS.iter().filter(|(key, _)| !composed(key)) {
            for piece in saying.split(['{', '}']).step_by(2) {
                let words = piece.trim_matches(|sign: char| !sign.is_alphabetic());
                assert!(sources.contains(words), "{key}: `{words}`");
            }
        }
    }
}
