//! Every JSON feed that is served, against a JSON Schema of the format; python-jsonschema judges.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use axum::http::StatusCode;
use chrono::DateTime;
use serde_json::Value;
use serde_json::json;
use visnyk::article::Media;
use visnyk::article::clean::clean;
use visnyk::source::Draft;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::Kind;
use crate::web::feeds::support::Newsroom;

const SCHEMA: &str = include_str!("../../../fixtures/json-feed-1.1.schema.json");

/// Documents by name on stdin, what is wrong with each on stdout.
const JUDGE: &str = r#"
import datetime, json, sys, urllib.parse
import jsonschema

schema, documents = json.load(sys.stdin)
kind = jsonschema.Draft202012Validator
kind.check_schema(schema)
formats = jsonschema.FormatChecker(formats=())

@formats.checks("date-time", raises=ValueError)
def is_date(text):
    return not isinstance(text, str) or datetime.datetime.fromisoformat(text).tzinfo is not None

@formats.checks("uri", raises=ValueError)
def is_address(text):
    return not isinstance(text, str) or bool(urllib.parse.urlsplit(text).hostname)

judge = kind(schema, format_checker=formats)
wrong = {name: [f"{e.json_path}: {e.message}" for e in judge.iter_errors(document)] for name, document in documents.items()}
json.dump(wrong, sys.stdout)
"#;

type Documents = BTreeMap<String, Value>;

/// What is wrong with each document.
fn judge(documents: &Documents) -> BTreeMap<String, Vec<String>> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut python = Command::new("python3")
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!([schema, documents]).to_string();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(asked.as_bytes())
        .unwrap();
    let said = python.wait_with_output().unwrap();
    assert!(
        said.status.success(),
        "is jsonschema installed for python3?"
    );
    serde_json::from_slice(&said.stdout).unwrap()
}

/// Articles with all that a feed can tell, with little, and with odd words.
fn drafts() -> Vec<Draft> {
    let media = |url: &str, mime: Option<&str>, length| Media {
        url: format!("https://source.example.org/{url}"),
        mime: mime.map(str::to_owned),
        length,
        width: Some(1200),
        height: Some(800),
        caption: Some("Підписання \"розпорядження\" <b>".to_owned()),
    };
    let whole = Draft {
        html: clean("<p>Офіс діятиме. <a href='/x'>Далі</a></p>", None),
        text: "Офіс діятиме. Далі".to_owned(),
        published: DateTime::parse_from_rfc3339("2023-06-26T17:07:00+03:00").ok(),
        authors: vec!["Пресслужба".to_owned(), "О. Іваненко".to_owned()],
        departments: vec!["Департамент економіки".to_owned()],
        media: vec![
            media("1.jpg", Some("image/jpeg"), Some(48_213)),
            media("2.mp3", Some("audio/mpeg"), None),
            media("3", None, None),
        ],
        language: Some("uk-UA".to_owned()),
        licence: Some("https://creativecommons.org/licenses/by/4.0/".to_owned()),
        ..draft("Усе, що можна сказати", &["економіка", "R&D \"лапки\""])
    };
    let english = Draft {
        url: None,
        summary: String::new(),
        language: Some("en".to_owned()),
        ..draft("Nothing but a headline", &[])
    };
    let odd = Draft {
        url: Some("https://source.example.org/новини?тема=тарифи&q=a b".to_owned()),
        ..draft("Тарифи: 1 < 2 & 3 > 2 🌧 \u{202e}\u{7}", &["економіка"])
    };
    vec![whole, english, odd]
}

async fn newsroom(settings: &[(&str, &str)]) -> Newsroom {
    let newsroom = Newsroom::of(TestApp::on(Kind::Sqlite, settings.iter().copied()).await).await;
    let source = newsroom.app.source().await;
    newsroom.app.take_in(&source, drafts()).await;
    let list = newsroom.app.add_list("all").await;
    let wish = TestApp::wish("olena@example.com");
    newsroom.app.subscribe(&list, &wish).await;
    newsroom.wait(1_000);
    newsroom
}

