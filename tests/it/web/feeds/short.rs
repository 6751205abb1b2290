//! The short way to feeds: it gives what the routes give, and leaves to them what it can't settle.

use axum::http::StatusCode;
use visnyk::store;
use visnyk::web;
use visnyk::web::Front;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::web::Browser;
use crate::web::feeds::support::Fetched;
use crate::web::feeds::support::Newsroom;
use crate::web::feeds::support::fetch;
use crate::web::feeds::support::request;

on_both! {
    a_change_by_this_process_closes_the_short_way_at_once,
    a_change_by_another_process_closes_the_short_way,
}

const FEEDS: [&str; 4] = [
    "/feed.atom",
    "/topics/ekonomika/feed.rss",
    "/sources/1/feed.json",
    "/search/feed.atom?q=%D0%BE%D1%84%D1%96%D1%81",
];

/// A newsroom whose feeds can all be had by the short way.
async fn settled(newsroom: Newsroom) -> (Newsroom, Front) {
    newsroom.publish("Створили офіс").await;
    newsroom.publish("Відкрили міст").await;
    newsroom.wait(5_000);
    let front = newsroom.another_process();
    for path in FEEDS {
        fetch(&front, "GET", path, &[]).await;
    }
    newsroom.wait(1);
    (newsroom, front)
}

