//! Handing letters to a relay that misbehaves. Each fault has its oracle: what becomes of the
//! letter, at which step, whose fault it is, whether the session goes on, what the relay kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use visnyk::delivery::Attempt;
use visnyk::delivery::Blame;
use visnyk::delivery::Envelope;
use visnyk::delivery::Outcome;
use visnyk::delivery::Phase;
use visnyk::delivery::mailer::Mailer;
use visnyk::delivery::mailer::Route;
use visnyk::delivery::smtp::Relay;
use visnyk::delivery::smtp::Session;
use visnyk::delivery::smtp::Timeouts;
use visnyk::delivery::smtp::Trust;

use crate::support::mail_server::Certificate;
use crate::support::mail_server::Fault;
use crate::support::mail_server::MailServer;
use crate::support::mail_server::Script;
use crate::support::mail_server::Stage;

const RECIPIENT: Outcome = Outcome::Refused(Blame::Recipient);
const LETTER: Outcome = Outcome::Refused(Blame::Letter);
const HOST: Outcome = Outcome::Refused(Blame::Host);

const PIPELINING: &[&str] = &["PIPELINING", "8BITMIME"];
const IN_TURN: &[&str] = &["8BITMIME"];

/// Patient enough for a busy machine, and short where silence is the fault.
pub(super) fn limits(silence: bool) -> Timeouts {
    let limit = Duration::from_millis(if silence { 500 } else { 5000 });
    Timeouts {
        connect: limit,
        reply: limit,
        data: limit,
        body: limit,
        end_of_data: limit,
        farewell: limit,
    }
}

fn relay(server: &MailServer, query: &str) -> Relay {
    format!("smtp://{}{query}", server.address).parse().unwrap()
}

pub(super) fn nobody() -> Trust {
    Trust::only(Vec::new()).unwrap()
}

fn envelope(to: &str) -> Envelope {
    Envelope {
        from: "b+1.ab@bounces.example.org".to_owned(),
        to: to.to_owned(),
    }
}

/// Some 4 KB with a dot at the head of a line.
fn letter(subject: &str) -> Vec<u8> {
    let lines = ".a dot, then words enough to fill a line\r\n".repeat(100);
    format!("Subject: {subject}\r\n\r\n{lines}").into_bytes()
}

async fn open(server: &MailServer, query: &str) -> Result<Session, Attempt> {
    Session::open(&relay(server, query), &limits(false), &nobody()).await
}

/// One fault at its first occurrence while a letter is handed over, and what must come of it.
#[derive(Clone)]
struct Case {
    name: &'static str,
    stage: Stage,
    fault: Fault,
    outcome: Outcome,
    phase: Phase,
    code: Option<u16>,
    /// Whether the session takes another letter.
    goes_on: bool,
    /// Whether the server kept the letter.
    kept: bool,
    silent: bool,
}

/// The letter isn't kept, and the session ends.
fn ends(name: &'static str, stage: Stage, fault: Fault, outcome: Outcome, phase: Phase) -> Case {
    Case {
        name,
        stage,
        fault,
        outcome,
        phase,
        code: None,
        goes_on: false,
        kept: false,
        silent: false,
    }
}

/// A reply that the session outlives.
fn refuses(stage: Stage, reply: &'static str, outcome: Outcome) -> Case {
    let phase = match stage {
        Stage::Mail => Phase::Mail,
        Stage::Rcpt => Phase::Rcpt,
        Stage::Data => Phase::Data,
        _ => Phase::EndOfData,
    };
    let code = reply
        .split([' ', '-'])
        .next()
        .and_then(|code| code.parse().ok());
    Case {
        code,
        goes_on: true,
        ..ends(reply, stage, Fault::reply(reply), outcome, phase)
    }
}

/// The server goes silent, and the client's patience ends.
fn stalls(stage: Stage, outcome: Outcome, phase: Phase) -> Case {
    Case {
        silent: true,
        ..ends("silence", stage, Fault::silence(), outcome, phase)
    }
}

