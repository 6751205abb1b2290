//! What mail programs make of our letters: everything that a letter's HTML uses is in a table of
//! what they support, reviewed by hand. A feature that isn't there fails, until somebody has
//! looked it up (caniemail.com) and written down what a letter is like without it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use scraper::Html;

use crate::templates::show_all;

/// How far one program goes with a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Support {
    Yes,
    /// Some of its versions, or some of its values.
    Part,
    No,
}
use Support::No;
use Support::Part;
use Support::Yes;

/// A feature, what Gmail, Apple Mail, Outlook for Windows (which is Word), Outlook.com and Yahoo
/// make of it, and how a letter reads where it's missing.
type Row = (&'static str, [Support; 5], &'static str);

const ALL: [Support; 5] = [Yes; 5];
/// Word draws it by rules of its own.
const NOT_WORD: [Support; 5] = [Yes, Yes, No, Yes, Yes];

/// Sorted by what they are: elements, attributes, properties, at-rules, schemes.
const TABLE: &[Row] = &[
    ("<a>", ALL, ""),
    (
        "<body>",
        [Yes, Yes, Yes, Part, Yes],
        "becomes a `div`; the table within has the colours too",
    ),
    ("<br>", ALL, ""),
    ("<div>", ALL, ""),
    ("<h1>", ALL, ""),
    ("<h2>", ALL, ""),
    ("<h3>", ALL, ""),
    ("<head>", ALL, ""),
    ("<html>", ALL, ""),
    ("<img>", ALL, ""),
    (
        "<meta>",
        [Part, Yes, Part, Part, Part],
        "only says that the letter has dark colours of its own",
    ),
    ("<p>", ALL, ""),
    ("<span>", ALL, ""),
    ("<strong>", ALL, ""),
    (
        "<style>",
        [Part, Yes, Part, Yes, Part],
        "holds `@media` alone; all else is in `style=`",
    ),
    ("<table>", ALL, ""),
    ("<tbody>", ALL, ""),
    ("<td>", ALL, ""),
    ("<title>", ALL, ""),
    ("<tr>", ALL, ""),
    ("align=", ALL, ""),
    ("alt=", [Yes, Yes, Yes, Yes, Yes], ""),
    ("border=", ALL, ""),
    ("cellpadding=", ALL, ""),
    ("cellspacing=", ALL, ""),
    ("charset=", ALL, ""),
    ("class=", ALL, ""),
    ("content=", ALL, ""),
    (
        "data-css-inline=",
        [No, Yes, No, No, No],
        "a note to ourselves",
    ),
    ("href=", ALL, ""),
    ("lang=", ALL, ""),
    ("name=", ALL, ""),
    (
        "role=",
        [Part, Yes, Part, Part, Part],
        "landmarks are missing for screen readers, headings are not",
    ),
    ("src=", ALL, ""),
    ("style=", ALL, ""),
    ("width=", ALL, ""),
    ("background-color:", ALL, ""),
    ("border:", ALL, ""),
    ("border-bottom:", ALL, ""),
    ("border-collapse:", ALL, ""),
    ("border-color:", ALL, ""),
    ("border-radius:", NOT_WORD, "buttons have corners"),
    ("border-top:", ALL, ""),
    ("border-top-color:", ALL, ""),
    ("color:", ALL, ""),
    (
        "display:",
        [Yes, Yes, Part, Yes, Yes],
        "Word hides what `none` hides, and sets the rest as a paragraph",
    ),
    ("font-family:", ALL, ""),
    ("font-size:", ALL, ""),
    ("font-weight:", ALL, ""),
    (
        "height:",
        [Yes, Yes, Part, Yes, Yes],
        "`auto` is what Word does anyway",
    ),
    ("line-height:", [Yes, Yes, Part, Yes, Yes], "Word rounds it"),
    ("margin:", [Yes, Yes, Part, Part, Yes], "lines stand closer"),
    (
        "max-height:",
        NOT_WORD,
        "belongs to what `display: none` hides",
    ),
    (
        "max-width:",
        NOT_WORD,
        "a table that only Word sees is 600 wide",
    ),
    (
        "overflow:",
        [Part, Yes, No, Part, Part],
        "belongs to what `display: none` hides",
    ),
    (
        "padding:",
        [Yes, Yes, Part, Yes, Yes],
        "Word leaves it out around `div` and `a`",
    ),
    (
        "padding-bottom:",
        [Yes, Yes, Part, Yes, Yes],
        "lines stand closer",
    ),
    ("text-align:", ALL, ""),
    ("text-decoration:", ALL, ""),
    ("width:", ALL, ""),
    (
        "word-break:",
        [Part, Yes, Part, Part, Part],
        "a long address is wider than a narrow screen",
    ),
    (
        "@media (max-width)",
        [Part, Yes, No, Part, Part],
        "margins are as wide as on a desk",
    ),
    (
        "@media (prefers-color-scheme)",
        [No, Yes, No, Part, No],
        "the program darkens the letter itself, or it stays light",
    ),
    ("https:", ALL, ""),
    ("mailto:", ALL, ""),
    ("tel:", [Yes, Yes, Yes, Yes, Yes], ""),
];

