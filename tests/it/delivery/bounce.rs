//! What comes back after a letter has left: by mail, and by the relay's own refusal.

use visnyk::access::Secret;
use visnyk::audience::list::List;
use visnyk::audience::subscription::SubscriptionState;
use visnyk::delivery::bounce;
use visnyk::delivery::bounce::Taken;
use visnyk::delivery::returns::Kind;
use visnyk::delivery::returns::address;
use visnyk::delivery::returns::message;
use visnyk::delivery::returns::message::Mail;
use visnyk::letter::LetterId;
use visnyk::letter::LetterState;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::mail_server::Fault;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

on_both! {
    a_hard_bounce_is_the_last_letter,
    soft_bounces_add_up_and_are_forgiven_in_a_month,
    a_complaint_ends_every_subscription_without_a_goodbye,
    a_relays_refusal_of_an_address_counts_as_a_bounce,
}

const DOMAIN: &str = "bounces.example.org";

/// A report as Postfix writes it (RFC 3464), to the return address given.
pub(crate) fn report(to: &str, action: &str, status: &str, diagnostic: &str) -> String {
    let lines = [
        "Return-Path: <>",
        &format!("Delivered-To: {to}"),
        "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)",
        "Subject: Undelivered Mail Returned to Sender",
        &format!("To: {to}"),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"B/mx\"",
        "",
        "--B/mx",
        "Content-Description: Notification",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Листа не доставлено.",
        "--B/mx",
        "Content-Description: Delivery report",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.net",
        "Arrival-Date: Mon,  1 Jun 2026 15:00:00 +0300 (EEST)",
        "",
        "Final-Recipient: rfc822; reader0@example.net",
        &format!("Action: {action}"),
        &format!("Status: {status}"),
        "Remote-MTA: dns; mx2.example.net",
        &format!("Diagnostic-Code: smtp; {diagnostic}"),
        "",
        "--B/mx",
        "Content-Type: message/rfc822",
        "",
        "Subject: =?utf-8?B?0J3QvtCy0LjQvdC4?=",
        "",
        "The letter.",
        "--B/mx--",
        "",
    ];
    lines.join("\r\n")
}

/// A complaint (RFC 5965) that quotes the Message-ID given.
pub(super) fn complaint(kind: &str, message_id: &str) -> String {
    let lines = [
        "From: feedback@provider.example",
        "To: abuse@example.org",
        "Subject: complaint",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=arf",
        "",
        "--arf",
        "Content-Type: text/plain",
        "",
        "This is an abuse report.",
        "--arf",
        "Content-Type: message/feedback-report",
        "",
        &format!("Feedback-Type: {kind}"),
        "User-Agent: Provider/1.0",
        "Version: 1",
        "",
        "--arf",
        "Content-Type: message/rfc822",
        "Content-Disposition: inline",
        "",
        "From: news@example.org",
        &format!("Message-ID: {message_id}"),
        "Subject: news",
        "",
        "The letter.",
        "--arf--",
        "",
    ];
    lines.join("\r\n")
}

/// A list with so many readers, to each of whom one digest has gone. Gives the letters.
async fn delivered(app: &TestApp, readers: usize) -> (List, Vec<LetterId>) {
    let list = app.add_list("news").await;
    app.enrol(&list, readers).await;
    (list.clone(), another(app, &list, "Новина-1").await)
}

async fn another(app: &TestApp, list: &List, title: &str) -> Vec<LetterId> {
    let before: Vec<LetterId> = app.ledger().await.iter().map(|letter| letter.id).collect();
    app.queue_digest(list, title).await;
    app.send().await;
    let after = app.ledger().await;
    let mut new: Vec<LetterId> = after.iter().map(|letter| letter.id).collect();
    new.retain(|id| !before.contains(id));
    new.sort();
    new
}

async fn take(app: &TestApp, mail: &str) -> Taken {
    bounce::take_mail(app, mail.as_bytes(), None).await.unwrap()
}

fn back(app: &TestApp, letter: LetterId) -> String {
    address::of(letter, DOMAIN, &app.secret)
}

async fn suppressed(app: &TestApp) -> Vec<(String, i64)> {
    let mut tx = app.db.read().await.unwrap();
    store::subscriber::suppressions(&mut tx).await.unwrap()
}

fn once(reason: &str) -> Vec<(String, i64)> {
    vec![(reason.to_owned(), 1)]
}

