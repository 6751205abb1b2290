//! What an address turns out to be.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use visnyk::source::Selectors;
use visnyk::source::Source;
use visnyk::source::SourceId;
use visnyk::source::SourceKind;
use visnyk::source::SourceUrl;
use visnyk::source::discover::Doubt;
use visnyk::source::discover::Found;
use visnyk::source::discover::discover;
use visnyk::source::poll;
use visnyk::source::poll::Polled;
use visnyk::store;
use visnyk::store::source::NewSource;

use crate::support::app::TestApp;
use crate::support::origin::Origin;
use crate::support::origin::Reply;
use crate::support::origin::answer;

const FEED: &str = r#"<rss version="2.0"><channel><title>Новини ОВА</title><language>uk</language>
    <item><title>Перша</title><link>https://ova.example/1</link></item>
    <item><title>Друга</title><link>https://ova.example/2</link></item></channel></rss>"#;
const SITEMAP: &str = r#"<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
    <url><loc>https://ova.example/news/1</loc><lastmod>2026-05-01</lastmod></url></urlset>"#;
const LISTING: &str = r#"<!doctype html><html lang="uk"><head><title>Новини</title></head><body><main>
    <article><h2><a href="/news/pershyi">Перший офіс відкрито в області</a></h2><time datetime="2026-05-01T10:00:00+03:00"></time></article>
    <article><h2><a href="/news/druhyi">Другий міст відремонтовано вчасно</a></h2><time datetime="2026-05-02T10:00:00+03:00"></time></article>
    <article><h2><a href="/news/tretii">Третя школа прийняла учнів восени</a></h2><time datetime="2026-05-03T10:00:00+03:00"></time></article>
    </main></body></html>"#;

fn html(body: &str) -> Reply {
    answer(
        "200 OK",
        &[("Content-Type", "text/html; charset=utf-8")],
        body,
    )
}

/// A page whose head says `links`, with a list of articles in its body.
fn page(links: &str) -> Reply {
    html(&LISTING.replace("<head>", &format!("<head>{links}")))
}

