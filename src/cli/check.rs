//! `check`: the doctor. Looks at everything, changes nothing, and says what to do.

use std::process::ExitCode;
use std::time::Duration;

use crate::app::App;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::config::Destination;
use crate::config::Settings;
use crate::delivery::smtp::Relay;
use crate::delivery::smtp::Session;
use crate::delivery::smtp::Timeouts;
use crate::delivery::smtp::Trust;
use crate::source::SourceState;
use crate::store;
use crate::templates::samples;

/// The doctor.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Only ask the running server whether it's alive: for containers.
    #[arg(long)]
    alive: bool,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
struct Finding {
    /// What.
    about: String,
    /// Whether it's in order.
    good: bool,
    /// In words.
    words: String,
}

impl Finding {
    fn new(about: impl Into<String>, found: Result<String, String>) -> Self {
        let good = found.is_ok();
        Self {
            about: about.into(),
            good,
            words: found.unwrap_or_else(|problem| problem),
        }
    }
}

impl Check {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let settings = common.settings()?;
        if self.alive {
            return alive(&settings).await;
        }
        let app = common.open().await?;
        let mut findings = vec![database(&app).await, templates(&app)];
        findings.extend(relays(&settings).await);
        findings.extend(sources(&app).await?);
        let bad = findings.iter().any(|finding| !finding.good);
        common.out().give(&findings, |findings| {
            let lines = findings.iter().map(|finding| {
                let mark = if finding.good { "good" } else { "BAD " };
                format!("{mark}  {}: {}\n", finding.about, finding.words)
            });
            lines.collect()
        });
        Ok(if bad {
            Exit::Unavailable.code()
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Asks over TCP, as a stranger would, with the few words that HTTP needs.
async fn alive(settings: &Settings) -> Result<ExitCode, Failure> {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    let mut address = settings.listen;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head == *b"HTTP/1.1 200")
    };
    match tokio::time::timeout(Duration::from_secs(5), ask).await {
        Ok(Ok(true)) => Ok(ExitCode::SUCCESS),
        _ => Err(Failure::new(
            Exit::Unavailable,
            format!("nothing healthy answers at {address}"),
        )),
    }
}

async fn database(app: &App) -> Finding {
    let prepared = app.db.prepare_all().await;
    Finding::new(
        "database",
        prepared.map(|statements| format!("{statements} statements understood")),
    )
}

fn templates(app: &App) -> Finding {
    let (shown, problems) = samples::show_all(&app.templates);
    let words = problems.first().map_or_else(
        || Ok(format!("{} samples written", shown.len())),
        |problem| Err(problem.to_string()),
    );
    Finding::new("templates", words)
}

/// A relay is asked as far as AUTH; no letter is begun.
async fn relays(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for relay in &settings.mail.relays {
        findings.push(match &relay.to {
            Destination::Folder(folder) => Finding::new(
                "mail",
                Ok(format!(
                    "letters are written into {}, and go no further",
                    folder.display()
                )),
            ),
            Destination::Server(url) => {
                let relay: Result<Relay, _> = url.expose().as_str().parse();
                match relay {
                    Ok(relay) => {
                        Finding::new(format!("relay {}", relay.address()), greet(&relay).await)
                    }
                    Err(problem) => Finding::new("relay", Err(problem.to_string())),
                }
            }
        });
    }
    findings
}

async fn greet(relay: &Relay) -> Result<String, String> {
    let trust = Trust::native().map_err(|problem| problem.to_string())?;
    match Session::open(relay, &Timeouts::default(), &trust).await {
        Ok(session) => {
            session.quit().await;
            Ok("greets us, and takes our name and password".to_owned())
        }
        Err(attempt) => Err(format!("at {}: {}", attempt.phase, attempt.text)),
    }
}

async fn sources(app: &App) -> Result<Vec<Finding>, Failure> {
    let sources = store::source::all(&mut app.db.read().await?).await?;
    if sources.is_empty() {
        return Ok(vec![Finding::new(
            "sources",
            Ok("none yet: visnyk source add URL".to_owned()),
        )]);
    }
    let findings = sources.into_iter().map(|source| {
        let about = format!("source {} {}", source.id.0, source.name);
        match (source.state, source.failures, source.problem) {
            (SourceState::Gone, ..) => Finding::new(
                about,
                Err("gone for good (410); `visnyk source remove` forgets it".into()),
            ),
            (_, failures, Some(problem)) if failures > 0 => Finding::new(
                about,
                Err(format!(
                    "failed {} in a row: {problem}",
                    out::count(failures, "time", "times")
                )),
            ),
            (SourceState::Paused, ..) => Finding::new(about, Ok("paused".into())),
            (_, _, problem) => Finding::new(about, Ok(problem.unwrap_or_else(|| "well".into()))),
        }
    });
    Ok(findings.collect())
}
