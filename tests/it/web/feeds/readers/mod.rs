//! Debian's feed readers, on every format that they know: newsboat, sfeed, rss2email, feed2exec.

mod edited;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use chrono::DateTime;
use chrono::FixedOffset;
use mail_parser::Message;
use mail_parser::MessageParser;
use serde_json::Value;
use sqlx::Connection;
use sqlx::SqliteConnection;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use visnyk::source::Draft;
use visnyk::web;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::Kind;
use crate::web::Browser;

const TITLES: [&str; 6] = [
    "На Полтавщині створили Регіональний офіс міжнародного співробітництва",
    "«Діалог влади та бізнесу»: об’єднання, п'ять \"лапок\" й тире – усе лишається",
    "Тарифи: 1 < 2 & 3 > 2",
    "R&D, AT&amp;T та &laquo;сутності&raquo;",
    "Погода 🌧 і 𝄞 поза першою площиною",
    "Отже, тобі потрібна допомога...",
];

/// RSS doesn't say whether a title is text or HTML, and readers differ. What looks like an entity in
/// it is broken by this, so that nobody decodes it twice.
const WORD_JOINER: char = '\u{2060}';

/// What every reader tells of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    id: String,
    title: String,
    link: String,
    seconds: i64,
}

/// A Visnyk on a port, and all that was said through it.
struct Served {
    app: TestApp,
    base: String,
    said: Arc<Mutex<String>>,
    home: TempDir,
    _running: JoinSet<()>,
}

impl Served {
    async fn start() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", door.local_addr().unwrap());
        let app = TestApp::on(Kind::Sqlite, [("VISNYK_BASE_URL", base.as_str())]).await;
        let said = Arc::<Mutex<String>>::default();
        let mut running = JoinSet::new();
        let at = inside.local_addr().unwrap();
        let served = app.app.clone();
        running.spawn(async move { web::serve(served, inside).await.unwrap() });
        let heard = Arc::clone(&said);
        running.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((reader, _)) = door.accept().await {
                let us = TcpStream::connect(at).await.unwrap();
                let (from_reader, to_reader) = reader.into_split();
                let (from_us, to_us) = us.into_split();
                talks.spawn(pass_on(from_reader, to_us, Arc::clone(&heard)));
                talks.spawn(pass_on(from_us, to_reader, Arc::clone(&heard)));
            }
        });
        Self {
            app,
            base,
            said,
            home: TempDir::new().unwrap(),
            _running: running,
        }
    }

    async fn publish(&self, title: &str, published: &str) {
        let source = self.app.source().await;
        let drafts = vec![Draft {
            title: title.to_owned(),
            published: published.parse::<DateTime<FixedOffset>>().ok(),
            ..draft(&format!("n{}", title.len()), &["економіка"])
        }];
        self.app.take_in(&source, drafts).await;
        self.app.wait(chrono::TimeDelta::seconds(1));
    }

    /// What was said since the last time: requests and answers, bodies and all.
    fn said(&self) -> String {
        std::mem::take(&mut self.said.lock().unwrap())
    }

    async fn body(&self, format: &str) -> String {
        let page = Browser::of(&self.app).get(&format!("/feed.{format}")).await;
        page.body
    }

    /// As the JSON feed has them, by their date of publication.
    async fn entries(&self) -> BTreeSet<Entry> {
        self.entries_by("date_published").await
    }

    async fn entries_by(&self, date: &str) -> BTreeSet<Entry> {
        let feed: Value = serde_json::from_str(&self.body("json").await).unwrap();
        let items = feed["items"].as_array().unwrap().iter();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let entries = items.map(|item| Entry {
            id: text(item, "id"),
            title: text(item, "title"),
            link: text(item, "url"),
            seconds: seconds(&text(item, date)),
        });
        entries.collect()
    }

    /// The reader, with nothing but a home of its own.
    fn reader(&self, name: &str, home: &str) -> Command {
        let home = self.home.path().join(home);
        fs::create_dir_all(&home).unwrap();
        let mut reader = Command::new(name);
        reader
            .current_dir(&home)
            .env("HOME", &home)
            .env("LC_ALL", "C.UTF-8");
        for unset in [
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_CACHE_HOME",
            "http_proxy",
        ] {
            reader.env_remove(unset);
        }
        reader
    }

    fn home(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// Passes bytes on, and notes them.
async fn pass_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    said: Arc<Mutex<String>>,
) {
    let mut some = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut some).await {
        said.lock()
            .unwrap()
            .push_str(&String::from_utf8_lossy(&some[..count]));
        if to.write_all(&some[..count]).await.is_err() {
            return;
        }
    }
}

