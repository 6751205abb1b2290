//! Our side of other people's WebSub hubs, by the list of scenarios that websub.rocks keeps for
//! subscribers. Where hubs are announced, the unit tests of `source::announced` tell (100 to 104).

mod flask_websub;

use aws_lc_rs::hmac;
use axum::http::Method;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use chrono::TimeDelta;
use visnyk::source::Selectors;
use visnyk::source::SourceId;
use visnyk::source::SourceKind;
use visnyk::source::poll;
use visnyk::source::websub;
use visnyk::store;
use visnyk::store::push::PushState;
use visnyk::store::push::SourcePush;
use visnyk::store::source::NewSource;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::peer::Came;
use crate::support::peer::Peer;
use crate::support::peer::status;
use crate::web::Answer;
use crate::web::Browser;

on_both! {
    a_source_with_a_hub_is_pushed_to_us,
    a_lease_is_renewed_before_it_ends,
}

fn rss(titles: &[&str]) -> String {
    let items: Vec<_> = titles
        .iter()
        .map(|title| format!("<item><guid>{title}</guid><title>{title}</title></item>"))
        .collect();
    format!(
        "<rss version='2.0'><channel><title>t</title>{}</channel></rss>",
        items.concat()
    )
}

/// A feed that announces its hub by the header given, and a hub that answers as it's told.
async fn publisher(link: &'static str, hub: fn(&Came) -> Response) -> Peer {
    Peer::answering(move |came| {
        if came.method == Method::POST {
            return hub(came);
        }
        let headers = [("content-type", "application/rss+xml"), ("link", link)];
        (headers, rss(&["Новина-1"])).into_response()
    })
    .await
}

const BOTH: &str = "</hub>; rel=\"hub\", </topic>; rel=\"self\"";

async fn add(app: &TestApp, url: &str) -> SourceId {
    let new = NewSource {
        url: url.parse().unwrap(),
        kind: SourceKind::Feed,
        name: "Джерело".to_owned(),
        selectors: Selectors::default(),
        every: TimeDelta::minutes(15),
    };
    let mut tx = app.db.begin().await.unwrap();
    let id = store::source::add(&mut tx, &new, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    id.unwrap()
}

async fn known(app: &TestApp, id: SourceId) -> Option<SourcePush> {
    let mut tx = app.db.read().await.unwrap();
    store::push::find(&mut tx, id).await.unwrap()
}

/// What the hub was asked, after the first poll.
async fn asked(app: &TestApp, peer: &Peer) -> Came {
    poll::poll_due(&app.app).await.unwrap();
    websub::ask_due(&app.app).await.unwrap();
    let mut posts = peer
        .came()
        .into_iter()
        .filter(|came| came.method == Method::POST);
    posts.next().unwrap()
}

/// Below our own address.
fn path(callback: &str) -> &str {
    callback.strip_prefix("https://news.example.org").unwrap()
}

async fn says(app: &TestApp, asked: &Came, mode: &str, topic: &str, lease: &str) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.mode", mode)
        .append_pair("hub.topic", topic)
        .append_pair("hub.challenge", "повтори мене")
        .append_pair("hub.lease_seconds", lease)
        .append_pair("hub.reason", "not today")
        .finish();
    let callback = asked.field("hub.callback");
    let at = format!("{}?{query}", path(&callback));
    Browser::of(app).ask(Method::GET, &at, String::new()).await
}

async fn agrees(app: &TestApp, asked: &Came, lease: &str) {
    let answer = says(app, asked, "subscribe", &asked.field("hub.topic"), lease).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "повтори мене");
}

fn signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes());
    let mac = hmac::sign(&key, body.as_bytes());
    let hex: Vec<String> = mac
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha512={}", hex.concat())
}

async fn push(app: &TestApp, asked: &Came, body: &str, signature: Option<&str>) -> StatusCode {
    let mut browser = Browser::of(app).with("content-type", "application/rss+xml");
    if let Some(signature) = signature {
        browser = browser.with("x-hub-signature", signature);
    }
    let callback = asked.field("hub.callback");
    let answer = browser.ask(Method::POST, path(&callback), body.to_owned());
    answer.await.status
}

async fn titles(app: &TestApp) -> Vec<String> {
    let mut tx = app.db.read().await.unwrap();
    let all = store::article::page(&mut tx, store::article::View::Everything, None, 100).await;
    all.unwrap()
        .into_iter()
        .map(|article| article.title)
        .collect()
}

