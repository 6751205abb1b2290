//! Digest letters over TCP to a foreign server, read by foreign parsers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use mail_parser::MessageParser;
use serde_json::Value;
use visnyk::access::Purpose;
use visnyk::access::SignedLink;
use visnyk::clock::Stamp;
use visnyk::digest::Digest;
use visnyk::digest::DigestId;
use visnyk::digest::edition;
use visnyk::digest::edition::Markup;
use visnyk::digest::edition::Own;
use visnyk::letter::LetterState;
use visnyk::letter::dkim;
use visnyk::letter::dkim::Algorithm;
use visnyk::letter::dkim::Signer;
use visnyk::store;
use visnyk::store::edition::Edition;

use crate::delivery::smtp_sink::kept;
use crate::delivery::smtp_sink::sink;
use crate::support::app::TestApp;

const READERS: usize = 200;

/// Reads every file of a folder as Python does, and prints what it found, by reader.
const READ: &str = r#"
import email, email.policy, json, pathlib, sys
found = {}
for path in pathlib.Path(sys.argv[1]).iterdir():
    letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    part = lambda kind: letter.get_body((kind,)).get_content()
    found[path.name] = {
        "subject": letter["Subject"], "text": part("plain"), "html": part("html"), "defects": len(letter.defects),
        "headers": {name: "".join(letter.get_all(name, [])) for name in sys.argv[2:]},
    }
print(json.dumps(found))
"#;

/// Verifies two signatures of every file of a folder, the keys given as JSON on stdin.
const VERIFY: &str = r#"
import dkim, json, pathlib, sys
keys = json.load(sys.stdin)
asked = lambda name, timeout=5: keys[name.decode().rstrip(".")].encode()
count = 0
for path in pathlib.Path(sys.argv[1]).iterdir():
    letter = path.read_bytes()
    for place in (0, 1):
        assert dkim.DKIM(letter).verify(idx=place, dnsfunc=asked), (path, place)
    assert not dkim.DKIM(letter.replace(b"Subject: ", b"Subject: Re: ", 1)).verify(dnsfunc=asked)
    count += 1
print(count)
"#;

fn python(script: &str, arguments: &[&str], input: &str) -> String {
    let mut python = Command::new("python3")
        .arg("-c")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let ended = python.wait_with_output().unwrap();
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).unwrap()
}

/// Two hundred digests, sent over TCP to the sink; each letter as it came, by reader.
async fn sent_through_the_sink(app: &mut TestApp) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink(folder.path()).await;
    let list = app.add_list("news").await;
    app.enrol(&list, READERS).await;
    for title in ["Новина-1", "Новина-2"] {
        app.publish(title, &["Рада", "Дороги"]).await;
    }
    assert_eq!(app.queue_digest(&list, "Новина-3").await, 200);
    app.send_through(&[sink.address]);
    app.send().await;
    assert_eq!(app.count(LetterState::Accepted).await, READERS);
    let came = kept(folder.path());
    assert_eq!(came.len(), READERS);
    came
}

async fn newest_edition(app: &TestApp) -> (Digest, Edition) {
    let mut tx = app.db.read().await.unwrap();
    let digests = store::digest::latest(&mut tx, None, 1).await;
    let digest = digests.unwrap().remove(0);
    let editions = store::edition::of_digest(&mut tx, digest.id).await;
    (digest, editions.unwrap().remove(0))
}

