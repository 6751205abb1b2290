//! What the console says while an installation is new, and what it says where nothing is yet.

use axum::http::StatusCode;
use visnyk::access::Role;
use visnyk::letter::dkim;
use visnyk::letter::dkim::Algorithm;
use visnyk::letter::dkim::Signer;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::web::Browser;
use crate::web::desk::signed_in;

/// With a relay, as far as the settings know; what is sent through it, tests keep.
async fn with_a_relay(kind: Kind) -> TestApp {
    TestApp::on(
        kind,
        [("VISNYK_MAIL__RELAY", "smtp://relay.example.org:587")],
    )
    .await
}

async fn done(owner: &Browser) -> Option<String> {
    let page = owner.get("/admin").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    let said = page.body.split("Done: ").nth(1)?;
    said.split('.').next().map(str::to_owned)
}

async fn goes_from_nothing_to_a_digest(kind: Kind) {
    let app = with_a_relay(kind).await;
    let owner = signed_in(&app, Role::Owner).await;
    assert_eq!(done(&owner).await.unwrap(), "1 of 6");
    let asked = owner.post("/admin/test-letter", "").await;
    assert_eq!(asked.location(), "/admin?done=sent");
    assert!(
        owner
            .get("/admin?done=sent")
            .await
            .body
            .contains("on its way")
    );
    assert_eq!(done(&owner).await.unwrap(), "1 of 6");
    app.send().await;
    assert_eq!(app.letters()[0].envelope.to, "owner@example.org");
    assert_eq!(done(&owner).await.unwrap(), "2 of 6");

    let list = app.add_list("all").await;
    let page = owner.get("/admin").await.body;
    assert!(
        page.contains("https://news.example.org/lists/all"),
        "{page}"
    );
    app.enrol(&list, 1).await;
    assert_eq!(done(&owner).await.unwrap(), "4 of 6");

    let run = "/admin/lists/all/digest";
    let none = owner.post(run, "cadence=daily").await;
    assert_eq!(none.location(), "/admin/lists/all?done=nothing_new");
    app.wait(chrono::TimeDelta::milliseconds(1));
    assert_eq!(
        owner.post(run, "cadence=hardly").await.status,
        StatusCode::NOT_FOUND
    );
    app.source().await;
    assert!(
        owner
            .get("/admin")
            .await
            .body
            .contains("The source is added")
    );
    app.publish("Новина", &[]).await;
    assert_eq!(done(&owner).await.unwrap(), "5 of 6");
    let cut = owner.post(run, "cadence=daily").await;
    let digest = cut.location();
    assert!(digest.starts_with("/admin/digests/"), "{cut:?}");
    assert!(owner.get(digest).await.body.contains("Новина"));
    app.send().await;
    assert_eq!(app.letters()[0].envelope.to, "reader0@example.net");
    assert_eq!(done(&owner).await, None);

    let mut tx = app.db.read().await.unwrap();
    let log = store::audit::page(&mut tx, None, None, 9).await.unwrap();
    let runs = log.iter().filter(|change| change.action == "digest.run");
    assert_eq!(runs.count(), 2);
}

#[tokio::test]
async fn an_owner_is_led_from_nothing_to_a_digest() {
    goes_from_nothing_to_a_digest(Kind::Sqlite).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn an_owner_is_led_from_nothing_to_a_digest_on_postgres() {
    goes_from_nothing_to_a_digest(Kind::Postgres).await;
}

/// The record as `dkim new` prints it, in one piece, and no key.
#[tokio::test]
async fn a_key_is_shown_as_a_record_and_its_lack_as_a_button() {
    let mut app = TestApp::new().await;
    let page = signed_in(&app, Role::Owner).await.get("/admin").await.body;
    assert!(page.contains("/admin/settings/signing"), "{page}");
    let key = dkim::new_key("example.org", "v1", Algorithm::Ed25519).unwrap();
    app.app.signers = [Signer::new("example.org", "v1", &key.pem).unwrap()].into();
    let page = signed_in(&app, Role::Editor).await.get("/admin").await.body;
    assert!(page.contains("v1._domainkey.example.org"), "{page}");
    assert!(page.contains(&key.record.text), "{page}");
    assert!(!page.contains("/admin/settings/signing"), "{page}");
}

#[tokio::test]
async fn a_relays_password_is_shown_to_nobody() {
    let relay = "smtp://user:secretive@relay.example.org:587";
    let app = TestApp::on(Kind::Sqlite, [("VISNYK_MAIL__RELAY", relay)]).await;
    let page = signed_in(&app, Role::Owner).await.get("/admin").await.body;
    assert!(page.contains("relay.example.org"), "{page}");
    assert!(!page.contains("secretive"), "{page}");
}

#[tokio::test]
async fn an_editor_is_led_past_what_only_owners_do_and_a_viewer_nowhere() {
    let app = TestApp::new().await;
    let page = signed_in(&app, Role::Editor).await.get("/admin").await.body;
    assert!(!page.contains("/admin/test-letter"), "{page}");
    assert!(
        page.contains("class=\"button\" href=\"https://news.example.org/admin/lists/new\""),
        "{page}"
    );
    let page = signed_in(&app, Role::Viewer).await.get("/admin").await.body;
    assert!(!page.contains("First steps"), "{page}");
}

#[tokio::test]
async fn where_nothing_is_yet_a_link_says_what_comes_next() {
    let app = TestApp::new().await;
    let editor = signed_in(&app, Role::Editor).await;
    for (path, next) in [
        ("/admin/sources", "/admin/sources/new"),
        ("/admin/lists", "/admin/lists/new"),
        ("/admin/articles", "/admin/sources"),
        ("/admin/digests", "/admin/lists"),
        ("/admin/subscribers", "/admin/lists"),
        ("/admin/letters", "/admin/lists"),
    ] {
        let page = editor.get(path).await.body;
        let empty = page.split("<div class=\"empty\">").nth(1).unwrap();
        let empty = empty.split("</div>").next().unwrap();
        let link = format!("href=\"https://news.example.org{next}\"");
        assert!(empty.contains(&link), "{path}: {empty}");
    }
}
