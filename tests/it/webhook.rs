//! Webhooks: a program elsewhere is told of what happened, once it's in the database and until it takes it.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::Value;
use serde_json::json;
use visnyk::audience::forget;
use visnyk::audience::preferences;
use visnyk::audience::sign_up;
use visnyk::delivery::bounce;
use visnyk::delivery::returns::About;
use visnyk::delivery::returns::Kind;
use visnyk::delivery::returns::Report;
use visnyk::digest::sent;
use visnyk::letter::LetterId;
use visnyk::source::poll;
use visnyk::store;
use visnyk::store::source::NewSource;
use visnyk::store::webhook::Told;
use visnyk::webhook::Event;
use visnyk::webhook::SigningSecret;
use visnyk::webhook::WebhookId;
use visnyk::webhook::post;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::peer::Came;
use crate::support::peer::Peer;
use crate::support::peer::status;

on_both! {
    a_program_is_told_who_comes_and_who_goes,
    a_program_is_told_when_the_last_letter_has_come_to_rest,
    a_program_is_told_of_what_servers_refuse,
    a_source_that_fails_three_times_in_a_row_is_told_of_once,
    what_is_not_taken_comes_again_for_three_days,
    a_program_that_says_it_is_gone_is_told_nothing_more,
    processes_share_the_work_and_post_once,
    a_program_that_takes_nothing_holds_up_nobody_else,
}

/// A program that takes everything, told of these events.
async fn program(app: &TestApp, events: &[Event]) -> (Peer, WebhookId, SigningSecret) {
    let peer = Peer::answering(|_| status(204)).await;
    let secret = SigningSecret::random();
    let url = format!("{}/told?from=visnyk", peer.url).parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let id = store::webhook::add(&mut tx, &url, events, &secret, app.now()).await;
    tx.commit().await.unwrap();
    (peer, id.unwrap().unwrap(), secret)
}

/// What the program is told now, in the order it comes.
async fn told(app: &TestApp, peer: &Peer) -> Vec<(String, Value)> {
    post::post_due(app).await.unwrap();
    peer.came().iter().map(said).collect()
}

fn said(came: &Came) -> (String, Value) {
    let message: Value = serde_json::from_str(came.text()).unwrap();
    let kind = message["type"].as_str().unwrap().to_owned();
    (kind, message["data"].clone())
}

async fn messages(app: &TestApp, id: WebhookId) -> Vec<Told> {
    let mut tx = app.db.read().await.unwrap();
    store::webhook::latest(&mut tx, id, 100).await.unwrap()
}

async fn a_program_is_told_who_comes_and_who_goes(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, _, secret) = program(&app, &[Event::Confirmed, Event::Left]).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("olena@example.org");
    sign_up::ask(&app, &list, &wish).await.unwrap();
    assert!(told(&app, &peer).await.is_empty(), "they only asked");
    let standing = app.subscribe(&list, &wish).await;
    let about = json!({
        "subscriber": standing.subscriber.id, "subscription": standing.subscription.id, "list": "news",
    });
    post::post_due(&app).await.unwrap();
    let came = peer.came();
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].uri, "/told?from=visnyk");
    assert_eq!(came[0].header("content-type"), "application/json");
    let happened = json!({
        "type": "subscriber.confirmed", "timestamp": app.now().to_string(), "data": about,
    });
    assert_eq!(came[0].text(), happened.to_string());
    let key = secret.as_str().strip_prefix("whsec_").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).unwrap());
    let (id, at) = (
        came[0].header("webhook-id"),
        came[0].header("webhook-timestamp"),
    );
    assert_eq!(at, app.now().seconds().to_string());
    let mac = hmac::sign(&key, format!("{id}.{at}.{}", came[0].text()).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac));
    assert_eq!(came[0].header("webhook-signature"), signature);

    let left = ("subscriber.left".to_owned(), about.clone());
    let confirmed = ("subscriber.confirmed".to_owned(), about.clone());
    sign_up::confirm(&app, &standing, "form", "").await.unwrap();
    assert!(
        told(&app, &peer).await.is_empty(),
        "pressing it again is nothing new"
    );
    sign_up::leave(&app, &standing, "page", "").await.unwrap();
    assert_eq!(told(&app, &peer).await, std::slice::from_ref(&left));
    let standing = app.standing(&list, &wish.email).await;
    let again = preferences::come_back(&app, &standing, None, ("page", "")).await;
    assert!(again.unwrap());
    assert_eq!(told(&app, &peer).await, [confirmed]);
    forget::forget(&app, &standing.subscriber, ("page", ""))
        .await
        .unwrap();
    assert_eq!(told(&app, &peer).await, [left]);
    app.tick().await;
    app.finish().await;
}