/// Scenarios 200 and 300.
async fn a_source_with_a_hub_is_pushed_to_us(database: TestDb) {
    let app = TestApp::over(database, []).await;
    let peer = publisher(BOTH, |_| status(202)).await;
    let id = add(&app, &format!("{}/feed", peer.url)).await;
    let asked = asked(&app, &peer).await;
    assert_eq!(asked.uri, "/hub");
    assert_eq!(asked.field("hub.mode"), "subscribe");
    assert_eq!(asked.field("hub.topic"), format!("{}/topic", peer.url));
    let secret = asked.field("hub.secret");
    assert!(secret.len() >= 20 && secret.len() < 200);
    agrees(&app, &asked, "864000").await;
    assert_eq!(known(&app, id).await.unwrap().state, PushState::Active);

    let body = rss(&["Новина-2", "Новина-1"]);
    let signed = signature(&secret, &body);
    let took = push(&app, &asked, &body, Some(&signed)).await;
    assert!(took.is_success());
    assert_eq!(titles(&app).await, ["Новина-2", "Новина-1"]);

    // Polling goes on, at a slower pace.
    app.wait(TimeDelta::minutes(15));
    poll::poll_due(&app.app).await.unwrap();
    app.wait(TimeDelta::minutes(16));
    assert_eq!(poll::poll_due(&app.app).await.unwrap(), 0);
    app.wait(TimeDelta::hours(2));
    assert_eq!(poll::poll_due(&app.app).await.unwrap(), 1);
    websub::ask_due(&app.app).await.unwrap();
    let posts = peer
        .came()
        .into_iter()
        .filter(|came| came.method == Method::POST);
    assert_eq!(posts.count(), 0, "what was agreed isn't asked again");
}

/// Scenarios 301 and 302.
#[tokio::test]
async fn what_is_signed_wrongly_or_not_at_all_is_thanked_for_and_ignored() {
    let app = TestApp::new().await;
    let peer = publisher(BOTH, |_| status(202)).await;
    add(&app, &format!("{}/feed", peer.url)).await;
    let asked = asked(&app, &peer).await;
    agrees(&app, &asked, "864000").await;
    let body = rss(&["Новина-2"]);
    let forged = signature("guessed", &body);
    for wrong in [None, Some(forged.as_str()), Some("sha1="), Some("sha9=00")] {
        assert!(
            push(&app, &asked, &body, wrong).await.is_success(),
            "{wrong:?}"
        );
    }
    assert_eq!(titles(&app).await, ["Новина-1"]);
}

/// Scenarios 201 and 202: a topic that was found after redirects is what it is there.
#[tokio::test]
async fn a_topic_that_moved_is_subscribed_to_where_it_is() {
    for code in [301, 302] {
        let app = TestApp::new().await;
        let peer = Peer::answering(move |came| match (came.uri.path(), &came.method) {
            (_, &Method::POST) => status(202),
            ("/feed", _) if code == 301 => {
                (StatusCode::MOVED_PERMANENTLY, [("location", "/new")]).into_response()
            }
            ("/feed", _) => (StatusCode::FOUND, [("location", "/new")]).into_response(),
            _ => ([("link", "<hub>; rel=hub")], rss(&["Новина-1"])).into_response(),
        })
        .await;
        add(&app, &format!("{}/feed", peer.url)).await;
        let asked = asked(&app, &peer).await;
        assert_eq!(asked.field("hub.topic"), format!("{}/new", peer.url));
    }
}

/// Scenarios 203 and 204.
#[tokio::test]
async fn a_hub_that_moved_is_followed() {
    let hubs: [fn(&Came) -> Response; 2] = [
        |came| match came.uri.path() {
            "/hub" => Redirect::temporary("/there").into_response(),
            _ => status(202),
        },
        |came| match came.uri.path() {
            "/hub" => Redirect::permanent("/there").into_response(),
            _ => status(202),
        },
    ];
    for hub in hubs {
        let app = TestApp::new().await;
        let peer = publisher(BOTH, hub).await;
        let id = add(&app, &format!("{}/feed", peer.url)).await;
        poll::poll_due(&app.app).await.unwrap();
        websub::ask_due(&app.app).await.unwrap();
        let posts: Vec<_> = peer
            .came()
            .into_iter()
            .filter(|came| came.method == Method::POST)
            .collect();
        assert_eq!(posts.len(), 2);
        assert_eq!(posts[1].uri, "/there");
        assert_eq!(posts[1].body, posts[0].body);
        assert_eq!(known(&app, id).await.unwrap().problem, None);
    }
}

