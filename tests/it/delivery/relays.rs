//! Several relays, and how letters are shared out among them: by weight, by what they say, by what
//! the settings allow.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use visnyk::audience::sign_up;
use visnyk::config::Relay;
use visnyk::letter::LetterState;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::mail_server::Fault;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

on_both! {
    relays_share_digests_by_weight,
    a_relay_that_does_not_answer_costs_no_letter_its_turn,
    a_policy_about_us_stops_digests_blames_nobody_and_lets_confirmations_through,
    a_relay_that_warms_up_takes_so_many_a_day,
    a_domain_with_a_rate_gets_its_letters_one_after_the_other,
    a_server_that_is_busy_is_left_alone_and_gets_all_later,
}

/// What the settings say of a relay.
pub(super) type Change = fn(&mut Relay);

/// Letters leave through these, as settings might say; the ledger's clock is the test's.
pub(super) fn send_through(app: &mut TestApp, relays: &[(SocketAddr, Change)]) {
    let addresses: Vec<SocketAddr> = relays.iter().map(|(address, _)| *address).collect();
    app.send_through(&addresses);
    let data = app.settings.data.clone();
    let mut settings = (*app.settings).clone();
    settings.mail.relays = relays
        .iter()
        .map(|(_, change)| {
            let mut relay = Relay::to_outbox(&data);
            change(&mut relay);
            relay
        })
        .collect();
    app.app.settings = Arc::new(settings);
}

async fn with_readers(test: TestDb, readers: usize) -> TestApp {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, readers).await;
    app.queue_digest(&list, "Новина-1").await;
    app
}

async fn relays_share_digests_by_weight(test: TestDb) {
    let mut app = with_readers(test, 80).await;
    let (one, two) = (
        Script::default().start().await,
        Script::default().start().await,
    );
    send_through(
        &mut app,
        &[
            (one.address, |relay| relay.weight = 3),
            (two.address, |_| {}),
        ],
    );
    app.send().await;
    let (one, two) = (one.accepted().len(), two.accepted().len());
    assert_eq!(one + two, 80);
    assert!((40..80).contains(&one) && two >= 10, "{one} and {two}");
    app.finish().await;
}

async fn a_relay_that_does_not_answer_costs_no_letter_its_turn(test: TestDb) {
    let mut app = with_readers(test, 60).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = nobody.local_addr().unwrap();
    drop(nobody);
    let server = Script::default().start().await;
    send_through(&mut app, &[(closed, |_| {}), (server.address, |_| {})]);
    app.send().await;
    assert_eq!(server.accepted().len(), 60);
    let ledger = app.ledger().await;
    assert!(
        ledger
            .iter()
            .all(|letter| letter.state == LetterState::Accepted)
    );
    let mut refused = 0;
    for letter in &ledger {
        let attempts = app.attempts(letter.id).await;
        assert_eq!(attempts.last().unwrap().outcome, "accepted");
        refused += attempts.len() - 1;
    }
    // Once it's known to be down it isn't asked any more.
    assert!((8..=24).contains(&refused), "{refused}");
    app.finish().await;
}

async fn a_policy_about_us_stops_digests_blames_nobody_and_lets_confirmations_through(
    test: TestDb,
) {
    let mut app = with_readers(test, 60).await;
    let mut script = Script::default().announcing(&["PIPELINING"]);
    for nth in 1..=40 {
        script = script.fault(
            Stage::End,
            nth,
            Fault::reply("550 5.7.1 your domain is listed"),
        );
    }
    let server = script.start().await;
    send_through(&mut app, &[(server.address, |relay| relay.connections = 2)]);
    app.send().await;
    let deferred = app.count(LetterState::Deferred).await;
    assert!((3..=8).contains(&deferred), "{deferred}");
    assert_eq!(app.count(LetterState::Queued).await, 60 - deferred);
    assert_eq!(app.count(LetterState::Refused).await, 0);
    let list = app.add_list("other").await;
    let before = server.commands().len();
    sign_up::ask(&app, &list, &TestApp::wish("a@example.net"))
        .await
        .unwrap();
    app.send().await;
    let said = server.commands().split_off(before);
    assert!(
        said.iter()
            .any(|command| command == "RCPT TO:<a@example.net>"),
        "{said:?}"
    );
}

async fn a_relay_that_warms_up_takes_so_many_a_day(test: TestDb) {
    let mut app = with_readers(test, 30).await;
    let server = Script::default().start().await;
    for (day, all) in [(0, 4), (1, 10)] {
        send_through(
            &mut app,
            &[(server.address, |relay| relay.warm_up = Some(4))],
        );
        app.send().await;
        assert_eq!(server.accepted().len(), all, "day {day}");
        app.wait(TimeDelta::hours(24));
    }
}

async fn a_domain_with_a_rate_gets_its_letters_one_after_the_other(test: TestDb) {
    let mut app = with_readers(test, 20).await;
    let server = Script::default().start().await;
    let slow: Change = |relay| {
        relay.domains.insert("example.net".to_owned(), 1);
    };
    send_through(&mut app, &[(server.address, slow)]);
    app.send().await;
    let accepted = server.accepted().len();
    assert!((1..20).contains(&accepted), "{accepted}");
    let ledger = app.ledger().await;
    let mut waits: Vec<_> = ledger
        .iter()
        .filter(|letter| letter.state == LetterState::Queued)
        .map(|letter| (letter.due_at - app.now()).num_seconds())
        .collect();
    waits.sort_unstable();
    assert_eq!(waits.len() + accepted, 20);
    // Each a second after the other, more or less.
    let span = waits.last().unwrap() - waits.first().unwrap();
    assert!(span >= i64::try_from(waits.len()).unwrap() - 2, "{waits:?}");
    assert!(
        ledger.iter().all(|letter| letter.tries <= 1),
        "no try was lost"
    );
}

async fn a_server_that_is_busy_is_left_alone_and_gets_all_later(test: TestDb) {
    let mut app = with_readers(test, 20).await;
    let mut script = Script::default();
    for nth in 1..=3 {
        script = script.fault(
            Stage::Mail,
            nth,
            Fault::reply("421 4.7.0 too many").then_close(),
        );
    }
    let server = script.start().await;
    send_through(&mut app, &[(server.address, |_| {})]);
    for _ in 0..3 {
        app.send().await;
        app.wait(TimeDelta::minutes(10));
    }
    assert_eq!(app.count(LetterState::Accepted).await, 20);
    assert_eq!(server.accepted().len(), 20);
    app.finish().await;
}