async fn a_hard_bounce_is_the_last_letter(test: TestDb) {
    let app = TestApp::over(test, [("VISNYK_MAIL__BOUNCES", DOMAIN)]).await;
    let (list, letters) = delivered(&app, 2).await;
    let sent = app.letters();
    // The envelope is the way back; nobody else sees it.
    assert_eq!(sent[0].envelope.from, back(&app, letters[0]));
    let mail = report(
        &sent[0].envelope.from,
        "failed",
        "5.1.1",
        "550 5.1.1 no such user",
    );
    assert_eq!(take(&app, &mail).await, Taken::Suppressed);
    assert_eq!(take(&app, &mail).await, Taken::Known);
    assert_eq!(suppressed(&app).await, once("bounce"));
    another(&app, &list, "Новина-2").await;
    let to: Vec<String> = app
        .letters()
        .into_iter()
        .map(|kept| kept.envelope.to)
        .collect();
    assert_eq!(to, ["reader1@example.net"]);
    let mut tx = app.db.read().await.unwrap();
    let told = store::bounce::of_letter(&mut tx, letters[0]).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, "hard");
    assert_eq!(told[0].text, "550 5.1.1 no such user");
    drop(tx);
    app.finish().await;
}

async fn soft_bounces_add_up_and_are_forgiven_in_a_month(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, mut letters) = delivered(&app, 1).await;
    let full = async |letter| {
        let mail = report(
            &back(&app, letter),
            "failed",
            "5.2.2",
            "552 5.2.2 mailbox full",
        );
        take(&app, &mail).await
    };
    for number in 2..=9 {
        assert_eq!(full(letters[0]).await, Taken::Recorded);
        letters = another(&app, &list, &format!("Новина-{number}")).await;
    }
    assert_eq!(full(letters[0]).await, Taken::Recorded);
    app.wait(chrono::TimeDelta::days(31));
    letters = another(&app, &list, "Новина-10").await;
    // Forgiven: it takes ten more.
    for number in 11..=19 {
        assert_eq!(full(letters[0]).await, Taken::Recorded, "{number}");
        letters = another(&app, &list, &format!("Новина-{number}")).await;
    }
    assert_eq!(full(letters[0]).await, Taken::Suppressed);
    assert_eq!(suppressed(&app).await, once("bounce"));
    app.finish().await;
}

async fn a_complaint_ends_every_subscription_without_a_goodbye(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, _) = delivered(&app, 1).await;
    let sent = app.letters();
    let raw = String::from_utf8_lossy(&sent[0].letter).into_owned();
    let id = raw
        .lines()
        .find_map(|line| line.strip_prefix("Message-ID: "))
        .unwrap();
    assert_eq!(take(&app, &complaint("not-spam", id)).await, Taken::Ignored);
    assert_eq!(take(&app, &complaint("abuse", id)).await, Taken::Suppressed);
    let standing = app
        .standing(&list, &"reader0@example.net".parse().unwrap())
        .await;
    assert_eq!(standing.subscription.state, SubscriptionState::Ended);
    assert_eq!(suppressed(&app).await, once("complaint"));
    app.send().await;
    assert!(app.letters().is_empty());
    app.finish().await;
}

async fn a_relays_refusal_of_an_address_counts_as_a_bounce(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    let server = Script::default()
        .fault(Stage::Rcpt, 1, Fault::reply("550 5.1.1 no such user here"))
        .start()
        .await;
    app.send_through(&[server.address]);
    app.send().await;
    assert_eq!(app.count(LetterState::Refused).await, 1);
    assert_eq!(bounce::take_refusals(&app).await.unwrap(), 1);
    assert_eq!(bounce::take_refusals(&app).await.unwrap(), 0);
    assert_eq!(suppressed(&app).await, once("bounce"));
    app.finish().await;
}

#[tokio::test]
async fn nothing_forged_changes_anything() {
    let app = TestApp::new().await;
    let (_, letters) = delivered(&app, 1).await;
    let real = back(&app, letters[0]);
    let other = address::of(letters[0], DOMAIN, &Secret::new("somebody else's secret"));
    let number = letters[0].to_string();
    for mail in [
        report(&other, "failed", "5.1.1", "550 no such user"),
        report(
            &real.replace(&format!("+{number}."), "+999."),
            "failed",
            "5.1.1",
            "550",
        ),
        report("news@example.org", "failed", "5.1.1", "550 no such user"),
        complaint("abuse", "<digest.1.AAAAAAAAAAAAAAAAAAAAAA@example.org>"),
        // Only a vacation note, to the right address.
        format!(
            "From: reader0@example.net\r\nTo: {real}\r\nSubject: Re\r\nAuto-Submitted: auto-replied\r\n\r\nI am away. 550 5.1.1\r\n"
        ),
        format!(
            "Subject: leave {}\r\nFrom: a@example.net\r\n\r\n",
            "1.0.AAAAAAAAAAAAAAAAAAAAAA"
        ),
        "\0\u{feff}nonsense".to_owned(),
        "Content-Type: multipart/report; boundary=x\r\n\r\n--x".to_owned(),
    ] {
        assert_eq!(take(&app, &mail).await, Taken::Ignored, "{mail}");
    }
    assert!(suppressed(&app).await.is_empty());
    app.finish().await;
}

