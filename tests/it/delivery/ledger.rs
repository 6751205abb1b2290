//! The arrows between a letter's states: who may follow which, and who holds a letter.

use std::time::Duration;

use chrono::TimeDelta;
use visnyk::audience::sign_up;
use visnyk::letter::LetterId;
use visnyk::letter::LetterState;
use visnyk::store;
use visnyk::store::letter::Arrow;
use visnyk::store::letter::Lane;
use visnyk::store::letter::Leased;

use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    every_arrow_begins_in_one_state_and_nowhere_else,
    a_worker_that_lost_its_lease_changes_nothing,
    the_lease_counts_anew_when_the_hand_over_begins,
    nothing_passes_the_gate_once_its_reader_has_left,
    nothing_passes_the_gate_to_a_suppressed_address,
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

async fn lease(app: &TestApp, worker: &str, most: i64) -> Vec<Leased> {
    let mut tx = app.db.begin().await.unwrap();
    let span = (app.now(), app.now() + minutes(15));
    let leased = store::letter::lease(&mut tx, worker, span, (Lane::Bulk, most)).await;
    tx.commit().await.unwrap();
    leased.unwrap()
}

async fn go(app: &TestApp, id: LetterId, fence: i64, arrow: Arrow) -> bool {
    let mut tx = app.db.begin().await.unwrap();
    let went = store::letter::go(&mut tx, id, fence, arrow, app.now()).await;
    tx.commit().await.unwrap();
    went.unwrap()
}

async fn state(app: &TestApp, id: LetterId) -> LetterState {
    let mut tx = app.db.read().await.unwrap();
    let letter = store::letter::find(&mut tx, id).await.unwrap();
    letter.unwrap().state
}

async fn every_arrow_begins_in_one_state_and_nowhere_else(test: TestDb) {
    use LetterState::{Accepted, Cancelled, Deferred, Failed, Handing, Leased, Queued, Refused};
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    let letter = lease(&app, "one", 1).await.remove(0);
    let later = app.now() + minutes(5);
    let arrows = [
        (Arrow::Hand(later), Leased, Handing),
        (Arrow::Keep(later), Handing, Handing),
        (Arrow::Accept, Handing, Accepted),
        (Arrow::Refuse, Handing, Refused),
        (Arrow::Defer(later), Handing, Deferred),
        (Arrow::Repeat(later), Handing, Queued),
        (Arrow::Fail, Leased, Failed),
        (Arrow::Cancel, Leased, Cancelled),
        (Arrow::Return, Leased, Queued),
        (Arrow::PutOff(later), Leased, Queued),
    ];
    for (arrow, from, to) in arrows {
        for begin in LetterState::ALL {
            let word = begin.as_str();
            app.sql(&format!("UPDATE letter SET state = '{word}'"))
                .await;
            for (fence, allowed) in [(letter.fence - 1, false), (letter.fence, begin == from)] {
                let went = go(&app, letter.id, fence, arrow).await;
                assert_eq!(went, allowed, "{arrow:?} from {word}, fence {fence}");
                let expected = if allowed { to } else { begin };
                assert_eq!(
                    state(&app, letter.id).await,
                    expected,
                    "{arrow:?} from {word}"
                );
            }
        }
    }
}

async fn a_worker_that_lost_its_lease_changes_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 3).await;
    app.queue_digest(&list, "Новина-1").await;
    let first = lease(&app, "one", 2).await;
    let second = lease(&app, "two", 100).await;
    assert_eq!((first.len(), second.len()), (2, 1));
    assert!(lease(&app, "three", 100).await.is_empty());
    app.wait(minutes(15));
    let mut tx = app.db.begin().await.unwrap();
    assert_eq!(
        store::letter::take_back(&mut tx, app.now()).await.unwrap(),
        3
    );
    tx.commit().await.unwrap();
    assert_eq!(lease(&app, "two", 100).await.len(), 3);
    let hand = Arrow::Hand(app.now() + minutes(15));
    for arrow in [hand, Arrow::Fail, Arrow::Cancel, Arrow::Return] {
        assert!(
            !go(&app, first[0].id, first[0].fence, arrow).await,
            "{arrow:?}"
        );
    }
    assert_eq!(state(&app, first[0].id).await, LetterState::Leased);
}