/// Every view that there is, by address.
async fn views(newsroom: &Newsroom) -> Documents {
    let before = newsroom.get("/feed.json").await;
    newsroom.publish("Щойно: ще одна новина").await;
    newsroom.wait(24 * 3_600_000);
    newsroom.app.tick().await;
    newsroom.app.letters();
    newsroom.wait(1_000);
    let mut views = Documents::new();
    for path in [
        "/feed.json",
        "/topics/ekonomika/feed.json",
        "/departments/departament-ekonomiky/feed.json",
        "/sources/1/feed.json",
        "/lists/all/feed.json",
        "/feed.json?lang=uk",
        "/feed.json?lang=en",
        "/feed.json?lang=pl",
        "/feed.json?topic=ekonomika&not=r-d-lapky",
        "/sources/1/feed.json?topic=ekonomika&lang=uk",
        "/search/feed.json?q=%D0%BD%D0%BE%D0%B2%D0%B8%D0%BD%D0%B0",
        "/search/feed.json?q=%D0%BD%D1%96%D1%87%D0%BE%D0%B3%D0%BE&topic=ekonomika",
    ] {
        let summaries = if path.contains('?') {
            "&full=0"
        } else {
            "?full=0"
        };
        for path in [path.to_owned(), format!("{path}{summaries}")] {
            let feed = newsroom.get(&path).await;
            assert_eq!(feed.status, StatusCode::OK, "{path}");
            views.insert(path, serde_json::from_slice(&feed.body).unwrap());
        }
    }
    let held = [("a-im", "feed"), ("if-none-match", before.header("etag"))];
    let newer = newsroom.get_with("/feed.json", &held).await;
    assert_eq!(newer.status, StatusCode::IM_USED);
    views.insert(
        "226".to_owned(),
        serde_json::from_slice(&newer.body).unwrap(),
    );
    views
}

fn assert_valid(views: &Documents) {
    for (view, problems) in judge(views) {
        assert_eq!(problems, Vec::<String>::new(), "{view}");
    }
    for (view, feed) in views {
        let items = feed["items"].as_array().unwrap();
        let ids: BTreeSet<_> = items.iter().map(|item| item["id"].to_string()).collect();
        assert_eq!(ids.len(), items.len(), "{view}: an id that two have");
    }
}

#[tokio::test]
#[ignore = "needs jsonschema"]
async fn every_view_is_a_json_feed_by_the_schema() {
    let hub = "https://hub.example.org/";
    let licence = "https://creativecommons.org/licenses/by/4.0/";
    for settings in [
        &[][..],
        &[("VISNYK_FEED__HUB", hub), ("VISNYK_SITE__LICENCE", licence)],
    ] {
        let newsroom = newsroom(settings).await;
        let views = views(&newsroom).await;
        assert_valid(&views);
        let told: BTreeSet<String> = views.values().flat_map(told).collect();
        for key in [
            "items.attachments.size_in_bytes",
            "items.attachments.title",
            "items.authors.name",
            "items.content_html",
            "items.content_text",
            "items.external_url",
            "items.image",
            "items.language",
            "items.summary",
            "items.tags",
            "authors.url",
            "hubs.url",
        ] {
            assert!(
                told.contains(key),
                "expected some feed to tell {key}: {told:?}"
            );
        }
    }
}

/// Which keys a document has, wherever they stand.
fn told(document: &Value) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    let mut open = vec![(String::new(), document)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Array(all) => open.extend(all.iter().map(|one| (path.clone(), one))),
            Value::Object(all) => {
                for (key, value) in all {
                    open.push((format!("{path}{key}."), value));
                }
            }
            _ => {}
        }
        told.insert(path.trim_end_matches('.').to_owned());
    }
    told
}

