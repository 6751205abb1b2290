//! Letters as strangers' programs judge them: two verifiers of signatures, and `SpamAssassin`.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Map;
use serde_json::Value;
use visnyk::access::Secret;
use visnyk::audience::EmailAddress;
use visnyk::audience::sign_up;
use visnyk::clock::Stamp;
use visnyk::config::Mailbox;
use visnyk::digest::edition::Own;
use visnyk::letter::LetterId;
use visnyk::letter::LetterPurpose;
use visnyk::letter::compose::Draft;
use visnyk::letter::compose::ListHeaders;
use visnyk::letter::compose::Shared;
use visnyk::letter::compose::compose;
use visnyk::letter::dkim;
use visnyk::letter::dkim::Algorithm;
use visnyk::letter::dkim::Signer;
use visnyk::letter::stencil::Stencil;
use visnyk::locale::Language;

use crate::support::app::TestApp;

const LETTERS: u64 = 1000;

/// Verifies both signatures of every file of a folder, the records given as JSON on stdin.
const DKIMPY: &str = r#"
import dkim, json, pathlib, sys
keys = json.load(sys.stdin)
asked = lambda name, timeout=5: keys[name.decode().rstrip(".")].encode()
count = 0
for path in pathlib.Path(sys.argv[1]).iterdir():
    letter = path.read_bytes()
    for place in (0, 1):
        assert dkim.DKIM(letter).verify(idx=place, dnsfunc=asked), (path, place)
    assert not dkim.DKIM(b"From: <x@example.com>\r\n" + letter).verify(dnsfunc=asked), (path, "a second From")
    count += 1
print(count)
"#;

