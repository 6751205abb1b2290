//! What mail providers tell, and what anybody might make up.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::KeyPair;
use axum::http::Method;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use visnyk::delivery::returns::address;
use visnyk::letter::LetterId;
use visnyk::store;

use crate::delivery::bounce::report;
use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::web::Answer;
use crate::web::Browser;

const SECRET: &str = "a-secret-of-this-relay";

/// A Visnyk whose hooks are open, with three readers who each got a digest.
async fn delivered(settings: &[(&str, &str)]) -> (TestApp, Vec<LetterId>) {
    let app = TestApp::on(Kind::Sqlite, settings.iter().copied()).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 3).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    let mut letters: Vec<LetterId> = app.ledger().await.iter().map(|one| one.id).collect();
    letters.sort();
    (app, letters)
}

async fn post(browser: &Browser, path: &str, body: &Value) -> Answer {
    let browser = browser.with("content-type", "application/json");
    browser.ask(Method::POST, path, body.to_string()).await
}

fn taken(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let value: Value = serde_json::from_str(&answer.body).unwrap();
    value["taken"].clone()
}

async fn suppressed(app: &TestApp) -> i64 {
    let mut tx = app.db.read().await.unwrap();
    let all = store::subscriber::suppressions(&mut tx).await.unwrap();
    all.iter().map(|(_, count)| count).sum()
}

#[tokio::test]
async fn a_door_that_is_not_set_up_is_closed() {
    let (app, _) = delivered(&[]).await;
    let browser = Browser::of(&app);
    for provider in ["ses", "sendgrid", "postmark", "mailgun", "generic", "other"] {
        let answer = post(&browser, &format!("/hooks/{provider}"), &json!({})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{provider}");
    }
}

#[tokio::test]
async fn the_generic_hook_takes_events_and_whole_mails() {
    let (app, letters) = delivered(&[("VISNYK_HOOKS__GENERIC", SECRET)]).await;
    let stranger = Browser::of(&app);
    let event = json!({ "kind": "hard", "email": "reader0@example.net", "status": "5.1.1" });
    let answer = post(&stranger, "/hooks/generic", &event).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.contains("hooks.generic"), "{}", answer.body);
    assert_eq!(suppressed(&app).await, 0);

    let known = stranger.with("authorization", &format!("Bearer {SECRET}"));
    let both = json!([event, { "kind": "soft", "email": "nobody@example.net" }]);
    let answer = post(&known, "/hooks/generic", &both).await;
    assert_eq!(taken(&answer), json!(["suppressed", "nobody"]));
    let again = post(&known, "/hooks/generic", &event).await;
    assert_eq!(taken(&again), json!(["known"]));
    for (bad, word) in [
        (
            json!({ "kind": "odd", "email": "reader0@example.net" }),
            "`odd`",
        ),
        (json!({ "kind": "hard" }), "`email`"),
        (json!("text"), "`kind`"),
    ] {
        let answer = post(&known, "/hooks/generic", &bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains(word), "{}", answer.body);
    }

    let to = address::of(letters[1], "bounces.example.org", &app.secret);
    let mail = report(&to, "failed", "5.1.1", "550 no such user");
    let post_mail = known.with("content-type", "message/rfc822");
    let answer = post_mail.ask(Method::POST, "/hooks/generic", mail).await;
    assert_eq!(taken(&answer), json!(["suppressed"]));
    assert_eq!(suppressed(&app).await, 2);
    app.finish().await;
}

#[tokio::test]
async fn mailguns_signature_is_checked() {
    let (app, _) = delivered(&[("VISNYK_HOOKS__MAILGUN", SECRET)]).await;
    let browser = Browser::of(&app);
    let event = |key: &str, data: Value| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let tag = hmac::sign(&key, b"1780000000token");
        let hex = tag
            .as_ref()
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        json!({
            "signature": { "timestamp": "1780000000", "token": "token", "signature": hex },
            "event-data": data,
        })
    };
    let failed = json!({
        "id": "one", "event": "failed", "severity": "permanent", "recipient": "reader0@example.net",
        "delivery-status": { "code": 550, "message": "5.1.1 no such user" },
    });
    let forged = post(
        &browser,
        "/hooks/mailgun",
        &event("another key entirely", failed.clone()),
    )
    .await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    assert_eq!(suppressed(&app).await, 0);
    let answer = post(&browser, "/hooks/mailgun", &event(SECRET, failed)).await;
    assert_eq!(taken(&answer), json!(["suppressed"]));
    let opened = json!({ "id": "two", "event": "opened", "recipient": "reader1@example.net" });
    let answer = post(&browser, "/hooks/mailgun", &event(SECRET, opened)).await;
    assert_eq!(taken(&answer), json!([]));
    let policy = json!({
        "id": "three", "event": "failed", "severity": "permanent", "recipient": "reader1@example.net",
        "delivery-status": { "code": 550, "enhanced-code": "5.7.1", "message": "blocked" },
    });
    let answer = post(&browser, "/hooks/mailgun", &event(SECRET, policy)).await;
    assert_eq!(
        taken(&answer),
        json!(["recorded"]),
        "a policy is nobody's fault"
    );
    app.finish().await;
}

