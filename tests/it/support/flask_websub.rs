//! Flask-WebSub, somebody else's subscriber, publisher and hub, and a Visnyk that it can reach.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use visnyk::web;

use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::mail_server::Certificate;

/// A Visnyk on a port, by https: Flask-WebSub tells its secrets to no other hub.
pub(crate) struct Served {
    pub(crate) app: TestApp,
    pub(crate) base: String,
    certificate: Certificate,
    _running: JoinSet<()>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://{}", door.local_addr().unwrap());
        let app = TestApp::on(Kind::Sqlite, [("VISNYK_BASE_URL", base.as_str())]).await;
        let certificate = Certificate::of("127.0.0.1", false);
        let acceptor = certificate.acceptor();
        let at = inside.local_addr().unwrap();
        let served = app.app.clone();
        let mut running = JoinSet::new();
        running.spawn(async move { web::serve(served, inside).await.unwrap() });
        running.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((peer, _)) = door.accept().await {
                let acceptor = acceptor.clone();
                talks.spawn(async move {
                    // Whoever doesn't speak TLS is sent away.
                    let Ok(mut peer) = acceptor.accept(peer).await else {
                        return;
                    };
                    let mut us = TcpStream::connect(at).await.unwrap();
                    tokio::io::copy_bidirectional(&mut peer, &mut us).await.ok();
                });
            }
        });
        Self {
            app,
            base,
            certificate,
            _running: running,
        }
    }
}

/// Flask-WebSub in a process of its own. It ends when this is dropped.
pub(crate) struct FlaskWebSub {
    pub(crate) url: String,
    process: Child,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl FlaskWebSub {
    /// One that believes in our certificate.
    pub(crate) fn start(served: &Served) -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("root.pem");
        std::fs::write(&root, pem(&served.certificate.root)).unwrap();
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/flask_websub_peer.py");
        let mut process = Command::new("python3")
            .arg(script)
            .arg(folder.path())
            .env("REQUESTS_CA_BUNDLE", root)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut peer = Self {
            url: String::new(),
            asked: process.stdin.take().unwrap(),
            said: BufReader::new(process.stdout.take().unwrap()),
            process,
            _folder: folder,
        };
        peer.url = done(peer.answer()).as_str().unwrap().to_owned();
        peer
    }

    /// What a command gives.
    pub(crate) fn ask(&mut self, command: &Value) -> Value {
        done(self.try_to(command))
    }

    /// What a command says, even if it can't be done.
    pub(crate) fn try_to(&mut self, command: &Value) -> Value {
        writeln!(self.asked, "{command}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "is Flask-WebSub installed for python3?");
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for FlaskWebSub {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn done(mut answer: Value) -> Value {
    assert_eq!(answer["problem"], Value::Null);
    answer["done"].take()
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
