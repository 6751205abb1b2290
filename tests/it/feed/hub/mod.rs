//! Our WebSub hub, by the list of scenarios that websub.rocks keeps for hubs and publishers.

mod flask_websub;

use aws_lc_rs::hmac;
use axum::http::Method;
use axum::http::StatusCode;
use chrono::TimeDelta;
use tower::ServiceExt;
use visnyk::feed::hub;
use visnyk::store;
use visnyk::store::hub::Push;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::peer::Came;
use crate::support::peer::Peer;
use crate::support::peer::agree;
use crate::support::peer::status;
use crate::web::Answer;
use crate::web::Browser;

on_both! {
    a_subscriber_is_verified_and_gets_what_is_published,
    a_callback_that_fails_is_tried_again_until_it_takes_it,
    processes_share_the_work_and_push_once,
}

const BASE: &str = "https://news.example.org";

/// A newsroom with a hub and one article.
async fn newsroom(database: TestDb) -> TestApp {
    let app = TestApp::over(database, []).await;
    app.publish("Новина-1", &["економіка"]).await;
    app
}

async fn own() -> TestApp {
    let app = TestApp::new().await;
    app.publish("Новина-1", &["економіка"]).await;
    app
}

async fn post(app: &TestApp, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let browser = Browser::of(app).with("content-type", "application/x-www-form-urlencoded");
    browser.ask(Method::POST, "/hub", body).await
}

async fn wish(app: &TestApp, mode: &str, path: &str, callback: &str, others: &[(&str, &str)]) {
    let topic = format!("{BASE}{path}");
    let mut fields = vec![
        ("hub.mode", mode),
        ("hub.topic", &topic),
        ("hub.callback", callback),
    ];
    fields.extend(others);
    let answer = post(app, &fields).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
}

async fn subscribe(app: &TestApp, path: &str, peer: &Peer) {
    wish(app, "subscribe", path, &peer.url, &[]).await;
    hub::verify_due(app).await.unwrap();
    assert_eq!(peer.came().len(), 1, "asked once");
}

/// Publishes an article, lets the hub look, and gives what the peer was pushed.
async fn pushes(app: &TestApp, title: &str, peer: &Peer) -> Vec<Came> {
    app.publish(title, &["економіка"]).await;
    hub::push_due(app).await.unwrap();
    peer.came()
}

async fn subscriptions(app: &TestApp) -> Vec<Push> {
    let mut tx = app.db.read().await.unwrap();
    store::hub::subscriptions(&mut tx, 100).await.unwrap()
}

async fn feed(app: &TestApp, path: &str) -> (String, String) {
    let router = visnyk::web::router(app.app.clone());
    let request = axum::http::Request::get(path)
        .body(axum::body::Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX);
    let body = String::from_utf8(body.await.unwrap().to_vec()).unwrap();
    (kind, body)
}

/// Scenario 100, and what a publisher owes: the topic's own content and type, and who it is from.
async fn a_subscriber_is_verified_and_gets_what_is_published(database: TestDb) {
    let app = newsroom(database).await;
    let peer = Peer::subscriber().await;
    wish(&app, "subscribe", "/feed.atom", &peer.url, &[]).await;
    assert!(subscriptions(&app).await.is_empty(), "not before it agrees");
    hub::verify_due(&app).await.unwrap();
    let asked = peer.came();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].method, Method::GET);
    assert_eq!(asked[0].field("hub.mode"), "subscribe");
    assert_eq!(asked[0].field("hub.topic"), format!("{BASE}/feed.atom"));
    assert_eq!(asked[0].field("hub.lease_seconds"), "864000");
    assert_eq!(subscriptions(&app).await.len(), 1);

    hub::push_due(&app).await.unwrap();
    assert!(peer.came().is_empty(), "nothing is new");
    let pushed = pushes(&app, "Новина-2", &peer).await;
    assert_eq!(pushed.len(), 1);
    assert_eq!(pushed[0].method, Method::POST);
    let (kind, body) = feed(&app, "/feed.atom").await;
    assert_eq!(pushed[0].text(), body);
    assert_eq!(pushed[0].header("content-type"), kind);
    let link = format!("<{BASE}/hub>; rel=\"hub\", <{BASE}/feed.atom>; rel=\"self\"");
    assert_eq!(pushed[0].header("link"), link);
    assert_eq!(pushed[0].header("x-hub-signature"), "");
    hub::push_due(&app).await.unwrap();
    assert!(peer.came().is_empty(), "and once");
}