#[tokio::test]
async fn a_letter_that_says_leave_leaves() {
    let app = TestApp::new().await;
    let (list, _) = delivered(&app, 1).await;
    let sent = app.letters();
    let text = String::from_utf8_lossy(&sent[0].letter).replace("\r\n ", "");
    let (_, rest) = text.split_once("subject=leave%20").unwrap();
    let token = rest.split('>').next().unwrap();
    let mail = format!("From: reader0@example.net\r\nSubject: leave {token}\r\n\r\n");
    assert_eq!(take(&app, &mail).await, Taken::Left);
    assert_eq!(take(&app, &mail).await, Taken::Known);
    let standing = app
        .standing(&list, &"reader0@example.net".parse().unwrap())
        .await;
    assert_eq!(standing.subscription.state, SubscriptionState::Ended);
    app.send().await;
    app.finish().await;
}

/// Reports of many kinds of servers, and what each says.
#[test]
fn reports_are_read_for_what_they_say() {
    let secret = Secret::new("a secret of sixteen");
    let to = address::of(LetterId(7), DOMAIN, &secret);
    let read = |mail: &str| message::read(mail.as_bytes(), None, &secret);
    for (action, status, diagnostic, expected) in [
        ("failed", "5.1.1", "550 5.1.1 User unknown", Kind::Hard),
        (
            "Failed",
            "5.1.10",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
            Kind::Hard,
        ),
        (
            "failed",
            "5.0.0",
            "550-5.1.1 The email account that you tried to reach does not exist",
            Kind::Hard,
        ),
        (
            "failed",
            "5.0.0",
            "550 Запитувану дію не виконано",
            Kind::Soft,
        ),
        ("failed", "5.2.2", "552 5.2.2 mailbox full", Kind::Soft),
        ("failed", "4.4.7", "delivery time expired", Kind::Soft),
        (
            "failed",
            "5.7.1",
            "550 5.7.1 blocked by policy",
            Kind::Policy,
        ),
        (
            "failed",
            "5.7.26",
            "550-5.7.26 unauthenticated",
            Kind::Policy,
        ),
    ] {
        let Mail::Report(said) = read(&report(&to, action, status, diagnostic)) else {
            panic!("{status} {diagnostic}");
        };
        assert_eq!(said.kind, expected, "{status} {diagnostic}");
        assert_eq!(said.text, diagnostic);
    }
    for action in ["delayed", "delivered", "relayed", "expanded"] {
        let said = read(&report(&to, action, "4.4.1", "later"));
        assert!(matches!(said, Mail::Other(_)), "{action}: {said:?}");
    }
    // A server that knows no reports, to whom the mail server's own note leads.
    let plain = "From: MAILER-DAEMON@old.example\r\nSubject: failure notice\r\n\r\n\
                 Hi. This is the program.\r\n<reader@old.example>:\r\n\
                 Sorry, no mailbox here by that name. (#5.1.1)\r\n";
    assert!(matches!(read(plain), Mail::Other(_)));
    let Mail::Report(said) = message::read(plain.as_bytes(), Some(&to), &secret) else {
        panic!("{plain}");
    };
    assert_eq!(
        (said.kind, said.status.as_deref()),
        (Kind::Hard, Some("5.1.1"))
    );
    // The fields are in base64.
    let fields = "UmVwb3J0aW5nLU1UQTogZG5zOyBhDQoNCkFjdGlvbjogZmFpbGVkDQpTdGF0dXM6IDUuMS4xDQo=";
    let coded = format!(
        "To: {to}\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\
         Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n{fields}\r\n--b--\r\n"
    );
    let Mail::Report(said) = read(&coded) else {
        panic!("{coded}");
    };
    assert_eq!(said.kind, Kind::Hard);
}
