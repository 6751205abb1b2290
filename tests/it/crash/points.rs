//! Killed at one step of a letter's way, and started again. The server stands still at that step,
//! so the kill comes there and nowhere else.

use std::ops::RangeInclusive;

use chrono::TimeDelta;
use visnyk::audience::list::Cadence;
use visnyk::digest::DigestId;
use visnyk::digest::DigestState;
use visnyk::store::digest::NewDigest;

use super::*;
use crate::support::mail_server::Accepted;
use crate::support::mail_server::Fault;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

const READERS: usize = 12;

/// What the database must say at the moment of the kill: letters by state, as far as they matter.
type Records = &'static [(LetterState, usize)];

/// A moment to be killed at, and what must follow.
struct Point {
    name: &'static str,
    script: Script,
    /// The answer is given while the database is held, so that it can't be written down; the kill
    /// comes at the next moment to stand still at.
    unwritten: bool,
    records: Records,
    /// Letters that go twice.
    repeats: RangeInclusive<usize>,
    /// Letters that go not at all: their readers' servers said so.
    refused: usize,
}

fn point(name: &'static str, script: Script, records: Records) -> Point {
    Point {
        name,
        script,
        unwritten: false,
        records,
        repeats: 0..=0,
        refused: 0,
    }
}

fn stopping_at(stage: Stage, nth: usize) -> Script {
    Script::default()
        .announcing(&["PIPELINING"])
        .hold(stage, nth)
}

fn in_turn(stage: Stage, nth: usize) -> Script {
    Script::default().hold(stage, nth)
}

/// Two are past the gate; the others wait in this process.
const FIRST: Records = &[
    (LetterState::Handing, 2),
    (LetterState::Leased, 10),
    (LetterState::Queued, 0),
];
const SECOND: Records = &[(LetterState::Accepted, 1), (LetterState::Handing, 2)];

fn points() -> Vec<Point> {
    let before = |name, stage| point(name, in_turn(stage, 1), FIRST);
    let repeated = |point: Point| Point {
        repeats: 1..=1,
        ..point
    };
    let nobody = || Fault::reply("550 5.1.1 nobody");
    vec![
        before("before a word was said", Stage::Banner),
        before("at EHLO", Stage::Ehlo),
        before("at MAIL", Stage::Mail),
        before("at RCPT", Stage::Rcpt),
        before("at DATA", Stage::Data),
        // The relay's machine has the rest of it, and the dot, before the relay reads them; unless the
        // process was killed before it had written them.
        Point {
            repeats: 0..=1,
            ..before("in the letter", Stage::Body)
        },
        point(
            "at MAIL, all three said",
            stopping_at(Stage::Mail, 1),
            FIRST,
        ),
        // From here on the server takes the letter, whatever becomes of us.
        repeated(point("after the dot", stopping_at(Stage::End, 1), FIRST)),
        repeated(point(
            "taken, not answered",
            stopping_at(Stage::Kept, 1),
            FIRST,
        )),
        repeated(Point {
            unwritten: true,
            ..point(
                "answered, not on record, and in the next letter",
                stopping_at(Stage::Kept, 1).hold(Stage::Body, 2),
                FIRST,
            )
        }),
        // The end of the next letter goes when the answer to the last is on record.
        point("at the next MAIL", in_turn(Stage::Mail, 2), SECOND),
        repeated(point(
            "after the next dot",
            stopping_at(Stage::End, 2),
            SECOND,
        )),
        repeated(point("the next taken", stopping_at(Stage::Kept, 2), SECOND)),
        point(
            "one put off",
            in_turn(Stage::Mail, 2).fault(Stage::Rcpt, 1, Fault::reply("451 4.3.0 later")),
            &[(LetterState::Deferred, 1), (LetterState::Handing, 2)],
        ),
        Point {
            refused: 1,
            ..point(
                "one refused",
                in_turn(Stage::Mail, 2).fault(Stage::Rcpt, 1, nobody()),
                &[(LetterState::Refused, 1), (LetterState::Handing, 2)],
            )
        },
        // It's asked for again.
        point(
            "one refused, not on record",
            stopping_at(Stage::Rset, 1).fault(Stage::Rcpt, 1, nobody()),
            FIRST,
        ),
        repeated(point(
            "one in doubt",
            in_turn(Stage::Mail, 2).fault(Stage::End, 1, Fault::close().accepting()),
            &[(LetterState::Accepted, 0), (LetterState::Handing, 2)],
        )),
    ]
}

