//! A publisher and a hub that aren't ours, Flask-WebSub's, and our subscriber.

use chrono::TimeDelta;
use serde_json::json;
use visnyk::source::poll;
use visnyk::source::websub;
use visnyk::store;
use visnyk::store::push::PushState;

use super::add;
use super::known;
use super::titles;
use crate::support::flask_websub::FlaskWebSub;
use crate::support::flask_websub::Served;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Flask-WebSub"]
async fn flask_websubs_hub_pushes_us_what_is_new_by_every_signature() {
    let served = Served::start().await;
    let app = &served.app;
    let mut peer = FlaskWebSub::start(&served);
    let mut expected = vec!["Новина-1".to_owned()];
    peer.ask(&json!({ "do": "publish", "title": "Новина-1", "signed_with": "sha1" }));
    let id = add(app, &format!("{}/feed", peer.url)).await;
    poll::poll_due(&app.app).await.unwrap();
    assert_eq!(titles(app).await, expected);
    let found = known(app, id).await.unwrap();
    assert_eq!(found.state, PushState::Asked);
    assert_eq!(found.hub.as_str(), format!("{}/hub", peer.url));

    // It asks our callback before it answers.
    assert_eq!(websub::ask_due(&app.app).await.unwrap(), 1);
    let agreed = known(app, id).await.unwrap();
    assert_eq!((agreed.state, agreed.problem), (PushState::Active, None));
    assert_eq!(agreed.until, Some(app.now() + TimeDelta::days(10)));
    for method in ["sha1", "sha256", "sha384", "sha512"] {
        let title = format!("Новина-{method}");
        peer.ask(&json!({ "do": "publish", "title": title, "signed_with": method }));
        expected.insert(0, title);
        assert_eq!(titles(app).await, expected, "without a poll");
    }

    app.wait(TimeDelta::days(9));
    assert_eq!(websub::ask_due(&app.app).await.unwrap(), 1, "renewed");
    let renewed = known(app, id).await.unwrap().until;
    assert_eq!(renewed, Some(app.now() + TimeDelta::days(10)));
    let pushed_to = peer.ask(&json!({ "do": "subscriptions" }));
    assert_eq!(pushed_to.as_array().unwrap().len(), 1, "{pushed_to}");

    let mut tx = app.db.begin().await.unwrap();
    store::source::remove(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    peer.ask(&json!({ "do": "publish", "title": "Новина-2", "signed_with": "sha512" }));
    assert_eq!(titles(app).await, expected);
    let pushed_to = peer.ask(&json!({ "do": "subscriptions" }));
    assert_eq!(pushed_to, json!([]), "it was told that we are gone");
}
