//! Feeds of what was searched for, of a list's digests, and of one reader's subscription.

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::audience::list::List;
use visnyk::audience::private_feed;
use visnyk::audience::sign_up;
use visnyk::audience::subscription::TopicChoice;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::web::feeds::support::Newsroom;

on_both! {
    a_search_is_a_feed_of_what_is_found_newest_first,
    the_feed_of_a_list_holds_the_digests_it_sent,
    a_subscription_can_be_read_as_a_feed_until_its_owner_takes_it_back,
    services_tell_how_many_people_read_a_feed,
}

async fn a_search_is_a_feed_of_what_is_found_newest_first(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    newsroom.publish("Відкрили міст").await;
    newsroom.publish("Збудують дорогу").await;
    newsroom.publish("Мости області").await;
    let query = "q=%D0%BC%D1%96%D1%81%D1%82"; // міст
    for end in ["rss", "atom", "json", "html"] {
        let path = format!("/search/feed.{end}?{query}");
        let feed = newsroom.get(&path).await;
        assert_eq!(feed.status, StatusCode::OK, "{path}");
        let own = format!("https://news.example.org{path}\"");
        assert!(feed.text().contains(&own), "{path}");
        let places = ["Відкрили міст", "Збудують"].map(|title| feed.text().find(title));
        assert!(places[0].is_some() && places[1].is_none(), "{path}");
    }
    let narrowed = format!("/search/feed.json?{query}&topic=ekonomika&lang=en");
    let narrowed = newsroom.get(&narrowed).await;
    assert!(!narrowed.text().contains("Відкрили"));
    let path = format!("/search/feed.atom?{query}");
    let held = newsroom.get(&path).await;
    newsroom.publish("Ще один міст").await;
    newsroom.wait(1_000);
    let conditions = [("a-im", "feed"), ("if-none-match", held.header("etag"))];
    let newer = newsroom.get_with(&path, &conditions).await;
    assert_eq!(newer.status, StatusCode::IM_USED);
    for nothing in [
        "/search/feed.rss",
        "/search/feed.rss?q=%22*",
        "/search/feed.atom?q=",
    ] {
        assert_eq!(
            newsroom.get(nothing).await.status,
            StatusCode::NOT_FOUND,
            "{nothing}"
        );
    }
}

async fn the_feed_of_a_list_holds_the_digests_it_sent(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let app = &newsroom.app;
    let list = app.add_list("all").await;
    app.subscribe(&list, &TestApp::wish("olena@example.com"))
        .await;
    let withdrawn = newsroom.publish("Новина-1").await;
    newsroom.publish("Новина-2").await;
    let before = newsroom.get("/lists/all/feed.atom").await;
    assert!(!before.text().contains("<entry>"));
    newsroom.wait(24 * 3_600_000);
    app.tick().await;
    newsroom.wait(1_000);
    for end in ["rss", "atom", "json", "html"] {
        let feed = newsroom.get(&format!("/lists/all/feed.{end}")).await;
        assert_eq!(feed.status, StatusCode::OK, "{end}");
        assert!(feed.text().contains("Новина-2"), "{end}: {}", feed.text());
        assert!(
            feed.text()
                .contains("https://news.example.org/archive/all/1"),
            "{end}"
        );
        assert!(!feed.text().contains("olena"), "{end}");
    }
    let atom = newsroom.get("/lists/all/feed.atom").await;
    assert!(atom.text().contains("tag:news.example.org,2026:digest/1<"));
    newsroom.set_withdrawn(withdrawn, true).await;
    newsroom.wait(1_000);
    let atom = newsroom.get("/lists/all/feed.atom").await;
    assert!(!atom.text().contains("Новина-1") && atom.text().contains("Новина-2"));
    assert_eq!(
        newsroom.get("/lists/none/feed.atom").await.status,
        StatusCode::NOT_FOUND
    );
    app.letters();
}

