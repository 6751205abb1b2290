//! Our hub and a subscriber that isn't ours: Flask-WebSub's, over https.

use serde_json::Value;
use serde_json::json;
use visnyk::feed::hub;

use crate::feed::hub::subscriptions;
use crate::support::flask_websub::FlaskWebSub;
use crate::support::flask_websub::Served;
use crate::web::Browser;

const SECRET: &str = "тихо, не всім";

async fn published(served: &Served, peer: &mut FlaskWebSub, title: &str) -> Value {
    served.app.publish(title, &["економіка"]).await;
    hub::push_due(&served.app).await.unwrap();
    events(peer)
}

async fn verified(served: &Served, peer: &mut FlaskWebSub) -> Value {
    assert_eq!(events(peer), json!([]), "not before it's asked");
    assert_eq!(hub::verify_due(&served.app).await.unwrap(), 1);
    events(peer)
}

fn events(peer: &mut FlaskWebSub) -> Value {
    peer.ask(&json!({ "do": "events" }))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Flask-WebSub"]
async fn flask_websub_finds_our_hub_subscribes_is_pushed_to_and_leaves() {
    let served = Served::start().await;
    served.app.publish("Новина-1", &["економіка"]).await;
    let mut peer = FlaskWebSub::start(&served);
    let paths = [
        "/feed.atom",
        "/feed.rss",
        "/feed.json",
        "/topics/ekonomika/feed.atom?full=0",
    ];
    for (number, path) in paths.into_iter().enumerate() {
        let topic = format!("{}{path}", served.base);
        let found = peer.ask(&json!({ "do": "discover", "url": topic }));
        let hub = format!("{}/hub", served.base);
        assert_eq!(found, json!({ "hub_url": hub, "topic_url": topic }));

        let id = peer.ask(&json!({
            "do": "subscribe", "hub_url": hub, "topic_url": topic, "secret": SECRET, "lease_seconds": 3600,
        }));
        let agreed = json!([{ "what": "subscribe", "topic": topic, "id": id }]);
        assert_eq!(verified(&served, &mut peer).await, agreed);
        let title = format!("Новина-{number}-так");
        let pushed = published(&served, &mut peer, &title).await;
        let body = Browser::of(&served.app).get(path).await.body;
        assert!(body.contains(&title));
        let expected = json!([{ "what": "pushed", "topic": topic, "id": id, "body": body }]);
        assert_eq!(pushed, expected, "and the signature is right");
        push_forged(
            &served,
            &format!("{}/callbacks/{}", peer.url, id.as_str().unwrap()),
        )
        .await;
        assert_eq!(events(&mut peer), json!([]), "it does look at signatures");

        peer.ask(&json!({ "do": "renew", "callback_id": id }));
        assert_eq!(verified(&served, &mut peer).await, agreed);
        assert_eq!(subscriptions(&served.app).await.len(), 1);

        peer.ask(&json!({ "do": "unsubscribe", "callback_id": id }));
        let left = json!([{ "what": "unsubscribe", "topic": topic, "id": id }]);
        assert_eq!(verified(&served, &mut peer).await, left);
        let title = format!("Новина-{number}-ні");
        assert_eq!(published(&served, &mut peer, &title).await, json!([]));
        assert!(subscriptions(&served.app).await.is_empty());
    }
    let nowhere = format!("{}/topics/nowhere/feed.atom", served.base);
    let hub = format!("{}/hub", served.base);
    let refused = peer.try_to(&json!({
        "do": "subscribe", "hub_url": hub, "topic_url": nowhere, "secret": SECRET,
    }));
    let problem = refused["problem"].as_str().unwrap();
    assert!(
        problem.contains("400") && problem.contains("expected hub.topic"),
        "{problem}"
    );
}

/// Somebody else's push to the same callback.
async fn push_forged(served: &Served, callback: &str) {
    let callback = callback.parse().unwrap();
    let forged = [("x-hub-signature", format!("sha256={}", "00".repeat(32)))];
    let kind = "application/atom+xml";
    let answer = served
        .app
        .fetcher
        .post(&callback, kind, &forged, "<feed/>".into());
    assert!(answer.await.unwrap().is_success());
}
