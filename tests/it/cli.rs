//! The command line: exit codes, errors in words, and what each group's first verbs do.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Stdio;

use chrono::TimeDelta;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;
use tempfile::TempDir;
use visnyk::clock::Clock;
use visnyk::clock::SystemClock;

use crate::support::command::Done;
use crate::support::command::Visnyk;

fn json(done: &Done) -> Value {
    assert_eq!(done.code, 0, "{}", done.stderr);
    serde_json::from_str(&done.stdout)
        .unwrap_or_else(|problem| panic!("{problem}: {}", done.stdout))
}

#[test]
fn every_settings_error_is_told_at_once_and_stops_the_start() {
    let folder = TempDir::new().unwrap();
    let wrong = [
        ("VISNYK_LISTN", "x"),
        ("VISNYK_BASE_URL", "news"),
        ("VISNYK_SITE__ZONE", "Mars/Base"),
    ];
    for command in ["serve", "check", "tick"] {
        let done = Visnyk::at(folder.path()).run_with(&[command], &wrong, "");
        assert_eq!(done.code, 78, "{command}");
        for words in ["did you mean `listen`", "VISNYK_BASE_URL", "Mars/Base"] {
            assert!(
                done.stderr.contains(words),
                "expected {words} in {}",
                done.stderr
            );
        }
    }
}

#[test]
fn mistakes_have_the_exit_codes_of_sysexits() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let code = |arguments: &[&str]| visnyk.run(arguments).code;
    assert_eq!(code(&["fly"]), 64);
    assert_eq!(code(&["subscriber", "add", "nobody", "--list", "news"]), 64);
    assert_eq!(code(&["list", "show", "nothing"]), 66);
    assert_eq!(code(&["read", "/there/is/no/such/file"]), 66);
    assert_eq!(code(&["letter", "show", "1"]), 66);
    assert_eq!(code(&["--version"]), 0);
}

#[test]
fn read_says_what_it_could_not_read() {
    let folder = TempDir::new().unwrap();
    let done = Visnyk::at(folder.path()).run_with(&["read", "-"], &[], "neither feed nor page");
    assert_eq!(done.code, 65);
    let reading: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(reading["kind"], Value::Null);
    assert_eq!(reading["articles"], serde_json::json!([]));
    assert!(!reading["problems"].as_array().unwrap().is_empty());
}

#[test]
fn read_prints_one_line_a_path_in_order_whatever_each_holds() {
    let folder = TempDir::new().unwrap();
    let feed = folder.path().join("feed.xml");
    std::fs::write(
        &feed,
        "<rss version='2.0'><channel><title>Новини</title><item><title>Одна & друга</title></item>",
    )
    .unwrap();
    let paths = format!(
        "{}\n/there/is/no/such/file\n{}\n",
        feed.display(),
        feed.display()
    );
    let done = Visnyk::at(folder.path()).run_with(&["read", "--batch"], &[], &paths);
    assert_eq!(done.code, 0);
    let kinds: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone())
        .collect();
    assert_eq!(kinds, [Value::from("rss"), Value::Null, Value::from("rss")]);
}

#[test]
fn a_second_process_is_told_who_has_the_data() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let first = visnyk.start(&["send"]);
    first.wait_until_it_has_the_lock();
    let second = visnyk.run(&["send", "--until-empty"]);
    assert_eq!(second.code, 75);
    assert!(
        second
            .stderr
            .contains(&format!("in use by pid {}", first.pid())),
        "{}",
        second.stderr
    );
    assert_eq!(
        visnyk.run(&["list", "list"]).code,
        0,
        "every other command works beside it"
    );
    drop(first);
    assert_eq!(
        visnyk.run(&["send", "--until-empty"]).code,
        0,
        "the lock ends with its owner"
    );
}

#[test]
fn a_tick_forgets_who_never_confirmed() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let from = "Вісник <news@example.org>";
    let list = ["list", "add", "news", "--name", "Новини", "--from", from];
    assert_eq!(visnyk.run(&list).code, 0);
    let somebody = ["subscriber", "add", "olena@example.org", "--list", "news"];
    assert_eq!(visnyk.run(&somebody).code, 0);
    let show = ["subscriber", "show", "olena@example.org"];
    for (days, code) in [(6, 0), (8, 66)] {
        let then = (SystemClock.now() + TimeDelta::days(days)).to_string();
        assert_eq!(visnyk.run(&["tick", "--now", &then]).code, 0);
        assert_eq!(visnyk.run(&show).code, code, "after {days} days");
    }
}