fn joined(title: &str) -> String {
    title.replace(WORD_JOINER, "")
}

fn seconds(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).unwrap().timestamp()
}

fn run(mut command: Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|problem| panic!("{command:?}: {problem}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, problems) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{problems}");
    out
}

fn statuses(said: &str) -> Vec<&str> {
    let answers = said.split("HTTP/1.1 ").skip(1);
    // A request line ends in the same word.
    let codes = answers.filter_map(|answer| answer.split(' ').next());
    codes.filter(|code| code.len() == 3).collect()
}

async fn newsroom() -> Served {
    let served = Served::start().await;
    for (day, title) in TITLES.iter().enumerate() {
        served
            .publish(title, &format!("2023-06-2{day}T17:07:00+03:00"))
            .await;
    }
    served
}

fn newsboat(served: &Served, format: &str) {
    let home = format!("newsboat-{format}");
    let mut reader = served.reader("newsboat", &home);
    let folder = served.home(&home);
    fs::write(
        folder.join("urls"),
        format!("{}/feed.{format}\n", served.base),
    )
    .unwrap();
    fs::write(folder.join("config"), "").unwrap();
    reader.args([
        "-u", "urls", "-c", "cache.db", "-C", "config", "-x", "reload",
    ]);
    run(reader);
}

async fn newsboat_entries(served: &Served, format: &str) -> BTreeSet<Entry> {
    let cache = served.home(&format!("newsboat-{format}")).join("cache.db");
    let mut cache = SqliteConnection::connect(&format!("sqlite://{}", cache.display()))
        .await
        .unwrap();
    let rows: Vec<(String, String, String, i64)> =
        sqlx::query_as("SELECT guid, title, url, pubDate FROM rss_item")
            .fetch_all(&mut cache)
            .await
            .unwrap();
    let entries = rows.into_iter().map(|(id, title, link, seconds)| Entry {
        id,
        title: joined(&title),
        link,
        seconds,
    });
    entries.collect()
}

fn sfeed_lines(served: &Served, body: &str) -> String {
    let mut reader = served.reader("sfeed", "sfeed");
    let mut reading = reader
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reading
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    String::from_utf8(reading.wait_with_output().unwrap().stdout).unwrap()
}

fn sfeed(served: &Served, body: &str) -> BTreeSet<Entry> {
    let lines = sfeed_lines(served, body);
    let entries = lines.lines().map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        Entry {
            id: fields[5].to_owned(),
            title: joined(&decoded(fields[1])),
            link: fields[2].to_owned(),
            seconds: fields[0].parse().unwrap(),
        }
    });
    entries.collect()
}

/// sfeed and feed2exec show a title that says it's HTML as it's written. Ours say so only where
/// others would take them for HTML anyway.
fn decoded(title: &str) -> String {
    let is_html = title.contains("&amp;");
    let decoded = title
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    if is_html { decoded } else { title.to_owned() }
}

fn rss2email(served: &Served, verb: &[&str]) {
    let mut reader = served.reader("r2e", "rss2email");
    reader.args(["-c", "config", "-d", "feeds.json"]).args(verb);
    run(reader);
}

/// What it mailed of a feed.
fn rss2email_letters(served: &Served, feed: &str) -> Vec<Message<'static>> {
    let folder = served.home("rss2email").join("mail/INBOX/new");
    let letters = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap());
    letters
        .map(|letter| {
            MessageParser::default()
                .parse(&letter)
                .unwrap()
                .into_owned()
        })
        .filter(|letter| header(letter, "X-RSS-Feed") == feed)
        .collect()
}

fn header(letter: &Message<'_>, name: &str) -> String {
    let value = letter.header(name).and_then(|value| value.as_text());
    value.unwrap_or_default().trim().to_owned()
}

fn rss2email_entries(served: &Served, feed: &str) -> BTreeSet<Entry> {
    let letters = rss2email_letters(served, feed);
    let entries = letters.iter().map(|letter| Entry {
        id: header(letter, "X-RSS-ID"),
        title: joined(letter.subject().unwrap()),
        link: header(letter, "X-RSS-URL"),
        seconds: letter.date().unwrap().to_timestamp(),
    });
    entries.collect()
}

/// It goes by the date of change, where the format has one.
fn rss2email_date(format: &str) -> &'static str {
    match format {
        "rss" => "date_published",
        _ => "date_modified",
    }
}

