//! The way in.

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::audience::subscription::SubscriptionId;
use visnyk::store;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::link_in;
use crate::web::publish;
use crate::web::state;

in_a_box! {
    a_reader_asks_confirms_and_leaves_with_one_click,
    the_answer_is_the_same_for_every_address,
    one_address_gets_three_letters_a_day_whatever_is_posted,
    what_was_filled_in_wrongly_is_shown_with_the_problem,
}

/// The form on the list's page, filled in a few seconds after it was shown.
async fn filled(app: &TestApp, browser: &Browser, fields: &str) -> String {
    let page = browser.get("/lists/all").await.body;
    let token = page.split("name=\"form\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    app.wait(TimeDelta::seconds(5));
    format!("{fields}&form={token}&website=")
}

async fn a_reader_asks_confirms_and_leaves_with_one_click(app: TestApp) {
    app.add_list("all").await;
    publish(&app, "Раніше", "<p>Текст.</p>", &["освіта", "війна"]).await;
    let browser = Browser::of(&app).with("x-forwarded-for", "203.0.113.77");
    let fields = "email=Olena%40Example.com&name=%D0%9E%D0%BB%D0%B5%D0%BD%D0%B0&topics=osvita&topics=viina\
                  &cadence=weekly&hour=9&zone=Europe%2FLondon&language=en";
    let body = filled(&app, &browser, fields).await;
    let answer = browser.post("/lists/all/subscribe", &body).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/asked")
    );
    app.tick().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 1);
    let confirm = link_in(&letters[0], "/confirm/");

    let before = state(&app).await;
    assert!(before.contains("form 203.0.113.0/24"), "{before}");
    assert!(browser.get(&confirm).await.is_page());
    browser.head(&confirm).await;
    assert_eq!(
        state(&app).await,
        before,
        "looking at a link changed something"
    );

    let confirmed = browser.post(&confirm, "").await;
    assert_eq!(confirmed.status, StatusCode::OK);
    assert_eq!(confirmed.header("cache-control"), "no-store");
    let mut tx = app.db.read().await.unwrap();
    let subscription = store::subscription::find(&mut tx, SubscriptionId(1))
        .await
        .unwrap()
        .unwrap();
    drop(tx);
    assert_eq!(subscription.rhythm.cadence.as_str(), "weekly");
    assert_eq!(subscription.rhythm.hour.number(), 9);
    assert_eq!(subscription.rhythm.zone, chrono_tz::Europe::London);
    assert_eq!(subscription.topics.ids().len(), 2);

    let once = state(&app).await;
    assert_eq!(browser.post(&confirm, "").await.status, StatusCode::OK);
    assert_eq!(
        state(&app).await,
        once,
        "pressing the button again changed something"
    );

    app.tick().await;
    let welcome = app.letters();
    let leave = link_in(&welcome[0], "/leave/");
    let left = browser.post(&leave, "List-Unsubscribe=One-Click").await;
    assert_eq!((left.status, left.body.as_str()), (StatusCode::OK, ""));
    assert!(left.headers.get("set-cookie").is_none());
    assert!(state(&app).await.contains("one-click"));
    app.tick().await;
    app.finish().await;
}

