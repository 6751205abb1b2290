//! Readers that ask only for what they lack, archives for those who want it all, and what a feed
//! says of articles that went.

use std::collections::BTreeSet;

use axum::http::StatusCode;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::web::feeds::support::Fetched;
use crate::web::feeds::support::Newsroom;
use crate::web::feeds::support::fetch;

on_both! {
    a_reader_gets_only_what_it_lacks_from_any_process,
    a_withdrawn_article_leaves_a_tombstone,
    archives_hold_every_article_once,
}

const FORMATS: [&str; 3] = ["/feed.rss", "/topics/ekonomika/feed.atom", "/feed.json"];

async fn poll(newsroom: &Newsroom, path: &str, held: &Fetched) -> Fetched {
    let conditions = [("a-im", "feed"), ("if-none-match", held.header("etag"))];
    newsroom.get_with(path, &conditions).await
}

async fn a_reader_gets_only_what_it_lacks_from_any_process(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let first = newsroom.publish("Перша").await;
    newsroom.publish("Друга").await;
    for path in FORMATS {
        let held = newsroom.get(path).await;
        let same = poll(&newsroom, path, &held).await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{path}");
        let title = format!("Третя {}", path.len());
        newsroom.publish(&title).await;
        newsroom.wait(1_000);
        let elsewhere = newsroom.another_process();
        let conditions = [
            ("a-im", "feed;q=0.5, vcdiff"),
            ("if-none-match", held.header("etag")),
        ];
        let newer = fetch(&elsewhere, "GET", path, &conditions).await;
        assert_eq!(newer.status, StatusCode::IM_USED, "{path}");
        assert_eq!(newer.header("im"), "feed");
        assert_eq!(newer.header("cache-control"), "no-store, im");
        assert_eq!(newer.header("delta-base"), held.header("etag"));
        assert!(newer.header("vary").contains("A-IM, If-None-Match"));
        assert!(newer.text().contains(&title));
        assert!(!newer.text().contains("Друга"), "{path}");
        let whole = newsroom.get(path).await;
        assert_eq!(newer.header("etag"), whole.header("etag"), "{path}");
        let same = poll(&newsroom, path, &newer).await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{path}");
        // An edit is something new, too.
        let edited = newsroom.article(&format!("Перша, виправлена {}", path.len()));
        newsroom.edit(first, &edited).await;
        newsroom.wait(1_000);
        let newer = poll(&newsroom, path, &newer).await;
        assert_eq!(newer.status, StatusCode::IM_USED, "{path}");
        assert!(newer.text().contains("виправлена") && !newer.text().contains(&title));
    }
}

#[tokio::test]
async fn without_a_word_of_it_or_a_tag_we_know_the_feed_comes_whole() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    newsroom.publish("Перша").await;
    let held = newsroom.get("/feed.atom").await;
    newsroom.publish("Друга").await;
    newsroom.wait(1_000);
    let tag = held.header("etag");
    let own = tag.trim_matches('"');
    let (bare, mark) = own.split_once('.').unwrap();
    let (version, look) = mark.split_once('.').unwrap();
    let tags = [
        "\"\"".to_owned(),
        "\"other\"".to_owned(),
        format!("\"{bare}\""),
        format!("\"{bare}.{version}.1\""),
        format!("\"{bare}.99999.{look}\""),
        format!("\"{bare}.0.{look}\""),
    ];
    for tag in &tags {
        let conditions = [("a-im", "feed"), ("if-none-match", tag)];
        let fetched = newsroom.get_with("/feed.atom", &conditions).await;
        assert_eq!(fetched.status, StatusCode::OK, "{tag}");
    }
    for manipulation in ["", "gzip", "feed;q=0", "feeds"] {
        let conditions = [("a-im", manipulation), ("if-none-match", tag)];
        let fetched = newsroom.get_with("/feed.atom", &conditions).await;
        assert_eq!(fetched.status, StatusCode::OK, "{manipulation}");
    }
    let alone = newsroom.get_with("/feed.atom", &[("a-im", "feed")]).await;
    assert_eq!(alone.status, StatusCode::OK);
}

