//! What stands before every page.

use axum::http::Method;
use axum::http::StatusCode;

use crate::support::app::TestApp;
use crate::web::Browser;

#[tokio::test]
async fn browsers_are_told_to_run_nothing_and_tell_nobody() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    for path in ["/", "/nothing", "/assets/visnyk.css", "/admin"] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(
            !answer.body.contains("<style") && !answer.body.contains(" style="),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_sites_may_post_only_to_lists_and_by_one_click() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    for origin in ["https://evil.example", "null"] {
        let browser = Browser::of(&app).with("origin", origin);
        for path in [
            "/link",
            "/confirm/x",
            "/preferences/x",
            "/admin/sign-in",
            "/admin/sign-in/x",
            "/admin/sign-out",
        ] {
            let answer = browser.post(path, "email=a%40example.com").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} from {origin}");
        }
        let asked = browser
            .post("/lists/all/subscribe", "email=a%40example.com")
            .await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER);
        let left = browser.post("/leave/x", "List-Unsubscribe=One-Click").await;
        assert_eq!(left.status, StatusCode::NOT_FOUND, "judged by its token");
    }
}

#[tokio::test]
async fn links_come_from_the_settings_whatever_host_is_asked() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    let browser = Browser::of(&app)
        .with("host", "evil.example")
        .with("x-forwarded-host", "evil.example");
    for path in ["/", "/lists/all", "/nothing", "/admin"] {
        let answer = browser.get(path).await;
        assert!(
            !answer.body.contains("evil.example") && !answer.location().contains("evil"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_told_so_on_a_page() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    let browser = Browser::of(&app);
    for method in [
        Method::DELETE,
        Method::PUT,
        Method::TRACE,
        Method::from_bytes(b"BREW").unwrap(),
    ] {
        let answer = browser.ask(method.clone(), "/", String::new()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(
            answer.is_page() && answer.header("allow").contains("GET"),
            "{method}"
        );
    }
    let get = browser.get("/lists/all/subscribe").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    let heavy = format!("email=a%40example.com&name={}", "x".repeat(70_000));
    let answer = browser.post("/lists/all/subscribe", &heavy).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.is_page());
    let many = "topics=a&".repeat(7_000);
    let answer = browser.post("/lists/all/subscribe", &many).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let json = browser.with("content-type", "application/json");
    let answer = json
        .ask(Method::POST, "/lists/all/subscribe", "{}".to_owned())
        .await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn our_own_trouble_has_a_number_and_no_particulars() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    app.db.close().await;
    let answer = browser.get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.is_page() && !answer.body.to_lowercase().contains("pool"),
        "{}",
        answer.body
    );
}