/// Scenario 205, and whatever else a stranger may say.
#[tokio::test]
async fn only_what_we_asked_for_is_agreed_to() {
    let app = TestApp::new().await;
    let peer = publisher(BOTH, |_| status(202)).await;
    let id = add(&app, &format!("{}/feed", peer.url)).await;
    let asked = asked(&app, &peer).await;
    let topic = asked.field("hub.topic");
    for (mode, topic) in [
        ("subscribe", "https://elsewhere.example/"),
        ("unsubscribe", topic.as_str()),
        ("", topic.as_str()),
        ("publish", topic.as_str()),
    ] {
        let answer = says(&app, &asked, mode, topic, "1").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{mode} {topic}");
    }
    let mut forged = asked.clone();
    forged.body = String::from_utf8_lossy(&forged.body)
        .replace("websub%2F1.", "websub%2F2.")
        .into();
    let answer = says(&app, &forged, "subscribe", &topic, "1").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(push(&app, &forged, "", None).await, StatusCode::GONE);
    assert_eq!(known(&app, id).await.unwrap().state, PushState::Asked);
}

#[tokio::test]
async fn a_hub_that_refuses_is_left_alone_for_a_day() {
    let app = TestApp::new().await;
    let peer = publisher(BOTH, |_| status(202)).await;
    let id = add(&app, &format!("{}/feed", peer.url)).await;
    let first = asked(&app, &peer).await;
    says(&app, &first, "denied", &first.field("hub.topic"), "").await;
    let push = known(&app, id).await.unwrap();
    assert_eq!(push.state, PushState::Refused);
    assert_eq!(push.problem.as_deref(), Some("the hub refuses: not today"));
    app.wait(TimeDelta::hours(23));
    assert_eq!(websub::ask_due(&app.app).await.unwrap(), 0);
    app.wait(TimeDelta::hours(2));
    assert_eq!(websub::ask_due(&app.app).await.unwrap(), 1);
}

#[tokio::test]
async fn a_hub_that_is_down_is_asked_again_ever_more_seldom() {
    let app = TestApp::new().await;
    let peer = publisher(BOTH, |_| {
        (StatusCode::BAD_GATEWAY, "come back").into_response()
    })
    .await;
    let id = add(&app, &format!("{}/feed", peer.url)).await;
    asked(&app, &peer).await;
    let problem = known(&app, id).await.unwrap().problem.unwrap();
    assert_eq!(problem, "the hub answers 502: come back");
    let mut asked = 1;
    for _ in 0..24 * 6 {
        app.wait(TimeDelta::minutes(10));
        asked += websub::ask_due(&app.app).await.unwrap();
    }
    assert!((5..=9).contains(&asked), "{asked} times in a day");
    assert_eq!(titles(&app).await, ["Новина-1"]);
}

async fn a_lease_is_renewed_before_it_ends(database: TestDb) {
    let app = TestApp::over(database, []).await;
    let peer = publisher(BOTH, |_| status(202)).await;
    let id = add(&app, &format!("{}/feed", peer.url)).await;
    let first = asked(&app, &peer).await;
    agrees(&app, &first, "86400").await;
    app.wait(TimeDelta::hours(19));
    assert_eq!(websub::ask_due(&app.app).await.unwrap(), 0);
    app.wait(TimeDelta::hours(1));
    assert_eq!(websub::ask_due(&app.app).await.unwrap(), 1);
    let mut posts = peer
        .came()
        .into_iter()
        .filter(|came| came.method == Method::POST);
    let again = posts.next().unwrap();
    assert_eq!(again.body, first.body, "the same wish");
    agrees(&app, &again, "86400").await;
    let until = known(&app, id).await.unwrap().until.unwrap();
    assert_eq!(until, app.now() + TimeDelta::days(1));
}

#[tokio::test]
async fn a_source_that_is_no_more_is_no_longer_pushed_to_us() {
    let app = TestApp::new().await;
    let peer = publisher(BOTH, |_| status(202)).await;
    let id = add(&app, &format!("{}/feed", peer.url)).await;
    let asked = asked(&app, &peer).await;
    agrees(&app, &asked, "86400").await;
    let mut tx = app.db.begin().await.unwrap();
    store::source::remove(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    let body = rss(&["Новина-2"]);
    let signed = signature(&asked.field("hub.secret"), &body);
    assert_eq!(
        push(&app, &asked, &body, Some(&signed)).await,
        StatusCode::GONE
    );
    let topic = asked.field("hub.topic");
    let answer = says(&app, &asked, "unsubscribe", &topic, "").await;
    assert_eq!(answer.status, StatusCode::OK);
}
