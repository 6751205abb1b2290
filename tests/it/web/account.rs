//! Who somebody is to the console: passwords, sessions, links by mail and codes of a phone.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::access::Role;
use visnyk::access::totp::Totp;
use visnyk::config::SecondFactor;
use visnyk::store;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::desk::signed_in;
use crate::web::in_a_box;
use crate::web::link_in;
use crate::web::state;

in_a_box! {
    a_new_password_puts_every_other_browser_out,
    sessions_are_shown_and_ended_by_their_owner_alone,
    a_lost_password_is_answered_the_same_to_all_and_its_link_is_good_once,
    a_code_is_asked_for_and_none_is_good_twice,
    whoever_owes_a_code_gets_no_further_than_their_account,
}

const PASSWORD: &str = "correct+horse+battery";
const OTHER: &str = "another+good+password";

fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    cookie.to_owned()
}

async fn sign_in(browser: &Browser, password: &str) -> Answer {
    let body = format!("email=owner%40example.org&password={password}");
    browser.post("/admin/sign-in", &body).await
}

/// An owner's browser, whose password is [`PASSWORD`].
async fn owner(app: &TestApp) -> Browser {
    let browser = signed_in(app, Role::Owner).await;
    let body = format!("new_password={PASSWORD}");
    let set = browser.post("/admin/account/password", &body).await;
    assert_eq!(set.location(), "/admin/account?done=saved", "{set:?}");
    another(app, &set)
}

/// A browser with the cookie that it was just given.
fn another(app: &TestApp, given: &Answer) -> Browser {
    let browser = Browser::of(app).with("cookie", &cookie(given));
    browser.with("accept-language", "en")
}

async fn a_new_password_puts_every_other_browser_out(app: TestApp) {
    let first = owner(&app).await;
    let second = another(&app, &sign_in(&Browser::of(&app), PASSWORD).await);
    assert_eq!(second.get("/admin").await.status, StatusCode::OK);
    let change = |current: &str, new: &str| format!("password={current}&new_password={new}");
    let before = state(&app).await;
    let wrong = first
        .post("/admin/account/password", &change("wrong", OTHER))
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("The password is wrong"));
    let short = first
        .post("/admin/account/password", &change(PASSWORD, "short"))
        .await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(state(&app).await, before);
    let changed = first
        .post("/admin/account/password", &change(PASSWORD, OTHER))
        .await;
    assert_eq!(changed.location(), "/admin/account?done=saved");
    for gone in [&first, &second] {
        assert_eq!(gone.get("/admin").await.location(), "/admin/sign-in");
    }
    assert_eq!(
        another(&app, &changed).get("/admin").await.status,
        StatusCode::OK
    );
    let old = sign_in(&Browser::of(&app), PASSWORD).await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED);
    let log = another(&app, &changed).get("/admin/audit").await;
    assert!(log.body.contains("user.password"), "{}", log.body);
}

