//! What an address turns out to be.

use visnyk::source::SourceKind;
use visnyk::source::discover::Found;
use visnyk::source::discover::discover;

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
    assert_eq!(
        (found.articles, found.newest.as_slice()),
        (2, &["Перша".to_owned(), "Друга".to_owned()][..])
    );
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
        assert_eq!(found.newest[0], "Перший офіс відкрито в області");
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
    assert!(found.problem.unwrap().contains("--item"));
    let (found, _origin) = found_at("/nothing").await;
    assert_eq!((found.kind, found.articles), (SourceKind::Auto, 0));
    assert!(found.problem.unwrap().contains("404"));
    let (found, _origin) = found_at("/empty").await;
    assert_eq!(
        (found.kind, found.problem.as_deref()),
        (SourceKind::Feed, Some("it holds no articles yet"))
    );
    let (found, origin) = found_at("/busy").await;
    assert!(found.problem.unwrap().contains("429"));
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn a_site_that_wants_to_be_left_alone_is_asked_no_further() {
    let (found, origin) = found_at("/under-load").await;
    assert_eq!((found.kind, found.articles), (SourceKind::Listing, 3));
    let asked: Vec<String> = origin.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/under-load", "/busy"]);
}