#[test]
fn a_list_and_its_readers_are_made_and_shown() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let from = "Вісник <news@example.org>";
    let added = [
        "list",
        "add",
        "news",
        "--name",
        "Новини",
        "--from",
        from,
        "--topics",
        "Економіка",
        "--json",
    ];
    assert_eq!(json(&visnyk.run(&added))["slug"], "news");
    assert_eq!(visnyk.run(&added).code, 65);
    let people = folder.path().join("people.csv");
    let lines = "Email,name,language,cadence,hour,topics\n\
                 olena@example.org,Олена,uk,weekly,9,Економіка\nnobody,,,,,\nivan@example.org,,en,,25,\nihor@example.org,,en,,,\n";
    std::fs::write(&people, lines).unwrap();
    let path = people.to_str().unwrap();
    let dry = visnyk.run(&[
        "subscriber",
        "import",
        path,
        "--list",
        "news",
        "--dry-run",
        "--json",
    ]);
    assert_eq!(dry.code, 65);
    let dry: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(
        (&dry["added"], &dry["bad"]),
        (&Value::from(2), &Value::from(2))
    );
    assert_eq!(
        json(&visnyk.run(&["list", "show", "news", "--json"]))["readers"],
        0
    );
    let done = visnyk.run(&[
        "subscriber",
        "import",
        path,
        "--list",
        "news",
        "--consent",
        "press day",
    ]);
    assert_eq!(done.code, 65);
    assert!(
        done.stdout.contains("2 added")
            && done.stdout.contains("line 3:")
            && done.stdout.contains("line 4:"),
        "{}",
        done.stdout
    );
    let shown = json(&visnyk.run(&["subscriber", "show", "Olena@example.org", "--json"]));
    assert_eq!(shown["subscriptions"][0]["cadence"], "weekly");
    assert_eq!(shown["consents"][0]["origin"], "import people.csv");
    assert_eq!(
        json(&visnyk.run(&["list", "show", "news", "--json"]))["readers"],
        2
    );
}

#[test]
fn a_source_that_cannot_be_read_says_why_and_keeps_its_place() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    assert_eq!(
        json(&visnyk.run(&["source", "add", "http://127.0.0.1:9/feed", "--json"]))["id"],
        1
    );
    assert_eq!(visnyk.run(&["source", "poll"]).code, 69);
    let sources = json(&visnyk.run(&["source", "list", "--json"]));
    assert_eq!(sources[0]["failures"], 1);
    assert!(
        sources[0]["problem"]
            .as_str()
            .unwrap()
            .contains("expected a public address")
    );
    assert_eq!(visnyk.run(&["check"]).code, 69);
    assert_eq!(visnyk.run(&["source", "remove", "1"]).code, 0);
    assert_eq!(visnyk.run(&["check"]).code, 0);
}

#[test]
fn sources_go_out_as_opml_and_come_back() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(&folder.path().join("one"));
    let add = [
        "source",
        "add",
        "https://example.org/feed.xml?a=1&b=2",
        "--kind", // or it would be asked what it is
        "feed",
        "--name",
        "Новини <області>",
    ];
    assert_eq!(visnyk.run(&add).code, 0);
    let exported = visnyk.run(&["source", "export"]).stdout;
    let file = folder.path().join("sources.opml");
    std::fs::write(&file, exported).unwrap();
    let other = Visnyk::at(&folder.path().join("two"));
    let import = ["source", "import", file.to_str().unwrap(), "--json"];
    assert_eq!(json(&other.run(&import))["added"], 1);
    assert_eq!(json(&other.run(&import))["known"], 1);
    let sources = json(&other.run(&["source", "list", "--json"]));
    assert_eq!(sources[0]["name"], "Новини <області>");
    assert_eq!(sources[0]["url"], "https://example.org/feed.xml?a=1&b=2");
}

