//! Deep pipelining: four letters over one connection, each announced with the end of the one
//! before, and a server that goes wrong somewhere. What the ledger says of each letter must be what
//! the server said of that letter, never of its neighbour.

use std::collections::BTreeMap;
use std::sync::Arc;

use visnyk::delivery::mailer::Mailer;
use visnyk::delivery::mailer::Route;
use visnyk::letter::LetterPurpose;
use visnyk::letter::LetterState;

use super::relays::send_through;
use super::smtp::limits;
use super::smtp::nobody;
use crate::support::app::TestApp;
use crate::support::mail_server::Fault;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

const LETTERS: usize = 4;

/// What becomes of a letter: its state, the step that decided, and the reply's code.
type Fate = (LetterState, &'static str, Option<i64>);

const ACCEPTED: Fate = (LetterState::Accepted, "end_of_data", Some(250));
/// It goes again later, the same to the byte.
const UNCERTAIN: Fate = (LetterState::Queued, "end_of_data", None);

const fn deferred(phase: &'static str, code: Option<i64>) -> Fate {
    (LetterState::Deferred, phase, code)
}

const fn refused(phase: &'static str, code: i64) -> Fate {
    (LetterState::Refused, phase, Some(code))
}

struct Row {
    name: &'static str,
    faults: Vec<(Stage, usize, Fault)>,
    /// The letter that is hit, from 1, and its fate; the others are accepted.
    hit: Option<(usize, Fate)>,
    /// Or isn't: what is wrong may be seen before the letter's turn comes.
    perhaps: bool,
    /// Or has this one: it's seen before the letter's end goes, or after.
    or: Option<Fate>,
    connections: usize,
    is_slow: bool,
}

fn row(name: &'static str, stage: Stage, nth: usize, fault: Fault) -> Row {
    Row {
        name,
        faults: vec![(stage, nth, fault)],
        hit: None,
        perhaps: false,
        or: None,
        connections: 1,
        is_slow: false,
    }
}

impl Row {
    fn and(mut self, stage: Stage, nth: usize, fault: Fault) -> Self {
        self.faults.push((stage, nth, fault));
        self
    }

    fn hits(self, letter: usize, fate: Fate) -> Self {
        Self {
            hit: Some((letter, fate)),
            ..self
        }
    }

    fn may_hit(self, letter: usize, fate: Fate) -> Self {
        Self {
            perhaps: true,
            ..self.hits(letter, fate)
        }
    }

    fn or(self, fate: Fate) -> Self {
        let or = Some(fate);
        Self { or, ..self }
    }

    /// The session ends, and the rest goes over another.
    fn reopens(self) -> Self {
        Self {
            connections: 2,
            ..self
        }
    }

    fn slowly(self) -> Self {
        Self {
            is_slow: true,
            ..self
        }
    }
}

/// Said of the second letter's envelope, which came with the end of the first.
fn to_the_next_envelope() -> Vec<Row> {
    let reply = |text| Fault::reply(text);
    vec![
        // What closes before a letter was spoken of says nothing of it: it goes again at once.
        row(
            "421 at MAIL",
            Stage::Mail,
            2,
            reply("421 4.3.2 bye").then_close(),
        )
        .reopens(),
        row("closed at MAIL", Stage::Mail, 2, Fault::close()).reopens(),
        row("garbage at MAIL", Stage::Mail, 2, reply("what?")).reopens(),
        row(
            "the announcement is dropped",
            Stage::Mail,
            2,
            Fault::silence(),
        )
        .reopens()
        .slowly(),
        row("4xx at MAIL", Stage::Mail, 2, reply("450 4.3.0 later"))
            .hits(2, deferred("mail", Some(450))),
        row(
            "a policy at MAIL",
            Stage::Mail,
            2,
            reply("550 5.7.1 not you"),
        )
        .hits(2, deferred("mail", Some(550))),
        row(
            "too big at MAIL",
            Stage::Mail,
            2,
            reply("552 5.3.4 too big"),
        )
        .hits(2, refused("mail", 552)),
        row(
            "many lines at MAIL",
            Stage::Mail,
            2,
            reply("250-2.1.0 so\r\n250 2.1.0 ok"),
        ),
        row(
            "421 at RCPT",
            Stage::Rcpt,
            2,
            reply("421 4.3.2 bye").then_close(),
        )
        .hits(2, deferred("rcpt", Some(421)))
        .reopens(),
        row("closed at RCPT", Stage::Rcpt, 2, Fault::close())
            .hits(2, deferred("rcpt", None))
            .reopens(),
        row("garbage at RCPT", Stage::Rcpt, 2, reply("2x0 ok"))
            .hits(2, deferred("rcpt", None))
            .reopens(),
        row("silence at RCPT", Stage::Rcpt, 2, Fault::silence())
            .hits(2, deferred("rcpt", None))
            .reopens()
            .slowly(),
        row("greylisted", Stage::Rcpt, 2, reply("450 4.2.0 greylisted"))
            .hits(2, deferred("rcpt", Some(450))),
        row("nobody there", Stage::Rcpt, 2, reply("550 5.1.1 nobody"))
            .hits(2, refused("rcpt", 550)),
        row(
            "nobody there, in many lines",
            Stage::Rcpt,
            2,
            reply("550-5.1.1 no\r\n550 5.1.1 body"),
        )
        .hits(2, refused("rcpt", 550)),
        row(
            "nobody there, and DATA let through",
            Stage::Rcpt,
            2,
            reply("550 5.1.1 nobody"),
        )
        .and(Stage::Data, 2, reply("354 go on"))
        .hits(2, refused("rcpt", 550)),
        row(
            "a policy at RCPT",
            Stage::Rcpt,
            2,
            reply("550 5.7.1 not you"),
        )
        .hits(2, deferred("rcpt", Some(550))),
        // One reply too many: the next answers something else.
        row(
            "two replies to RCPT",
            Stage::Rcpt,
            2,
            reply("250 ok\r\n250 ok"),
        )
        .may_hit(2, deferred("data", Some(250)))
        .reopens(),
        row(
            "421 at DATA",
            Stage::Data,
            2,
            reply("421 4.3.2 bye").then_close(),
        )
        .hits(2, deferred("data", Some(421)))
        .reopens(),
        row("closed at DATA", Stage::Data, 2, Fault::close())
            .hits(2, deferred("data", None))
            .reopens(),
        row("silence at DATA", Stage::Data, 2, Fault::silence())
            .hits(2, deferred("data", None))
            .reopens()
            .slowly(),
        row("4xx at DATA", Stage::Data, 2, reply("451 4.3.0 later"))
            .hits(2, deferred("data", Some(451))),
        row("354 refused", Stage::Data, 2, reply("554 5.6.0 no")).hits(2, refused("data", 554)),
        row(
            "250 in place of 354",
            Stage::Data,
            2,
            reply("250 ok").then_close(),
        )
        .hits(2, deferred("data", Some(250)))
        .reopens(),
        row(
            "two replies to DATA",
            Stage::Data,
            2,
            reply("354 go\r\n250 taken").then_close(),
        )
        .may_hit(2, deferred("data", None))
        .reopens(),
    ]
}

/// Said of the first letter's end, with the second's envelope in the server's hands already.
fn to_the_end() -> Vec<Row> {
    let reply = |text| Fault::reply(text);
    vec![
        row("4xx at the dot", Stage::End, 1, reply("451 4.3.0 later"))
            .hits(1, deferred("end_of_data", Some(451))),
        row(
            "a policy at the dot",
            Stage::End,
            1,
            reply("554 5.7.1 not you"),
        )
        .hits(1, deferred("end_of_data", Some(554))),
        row(
            "nobody there at the dot",
            Stage::End,
            1,
            reply("550 5.1.1 nobody"),
        )
        .hits(1, refused("end_of_data", 550)),
        row("a bad letter", Stage::End, 1, reply("554 5.6.0 bad"))
            .hits(1, refused("end_of_data", 554)),
        row(
            "421 at the dot",
            Stage::End,
            1,
            reply("421 4.3.2 bye").then_close(),
        )
        .hits(1, deferred("end_of_data", Some(421)))
        .reopens(),
        row(
            "421 at the dot, and it stays",
            Stage::End,
            1,
            reply("421 4.3.2 bye").then_silence(),
        )
        .hits(1, deferred("end_of_data", Some(421)))
        .reopens(),
        row("closed at the dot", Stage::End, 1, Fault::close())
            .hits(1, UNCERTAIN)
            .reopens(),
        row(
            "half an answer",
            Stage::End,
            1,
            Fault::raw(b"250 2.0.0 que").then_close(),
        )
        .hits(1, UNCERTAIN)
        .reopens(),
        row(
            "half of many lines",
            Stage::End,
            1,
            reply("250-2.0.0 queued").then_close(),
        )
        .hits(1, UNCERTAIN)
        .reopens(),
        row(
            "garbage at the dot",
            Stage::End,
            1,
            reply("thanks!").then_close(),
        )
        .hits(1, UNCERTAIN)
        .reopens(),
        row(
            "354 at the dot",
            Stage::End,
            1,
            reply("354 go on").then_close(),
        )
        .hits(1, (LetterState::Queued, "end_of_data", Some(354)))
        .reopens(),
        row("silence at the dot", Stage::End, 1, Fault::silence())
            .hits(1, UNCERTAIN)
            .reopens()
            .slowly(),
        row(
            "many lines at the dot",
            Stage::Kept,
            1,
            reply("250-2.0.0 so\r\n250 2.0.0 for reader0@"),
        ),
        row(
            "two answers at the dot",
            Stage::Kept,
            1,
            reply("250 2.0.0 for reader0@\r\n250 ok"),
        )
        // Seen at once if the next one's answers come in the same packet, or when they're read.
        .may_hit(2, deferred("data", Some(250)))
        .reopens(),
        row("closed in the next text", Stage::Body, 2, Fault::close())
            .hits(2, deferred("body", None))
            .or(UNCERTAIN)
            .reopens(),
    ]
}

async fn play(row: Row) {
    let name = row.name;
    let mut app = TestApp::new().await;
    let list = app.add_list("news").await;
    app.enrol(&list, LETTERS).await;
    app.queue_digest(&list, "Новина-1").await;
    let mut script = Script::default().announcing(&["PIPELINING", "SIZE 1000000"]);
    for (stage, nth, fault) in row.faults {
        script = script.fault(stage, nth, fault);
    }
    let server = script.start().await;
    send_through(&mut app, &[(server.address, |relay| relay.connections = 1)]);
    app.app.mailers = [Mailer::Smtp(Arc::new(Route {
        relay: format!("smtp://{}", server.address).parse().unwrap(),
        limits: limits(row.is_slow),
        trust: nobody(),
    }))]
    .into();
    app.send().await;
    let mut taken = BTreeMap::<String, usize>::new();
    for letter in server.accepted() {
        *taken.entry(letter.to).or_default() += 1;
    }
    let mut ledger = app.ledger().await;
    ledger.retain(|letter| letter.purpose == LetterPurpose::Digest);
    ledger.sort_by_key(|letter| letter.id);
    assert_eq!(ledger.len(), LETTERS);
    for (place, letter) in (1..).zip(&ledger) {
        let was_taken = taken.get(&letter.email).copied().unwrap_or_default();
        let spared = row.perhaps && was_taken == 1;
        let hit = row.hit.filter(|(hit, _)| *hit == place && !spared);
        let fate = hit.map_or(ACCEPTED, |(_, fate)| fate);
        let attempts = app.attempts(letter.id).await;
        let Some(tried) = attempts.last() else {
            panic!("{name}, letter {place}: never tried, {letter:?}");
        };
        let became = (letter.state, tried.phase.as_str(), tried.code);
        let other = row.or.filter(|or| hit.is_some() && *or == became);
        let fate = other.unwrap_or(fate);
        assert_eq!(became, fate, "{name}, letter {place}: {tried:?}");
        assert_eq!(
            was_taken,
            usize::from(fate == ACCEPTED),
            "{name}, letter {place}"
        );
        // The server's answer names the reader it's about.
        let own = letter.email.split('@').next().unwrap();
        let says = fate != ACCEPTED || tried.text.contains(&format!("for {own}@"));
        assert!(says, "{name}, letter {place}: {tried:?}");
        assert_eq!(attempts.len(), 1, "{name}, letter {place}: {attempts:?}");
    }
    assert_eq!(server.connections(), row.connections, "{name}");
    app.finish().await;
}

#[tokio::test]
async fn what_is_said_of_an_envelope_sent_ahead_is_said_of_that_letter_alone() {
    for row in to_the_next_envelope() {
        play(row).await;
    }
}

#[tokio::test]
async fn what_is_said_of_an_end_leaves_the_letter_announced_with_it_alone() {
    for row in to_the_end() {
        play(row).await;
    }
}