/// Verifies the RSA signature of every file of a folder; it knows no other kind.
const MAIL_DKIM: &str = r#"
use strict; use warnings; use JSON::PP; use Mail::DKIM::Verifier;
my $keys = decode_json(join "", <STDIN>);
{ package Record; sub type { "TXT" } sub txtdata { $_[0]{text} } }
{ no warnings "redefine";
  *Mail::DKIM::DNS::query = sub { bless { text => $keys->{$_[0]} // die "asked for $_[0]" }, "Record" }; }
my $count = 0;
for my $path (glob "$ARGV[0]/*") {
    open my $file, "<:raw", $path or die; local $/; my $letter = <$file>;
    my $verifier = Mail::DKIM::Verifier->new; $verifier->PRINT($letter); $verifier->CLOSE;
    my ($rsa) = grep { $_->algorithm eq "rsa-sha256" } $verifier->signatures;
    $rsa->result eq "pass" or die "$path: " . $rsa->result_detail;
    $count++;
}
print $count;
"#;

fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut process = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let ended = process.wait_with_output().unwrap();
    assert!(ended.status.success(), "{program}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

/// Words that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn words(&mut self, most: u64) -> String {
        const WORDS: [&str; 16] = [
            "Полтава",
            "ремонт",
            "ґанок",
            "Об’єднання",
            "🚧",
            "news",
            "a=b;c",
            "\"лапки\"",
            "<b>",
            "&amp;",
            ".",
            "..",
            "From",
            "  ",
            "\t",
            "дуже-довге-слово-без-жодного-пробілу-всередині-яке-не-скінчиться",
        ];
        let mut text = String::new();
        for _ in 0..self.below(most) {
            text.push_str(WORDS[usize::try_from(self.below(16)).unwrap()]);
            text.push_str(
                [" ", " ", " ", "\n", "\r\n", ""][usize::try_from(self.below(6)).unwrap()],
            );
        }
        text
    }
}

fn letter(dice: &mut Dice, number: u64, signers: &[Signer]) -> Vec<u8> {
    let from: Mailbox = "Вісник Полтавщини <news@example.org>".parse().unwrap();
    let to: EmailAddress = format!("reader{number}@example.net").parse().unwrap();
    let leave = format!("https://example.org/leave/{number}.0.AAAAAAAAAAAAAAAAAAAAAA");
    let (subject, html, text) = (dice.words(30), dice.words(200), dice.words(200));
    let list = dice.words(8);
    let shared = Shared {
        is_bulk: number.is_multiple_of(2),
        date: Stamp(1_687_788_420_000 + i64::try_from(number).unwrap() * 1000),
        from: &from,
        reply_to: number.is_multiple_of(3).then_some(&from),
        language: Language::Uk,
        subject: &subject,
        html: Some(&html),
        text: &text,
        list: number.is_multiple_of(5).then(|| ListHeaders {
            name: list,
            id: "news.example.org".into(),
            help: "https://example.org/lists/news".into(),
            archive: "https://example.org/archive/news".into(),
            feedback: format!("{number}:news:digest:visnyk"),
        }),
    };
    let secret = Secret::new("s");
    let boundary = secret.mac("boundary", &number.to_string());
    let stencil = Stencil::new(&shared, &boundary).unwrap();
    let draft = Draft {
        id: LetterId(i64::try_from(number).unwrap()),
        purpose: LetterPurpose::Digest,
        date: shared.date,
        from: &from,
        returns: "news@example.org",
        to: &to,
        own: Own {
            leave: &leave,
            preferences: &leave,
            address: to.as_str(),
        },
        leave: Some(&leave),
        leave_by_mail: Some("mailto:news@example.org?subject=leave%207"),
    };
    compose(&stencil, &draft, signers, &secret).unwrap().bytes
}

/// The same letter as a relay may write its headers: folded at every space.
fn refolded(letter: &[u8]) -> String {
    let letter = String::from_utf8(letter.to_vec()).unwrap();
    let (head, body) = letter.split_once("\r\n\r\n").unwrap();
    let unfolded = head
        .replace("\r\n\t ", " ")
        .replace("\r\n\t", " ")
        .replace("\r\n ", " ");
    let fields = unfolded.split("\r\n").map(|field| {
        let (name, value) = field.split_once(':').unwrap();
        let words: Vec<&str> = value.split_whitespace().collect();
        format!("{name}: {}", words.join("\r\n\t"))
    });
    let fields: Vec<String> = fields.collect();
    format!("{}\r\n\r\n{body}", fields.join("\r\n"))
}

#[test]
#[ignore = "needs dkimpy and Mail::DKIM"]
fn a_thousand_random_letters_verify_abroad_even_refolded() {
    let mut signers = Vec::new();
    let mut records = Map::new();
    for (selector, algorithm) in [("rsa", Algorithm::Rsa), ("ed", Algorithm::Ed25519)] {
        let key = dkim::new_key("example.org", selector, algorithm).unwrap();
        signers.push(Signer::new("example.org", selector, &key.pem).unwrap());
        records.insert(key.record.name, Value::String(key.record.text));
    }
    let records = Value::Object(records).to_string();
    let (plain, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut dice = Dice(20_261_123);
    for number in 0..LETTERS {
        let letter = letter(&mut dice, number, &signers);
        lint(&String::from_utf8(letter.clone()).unwrap());
        std::fs::write(plain.path().join(number.to_string()), &letter).unwrap();
        std::fs::write(other.path().join(number.to_string()), refolded(&letter)).unwrap();
    }
    for folder in [plain.path(), other.path()] {
        let folder = folder.to_str().unwrap();
        let python = run("python3", &["-c", DKIMPY, folder], records.as_bytes());
        assert_eq!(python.trim(), LETTERS.to_string());
        let perl = run("perl", &["-e", MAIL_DKIM, folder], records.as_bytes());
        assert_eq!(perl.trim(), LETTERS.to_string());
    }
}

/// What receivers ask of a bulk sender's headers, and no line too long for any server.
fn lint(letter: &str) {
    let (head, _) = letter.split_once("\r\n\r\n").unwrap();
    let lines = letter
        .split("\r\n")
        .all(|line| line.len() <= 998 && !line.contains(['\r', '\n', '\0']));
    assert!(letter.is_ascii() && lines, "{head}");
    let unfolded = head.replace("\r\n\t", " ").replace("\r\n ", " ");
    let fields: Vec<&str> = unfolded.split("\r\n").collect();
    let count = |name: &str| {
        let is_it = |field: &&&str| field.split(':').next().unwrap().eq_ignore_ascii_case(name);
        fields.iter().filter(is_it).count()
    };
    for name in [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    ] {
        assert_eq!(count(name), 1, "{name}: {head}");
    }
    assert_eq!(
        count("List-Unsubscribe"),
        count("List-Unsubscribe-Post"),
        "{head}"
    );
    for signature in fields
        .iter()
        .filter(|field| field.starts_with("DKIM-Signature:"))
    {
        let names = signature
            .split(" h=")
            .nth(1)
            .unwrap()
            .split(';')
            .next()
            .unwrap();
        let names: Vec<&str> = names.split(':').map(str::trim).collect();
        assert_eq!(
            names.iter().filter(|name| **name == "from").count(),
            2,
            "{head}"
        );
        for name in ["list-unsubscribe", "list-unsubscribe-post"] {
            assert_eq!(names.contains(&name), count(name) == 1, "{head}");
        }
    }
}

/// One letter of each kind, as they leave.
async fn samples(app: &TestApp) -> Vec<(String, Vec<u8>)> {
    let list = app.add_list("news").await;
    let wish = TestApp::wish("olena@example.net");
    let standing = app.subscribe(&list, &wish).await;
    sign_up::send_link(app, &wish.email).await.unwrap();
    for title in ["Новина-1", "Новина-2"] {
        app.publish(title, &["Рада", "Дороги"]).await;
    }
    app.queue_digest(&list, "Новина-3").await;
    app.send().await;
    sign_up::leave(app, &standing, "form", "Відписатися")
        .await
        .unwrap();
    app.send().await;
    let letters = app.letters().into_iter();
    letters.map(|kept| (kept.name, kept.letter)).collect()
}

fn score(letter: &[u8], folder: &Path) -> f64 {
    let file = folder.join("letter");
    std::fs::write(&file, letter).unwrap();
    // Nobody's preferences count.
    let nobody = folder.join("nobody");
    // MIXED_ES takes each Cyrillic letter that looks like a Latin e for a forged one.
    let arguments = ["-L", "-t", "-x", "--cf=score MIXED_ES 0", "-p"].map(str::to_owned);
    let paths = [nobody, file].map(|path| path.display().to_string());
    let all = [&arguments[..], &paths[..]].concat();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let judged = run("spamassassin", &all, b"");
    let status = judged.split("X-Spam-Status:").nth(1).unwrap();
    let score = status.split("score=").nth(1).unwrap();
    score.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "needs SpamAssassin"]
async fn no_letter_of_ours_looks_like_spam() {
    let app = TestApp::new().await;
    let samples = samples(&app).await;
    assert_eq!(samples.len(), 5, "one of each kind");
    let folder = tempfile::tempdir().unwrap();
    for (name, letter) in &samples {
        lint(&String::from_utf8(letter.clone()).unwrap());
        let score = score(letter, folder.path());
        println!("{name}: {score}");
        assert!(
            score <= 0.5,
            "{name}: {score}\n{}",
            String::from_utf8_lossy(letter)
        );
    }
    let spam = b"From: x@example.com\r\nSubject: XXX\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n";
    assert!(score(spam, folder.path()) > 100.0, "the rules work");
    app.finish().await;
}

/// RFC 5322 §2.1.1: lines of at most 78 characters, but where nothing can be folded. RFC 2369, 2919
/// and 8058: what a list's letters say of it, to the character.
#[tokio::test]
async fn every_kind_of_letter_keeps_the_rules_of_headers() {
    let app = TestApp::new().await;
    let samples = samples(&app).await;
    assert_eq!(samples.len(), 5, "one of each kind");
    for (name, letter) in samples {
        let letter = String::from_utf8(letter).unwrap();
        lint(&letter);
        let (head, _) = letter.split_once("\r\n\r\n").unwrap();
        for line in head.split("\r\n") {
            let words = line
                .trim_start()
                .split(' ')
                .filter(|word| !word.ends_with(':'));
            let folds = words.count() > 1;
            assert!(line.len() <= 78 || !folds, "{name}: {line}");
        }
        let unfolded = head.replace("\r\n\t", " ").replace("\r\n ", " ");
        let field = |name: &str| {
            let mut fields = unfolded
                .split("\r\n")
                .filter_map(|field| field.split_once(": "));
            fields
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value)
        };
        let leaves = name.starts_with("digest-") || name.starts_with("welcome-");
        assert_eq!(
            field("List-Unsubscribe").is_some(),
            leaves,
            "{name}: {head}"
        );
        let is_bulk = name.starts_with("digest-");
        assert_eq!(field("Auto-Submitted").is_none(), is_bulk, "{name}: {head}");
        if leaves {
            check_list(&field);
        }
    }
    app.finish().await;
}

fn check_list<'a>(field: &impl Fn(&str) -> Option<&'a str>) {
    let leave = field("List-Unsubscribe").unwrap();
    let token = leave
        .strip_prefix("<https://news.example.org/leave/")
        .and_then(|rest| rest.split_once('>'))
        .unwrap()
        .0;
    assert!(!token.is_empty() && !token.contains(['/', '?', '<', ' ']));
    let both = format!(
        "<https://news.example.org/leave/{token}>, <mailto:news@example.org?subject=leave%20{token}>"
    );
    assert_eq!(leave, both);
    let exact = [
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Help", "<https://news.example.org/lists/news>"),
        ("List-Archive", "<https://news.example.org/archive/news>"),
    ];
    for (name, value) in exact {
        assert_eq!(field(name), Some(value), "{name}");
    }
    assert!(
        field("List-Id")
            .unwrap()
            .ends_with("<news.news.example.org>")
    );
}