#[test]
fn a_key_is_made_once_and_a_backup_is_a_whole_database() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let key = ["dkim", "new", "example.org", "v1", "--algorithm", "ed25519"];
    assert!(
        visnyk
            .run(&key)
            .stdout
            .contains("v1._domainkey.example.org")
    );
    assert_eq!(
        visnyk.run(&key).code,
        73,
        "a key is never written over another"
    );
    assert_eq!(visnyk.run(&["migrate"]).code, 0);
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    let file = copy.join("visnyk.db");
    let backup = visnyk.run(&["backup", file.to_str().unwrap(), "--json"]);
    assert_eq!(backup.code, 0);
    assert_eq!(json(&backup)["subscribers"], 0, "it was read back");
    assert_eq!(Visnyk::at(&copy).run(&["list", "list"]).code, 0);
}

#[test]
fn why_somebody_got_a_digest_or_didnt_is_said_in_words() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(&folder.path().join("data"));
    assert_eq!(visnyk.run(&["demo", "--once"]).code, 0);
    let all = visnyk.run(&["subscriber", "export"]);
    assert!(
        all.stdout
            .starts_with("email,name,language,zone,list,cadence,days,hour,topics,state\n"),
        "{}",
        all.stdout
    );
    assert_eq!(all.stdout.lines().count(), 4, "{}", all.stdout);
    let email = all
        .stdout
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let stands = visnyk.run(&["subscriber", "why", email]);
    assert!(
        stands.stdout.contains("the next digest is due"),
        "{}",
        stands.stdout
    );
    let reasons = |digest: &str| {
        json(&visnyk.run(&["subscriber", "why", email, "--digest", digest, "--json"]))
    };
    let reasons: Vec<Value> = ["1", "2", "3"].map(reasons).into_iter().collect();
    let got = reasons
        .iter()
        .filter(|answers| answers[0]["reason"] == "accepted");
    assert_eq!(got.count(), 1, "{reasons:?}");
    assert_eq!(
        visnyk
            .run(&["subscriber", "why", "nobody@example.org"])
            .code,
        66
    );
    let shown = visnyk.run(&["digest", "show", "1"]);
    assert!(
        shown.stdout.contains("accepted by its server"),
        "{}",
        shown.stdout
    );
}

#[test]
fn columns_of_an_import_may_have_other_names() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let list = [
        "list",
        "add",
        "news",
        "--name",
        "Новини",
        "--from",
        "news@example.org",
        "--cadences",
        "weekdays,daily",
    ];
    assert_eq!(visnyk.run(&list).code, 0);
    let people = folder.path().join("people.csv");
    let lines = "E-mail,Full name,Days\nolena@example.org,Олена,\"tue,thu\"\nOLENA@example.org,,\nihor@example.org,,\n";
    std::fs::write(&people, lines).unwrap();
    let import = |map: &str| {
        let path = people.to_str().unwrap();
        visnyk.run(&[
            "subscriber",
            "import",
            path,
            "--list",
            "news",
            "--map",
            map,
            "--json",
        ])
    };
    assert_eq!(import("mail=E-mail").code, 64);
    let done = json(&import("email=E-mail,name=Full name"));
    assert_eq!(
        (&done["added"], &done["known"]),
        (&Value::from(2), &Value::from(1))
    );
    let again = json(&import("email=E-mail,name=Full name"));
    assert_eq!(
        (&again["added"], &again["known"]),
        (&Value::from(0), &Value::from(3))
    );
    let all = visnyk.run(&["subscriber", "export", "--list", "news"]);
    assert!(
        all.stdout
            .contains("olena@example.org,Олена,uk,Europe/Kyiv,news,weekdays,\"tue,thu\",8,,active"),
        "{}",
        all.stdout
    );
}

#[test]
fn shells_and_man_learn_the_command_from_itself() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    for shell in ["bash", "zsh", "fish"] {
        let script = visnyk.run(&["completions", shell]);
        assert!(
            script.code == 0 && script.stdout.contains("subscriber"),
            "{shell}"
        );
    }
    let pages = folder.path().join("man");
    assert_eq!(visnyk.run(&["man", &pages.to_string_lossy()]).code, 0);
    let page = std::fs::read_to_string(pages.join("visnyk-source-add.1")).unwrap();
    assert!(
        page.contains("how to read it") || page.contains("How to read it"),
        "{page}"
    );
}

