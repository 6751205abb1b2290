//! The binary, killed at any instant and started again: no letter is lost, and what goes twice is
//! the same to the byte.
//!
//! [`points`] kills it at each step of a letter's way and says what must follow; here it's killed
//! wherever it happens to be, many times over.

mod boot;
mod points;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use rustix::process::Pid;
use rustix::process::Signal;
use sqlx::Row;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use visnyk::audience::list::List;
use visnyk::clock::Clock;
use visnyk::clock::Stamp;
use visnyk::clock::SystemClock;
use visnyk::letter::LetterState;
use visnyk::store;
use visnyk::store::Db;

use crate::support::app::TestApp;
use crate::support::database::Kind;

const CONNECTIONS: usize = 4;

/// How often it's killed; a thousand times when the environment asks for a soak.
fn kills() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a soak is asked for by hand")]
    let asked = std::env::var("VISNYK_TEST_KILLS");
    asked.map_or(60, |kills| kills.parse().expect("a number"))
}

/// A sequence that looks random and is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A letter as it was taken: to whom, and the hash of its bytes.
type Taken = (String, Vec<u8>);

/// What a server has taken.
#[derive(Default)]
struct Sink {
    letters: Mutex<Vec<Taken>>,
    /// Sessions that haven't ended: they may still take a letter of a process that is dead.
    open: AtomicUsize,
}