#[tokio::test]
async fn sendgrids_signature_is_checked() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).unwrap();
    // SubjectPublicKeyInfo of P-256 is this head and the point.
    let head = STANDARD
        .decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=")
        .unwrap();
    let key = STANDARD.encode([head.as_slice(), pair.public_key().as_ref()].concat());
    let (app, letters) = delivered(&[("VISNYK_HOOKS__SENDGRID", &key)]).await;
    let mut tx = app.db.read().await.unwrap();
    let complained = store::letter::find(&mut tx, letters[2])
        .await
        .unwrap()
        .unwrap();
    drop(tx);
    let events = json!([
        { "event": "delivered", "email": "reader0@example.net", "sg_event_id": "0" },
        { "event": "bounce", "type": "bounce", "status": "5.1.1", "email": "reader0@example.net", "sg_event_id": "1" },
        { "event": "bounce", "type": "blocked", "status": "5.7.1", "email": "reader1@example.net", "sg_event_id": "2" },
        { "event": "spamreport", "email": complained.email, "sg_event_id": "3" },
    ]);
    let body = events.to_string();
    let signature = pair
        .sign(&random, format!("1780000000{body}").as_bytes())
        .unwrap();
    let signed = |timestamp: &str| {
        Browser::of(&app)
            .with(
                "x-twilio-email-event-webhook-signature",
                &STANDARD.encode(signature.as_ref()),
            )
            .with("x-twilio-email-event-webhook-timestamp", timestamp)
    };
    let forged = signed("1780000001")
        .ask(Method::POST, "/hooks/sendgrid", body.clone())
        .await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    let answer = signed("1780000000")
        .ask(Method::POST, "/hooks/sendgrid", body)
        .await;
    assert_eq!(
        taken(&answer),
        json!(["suppressed", "recorded", "suppressed"])
    );
    assert_eq!(suppressed(&app).await, 2);
    app.finish().await;
}

#[tokio::test]
async fn postmarks_login_is_checked() {
    let login = "postmark:a-long-password";
    let (app, _) = delivered(&[("VISNYK_HOOKS__POSTMARK", login)]).await;
    let event = json!({ "RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "Email": "reader0@example.net", "Details": "550" });
    let stranger = Browser::of(&app).with("authorization", "Basic cG9zdG1hcms6");
    let answer = post(&stranger, "/hooks/postmark", &event).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let basic = format!("Basic {}", STANDARD.encode(login));
    let known = Browser::of(&app).with("authorization", &basic);
    assert_eq!(
        taken(&post(&known, "/hooks/postmark", &event).await),
        json!(["suppressed"])
    );
    let opened = json!({ "RecordType": "Open", "Email": "reader1@example.net" });
    assert_eq!(
        taken(&post(&known, "/hooks/postmark", &opened).await),
        json!([])
    );
    app.finish().await;
}

#[tokio::test]
async fn ses_is_heard_only_from_its_own_topic_and_with_a_certificate_of_sns() {
    let topic = "arn:aws:sns:eu-central-1:123456789012:visnyk";
    let (app, _) = delivered(&[("VISNYK_HOOKS__SES", topic)]).await;
    let browser = Browser::of(&app);
    let note = |topic: &str, certificate: &str| {
        json!({
            "Type": "Notification", "MessageId": "1", "TopicArn": topic, "SignatureVersion": "2",
            "Timestamp": "2026-06-01T12:00:00.000Z", "Signature": "AAAA", "SigningCertURL": certificate,
            "Message": "{}",
        })
    };
    for (topic, certificate, word) in [
        (
            "arn:aws:sns:eu-central-1:666:mine",
            "https://sns.eu-central-1.amazonaws.com/c.pem",
            "topic",
        ),
        (topic, "http://127.0.0.1:1/c.pem", "address of SNS"),
        (
            topic,
            "https://sns.eu-central-1.amazonaws.com.evil.example/c.pem",
            "address of SNS",
        ),
    ] {
        let answer = post(&browser, "/hooks/ses", &note(topic, certificate)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.body.contains(word), "{}", answer.body);
    }
    assert_eq!(suppressed(&app).await, 0);
    app.finish().await;
}
