//! Tags, dates and codings: nothing is sent twice, and nothing stale is confirmed.

use axum::http::StatusCode;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::web::feeds::support::Fetched;
use crate::web::feeds::support::Newsroom;
use crate::web::feeds::support::fetch;

on_both! {
    every_change_is_served_within_a_second,
}

const FEEDS: [&str; 5] = [
    "/feed.rss",
    "/departments/departament-ekonomiky/feed.atom",
    "/topics/ekonomika/feed.json",
    "/sources/1/feed.atom?full=0",
    "/feed",
];

async fn every_change_is_served_within_a_second(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let id = newsroom.publish("Створили офіс").await;
    let other = newsroom.article("Створили інший офіс");
    newsroom.wait(5_000);
    let mut held = fetch_all(&newsroom).await;
    for change in ["publish", "edit", "withdraw", "restore"] {
        match change {
            "publish" => drop(newsroom.publish("Відкрили міст").await),
            "edit" => newsroom.edit(id, &other).await,
            "withdraw" => newsroom.set_withdrawn(id, true).await,
            _ => newsroom.set_withdrawn(id, false).await,
        }
        newsroom.wait(1_000);
        for (path, held) in FEEDS.iter().zip(&held) {
            let conditions = [
                ("if-none-match", held.header("etag")),
                ("if-modified-since", held.header("last-modified")),
            ];
            let fetched = newsroom.get_with(path, &conditions).await;
            assert_eq!(fetched.status, StatusCode::OK, "{path} after {change}");
            assert_ne!(fetched.body, held.body, "{path} after {change}");
        }
        newsroom.wait(5_000);
        held = fetch_all(&newsroom).await;
        for (path, held) in FEEDS.iter().zip(&held) {
            let tag = [("if-none-match", held.header("etag"))];
            let date = [("if-modified-since", held.header("last-modified"))];
            for condition in [tag, date] {
                let fetched = newsroom.get_with(path, &condition).await;
                assert_eq!(
                    fetched.status,
                    StatusCode::NOT_MODIFIED,
                    "{path} {condition:?}"
                );
                assert!(fetched.body.is_empty());
            }
        }
    }
}

async fn fetch_all(newsroom: &Newsroom) -> Vec<Fetched> {
    let mut all = Vec::new();
    for path in FEEDS {
        all.push(newsroom.get(path).await);
    }
    all
}

#[tokio::test]
async fn every_coding_has_its_own_tag_and_the_304_repeats_the_headers() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    newsroom.publish("Створили офіс").await;
    newsroom.wait(5_000);
    let mut tags = Vec::new();
    for coding in ["", "gzip", "br", "zstd"] {
        let accept = ("accept-encoding", coding);
        let full = newsroom.get_with("/feed.atom", &[accept]).await;
        assert_eq!(full.header("content-encoding"), coding);
        assert_eq!(full.header("content-length"), full.body.len().to_string());
        let tag = full.header("etag").to_owned();
        let same = newsroom
            .get_with("/feed.atom", &[accept, ("if-none-match", &tag)])
            .await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED);
        for name in ["etag", "last-modified", "cache-control", "vary"] {
            assert_eq!(same.header(name), full.header(name), "{name}");
            assert_ne!(full.header(name), "", "{name}");
        }
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[tokio::test]
async fn a_tag_goes_before_a_date_and_a_broken_one_matches_nothing() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    newsroom.wait(5_000);
    let held = newsroom.get("/feed.rss").await;
    let date = ("if-modified-since", held.header("last-modified"));
    for tag in ["\"other\"", "\"\"", "x", "ї"] {
        let fetched = newsroom
            .get_with("/feed.rss", &[("if-none-match", tag), date])
            .await;
        assert_eq!(fetched.status, StatusCode::OK, "{tag}");
    }
    let list = format!("\"other\", W/{}", held.header("etag"));
    for tag in [list.as_str(), "*"] {
        let fetched = newsroom
            .get_with("/feed.rss", &[("if-none-match", tag)])
            .await;
        assert_eq!(fetched.status, StatusCode::NOT_MODIFIED, "{tag}");
    }
}

#[tokio::test]
async fn a_date_is_told_only_once_its_second_is_over() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    newsroom.publish("Створили офіс").await;
    let at_once = newsroom.get("/feed.rss").await;
    assert_eq!(at_once.header("last-modified"), "");
    newsroom.wait(2_000);
    let later = newsroom.get("/feed.rss").await;
    assert_eq!(
        later.header("last-modified"),
        "Mon, 01 Jun 2026 12:00:00 GMT"
    );
    assert_eq!(later.header("etag"), at_once.header("etag"));
}

#[tokio::test]
async fn what_happens_elsewhere_changes_no_feed() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    let id = newsroom.publish("Створили офіс").await;
    let mut elsewhere = newsroom.article("Створили офіс");
    elsewhere.topics.truncate(1);
    newsroom.edit(id, &elsewhere).await;
    newsroom.wait(5_000);
    let held = newsroom.get("/topics/ekonomika/feed.atom").await;
    newsroom.edit(id, &elsewhere).await;
    newsroom.wait(5_000);
    assert_eq!(newsroom.get("/topics/ekonomika/feed.atom").await, held);
}

#[tokio::test]
async fn the_date_of_a_topic_tells_that_an_article_left_it() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    let id = newsroom.publish("Створили офіс").await;
    newsroom.wait(60_000);
    let held = newsroom.get("/topics/ekonomika/feed.atom").await;
    let mut elsewhere = newsroom.article("Створили офіс");
    elsewhere.topics.truncate(1);
    newsroom.edit(id, &elsewhere).await;
    newsroom.wait(60_000);
    let condition = [("if-modified-since", held.header("last-modified"))];
    let fresh_process = newsroom.another_process();
    let path = "/topics/ekonomika/feed.atom";
    let fetched = fetch(&fresh_process, "GET", path, &condition).await;
    assert_eq!(fetched.status, StatusCode::OK);
    assert_eq!(
        fetched.header("last-modified"),
        "Mon, 01 Jun 2026 12:01:00 GMT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_requests_are_written_for_once() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    newsroom.publish("Створили офіс").await;
    let routes = newsroom.another_process();
    let readers = (0..32).map(|_| fetch(&routes, "GET", "/feed.rss", &[]));
    let fetched = at_once(readers).await;
    let places: Vec<*const u8> = fetched.iter().map(|one| one.body.as_ptr()).collect();
    assert_eq!(places.len(), 32);
    assert!(
        places.iter().all(|place| *place == places[0]),
        "the same bytes in memory"
    );
}

async fn at_once<F: Future<Output = Fetched>>(futures: impl Iterator<Item = F>) -> Vec<Fetched> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        pending.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(fetched) => {
                done.push(fetched);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}