impl Sink {
    fn len(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    fn letters(&self) -> Vec<Taken> {
        self.letters.lock().unwrap().clone()
    }

    /// To whom letters went from the `first` on.
    fn since(&self, first: usize) -> Vec<String> {
        let letters = self.letters.lock().unwrap();
        letters[first..].iter().map(|(to, _)| to.clone()).collect()
    }

    /// Waits until every session has heard that its client is gone.
    async fn rest(&self) {
        let mut beat = tokio::time::interval(Duration::from_millis(1));
        while self.open.load(Ordering::Acquire) > 0 {
            beat.tick().await;
        }
    }
}

/// A server that notes each letter the moment it's whole, and takes its time to say so.
async fn serve(listener: TcpListener, sink: Arc<Sink>) {
    let mut sessions = JoinSet::new();
    let mut seed = 1;
    while let Ok((tcp, _)) = listener.accept().await {
        seed += 1;
        sink.open.fetch_add(1, Ordering::AcqRel);
        let (sink, dice) = (Arc::clone(&sink), Dice(seed * 0x9E37_79B9));
        sessions.spawn(async move {
            // A client that dies in the middle is what this is about.
            drop(session(tcp, &sink, dice).await);
            sink.open.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

async fn session(tcp: TcpStream, sink: &Sink, mut dice: Dice) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut line = BufReader::new(tcp);
    line.write_all(b"220 sink ESMTP\r\n").await?;
    let mut to = String::new();
    loop {
        let command = read(&mut line).await?;
        let reply = match command.get(..4).unwrap_or_default() {
            b"EHLO" => "250-sink\r\n250 PIPELINING",
            b"RCPT" => {
                to = address(&String::from_utf8_lossy(&command));
                "250 ok"
            }
            b"DATA" => {
                line.write_all(b"354 go on\r\n").await?;
                let mut letter = Vec::new();
                loop {
                    let text = read(&mut line).await?;
                    if text == b".\r\n" {
                        break;
                    }
                    letter.extend(text);
                }
                let hash = digest(&SHA256, &letter).as_ref().to_vec();
                sink.letters.lock().unwrap().push((to.clone(), hash));
                tokio::time::sleep(Duration::from_millis(dice.below(13))).await;
                "250 taken"
            }
            b"QUIT" => "221 bye",
            _ => "250 ok",
        };
        line.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

async fn read(line: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match line.read_until(b'\n', &mut text).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(text),
    }
}

/// What stands between `<` and `>`.
fn address(command: &str) -> String {
    let inside = command
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}

fn write_settings(app: &TestApp, server: SocketAddr, connections: usize) -> PathBuf {
    let config = app.folder.path().join("visnyk.toml");
    let settings = format!(
        "listen = '127.0.0.1:0'\nbase_url = 'https://news.example.org'\n[mail]\nfrom = 'news@example.org'\n\
         [[mail.relay]]\nurl = 'smtp://{server}?tls=none'\nconnections = {connections}\n\
         [log]\nformat = 'json'\n"
    );
    std::fs::write(&config, settings).unwrap();
    config
}

fn visnyk(app: &TestApp, config: &Path, command: &[&str]) -> Child {
    arranged(app, config, command).spawn().unwrap()
}

fn arranged(app: &TestApp, config: &Path, command: &[&str]) -> Command {
    let mut arranged = Command::new(env!("CARGO_BIN_EXE_visnyk"));
    arranged
        .args(command)
        .arg("--config")
        .arg(config)
        .arg("--data")
        .arg(app.folder.path())
        .env("VISNYK_DATABASE_URL", &app.database.url)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    arranged
}

/// Sends all there is, and comes home.
async fn finish(app: &TestApp, config: &Path) {
    let mut sender = visnyk(app, config, &["send", "--until-empty"]);
    let ended = tokio::task::spawn_blocking(move || sender.wait().unwrap());
    let status = tokio::time::timeout(Duration::from_mins(5), ended).await;
    assert_eq!(status.unwrap().unwrap().code(), Some(0));
}

/// Waits until the server has so many letters.
async fn wait_for(sink: &Sink, letters: usize, process: &mut Child) {
    let mut beat = tokio::time::interval(Duration::from_millis(1));
    let waiting = async {
        while sink.len() < letters {
            assert!(process.try_wait().unwrap().is_none(), "ended by itself");
            beat.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting)
        .await
        .expect("letters come within a minute");
}

/// Whose letters are accepted by a dead process's records, of those finished since a moment. A copy
/// is read, so that the files are as it left them.
async fn recorded(app: &TestApp, since: Stamp) -> BTreeSet<String> {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    for (path, bytes) in app.database_files() {
        let name = Path::new(&path).file_name().unwrap().to_owned();
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let url = format!("sqlite://{}/visnyk.db", folder.path().display());
    let db = Db::open(&url).await.unwrap();
    let Db::Sqlite { read, .. } = &db else {
        unreachable!()
    };
    let rows = sqlx::query(
        "SELECT r.email FROM letter l JOIN subscriber r ON r.id = l.subscriber_id
         WHERE l.state = 'accepted' AND l.finished_at >= $1",
    )
    .bind(since)
    .fetch_all(read)
    .await
    .unwrap();
    let emails = rows.iter().map(|row| row.get(0)).collect();
    db.close().await;
    emails
}

/// After each kill: at most a letter a connection was taken and isn't on record. What is on record
/// is never taken again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_it_loses_no_letter_and_repeats_few_to_the_byte() {
    let app = TestApp::new().await;
    app.wait(SystemClock.now() - app.now());
    let list = app.add_list("news").await;
    let kills = kills();
    let readers = kills * 24 + 100;
    app.enrol(&list, readers).await;
    app.queue_digest(&list, "Новина-1").await;
    app.db.close().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = write_settings(&app, listener.local_addr().unwrap(), CONNECTIONS);
    let sink = Arc::new(Sink::default());
    let mut running = JoinSet::new();
    running.spawn(serve(listener, Arc::clone(&sink)));
    let mut dice = Dice(20_261_123);
    let mut known = BTreeMap::new();
    for kill in 0..kills {
        let begun = SystemClock.now();
        // Half of them in `serve`, half in `send`; each gets so many letters further.
        let command: &[&str] = if kill % 2 == 0 { &["serve"] } else { &["send"] };
        let mut process = visnyk(&app, &config, command);
        let before = sink.len();
        let further = usize::try_from(dice.below(8)).unwrap();
        wait_for(&sink, before + further, &mut process).await;
        tokio::time::sleep(Duration::from_micros(dice.below(8_000))).await;
        process.kill().unwrap();
        process.wait().unwrap();
        sink.rest().await;
        let recorded = recorded(&app, begun).await;
        let taken = sink.since(before);
        let unrecorded = taken.iter().filter(|to| !recorded.contains(*to)).count();
        assert!(
            unrecorded <= CONNECTIONS,
            "kill {kill}: {unrecorded} letters were taken and aren't on record"
        );
        known.extend(recorded.into_iter().map(|to| (to, sink.len())));
    }
    finish(&app, &config).await;
    let again = |(place, (to, _)): &(usize, Taken)| known.get(to).is_some_and(|end| place >= end);
    let repeated = sink.letters().into_iter().enumerate().find(again);
    assert_eq!(repeated, None, "it was on record");
    check_what_was_taken(&sink, readers, kills * CONNECTIONS);
    check_database(&app.database.url, readers).await;
}

fn check_what_was_taken(sink: &Sink, readers: usize, most: usize) {
    let taken = sink.letters();
    let mut letters = BTreeMap::<_, BTreeSet<_>>::new();
    for (to, hash) in &taken {
        letters.entry(to).or_default().insert(hash);
    }
    assert_eq!(letters.len(), readers, "each reader has a letter");
    assert!(
        letters.values().all(|hashes| hashes.len() == 1),
        "repeats are the same to the byte"
    );
    let repeats = taken.len() - readers;
    println!("{repeats} repeats, {most} allowed");
    assert!(repeats <= most, "{repeats} repeats");
}

async fn check_database(url: &str, readers: usize) {
    let db = Db::open(url).await.unwrap();
    let counts = store::ledger::counts(&mut db.read().await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        counts,
        [(LetterState::Accepted, i64::try_from(readers).unwrap())]
    );
    let Db::Sqlite { read, .. } = &db else { return };
    let whole = sqlx::query("PRAGMA integrity_check")
        .fetch_one(read)
        .await
        .unwrap();
    assert_eq!(whole.get::<String, _>(0), "ok");
    let orphans = sqlx::query("PRAGMA foreign_key_check")
        .fetch_all(read)
        .await
        .unwrap();
    assert!(orphans.is_empty());
}

/// Three workers on one database. One is killed, one freezes past its lease and thaws when
/// others have sent its letters: each letter goes, and what goes twice is what they were speaking of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn of_three_workers_one_may_die_and_one_may_freeze() {
    const READERS: usize = 400;
    let app = TestApp::on(Kind::Postgres, []).await;
    app.wait(SystemClock.now() - app.now());
    let list = app.add_list("news").await;
    app.enrol(&list, READERS).await;
    app.queue_digest(&list, "Новина-1").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = write_settings(&app, listener.local_addr().unwrap(), CONNECTIONS);
    let sink = Arc::new(Sink::default());
    let mut running = JoinSet::new();
    running.spawn(serve(listener, Arc::clone(&sink)));
    let mut workers: Vec<Child> = (0..3).map(|_| visnyk(&app, &config, &["send"])).collect();
    wait_for(&sink, 60, &mut workers[2]).await;
    signal(&workers[1], Signal::STOP);
    workers[0].kill().unwrap();
    workers[0].wait().unwrap();
    for worker in &workers[..2] {
        // Their leases end.
        let worker = worker.id();
        app.sql(&format!("UPDATE letter SET leased_until = 0 WHERE state IN ('leased', 'handing') AND worker = 'pid {worker}'"))
            .await;
    }
    let everybody = async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while app.count(LetterState::Accepted).await < READERS {
            beat.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), everybody)
        .await
        .expect("the third worker sends what the others held");
    signal(&workers[1], Signal::CONT);
    for worker in &mut workers[1..] {
        signal(worker, Signal::TERM);
        worker.wait().unwrap();
    }
    // One letter a connection of the dead one and of the frozen one.
    check_what_was_taken(&sink, READERS, 2 * CONNECTIONS);
    check_database(&app.database.url, READERS).await;
}

/// So many readers of a list, at once.
async fn crowd(app: &TestApp, list: &List, readers: usize) {
    app.enrol(list, 1).await;
    app.sql(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= {readers})
         INSERT INTO subscriber (email, email_key, address_mac, name, language, zone, state, created_at)
         SELECT 'r' || i || '@example.net', 'r' || i || '@example.net', 'mac' || i, '', 'uk', 'Europe/Kyiv', 'confirmed', 0
         FROM n WHERE i <= {readers}"
    ))
    .await;
    app.sql(
        "INSERT INTO subscription (subscriber_id, list_id, rhythm_id, topics_key, cursor_seq, state, asked_at, active_at)
         SELECT r.id, s.list_id, s.rhythm_id, '', 0, 'active', 0, 0
         FROM subscriber r, subscription s WHERE s.id = 1 AND r.id > 1",
    )
    .await;
}

fn signal(process: &Child, signal: Signal) {
    let pid = Pid::from_child(process);
    rustix::process::kill_process(pid, signal).unwrap();
}
