//! `demo --once`, as a newcomer runs it, and `serve --data` on what it leaves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mail_parser::MessageParser;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::Visnyk;

const TITLE: &str = "На Полтавщині створили Регіональний офіс міжнародного співробітництва";
const DEPARTMENTS: [&str; 2] = [
    "Департамент інформаційної діяльності та комунікацій з громадськістю",
    "Департамент економічного розвитку, торгівлі та залучення інвестицій",
];
const TAGS: [&str; 3] = [
    "економіка",
    "євроінтеграція",
    "Регіональний офіс міжнародного співробітництва",
];

#[test]
fn the_sample_press_release_is_in_the_feeds_and_in_the_letters() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let done = Visnyk::at(&data).run(&["demo", "--once", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let summary: Value = serde_json::from_str(&done.stdout).unwrap();
    let count = |what: &str| summary[what]["count"].as_u64().unwrap();
    assert_eq!(count("sources"), 1);
    assert_eq!(count("articles"), 13);
    assert_eq!(count("subscribers"), 3);
    assert_eq!(count("letters"), 3);

    let paths = |what: &str| -> Vec<String> {
        let paths = summary[what]["paths"].as_array().unwrap();
        paths
            .iter()
            .map(|path| path.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        paths("feeds").len(),
        18,
        "everything, two departments and three tags, in three formats"
    );
    for path in paths("feeds") {
        feed_has_the_press_release(Path::new(&path));
    }
    let letters: Vec<String> = paths("letters")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for letter in &letters {
        letter_has_the_press_release(letter);
    }
    let to: BTreeSet<Option<&str>> = letters.iter().map(|letter| header(letter, "To")).collect();
    assert_eq!(to.len(), 3, "{to:?}");
}

fn feed_has_the_press_release(path: &Path) {
    let feed = fs::read_to_string(path).unwrap();
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let is_rss = path.extension().is_some_and(|extension| extension == "rss");
    let date = if is_rss {
        "Mon, 26 Jun 2023 17:07:00 +0300"
    } else {
        "2023-06-26T17:07:00+03:00"
    };
    for words in DEPARTMENTS.iter().chain(&TAGS).chain([&TITLE, &date]) {
        assert!(
            feed.contains(words),
            "expected `{words}` in {}",
            path.display()
        );
    }
    if is_json {
        serde_json::from_str::<Value>(&feed).unwrap();
    }
}

fn letter_has_the_press_release(letter: &str) {
    let read = MessageParser::default().parse(letter.as_bytes()).unwrap();
    let is_ukrainian = header(letter, "Content-Language") == Some("uk");
    let date = if is_ukrainian {
        "26 червня 2023 р."
    } else {
        "26 June 2023"
    };
    for part in [read.body_text(0).unwrap(), read.body_html(0).unwrap()] {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in DEPARTMENTS.iter().chain(&TAGS).chain([&TITLE, &date]) {
            assert!(part.contains(words), "expected `{words}` in {part}");
        }
    }
    let html = read.body_html(0).unwrap();
    assert!(html.contains("/pictures/"), "no picture in {html}");
    assert!(header(letter, "List-Unsubscribe").is_some());
    assert_eq!(
        header(letter, "List-Unsubscribe-Post"),
        Some("List-Unsubscribe=One-Click")
    );
}

fn header<'a>(letter: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = letter.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_folder_that_is_there_already_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let done = Visnyk::at(folder.path()).run(&["demo", "--once"]);
    assert_eq!(done.code, 73);
    assert!(done.stderr.contains("is there already"), "{}", done.stderr);
}

#[test]
fn what_the_demo_leaves_can_be_looked_at_with_the_other_commands() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let visnyk = Visnyk::at(&data);
    assert_eq!(visnyk.run(&["demo", "--once"]).code, 0);
    let letters: Value =
        serde_json::from_str(&visnyk.run(&["letter", "list", "--json"]).stdout).unwrap();
    let letters = letters.as_array().unwrap();
    assert_eq!(
        letters.len(),
        9,
        "three to confirm, three to welcome, three digests"
    );
    assert!(
        letters.iter().all(|letter| letter["state"] == "accepted"),
        "{letters:?}"
    );
    let preview = visnyk.run(&["digest", "preview", "all-news"]);
    assert!(preview.stdout.contains(TITLE), "{}", preview.stdout);
    let letter = visnyk.run(&["digest", "preview", "all-news", "--format", "eml"]);
    let read = MessageParser::default()
        .parse(letter.stdout.as_bytes())
        .unwrap();
    assert!(read.body_text(0).unwrap().contains("Регіональний офіс"));
    assert_eq!(visnyk.run(&["digest", "hold", "1"]).code, 0);
    assert_eq!(
        visnyk.run(&["digest", "hold", "1"]).code,
        65,
        "it's held already"
    );
    assert_eq!(visnyk.run(&["digest", "release", "1"]).code, 0);
    assert_eq!(visnyk.run(&["send", "--until-empty"]).code, 0);
    assert_eq!(visnyk.run(&["check"]).code, 0);
}