/// Kills a process at a point, starts another, and looks at what came of it.
async fn play(point: Point) {
    let name = point.name;
    let app = TestApp::new().await;
    app.wait(SystemClock.now() - app.now());
    let list = app.add_list("news").await;
    app.enrol(&list, READERS).await;
    app.queue_digest(&list, "Новина-1").await;
    app.db.close().await;
    let server = point.script.start().await;
    let config = write_settings(&app, server.address, 1);
    let mut process = visnyk(&app, &config, &["send"]);
    let held = tokio::time::timeout(Duration::from_mins(1), server.held()).await;
    held.unwrap_or_else(|_| panic!("{name}: never reached"));
    let db = Db::open(&app.database.url).await.unwrap();
    let says = tokio::time::timeout(Duration::from_mins(1), until_it_says(&db, point.records));
    let said = says.await;
    said.unwrap_or_else(|_| panic!("{name}: expected {:?} on record", point.records));
    let locked = if point.unwritten {
        let tx = db.begin().await.unwrap();
        server.go_on();
        server.held().await;
        Some(tx)
    } else {
        None
    };
    process.kill().unwrap();
    process.wait().unwrap();
    drop(locked);
    server.go_on();
    let Db::Sqlite { write, .. } = &db else {
        unreachable!()
    };
    // Nothing waits for its time.
    sqlx::query("UPDATE letter SET due_at = 0 WHERE state IN ('queued', 'deferred')")
        .execute(write)
        .await
        .unwrap();
    db.close().await;
    finish(&app, &config).await;
    let accepted = server.accepted();
    let mut letters = BTreeMap::<String, Vec<Accepted>>::new();
    for letter in accepted {
        letters.entry(letter.to.clone()).or_default().push(letter);
    }
    assert_eq!(letters.len(), READERS - point.refused, "{name}");
    for copies in letters.values() {
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{name}");
    }
    let went: usize = letters.values().map(Vec::len).sum();
    let repeats = went - letters.len();
    assert!(point.repeats.contains(&repeats), "{name}: {repeats}");
}

/// What is said while the server stands still is written at about the same time.
async fn until_it_says(db: &Db, records: Records) {
    loop {
        let mut tx = db.read().await.unwrap();
        let counts = store::ledger::counts(&mut tx).await.unwrap();
        drop(tx);
        let found = |state| counts.iter().find(|(found, _)| *found == state);
        let is_so = |(state, expected): &(LetterState, usize)| {
            let found = found(*state).map_or(0, |(_, letters)| *letters);
            usize::try_from(found).unwrap() == *expected
        };
        if records.iter().all(is_so) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_step_of_a_letters_way_it_repeats_what_it_must_and_no_more() {
    for point in points() {
        play(point).await;
    }
}

/// Letters and cursors move together, so wherever planning stops, it goes on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_planning_it_plans_each_letter_once() {
    const CHUNKS: usize = 8;
    const READERS: usize = CHUNKS * 5_000;
    let app = TestApp::new().await;
    app.wait(SystemClock.now() - app.now());
    let list = app.add_list("news").await;
    crowd(&app, &list, READERS).await;
    app.publish("Новина-1", &[]).await;
    let mut tx = app.db.begin().await.unwrap();
    let new = NewDigest {
        list_id: list.id,
        cadence: Cadence::Daily,
        period_key: "now",
        rhythm_id: None,
        state: DigestState::Planning,
        not_after: app.now() + TimeDelta::days(2),
        review_until: None,
        critical: None,
    };
    let id = store::digest::cut(&mut tx, &new, app.now()).await;
    let id = id.unwrap().unwrap();
    tx.commit().await.unwrap();
    // Nobody is there to take letters.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = write_settings(&app, nobody.local_addr().unwrap(), 1);
    drop(nobody);
    let (mut planned, mut kills) = (0, 0);
    while planned < READERS {
        let mut process = visnyk(&app, &config, &["serve"]);
        let mut beat = tokio::time::interval(Duration::from_millis(1));
        let before = planned;
        while planned == before {
            beat.tick().await;
            assert_eq!(process.try_wait().unwrap(), None, "it ended by itself");
            planned = letters_of(&app, id).await;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        kills += 1;
        planned = letters_of(&app, id).await;
        assert_eq!(planned % 5_000, 0, "a chunk is whole or isn't there");
    }
    assert!(kills > 1, "planned before it could be killed");
    app.compile().await;
    assert_eq!(letters_of(&app, id).await, READERS);
    let served = "UPDATE subscription SET owed = owed WHERE cursor_seq =
        (SELECT value FROM counter WHERE name = 'article')
        AND id IN (SELECT subscription_id FROM letter)";
    assert_eq!(app.sql(served).await, u64::try_from(READERS).unwrap());
}

async fn letters_of(app: &TestApp, digest: DigestId) -> usize {
    let mut tx = app.db.read().await.unwrap();
    let counts = store::digest::counts(&mut tx, digest).await.unwrap();
    let letters: i64 = counts.iter().map(|(_, letters)| letters).sum();
    usize::try_from(letters).unwrap()
}