async fn sessions_are_shown_and_ended_by_their_owner_alone(app: TestApp) {
    let first = owner(&app).await;
    let from = Browser::of(&app).with("x-forwarded-for", "203.0.113.7");
    let second = another(&app, &sign_in(&from, PASSWORD).await);
    app.wait(TimeDelta::minutes(6));
    let second = second.with("x-forwarded-for", "198.51.100.9");
    assert_eq!(second.get("/admin").await.status, StatusCode::OK);
    let page = first.get("/admin/account").await.body;
    assert!(
        page.contains("198.51.100.0/24") && !page.contains("203.0.113"),
        "the network it was last seen from: {page}"
    );
    let path = page
        .split('"')
        .find(|part| part.starts_with("/admin/account/sessions/") && part.len() > 28)
        .unwrap_or_else(|| panic!("a button that ends the other session: {page}"))
        .to_owned();
    let stranger = signed_in(&app, Role::Viewer).await;
    assert_eq!(stranger.post(&path, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(second.get("/admin").await.status, StatusCode::OK);
    let ended = first.post(&path, "").await;
    assert_eq!(ended.location(), "/admin/account?done=saved");
    assert_eq!(second.get("/admin").await.location(), "/admin/sign-in");
    let third = another(&app, &sign_in(&Browser::of(&app), PASSWORD).await);
    first.post("/admin/account/sessions/end", "").await;
    assert_eq!(third.get("/admin").await.location(), "/admin/sign-in");
    assert_eq!(first.get("/admin").await.status, StatusCode::OK);
    assert_eq!(stranger.get("/admin").await.status, StatusCode::OK);
    let log = first.get("/admin/audit").await.body;
    assert!(log.contains("session.end") && log.contains("session.end_others"));
}

async fn a_lost_password_is_answered_the_same_to_all_and_its_link_is_good_once(app: TestApp) {
    let inside = owner(&app).await;
    app.wait(TimeDelta::minutes(1));
    let browser = Browser::of(&app);
    let mut answers = Vec::new();
    for email in ["owner%40example.org", "nobody%40example.org", "no-address"] {
        let body = format!("email={email}");
        let mut answer = browser.post("/admin/sign-in/lost", &body).await;
        answer.headers.remove("date");
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0].location(), "/admin/sign-in/lost?done=sent");
    for _ in 0..4 {
        let again = browser.post("/admin/sign-in/lost", "email=owner%40example.org");
        assert_eq!(again.await.status, StatusCode::SEE_OTHER);
    }
    app.send().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 3, "no more than three letters a day");
    assert!(
        letters
            .iter()
            .all(|kept| kept.envelope.to == "owner@example.org")
    );
    let path = link_in(&letters[0], "/admin/sign-in/");
    let before = state(&app).await;
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
    assert_eq!(state(&app).await, before, "looking uses nothing up");
    let body = format!("password={OTHER}");
    let entered = browser.post(&path, &body).await;
    assert_eq!(entered.location(), "/admin", "{entered:?}");
    assert_eq!(inside.get("/admin").await.location(), "/admin/sign-in");
    assert_eq!(browser.post(&path, &body).await.status, StatusCode::GONE);
    for kept in &letters {
        let other = link_in(kept, "/admin/sign-in/");
        assert_eq!(
            browser.get(&other).await.status,
            StatusCode::GONE,
            "{other}"
        );
    }
    let log = another(&app, &entered).get("/admin/audit").await.body;
    assert!(log.contains("user.lost_password"), "{log}");

    app.wait(TimeDelta::hours(25));
    browser
        .post("/admin/sign-in/lost", "email=owner%40example.org")
        .await;
    app.send().await;
    let late = link_in(app.letters().last().unwrap(), "/admin/sign-in/");
    app.wait(TimeDelta::minutes(61));
    assert_eq!(browser.get(&late).await.status, StatusCode::GONE);
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let after = text.split_once(start);
    let (_, after) = after.unwrap_or_else(|| panic!("expected {start} in {text}"));
    after.split_once(end).unwrap().0
}

