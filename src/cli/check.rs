//! `check`: what the doctor finds, and whether a server is alive.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::config::Settings;
use crate::doctor;
use crate::doctor::State;

/// The doctor.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Only ask the running server whether it's alive: for containers.
    #[arg(long)]
    alive: bool,
    /// Ask this name server for what receivers will look up, instead of the machine's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
}

impl Check {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let settings = common.settings()?;
        if self.alive {
            return alive(&settings).await;
        }
        let app = common.open().await?;
        let findings = doctor::examine(&app, self.dns).await?;
        let bad = findings.iter().any(|finding| finding.state == State::Bad);
        common.out().give(&findings, |findings| {
            let lines = findings.iter().map(|finding| {
                let mark = match finding.state {
                    State::Good => "good",
                    State::Unknown => "?   ",
                    State::Bad => "BAD ",
                };
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
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
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
