//! What editors do about sources beyond adding one by its selectors: addresses that say themselves
//! what they are, floods that wait, selectors as they're typed.

use axum::http::StatusCode;
use visnyk::access::Role;
use visnyk::source::Draft;
use visnyk::source::SourceKind;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::origin::Origin;
use crate::support::origin::Reply;
use crate::support::origin::answer;
use crate::web::desk::signed_in;
use crate::web::in_a_box;

in_a_box! {
    an_address_says_itself_what_it_is,
    a_list_is_read_by_what_is_typed_without_asking_the_site_at_each_letter,
    a_flood_waits_for_an_editor,
}

const FEED: &str = "<rss version='2.0'><channel><title>Новини ОВА</title>
    <item><title>Перша</title><link>https://ova.example/1</link></item></channel></rss>";
const LIST: &str = "<html><body><main><article class=n><h2><a href=/1>Перший офіс відкрито в області</a></h2></article>
    <article class=n><h2><a href=/2>Другий міст відремонтовано вчасно</a></h2></article></main></body></html>";

fn html(head: &str) -> Reply {
    let kind = [("Content-Type", "text/html; charset=utf-8")];
    answer(
        "200 OK",
        &kind,
        LIST.replace("<body>", &format!("{head}<body>")),
    )
}

async fn site() -> Origin {
    Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/feed" => answer("200 OK", &[("Content-Type", "text/xml")], FEED),
        "/" => html(
            "<link rel=alternate type=application/rss+xml href=/feed>\
             <link rel=alternate type=application/rss+xml href=/other>",
        ),
        "/list" => html(""),
        _ => answer("404 Not Found", &[], ""),
    })
    .await
}

async fn an_address_says_itself_what_it_is(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let origin = site().await;
    let of = |path: &str, step: &str| {
        let url = origin.at(path).replace(':', "%3A");
        format!("url={url}&every=15&kind=auto&step={step}")
    };
    let seen = editor.post("/admin/sources/new", &of("/", "preview")).await;
    assert_eq!(seen.status, StatusCode::OK, "{seen:?}");
    for text in [
        "What this address is",
        "Новини ОВА",
        "Перша",
        "/feed",
        "/other",
    ] {
        assert!(seen.body.contains(text), "expected {text}: {}", seen.body);
    }
    let listed = editor
        .post("/admin/sources/new", &of("/list", "preview"))
        .await;
    let page = listed.body.replace("&#x2f;", "/").replace("&amp;", "&");
    let (_, again) = page
        .split_once("https://news.example.org/admin/sources/new?url=")
        .unwrap();
    let (again, _) = again.split_once('"').unwrap();
    let again = editor.get(&format!("/admin/sources/new?url={again}")).await;
    assert!(
        again
            .body
            .contains("value=\"body &gt; main &gt; article.n\""),
        "{}",
        again.body
    );

    let added = editor.post("/admin/sources/new", &of("/", "add")).await;
    assert_eq!(added.location(), "/admin/sources/1?done=added");
    let source = store::source::all(&mut app.db.read().await.unwrap()).await;
    let source = source.unwrap().remove(0);
    assert_eq!(
        (source.kind, source.name.as_str()),
        (SourceKind::Feed, "Новини ОВА")
    );
    assert_eq!(source.url, origin.url("/feed"));
    let lost = editor
        .post("/admin/sources/new", &of("/nothing", "preview"))
        .await;
    assert!(
        lost.body.contains("The site answered with code 404"),
        "{}",
        lost.body
    );
    app.sql("UPDATE source SET problem = 'expected a document, but got status 503; and 2 more'")
        .await;
    for (page, rest) in [
        ("/admin/sources?l=uk", "…"),
        ("/admin/sources/1?l=uk", "І ще 2."),
    ] {
        let told = format!("Замість документа сайт відповів кодом 503. {rest}");
        let seen = editor.get(page).await;
        assert!(seen.body.contains(&told), "{}", seen.body);
    }
}

async fn a_list_is_read_by_what_is_typed_without_asking_the_site_at_each_letter(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let origin = site().await;
    let url = origin.at("/list").replace(':', "%3A");
    let typing = editor.with("hx-request", "true");
    for (css, count) in [
        ("x", 0),
        ("xy", 0),
        ("article.n", 2),
        ("article.n%3Afirst-child", 1),
    ] {
        let body = format!("url={url}&every=15&kind=listing&item={css}&title=a&step=preview");
        let seen = typing.post("/admin/sources/new", &body).await;
        assert_eq!(seen.status, StatusCode::OK);
        let caught = seen.body.split("id=\"caught\"").nth(1).unwrap();
        assert_eq!(
            caught.matches("<th scope=\"row\">").count(),
            count,
            "{css}: {caught}"
        );
    }
    assert_eq!(origin.asked().len(), 1);
    let policy = typing.get("/admin/sources/new").await;
    assert!(
        policy
            .header("content-security-policy")
            .contains("script-src 'self'")
    );
    let public = typing.get("/").await;
    assert!(
        !public
            .header("content-security-policy")
            .contains("script-src")
    );
}

async fn a_flood_waits_for_an_editor(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let source = app.source().await;
    let first: Vec<Draft> = vec![draft("Перша новина про міський бюджет", &[])];
    app.take_in(&source, first).await;
    let flood = || {
        (0..501)
            .map(|n| draft(&format!("Повінь-{n}"), &[]))
            .collect()
    };
    assert_eq!(app.take_in(&source, flood()).await.held, 501);
    let page = format!("/admin/sources/{}", source.id.0);
    let seen = editor.get(&page).await;
    assert!(
        seen.body.contains("Waiting for you") && seen.body.contains("501"),
        "{}",
        seen.body
    );
    assert!(seen.body.contains("Повінь-"), "{}", seen.body);
    assert!(editor.get("/admin/sources").await.body.contains("501"));
    let viewer = signed_in(&app, Role::Viewer).await;
    let refused = viewer.post(&format!("{page}/drop-held"), "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let done = editor
        .post(&format!("{page}/publish-held-unmailed"), "")
        .await;
    assert_eq!(done.location(), format!("{page}?done=published_held"));
    let seen = editor.get(done.location()).await;
    assert!(!seen.body.contains("Waiting for you") && seen.body.contains("Published."));
    let log = editor.get("/admin/audit").await;
    assert!(log.body.contains("source.publish_held"), "{}", log.body);
}