async fn at_once(
    front: &Front,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Option<Fetched> {
    let response = front.at_once(&request(method, path, headers))?;
    Some(Fetched::of(response).await)
}

#[tokio::test]
async fn both_ways_give_the_same() {
    let (newsroom, front) = settled(Newsroom::of(TestApp::new().await).await).await;
    let router = web::router(newsroom.app.app.clone());
    for path in FEEDS {
        let plain = fetch(&router, "GET", path, &[]).await;
        let zipped = fetch(&router, "GET", path, &[("accept-encoding", "gzip")]).await;
        let (tag, zip_tag) = (plain.header("etag"), zipped.header("etag"));
        let (weak, list) = (format!("W/{tag}"), format!("\"other\", {tag}, W/{zip_tag}"));
        let date = plain.header("last-modified");
        let none_match = |value| ("if-none-match", value);
        let since = |value| ("if-modified-since", value);
        let codings = |value| ("accept-encoding", value);
        let asked: &[&[(&str, &str)]] = &[
            &[],
            &[codings("gzip")],
            &[codings("br;q=0.5, zstd")],
            &[codings("gzip"), codings("br")],
            &[codings("identity;q=0, *")],
            &[none_match(tag)],
            &[none_match(zip_tag)],
            &[none_match(zip_tag), codings("gzip")],
            &[none_match(&weak)],
            &[none_match(&list)],
            &[none_match("\"other\""), none_match(tag)],
            &[none_match("*")],
            &[none_match("\"other\"")],
            &[none_match("broken")],
            &[since(date)],
            &[since("Mon, 01 Jun 2020 12:00:00 GMT")],
            &[since("Fri, 01 Jun 2040 12:00:00 GMT")],
            &[since("yesterday")],
            &[none_match("\"other\""), since(date)],
            &[none_match(tag), since("Mon, 01 Jun 2020 12:00:00 GMT")],
        ];
        for headers in asked {
            for method in ["GET", "HEAD"] {
                let short = at_once(&front, method, path, headers).await;
                let mut long = fetch(&router, method, path, headers).await;
                if long.status == StatusCode::NOT_MODIFIED {
                    // The router counts the body that isn't there.
                    long.headers.remove("content-length");
                }
                assert_eq!(short, Some(long), "{method} {path} {headers:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_answer_holds_all_that_it_should() {
    let (_newsroom, front) = settled(Newsroom::of(TestApp::new().await).await).await;
    let full = at_once(&front, "GET", "/feed.atom", &[]).await.unwrap();
    let head = at_once(&front, "HEAD", "/feed.atom", &[]).await.unwrap();
    assert_eq!(head.headers, full.headers);
    assert!(head.body.is_empty());
    assert_eq!(full.header("content-length"), full.body.len().to_string());
    let tag = [("if-none-match", full.header("etag"))];
    let same = at_once(&front, "GET", "/feed.atom", &tag).await.unwrap();
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    for name in ["content-type", "content-encoding", "content-length"] {
        assert_eq!(same.headers.get(name), None, "{name}");
    }
    for name in [
        "cache-control",
        "content-security-policy",
        "etag",
        "last-modified",
        "link",
        "referrer-policy",
        "vary",
        "x-content-type-options",
    ] {
        assert_ne!(full.header(name), "", "{name}");
        assert_eq!(same.header(name), full.header(name), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_settled_is_left_to_the_routes() {
    let (newsroom, front) = settled(Newsroom::of(TestApp::new().await).await).await;
    for path in ["/feed", "/feed.html", "/"] {
        fetch(&front, "GET", path, &[]).await;
    }
    let nothing: &[(&str, &str)] = &[];
    let cases = [
        ("POST", "/feed.atom", nothing),
        ("OPTIONS", "/feed.atom", nothing),
        ("GET", "/feed.atom", &[("a-im", "feed")]),
        ("GET", "/feed.atom?", nothing),
        ("GET", "/feed.atom?full=1", nothing),
        ("GET", "/feed", nothing),
        ("GET", "/feed.html", nothing),
        ("GET", "/", nothing),
    ];
    for (method, path, headers) in cases {
        let short = at_once(&front, method, path, headers).await;
        assert_eq!(short, None, "{method} {path} {headers:?}");
    }
    newsroom.wait(1_000);
    let after_a_while = at_once(&front, "GET", "/feed.atom", &[]).await;
    assert_eq!(after_a_while, None, "the counter has to be looked at");
    newsroom.publish("Створили інший офіс").await;
    fetch(&front, "GET", "/feed.atom", &[]).await;
    newsroom.wait(1);
    let within_its_second = at_once(&front, "GET", "/feed.atom", &[]).await;
    assert_eq!(within_its_second, None, "its date proves nothing yet");
}

async fn a_change_by_this_process_closes_the_short_way_at_once(database: TestDb) {
    let (newsroom, front) = settled(Newsroom::over(database).await).await;
    newsroom.publish("Створили інший офіс").await;
    let held = at_once(&front, "GET", "/feed.atom", &[]).await;
    assert!(held.is_some(), "nobody has looked since");
    fetch(&front, "POST", "/api/v1/articles", &[]).await;
    assert_eq!(at_once(&front, "GET", "/feed.atom", &[]).await, None);
    let fetched = fetch(&front, "GET", "/feed.atom", &[]).await;
    assert!(fetched.text().contains("інший офіс"));
}

async fn a_change_by_another_process_closes_the_short_way(database: TestDb) {
    let (newsroom, front) = settled(Newsroom::over(database).await).await;
    let held = at_once(&front, "GET", "/feed.atom", &[]).await.unwrap();
    let tag = [("if-none-match", held.header("etag"))];
    newsroom.publish("Створили інший офіс").await;
    newsroom.wait(50);
    assert_eq!(at_once(&front, "GET", "/feed.atom", &tag).await, None);
    let fetched = fetch(&front, "GET", "/feed.atom", &tag).await;
    assert_eq!(fetched.status, StatusCode::OK);
    assert!(fetched.text().contains("інший офіс"));
    newsroom.wait(1);
    let elsewhere = at_once(&front, "GET", "/topics/ekonomika/feed.rss", &[]).await;
    assert_eq!(elsewhere, None, "it was written before the change");
}

#[tokio::test]
async fn people_and_requests_are_counted_by_either_way() {
    let (newsroom, front) = settled(Newsroom::of(TestApp::new().await).await).await;
    let served = served(&newsroom.app).await;
    let agent = [("user-agent", "Feedly/1.0 (fetcher; 16 subscribers)")];
    for _ in 0..3 {
        at_once(&front, "GET", "/feed.atom", &agent).await.unwrap();
    }
    assert!(self::served(&newsroom.app).await >= served + 3);
    newsroom.app.tasks.close();
    newsroom.app.tasks.wait().await;
    let mut tx = newsroom.app.db.read().await.unwrap();
    let people = store::feed_reader::people(&mut tx, newsroom.app.now()).await;
    assert_eq!(people.unwrap(), [("/feed.atom".to_owned(), 16)]);
}

/// How many feeds were served by the count that operators see.
async fn served(app: &TestApp) -> u64 {
    let page = Browser::of(app).get("/metrics").await.body;
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("visnyk_feeds_served_total "));
    line.unwrap().parse().unwrap()
}
