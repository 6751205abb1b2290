//! The canary: a digest that doesn't come to it is told of once, and so is that the next one came.

use chrono::TimeDelta;
use mail_parser::MessageParser;
use visnyk::access::Role;
use visnyk::audience::list::List;
use visnyk::audience::sign_up;
use visnyk::delivery::canary;
use visnyk::delivery::silence::Why;
use visnyk::delivery::smtp::Trust;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    a_digest_that_nobody_knows_to_have_come_is_told_of_once,
    a_digest_that_waits_or_was_never_cut_is_missed_too,
    who_isnt_subscribed_misses_nothing,
    a_list_that_the_canary_gets_no_more_is_not_missed,
}

/// With an owner, a list, and the first of its readers for a canary whose mailbox nobody answers for.
pub(super) async fn with_canary(test: TestDb, mailbox: &str) -> (TestApp, List) {
    let settings = [
        ("VISNYK_MAIL__CANARY__ADDRESS", "reader0@example.net"),
        ("VISNYK_MAIL__CANARY__MAILBOX", mailbox),
    ];
    let app = TestApp::over(test, settings).await;
    let mut tx = app.db.begin().await.unwrap();
    for (email, role) in [
        ("owner@example.org", Role::Owner),
        ("editor@example.org", Role::Editor),
    ] {
        store::user::add(&mut tx, &email.parse().unwrap(), role, app.now())
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let list = app.add_list("news").await;
    app.enrol(&list, 2).await;
    (app, list)
}

const NOBODY: &str = "imap://canary:password@127.0.0.1:9/";

/// Lists that are silent.
pub(super) async fn look(app: &TestApp) -> usize {
    let trust = Trust::only(Vec::new()).unwrap();
    canary::look(app, &trust).await.unwrap()
}

pub(super) async fn silent(app: &TestApp) -> Vec<Why> {
    let mut tx = app.db.read().await.unwrap();
    let silent = store::canary::at(&mut tx, app.now()).await.unwrap();
    silent.into_iter().map(|(silence, _)| silence.why).collect()
}

/// Letters that tell of it, as (to, text).
pub(super) async fn told(app: &TestApp) -> Vec<(String, String)> {
    app.send().await;
    let told = app.letters().into_iter();
    let told = told.filter(|kept| kept.name.starts_with("silence-"));
    let text = |letter: &[u8]| {
        let letter = MessageParser::default().parse(letter).unwrap();
        // Lines are folded where they will.
        let text = letter.body_text(0).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    told.map(|kept| (kept.envelope.to.clone(), text(&kept.letter)))
        .collect()
}

async fn a_digest_that_nobody_knows_to_have_come_is_told_of_once(test: TestDb) {
    let (app, list) = with_canary(test, NOBODY).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    app.letters();
    assert_eq!(look(&app).await, 0, "there is time yet");
    app.wait(TimeDelta::hours(2) + TimeDelta::minutes(1));
    for _ in 0..2 {
        assert_eq!(look(&app).await, 1);
        assert_eq!(silent(&app).await, [Why::Blind]);
    }
    let told = told(&app).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (to, said) = &told[0];
    assert_eq!(to, "owner@example.org");
    for words in [
        "reader0@example.net",
        "скриньку не вдається прочитати",
        "/admin/digests/1",
    ] {
        assert!(said.contains(words), "expected `{words}` in {said}");
    }
    app.finish().await;
}

async fn a_list_that_the_canary_gets_no_more_is_not_missed(test: TestDb) {
    let (app, list) = with_canary(test, NOBODY).await;
    app.queue_digest(&list, "Новина-1").await;
    app.wait(TimeDelta::hours(3));
    assert_eq!(look(&app).await, 1);
    let mut without = (*app.settings).clone();
    without.mail.canary = None;
    let mut other = app.restarted(&app.settings.base_url).await;
    other.settings = without.into();
    let trust = Trust::only(Vec::new()).unwrap();
    assert_eq!(canary::look(&other, &trust).await.unwrap(), 0);
    assert!(silent(&app).await.is_empty());
    assert_eq!(look(&app).await, 1);
    let standing = app
        .standing(&list, &"reader0@example.net".parse().unwrap())
        .await;
    sign_up::leave(&app, &standing, "form", "").await.unwrap();
    assert_eq!(look(&app).await, 0);
    assert!(silent(&app).await.is_empty());
    app.send().await;
    app.finish().await;
}

async fn a_digest_that_waits_or_was_never_cut_is_missed_too(test: TestDb) {
    let (app, list) = with_canary(test, NOBODY).await;
    app.queue_digest(&list, "Новина-1").await;
    app.wait(TimeDelta::hours(3));
    assert_eq!(look(&app).await, 1);
    assert_eq!(silent(&app).await, [Why::Waiting]);
    // The next was due at eight, and nobody cut it.
    app.wait(TimeDelta::days(1));
    assert_eq!(look(&app).await, 1);
    assert_eq!(silent(&app).await, [Why::Waiting], "it's told of once");
    let seen = app.ledger().await;
    let digest = seen.iter().find(|letter| letter.digest_id.is_some());
    let mut tx = app.db.begin().await.unwrap();
    store::canary::see(&mut tx, digest.unwrap().id, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(look(&app).await, 1);
    app.tick().await;
    assert_eq!(look(&app).await, 0);
    assert!(silent(&app).await.is_empty());
    app.finish().await;
}

async fn who_isnt_subscribed_misses_nothing(test: TestDb) {
    let settings = [
        ("VISNYK_MAIL__CANARY__ADDRESS", "canary@example.net"),
        ("VISNYK_MAIL__CANARY__MAILBOX", NOBODY),
    ];
    let app = TestApp::over(test, settings).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    app.wait(TimeDelta::days(1));
    assert_eq!(look(&app).await, 0);
    app.finish().await;
}