fn replies() -> Vec<Case> {
    use Outcome::Deferred;
    vec![
        refuses(Stage::Mail, "451 4.3.0 later", Deferred),
        refuses(Stage::Mail, "452 4.3.1 no room", Deferred),
        refuses(Stage::Mail, "550 5.7.1 not from here", Deferred),
        refuses(Stage::Mail, "553 5.1.8 sender's domain", Deferred),
        refuses(Stage::Mail, "530 5.7.0 say STARTTLS first", Deferred),
        refuses(Stage::Mail, "552 5.3.4 too big", LETTER),
        refuses(Stage::Rcpt, "450 4.2.0 greylisted", Deferred),
        refuses(Stage::Rcpt, "451 4.7.1 slow down", Deferred),
        refuses(Stage::Rcpt, "452 4.2.2 mailbox full", Deferred),
        refuses(Stage::Rcpt, "550 5.1.1 no such user", RECIPIENT),
        refuses(
            Stage::Rcpt,
            "550-5.1.1 no such\r\n550 5.1.1 user",
            RECIPIENT,
        ),
        refuses(Stage::Rcpt, "551 moved away", RECIPIENT),
        refuses(Stage::Rcpt, "552 5.2.2 full for good", RECIPIENT),
        refuses(Stage::Rcpt, "550 5.7.1 blocked", HOST),
        refuses(Stage::Rcpt, "554 we don't like you", HOST),
        refuses(Stage::Rcpt, "501 5.5.4 what?", HOST),
        refuses(Stage::Data, "451 4.3.0 later", Deferred),
        refuses(Stage::Data, "554 5.5.1 no", HOST),
        refuses(Stage::End, "451 4.3.0 later", Deferred),
        refuses(Stage::End, "452 4.3.1 no room", Deferred),
        refuses(Stage::End, "550 5.7.515 unsigned", HOST),
        refuses(Stage::End, "554 looks like spam", HOST),
        refuses(Stage::End, "554 5.6.0 malformed", LETTER),
        refuses(Stage::End, "552 5.3.4 too big after all", LETTER),
        refuses(Stage::End, "550 5.1.1 no such user after all", RECIPIENT),
    ]
}

fn breaks_before_the_end() -> Vec<Case> {
    use Outcome::Deferred;
    let mut cases = Vec::new();
    for (stage, phase) in [
        (Stage::Mail, Phase::Mail),
        (Stage::Rcpt, Phase::Rcpt),
        (Stage::Data, Phase::Data),
    ] {
        let fault = |name, fault| ends(name, stage, fault, Deferred, phase);
        let closing = Fault::reply("421 4.3.2 going down").then_close();
        cases.extend([
            stalls(stage, Deferred, phase),
            fault("close", Fault::close()),
            fault("garbage", Fault::raw(b"\x16\x03\x01 what is this\r\n")),
            fault("an impossible code", Fault::reply("999 out of this world")),
            fault("half a reply", Fault::raw(b"250 2.1.").then_close()),
            fault(
                "half a multi-line",
                Fault::raw(b"250-so\r\n250-").then_close(),
            ),
            fault("two codes in one reply", Fault::reply("250-yes\r\n550 no")),
            fault("an endless line", Fault::endless()),
            fault("endless lines", Fault::raw(&b"250-more\r\n".repeat(40_000))),
            Case {
                code: Some(421),
                ..fault("421", closing)
            },
        ]);
    }
    cases.extend([
        Case {
            code: Some(250),
            ..ends(
                "250 to DATA",
                Stage::Data,
                Fault::reply("250 ok"),
                Deferred,
                Phase::Data,
            )
        },
        ends(
            "two replies to DATA",
            Stage::Data,
            Fault::reply("354 go on\r\n250 stray"),
            Deferred,
            Phase::Data,
        ),
    ]);
    cases
}