fn write_all(came: &BTreeMap<String, String>, folder: &Path) {
    for (reader, letter) in came {
        std::fs::write(folder.join(reader), letter).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs Postfix tools"]
async fn two_hundred_digests_are_read_abroad_as_they_were_written() {
    let mut app = TestApp::new().await;
    let came = sent_through_the_sink(&mut app).await;
    let folder = tempfile::tempdir().unwrap();
    write_all(&came, folder.path());
    let headers = [
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "Feedback-ID",
        "Content-Language",
    ];
    let arguments = [&[folder.path().to_str().unwrap()], &headers[..]].concat();
    let abroad: Value = serde_json::from_str(&python(READ, &arguments, "")).unwrap();
    let (digest, edition) = newest_edition(&app).await;
    for record in app.ledger().await {
        let bytes = &came[&record.email];
        assert!(bytes.split("\r\n").all(|line| line.len() <= 998));
        let mut tx = app.db.read().await.unwrap();
        let email = record.email.parse().unwrap();
        let subscriber = store::subscriber::find_by_email(&mut tx, &email).await;
        let subscriber = subscriber.unwrap().unwrap().id;
        let all = store::subscription::of_subscriber(&mut tx, subscriber).await;
        let number = all.unwrap()[0].id.0;
        drop(tx);
        let token = |purpose| forever(&app, number, purpose);
        let leave = app.url(&format!("/leave/{}", token(Purpose::Leave)));
        let preferences = app.url(&format!("/preferences/{}", token(Purpose::Preferences)));
        let own = Own {
            leave: &leave,
            preferences: &preferences,
            address: &record.email,
        };
        let text = edition::splice(&edition.text, &own, Markup::Text);
        let html = edition::splice(&edition.html, &own, Markup::Html);
        let ours = MessageParser::default().parse(bytes.as_bytes()).unwrap();
        assert_eq!(ours.subject(), Some(edition.subject.as_str()));
        assert_eq!(ours.body_text(0).unwrap().replace("\r\n", "\n"), text);
        assert_eq!(ours.body_html(0).unwrap().replace("\r\n", "\n"), html);
        let theirs = &abroad[&record.email];
        assert_eq!(theirs["defects"], 0);
        assert_eq!(theirs["subject"], edition.subject);
        assert_eq!(unix(&theirs["text"]), text);
        assert_eq!(unix(&theirs["html"]), html);
        check_headers(&theirs["headers"], &leave, digest.id);
    }
}

fn check_headers(said: &Value, leave: &str, digest: DigestId) {
    let token = leave.rsplit('/').next().unwrap();
    let by_mail = format!("mailto:news@example.org?subject=leave%20{token}");
    assert_eq!(said["List-Unsubscribe"], format!("<{leave}>, <{by_mail}>"));
    assert_eq!(said["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    assert_eq!(said["List-Id"], "Усі новини <news.news.example.org>");
    assert_eq!(
        said["Feedback-ID"],
        format!("{}:news:digest:visnyk", digest.0)
    );
    assert_eq!(said["Content-Language"], "uk");
}

/// What a link in a letter carries.
fn forever(app: &TestApp, number: i64, purpose: Purpose) -> String {
    let made = Stamp(0);
    SignedLink { number, made }.sign(purpose, &app.secret)
}

fn unix(text: &Value) -> String {
    text.as_str().unwrap().replace("\r\n", "\n")
}

#[tokio::test]
#[ignore = "needs Postfix tools, and dkimpy"]
async fn both_signatures_of_two_hundred_digests_verify_abroad() {
    let mut app = TestApp::new().await;
    let mut signers = Vec::new();
    let mut records = serde_json::Map::new();
    for (selector, algorithm) in [("rsa", Algorithm::Rsa), ("ed", Algorithm::Ed25519)] {
        let key = dkim::new_key("example.org", selector, algorithm).unwrap();
        signers.push(Signer::new("example.org", selector, &key.pem).unwrap());
        records.insert(key.record.name, Value::String(key.record.text));
    }
    app.app.signers = signers.into();
    let came = sent_through_the_sink(&mut app).await;
    let folder = tempfile::tempdir().unwrap();
    write_all(&came, folder.path());
    let keys = Value::Object(records).to_string();
    let verified = python(VERIFY, &[folder.path().to_str().unwrap()], &keys);
    assert_eq!(verified.trim(), "200");
}
