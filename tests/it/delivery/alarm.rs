//! A digest that too much comes back of: it stops itself, tells whoever may decide, and waits for
//! them.

use chrono::TimeDelta;
use visnyk::access::Role;
use visnyk::config::Relay;
use visnyk::delivery::bounce;
use visnyk::delivery::bounce::Taken;
use visnyk::delivery::returns::address;
use visnyk::digest::Digest;
use visnyk::digest::DigestState;
use visnyk::digest::alarm::Spike;
use visnyk::digest::review;
use visnyk::letter::LetterState;
use visnyk::store;

use super::bounce::complaint;
use super::bounce::report;
use super::relays::send_through;
use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::mail_server::Fault;
use crate::support::mail_server::MailServer;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

on_both! {
    a_digest_that_relays_refuse_stops_until_a_person_lets_it_go_on,
    a_digest_that_has_gone_whole_is_told_of_and_not_stopped,
    a_policy_about_us_raises_no_alarm,
}

/// With the alarm at twenty letters, an editor, and readers to whom a digest waits to be sent.
async fn with_readers(test: TestDb, readers: usize) -> TestApp {
    let settings = [
        ("VISNYK_MAIL__ALARM__LETTERS", "20"),
        ("VISNYK_MAIL__BOUNCES", "bounces.example.org"),
    ];
    let app = TestApp::over(test, settings).await;
    let mut tx = app.db.begin().await.unwrap();
    for (email, role) in [
        ("editor@example.org", Role::Editor),
        ("viewer@example.org", Role::Viewer),
    ] {
        store::user::add(&mut tx, &email.parse().unwrap(), role, app.now())
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let list = app.add_list("news").await;
    app.enrol(&list, readers).await;
    app.queue_digest(&list, "Новина-1").await;
    app
}

async fn newest(app: &TestApp) -> Digest {
    let mut tx = app.db.read().await.unwrap();
    let mut digests = store::digest::latest(&mut tx, None, 1).await.unwrap();
    digests.remove(0)
}

/// What the editor was told, without the line breaks.
fn told(server: &MailServer) -> Vec<String> {
    let accepted = server.accepted().into_iter();
    let alarms = accepted.filter(|taken| taken.to == "editor@example.org");
    alarms
        .map(|taken| {
            let letter = mail_parser::MessageParser::default()
                .parse(&taken.letter)
                .unwrap()
                .body_text(0)
                .unwrap()
                .into_owned();
            letter.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

async fn a_digest_that_relays_refuse_stops_until_a_person_lets_it_go_on(test: TestDb) {
    let mut app = with_readers(test, 40).await;
    let mut script = Script::default();
    for nth in 1..=3 {
        let gone = Fault::reply("550 5.1.1 no such user");
        script = script.fault(Stage::Rcpt, nth, gone);
    }
    let server = script.start().await;
    // A relay that warms up leaves half of them for the next day.
    let slowly = |relay: &mut Relay| {
        relay.connections = 1;
        relay.warm_up = Some(20);
    };
    send_through(&mut app, &[(server.address, slowly)]);
    app.send().await;
    let waiting = app.count(LetterState::Queued).await;
    assert!((10..=20).contains(&waiting), "{waiting} wait");
    assert_eq!(bounce::take_refusals(&app).await.unwrap(), 3);
    let digest = newest(&app).await;
    assert_eq!(digest.state, DigestState::Held);
    let alarm = digest.alarm.unwrap();
    assert_eq!((alarm.why, alarm.reports), (Spike::Bounces, 3));
    assert_eq!(alarm.letters, 40 - i64::try_from(waiting).unwrap());
    assert_eq!(app.count(LetterState::Paused).await, waiting);
    app.wait(TimeDelta::days(1));
    app.send().await;
    assert_eq!(app.count(LetterState::Paused).await, waiting);
    let told = told(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    let url = format!("https://news.example.org/admin/digests/{}", digest.id.0);
    let says = format!("рішення: {waiting}.");
    assert!(
        told[0].contains(&url) && told[0].contains(&says),
        "{told:?}"
    );
    assert!(review::release(&app, digest.id).await.unwrap());
    app.tick().await;
    assert_eq!(app.count(LetterState::Paused).await, 0);
    assert_eq!(app.count(LetterState::Refused).await, 3);
    assert_eq!(app.count(LetterState::Accepted).await, 37 + 1);
    assert_eq!(newest(&app).await.state, DigestState::Planned);
    app.finish().await;
}

async fn a_digest_that_has_gone_whole_is_told_of_and_not_stopped(test: TestDb) {
    let mut app = with_readers(test, 24).await;
    let server = Script::default().start().await;
    send_through(&mut app, &[(server.address, |_| {})]);
    app.send().await;
    for taken in server.accepted().iter().take(4) {
        let letter = String::from_utf8_lossy(&taken.letter).into_owned();
        let id = letter
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: "));
        let mail = complaint("abuse", id.unwrap());
        let became = bounce::take_mail(&app, mail.as_bytes(), None)
            .await
            .unwrap();
        assert_eq!(became, Taken::Suppressed);
    }
    let digest = newest(&app).await;
    assert_eq!(digest.state, DigestState::Planned);
    let alarm = digest.alarm.unwrap();
    // The fourth changes nothing: it was told of.
    assert_eq!((alarm.why, alarm.reports), (Spike::Complaints, 3));
    assert_eq!((alarm.letters, alarm.stopped), (24, 0));
    app.send().await;
    let told = told(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("зупиняти було нічого"), "{told:?}");
    app.finish().await;
}

async fn a_policy_about_us_raises_no_alarm(test: TestDb) {
    let app = with_readers(test, 24).await;
    app.send().await;
    for letter in app.ledger().await {
        let back = address::of(letter.id, "bounces.example.org", &app.secret);
        let mail = report(&back, "failed", "5.7.1", "550 5.7.1 not from you");
        let became = bounce::take_mail(&app, mail.as_bytes(), None)
            .await
            .unwrap();
        assert_eq!(became, Taken::Recorded);
    }
    let digest = newest(&app).await;
    assert_eq!((digest.state, digest.alarm), (DigestState::Planned, None));
    let mut tx = app.db.read().await.unwrap();
    let suppressed = store::subscriber::suppressions(&mut tx).await.unwrap();
    assert_eq!(suppressed, [], "nobody is blamed for what is said of us");
    drop(tx);
    app.finish().await;
}
