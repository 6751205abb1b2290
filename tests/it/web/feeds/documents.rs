//! What is served at which address.

use axum::http::StatusCode;

use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::web::feeds::support::Newsroom;

on_both! {
    every_place_has_a_feed_in_every_format,
    a_feed_tells_the_address_it_was_fetched_from,
    the_directory_and_the_sitemap_list_what_is_there,
    a_query_narrows_a_feed,
    identifiers_stay_when_the_address_changes,
    only_other_settings_make_everything_look_new,
}

const PLACES: [&str; 4] = [
    "",
    "/departments/departament-ekonomiky",
    "/topics/ekonomika",
    "/sources/1",
];

async fn every_place_has_a_feed_in_every_format(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    newsroom.publish("Створили офіс").await;
    let types = [
        ("rss", "application/rss+xml; charset=utf-8"),
        ("atom", "application/atom+xml; charset=utf-8"),
        ("json", "application/feed+json"),
        ("html", "text/html; charset=utf-8"),
    ];
    for place in PLACES {
        for (extension, media_type) in types {
            let path = format!("{place}/feed.{extension}");
            let fetched = newsroom.get(&path).await;
            assert_eq!(fetched.status, StatusCode::OK, "{path}");
            assert_eq!(fetched.header("content-type"), media_type, "{path}");
            assert!(fetched.text().contains("Створили офіс"), "{path}");
            let head = newsroom.fetch("HEAD", &path, &[]).await;
            assert!(head.body.is_empty(), "{path}");
            assert_eq!(head.headers, fetched.headers, "{path}");
        }
    }
}

async fn a_feed_tells_the_address_it_was_fetched_from(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    newsroom.publish("Створили офіс").await;
    for place in PLACES {
        for end in [
            ".rss",
            ".atom",
            ".json",
            "",
            ".rss?full=0",
            ".atom?full=0",
            ".json?full=0",
            "?full=0",
        ] {
            let path = format!("{place}/feed{end}");
            let fetched = newsroom.get(&path).await;
            let own = format!("\"https://news.example.org{path}\"");
            assert!(fetched.text().contains(&own), "{path}: {}", fetched.text());
            let whole = fetched.text().contains("облвійськадміністрації");
            assert_eq!(whole, !end.contains("full=0"), "{path}");
        }
    }
}

