//! What a reader does on their own page.

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::access::Purpose;
use visnyk::audience::EmailAddress;
use visnyk::audience::forget;
use visnyk::audience::list::List;
use visnyk::audience::private_feed;
use visnyk::audience::sign_up;
use visnyk::audience::subscription::SubscriptionState;
use visnyk::store;
use visnyk::store::Db;

use crate::support::app::TestApp;
use crate::support::app::titles;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::link_in;
use crate::web::state;

in_a_box! {
    news_of_a_pause_come_in_one_digest_after_it,
    a_pause_ends_when_its_reader_wants,
    leaving_can_be_taken_back_or_had_in_part_for_a_day,
    letters_move_to_an_address_once_it_has_answered,
    two_readers_become_one_when_one_takes_the_others_address,
    whoever_asks_gets_all_that_is_held_about_them,
    erasing_takes_a_fresh_link_and_leaves_no_address,
    choices_tell_how_many_letters_they_bring,
    a_private_feed_is_had_renewed_and_given_up,
    whoever_wants_text_alone_gets_no_html,
    other_addresses_get_no_more_than_their_share,
}

const EMAIL: &str = "olena@example.com";

/// A reader of the list `all`, and the path of their page.
async fn reader(app: &TestApp) -> (List, String) {
    let list = app.add_list("all").await;
    let wish = TestApp::wish(EMAIL);
    sign_up::enrol(app, &list, &wish).await.unwrap().unwrap();
    let path = own_page(app, &list).await;
    (list, path)
}

async fn own_page(app: &TestApp, list: &List) -> String {
    let standing = app.standing(list, &EMAIL.parse().unwrap()).await;
    let token = app.token(&standing.subscription, Purpose::Preferences);
    format!("/preferences/{token}")
}

async fn stands(app: &TestApp, list: &List) -> SubscriptionState {
    let standing = app.standing(list, &EMAIL.parse().unwrap()).await;
    standing.subscription.state
}

