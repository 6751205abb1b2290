//! What owners choose of the newsroom's settings, in the console and by the API: in force at once, here
//! and in other processes, and kept; never over what the operator says.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use axum::http::Method;
use axum::http::StatusCode;
use serde_json::json;
use url::form_urlencoded;
use visnyk::access::Role;
use visnyk::app::App;
use visnyk::clock::TestClock;
use visnyk::config::DkimKey;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::web::Browser;
use crate::web::api;
use crate::web::api::is_problem;
use crate::web::api::json_of;
use crate::web::desk::signed_in;

/// Of which the operator said neither name nor sender.
async fn unnamed(kind: Kind) -> TestApp {
    TestApp::on(kind, [("VISNYK_MAIL__FROM", "")]).await
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

/// Another process over the same database.
async fn another(app: &TestApp) -> App {
    let settings = (*app.settings).clone();
    let clock = Arc::<TestClock>::clone(&app.clock);
    Box::pin(App::open(settings, clock)).await.unwrap()
}

async fn is_in_force_at_once(kind: Kind) {
    let app = unnamed(kind).await;
    let other = another(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    let first = owner.get("/admin").await.body;
    assert!(
        first.contains("https://news.example.org/admin/settings"),
        "{first}"
    );
    assert!(first.contains("Give name and sender"), "{first}");
    let before = owner.get("/feed.atom").await;
    app.wait(chrono::TimeDelta::seconds(9));

    let fields = [
        ("site.name", "Вісник «Громади» & Co"),
        ("site.zone", "America/New_York"),
        ("site.language", "en"),
        ("mail.from", "Громада <news@hromada.example>"),
    ];
    let saved = owner.post("/admin/settings", &form(&fields)).await;
    assert_eq!(saved.location(), "/admin?done=saved", "{saved:?}");
    let page = owner.get("/admin/settings").await.body;
    for shown in [
        "Вісник «Громади» &amp; Co",
        "America/New_York",
        "Громада &lt;news@hromada.example&gt;",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let after = owner.get("/feed.atom").await;
    assert!(
        after.body.contains("Вісник «Громади» &amp; Co"),
        "{after:?}"
    );
    assert_ne!(before.header("etag"), after.header("etag"));
    assert!(
        !owner
            .get("/admin")
            .await
            .body
            .contains("Give name and sender")
    );

    // What runs elsewhere learns of it when it looks, and what starts later knows it.
    assert_eq!(other.current().settings.site.name, "Вісник");
    other.renew().await.unwrap();
    for app in [other.current(), another(&app).await] {
        assert_eq!(app.settings.site.name, "Вісник «Громади» & Co");
        assert_eq!(app.site.name, app.settings.site.name);
        assert_eq!(app.settings.mail.from.address, "news@hromada.example");
    }

    owner.post("/admin/test-letter", "").await;
    app.send().await;
    let letter = String::from_utf8(app.letters()[0].letter.clone()).unwrap();
    assert!(letter.contains("<news@hromada.example>"), "{letter}");
}

#[tokio::test]
async fn what_an_owner_chooses_is_in_force_at_once() {
    Box::pin(is_in_force_at_once(Kind::Sqlite)).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_an_owner_chooses_is_in_force_at_once_on_postgres() {
    Box::pin(is_in_force_at_once(Kind::Postgres)).await;
}

#[tokio::test]
async fn what_cannot_be_is_said_beside_what_was_filled_in() {
    let app = unnamed(Kind::Sqlite).await;
    let owner = signed_in(&app, Role::Owner).await;
    let long = "а".repeat(501);
    for (key, value, words) in [
        ("mail.from", "somebody", "This takes an address"),
        (
            "mail.from",
            "a@b.example\r\nBcc: c@d.example",
            "This takes an address",
        ),
        ("mail.reply_to", "Name <>", "This takes an address"),
        ("site.zone", "Mars/Base", "Choose from the list"),
        ("site.language", "la", "Choose from the list"),
        ("site.name", "one\ntwo", "This takes one line"),
        ("site.address", long.as_str(), "This takes one line"),
    ] {
        let refused = owner
            .post(
                "/admin/settings",
                &form(&[("site.description", "Новини"), (key, value)]),
            )
            .await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{key}: {refused:?}"
        );
        assert!(refused.body.contains(words), "{key}: {}", refused.body);
        assert!(
            refused.body.contains("value=\"Новини\""),
            "{key}: {}",
            refused.body
        );
        assert_eq!(app.current().settings.site.description, "");
    }
}

#[tokio::test]
async fn what_the_operator_says_is_shown_and_not_asked() {
    let app = TestApp::on(Kind::Sqlite, [("VISNYK_SITE__NAME", "Операторів вісник")]).await;
    let owner = signed_in(&app, Role::Owner).await;
    let page = owner.get("/admin/settings").await.body;
    assert!(page.contains("The operator set this"), "{page}");
    for key in ["site.name", "mail.from"] {
        assert!(!page.contains(&format!("name=\"{key}\"")), "{page}");
    }
    assert!(page.contains("name=\"site.zone\""), "{page}");
    owner
        .post("/admin/settings", &form(&[("site.name", "Мій")]))
        .await;
    assert_eq!(app.current().site.name, "Операторів вісник");
    let script = api::owner(&app).await;
    let refused = api::send(&script, Method::PATCH, "/settings", &json!({"name": "Мій"})).await;
    is_problem(&refused, 409);
    assert!(refused.body.contains("operator"), "{refused:?}");
}

#[tokio::test]
async fn what_was_chosen_gives_way_once_the_operator_says_it() {
    let app = unnamed(Kind::Sqlite).await;
    let owner = signed_in(&app, Role::Owner).await;
    let fields = [("site.name", "Мій"), ("site.description", "Новини громади")];
    owner.post("/admin/settings", &form(&fields)).await;
    let mut settings = (*app.settings).clone();
    settings.site.name = "Операторів".to_owned();
    settings
        .said_by_operator
        .insert(visnyk::config::Choice::Name);
    let clock = Arc::<TestClock>::clone(&app.clock);
    let started = App::open(settings, clock).await.unwrap();
    assert_eq!(started.site.name, "Операторів");
    assert_eq!(started.site.description, "Новини громади");
}

#[tokio::test]
async fn a_key_made_in_the_console_signs_the_next_letter() {
    let app = unnamed(Kind::Sqlite).await;
    let owner = signed_in(&app, Role::Owner).await;
    let nowhere = owner.post("/admin/settings/signing", "").await;
    assert_eq!(nowhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nowhere.body.contains("on your domain first"), "{nowhere:?}");

    let from = form(&[("mail.from", "news@hromada.example")]);
    owner.post("/admin/settings", &from).await;
    assert!(
        owner
            .get("/admin")
            .await
            .body
            .contains("Make a signing key")
    );
    let signed = owner.post("/admin/settings/signing", "").await;
    assert_eq!(signed.location(), "/admin?done=signed", "{signed:?}");
    let page = owner.get("/admin/settings?done=signed").await.body;
    assert!(page.contains("v1._domainkey.hromada.example"), "{page}");
    assert!(page.contains("v=DKIM1; k=rsa; p="), "{page}");
    let key = DkimKey::within(&app.settings.data, "hromada.example", "v1").key_file;
    let kept = std::fs::metadata(&key).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);

    owner.post("/admin/test-letter", "").await;
    app.send().await;
    let letter = &app.letters()[0].letter;
    assert!(letter.starts_with(b"DKIM-Signature:"));

    // Once is enough, and it's the same key after a restart.
    let before = std::fs::read(&key).unwrap();
    owner.post("/admin/settings/signing", "").await;
    assert_eq!(std::fs::read(&key).unwrap(), before);
    assert_eq!(another(&app).await.signers.len(), 1);

    // Another domain needs a key of its own; one below it is answered for.
    let above = form(&[("mail.from", "news@mail.hromada.example")]);
    owner.post("/admin/settings", &above).await;
    assert!(
        !owner
            .get("/admin/settings")
            .await
            .body
            .contains("Make a signing key")
    );
    let elsewhere = form(&[("mail.from", "news@nothromada.example")]);
    owner.post("/admin/settings", &elsewhere).await;
    assert!(
        owner
            .get("/admin/settings")
            .await
            .body
            .contains("Make a signing key")
    );

    // A machine that lacks the key starts all the same.
    std::fs::remove_file(&key).unwrap();
    assert_eq!(another(&app).await.signers.len(), 0);
}

#[tokio::test]
async fn a_script_sets_the_newsroom_up() {
    let app = unnamed(Kind::Sqlite).await;
    let script = api::owner(&app).await;
    let read = api::get(&script, "/settings").await;
    assert_eq!(json_of(&read)["sender"], "visnyk@localhost");
    let nowhere = api::post(&script, "/settings/signing-key", &json!({})).await;
    is_problem(&nowhere, 409);
    let change = json!({"name": "Громада", "zone": "Europe/Warsaw", "sender": {"name": "Вісник", "address": "news@hromada.example"}});
    let stale = script.with("if-match", "\"old\"");
    is_problem(
        &api::send(&stale, Method::PATCH, "/settings", &change).await,
        412,
    );
    let seen = script.with("if-match", read.header("etag"));
    let changed = api::send(&seen, Method::PATCH, "/settings", &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let changed = json_of(&changed);
    assert_eq!(changed["name"], "Громада");
    assert_eq!(changed["sender"], "Вісник <news@hromada.example>");
    assert_eq!(changed["records"], json!([]));
    let signed = json_of(&api::post(&script, "/settings/signing-key", &json!({})).await);
    assert_eq!(
        signed["records"][0]["name"],
        "v1._domainkey.hromada.example"
    );
    let home = Browser::of(&app).get("/").await.body;
    assert!(home.contains("Громада"), "{home}");
}

#[tokio::test]
async fn what_was_chosen_is_written_down_and_taken_back() {
    let app = unnamed(Kind::Sqlite).await;
    let owner = signed_in(&app, Role::Owner).await;
    let fields = [
        ("site.zone", "America/New_York"),
        ("site.description", ""),
        ("mail.from", "news@hromada.example"),
    ];
    owner.post("/admin/settings", &form(&fields)).await;
    let log = store::audit::page(&mut app.db.read().await.unwrap(), None, None, 9).await;
    let log = log.unwrap();
    let change = log
        .iter()
        .find(|change| change.action == "settings.choose")
        .unwrap();
    assert_eq!(change.actor, "user owner@example.org");
    assert!(change.was.contains("visnyk@localhost") && change.became.contains("America/New_York"));
    assert!(!change.became.contains("site.description"), "{change:?}");

    // Nothing given is nothing changed; an empty field takes a choice back.
    owner.post("/admin/settings", "").await;
    assert_eq!(app.current().settings.site.zone.name(), "America/New_York");
    owner.post("/admin/settings", "site.zone=").await;
    assert_eq!(app.current().settings.site.zone.name(), "Europe/Kyiv");
}

/// What was there before is kept, and nobody is told that letters are signed by it.
#[tokio::test]
async fn a_key_that_cannot_sign_is_no_key() {
    let app = unnamed(Kind::Sqlite).await;
    let owner = signed_in(&app, Role::Owner).await;
    let from = form(&[("mail.from", "news@hromada.example")]);
    owner.post("/admin/settings", &from).await;
    let key = DkimKey::within(&app.settings.data, "hromada.example", "v1").key_file;
    std::fs::write(&key, "no key").unwrap();
    let failed = owner.post("/admin/settings/signing", "").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "no key");
    let page = owner.get("/admin/settings").await.body;
    assert!(page.contains("Make a signing key"), "{page}");
}

#[tokio::test]
async fn a_button_that_is_pressed_twice_makes_one_key() {
    let app = unnamed(Kind::Sqlite).await;
    let owner = signed_in(&app, Role::Owner).await;
    let from = form(&[("mail.from", "news@hromada.example")]);
    owner.post("/admin/settings", &from).await;
    let press = || owner.post("/admin/settings/signing", "");
    for answer in <[_; 2]>::from(tokio::join!(press(), press())) {
        assert_eq!(answer.location(), "/admin?done=signed", "{answer:?}");
    }
    assert_eq!(app.current().signers.len(), 1);
}