#[test]
fn a_key_is_made_listed_and_revoked() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let made = json(&visnyk.run(&[
        "key",
        "add",
        "press",
        "--scope",
        "articles:write,articles:read",
        "--json",
    ]));
    assert!(made["key"].as_str().unwrap().starts_with("visnyk_"));
    assert_eq!(
        visnyk
            .run(&["key", "add", "press", "--scope", "lists:read"])
            .code,
        65
    );
    let odd = visnyk.run(&["key", "add", "odd", "--scope", "everything"]);
    assert!(
        odd.code == 64 && odd.stderr.contains("articles:read"),
        "{}",
        odd.stderr
    );
    let listed = visnyk.run(&["key", "list", "--json"]);
    assert!(!listed.stdout.contains(made["key"].as_str().unwrap()));
    assert_eq!(json(&listed)[0]["active"], true);
    assert_eq!(visnyk.run(&["key", "revoke", "press"]).code, 0);
    assert_eq!(visnyk.run(&["key", "revoke", "press"]).code, 66);
    assert!(visnyk.run(&["openapi"]).stdout.contains("\"3.1.0\""));
}

#[test]
fn a_server_logs_its_own_events_and_ends_well_when_told_to() {
    let folder = TempDir::new().unwrap();
    let mut server = Visnyk::at(folder.path())
        .command(&["serve"])
        .env("VISNYK_LISTEN", "127.0.0.1:0")
        .env("VISNYK_LOG__FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    assert!(said.starts_with("Visnyk is at http://127.0.0.1:"), "{said}");
    let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.unwrap(), Signal::TERM).unwrap();
    let ended = server.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    for line in String::from_utf8(ended.stderr).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let target = event["target"].as_str().unwrap();
        let name = event["fields"]["message"].as_str().unwrap();
        assert!(target.starts_with("visnyk"), "{line}");
        assert!(name.contains('.') && !name.contains(' '), "{line}");
    }
}

#[tokio::test]
async fn what_becomes_of_users_and_keys_is_written_down() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let email = "olena@example.org";
    for command in [
        &["user", "add", email, "--role", "editor"] as &[&str],
        &["user", "reset", email, "--second-factor"],
        &["user", "disable", email],
        &["key", "add", "press", "--scope", "lists:read"],
        &["key", "revoke", "press"],
    ] {
        let done = visnyk.run(command);
        assert_eq!(done.code, 0, "{command:?}: {}", done.stderr);
    }
    assert_eq!(visnyk.run(&["user", "disable", email]).code, 66);
    let path = folder.path().join("visnyk.db");
    let url = format!("sqlite://{}", path.display());
    let db = visnyk::store::Db::open(&url).await.unwrap();
    let mut tx = db.read().await.unwrap();
    let log = visnyk::store::audit::page(&mut tx, None, None, 9).await;
    let log: Vec<String> = log
        .unwrap()
        .into_iter()
        .map(|change| format!("{}: {} {}", change.actor, change.action, change.subject))
        .collect();
    let expected = [
        "key.revoke key 1",
        "key.add key 1",
        "user.disable user 1",
        "user.reset user 1",
        "user.add user 1",
    ];
    assert_eq!(log, expected.map(|what| format!("command line: {what}")));
}

#[tokio::test]
async fn an_editor_is_bound_to_lists_and_unbound() {
    let (folder, visnyk, _) = newsroom_with("people.csv", b"");
    let email = "olena@example.org";
    let lists = || {
        let shown = visnyk.run(&["user", "list", "--json"]).stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown[0]["lists"].clone()
    };
    let add = |role, lists| visnyk.run(&["user", "add", email, "--role", role, "--lists", lists]);
    assert_eq!(add("viewer", "news").code, 64);
    assert_eq!(add("editor", "news,nothing").code, 66);
    assert_eq!(add("editor", "news").code, 0);
    assert_eq!(lists(), serde_json::json!(["news"]));
    assert_eq!(visnyk.run(&["user", "bind", email]).code, 64);
    assert_eq!(visnyk.run(&["user", "unbind", email]).code, 0);
    assert_eq!(lists(), "all");
    for _ in 0..2 {
        let bind = ["user", "bind", email, "--lists", "news"];
        assert_eq!(visnyk.run(&bind).code, 0);
    }
    let url = format!("sqlite://{}", folder.path().join("visnyk.db").display());
    let db = visnyk::store::Db::open(&url).await.unwrap();
    let mut tx = db.read().await.unwrap();
    let log = visnyk::store::audit::page(&mut tx, Some("user 1"), None, 9).await;
    let log: Vec<(String, String, String)> = log
        .unwrap()
        .into_iter()
        .map(|change| (change.action, change.was, change.became))
        .collect();
    let said = |action: &str, was: &str, became: &str| {
        (action.to_owned(), was.to_owned(), became.to_owned())
    };
    let (all, news) = (r#"{"lists":"all"}"#, r#"{"lists":["news"]}"#);
    let added = r#"{"email":"olena@example.org","lists":["news"],"role":"editor"}"#;
    assert_eq!(
        log,
        [
            said("user.bind", all, news),
            said("user.unbind", news, all),
            said("user.add", "", added),
        ]
    );
}

/// A newsroom with the list `news`, and a file of people.
fn newsroom_with(name: &str, people: &[u8]) -> (TempDir, Visnyk, String) {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let list = [
        "list",
        "add",
        "news",
        "--name",
        "Новини",
        "--from",
        "news@example.org",
    ];
    assert_eq!(visnyk.run(&list).code, 0);
    let path = folder.path().join(name);
    std::fs::write(&path, people).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, visnyk, path)
}