async fn the_directory_and_the_sitemap_list_what_is_there(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let (shown, hidden) = (
        newsroom.publish("Перша").await,
        newsroom.publish("Друга").await,
    );
    newsroom.set_withdrawn(hidden, true).await;
    let directory = newsroom.get("/feeds.opml").await;
    assert_eq!(
        directory.header("content-type"),
        "text/x-opml; charset=utf-8"
    );
    for place in PLACES {
        let feed = format!("xmlUrl=\"https://news.example.org{place}/feed.atom\"");
        assert!(directory.text().contains(&feed), "{place}");
    }
    let sitemap = newsroom.get("/sitemap.xml").await;
    assert_eq!(sitemap.header("content-type"), "application/xml");
    assert!(sitemap.text().contains(&format!("/articles/{shown}</loc>")));
    assert!(
        !sitemap
            .text()
            .contains(&format!("/articles/{hidden}</loc>"))
    );
    assert!(sitemap.text().contains("/topics/ekonomika</loc>"));
    assert!(sitemap.text().contains("<news:title>Перша</news:title>"));
    newsroom.wait(49 * 3_600_000);
    let sitemap = newsroom.get("/sitemap.xml").await;
    assert!(sitemap.text().contains(&format!("/articles/{shown}</loc>")));
    assert!(!sitemap.text().contains("<news:title>"));
    assert_eq!(newsroom.get("/sitemap/1.xml").await.body, sitemap.body);
    for missing in ["0.xml", "2.xml", "01.xml", "1", "x.xml"] {
        let path = format!("/sitemap/{missing}");
        assert_eq!(newsroom.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    newsroom
        .app
        .sql("UPDATE counter SET value = value + 90000 WHERE name = 'article'")
        .await;
    newsroom.publish("Третя").await;
    newsroom.wait(1_000);
    let index = newsroom.get("/sitemap.xml").await;
    assert!(index.text().contains("<sitemapindex"));
    assert_eq!(index.text().matches("<loc>").count(), 3);
    assert!(
        newsroom
            .get("/sitemap/3.xml")
            .await
            .text()
            .contains("<news:title>Третя")
    );
}

async fn a_query_narrows_a_feed(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let [department, tag] = newsroom.topics;
    let articles = [
        ("Обидві", vec![department, tag], "uk"),
        ("Відомча", vec![department], "uk"),
        ("Жодна", vec![], "en-GB"),
    ];
    for (title, topics, language) in articles {
        let id = newsroom.publish(title).await;
        let mut article = newsroom.article(title);
        article.topics = topics;
        article.language = language.to_owned();
        newsroom.edit(id, &article).await;
    }
    let cases = [
        ("?topic=ekonomika", "Обидві"),
        ("?topic=departament-ekonomiky", "Відомча Обидві"),
        (
            "?topic=departament-ekonomiky&topic=ekonomika",
            "Відомча Обидві",
        ),
        ("?topic=departament-ekonomiky&not=ekonomika", "Відомча"),
        ("?not=departament-ekonomiky", "Жодна"),
        ("?not=ekonomika&lang=uk&full=0", "Відомча"),
        ("?lang=en", "Жодна"),
        ("?lang=e", ""),
    ];
    for (query, expected) in cases {
        for place in ["", "/sources/1"] {
            let path = format!("{place}/feed.json{query}");
            let feed = newsroom.get(&path).await;
            let json: serde_json::Value = serde_json::from_slice(&feed.body).unwrap();
            let items = json["items"].as_array().unwrap().iter();
            let titles: Vec<&str> = items.map(|item| item["title"].as_str().unwrap()).collect();
            assert_eq!(titles.join(" "), expected, "{path}");
            assert_eq!(json["feed_url"], format!("https://news.example.org{path}"));
        }
    }
    let within = newsroom
        .get("/departments/departament-ekonomiky/feed.atom?not=ekonomika")
        .await;
    assert!(within.text().contains("Відомча") && !within.text().contains("Обидві"));
    let page = newsroom.get("/feed.html?lang=en").await;
    assert!(page.text().contains("/feed.rss?lang=en\""));
    let unknown = newsroom.get("/feed.rss?topic=ekonomika&not=nowhere").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn robots_are_led_to_the_sitemap_and_away_from_personal_links() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    let robots = newsroom.get("/robots.txt").await;
    assert!(
        robots
            .text()
            .contains("\nSitemap: https://news.example.org/sitemap.xml\n")
    );
    for path in ["/admin", "/confirm", "/leave", "/my/", "/preferences"] {
        assert!(robots.text().contains(&format!("\nDisallow: {path}\n")));
    }
}

#[tokio::test]
async fn people_get_a_page_and_programs_a_feed() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    newsroom.publish("Створили офіс").await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let cases = [
        (browser, "text/html; charset=utf-8"),
        ("*/*", "application/atom+xml; charset=utf-8"),
        (
            "application/rss+xml, text/html",
            "application/atom+xml; charset=utf-8",
        ),
        ("text/html;q=0, */*", "application/atom+xml; charset=utf-8"),
        ("text/html;q=0.1", "text/html; charset=utf-8"),
    ];
    for place in PLACES {
        for (accept, media_type) in cases {
            let path = format!("{place}/feed");
            let fetched = newsroom.get_with(&path, &[("accept", accept)]).await;
            assert_eq!(fetched.header("content-type"), media_type, "{accept}");
            assert!(fetched.header("vary").starts_with("Accept, "));
        }
        let silent = newsroom.get(&format!("{place}/feed")).await;
        assert!(silent.text().contains("<feed"));
        let rss = newsroom
            .get_with(&format!("{place}/feed.rss"), &[("accept", browser)])
            .await;
        assert!(rss.text().contains("<rss"));
    }
}

#[tokio::test]
async fn the_page_speaks_the_language_asked_for() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    let english = [("accept-language", "en-GB, uk;q=0.5")];
    let by_header = newsroom.get_with("/feed.html", &english).await;
    assert!(by_header.text().contains("<html lang=\"en\">"));
    let by_address = newsroom.get_with("/feed.html?l=uk", &english).await;
    assert!(by_address.text().contains("<html lang=\"uk\">"));
    let by_site = newsroom.get("/feed.html").await;
    assert!(by_site.text().contains("<html lang=\"uk\">"));
}