fn breaks_at_the_end() -> Vec<Case> {
    use Outcome::Accepted;
    use Outcome::Uncertain;
    let end = |name, fault, outcome| ends(name, Stage::End, fault, outcome, Phase::EndOfData);
    let kept = |case| Case { kept: true, ..case };
    vec![
        end("close before it is kept", Fault::close(), Uncertain),
        kept(end(
            "keep, then close",
            Fault::close().accepting(),
            Uncertain,
        )),
        stalls(Stage::End, Uncertain, Phase::EndOfData),
        kept(Case {
            silent: true,
            ..end(
                "keep, then silence",
                Fault::silence().accepting(),
                Uncertain,
            )
        }),
        kept(end(
            "half a reply",
            Fault::raw(b"250 2.0").accepting().then_close(),
            Uncertain,
        )),
        kept(end(
            "half of two lines",
            Fault::raw(b"250-2.0.0 ok\r\n250").accepting().then_close(),
            Uncertain,
        )),
        end("garbage", Fault::raw(b"\0\0\0\0\r\n"), Uncertain),
        Case {
            code: Some(354),
            ..end("354", Fault::reply("354 go on"), Uncertain)
        },
        Case {
            code: Some(421),
            ..end(
                "421",
                Fault::reply("421 4.3.0 down").then_close(),
                Outcome::Deferred,
            )
        },
        kept(Case {
            code: Some(250),
            ..end(
                "yes, and something else",
                Fault::reply("250 ok\r\n421 bye").accepting(),
                Accepted,
            )
        }),
    ]
}

fn oddly_said() -> Vec<Case> {
    let says = |name, stage, says: &[u8], outcome, code| Case {
        name,
        fault: Fault::raw(says),
        code: Some(code),
        ..refuses(stage, name, outcome)
    };
    vec![
        says(
            "a lone LF",
            Stage::Rcpt,
            b"550 5.1.1 no such user\n",
            RECIPIENT,
            550,
        ),
        says(
            "lone LFs",
            Stage::Rcpt,
            b"450-4.2.0 wait\n450 4.2.0 a bit\n",
            Outcome::Deferred,
            450,
        ),
        says(
            "windows-1251",
            Stage::Rcpt,
            b"550 5.1.1 \xed\xe5\xec\xe0\xba\r\n",
            RECIPIENT,
            550,
        ),
        says("no text", Stage::Rcpt, b"550 \r\n", RECIPIENT, 550),
    ]
}

/// Plays a case, and says what differs from its oracle.
async fn play(case: Case, abilities: &'static [&'static str]) -> Result<(), String> {
    let script = Script::default().announcing(abilities);
    let server = script
        .fault(case.stage, 1, case.fault.clone())
        .start()
        .await;
    let limits = limits(case.silent);
    let session = Session::open(&relay(&server, ""), &limits, &nobody()).await;
    let mut session = session.map_err(|attempt| format!("{attempt:?}"))?;
    let reader = envelope("reader@example.org");
    let (outcome, attempt) = session.hand_over(&reader, &letter("first")).await;
    let got = (outcome, attempt.phase, attempt.code, session.is_usable());
    let expected = (case.outcome, case.phase, case.code, case.goes_on);
    let kept = server.accepted().len() == 1;
    if got != expected || kept != case.kept {
        return Err(format!(
            "expected {expected:?}, but got {got:?}: {}",
            attempt.text
        ));
    }
    if case.goes_on {
        let told = session.hand_over(&reader, &letter("second")).await;
        let accepted = server.accepted().pop().map(|accepted| accepted.letter);
        if told.0 != Outcome::Accepted || accepted != Some(letter("second")) {
            return Err(format!("expected a second letter to go, but got {told:?}"));
        }
    }
    Ok(())
}