async fn a_subscription_can_be_read_as_a_feed_until_its_owner_takes_it_back(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let app = &newsroom.app;
    let list: List = app.add_list("all").await;
    let mut wish = TestApp::wish("olena@example.com");
    wish.topics = TopicChoice::of(vec![newsroom.topics[1]]);
    let standing = app.subscribe(&list, &wish).await;
    let id = standing.subscription.id;
    let mut elsewhere = newsroom.article("Деінде");
    elsewhere.topics.truncate(1);
    let other = newsroom.publish("Деінде").await;
    newsroom.edit(other, &elsewhere).await;
    newsroom.publish("За темою").await;
    assert_eq!(private_feed::address(app, id).await.unwrap(), None);
    let first = private_feed::open(app, id).await.unwrap();
    assert_eq!(
        private_feed::address(app, id).await.unwrap().as_ref(),
        Some(&first)
    );
    let path = first.strip_prefix("https://news.example.org").unwrap();
    let feed = newsroom.get(path).await;
    assert_eq!(feed.status, StatusCode::OK);
    assert_eq!(feed.header("cache-control"), "private, max-age=300");
    assert_eq!(feed.header("x-robots-tag"), "noindex");
    assert!(feed.text().contains("rel=\"self\"") && feed.text().contains(&first));
    assert!(feed.text().contains("За темою") && !feed.text().contains("Деінде"));
    assert!(!feed.text().contains("olena"));
    let same = [("if-none-match", feed.header("etag"))];
    assert_eq!(
        newsroom.get_with(path, &same).await.status,
        StatusCode::NOT_MODIFIED
    );
    let second = private_feed::open(app, id).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(newsroom.get(path).await.status, StatusCode::GONE);
    let path = second.strip_prefix("https://news.example.org").unwrap();
    assert_eq!(newsroom.get(path).await.status, StatusCode::OK);
    private_feed::close(app, id).await.unwrap();
    private_feed::close(app, id).await.unwrap();
    assert_eq!(newsroom.get(path).await.status, StatusCode::GONE);
    let third = private_feed::open(app, id).await.unwrap();
    let path = third.strip_prefix("https://news.example.org").unwrap();
    assert_eq!(newsroom.get(path).await.status, StatusCode::OK);
    sign_up::leave(app, &standing, "page", "Відписатися")
        .await
        .unwrap();
    assert_eq!(newsroom.get(path).await.status, StatusCode::GONE);
    let forged = path.replacen("/my/1", "/my/2", 1);
    assert_eq!(newsroom.get(&forged).await.status, StatusCode::NOT_FOUND);
}

async fn services_tell_how_many_people_read_a_feed(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let said = [
        (
            "/feed.rss",
            "Feedly/1.0 (http://www.feedly.com/fetcher.html; 16 subscribers)",
        ),
        ("/feed.rss", "Feedbin feed-id:1 - 4 subscribers"),
        (
            "/feed.rss",
            "Feedly/1.0 (http://www.feedly.com/fetcher.html; 17 subscribers)",
        ),
        ("/feed.atom", "newsboat/2.21.0"),
        (
            "/topics/ekonomika/feed.atom",
            "NewsBlur Feed Fetcher - 2 subscribers",
        ),
    ];
    for (path, user_agent) in said {
        newsroom.get_with(path, &[("user-agent", user_agent)]).await;
        newsroom.app.tasks.close();
        newsroom.app.tasks.wait().await;
        newsroom.app.tasks.reopen();
    }
    let people = people(&newsroom).await;
    let expected = [("/feed.rss", 21), ("/topics/ekonomika/feed.atom", 2)];
    assert_eq!(
        people,
        expected.map(|(feed, people)| (feed.to_owned(), people))
    );
    newsroom.app.wait(TimeDelta::days(15));
    assert_eq!(self::people(&newsroom).await, []);
}

async fn people(newsroom: &Newsroom) -> Vec<(String, i64)> {
    let mut tx = newsroom.app.db.read().await.unwrap();
    visnyk::store::feed_reader::people(&mut tx, newsroom.app.now())
        .await
        .unwrap()
}
