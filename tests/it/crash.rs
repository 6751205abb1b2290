//! The binary, killed at any instant and started again: no letter is lost, and what goes twice is
//! the same to the byte.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
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
use visnyk::clock::Clock;
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

/// Letters as they were taken: to whom, and the hash of their bytes.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A server that notes each letter the moment it's whole, and takes its time to say so.
async fn sink(listener: TcpListener, taken: Taken) {
    let mut sessions = JoinSet::new();
    let mut seed = 1;
    while let Ok((tcp, _)) = listener.accept().await {
        seed += 1;
        let (taken, dice) = (Arc::clone(&taken), Dice(seed * 0x9E37_79B9));
        // A client that dies in the middle is what this is about.
        sessions.spawn(async move { drop(session(tcp, &taken, dice).await) });
    }
}

async fn session(tcp: TcpStream, taken: &Taken, mut dice: Dice) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut line = BufReader::new(tcp);
    line.write_all(b"220 sink ESMTP\r\n").await?;
    let mut to = String::new();
    loop {
        let command = read(&mut line).await?;
        let reply = match command.get(..4).unwrap_or_default() {
            b"EHLO" => "250-sink\r\n250 PIPELINING",
            b"RCPT" => {
                to = String::from_utf8_lossy(&command).trim().to_owned();
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
                taken.lock().unwrap().push((to.clone(), hash));
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

fn write_settings(app: &TestApp, listener: &TcpListener) -> PathBuf {
    let config = app.folder.path().join("visnyk.toml");
    let settings = format!(
        "listen = '127.0.0.1:0'\nbase_url = 'https://news.example.org'\n[mail]\nfrom = 'news@example.org'\n\
         [[mail.relay]]\nurl = 'smtp://{}?tls=none'\nconnections = {CONNECTIONS}\n",
        listener.local_addr().unwrap()
    );
    std::fs::write(&config, settings).unwrap();
    config
}

fn visnyk(app: &TestApp, config: &Path, command: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_visnyk"))
        .args(command)
        .arg("--config")
        .arg(config)
        .arg("--data")
        .arg(app.folder.path())
        .env("VISNYK_DATABASE_URL", &app.database.url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until `taken` holds so many letters, or the process has ended.
async fn wait_for(taken: &Taken, letters: usize, process: &mut Child) {
    let mut beat = tokio::time::interval(Duration::from_millis(1));
    let waiting = async {
        while taken.lock().unwrap().len() < letters {
            assert!(process.try_wait().unwrap().is_none(), "ended by itself");
            beat.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting)
        .await
        .expect("letters come within a minute");
}

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
    let config = write_settings(&app, &listener);
    let taken = Taken::default();
    let mut running = JoinSet::new();
    running.spawn(sink(listener, Arc::clone(&taken)));
    let mut dice = Dice(20_261_123);
    for kill in 0..kills {
        // Half of them in `serve`, half in `send`; each gets so many letters further.
        let command: &[&str] = if kill % 2 == 0 { &["serve"] } else { &["send"] };
        let mut process = visnyk(&app, &config, command);
        let before = taken.lock().unwrap().len();
        let further = usize::try_from(dice.below(8)).unwrap();
        wait_for(&taken, before + further, &mut process).await;
        tokio::time::sleep(Duration::from_micros(dice.below(8_000))).await;
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let mut sender = visnyk(&app, &config, &["send", "--until-empty"]);
    let ended = tokio::task::spawn_blocking(move || sender.wait().unwrap());
    let status = tokio::time::timeout(Duration::from_mins(5), ended).await;
    assert_eq!(status.unwrap().unwrap().code(), Some(0));
    check_what_was_taken(&taken, readers, kills * CONNECTIONS);
    check_database(&app.database.url, readers).await;
}

fn check_what_was_taken(taken: &Taken, readers: usize, most: usize) {
    let taken = taken.lock().unwrap().clone();
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
    let counts = store::letter::counts(&mut db.read().await.unwrap())
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
    let config = write_settings(&app, &listener);
    let taken = Taken::default();
    let mut running = JoinSet::new();
    running.spawn(sink(listener, Arc::clone(&taken)));
    let mut workers: Vec<Child> = (0..3).map(|_| visnyk(&app, &config, &["send"])).collect();
    wait_for(&taken, 60, &mut workers[2]).await;
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
    check_what_was_taken(&taken, READERS, 2 * CONNECTIONS);
    check_database(&app.database.url, READERS).await;
}

fn signal(process: &Child, signal: Signal) {
    let pid = Pid::from_child(process);
    rustix::process::kill_process(pid, signal).unwrap();
}