/// Whatever key is taken away that has to be there, or is there as something that it can't be.
#[test]
#[ignore = "needs jsonschema"]
fn the_schema_refuses_what_the_format_does() {
    let whole = json!({
        "version": "https://jsonfeed.org/version/1.1", "title": "т", "home_page_url": "https://a.example/",
        "feed_url": "https://a.example/feed.json", "description": "т", "user_comment": "т",
        "next_url": "https://a.example/2", "icon": "https://a.example/i", "favicon": "https://a.example/f",
        "authors": [{ "name": "т", "url": "https://a.example/", "avatar": "https://a.example/p", "_x": {} }],
        "language": "uk", "expired": false, "hubs": [{ "type": "WebSub", "url": "https://a.example/hub" }],
        "_x": { "about": "https://a.example/", "1.2": 3 },
        "items": [{
            "id": "1", "url": "https://a.example/1", "external_url": "https://b.example/1", "title": "т",
            "content_html": "<p>т</p>", "content_text": "т", "summary": "т", "image": "https://a.example/p",
            "banner_image": "https://a.example/b", "date_published": "2023-06-26T17:07:00+03:00",
            "date_modified": "2023-06-26T14:07:00.5Z", "authors": [{ "name": "т" }], "tags": ["т"],
            "language": "en-GB", "_x": {}, "attachments": [{
                "url": "https://a.example/1.mp3", "mime_type": "audio/mpeg", "title": "т",
                "size_in_bytes": 1, "duration_in_seconds": 1.5,
            }],
        }],
    });
    let mut wrong = Documents::new();
    for (at, bad) in [
        ("", json!([])),
        ("/version", json!("https://jsonfeed.org/version/1")),
        ("/expired", json!("true")),
        ("/hubs", json!([{ "type": "WebSub" }])),
        ("/authors/0", json!({})),
        ("/authors/0", json!({ "_x": {} })),
        ("/items/0/date_published", json!("2023-06-26")),
        ("/items/0/date_published", json!("2023-06-26T17:07:00")),
        ("/items/0/date_modified", json!("2023-02-30T17:07:00Z")),
        ("/items/0/tags", json!("т")),
        ("/items/0/attachments/0/size_in_bytes", json!(-1)),
        ("/items/0/attachments/0/size_in_bytes", json!("1")),
        ("/items/0/attachments/0/mime_type", json!("audio")),
        ("/items/0/language", json!("uk_UA")),
        ("/_x", json!("т")),
    ] {
        let mut feed = whole.clone();
        *feed.pointer_mut(at).unwrap() = bad.clone();
        wrong.insert(format!("{at} = {bad}"), feed);
    }
    for (at, key) in [
        ("", "version"),
        ("", "title"),
        ("", "items"),
        ("/items/0", "id"),
        ("/items/0/attachments/0", "url"),
        ("/items/0/attachments/0", "mime_type"),
        ("/hubs/0", "type"),
    ] {
        let mut feed = whole.clone();
        let object = feed.pointer_mut(at).unwrap().as_object_mut().unwrap();
        object.remove(key).unwrap();
        wrong.insert(format!("without {at}/{key}"), feed);
    }
    for place in [
        "",
        "/authors/0",
        "/hubs/0",
        "/items/0",
        "/items/0/attachments/0",
    ] {
        let keys: Vec<String> = whole
            .pointer(place)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        for key in keys {
            for bad in [json!(null), json!(7.5), json!(""), json!({ "x": 1 })] {
                let is_fine = key == "_x" && bad.is_object();
                if is_fine || key == "duration_in_seconds" && bad.is_number() {
                    continue;
                }
                let mut feed = whole.clone();
                feed.pointer_mut(place).unwrap()[&*key] = bad.clone();
                wrong.insert(format!("{place}/{key} = {bad}"), feed);
            }
        }
        for key in ["other", "_", "_1", "_a.b", "author"] {
            let mut feed = whole.clone();
            feed.pointer_mut(place).unwrap()[key] = json!({});
            wrong.insert(format!("{place}/{key}"), feed);
        }
    }
    let mut neither = whole.clone();
    let item = neither["items"][0].as_object_mut().unwrap();
    item.remove("content_html");
    item.remove("content_text");
    wrong.insert("no content".to_owned(), neither);

    let right = Documents::from([("whole".to_owned(), whole)]);
    assert_valid(&right);
    for (what, problems) in judge(&wrong) {
        assert_ne!(problems, Vec::<String>::new(), "{what}");
    }
}