#[tokio::test]
async fn other_spellings_lead_to_the_one_address() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    let cases = [
        ("/feed.rss?full=1", "/feed.rss"),
        ("/feed.rss?", "/feed.rss"),
        (
            "/topics/ekonomika/feed.atom?utm_source=a&full=0",
            "/topics/ekonomika/feed.atom?full=0",
        ),
        ("/sources/01/feed.json", "/sources/1/feed.json"),
    ];
    for (path, to) in cases {
        let fetched = newsroom.get(path).await;
        assert_eq!(fetched.status, StatusCode::MOVED_PERMANENTLY, "{path}");
        assert_eq!(
            fetched.header("location"),
            format!("https://news.example.org{to}")
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_may_not_be_done_405() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    let missing = [
        "/feed.xml",
        "/topics/nowhere/feed.rss",
        "/departments/ekonomika/feed.rss",
        "/sources/9/feed.atom",
        "/sources/x/feed.atom",
        "/sources/99999999999999999999/feed.atom",
        "/topics/%D1%97/feed.html",
        "/topics//feed",
    ];
    for path in missing {
        assert_eq!(
            newsroom.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let fetched = newsroom.fetch(method, "/feed.rss", &[]).await;
        assert_eq!(fetched.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn a_feed_has_the_fifty_newest() {
    let newsroom = Newsroom::of(TestApp::new().await).await;
    for number in 1..=51 {
        newsroom.publish(&format!("Новина {number}.")).await;
    }
    let feed = newsroom.get("/feed.atom?full=0").await;
    assert_eq!(feed.text().matches("<entry>").count(), 50);
    assert!(feed.text().contains("Новина 51.") && !feed.text().contains("Новина 1."));
}

#[tokio::test]
async fn a_licence_is_told_in_the_header_too() {
    let licence = "https://creativecommons.org/licenses/by/4.0/";
    let settings = [("VISNYK_SITE__LICENCE", licence)];
    let newsroom = Newsroom::of(TestApp::on(Kind::Sqlite, settings).await).await;
    let feed = newsroom.get("/feed.rss").await;
    assert_eq!(feed.header("link"), format!("<{licence}>; rel=\"license\""));
    assert!(feed.text().contains(licence));
}

async fn identifiers_stay_when_the_address_changes(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let id = newsroom.publish("Створили офіс").await;
    let tag = format!("tag:news.example.org,2026:article/{id}");
    assert!(newsroom.get("/feed.atom").await.text().contains(&tag));
    newsroom.wait(400 * 24 * 3_600_000);
    let moved = newsroom.app.restarted("https://visnyk.example").await;
    assert_eq!(moved.links.article_id(id), tag);
    let page = format!("https://visnyk.example/articles/{id}");
    assert_eq!(moved.links.article(id), page);
}

async fn only_other_settings_make_everything_look_new(database: TestDb) {
    let newsroom = Newsroom::over(database).await;
    let since = newsroom.app.look_since;
    newsroom.wait(60_000);
    let same = newsroom
        .app
        .restarted(&newsroom.app.settings.base_url)
        .await;
    assert_eq!(same.look_since, since);
    let other = newsroom.app.restarted("https://visnyk.example").await;
    assert_eq!(other.look_since, newsroom.app.now());
}