async fn a_program_is_told_when_the_last_letter_has_come_to_rest(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, ..) = program(&app, &[Event::Sent]).await;
    let (deaf, ..) = program(&app, &[Event::Left, Event::Failing]).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 2).await;
    app.queue_digest(&list, "Новина").await;
    assert_eq!(sent::note_due(&app).await.unwrap(), 0, "its letters wait");
    app.send().await;
    assert_eq!(sent::note_due(&app).await.unwrap(), 1);
    assert_eq!(sent::note_due(&app).await.unwrap(), 0, "once");
    let told = told(&app, &peer).await;
    assert_eq!(told.len(), 1);
    let (kind, about) = &told[0];
    assert_eq!(kind, "digest.sent");
    assert_eq!(about["list"], "news");
    assert_eq!(about["cadence"], "daily");
    assert_eq!(about["letters"], json!({ "accepted": 2 }));
    assert!(deaf.came().is_empty(), "it didn't ask for these");
    // One that nobody got is no event.
    app.wait(TimeDelta::days(2));
    app.tick().await;
    sent::note_due(&app).await.unwrap();
    post::post_due(&app).await.unwrap();
    assert!(peer.came().is_empty());
    app.finish().await;
}

async fn a_program_is_told_of_what_servers_refuse(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, ..) = program(&app, &[Event::Refused, Event::Left]).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина").await;
    app.send().await;
    let letter = app.ledger().await[0].id;
    let report = |kind, letter: LetterId| Report {
        key: format!("report {kind:?}"),
        about: About::Letter(letter),
        kind,
        status: Some("5.1.1".to_owned()),
        text: "550 5.1.1 <reader0@example.net> unknown".to_owned(),
        origin: "mail",
    };
    bounce::take_in(&app, &report(Kind::Hard, letter))
        .await
        .unwrap();
    bounce::take_in(&app, &report(Kind::Hard, letter))
        .await
        .unwrap();
    let refused = told(&app, &peer).await;
    assert_eq!(refused.len(), 1, "each report once");
    assert_eq!(refused[0].0, "letter.refused");
    assert_eq!(refused[0].1["letter"], json!(letter));
    assert_eq!(refused[0].1["kind"], "hard");
    assert_eq!(refused[0].1["status"], "5.1.1");
    assert!(!refused[0].1.to_string().contains('@'), "no address");
    bounce::take_in(&app, &report(Kind::Complaint, letter))
        .await
        .unwrap();
    let left = told(&app, &peer).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, "subscriber.left");
    app.finish().await;
}

async fn a_source_that_fails_three_times_in_a_row_is_told_of_once(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, ..) = program(&app, &[Event::Failing]).await;
    let site = Peer::answering(|_| status(500)).await;
    let new = NewSource {
        url: site.url.parse().unwrap(),
        name: "Громада".to_owned(),
        kind: visnyk::source::SourceKind::Feed,
        selectors: visnyk::source::Selectors::default(),
        every: TimeDelta::minutes(15),
    };
    let mut tx = app.db.begin().await.unwrap();
    let id = store::source::add(&mut tx, &new, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    let mut told_at = Vec::new();
    for poll in 1..=5 {
        poll::poll_due(&app).await.unwrap();
        for (kind, about) in told(&app, &peer).await {
            assert_eq!(kind, "source.failing");
            assert_eq!(about["source"], json!(id));
            assert_eq!(about["name"], "Громада");
            assert!(about["problem"].as_str().unwrap().contains("500"));
            told_at.push(poll);
        }
        app.wait(TimeDelta::days(2));
    }
    assert_eq!(told_at, [3]);
    app.finish().await;
}