/// Scenario 101.
#[tokio::test]
async fn a_secret_signs_every_push() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    let secret = "тихо ".repeat(20);
    wish(
        &app,
        "subscribe",
        "/feed.rss",
        &peer.url,
        &[("hub.secret", &secret)],
    )
    .await;
    hub::verify_due(&app).await.unwrap();
    peer.came();
    let pushed = pushes(&app, "Новина-2", &peer).await;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = hmac::sign(&key, &pushed[0].body);
    let hex: Vec<String> = mac
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let hex = hex.concat();
    assert_eq!(pushed[0].header("x-hub-signature"), format!("sha256={hex}"));
}

/// Scenario 102.
#[tokio::test]
async fn what_a_callback_has_of_its_own_stays() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    let callback = format!("{}/take?me=a%20b&me=%D1%97&hub.mode=x", peer.url);
    wish(
        &app,
        "subscribe",
        "/feed.rss",
        &callback,
        &[("ignored", "1")],
    )
    .await;
    hub::verify_due(&app).await.unwrap();
    let asked = peer.came().remove(0).uri.to_string();
    assert!(
        asked.starts_with("/take?me=a%20b&me=%D1%97&hub.mode=x&hub.mode=subscribe&"),
        "{asked}"
    );
    let pushed = pushes(&app, "Новина-2", &peer).await;
    assert_eq!(pushed[0].uri, "/take?me=a%20b&me=%D1%97&hub.mode=x");
}

/// Scenario 103.
#[tokio::test]
async fn subscribing_again_renews_the_lease_and_changes_the_secret_once_verified() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/feed.rss", &peer).await;
    app.wait(TimeDelta::days(9));
    peer.answer(|_| status(404));
    wish(
        &app,
        "subscribe",
        "/feed.rss",
        &peer.url,
        &[("hub.secret", "forged")],
    )
    .await;
    hub::verify_due(&app).await.unwrap();
    peer.came();
    peer.answer(agree);
    let pushed = pushes(&app, "Новина-2", &peer).await;
    assert_eq!(
        pushed[0].header("x-hub-signature"),
        "",
        "nobody agreed to that"
    );
    wish(
        &app,
        "subscribe",
        "/feed.rss",
        &peer.url,
        &[("hub.secret", "own")],
    )
    .await;
    hub::verify_due(&app).await.unwrap();
    peer.came();
    app.wait(TimeDelta::days(9));
    let pushed = pushes(&app, "Новина-3", &peer).await;
    assert_eq!(pushed.len(), 1, "one subscription, still running");
    assert!(pushed[0].header("x-hub-signature").starts_with("sha256="));
    app.wait(TimeDelta::days(2));
    assert!(
        pushes(&app, "Новина-4", &peer).await.is_empty(),
        "the lease is over"
    );
    assert!(subscriptions(&app).await.is_empty());
}

/// Scenario 104.
#[tokio::test]
async fn unsubscribing_takes_the_callbacks_word_too() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/feed.rss", &peer).await;
    peer.answer(|_| status(404));
    wish(&app, "unsubscribe", "/feed.rss", &peer.url, &[]).await;
    hub::verify_due(&app).await.unwrap();
    assert_eq!(peer.came()[0].field("hub.mode"), "unsubscribe");
    peer.answer(agree);
    assert_eq!(
        pushes(&app, "Новина-2", &peer).await.len(),
        1,
        "it didn't mean it"
    );
    wish(&app, "unsubscribe", "/feed.rss", &peer.url, &[]).await;
    hub::verify_due(&app).await.unwrap();
    peer.came();
    assert!(pushes(&app, "Новина-3", &peer).await.is_empty());
}