async fn a_code_is_asked_for_and_none_is_good_twice(app: TestApp) {
    let inside = owner(&app).await;
    let page = inside.get("/admin/account/code").await.body;
    assert!(page.contains("<path d=\"M0 0h1v1h-1z"), "a picture: {page}");
    let salt = between(&page, "name=\"salt\" value=\"", "\"").to_owned();
    let totp = Totp::of(&app.secret, (1, &salt), ("", "")).unwrap();
    assert!(page.contains(&totp.typed()));
    let form = |code: &str, password: &str| format!("salt={salt}&code={code}&password={password}");
    let wrong = inside
        .post("/admin/account/code", &form("000000", PASSWORD))
        .await;
    assert!(wrong.body.contains("The code is wrong"), "{wrong:?}");
    assert!(
        wrong.body.contains(&salt),
        "the phone needn't be set up again"
    );
    let code = totp.code(app.now());
    let wrong = inside.post("/admin/account/code", &form(&code, "x")).await;
    assert!(wrong.body.contains("The password is wrong"), "{wrong:?}");
    let on = inside
        .post("/admin/account/code", &form(&code, PASSWORD))
        .await;
    assert_eq!(on.status, StatusCode::OK, "{on:?}");
    let recovery = between(&on.body, "<th scope=\"row\">", "<").to_owned();
    assert_eq!(recovery.len(), 14, "{recovery}");
    assert!(!state(&app).await.contains(&recovery));

    app.wait(TimeDelta::minutes(2));
    let half = sign_in(&Browser::of(&app), PASSWORD).await;
    assert_eq!(half.location(), "/admin/sign-in/code");
    let half = another(&app, &half);
    assert_eq!(half.get("/admin").await.location(), "/admin/sign-in");
    let account = half.get("/admin/account").await;
    assert_eq!(account.location(), "/admin/sign-in");
    assert_eq!(half.get("/admin/sign-in/code").await.status, StatusCode::OK);
    let old = half
        .post("/admin/sign-in/code", &format!("code={code}"))
        .await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED, "an old code");
    let code = totp.code(app.now());
    let entered = half
        .post("/admin/sign-in/code", &format!("code={code}"))
        .await;
    assert_eq!(entered.location(), "/admin", "{entered:?}");
    let whole = another(&app, &entered);
    assert_eq!(whole.get("/admin").await.status, StatusCode::OK);
    let spent = half.get("/admin/sign-in/code").await;
    assert_eq!(spent.location(), "/admin/sign-in");

    for (code, good) in [(&code, false), (&recovery, true), (&recovery, false)] {
        let half = another(&app, &sign_in(&Browser::of(&app), PASSWORD).await);
        let answer = half
            .post("/admin/sign-in/code", &format!("code={code}"))
            .await;
        let entered = answer.status == StatusCode::SEE_OTHER;
        assert_eq!(entered, good, "{code}: {answer:?}");
    }
    let mut last = StatusCode::OK;
    app.wait(TimeDelta::minutes(2));
    let half = another(&app, &sign_in(&Browser::of(&app), PASSWORD).await);
    for _ in 0..11 {
        let try_one = half.post("/admin/sign-in/code", "code=123456").await;
        last = try_one.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    app.wait(TimeDelta::minutes(16));
    let off = |code: String| format!("code={code}&password={PASSWORD}");
    let off = off(totp.code(app.now()));
    let off = whole.post("/admin/account/code/off", &off).await;
    assert_eq!(off.location(), "/admin/account?done=saved", "{off:?}");
    let again = sign_in(&Browser::of(&app), PASSWORD).await;
    assert_eq!(again.location(), "/admin");
    let log = whole.get("/admin/audit").await.body;
    assert!(log.contains("user.code_on") && log.contains("user.code_off"));
}

async fn whoever_owes_a_code_gets_no_further_than_their_account(mut app: TestApp) {
    let mut settings = (*app.settings).clone();
    settings.access.second_factor = SecondFactor::Owners;
    app.app.settings = Arc::new(settings);
    let owner = signed_in(&app, Role::Owner).await;
    let editor = signed_in(&app, Role::Editor).await;
    assert_eq!(editor.get("/admin").await.status, StatusCode::OK);
    for path in ["/admin", "/admin/users", "/admin/subscribers.csv"] {
        assert_eq!(owner.get(path).await.location(), "/admin/account/code");
    }
    let added = owner
        .post("/admin/users", "email=a%40example.org&role=owner")
        .await;
    assert_eq!(added.location(), "/admin/account/code");
    let page = owner.get("/admin/account/code").await.body;
    let salt = between(&page, "name=\"salt\" value=\"", "\"").to_owned();
    let totp = Totp::of(&app.secret, (1, &salt), ("", "")).unwrap();
    let body = format!("salt={salt}&code={}", totp.code(app.now()));
    let on = owner.post("/admin/account/code", &body).await;
    assert_eq!(on.status, StatusCode::OK, "{on:?}");
    assert_eq!(owner.get("/admin").await.status, StatusCode::OK);
    let reset = owner.post("/admin/users/1/reset", "").await;
    assert!(reset.body.contains("/admin/sign-in/"), "{reset:?}");
    let mut tx = app.db.read().await.unwrap();
    let salt = store::user::totp_salt(&mut tx, 1).await.unwrap();
    assert_eq!(salt, None, "whose phone is lost is asked for no code");
}