fn set_up_rss2email(served: &Served) {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(served.home("rss2email").join("mail/INBOX").join(folder)).unwrap();
    }
    let mail = served.home("rss2email").join("mail");
    let config = format!(
        "[DEFAULT]\nfrom = feeds@example.org\nto = reader@example.org\nforce-from = True\ndate-header = True\n\
         reply-changes = True\nemail-protocol = maildir\nmaildir-path = {}\nmaildir-mailbox = INBOX\n",
        mail.display()
    );
    fs::write(served.home("rss2email").join("config"), config).unwrap();
}

/// Each entry that it hasn't told of before from that home, by a command.
fn feed2exec_lines(served: &Served, home: &str, format: &str, command: &str) -> String {
    let mut reader = served.reader("feed2exec", home);
    let url = format!("{}/feed.{format}", served.base);
    reader.args([
        "--config",
        "config",
        "--database",
        "feeds.db",
        "parse",
        &url,
        "--output",
        "exec",
        "--args",
        command,
    ]);
    run(reader)
}

fn feed2exec(served: &Served, format: &str) -> BTreeSet<Entry> {
    let time = "{item.published_parsed.tm_year:04}-{item.published_parsed.tm_mon:02}-{item.published_parsed.tm_mday:02}\
        T{item.published_parsed.tm_hour:02}:{item.published_parsed.tm_min:02}:{item.published_parsed.tm_sec:02}Z";
    let shown = format!("{{item.id}} {{item.title}} {{item.link}} {time}");
    let command = format!("/usr/bin/printf '%s\\t%s\\t%s\\t%s\\n' {shown}");
    let lines = feed2exec_lines(served, &format!("feed2exec-{format}"), format, &command);
    let entries = lines
        .lines()
        .filter(|line| line.matches('\t').count() == 3)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Entry {
                id: fields[0].to_owned(),
                title: joined(&decoded(fields[1])),
                link: fields[2].to_owned(),
                seconds: seconds(fields[3]),
            }
        });
    entries.collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs feed readers"]
async fn all_readers_tell_the_same_of_every_entry() {
    let served = newsroom().await;
    let entries = served.entries().await;
    let titles: BTreeSet<&str> = entries.iter().map(|entry| entry.title.as_str()).collect();
    assert_eq!(titles, BTreeSet::from(TITLES));
    set_up_rss2email(&served);
    for format in ["rss", "atom"] {
        newsboat(&served, format);
        assert_eq!(
            newsboat_entries(&served, format).await,
            entries,
            "newsboat, {format}"
        );
        assert_eq!(
            sfeed(&served, &served.body(format).await),
            entries,
            "sfeed, {format}"
        );
        let url = format!("{}/feed.{format}", served.base);
        rss2email(&served, &["add", format, &url]);
        rss2email(&served, &["run", format]);
        assert_eq!(
            rss2email_entries(&served, &url),
            served.entries_by(rss2email_date(format)).await,
            "rss2email, {format}"
        );
        assert_eq!(feed2exec(&served, format), entries, "feed2exec, {format}");
    }
    assert_eq!(
        sfeed(&served, &served.body("json").await),
        BTreeSet::new(),
        "a format that it doesn't know"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs feed readers"]
async fn readers_that_ask_again_get_nothing_until_there_is_something_new() {
    let served = newsroom().await;
    set_up_rss2email(&served);
    for format in ["rss", "atom"] {
        let url = format!("{}/feed.{format}", served.base);
        rss2email(&served, &["add", format, &url]);
        rss2email(&served, &["run", format]);
        served.said();
        rss2email(&served, &["run", format]);
        assert_eq!(statuses(&served.said()), ["304"], "rss2email, {format}");
        // It keeps the validators from its second visit on: at the first it has no row for them yet.
        newsboat(&served, format);
        newsboat(&served, format);
        served.said();
        newsboat(&served, format);
        assert_eq!(statuses(&served.said()), ["304"], "newsboat, {format}");
    }
    served
        .publish("Щойно: ще одна новина", "2023-06-27T08:00:00+03:00")
        .await;
    for format in ["rss", "atom"] {
        let url = format!("{}/feed.{format}", served.base);
        served.said();
        rss2email(&served, &["run", format]);
        let said = served.said();
        assert!(said.contains("A-Im: feed\r\n"), "{said}");
        // It would take the 226 that it seems to ask for as an error.
        assert_eq!(statuses(&said), ["200"], "rss2email, {format}");
        assert_eq!(
            rss2email_entries(&served, &url),
            served.entries_by(rss2email_date(format)).await
        );
        rss2email(&served, &["run", format]);
        assert_eq!(statuses(&served.said()), ["304"], "rss2email, {format}");
        newsboat(&served, format);
        assert_eq!(statuses(&served.said()), ["226"], "newsboat, {format}");
        assert_eq!(
            newsboat_entries(&served, format).await,
            served.entries().await
        );
    }
}