/// Scenarios 105 and 106: what is pushed has its topic's type, whatever that is.
#[tokio::test]
async fn every_form_of_every_feed_is_pushed_as_what_it_is() {
    let app = own().await;
    let peers = [
        ("/feed", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json"),
        ("/feed.rss?full=0", "application/rss+xml; charset=utf-8"),
        ("/topics/ekonomika/feed.json", "application/feed+json"),
        (
            "/feed.atom?topic=ekonomika&lang=uk",
            "application/atom+xml; charset=utf-8",
        ),
        ("/sources/1/feed.rss", "application/rss+xml; charset=utf-8"),
    ];
    for (path, kind) in peers {
        let peer = Peer::subscriber().await;
        subscribe(&app, path, &peer).await;
        let pushed = pushes(&app, &format!("Новина-{}", path.len()), &peer).await;
        assert_eq!(pushed.len(), 1, "{path}");
        assert_eq!(pushed[0].header("content-type"), kind, "{path}");
        assert_eq!(pushed[0].text(), feed(&app, path).await.1, "{path}");
        let own = format!("<{BASE}{path}>; rel=\"self\"");
        assert!(pushed[0].header("link").ends_with(&own), "{path}");
        // The others are owed nothing that this one shows.
        wish(&app, "unsubscribe", path, &peer.url, &[]).await;
        hub::verify_due(&app).await.unwrap();
    }
}

#[tokio::test]
async fn a_callback_that_does_not_repeat_the_challenge_is_not_subscribed() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    let answers: [fn(&Came) -> axum::response::Response; 4] = [
        |_| status(404),
        |_| status(200),
        |came| {
            axum::response::IntoResponse::into_response(format!("{} ", came.field("hub.challenge")))
        },
        |came| {
            let location = format!("/?hub.challenge={}", came.field("hub.challenge"));
            axum::response::IntoResponse::into_response(axum::response::Redirect::temporary(
                &location,
            ))
        },
    ];
    for answer in answers {
        peer.answer(answer);
        wish(&app, "subscribe", "/feed.rss", &peer.url, &[]).await;
        hub::verify_due(&app).await.unwrap();
        assert_eq!(peer.came().len(), 1);
        app.wait(TimeDelta::hours(1));
        hub::verify_due(&app).await.unwrap();
        assert!(peer.came().is_empty(), "asked once");
        assert!(subscriptions(&app).await.is_empty());
    }
}

