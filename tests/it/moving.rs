//! `move`: everything is there on PostgreSQL, and nothing happens any more where it was.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::Done;
use crate::support::command::Visnyk;
use crate::support::database::Kind;
use crate::support::database::TestDb;

/// What shows every table that people know.
const SHOWN: [&[&str]; 7] = [
    &["article", "list", "--json"],
    &["article", "show", "1", "--json"],
    &["source", "list", "--json"],
    &["list", "list", "--json"],
    &["digest", "list", "--json"],
    &["letter", "list", "--json"],
    &["subscriber", "export", "--json"],
];

fn demo() -> (TempDir, Visnyk) {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let visnyk = Visnyk::at(&data);
    let done = visnyk.run(&["demo", "--once"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    (folder, visnyk)
}

fn ok(done: Done) -> String {
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.stdout
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_moved_installation_is_the_same_and_goes_on() {
    let (_folder, visnyk) = demo();
    let new = TestDb::make(Kind::Postgres).await;
    let before = SHOWN.map(|command| ok(visnyk.run(command)));
    let moved = ok(visnyk.run(&["move", "--to", &new.url, "--json"]));
    let moved: Value = serde_json::from_str(&moved).unwrap();
    assert_eq!(moved["tables"]["article"], 13);
    assert_eq!(moved["tables"]["letter"], 9);

    let there = [("VISNYK_DATABASE_URL", new.url.as_str())];
    let on_new = |command: &[&str]| visnyk.run_with(command, &there, "");
    for (command, before) in SHOWN.iter().zip(before) {
        assert_eq!(ok(on_new(command)), before, "{command:?}");
    }
    // Rows are numbered on, links signed before still hold, searches find what was moved.
    ok(on_new(&[
        "user",
        "add",
        "second@example.org",
        "--role",
        "editor",
    ]));
    ok(on_new(&["digest", "run", "all-news", "--cadence", "daily"]));
    ok(on_new(&["send", "--until-empty"]));
    ok(on_new(&["check"]));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_was_moved_takes_nothing_in_until_it_is_taken_back() {
    let (_folder, visnyk) = demo();
    let new = TestDb::make(Kind::Postgres).await;
    let mut server = visnyk
        .command(&["serve"])
        .env("VISNYK_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    assert!(said.starts_with("Visnyk is at"), "{said}");
    ok(visnyk.run(&["move", "--to", &new.url]));
    // It holds the lock until it notices.
    assert_eq!(server.wait().unwrap().code(), Some(0));

    let add = ["suppression", "add", "gone@example.org"];
    let refused = visnyk.run(&add);
    assert_eq!(refused.code, 78, "{}", refused.stderr);
    assert!(refused.stderr.contains("move --back"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("was moved to postgres://"),
        "{}",
        refused.stderr
    );
    let again = visnyk.run(&["move", "--to", &new.url]);
    assert_eq!(again.code, 78, "{}", again.stderr);

    ok(visnyk.run(&["move", "--back"]));
    ok(visnyk.run(&add));
    let occupied = visnyk.run(&["move", "--to", &new.url]);
    assert_eq!(occupied.code, 65);
    assert!(
        occupied.stderr.contains("expected an empty database"),
        "{}",
        occupied.stderr
    );
    // It was refused before anything was changed on either side.
    ok(visnyk.run(&["suppression", "add", "second@example.org"]));
    assert_eq!(visnyk.run(&["move", "--back"]).code, 65);
}

#[test]
fn what_cannot_be_moved_to_is_told() {
    let (_folder, visnyk) = demo();
    for (to, code, words) in [
        (
            "mysql://somebody:secret@db/news",
            64,
            "expected `postgres://",
        ),
        ("nonsense", 64, "expected `postgres://"),
    ] {
        let done = visnyk.run(&["move", "--to", to]);
        assert_eq!(done.code, code, "{}", done.stderr);
        assert!(done.stderr.contains(words), "{}", done.stderr);
        assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    }
    assert_eq!(visnyk.run(&["move"]).code, 64);
}
