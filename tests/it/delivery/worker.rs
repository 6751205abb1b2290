//! The worker against servers that say yes, no, later, or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use visnyk::audience::sign_up;
use visnyk::delivery::worker;
use visnyk::delivery::worker::Until;
use visnyk::letter::LetterState;

use super::relays::send_through;
use crate::support::app::TestApp;
use crate::support::app::titles;
use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::mail_server::Fault;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

on_both! {
    what_a_server_says_becomes_the_letters_state,
    what_was_deferred_is_sent_when_it_is_due_and_not_before,
    a_letter_in_doubt_goes_again_the_same_to_the_byte,
    a_letter_whose_time_ran_out_fails,
    a_letter_that_cant_be_built_fails_alone,
    the_second_relay_takes_what_the_first_wont_hear_of,
    a_worker_told_to_stop_leaves_nothing_in_hand,
    a_worker_that_nobody_waits_for_ends,
    what_a_dead_worker_was_handing_over_goes_again_the_same_to_the_byte,
    who_waits_for_a_letter_overtakes_a_thousand_digests,
    a_digest_keeps_its_language_when_its_reader_chooses_another,
    what_another_worker_took_meanwhile_is_not_sent_though_it_was_announced,
}

/// What the server says at a stage; what becomes of the letter, in how many words.
type Case = (Stage, &'static str, LetterState, &'static str, &'static str);

fn cases() -> Vec<Case> {
    use LetterState::{Accepted, Deferred, Refused};
    vec![
        (Stage::Rcpt, "250 ok", Accepted, "accepted", "end_of_data"),
        (Stage::Rcpt, "450 4.2.0 later", Deferred, "deferred", "rcpt"),
        (Stage::Rcpt, "550 5.1.1 nobody", Refused, "refused", "rcpt"),
        (Stage::Mail, "552 5.3.4 too big", Refused, "refused", "mail"),
        (
            Stage::Mail,
            "550 5.7.1 not you",
            Deferred,
            "deferred",
            "mail",
        ),
        (Stage::Banner, "554 go away", Deferred, "deferred", "banner"),
        (
            Stage::End,
            "451 4.3.0 full",
            Deferred,
            "deferred",
            "end_of_data",
        ),
        (
            Stage::End,
            "554 5.7.1 spam",
            Deferred,
            "deferred",
            "end_of_data",
        ),
    ]
}

async fn what_a_server_says_becomes_the_letters_state(test: TestDb) {
    use LetterState::{Accepted, Deferred, Refused};
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    for (number, (stage, says, state, outcome, phase)) in cases().into_iter().enumerate() {
        let code = says.split(' ').next().unwrap().parse().unwrap();
        let server = Script::default()
            .fault(stage, 1, Fault::reply(says))
            .start()
            .await;
        app.send_through(&[server.address]);
        app.queue_digest(&list, &format!("Новина-{number}")).await;
        app.send().await;
        let letter = app.ledger().await.pop().unwrap();
        assert_eq!(
            (letter.state, letter.tries, letter.resends),
            (state, 1, 0),
            "{says}"
        );
        let attempts = app.attempts(letter.id).await;
        assert_eq!(attempts.len(), 1, "{says}");
        let told = (attempts[0].outcome.as_str(), attempts[0].phase.as_str());
        assert_eq!(told, (outcome, phase), "{says}");
        assert_eq!(attempts[0].code, Some(code), "{says}");
        assert_eq!(
            server.accepted().len(),
            usize::from(state == Accepted),
            "{says}"
        );
        let rests = letter.finished_at.is_some();
        assert_eq!(rests, matches!(state, Accepted | Refused), "{says}");
        if state == Deferred {
            let wait = letter.due_at - app.now();
            assert!(
                (TimeDelta::minutes(4)..=TimeDelta::minutes(6)).contains(&wait),
                "{wait}"
            );
        }
    }
}

async fn what_was_deferred_is_sent_when_it_is_due_and_not_before(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    let later = Fault::reply("450 4.2.0 later");
    let script = Script::default().fault(Stage::Rcpt, 1, later.clone());
    let server = script.fault(Stage::Rcpt, 2, later).start().await;
    app.send_through(&[server.address]);
    app.queue_digest(&list, "Новина-1").await;
    let mut waits = Vec::new();
    for tries in 1..=2 {
        app.send().await;
        app.send().await;
        let letter = app.ledger().await.pop().unwrap();
        assert_eq!((letter.state, letter.tries), (LetterState::Deferred, tries));
        waits.push(letter.due_at - app.now());
        app.wait(letter.due_at - app.now());
    }
    assert!(waits[1] > waits[0], "{waits:?}");
    app.send().await;
    let letter = app.ledger().await.pop().unwrap();
    let end = (letter.state, letter.tries, letter.resends);
    assert_eq!(end, (LetterState::Accepted, 3, 0));
    assert_eq!(server.accepted().len(), 1);
    assert_eq!(app.attempts(letter.id).await.len(), 3);
    app.finish().await;
}

async fn a_letter_in_doubt_goes_again_the_same_to_the_byte(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    let fault = Fault::close().accepting();
    let server = Script::default().fault(Stage::End, 1, fault).start().await;
    app.send_through(&[server.address]);
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    let letter = app.ledger().await.pop().unwrap();
    let stands = (letter.state, letter.tries, letter.resends);
    assert_eq!(stands, (LetterState::Queued, 1, 1));
    assert_eq!(app.attempts(letter.id).await[0].outcome, "uncertain");
    app.wait(TimeDelta::hours(1));
    app.send().await;
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2);
    assert_eq!(accepted[0], accepted[1]);
    assert_eq!(app.count(LetterState::Accepted).await, 1);
    app.finish().await;
}

