//! What the links in letters open.

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::access::Purpose;
use visnyk::access::SignedLink;
use visnyk::audience::sign_up;
use visnyk::clock::Stamp;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::state;

in_a_box! {
    looking_at_links_changes_nothing,
    the_button_leaves_and_odd_bodies_do_not,
    choices_are_kept_and_shown,
    whatever_gateways_follow_in_letters_changes_nothing,
}

/// A subscriber on the list `all`, and the token of a purpose for their subscription.
async fn subscribed(app: &TestApp) -> impl Fn(Purpose) -> String {
    let list = app.add_list("all").await;
    let mut wish = TestApp::wish("olena@example.com");
    wish.name = "<script>Олена</script>".to_owned();
    let id = sign_up::enrol(app, &list, &wish).await.unwrap().unwrap();
    let (secret, now) = (app.secret.clone(), app.now());
    move |purpose| {
        let made = if purpose == Purpose::Confirm {
            now
        } else {
            Stamp(0)
        };
        SignedLink { number: id.0, made }.sign(purpose, &secret)
    }
}

async fn looking_at_links_changes_nothing(app: TestApp) {
    let token = subscribed(&app).await;
    let browser = Browser::of(&app);
    let before = state(&app).await;
    let links = [
        ("confirm", Purpose::Confirm),
        ("leave", Purpose::Leave),
        ("preferences", Purpose::Preferences),
    ];
    for (path, purpose) in links {
        let path = format!("/{path}/{}", token(purpose));
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(
            page.body.contains("<form") && !page.body.contains("<script"),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(browser.head(&path).await.status, StatusCode::OK);
    }
    assert_eq!(state(&app).await, before);
}

async fn the_button_leaves_and_odd_bodies_do_not(app: TestApp) {
    let token = subscribed(&app).await;
    let browser = Browser::of(&app);
    let leave = format!("/leave/{}", token(Purpose::Leave));
    let before = state(&app).await;
    for odd in ["", "List-Unsubscribe=Two-Clicks", "x=1"] {
        let answer = browser.post(&leave, odd).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{odd}");
    }
    assert_eq!(state(&app).await, before);
    for _ in 0..2 {
        let left = browser.post(&leave, "leave=1").await;
        assert_eq!(left.status, StatusCode::OK);
        assert!(left.is_page() && left.body.contains("value=\"same\""));
    }
    let after = state(&app).await;
    assert_eq!(after.matches("withdrawn").count(), 1, "{after}");
    assert_eq!(after.matches("goodbye").count(), 1, "{after}");
    for path in [
        format!("/preferences/{}", token(Purpose::Preferences)),
        leave.clone(),
    ] {
        let told = browser.get(&path).await;
        assert!(
            told.status.is_success() && !told.body.contains("name=\"leave\""),
            "{path}"
        );
    }
    let confirm = format!("/confirm/{}", token(Purpose::Confirm));
    assert_eq!(browser.post(&confirm, "").await.status, StatusCode::GONE);
    assert_eq!(state(&app).await, after);
    assert_eq!(
        browser
            .post(&leave, "List-Unsubscribe=One-Click")
            .await
            .status,
        StatusCode::OK
    );
}

async fn choices_are_kept_and_shown(app: TestApp) {
    let token = subscribed(&app).await;
    let browser = Browser::of(&app).with("accept-language", "en");
    let path = format!("/preferences/{}", token(Purpose::Preferences));
    let fields =
        "cadence=weekly&hour=18&zone=Europe%2FLondon&language=en&email=other%40example.com";
    let saved = browser.post(&path, fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let saved = browser.get(saved.location()).await;
    assert!(saved.body.contains("Your changes are saved"));
    let shown = browser.get(&path).await.body;
    for chosen in [
        "value=\"weekly\" checked",
        "<option value=\"18\" selected>",
        "<option selected>Europe/London",
    ] {
        assert!(shown.contains(chosen), "{chosen} in {shown}");
    }
    assert!(shown.contains("olena@example.com") && !shown.contains("other@"));
    let before = state(&app).await;
    let bad = browser.post(&path, "cadence=weekly&hour=99").await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(state(&app).await, before);
}

#[tokio::test]
async fn a_link_opens_only_what_it_was_made_for() {
    let app = TestApp::new().await;
    let token = subscribed(&app).await;
    let browser = Browser::of(&app);
    let before = state(&app).await;
    for (path, purpose) in [
        ("confirm", Purpose::Leave),
        ("leave", Purpose::Preferences),
        ("preferences", Purpose::Confirm),
    ] {
        let path = format!("/{path}/{}", token(purpose));
        assert_eq!(
            browser.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        assert_eq!(
            browser
                .post(&path, "List-Unsubscribe=One-Click")
                .await
                .status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let cut: String = token(Purpose::Leave).chars().skip(1).collect();
    assert_eq!(
        browser.get(&format!("/leave/{cut}")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(state(&app).await, before);
    app.wait(TimeDelta::days(8));
    let late = browser
        .get(&format!("/confirm/{}", token(Purpose::Confirm)))
        .await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(late.is_page());
    assert_eq!(late.header("cache-control"), "no-store");
}

async fn whatever_gateways_follow_in_letters_changes_nothing(app: TestApp) {
    let list = app.add_list("all").await;
    app.publish("Новина-1", &["освіта"]).await;
    let standing = app
        .subscribe(&list, &TestApp::wish("olena@example.com"))
        .await;
    app.queue_digest(&list, "Новина-2").await;
    sign_up::send_link(&app, &standing.subscriber.email)
        .await
        .unwrap();
    let new = "new@example.com".parse().unwrap();
    visnyk::audience::preferences::ask_address(&app, &standing, &new)
        .await
        .unwrap();
    app.send().await;
    app.wait(TimeDelta::hours(25)); // they have had their letters for today
    visnyk::audience::forget::ask(&app, &standing)
        .await
        .unwrap();
    let other = TestApp::wish("other@example.com");
    sign_up::ask(&app, &list, &other).await.unwrap();
    app.send().await;
    let mut paths = std::collections::BTreeSet::new();
    for kept in app.letters() {
        let letter = mail_parser::MessageParser::default()
            .parse(&kept.letter)
            .unwrap();
        for part in [letter.body_html(0).unwrap(), letter.body_text(0).unwrap()] {
            let links = part.split("https://news.example.org").skip(1);
            let ends = ['"', '\'', ' ', '\r', '\n', '<', '>', ')'];
            paths.extend(links.map(|link| link.split(ends).next().unwrap().to_owned()));
        }
    }
    for kind in [
        "/confirm/",
        "/leave/",
        "/preferences/",
        "/address/",
        "/erase/",
        "/archive/",
    ] {
        assert!(
            paths.iter().any(|path| path.starts_with(kind)),
            "{kind} in {paths:?}"
        );
    }
    let before = state(&app).await;
    let browser = Browser::of(&app);
    for path in &paths {
        let path = if path.is_empty() { "/" } else { path };
        for _ in 0..10 {
            let page = browser.get(path).await;
            assert!(page.status.is_success(), "{path}: {}", page.status);
            assert!(browser.head(path).await.status.is_success(), "{path}");
        }
    }
    assert_eq!(state(&app).await, before);
}