#[test]
fn other_programs_people_come_in_and_those_who_left_them_do_not() {
    let people = "\u{feff}uuid;email;name;attributes;status;created_at;updated_at\r\n\
        1;olena@example.org;Олена;{};enabled;2021-03-04 10:00:00;x\r\n\
        2;blocked@example.org;;{};blocklisted;2021-03-04;x\r\n\
        3;off@example.org;;{};disabled;2021-03-04;x\r\n\
        4;=cmd;;{};enabled;2021-03-04;x\r\n\
        5;ihor@example.org;Ігор\r\n\
        6;odd@example.org;;{};whatever;2021-03-04;x\r\n";
    let (folder, visnyk, path) = newsroom_with("subscribers.csv", people.as_bytes());
    let rejected = folder.path().join("rejected.csv");
    let rejected = rejected.to_str().unwrap();
    let import = |rest: &[&str]| {
        let start = ["subscriber", "import", &path, "--list", "news", "--json"];
        visnyk.run(&[&start[..], rest].concat())
    };
    let dry = import(&["--dry-run"]);
    let done = import(&[
        "--consent",
        "listmonk, double opt-in",
        "--rejected",
        rejected,
    ]);
    assert_eq!((dry.code, done.code), (65, 65));
    let (mut dry, done): (Value, Value) = (
        serde_json::from_str(&dry.stdout).unwrap(),
        serde_json::from_str(&done.stdout).unwrap(),
    );
    dry["dry_run"] = false.into();
    assert_eq!(dry, done, "a dry run says what will happen");
    let counts = ["added", "known", "suppressed", "left_out", "bad"].map(|key| &done[key]);
    assert_eq!(counts, [1, 0, 1, 1, 3]);
    assert_eq!(done["left_out_lines"][0], "line 4: they are disabled there");
    let problems = done["problems"].as_array().unwrap();
    let expected = [
        "line 5: expected an address such as `name@example.org`, but got `=cmd`",
        "line 6: expected as many cells as the first line has, but got `3 / 7`",
        "line 7: expected a status such as `subscribed` or `unsubscribed`, but got `whatever`",
    ];
    assert_eq!(problems, &expected);
    let left = std::fs::read_to_string(rejected).unwrap();
    assert!(
        left.starts_with("\u{feff}line,problem,uuid,email,"),
        "{left}"
    );
    assert_eq!(left.lines().count(), 5, "{left}");
    assert!(
        left.contains(",4,'=cmd,") && left.contains("4,they are disabled there,3,"),
        "{left}"
    );

    let shown = json(&visnyk.run(&["subscriber", "show", "olena@example.org", "--json"]));
    assert_eq!(
        shown["consents"][0]["origin"],
        "import subscribers.csv: 2021-03-04 10:00:00"
    );
    let suppressed = visnyk.run(&["suppression", "list"]);
    assert!(suppressed.stdout.contains("admin"), "{}", suppressed.stdout);
    assert_eq!(
        import(&["--from", "mailchimp"]).code,
        65,
        "it has no `Email Address`"
    );
    let mapped = import(&["--map", "status=-,email=email", "--dry-run"]);
    let mapped: Value = serde_json::from_str(&mapped.stdout).unwrap();
    assert_eq!(
        mapped["added"], 2,
        "off and odd, if their status says nothing: {mapped}"
    );
    assert_eq!(import(&["--map", "email=nothing"]).code, 65);
}