async fn what_is_not_taken_comes_again_for_three_days(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, id, _) = program(&app, &[Event::Confirmed]).await;
    peer.answer(|_| status(500));
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    post::post_due(&app).await.unwrap();
    post::post_due(&app).await.unwrap();
    let first = peer.came();
    assert_eq!(first.len(), 1, "not again at once");
    let waiting = &messages(&app, id).await[0];
    assert_eq!((waiting.state.as_str(), waiting.tries), ("waiting", 1));
    assert_eq!(waiting.answer.as_deref(), Some("500"));
    let mut tries = 1;
    for _ in 0..24 * 8 {
        app.wait(TimeDelta::minutes(30));
        post::post_due(&app).await.unwrap();
        for came in peer.came() {
            assert_eq!(came.text(), first[0].text(), "the very same");
            assert_eq!(came.header("webhook-id"), first[0].header("webhook-id"));
            tries += 1;
        }
    }
    assert!((15..=25).contains(&tries), "{tries} tries in four days");
    assert_eq!(messages(&app, id).await[0].state, "failed");

    // What comes after is told as ever, and what didn't come the first time comes the second.
    app.enrol(&list, 2).await;
    post::post_due(&app).await.unwrap();
    peer.came();
    peer.answer(|_| status(200));
    app.wait(TimeDelta::minutes(1));
    assert_eq!(told(&app, &peer).await.len(), 1);
    let taken = &messages(&app, id).await[0];
    assert_eq!((taken.state.as_str(), taken.tries), ("taken", 2));
    app.finish().await;
}

async fn a_program_that_says_it_is_gone_is_told_nothing_more(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, id, _) = program(&app, &[Event::Confirmed]).await;
    peer.answer(|_| status(410));
    let list = app.add_list("news").await;
    app.enrol(&list, 3).await;
    post::post_due(&app).await.unwrap();
    assert_eq!(peer.came().len(), 1, "the others would be in vain");
    app.enrol(&list, 4).await;
    app.wait(TimeDelta::days(1));
    post::post_due(&app).await.unwrap();
    assert!(peer.came().is_empty());
    let mut tx = app.db.begin().await.unwrap();
    let webhook = store::webhook::find(&mut tx, id).await.unwrap().unwrap();
    assert!(!webhook.is_active);
    assert!(
        !store::webhook::try_out(&mut tx, id, app.now())
            .await
            .unwrap()
    );
    drop(tx);
    assert!(
        messages(&app, id)
            .await
            .iter()
            .all(|told| told.state == "failed")
    );
    app.finish().await;
}

async fn processes_share_the_work_and_post_once(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (peer, ..) = program(&app, &[Event::Confirmed]).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 20).await;
    let (one, two, three) = tokio::join!(
        post::post_due(&app),
        post::post_due(&app),
        post::post_due(&app)
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    let mut ids: Vec<String> = peer
        .came()
        .iter()
        .map(|came| came.header("webhook-id").to_owned())
        .collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((all, ids.len()), (20, 20));
    app.finish().await;
}

async fn a_program_that_takes_nothing_holds_up_nobody_else(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (deaf, id, _) = program(&app, &[Event::Test]).await;
    deaf.answer(|_| status(500));
    let mut tx = app.db.begin().await.unwrap();
    for _ in 0..300 {
        assert!(
            store::webhook::try_out(&mut tx, id, app.now())
                .await
                .unwrap()
        );
    }
    tx.commit().await.unwrap();
    app.wait(TimeDelta::seconds(1));
    let (peer, ..) = program(&app, &[Event::Confirmed]).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    post::post_due(&app).await.unwrap();
    post::post_due(&app).await.unwrap();
    assert_eq!(peer.came().len(), 1);
    assert_eq!(deaf.came().len(), 1, "one try, and all others wait with it");
    let mut tx = app.db.begin().await.unwrap();
    assert!(
        store::webhook::try_out(&mut tx, id, app.now())
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    post::post_due(&app).await.unwrap();
    assert!(deaf.came().is_empty(), "what is new waits too");
    deaf.answer(|_| status(200));
    app.wait(TimeDelta::minutes(1));
    for _ in 0..2 {
        post::post_due(&app).await.unwrap();
    }
    let came = deaf.came();
    let number = |came: &Came| {
        let id = came.header("webhook-id").strip_prefix("msg_").unwrap();
        id.parse::<i64>().unwrap()
    };
    assert_eq!(came.len(), 301);
    assert!(came.is_sorted_by_key(number), "in the order it happened");
    app.finish().await;
}
