//! Pages of news.

use axum::http::StatusCode;
use visnyk::store;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::publish;

in_a_box! {
    every_page_is_there_in_both_languages,
    a_newsroom_without_news_has_its_pages_too,
    older_news_are_a_click_away,
    a_withdrawn_article_is_gone,
}

async fn every_page_is_there_in_both_languages(app: TestApp) {
    app.add_list("all").await;
    let id = publish(&app, "Відкрито школу", "<p>Сьогодні.</p>", &["освіта"]).await;
    publish(&app, "Відкрито міст", "<p>Учора.</p>", &["освіта"]).await;
    let article = format!("/articles/{id}");
    let browser = Browser::of(&app);
    let pages = [
        "/",
        &article,
        "/topics",
        "/topics/osvita",
        "/departments/departament-tsyfrovoho-rozvytku",
        "/feeds",
        "/lists/all",
        "/lists/all/embed",
        "/archive/all",
        "/asked",
        "/link",
        "/admin/sign-in",
    ];
    for path in pages {
        for language in ["uk", "en"] {
            let answer = browser.with("accept-language", language).get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.is_page(), "{path}");
            assert!(
                answer.body.contains(&format!("<html lang=\"{language}\">")),
                "{path}"
            );
            assert_eq!(answer.header("vary"), "Accept-Language, Cookie");
            assert!(browser.head(path).await.status.is_success(), "HEAD {path}");
        }
    }
    let page = browser.get(&article).await;
    assert!(page.body.contains("Відкрито школу") && page.body.contains("Відкрито міст"));
    assert!(page.body.contains("application/atom+xml"));
}

async fn a_newsroom_without_news_has_its_pages_too(app: TestApp) {
    let browser = Browser::of(&app);
    for path in ["/", "/topics", "/feeds", "/?before=5", "/?before=nonsense"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    for path in [
        "/articles/1",
        "/articles/x",
        "/topics/x",
        "/departments/x",
        "/lists/x",
        "/archive/x",
        "/nothing",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e%2fwords%2fuk.toml",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.is_page(), "{path}");
    }
}

async fn older_news_are_a_click_away(app: TestApp) {
    for number in 1..=45 {
        publish(&app, &format!("Новина №{number}."), "<p>Текст.</p>", &[]).await;
    }
    let browser = Browser::of(&app);
    let (mut path, mut seen) = ("/".to_owned(), 0);
    for _ in 0..3 {
        let page = browser.get(&path).await.body;
        seen += page.matches("<article").count();
        let next = page
            .split("rel=\"next\" href=\"https://news.example.org")
            .nth(1);
        let Some(next) = next else { break };
        path = next.split('"').next().unwrap().to_owned();
    }
    assert_eq!(seen, 45);
}

async fn a_withdrawn_article_is_gone(app: TestApp) {
    let id = publish(&app, "Помилка", "<p>Ні.</p>", &[]).await;
    let mut tx = app.db.begin().await.unwrap();
    store::article::set_withdrawn(&mut tx, id, true, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let answer = Browser::of(&app).get(&format!("/articles/{id}")).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(answer.is_page() && !answer.body.contains("Помилка"));
}

#[tokio::test]
async fn the_language_is_asked_for_remembered_or_guessed() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    let language = async |browser: &Browser, path: &str| {
        let answer = browser.get(path).await;
        let (_, rest) = answer.body.split_once("<html lang=\"").unwrap();
        (
            rest.chars().take(2).collect::<String>(),
            answer.header("set-cookie").to_owned(),
        )
    };
    assert_eq!(language(&browser, "/").await, ("uk".into(), String::new()));
    let english = browser.with("accept-language", "en-GB,en;q=0.9");
    assert_eq!(language(&english, "/").await.0, "en");
    assert_eq!(language(&english.with("cookie", "l=uk"), "/").await.0, "uk");
    let (chosen, cookie) = language(&browser, "/?l=en").await;
    assert_eq!(chosen, "en");
    assert!(
        cookie.starts_with("l=en; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert_eq!(
        language(&browser, "/?l=xx").await,
        ("uk".into(), String::new())
    );
}

#[tokio::test]
async fn what_strangers_wrote_is_text() {
    let app = TestApp::new().await;
    let hostile = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
    let id = publish(
        &app,
        hostile,
        &format!("<p>a</p>{hostile}"),
        &["<b>тег</b>"],
    )
    .await;
    let browser = Browser::of(&app);
    for path in [
        "/".to_owned(),
        format!("/articles/{id}"),
        "/topics".into(),
        "/?l=%3Cscript%3E'".into(),
        "/%3Cscript%3E".into(),
    ] {
        let page = browser.get(&path).await.body;
        assert!(
            !page.contains("<script>") && !page.contains("<b>тег") && !page.contains("<img src=x")
        );
    }
}

#[tokio::test]
async fn styles_are_kept_by_browsers() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    let style = browser.get("/assets/visnyk.css").await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    let again = browser
        .with("if-none-match", style.header("etag"))
        .get("/assets/visnyk.css")
        .await;
    assert_eq!(
        (again.status, again.body.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    assert_eq!(
        browser.get("/favicon.ico").await.location(),
        "/assets/favicon.svg"
    );
}

#[tokio::test]
async fn whoever_watches_is_told_how_things_stand() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    assert_eq!(browser.get("/healthz").await.body, "ok");
    let ready = browser.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(
        ready.body,
        r#"{"database":"ok","migrations":"current","ready":true}"#
    );
    app.db.close().await;
    assert_eq!(browser.get("/healthz").await.status, StatusCode::OK);
    let unready = browser.get("/readyz").await;
    assert_eq!(unready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unready.body.contains("unavailable"));
}