async fn play_all(cases: Vec<Case>) {
    let mut plays = JoinSet::new();
    for abilities in [PIPELINING, IN_TURN] {
        for case in cases.clone() {
            let name = format!("{} at {:?}, {abilities:?}", case.name, case.stage);
            plays.spawn(async move { (name, play(case, abilities).await) });
        }
    }
    let mut wrong = Vec::new();
    for (name, result) in plays.join_all().await {
        wrong.extend(result.err().map(|words| format!("{name}: {words}")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_refusal_is_blamed_on_whose_fault_it_is_and_the_session_goes_on() {
    play_all(replies()).await;
}

#[tokio::test]
async fn a_break_before_the_end_defers_and_ends_the_session() {
    play_all(breaks_before_the_end()).await;
}

#[tokio::test]
async fn a_break_at_the_end_leaves_doubt() {
    play_all(breaks_at_the_end()).await;
}

#[tokio::test]
async fn an_odd_line_end_or_charset_hides_no_refusal() {
    play_all(oddly_said()).await;
}

#[tokio::test]
async fn letters_arrive_as_they_were_and_three_commands_go_at_once() {
    for abilities in [PIPELINING, IN_TURN] {
        let server = Script::default().announcing(abilities).start().await;
        let mut session = open(&server, "").await.unwrap();
        for subject in ["one", "two", "three"] {
            let told = session
                .hand_over(&envelope("a@b.org"), &letter(subject))
                .await;
            assert_eq!(told.0, Outcome::Accepted, "{told:?}");
            assert_eq!(
                (told.1.code, told.1.enhanced.as_deref()),
                (Some(250), Some("2.0.0"))
            );
        }
        session.quit().await;
        let letters: Vec<_> = server
            .accepted()
            .into_iter()
            .map(|kept| kept.letter)
            .collect();
        assert_eq!(letters, [letter("one"), letter("two"), letter("three")]);
        assert_eq!(server.accepted()[0].from, "b+1.ab@bounces.example.org");
        assert_eq!(server.commands().last().unwrap(), "QUIT");
    }
}

async fn greeting_fails(faults: &[(Fault, Option<u16>)], stage: Stage, phase: Phase) {
    for (fault, code) in faults {
        let script = Script::default().fault(stage, 1, fault.clone());
        let server = script.start().await;
        let opened = Session::open(&relay(&server, ""), &limits(true), &nobody()).await;
        let attempt = opened.err().unwrap();
        assert_eq!(
            (attempt.phase, attempt.code),
            (phase, *code),
            "{fault:?}: {attempt:?}"
        );
    }
}

#[tokio::test]
async fn a_banner_that_is_no_welcome_defers() {
    let faults = [
        (Fault::reply("421 4.3.2 busy"), Some(421)),
        (Fault::reply("554 5.7.1 no"), Some(554)),
        (Fault::close(), None),
        (Fault::silence(), None),
        (Fault::raw(b"\x15\x03\x03\0\x02\x02\x28\r\n"), None),
        (Fault::endless(), None),
        (Fault::raw(&b"220-hello\r\n".repeat(400_000)), None),
    ];
    greeting_fails(&faults, Stage::Banner, Phase::Banner).await;
}

#[tokio::test]
async fn a_relay_that_does_not_like_our_name_defers() {
    let faults = [
        (Fault::reply("502 5.5.1 what?"), Some(502)),
        (Fault::reply("550 5.7.1 your name"), Some(550)),
        (Fault::silence(), None),
        (Fault::close(), None),
        (Fault::raw(b"250-half\r\n").then_close(), None),
    ];
    greeting_fails(&faults, Stage::Ehlo, Phase::Ehlo).await;
    let server = Script::default().fault(Stage::Ehlo, 2, Fault::reply("503 5.5.1 again?"));
    let server = server.start().await;
    let attempt = open(&server, "").await.err().unwrap();
    assert_eq!((attempt.phase, attempt.code), (Phase::Ehlo, Some(503)));
}

#[tokio::test]
async fn a_closed_port_is_a_fault_of_the_connection() {
    let server = Script::default().start().await;
    let relay = relay(&server, "");
    drop(server);
    let attempt = Session::open(&relay, &limits(true), &nobody())
        .await
        .err()
        .unwrap();
    assert_eq!(
        (attempt.phase, attempt.host),
        (Phase::Connect, relay.address())
    );
}

#[tokio::test]
async fn a_reset_at_any_step_defers_until_the_end() {
    for (stage, outcome, phase) in [
        (Stage::Mail, Outcome::Deferred, Phase::Mail),
        (Stage::Data, Outcome::Deferred, Phase::Data),
        (Stage::End, Outcome::Uncertain, Phase::EndOfData),
    ] {
        let script = Script::default().fault(stage, 1, Fault::close().accepting());
        let server = script.resetting().start().await;
        let mut session = open(&server, "").await.unwrap();
        let told = session.hand_over(&envelope("a@b.org"), &letter("x")).await;
        assert_eq!((told.0, told.1.phase), (outcome, phase), "{told:?}");
        assert!(!session.is_usable());
    }
}

/// Big enough for no socket to swallow it whole.
fn big_letter() -> Vec<u8> {
    b"a line of words that goes on and on and on and on and on\r\n".repeat(400_000)
}

#[tokio::test]
async fn a_relay_that_stops_reading_or_goes_away_in_the_middle_never_had_the_letter() {
    for fault in [Fault::silence(), Fault::close()] {
        let script = Script::default().fault(Stage::Body, 1, fault.clone());
        let server = script.resetting().start().await;
        let limits = limits(true);
        let session = Session::open(&relay(&server, ""), &limits, &nobody()).await;
        let mut session = session.unwrap();
        let told = session.hand_over(&envelope("a@b.org"), &big_letter()).await;
        assert_eq!(
            (told.0, told.1.phase),
            (Outcome::Deferred, Phase::Body),
            "{told:?}"
        );
        assert!(!session.is_usable() && server.accepted().is_empty());
    }
}

#[tokio::test]
async fn after_a_refused_recipient_an_opened_letter_is_closed_by_a_lone_dot() {
    let script = Script::default().announcing(PIPELINING);
    let script = script.fault(Stage::Rcpt, 1, Fault::reply("550 5.1.1 no such user"));
    let server = script
        .fault(Stage::Data, 1, Fault::reply("354 go on"))
        .start()
        .await;
    let mut session = open(&server, "").await.unwrap();
    let told = session
        .hand_over(&envelope("a@b.org"), &letter("one"))
        .await;
    assert_eq!((told.0, told.1.phase), (RECIPIENT, Phase::Rcpt));
    assert!(session.is_usable() && server.accepted().is_empty());
    let told = session
        .hand_over(&envelope("c@d.org"), &letter("two"))
        .await;
    assert_eq!(told.0, Outcome::Accepted);
    assert_eq!(server.accepted().len(), 1);
    assert!(!server.commands().contains(&"RSET".to_owned()));
}

#[tokio::test]
async fn a_relay_that_refuses_the_sender_and_opens_the_letter_gets_nothing() {
    let script = Script::default().announcing(PIPELINING);
    let script = script.fault(Stage::Mail, 1, Fault::reply("550 5.7.1 no"));
    let server = script
        .fault(Stage::Data, 1, Fault::reply("354 go on"))
        .start()
        .await;
    let mut session = open(&server, "").await.unwrap();
    let told = session
        .hand_over(&envelope("a@b.org"), &letter("one"))
        .await;
    assert_eq!((told.0, told.1.phase), (Outcome::Deferred, Phase::Mail));
    assert!(!session.is_usable());
}

#[tokio::test]
async fn a_failed_reset_keeps_the_verdict_and_ends_the_session() {
    for fault in [
        Fault::reply("500 what?"),
        Fault::close(),
        Fault::reply("421 bye"),
    ] {
        let script = Script::default().fault(Stage::Rcpt, 1, Fault::reply("550 5.1.1 no"));
        let server = script.fault(Stage::Rset, 1, fault).start().await;
        let mut session = open(&server, "").await.unwrap();
        let told = session
            .hand_over(&envelope("a@b.org"), &letter("one"))
            .await;
        assert_eq!((told.0, session.is_usable()), (RECIPIENT, false));
    }
}

#[tokio::test]
async fn a_refusal_stands_when_the_connection_goes_after_it() {
    let script = Script::default().announcing(PIPELINING);
    let fault = Fault::reply("550 5.1.1 no such user").then_close();
    let server = script.fault(Stage::Rcpt, 1, fault).start().await;
    let mut session = open(&server, "").await.unwrap();
    let told = session
        .hand_over(&envelope("a@b.org"), &letter("one"))
        .await;
    assert_eq!(
        (told.0, told.1.code, session.is_usable()),
        (RECIPIENT, Some(550), false)
    );
}

#[tokio::test]
async fn what_cannot_go_is_refused_before_anything_is_said() {
    let server = Script::default().announcing(&["SIZE 5000"]).start().await;
    let mut session = open(&server, "").await.unwrap();
    let said = server.commands().len();
    let cases = [
        ("a@b.org", letter(&"x".repeat(3000)), LETTER, "5000"),
        ("юзер@b.org", letter("x"), RECIPIENT, "SMTPUTF8"),
        ("a@b.org>\r\nRSET", letter("x"), RECIPIENT, "without spaces"),
        ("", letter("x"), RECIPIENT, "nothing"),
        ("a@b.org", "Тема\r\n".as_bytes().to_vec(), LETTER, "7-bit"),
        (
            "a@b.org",
            b"a\n.\r\nMAIL FROM:<x@y.z>\r\n".to_vec(),
            LETTER,
            "CRLF",
        ),
    ];
    for (to, letter, outcome, says) in cases {
        let told = session.hand_over(&envelope(to), &letter).await;
        assert_eq!(told.0, outcome, "{told:?}");
        assert!(told.1.text.contains(says), "{told:?}");
    }
    assert_eq!(server.commands().len(), said);
    let told = session.hand_over(&envelope("a@b.org"), &letter("x")).await;
    assert_eq!(told.0, Outcome::Accepted);
    let size = letter("x").len();
    let mail = format!("MAIL FROM:<b+1.ab@bounces.example.org> SIZE={size}");
    assert!(server.commands().contains(&mail));
}

#[tokio::test]
async fn a_cancelled_hand_over_leaves_the_session_unusable() {
    let script = Script::default().fault(Stage::End, 1, Fault::silence());
    let server = script.start().await;
    let mut session = open(&server, "").await.unwrap();
    let (reader, letter) = (envelope("a@b.org"), letter("x"));
    let sending = session.hand_over(&reader, &letter);
    let cut = tokio::time::timeout(Duration::from_millis(200), sending).await;
    assert!(cut.is_err() && !session.is_usable());
    let said = server.commands().len();
    let told = session.hand_over(&reader, &letter).await;
    assert_eq!((told.0, server.commands().len()), (Outcome::Deferred, said));
}

#[tokio::test]
async fn a_session_is_alive_while_it_answers() {
    let script = Script::default().fault(Stage::Noop, 2, Fault::reply("421 4.3.2 bye"));
    let server = script.start().await;
    let mut session = open(&server, "").await.unwrap();
    assert!(session.is_alive().await);
    assert!(!session.is_alive().await && !session.is_usable());
}

mod over_tls {
    //! The handshake and what is said around it.

    use super::*;

    fn trusting(certificate: &Certificate) -> Trust {
        Trust::only(vec![certificate.root.clone()]).unwrap()
    }

    async fn fails(script: Script, url: &str, trust: &Trust) -> (Attempt, Vec<String>) {
        let server = script.start().await;
        let url = url.replace("HOST", &server.address.to_string());
        let relay: Relay = url.parse().unwrap();
        let attempt = Session::open(&relay, &limits(true), trust)
            .await
            .err()
            .unwrap();
        (attempt, server.commands())
    }

    #[tokio::test]
    async fn letters_go_over_starttls_and_over_tls_from_the_start() {
        let certificate = Certificate::of("127.0.0.1", false);
        for (url, implicit) in [
            ("smtp://ann:pass@HOST?tls=required", false),
            ("smtp://ann:pass@HOST?tls=opportunistic", false),
            ("smtps://ann:pass@HOST", true),
        ] {
            let script = Script::default().certified(&certificate, implicit);
            let server = script
                .announcing(&["PIPELINING", "AUTH PLAIN LOGIN"])
                .start()
                .await;
            let url = url.replace("HOST", &server.address.to_string());
            let trust = trusting(&certificate);
            let session = Session::open(&url.parse().unwrap(), &limits(false), &trust).await;
            let mut session = session.unwrap();
            for name in ["one", "two"] {
                let told = session.hand_over(&envelope("a@b.org"), &letter(name)).await;
                assert_eq!(told.0, Outcome::Accepted, "{told:?}");
            }
            assert_eq!(server.accepted()[1].letter, letter("two"));
            let auth = "AUTH PLAIN AGFubgBwYXNz".to_owned();
            assert!(server.commands().contains(&auth));
        }
    }

    #[tokio::test]
    async fn faults_within_tls_are_judged_as_without() {
        let certificate = Certificate::of("127.0.0.1", false);
        let script = Script::default()
            .certified(&certificate, false)
            .announcing(PIPELINING);
        let script = script.fault(Stage::Rcpt, 1, Fault::raw(b"550 5.1.1 \xed\xb3\n"));
        let server = script
            .fault(Stage::End, 1, Fault::close().accepting())
            .start()
            .await;
        let relay = relay(&server, "?tls=required");
        let trust = trusting(&certificate);
        let session = Session::open(&relay, &limits(false), &trust).await;
        let mut session = session.unwrap();
        let told = session
            .hand_over(&envelope("a@b.org"), &letter("one"))
            .await;
        assert_eq!((told.0, session.is_usable()), (RECIPIENT, true), "{told:?}");
        let told = session
            .hand_over(&envelope("a@b.org"), &letter("two"))
            .await;
        assert_eq!(
            (told.0, session.is_usable()),
            (Outcome::Uncertain, false),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn a_certificate_that_does_not_hold_defers_and_no_letter_is_sent() {
        let good = Certificate::of("127.0.0.1", false);
        let expired = Certificate::of("127.0.0.1", true);
        let other = Certificate::of("mail.example.org", false);
        for tls in ["required", "opportunistic"] {
            for (certificate, trust) in [
                (&good, nobody()),
                (&expired, trusting(&expired)),
                (&other, trusting(&other)),
            ] {
                let script = Script::default().certified(certificate, false);
                let url = format!("smtp://HOST?tls={tls}");
                let (attempt, commands) = fails(script, &url, &trust).await;
                assert_eq!(attempt.phase, Phase::StartTls, "{attempt:?}");
                assert!(attempt.text.contains("certificate"), "{attempt:?}");
                assert_eq!(commands.last().unwrap(), "STARTTLS");
            }
        }
    }

    #[tokio::test]
    async fn starttls_that_is_stripped_refused_or_broken_defers() {
        let certificate = Certificate::of("127.0.0.1", false);
        let certified = || Script::default().certified(&certificate, false);
        let trust = trusting(&certificate);
        let url = "smtp://HOST?tls=required";
        let (attempt, commands) = fails(Script::default(), url, &trust).await;
        assert_eq!((attempt.phase, commands.len()), (Phase::StartTls, 1));
        let cases = [
            (
                Stage::StartTls,
                Fault::reply("454 4.7.0 not now"),
                Some(454),
            ),
            (Stage::StartTls, Fault::reply("554 5.7.3 never"), Some(554)),
            (Stage::StartTls, Fault::close(), None),
            (Stage::StartTls, Fault::silence(), None),
            (
                Stage::StartTls,
                Fault::reply("220 go\r\n250 injected"),
                None,
            ),
            (Stage::Handshake, Fault::close(), None),
            (Stage::Handshake, Fault::silence(), None),
            (Stage::Handshake, Fault::reply("250 plain words"), None),
        ];
        for tls in ["required", "opportunistic"] {
            for (stage, fault, code) in &cases {
                let script = certified().fault(*stage, 1, fault.clone());
                let url = format!("smtp://HOST?tls={tls}");
                let (attempt, commands) = fails(script, &url, &trust).await;
                assert_eq!(
                    (attempt.phase, attempt.code),
                    (Phase::StartTls, *code),
                    "{fault:?}"
                );
                assert!(!commands.iter().any(|command| command.starts_with("MAIL")));
            }
        }
    }

    #[tokio::test]
    async fn only_opportunistic_goes_without_and_never_with_a_password() {
        let server = Script::default().start().await;
        let mut session = open(&server, "?tls=opportunistic").await.unwrap();
        let told = session.hand_over(&envelope("a@b.org"), &letter("x")).await;
        assert_eq!(told.0, Outcome::Accepted);
        let script = Script::default().announcing(&["AUTH PLAIN"]);
        let url = "smtp://ann:pass@HOST?tls=opportunistic";
        let (attempt, commands) = fails(script, url, &nobody()).await;
        assert_eq!(attempt.phase, Phase::Auth);
        assert!(!commands.iter().any(|command| command.starts_with("AUTH")));
    }

    #[tokio::test]
    async fn a_password_that_does_not_serve_is_the_hosts_fault() {
        let cases = [
            (Fault::reply("535 5.7.8 wrong"), Some(535)),
            (Fault::reply("454 4.7.0 later"), Some(454)),
            (Fault::reply("250 hm"), Some(250)),
            (Fault::close(), None),
            (Fault::silence(), None),
        ];
        for (fault, code) in cases {
            let script = Script::default().announcing(&["AUTH PLAIN"]);
            let script = script.fault(Stage::Auth, 1, fault);
            let url = "smtp://ann:pass@HOST?tls=none";
            let (attempt, _) = fails(script, url, &nobody()).await;
            assert_eq!((attempt.phase, attempt.code), (Phase::Auth, code));
            assert!(!attempt.text.contains("pass"), "{attempt:?}");
        }
        let script = Script::default().announcing(&["AUTH GSSAPI"]);
        let (attempt, _) = fails(script, "smtp://ann:pass@HOST", &nobody()).await;
        assert_eq!((attempt.phase, attempt.code), (Phase::Auth, None));
    }
}

mod over_a_connection {
    //! One task's connection, which opens sessions as needed.

    use super::*;

    fn mailer(server: &MailServer) -> Mailer {
        Mailer::Smtp(Arc::new(Route {
            relay: relay(server, ""),
            limits: limits(false),
            trust: nobody(),
        }))
    }

    #[tokio::test]
    async fn one_session_carries_many_letters() {
        let server = Script::default().announcing(PIPELINING).start().await;
        let mut connection = mailer(&server).connection();
        for name in ["1", "2", "3"] {
            let told = connection
                .hand_over(name, (&envelope("a@b.org"), &letter(name)), None)
                .await;
            assert_eq!(told.0, Outcome::Accepted);
        }
        connection.close().await;
        assert_eq!((server.connections(), server.accepted().len()), (1, 3));
    }

    #[tokio::test]
    async fn a_session_that_was_closed_meanwhile_costs_the_letter_nothing() {
        for fault in [
            Fault::close(),
            Fault::reply("421 4.7.0 enough").then_close(),
        ] {
            let script = Script::default().announcing(PIPELINING);
            let server = script.fault(Stage::Mail, 2, fault).start().await;
            let mut connection = mailer(&server).connection();
            for name in ["1", "2"] {
                let told = connection
                    .hand_over(name, (&envelope("a@b.org"), &letter(name)), None)
                    .await;
                assert_eq!(told.0, Outcome::Accepted, "{told:?}");
            }
            assert_eq!((server.connections(), server.accepted().len()), (2, 2));
        }
    }

    #[tokio::test]
    async fn doubt_about_one_letter_touches_no_other() {
        let script = Script::default().announcing(PIPELINING);
        let fault = Fault::close().accepting();
        let server = script.fault(Stage::End, 2, fault).start().await;
        let mut connection = mailer(&server).connection();
        let mut outcomes = Vec::new();
        for name in ["1", "2", "3"] {
            let told = connection
                .hand_over(name, (&envelope("a@b.org"), &letter(name)), None)
                .await;
            outcomes.push(told.0);
        }
        assert_eq!(
            outcomes,
            [Outcome::Accepted, Outcome::Uncertain, Outcome::Accepted]
        );
        assert_eq!((server.connections(), server.accepted().len()), (2, 3));
    }

    #[tokio::test]
    async fn a_relay_that_is_away_defers() {
        let server = Script::default().start().await;
        let mailer = mailer(&server);
        drop(server);
        let told = mailer
            .connection()
            .hand_over("1", (&envelope("a@b.org"), &letter("1")), None)
            .await;
        assert_eq!((told.0, told.1.phase), (Outcome::Deferred, Phase::Connect));
    }
}