async fn found_at(path: &str) -> (Found, Origin) {
    let app = TestApp::new().await;
    let origin = Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/feed" | "/second" => answer("200 OK", &[("Content-Type", "text/plain")], FEED),
        "/empty" => answer("200 OK", &[], "<rss version='2.0'><channel/></rss>"),
        "/sitemap.xml" => answer("200 OK", &[], SITEMAP),
        "/" => page(
            r#"<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments">
               <link rel="alternate" type="application/rss+xml" href="/empty">
               <link rel="alternate" type="application/atom+xml" href="/feed">
               <link rel="alternate" type="application/rss+xml" href="/second">"#,
        ),
        "/dead-feed" => page(r#"<link rel="alternate" type="application/rss+xml" href="/gone">"#),
        "/under-load" => page(
            r#"<link rel="alternate" type="application/rss+xml" href="/busy">
               <link rel="alternate" type="application/rss+xml" href="/feed">"#,
        ),
        "/news" => page(""),
        "/said" => answer(
            "200 OK",
            &[
                ("Content-Type", "text/html"),
                (
                    "Link",
                    r#"</feed>; rel="alternate"; type="application/rss+xml""#,
                ),
            ],
            "<html><body><p>Ми є.</p></body></html>",
        ),
        "/about" => {
            html("<html><head><title>Про нас</title></head><body><p>Ми є.</p></body></html>")
        }
        "/busy" => answer("429 Too Many Requests", &[("Retry-After", "3600")], ""),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let found = discover(&app.app, &origin.url(path)).await.unwrap();
    app.finish().await;
    (found, origin)
}

#[tokio::test]
async fn a_feed_is_itself_whatever_it_is_served_as() {
    let (found, origin) = found_at("/feed").await;
    assert_eq!(found.kind, SourceKind::Feed);
    assert_eq!(found.title.as_deref(), Some("Новини ОВА"));
    assert_eq!(found.language.as_deref(), Some("uk"));
    let newest: Vec<&str> = found.newest.iter().map(|one| one.title.as_str()).collect();
    assert_eq!((found.articles, newest), (2, vec!["Перша", "Друга"]));
    assert_eq!(found.problem, None);
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn a_page_stands_for_the_first_feed_that_holds_articles() {
    let (found, origin) = found_at("/").await;
    assert_eq!(
        (found.url, found.kind, found.articles),
        (origin.url("/feed"), SourceKind::Feed, 2)
    );
    assert_eq!(
        found.others,
        [
            origin.url("/empty"),
            origin.url("/second"),
            origin.url("/comments")
        ]
    );
    assert_eq!(origin.asked().len(), 3, "the page, and two feeds");
}

#[tokio::test]
async fn a_list_of_articles_is_one_also_where_its_feed_is_dead() {
    for path in ["/news", "/dead-feed"] {
        let (found, origin) = found_at(path).await;
        assert_eq!(
            (found.url, found.kind, found.articles),
            (origin.url(path), SourceKind::Listing, 3),
            "{path}"
        );
        assert_eq!(found.newest[0].title, "Перший офіс відкрито в області");
    }
}

#[tokio::test]
async fn a_sitemap_is_one() {
    let (found, _origin) = found_at("/sitemap.xml").await;
    assert_eq!((found.kind, found.articles), (SourceKind::Sitemap, 1));
}

#[tokio::test]
async fn what_gives_no_articles_is_kept_with_the_reason() {
    let (found, _origin) = found_at("/about").await;
    assert_eq!(found.kind, SourceKind::Auto);
    assert!(found.problem.unwrap().to_string().contains("--item"));
    let (found, _origin) = found_at("/nothing").await;
    assert_eq!((found.kind, found.articles), (SourceKind::Auto, 0));
    assert!(found.problem.unwrap().to_string().contains("404"));
    let (found, _origin) = found_at("/empty").await;
    assert_eq!(
        (found.kind, found.problem),
        (SourceKind::Feed, Some(Doubt::Empty))
    );
    let (found, origin) = found_at("/busy").await;
    assert!(found.problem.unwrap().to_string().contains("429"));
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn a_site_that_wants_to_be_left_alone_is_asked_no_further() {
    let (found, origin) = found_at("/under-load").await;
    assert_eq!((found.kind, found.articles), (SourceKind::Listing, 3));
    let asked: Vec<String> = origin.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/under-load", "/busy"]);
}

#[tokio::test]
async fn a_feed_that_only_a_header_announces_is_found() {
    let (found, origin) = found_at("/said").await;
    assert_eq!((found.url, found.articles), (origin.url("/feed"), 2));
}

#[tokio::test]
async fn a_list_gets_selectors_to_have_it_in_hand() {
    let (found, _origin) = found_at("/news").await;
    let selectors = found.selectors.unwrap();
    assert_eq!(selectors.item.as_deref(), Some("body > main > article"));
    assert_eq!(selectors.title.as_deref(), Some("h2"));
    assert_eq!(selectors.date.as_deref(), Some("time"));
    let published = found.newest[0].published.unwrap();
    assert_eq!(published.to_rfc3339(), "2026-05-01T10:00:00+03:00");
}

#[tokio::test]
async fn a_site_without_feed_or_list_is_read_by_the_sitemap_in_its_robots_txt() {
    let app = TestApp::new().await;
    let here = Arc::new(OnceLock::new());
    let base: Arc<OnceLock<String>> = Arc::clone(&here);
    let origin = Origin::routed("127.0.0.1", move |asked| match asked.path.as_str() {
        "/robots.txt" => answer(
            "200 OK",
            &[],
            format!(
                "User-agent: *\nDisallow: /admin\nSitemap: {}/map.xml\n",
                base.get().unwrap()
            ),
        ),
        "/map.xml" => answer("200 OK", &[], SITEMAP),
        _ => html("<html><body><p>Ми є.</p></body></html>"),
    })
    .await;
    here.set(origin.at("")).unwrap();
    let found = discover(&app.app, &origin.url("/")).await.unwrap();
    assert_eq!(
        (found.url, found.kind, found.articles),
        (origin.url("/map.xml"), SourceKind::Sitemap, 1)
    );
    app.finish().await;
}

async fn add(app: &TestApp, url: &SourceUrl) -> SourceId {
    let new = NewSource {
        url: url.clone(),
        kind: SourceKind::Auto,
        name: "ОВА".to_owned(),
        selectors: Selectors::default(),
        every: TimeDelta::minutes(15),
    };
    let mut tx = app.db.begin().await.unwrap();
    let id = store::source::add(&mut tx, &new, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    id.unwrap()
}

async fn source(app: &TestApp, id: SourceId) -> Source {
    let mut tx = app.db.read().await.unwrap();
    store::source::find(&mut tx, id).await.unwrap().unwrap()
}

/// A site that, once `is_down`, shows the same page for every address.
async fn site(is_down: &Arc<AtomicBool>) -> Origin {
    let is_down = Arc::clone(is_down);
    Origin::routed("127.0.0.1", move |asked| match asked.path.as_str() {
        _ if is_down.load(Ordering::SeqCst) => page(""),
        "/feed" => answer("200 OK", &[("Content-Type", "text/xml")], FEED),
        "/" => page(r#"<link rel="alternate" type="application/rss+xml" href="/feed">"#),
        _ => page(""),
    })
    .await
}

#[tokio::test]
async fn an_open_source_becomes_the_feed_that_its_page_announces() {
    let app = TestApp::new().await;
    let is_down = Arc::new(AtomicBool::new(false));
    let origin = site(&is_down).await;
    let id = add(&app, &origin.url("/")).await;
    let polled = poll::poll(&app, source(&app, id).await).await.unwrap();
    assert!(matches!(polled, Polled::Read { taken, .. } if taken.new == 2));
    let settled = source(&app, id).await;
    assert_eq!(
        (settled.url, settled.kind),
        (origin.url("/feed"), SourceKind::Feed)
    );
    // The site's "we'll be back soon", which looks like a list, is no news of a feed's.
    is_down.store(true, Ordering::SeqCst);
    app.wait(TimeDelta::hours(1));
    let polled = poll::poll(&app, source(&app, id).await).await.unwrap();
    assert!(matches!(polled, Polled::Failed { .. }), "{polled:?}");
    app.finish().await;
}

#[tokio::test]
async fn an_open_source_whose_feed_is_a_source_already_goes_by_its_page() {
    let app = TestApp::new().await;
    let origin = site(&Arc::default()).await;
    let feed = add(&app, &origin.url("/feed")).await;
    poll::poll(&app, source(&app, feed).await).await.unwrap();
    let id = add(&app, &origin.url("/")).await;
    poll::poll(&app, source(&app, id).await).await.unwrap();
    let settled = source(&app, id).await;
    assert_eq!(
        (settled.url, settled.kind),
        (origin.url("/"), SourceKind::Auto)
    );
    app.finish().await;
}
