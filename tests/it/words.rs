//! The words people see: none of the other language, and every count in its right form.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use scraper::ElementRef;
use scraper::Html;
use visnyk::locale::Language;
use visnyk::templates::Templates;

use crate::templates::show_all;

/// Latin words that are right in a Ukrainian sentence: names of formats, programs and licences.
const NAMES: &[&str] = &[
    "API",
    "Atom",
    "CC",
    "BY",
    "BY-SA",
    "SA",
    "CSS",
    "CSV",
    "ETag",
    "Facebook",
    "Feed",
    "Feedly",
    "HTML",
    "Idempotency-Key",
    "If-Match",
    "JSON",
    "Link",
    "NetNewsWire",
    "OPML",
    "OpenAPI",
    "POST",
    "RFC",
    "RSS",
    "RateLimit",
    "SMTP",
    "Telegram",
    "Thunderbird",
    "cookie",
];

/// What the samples themselves say: names in the news and of files and feeds, a language's own name.
const OF_SAMPLES: &[&str] = &[
    "Nazovni",
    "Export",
    "to",
    "Sweden",
    "English",
    "pdf",
    "Усі новини",
];

/// Elements that hold no sentences: addresses, code, another language's own words.
fn holds_no_words(element: ElementRef<'_>, language: &str) -> bool {
    let value = element.value();
    let foreign = value.attr("lang").is_some_and(|lang| lang != language);
    foreign
        || value.classes().any(|class| class == "address")
        || ["code", "pre", "script", "style", "textarea"].contains(&value.name())
}

/// What people read or hear of a page: text, and the attributes that are spoken or shown.
fn said(element: ElementRef<'_>, language: &str, said: &mut Vec<String>) {
    if holds_no_words(element, language) {
        return;
    }
    for name in ["alt", "title", "aria-label", "placeholder"] {
        said.extend(element.value().attr(name).map(str::to_owned));
    }
    for child in element.children() {
        if let Some(text) = child.value().as_text() {
            said.push(text.trim().to_owned());
        } else if let Some(child) = ElementRef::wrap(child) {
            self::said(child, language, said);
        }
    }
}

fn sentences(html: &str, language: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let mut sentences = Vec::new();
    said(page.root_element(), language, &mut sentences);
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Latin words of two letters or more; addresses of the web and of mail aren't words.
fn latin(sentence: &str) -> Vec<String> {
    let is_address = |word: &&str| word.contains("://") || word.contains('@') || word.contains('/');
    let words = sentence.split_whitespace().filter(|word| !is_address(word));
    words
        .flat_map(|word| word.split(|sign: char| !sign.is_ascii_alphabetic() && sign != '-'))
        .map(|word| word.trim_matches('-').to_owned())
        .filter(|word| word.len() > 1)
        .collect()
}

#[test]
fn no_english_leaks_into_what_ukrainian_readers_see() {
    let shown = show_all();
    let mut leaks = BTreeSet::new();
    // The console and the API speak of hosts, scopes and states as programs call them.
    let is_for_readers =
        |name: &str| !name.starts_with("pages/admin/") && !name.starts_with("pages/api");
    for shown in shown.iter().filter(|shown| is_for_readers(&shown.name)) {
        let Some((name, "uk")) = shown.name.rsplit_once('.') else {
            continue;
        };
        let mut sentences = sentences(&shown.html, "uk");
        if let Some((subject, text)) = &shown.text {
            sentences.extend([subject.clone(), text.clone()]);
        }
        for word in sentences.iter().flat_map(|sentence| latin(sentence)) {
            if !NAMES.contains(&&*word) && !OF_SAMPLES.contains(&&*word) {
                leaks.insert(format!("{name}: {word}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

fn catalogue(language: Language) -> toml::Table {
    let name = format!("templates/words/{language}.toml");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Every key with its value, dots between.
fn flat(table: &toml::Table, prefix: &str, out: &mut Vec<(String, toml::Value)>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) if !inner.contains_key("one") => {
                flat(inner, &format!("{key}."), out);
            }
            value => out.push((key, value.clone())),
        }
    }
}

fn entries(language: Language) -> Vec<(String, toml::Value)> {
    let mut entries = Vec::new();
    flat(&catalogue(language), "", &mut entries);
    entries
}

/// Of every key, not of a few.
#[test]
fn no_sentence_of_one_language_stands_on_a_page_of_the_other() {
    let shown = show_all();
    let texts = |language| -> BTreeSet<String> {
        let entries = entries(language).into_iter();
        let plain = entries.filter_map(|(_, value)| value.as_str().map(str::to_owned));
        plain.filter(|text| !text.contains('{')).collect()
    };
    let (uk, en) = (texts(Language::Uk), texts(Language::En));
    let mut leaks = BTreeSet::new();
    for shown in shown {
        let (name, language) = shown.name.rsplit_once('.').unwrap();
        let (own, strange) = if language == "uk" {
            (&uk, &en)
        } else {
            (&en, &uk)
        };
        for sentence in sentences(&shown.html, language) {
            if strange.contains(&sentence)
                && !own.contains(&sentence)
                && !OF_SAMPLES.contains(&&*sentence)
            {
                leaks.insert(format!("{name}.{language}: {sentence}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// CLDR's categories for whole numbers.
fn category(language: Language, count: u64) -> &'static str {
    match (language, count % 10, count % 100) {
        (Language::En, ..) if count == 1 => "one",
        (Language::En, ..) => "other",
        (Language::Uk, _, 11..=14) => "many",
        (Language::Uk, 1, _) => "one",
        (Language::Uk, 2..=4, _) => "few",
        (Language::Uk, ..) => "many",
    }
}

#[test]
fn every_count_takes_the_form_that_its_language_wants() {
    let templates = Templates::load(None).unwrap();
    let fill = ["query", "list", "articles", "period", "site"].map(|name| (name, "…".to_owned()));
    let mut counted = 0;
    for language in Language::all() {
        for (key, value) in entries(language) {
            let Some(forms) = value.as_table() else {
                continue;
            };
            counted += 1;
            let form = |name: &str| {
                forms
                    .get(name)
                    .and_then(toml::Value::as_str)
                    .unwrap_or_else(|| panic!("{key} lacks {name}"))
            };
            if language == Language::Uk {
                assert_eq!(forms.len(), 3, "{key}");
                assert_ne!(form("one"), form("few"), "{key}");
                assert_ne!(form("few"), form("many"), "{key}");
            } else {
                assert_eq!(forms.len(), 2, "{key}");
                assert_ne!(form("one"), form("other"), "{key}");
            }
            for count in (0..=25).chain([101, 102, 105, 111, 112, 121, 1_000, 1_001, 12_345]) {
                let said = templates.say(language, &key, Some(count), &fill).unwrap();
                let number = language.number(count);
                let expected = form(category(language, count)).replace("{count}", &number);
                let expected = expected.replace("{query}", "…");
                assert_eq!(said, expected, "{key} {count}");
            }
        }
    }
    assert!(counted > 20, "only {counted} counted words");
}

#[test]
fn the_six_counts_that_tell_ukrainian_forms_apart_are_said_right() {
    let templates = Templates::load(None).unwrap();
    let said = |count| {
        templates
            .say(Language::Uk, "articles", Some(count), &[])
            .unwrap()
    };
    assert_eq!(
        [1, 2, 5, 11, 21, 101].map(said),
        [
            "1 новина",
            "2 новини",
            "5 новин",
            "11 новин",
            "21 новина",
            "101 новина"
        ]
    );
}