#[test]
fn mailchimps_files_of_who_left_and_who_cannot_be_reached_add_nobody() {
    let head =
        "Email Address,First Name,Last Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LEID,TAGS";
    let row = "olena@example.org,Олена,Ковач,2020-01-01 00:00:00,198.51.100.9,2021-03-04 10:00:00,203.0.113.7,1,\
        \"\"\"Спорт\"\",\"\"Дороги\"\"\"";
    let table = format!("{head}\n{row}\n");
    for (name, expected) in [
        ("nonsubscribed_email_audience_export_1.csv", [0, 0, 0, 1]),
        ("unsubscribed_email_audience_export_1.csv", [0, 0, 0, 1]),
        ("cleaned_email_audience_export_1.csv", [0, 0, 1, 0]),
        ("subscribed_email_audience_export_1.csv", [1, 0, 0, 0]),
    ] {
        let (_folder, visnyk, path) = newsroom_with(name, table.as_bytes());
        let map = ["--map", "topics=TAGS"];
        let start = ["subscriber", "import", &path, "--list", "news", "--json"];
        let done = json(&visnyk.run(&[&start[..], &map[..]].concat()));
        let counts = ["added", "known", "suppressed", "left_out"].map(|key| &done[key]);
        assert_eq!(counts, expected, "{name}");
        if expected[0] == 1 {
            let shown = json(&visnyk.run(&["subscriber", "show", "olena@example.org", "--json"]));
            assert_eq!(shown["name"], "Олена Ковач");
            let origin = format!("import {name}: 2021-03-04 10:00:00, 203.0.113.0/24");
            assert_eq!(shown["consents"][0]["origin"], origin);
            let all = visnyk.run(&["subscriber", "export"]);
            assert!(all.stdout.contains("Дороги;Спорт") || all.stdout.contains("Спорт;Дороги"));
        }
    }
}

#[test]
fn a_table_as_excel_writes_it_in_ukraine_comes_in() {
    let text = "Електронна пошта;Ім’я;Мова\r\nolena@example.org;Олена Їжак;uk-UA\r\n";
    let (windows, _, _) = encoding_rs::WINDOWS_1251.encode(text);
    let units = format!("\u{feff}{}", text.replace(';', "\t"));
    let utf16: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&windows[..], &utf16] {
        let (_folder, visnyk, path) = newsroom_with("Люди.csv", bytes);
        let done = json(&visnyk.run(&["subscriber", "import", &path, "--list", "news", "--json"]));
        assert_eq!((&done["added"], &done["bad"]), (&1.into(), &0.into()));
        let shown = json(&visnyk.run(&["subscriber", "show", "olena@example.org", "--json"]));
        assert_eq!(shown["name"], "Олена Їжак");
    }
}

#[test]
fn owners_settings_are_chosen_at_the_command_line() {
    let folder = TempDir::new().unwrap();
    let visnyk = Visnyk::at(folder.path());
    let named = visnyk.run(&["setting", "set", "site.name", "Громада"]);
    assert_eq!(named.code, 0, "{}", named.stderr);
    assert_eq!(named.stdout.trim(), "site.name is Громада");
    let name = |environment: &[(&str, &str)]| {
        let listed = json(&visnyk.run_with(&["setting", "list", "--json"], environment, ""));
        let listed = listed.as_array().unwrap().clone();
        listed
            .into_iter()
            .find(|setting| setting["key"] == "site.name")
    };
    let chosen = name(&[]).unwrap();
    assert_eq!(chosen["value"], "Громада");
    assert_eq!(chosen["owners_choose"], true);
    let operators = name(&[("VISNYK_SITE__NAME", "Операторів")]).unwrap();
    assert_eq!(operators["value"], "Операторів");
    assert_eq!(operators["owners_choose"], false);
    let bad = visnyk.run(&["setting", "set", "site.zone", "Mars/Base"]);
    assert_eq!(bad.code, 65);
    assert!(
        bad.stderr.contains("site.zone: expected a zone"),
        "{}",
        bad.stderr
    );
    let others = visnyk.run(&["setting", "set", "mail.relay", "smtp://x"]);
    assert_eq!(others.code, 64);
    assert!(others.stderr.contains("visnyk.toml"), "{}", others.stderr);
    let unset = visnyk.run(&["setting", "unset", "site.name"]);
    assert_eq!(unset.stdout.trim(), "site.name is Вісник");
}