async fn a_letter_whose_time_ran_out_fails(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    app.wait(TimeDelta::hours(48) + TimeDelta::milliseconds(1));
    app.send().await;
    assert_eq!(app.count(LetterState::Failed).await, 1);
    assert!(app.letters().is_empty());
    app.finish().await;
}

async fn a_letter_that_cant_be_built_fails_alone(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 20).await;
    app.queue_digest(&list, "Новина-1").await;
    app.sql("UPDATE subscriber SET email = 'nobody' WHERE email = 'reader7@example.net'")
        .await;
    app.send().await;
    assert_eq!(app.count(LetterState::Accepted).await, 19);
    let ledger = app.ledger().await;
    let failed = ledger
        .iter()
        .find(|letter| letter.state == LetterState::Failed);
    let attempts = app.attempts(failed.unwrap().id).await;
    assert_eq!(attempts[0].phase, "compose");
    app.finish().await;
}

async fn the_second_relay_takes_what_the_first_wont_hear_of(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 5).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = nobody.local_addr().unwrap();
    drop(nobody);
    let server = Script::default().start().await;
    app.send_through(&[closed, server.address]);
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    assert_eq!(server.accepted().len(), 5);
    assert_eq!(app.count(LetterState::Accepted).await, 5);
    app.send_through(&[closed, closed]);
    app.queue_digest(&list, "Новина-2").await;
    app.send().await;
    assert_eq!(app.count(LetterState::Deferred).await, 5);
    app.finish().await;
}

async fn a_worker_told_to_stop_leaves_nothing_in_hand(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 100).await;
    let server = Script::default().start().await;
    app.send_through(&[server.address]);
    app.queue_digest(&list, "Новина-1").await;
    let until = async {
        while server.accepted().is_empty() {
            tokio::task::yield_now().await;
        }
        app.stop.cancel();
    };
    let (ran, ()) = tokio::join!(worker::run(&app, Until::Stopped), until);
    ran.unwrap();
    let sent = server.accepted().len();
    assert!(sent < 100, "stopped too late to tell");
    assert_eq!(app.count(LetterState::Accepted).await, sent);
    assert_eq!(app.count(LetterState::Queued).await, 100 - sent);
}

async fn a_worker_that_nobody_waits_for_ends(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let before = Arc::strong_count(&app.mailers);
    let running = worker::run(&app, Until::Stopped);
    let waited = tokio::time::timeout(Duration::from_millis(50), running).await;
    assert!(waited.is_err(), "it works until it's stopped");
    while Arc::strong_count(&app.mailers) > before {
        tokio::task::yield_now().await;
    }
    app.finish().await;
}

async fn what_a_dead_worker_was_handing_over_goes_again_the_same_to_the_byte(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    let server = Script::default().start().await;
    app.send_through(&[server.address]);
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    let now = app.now();
    app.sql(&format!(
        "UPDATE letter SET state = 'handing', leased_until = {}",
        now.0
    ))
    .await;
    app.wait(TimeDelta::minutes(3));
    app.send().await;
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2);
    assert_eq!(accepted[0], accepted[1]);
    let letter = app.ledger().await.pop().unwrap();
    assert_eq!((letter.state, letter.resends), (LetterState::Accepted, 1));
    app.finish().await;
}