/// Presses a button that leads back to the page, and gives the page.
async fn press(browser: &Browser, path: &str, body: &str) -> String {
    let answer = browser.post(path, body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser.get(answer.location()).await.body
}

/// The only letter there is to send.
async fn only_letter(app: &TestApp) -> visnyk::delivery::mailer::Kept {
    app.send().await;
    let mut letters = app.letters();
    assert_eq!(letters.len(), 1);
    letters.remove(0)
}

async fn news_of_a_pause_come_in_one_digest_after_it(app: TestApp) {
    let (list, page) = reader(&app).await;
    let browser = Browser::of(&app);
    for bad in [
        "until=2026-06-01",
        "until=2020-01-01",
        "until=2030-01-01",
        "until=x",
        "",
    ] {
        let answer = browser.post(&format!("{page}/pause"), bad).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    let shown = press(&browser, &format!("{page}/pause"), "until=2026-06-11").await;
    assert!(shown.contains("11 червня 2026"), "{shown}");
    for number in 1..=9 {
        app.publish(&format!("Новина-{number}"), &[]).await;
        app.wait(TimeDelta::days(1));
        app.tick().await;
        assert!(app.letters().is_empty(), "day {number}");
    }
    app.wait(TimeDelta::days(1));
    app.tick().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(titles(&letters[0].letter).len(), 9);
    assert_eq!(stands(&app, &list).await, SubscriptionState::Active);
    app.finish().await;
}

async fn a_pause_ends_when_its_reader_wants(app: TestApp) {
    let (list, page) = reader(&app).await;
    let browser = Browser::of(&app).with("accept-language", "en");
    press(&browser, &format!("{page}/pause"), "until=2026-07-01").await;
    assert_eq!(stands(&app, &list).await, SubscriptionState::Paused);
    let shown = press(&browser, &format!("{page}/pause"), "resume=1").await;
    assert!(shown.contains("Letters will come again"), "{shown}");
    assert_eq!(stands(&app, &list).await, SubscriptionState::Active);
}

async fn leaving_can_be_taken_back_or_had_in_part_for_a_day(app: TestApp) {
    let (list, page) = reader(&app).await;
    let leave = page.replace("preferences", "leave");
    let standing = app.standing(&list, &EMAIL.parse().unwrap()).await;
    let token = app.token(&standing.subscription, Purpose::Leave);
    let leave = format!("{}/{token}", leave.rsplit_once('/').unwrap().0);
    let browser = Browser::of(&app);
    for (how, state) in [
        ("same", SubscriptionState::Active),
        ("weekly", SubscriptionState::Active),
        ("pause", SubscriptionState::Paused),
    ] {
        let left = browser.post(&leave, "leave=1").await;
        assert!(left.body.contains("value=\"pause\""), "{}", left.body);
        assert_eq!(stands(&app, &list).await, SubscriptionState::Ended);
        press(&browser, &format!("{page}/return"), &format!("how={how}")).await;
        assert_eq!(stands(&app, &list).await, state, "{how}");
    }
    let standing = app.standing(&list, &EMAIL.parse().unwrap()).await;
    assert_eq!(standing.subscription.rhythm.cadence.as_str(), "weekly");
    app.send().await;
    assert!(app.letters().is_empty(), "no goodbye to who came back");

    browser.post(&leave, "List-Unsubscribe=One-Click").await;
    app.send().await;
    assert_eq!(app.letters().len(), 1);
    app.wait(TimeDelta::hours(25));
    let late = browser.get(&leave).await;
    assert!(!late.body.contains("value=\"pause\""));
    browser.post(&format!("{page}/return"), "how=same").await;
    assert_eq!(stands(&app, &list).await, SubscriptionState::Ended);
    app.finish().await;
}

async fn letters_move_to_an_address_once_it_has_answered(app: TestApp) {
    let (list, page) = reader(&app).await;
    let browser = Browser::of(&app);
    let bad = browser
        .post(&format!("{page}/address"), "email=nobody")
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    press(
        &browser,
        &format!("{page}/address"),
        "email=first%40example.net",
    )
    .await;
    let first = only_letter(&app).await;
    assert_eq!(first.envelope.to, "first@example.net");
    press(
        &browser,
        &format!("{page}/address"),
        "email=second%40example.net",
    )
    .await;
    let second = only_letter(&app).await;
    // The second wish is the one that counts.
    let old = link_in(&first, "/address/");
    assert_eq!(browser.post(&old, "").await.status, StatusCode::GONE);
    let link = link_in(&second, "/address/");
    let before = state(&app).await;
    let asked = browser.get(&link).await;
    assert!(asked.body.contains("second@example.net"));
    assert_eq!(state(&app).await, before);
    assert_eq!(browser.post(&link, "").await.status, StatusCode::OK);
    assert_eq!(browser.post(&link, "").await.status, StatusCode::GONE);

    assert!(browser.get(&page).await.body.contains("second@example.net"));
    app.queue_digest(&list, "Новина-1").await;
    assert_eq!(only_letter(&app).await.envelope.to, "second@example.net");
    app.app.tasks.close();
    app.app.tasks.wait().await;
    app.finish().await;
}

async fn two_readers_become_one_when_one_takes_the_others_address(app: TestApp) {
    let (list, page) = reader(&app).await;
    let second = app.add_list("second").await;
    let other: EmailAddress = "other@example.net".parse().unwrap();
    for list in [&list, &second] {
        let wish = TestApp::wish(other.as_str());
        sign_up::enrol(&app, list, &wish).await.unwrap().unwrap();
    }
    let browser = Browser::of(&app);
    press(
        &browser,
        &format!("{page}/address"),
        "email=other%40example.net",
    )
    .await;
    let link = link_in(&only_letter(&app).await, "/address/");
    assert_eq!(browser.post(&link, "").await.status, StatusCode::OK);
    let mut tx = app.db.read().await.unwrap();
    assert_eq!(store::subscriber::count(&mut tx).await.unwrap(), 1);
    drop(tx);
    for list in [&list, &second] {
        let standing = app.standing(list, &other).await;
        assert_eq!(standing.subscription.state, SubscriptionState::Active);
    }
    let shown = browser.get(&page).await.body;
    assert!(shown.contains("other@example.net"), "the old link works");
    app.app.tasks.close();
    app.app.tasks.wait().await;
    app.finish().await;
}

async fn whoever_asks_gets_all_that_is_held_about_them(app: TestApp) {
    let (list, page) = reader(&app).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    let answer = Browser::of(&app).get(&format!("{page}/data.json")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-disposition").contains("visnyk.json"));
    let data: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(data["email"], EMAIL);
    assert_eq!(data["subscriptions"][0]["list"], "all");
    assert_eq!(data["consents"][0]["act"], "given");
    assert_eq!(data["letters"][0]["state"], "accepted");
}

async fn erasing_takes_a_fresh_link_and_leaves_no_address(app: TestApp) {
    let (list, page) = reader(&app).await;
    app.enrol(&list, 40).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    app.letters();
    app.sql(&format!(
        "UPDATE attempt SET text = '550 <{EMAIL}> unknown' WHERE letter_id IN
           (SELECT l.id FROM letter l JOIN subscriber r ON r.id = l.subscriber_id WHERE r.email = '{EMAIL}')"
    ))
    .await;
    let browser = Browser::of(&app);
    press(&browser, &format!("{page}/erasure"), "").await;
    let link = link_in(&only_letter(&app).await, "/erase/");
    let before = state(&app).await;
    assert!(browser.get(&link).await.body.contains(EMAIL));
    assert_eq!(state(&app).await, before);
    app.wait(TimeDelta::hours(25));
    assert_eq!(browser.get(&link).await.status, StatusCode::GONE);
    app.wait(TimeDelta::hours(-25));
    let gone = browser.post(&link, "").await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.body);
    assert_eq!(browser.get(&page).await.status, StatusCode::GONE);
    assert!(!state(&app).await.contains(EMAIL));

    // Nobody can sign them up again, and nobody can tell.
    let again = browser
        .post("/lists/all/subscribe", "email=olena%40example.com")
        .await;
    assert_eq!(again.location(), "/asked");
    app.send().await;
    assert!(app.letters().is_empty());
    let mut tx = app.db.read().await.unwrap();
    let suppressed = store::subscriber::suppressions(&mut tx).await.unwrap();
    drop(tx);
    assert_eq!(suppressed, [("erasure".to_owned(), 1)]);

    let evidence = ("command line", "forget");
    let other: EmailAddress = "reader7@example.net".parse().unwrap();
    assert!(
        forget::forget_address(&app, &other, evidence)
            .await
            .unwrap()
    );
    assert!(
        !forget::forget_address(&app, &other, evidence)
            .await
            .unwrap()
    );
    app.app.tasks.close();
    app.app.tasks.wait().await;
    if let Db::Sqlite { .. } = app.db {
        for (name, bytes) in app.database_files() {
            for address in [EMAIL, other.as_str()] {
                let found = bytes
                    .windows(address.len())
                    .filter(|window| *window == address.as_bytes());
                assert_eq!(found.count(), 0, "{address} in {name}");
            }
            let kept = b"reader8@example.net";
            let is_database = !name.ends_with("-wal");
            assert_eq!(
                bytes.windows(kept.len()).any(|window| window == kept),
                is_database,
                "others stay, in the file alone: {name}"
            );
        }
    }
    app.finish().await;
}

async fn choices_tell_how_many_letters_they_bring(app: TestApp) {
    let (_, page) = reader(&app).await;
    for day in 0..14 {
        for number in 0..3 {
            app.publish(&format!("Новина-{day}-{number}"), &[]).await;
        }
        app.wait(TimeDelta::days(1));
    }
    let browser = Browser::of(&app).with("accept-language", "en");
    for path in [page.as_str(), "/lists/all"] {
        let shown = browser.get(path).await.body;
        for choice in [
            "at once <small>about 21 letters a week",
            "once a day <small>about 7 letters a week",
            "once a week <small>about 1 letter a week",
            "once a month <small>less than once a week",
        ] {
            assert!(shown.contains(choice), "{choice} in {shown}");
        }
    }
}

async fn whoever_wants_text_alone_gets_no_html(app: TestApp) {
    let (list, page) = reader(&app).await;
    let browser = Browser::of(&app);
    for (field, has_html) in [("&format=text", false), ("", true)] {
        let shown = press(&browser, &page, &format!("cadence=daily{field}")).await;
        assert_ne!(shown.contains("value=\"text\" checked"), has_html);
        app.queue_digest(&list, "Новина-1").await;
        let letter = only_letter(&app).await.letter;
        assert_eq!(titles(&letter), ["Новина-1"]);
        let letter = String::from_utf8_lossy(&letter).into_owned();
        assert_eq!(letter.contains("text/html"), has_html);
        app.sql("UPDATE subscription SET cursor_seq = 0").await;
    }
}

async fn a_private_feed_is_had_renewed_and_given_up(app: TestApp) {
    let (_, page) = reader(&app).await;
    let browser = Browser::of(&app);
    let feed_in = |page: &str| {
        let (_, rest) = page.split_once("href=\"https://news.example.org/my/")?;
        Some(rest.split('/').next()?.to_owned())
    };
    let opens = async |token: &str| private_feed::standing(&app, token).await.is_ok();
    assert_eq!(feed_in(&browser.get(&page).await.body), None);
    let path = format!("{page}/feed");
    let first = feed_in(&press(&browser, &path, "feed=on").await).unwrap();
    assert!(opens(&first).await);
    let second = feed_in(&press(&browser, &path, "feed=on").await).unwrap();
    assert!(!opens(&first).await && opens(&second).await);
    assert_eq!(feed_in(&press(&browser, &path, "feed=off").await), None);
    assert!(!opens(&second).await);
}

async fn other_addresses_get_no_more_than_their_share(app: TestApp) {
    let (_, page) = reader(&app).await;
    for _ in 0..8 {
        app.wait(TimeDelta::minutes(2));
        let browser = Browser::of(&app);
        press(
            &browser,
            &format!("{page}/address"),
            "email=victim%40example.net",
        )
        .await;
        browser
            .post("/lists/all/subscribe", "email=victim%40example.net")
            .await;
    }
    app.send().await;
    assert_eq!(app.letters().len(), 3);
}