#[tokio::test]
async fn a_callback_that_cannot_be_reached_is_asked_three_times() {
    let app = own().await;
    let nowhere = {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", taken.local_addr().unwrap())
    };
    wish(&app, "subscribe", "/feed.rss", &nowhere, &[]).await;
    let mut asked = 0;
    for _ in 0..20 {
        asked += hub::verify_due(&app).await.unwrap();
        app.wait(TimeDelta::minutes(1));
    }
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn a_request_that_cannot_be_met_is_refused_in_words() {
    let app = own().await;
    let ok = "http://127.0.0.1:9/";
    let all = "https://news.example.org/feed.rss";
    let long = "s".repeat(201);
    for (mode, topic, callback, more, words) in [
        ("", all, ok, ("", ""), "hub.mode"),
        ("publish", all, ok, ("", ""), "`publish`"),
        (
            "subscribe",
            "https://other.example/feed.rss",
            ok,
            ("", ""),
            "/feed.atom",
        ),
        (
            "subscribe",
            "https://news.example.org.evil.example/feed.rss",
            ok,
            ("", ""),
            "hub.topic",
        ),
        (
            "subscribe",
            "https://news.example.org/feed.html",
            ok,
            ("", ""),
            "hub.topic",
        ),
        (
            "subscribe",
            "https://news.example.org/topics/no/feed.rss",
            ok,
            ("", ""),
            "hub.topic",
        ),
        (
            "subscribe",
            "https://news.example.org/",
            ok,
            ("", ""),
            "hub.topic",
        ),
        (
            "subscribe",
            "https://news.example.org/feed.rss?x=1",
            ok,
            ("", ""),
            "https://news.example.org/feed.rss`",
        ),
        ("subscribe", all, "", ("", ""), "hub.callback"),
        (
            "subscribe",
            all,
            "ftp://a.example/",
            ("", ""),
            "hub.callback",
        ),
        ("subscribe", all, "http://10.0.0.1/", ("", ""), "public"),
        ("subscribe", all, "http://[::1]/", ("", ""), "public"),
        (
            "subscribe",
            all,
            "http://u:p@a.example/",
            ("", ""),
            "password",
        ),
        (
            "subscribe",
            all,
            ok,
            ("hub.lease_seconds", "soon"),
            "`soon`",
        ),
        (
            "subscribe",
            all,
            ok,
            ("hub.secret", long.as_str()),
            "200 bytes",
        ),
    ] {
        let fields = [
            ("hub.mode", mode),
            ("hub.topic", topic),
            ("hub.callback", callback),
            more,
        ];
        let answer = post(&app, &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{fields:?}");
        assert!(answer.body.contains(words), "{fields:?}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert_eq!(hub::verify_due(&app).await.unwrap(), 0);
}

#[tokio::test]
async fn a_callback_inside_our_network_is_never_asked() {
    let database = TestDb::make(crate::support::database::Kind::Sqlite).await;
    let app = TestApp::over(database, [("VISNYK_INGEST__ALLOW", "192.0.2.1/32")]).await;
    let canary = Peer::subscriber().await;
    let port = canary.url.rsplit(':').next().unwrap();
    let callback = format!("http://localhost:{port}/");
    wish(&app, "subscribe", "/feed.rss", &callback, &[]).await;
    for _ in 0..10 {
        hub::verify_due(&app).await.unwrap();
        app.wait(TimeDelta::minutes(1));
    }
    assert!(canary.came().is_empty());
    assert!(subscriptions(&app).await.is_empty());
}

async fn a_callback_that_fails_is_tried_again_until_it_takes_it(database: TestDb) {
    let app = newsroom(database).await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/feed.atom", &peer).await;
    peer.answer(|_| status(503));
    assert_eq!(pushes(&app, "Новина-2", &peer).await.len(), 1);
    hub::push_due(&app).await.unwrap();
    assert!(peer.came().is_empty(), "not at once");
    app.wait(TimeDelta::seconds(30));
    hub::push_due(&app).await.unwrap();
    assert_eq!(peer.came().len(), 1);
    assert!(
        pushes(&app, "Новина-3", &peer).await.is_empty(),
        "news doesn't shorten the wait"
    );
    peer.answer(agree);
    app.wait(TimeDelta::seconds(61));
    hub::push_due(&app).await.unwrap();
    let pushed = peer.came();
    assert_eq!(pushed.len(), 1, "the newest content, once");
    assert!(pushed[0].text().contains("Новина-3") && pushed[0].text().contains("Новина-2"));
    app.wait(TimeDelta::hours(7));
    hub::push_due(&app).await.unwrap();
    assert!(peer.came().is_empty());
}

#[tokio::test]
async fn a_callback_that_is_gone_ends_its_subscription() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/feed.atom", &peer).await;
    peer.answer(|_| status(410));
    assert_eq!(pushes(&app, "Новина-2", &peer).await.len(), 1);
    assert!(subscriptions(&app).await.is_empty());
}

#[tokio::test]
async fn a_callback_that_redirects_has_failed() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/feed.atom", &peer).await;
    peer.answer(|_| {
        axum::response::IntoResponse::into_response(axum::response::Redirect::permanent(
            "/elsewhere",
        ))
    });
    let pushed = pushes(&app, "Новина-2", &peer).await;
    assert_eq!(pushed.len(), 1, "not followed");
    assert_eq!(subscriptions(&app).await[0].tries, 1);
}

#[tokio::test]
async fn a_process_that_died_with_a_push_in_hand_leaves_it_to_the_next() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/feed.atom", &peer).await;
    peer.answer(|_| status(503));
    pushes(&app, "Новина-2", &peer).await;
    app.wait(TimeDelta::minutes(1));
    // What a process does first, and then nothing more.
    let push = subscriptions(&app).await.remove(0);
    let mut tx = app.db.begin().await.unwrap();
    let claimed = store::hub::claim_push(&mut tx, &push, app.now() + TimeDelta::minutes(2)).await;
    assert!(claimed.unwrap());
    tx.commit().await.unwrap();
    peer.answer(agree);
    hub::push_due(&app).await.unwrap();
    assert!(peer.came().is_empty(), "somebody has it in hand");
    app.wait(TimeDelta::minutes(2));
    hub::push_due(&app).await.unwrap();
    assert_eq!(peer.came().len(), 1);
}

async fn processes_share_the_work_and_push_once(database: TestDb) {
    let app = newsroom(database).await;
    let peers = [
        Peer::subscriber().await,
        Peer::subscriber().await,
        Peer::subscriber().await,
    ];
    for peer in &peers {
        subscribe(&app, "/feed.atom", peer).await;
    }
    app.publish("Новина-2", &[]).await;
    let other = app.restarted(BASE).await;
    let third = app.restarted(BASE).await;
    let (one, two, three) = tokio::join!(
        hub::push_due(&app),
        hub::push_due(&other),
        hub::push_due(&third)
    );
    for done in [one, two, three] {
        done.unwrap();
    }
    hub::push_due(&app).await.unwrap();
    for peer in &peers {
        assert_eq!(peer.came().len(), 1);
    }
}

#[tokio::test]
async fn a_feed_that_is_no_more_ends_its_subscriptions() {
    let app = own().await;
    let peer = Peer::subscriber().await;
    subscribe(&app, "/sources/1/feed.rss", &peer).await;
    let source = app.source().await;
    let mut tx = app.db.begin().await.unwrap();
    store::source::remove(&mut tx, source.id).await.unwrap();
    tx.commit().await.unwrap();
    hub::push_due(&app).await.unwrap();
    assert!(subscriptions(&app).await.is_empty());
}

#[tokio::test]
async fn every_feed_says_where_its_hub_is() {
    let app = own().await;
    let (_, atom) = feed(&app, "/feed.atom").await;
    assert!(
        atom.contains("<link href=\"https://news.example.org/hub\" rel=\"hub\""),
        "{atom}"
    );
    let (_, rss) = feed(&app, "/feed.rss").await;
    assert!(rss.contains("rel=\"hub\"") && rss.contains("https://news.example.org/hub"));
    let (_, json) = feed(&app, "/feed.json").await;
    assert!(
        json.contains("\"hubs\":[{\"type\":\"WebSub\",\"url\":\"https://news.example.org/hub\"}]")
    );
    for path in [
        "/feed.atom",
        "/feed.rss?full=0",
        "/topics/ekonomika/feed.json",
        "/feed",
    ] {
        let answer = Browser::of(&app)
            .ask(Method::GET, path, String::new())
            .await;
        let links: Vec<_> = answer.headers.get_all("link").iter().collect();
        let expected = format!("<{BASE}/hub>; rel=\"hub\", <{BASE}{path}>; rel=\"self\"");
        assert!(
            links.iter().any(|link| link.to_str().unwrap() == expected),
            "{path}: {links:?}"
        );
    }
}

#[tokio::test]
async fn an_outside_hub_is_named_and_told_of_every_feed_that_changed() {
    let hub = Peer::answering(|_| status(503)).await;
    let database = TestDb::make(crate::support::database::Kind::Sqlite).await;
    let address = format!("{}/", hub.url);
    let app = TestApp::over(database, [("VISNYK_FEED__HUB", address.as_str())]).await;
    hub::tell_outside(&app).await.unwrap();
    assert!(hub.came().is_empty(), "nothing has changed");
    app.wait(TimeDelta::hours(1));
    app.publish("Новина-1", &["економіка"]).await;
    let (_, atom) = feed(&app, "/feed.atom").await;
    assert!(
        atom.contains(&format!("href=\"{address}\" rel=\"hub\"")),
        "{atom}"
    );
    hub::tell_outside(&app).await.unwrap();
    assert_eq!(hub.came().len(), 1);
    hub::tell_outside(&app).await.unwrap();
    assert!(hub.came().is_empty(), "it has said that it's busy");
    hub.answer(|_| status(204));
    app.wait(TimeDelta::minutes(1));
    hub::tell_outside(&app).await.unwrap();
    let told = hub.came().remove(0);
    assert_eq!(told.field("hub.mode"), "publish");
    for path in [
        "/feed",
        "/feed.rss",
        "/topics/ekonomika/feed.atom",
        "/sources/1/feed.json",
    ] {
        let topic = format!("{BASE}{path}");
        let urls = url::form_urlencoded::parse(&told.body);
        assert!(
            urls.into_owned()
                .any(|(name, value)| name == "hub.url" && value == topic),
            "{path}"
        );
    }
    app.wait(TimeDelta::hours(1));
    hub::tell_outside(&app).await.unwrap();
    assert!(hub.came().is_empty());
}