/// What values may be made of, for properties that not every value is known of.
fn is_known_value(property: &str, value: &str) -> bool {
    let value = value.trim_end_matches("!important").trim();
    let plain = !value.contains("url(")
        && !["calc(", "var(", "rgb", "hsl", "gradient", "vh", "vw", "rem"]
            .iter()
            .any(|odd| value.contains(odd));
    let one_of = |known: &[&str]| known.contains(&value);
    plain
        && match property {
            "display" => one_of(&["none", "block", "inline-block"]),
            "overflow" => one_of(&["hidden"]),
            "height" => one_of(&["auto"]),
            "margin" => value == "0 auto" || !value.contains(['-', 'a']),
            _ => true,
        }
}

/// What a letter uses, as the table names it, each with an example.
fn used(html: &str) -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    let mut note = |feature: String, example: &str| {
        used.entry(feature).or_insert_with(|| example.to_owned());
    };
    let page = Html::parse_document(html);
    for node in page.tree.nodes() {
        let Some(element) = node.value().as_element() else {
            continue;
        };
        note(format!("<{}>", element.name()), element.name());
        for (name, value) in element.attrs() {
            note(format!("{name}="), value);
            match name {
                "style" => declarations(value, &mut note),
                "href" | "src" => {
                    let scheme = value.split_once(':').map_or("", |(scheme, _)| scheme);
                    note(format!("{scheme}:"), value);
                }
                _ => {}
            }
        }
        if element.name() == "style" {
            let text: String = node
                .children()
                .filter_map(|child| child.value().as_text().map(|text| text.to_string()))
                .collect();
            rules(&text, &mut note);
        }
    }
    used
}

/// `a: b; c: d`.
fn declarations(text: &str, note: &mut impl FnMut(String, &str)) {
    for declaration in text.split(';').filter(|one| !one.trim().is_empty()) {
        let (property, value) = declaration.split_once(':').unwrap_or((declaration, ""));
        let (property, value) = (property.trim(), value.trim());
        if is_known_value(property, value) {
            note(format!("{property}:"), declaration);
        } else {
            note(format!("{property}: {value}"), declaration);
        }
    }
}

/// A sheet of `@media (feature: …) { selectors { declarations } }`.
fn rules(sheet: &str, note: &mut impl FnMut(String, &str)) {
    for piece in sheet.split('}') {
        let mut parts: Vec<&str> = piece.split('{').collect();
        let last = parts.pop().unwrap_or_default();
        for part in &parts {
            if let Some(query) = part.trim().strip_prefix('@') {
                let feature = query.split_once(':').map_or(query, |(feature, _)| feature);
                note(format!("@{})", feature.trim_end_matches(')')), part);
            }
        }
        if parts.is_empty() {
            // `@import …;` and its like have no braces.
            if last.contains('@') {
                note(last.trim().to_owned(), last);
            }
        } else {
            declarations(last, note);
        }
    }
}

fn unknown(html: &str) -> Vec<String> {
    let known: BTreeSet<&str> = TABLE.iter().map(|(feature, ..)| *feature).collect();
    used(html)
        .into_iter()
        .filter(|(feature, _)| !known.contains(feature.as_str()))
        .map(|(feature, example)| format!("{feature} ({example})"))
        .collect()
}

#[test]
fn letters_use_only_what_mail_programs_are_known_to_make_of_it() {
    let mut letters = 0;
    let mut found = Vec::new();
    for letter in show_all().iter().filter(|shown| shown.text.is_some()) {
        letters += 1;
        let strange = unknown(&letter.html).into_iter();
        found.extend(strange.map(|feature| format!("{}: {feature}", letter.name)));
    }
    assert!(letters > 20, "only {letters} letters");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_some_program_lacks_has_a_word_on_how_the_letter_is_without_it() {
    for (feature, support, without) in TABLE {
        let lacking = support.iter().any(|support| *support != Yes);
        assert_eq!(lacking, !without.is_empty(), "{feature}");
    }
}

#[test]
fn the_table_holds_nothing_that_no_letter_uses() {
    let letters = show_all().iter().filter(|shown| shown.text.is_some());
    let all: BTreeSet<String> = letters
        .flat_map(|letter| used(&letter.html).into_keys())
        .collect();
    let unused: Vec<&str> = TABLE
        .iter()
        .map(|(feature, ..)| *feature)
        .filter(|feature| !all.contains(*feature))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn what_mail_programs_drop_or_strangers_abuse_is_found() {
    for bad in [
        "<p style='display:flex'>",
        "<p style='display:grid'>",
        "<p style='position:absolute'>",
        "<p style='float:left'>",
        "<p style='margin:-4px'>",
        "<p style='color:var(--ink)'>",
        "<p style='width:calc(1px + 1em)'>",
        "<p style='background-image:url(https://a.example/x.png)'>",
        "<table><tr><td background='https://a.example/x.png'></table>",
        "<link rel=stylesheet href='https://a.example/x.css'>",
        "<style>@import 'https://a.example/x.css';</style>",
        "<style>@font-face { color: red }</style>",
        "<style>@media (hover: hover) { p { color: red } }</style>",
        "<style>@media (max-width: 9px) { p { transform: none } }</style>",
        "<script>1</script>",
        "<form><input></form>",
        "<svg></svg>",
        "<video src='https://a.example/x'></video>",
        "<iframe src='https://a.example/'></iframe>",
        "<a onclick='x()'>",
        "<a href='javascript:x()'>",
        "<img src='http://a.example/x.png'>",
        "<img src='data:image/png;base64,x'>",
    ] {
        assert!(!unknown(bad).is_empty(), "{bad}");
    }
}