async fn a_withdrawn_article_leaves_a_tombstone(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let id = newsroom.publish("Перша").await;
    newsroom.publish("Друга").await;
    newsroom.wait(60_000);
    let held = newsroom.get("/feed.atom").await;
    newsroom.set_withdrawn(id, true).await;
    newsroom.wait(1_000);
    let grave = format!("ref=\"tag:news.example.org,2026:article/{id}\"");
    for path in [
        "/feed.atom",
        "/sources/1/feed.atom",
        "/feed.atom?topic=ekonomika",
    ] {
        let feed = newsroom.get(path).await;
        assert!(feed.text().contains("<at:deleted-entry"), "{path}");
        assert!(feed.text().contains(&grave), "{path}");
        assert!(
            feed.text().contains("when=\"2026-06-01T12:01:00+00:00\""),
            "{path}"
        );
    }
    let newer = poll(&newsroom, "/feed.atom", &held).await;
    assert_eq!(newer.status, StatusCode::IM_USED);
    assert!(newer.text().contains(&grave) && !newer.text().contains("<entry>"));
    newsroom.set_withdrawn(id, false).await;
    newsroom.wait(1_000);
    let feed = newsroom.get("/feed.atom").await;
    assert!(!feed.text().contains("deleted-entry") && feed.text().contains("Перша"));
}

async fn archives_hold_every_article_once(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    for number in 1..=124 {
        newsroom.publish(&format!("Новина {number}")).await;
    }
    newsroom.wait(1_000);
    for end in ["rss", "atom"] {
        let live = newsroom.get(&format!("/feed.{end}")).await;
        let mut seen: BTreeSet<String> = titles(&live).into_iter().collect();
        let mut next = link(&live, "prev-archive");
        let mut archives = Vec::new();
        while let Some(path) = next {
            let archive = newsroom.get(&path).await;
            assert_eq!(archive.status, StatusCode::OK, "{path}");
            assert!(archive.text().contains("<fh:archive"), "{path}");
            assert_eq!(link(&archive, "self").as_ref(), Some(&path));
            assert_eq!(link(&archive, "current"), Some(format!("/feed.{end}")));
            seen.extend(titles(&archive));
            next = link(&archive, "prev-archive");
            archives.push(archive);
        }
        assert_eq!(archives.len(), 2);
        assert_eq!(seen.len(), 124, "{end}");
        let expected = Some(format!("/feed/archive/2.{end}"));
        assert_eq!(link(&archives[1], "next-archive"), expected);
    }
    let first = newsroom.get("/feed/archive/1.atom").await;
    for number in 125..=130 {
        newsroom.publish(&format!("Новина {number}")).await;
    }
    newsroom.wait(1_000);
    let later = newsroom.get("/feed/archive/1.atom").await;
    assert_eq!(later.body, first.body, "an archive stays what it is");
    for missing in [
        "0.atom", "3.atom", "01.atom", "x.atom", "1.json", "1", "-1.rss",
    ] {
        let path = format!("/feed/archive/{missing}");
        assert_eq!(
            newsroom.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

fn titles(feed: &Fetched) -> Vec<String> {
    let titles = feed.text().split("Новина ").skip(1);
    let number = |rest: &str| {
        rest.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    titles.map(number).collect()
}

/// The path of the feed's link with this relation.
fn link(feed: &Fetched, relation: &str) -> Option<String> {
    let tags = feed.text().split('<');
    let mut links = tags.filter(|tag| tag.contains(&format!("rel=\"{relation}\"")));
    let (_, after) = links
        .next()?
        .split_once("href=\"https://news.example.org")?;
    Some(after.split_once('"')?.0.to_owned())
}