async fn the_lease_counts_anew_when_the_hand_over_begins(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    let letter = lease(&app, "one", 1).await.remove(0);
    app.wait(minutes(14));
    let hand = Arrow::Hand(app.now() + minutes(15));
    assert!(go(&app, letter.id, letter.fence, hand).await);
    app.wait(minutes(10)); // what a server may take for its last answer
    let mut tx = app.db.begin().await.unwrap();
    assert_eq!(
        store::letter::take_back(&mut tx, app.now()).await.unwrap(),
        0
    );
    tx.commit().await.unwrap();
    assert!(go(&app, letter.id, letter.fence, Arrow::Accept).await);
}

async fn nothing_passes_the_gate_once_its_reader_has_left(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await; // a confirm letter and a welcome
    app.queue_digest(&list, "Новина-1").await;
    app.queue_digest(&list, "Новина-2").await;
    let leased = lease(&app, "one", 3).await;
    let standing = app
        .standing(&list, &leased[0].email.clone().unwrap().parse().unwrap())
        .await;
    sign_up::leave(&app, &standing, "one-click", "")
        .await
        .unwrap();
    for letter in &leased {
        let hand = Arrow::Hand(app.now());
        assert!(!go(&app, letter.id, letter.fence, hand).await, "{letter:?}");
    }
    app.send().await;
    let names: Vec<_> = app.letters().into_iter().map(|kept| kept.name).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].starts_with("goodbye-"), "{names:?}");
    assert_eq!(app.count(LetterState::Cancelled).await, 4);
    app.finish().await;
}

async fn nothing_passes_the_gate_to_a_suppressed_address(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.queue_digest(&list, "Новина-1").await;
    let mut tx = app.db.begin().await.unwrap();
    let email = "a@example.net".parse().unwrap();
    let why = store::subscriber::Suppression::Bounce;
    store::subscriber::suppress(&mut tx, &email, why, &app.secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    app.send().await;
    assert!(app.letters().is_empty());
    assert_eq!(app.count(LetterState::Cancelled).await, 3);
    app.finish().await;
}

/// Two transactions open at once.
#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn two_workers_never_lease_one_letter() {
    let app = TestApp::on(Kind::Postgres, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 20).await;
    app.queue_digest(&list, "Новина-1").await;
    let span = (app.now(), app.now() + minutes(15));
    let (mut one, mut two) = (app.db.begin().await.unwrap(), app.db.begin().await.unwrap());
    let first = store::letter::lease(&mut one, "one", span, (Lane::Bulk, 12))
        .await
        .unwrap();
    let second = store::letter::lease(&mut two, "two", span, (Lane::Bulk, 12))
        .await
        .unwrap();
    two.commit().await.unwrap();
    one.commit().await.unwrap();
    assert_eq!((first.len(), second.len()), (12, 8));
    assert!(
        first
            .iter()
            .all(|one| second.iter().all(|two| one.id != two.id))
    );
}

/// The second publisher waits for the first, so that the order of commits is the order of seq; what
/// isn't committed leaves no gap.
#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn publishers_at_once_give_seq_in_the_order_of_commits() {
    use visnyk::article::intake;
    let app = TestApp::on(Kind::Postgres, []).await;
    let source = app.source().await;
    for commits in [true, false] {
        let before = last(&app).await;
        let mut first = app.db.begin().await.unwrap();
        let one = crate::support::app::draft(&format!("Новина-{commits}-1"), &[]);
        intake::take_in(&app, &mut first, &source, vec![one])
            .await
            .unwrap();
        let title = format!("Новина-{commits}-2");
        let mut second = Box::pin(app.publish(&title, &[]));
        let waited = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
        assert!(
            waited.is_err(),
            "got its seq before the first was sure of its own"
        );
        assert_eq!(last(&app).await, before, "seen before its time");
        if commits {
            first.commit().await.unwrap();
        } else {
            drop(first);
        }
        let expected = before + 1 + i64::from(commits);
        assert_eq!(second.await.seq.0, expected);
        assert_eq!(last(&app).await, expected);
    }
}

async fn last(app: &TestApp) -> i64 {
    let mut tx = app.db.read().await.unwrap();
    store::counter::last_seq(&mut tx).await.unwrap().0
}
