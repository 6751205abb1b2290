//! `read`: a dry run. What a source would give, as JSON; stores nothing, needs no database.

use std::io::BufRead;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use url::Url;

use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::fetch::Accept;
use crate::source::fetch::AddressPolicy;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetched;
use crate::source::fetch::Fetcher;
use crate::source::fetch::Request;
use crate::source::read;
use crate::source::read::How;
use crate::source::read::LARGEST_DOCUMENT;

/// Try a source.
#[derive(Debug, clap::Args)]
pub(super) struct Read {
    /// What to take it for.
    #[arg(long, value_enum, default_value_t)]
    kind: SourceKind,
    /// The address it stands for: relative links are resolved by it.
    #[arg(long, value_name = "URL")]
    base: Option<Url>,
    /// The HTTP header it came with.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    selectors: Selectors,
    /// Read the paths on stdin, and print one line of JSON for each, in order.
    #[arg(long, conflicts_with = "input")]
    batch: bool,
    /// A file, an address, or - for stdin.
    #[arg(required_unless_present = "batch", value_name = "FILE|URL|-")]
    input: Option<String>,
}

impl Read {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let settings = common.settings()?;
        if self.batch {
            self.each_path(&settings)?;
            return Ok(ExitCode::SUCCESS);
        }
        let input = self.input.as_deref().unwrap_or("-");
        let reading = match input {
            "-" => self.bytes(&stdin()?, None, None, &settings),
            address if address.starts_with("http://") || address.starts_with("https://") => {
                self.fetched(address, &settings).await?
            }
            path => self.bytes(&file(Path::new(path))?, None, None, &settings),
        };
        out::line(&serde_json::to_string_pretty(&reading).unwrap_or_default());
        Ok(if reading.kind.is_some() {
            ExitCode::SUCCESS
        } else {
            Exit::Data.code()
        })
    }

    fn each_path(&self, settings: &Settings) -> Result<(), Failure> {
        for path in std::io::stdin().lock().lines() {
            let path =
                path.map_err(|problem| Failure::new(Exit::NoInput, format!("stdin: {problem}")))?;
            let reading = match std::fs::read(path.trim()) {
                Ok(bytes) => self.bytes(&bytes, None, None, settings),
                Err(problem) => Reading::unread(format!(
                    "expected a file that can be read, but got: {problem}"
                )),
            };
            out::line(&serde_json::to_string(&reading).unwrap_or_default());
        }
        Ok(())
    }

    fn bytes(
        &self,
        bytes: &[u8],
        content_type: Option<&str>,
        base: Option<&Url>,
        settings: &Settings,
    ) -> Reading {
        let document = read::Document {
            bytes,
            content_type: self.content_type.as_deref().or(content_type),
            base: self.base.as_ref().or(base),
        };
        let (zone, now) = (settings.site.zone, SystemClock.now());
        read::read(
            &document,
            &How {
                kind: self.kind,
                selectors: &self.selectors,
                zone,
                now,
            },
        )
    }

    async fn fetched(&self, address: &str, settings: &Settings) -> Result<Reading, Failure> {
        let url: SourceUrl = address
            .parse()
            .map_err(|problem| Failure::new(Exit::Usage, format!("{problem}")))?;
        let policy = AddressPolicy::allowing(
            settings
                .ingest
                .allow
                .iter()
                .copied()
                .map(Into::into)
                .collect(),
        );
        let fetcher =
            Fetcher::new(policy, &settings.base_url).map_err(|problem| unavailable(&problem))?;
        let request = Request {
            url: &url,
            validators: None,
            accept: Accept::Source,
            now: SystemClock.now(),
        };
        let Fetched::Document(document) = fetcher
            .get(&request)
            .await
            .map_err(|problem| unavailable(&problem))?
        else {
            return Err(Failure::new(
                Exit::Unavailable,
                "expected a document, but got 304",
            ));
        };
        let base = Url::parse(document.final_url.as_str()).ok();
        Ok(self.bytes(
            &document.bytes,
            document.content_type.as_deref(),
            base.as_ref(),
            settings,
        ))
    }
}

fn unavailable(problem: &FetchError) -> Failure {
    Failure::new(Exit::Unavailable, problem.to_string())
}

fn stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST_DOCUMENT)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = std::io::stdin().lock().take(most).read_to_end(&mut bytes);
    read.map_err(|problem| Failure::new(Exit::NoInput, format!("stdin: {problem}")))?;
    Ok(bytes)
}

fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|problem| Failure::new(Exit::NoInput, format!("`{}`: {problem}", path.display())))
}