async fn who_waits_for_a_letter_overtakes_a_thousand_digests(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 250).await;
    for number in 0..4 {
        app.queue_digest(&list, &format!("Новина-{number}")).await;
    }
    let asking = async {
        while app.count(LetterState::Accepted).await == 0 {
            tokio::task::yield_now().await;
        }
        sign_up::ask(&app, &list, &TestApp::wish("a@example.net"))
            .await
            .unwrap();
        app.count(LetterState::Accepted).await
    };
    let (ran, before) = tokio::join!(worker::run(&app, Until::NothingDue), asking);
    ran.unwrap();
    let letters = app.letters();
    assert_eq!(letters.len(), 1001);
    let place = letters
        .iter()
        .position(|kept| kept.name.starts_with("confirm-"));
    // At most what was leased when it was asked for goes first.
    let after = place.unwrap().saturating_sub(before);
    assert!(after <= 2 * 64 + 16, "{after} digests went first");
    app.finish().await;
}

async fn a_digest_keeps_its_language_when_its_reader_chooses_another(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    app.sql("UPDATE subscriber SET language = 'en'").await;
    app.send().await;
    let letter = app.letters().remove(0).letter;
    assert!(
        String::from_utf8(letter)
            .unwrap()
            .contains("Content-Language: uk\r\n")
    );
    app.finish().await;
}

/// Three letters over one connection, with the second announced while the end of the first is
/// awaited: then `meanwhile` happens. Gives what the server had.
async fn interrupted(
    app: &mut TestApp,
    meanwhile: impl AsyncFnOnce(&TestApp),
) -> (Vec<String>, Vec<String>) {
    let list = app.add_list("news").await;
    app.enrol(&list, 3).await;
    app.queue_digest(&list, "Новина-1").await;
    let script = Script::default().announcing(&["PIPELINING"]);
    let server = script.hold(Stage::Kept, 1).start().await;
    send_through(app, &[(server.address, |relay| relay.connections = 1)]);
    let waiting = async {
        server.held().await;
        meanwhile(app).await;
        server.go_on();
    };
    tokio::join!(app.send(), waiting);
    let accepted = server.accepted().into_iter().map(|taken| taken.to);
    (accepted.collect(), server.commands())
}

/// As for a worker that freezes past its lease, and thaws.
async fn what_another_worker_took_meanwhile_is_not_sent_though_it_was_announced(test: TestDb) {
    let mut app = TestApp::over(test, []).await;
    let (accepted, commands) = interrupted(&mut app, async |app| {
        let take = format!(
            "UPDATE letter SET state = 'leased', fence = fence + 1, leased_until = {}",
            i64::MAX
        );
        assert_eq!(app.sql(&take).await, 3);
    })
    .await;
    assert_eq!(accepted.len(), 1, "{commands:?}");
    let announced = commands.iter().filter(|said| said.starts_with("MAIL"));
    assert_eq!(announced.count(), 2, "{commands:?}");
    assert_eq!(app.count(LetterState::Leased).await, 3);
}

#[tokio::test]
async fn what_waited_long_past_the_gate_and_is_still_ours_goes() {
    let mut app = TestApp::new().await;
    let mut leases = Vec::new();
    let (accepted, commands) = interrupted(&mut app, async |app| {
        app.wait(TimeDelta::minutes(13)); // what a server may take to answer
        leases.push(app.now());
    })
    .await;
    assert_eq!(accepted.len(), 3, "{commands:?}");
    assert_eq!(app.count(LetterState::Accepted).await, 3);
    // The second is ours for as long as the first was.
    let second = (leases[0] + TimeDelta::minutes(15)).0;
    let kept = format!("UPDATE letter SET worker = worker WHERE leased_until = {second}");
    assert!(app.sql(&kept).await >= 1);
    app.finish().await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn two_workers_at_once_send_each_letter_once() {
    let app = TestApp::on(Kind::Postgres, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 300).await;
    app.queue_digest(&list, "Новина-1").await;
    let (one, two) = tokio::join!(
        worker::run(&app, Until::NothingDue),
        worker::run(&app, Until::NothingDue)
    );
    one.unwrap();
    two.unwrap();
    let letters = app.letters();
    let readers: BTreeSet<_> = letters
        .iter()
        .map(|kept| kept.envelope.to.clone())
        .collect();
    assert_eq!((letters.len(), readers.len()), (300, 300));
    assert!(
        letters
            .iter()
            .all(|kept| titles(&kept.letter) == ["Новина-1"])
    );
    app.finish().await;
}