async fn the_answer_is_the_same_for_every_address(app: TestApp) {
    let list = app.add_list("all").await;
    let known = TestApp::wish("known@example.com");
    visnyk::audience::sign_up::enrol(&app, &list, &known)
        .await
        .unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let why = store::subscriber::Suppression::Complaint;
    let suppressed = "suppressed@example.com".parse().unwrap();
    store::subscriber::suppress(&mut tx, &suppressed, why, &app.secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let browser = Browser::of(&app);
    let mut answers: Vec<Answer> = Vec::new();
    for name in ["known", "unknown", "suppressed"] {
        for path in ["/lists/all/subscribe", "/link"] {
            answers.push(
                browser
                    .post(path, &format!("email={name}%40example.com"))
                    .await,
            );
        }
    }
    let bot = "email=bot%40example.com&website=https%3A%2F%2Fspam.example";
    answers.push(browser.post("/lists/all/subscribe", bot).await);
    let first = answers[0].clone();
    assert_eq!(
        (first.status, first.location()),
        (StatusCode::SEE_OTHER, "/asked")
    );
    assert!(answers.iter().all(|answer| *answer == first), "{answers:?}");
    let stored = state(&app).await;
    assert!(
        !stored.contains("bot@") && !stored.contains("suppressed@"),
        "{stored}"
    );
    app.tick().await;
    let to: Vec<String> = app
        .letters()
        .iter()
        .map(|kept| format!("{:?}", kept.envelope))
        .collect();
    assert!(to.iter().all(|to| !to.contains("suppressed")), "{to:?}");
}

async fn one_address_gets_three_letters_a_day_whatever_is_posted(app: TestApp) {
    app.add_list("all").await;
    for number in 0..50 {
        let browser = Browser::of(&app).with("x-forwarded-for", &format!("10.0.{number}.1"));
        let answer = browser
            .post("/lists/all/subscribe", "email=victim%40example.com")
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    app.tick().await;
    assert_eq!(app.letters().len(), 3);
    app.finish().await;
}

async fn what_was_filled_in_wrongly_is_shown_with_the_problem(app: TestApp) {
    app.add_list("all").await;
    publish(&app, "Раніше", "<p>Текст.</p>", &["освіта", "війна"]).await;
    let before = state(&app).await;
    let bad = [
        "email=olena%40",
        "email=a%40localhost",
        "email=a%401.2.3.4",
        "email=a%40b.c%0D%0ABcc%3Ax%40y.z",
        "email=a%40example.com&topics=kosmos",
        "email=a%40example.com&cadence=never",
        "email=a%40example.com&hour=24",
        "email=a%40example.com&zone=Mars",
        "email=a%40example.com&language=ru",
        "email=a%40example.com&form=forged.0.x",
    ];
    for (number, fields) in bad.iter().enumerate() {
        let browser = Browser::of(&app).with("x-forwarded-for", &format!("10.1.{number}.1"));
        let body = format!("{fields}&name=%3Cb%3E%D0%9E%D0%BB%D0%B5%D0%BD%D0%B0");
        let answer = browser.post("/lists/all/subscribe", &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.body.contains("role=\"alert\""), "{fields}");
        assert!(
            answer.body.contains("&lt;b&gt;Олена"),
            "the name was kept and escaped: {fields}"
        );
        let switch = "href=\"https://news.example.org/lists/all?l=en\"";
        assert!(
            answer.body.contains(switch),
            "the other language leads to a page: {fields}"
        );
    }
    assert_eq!(state(&app).await, before);
}

#[tokio::test]
async fn a_form_filled_in_at_once_was_filled_in_by_a_program() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    let browser = Browser::of(&app);
    let body = filled(&app, &browser, "email=a%40example.com").await;
    app.wait(TimeDelta::seconds(-4));
    let before = state(&app).await;
    let answer = browser.post("/lists/all/subscribe", &body).await;
    assert_eq!(answer.location(), "/asked");
    assert_eq!(state(&app).await, before);
    app.wait(TimeDelta::hours(25));
    let late = browser.post("/lists/all/subscribe", &body).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        late.body.contains("a@example.com"),
        "what was filled in is kept"
    );
}

#[tokio::test]
async fn a_network_has_a_budget_of_sign_ups() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    let browser = Browser::of(&app).with("x-forwarded-for", "203.0.113.5");
    for number in 0..3 {
        let body = format!("email=a{number}%40example.com");
        assert_eq!(
            browser.post("/lists/all/subscribe", &body).await.status,
            StatusCode::SEE_OTHER
        );
    }
    let refused = browser
        .post("/lists/all/subscribe", "email=b%40example.com")
        .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "60");
    assert!(refused.body.contains("b@example.com"));
    let ours = filled(&app, &browser, "email=c%40example.com").await;
    assert_eq!(
        browser.post("/lists/all/subscribe", &ours).await.status,
        StatusCode::SEE_OTHER
    );
    app.wait(TimeDelta::minutes(1));
    let later = browser
        .post("/lists/all/subscribe", "email=b%40example.com")
        .await;
    assert_eq!(later.status, StatusCode::SEE_OTHER);
}
