//! `source`: where news comes from.

mod add;

use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Subcommand;

use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::clock::Stamp;
use crate::feed::opml;
use crate::feed::opml::Outline;
use crate::source;
use crate::source::Selectors;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::source::poll;
use crate::source::poll::Polled;
use crate::store;
use crate::store::source::NewSource;

/// Where news comes from.
#[derive(Debug, Subcommand)]
pub(super) enum Source {
    /// Add a source; the first poll follows within seconds if `serve` runs.
    Add(Box<add::Add>),
    /// All sources and how they are.
    List,
    /// One source.
    Show {
        /// Its number.
        id: i64,
    },
    /// Poll one source now, or all of them.
    Poll {
        /// Its number.
        id: Option<i64>,
    },
    /// Stop polling a source; `--resume` starts again.
    Pause {
        /// Its number.
        id: i64,
        /// Poll it again from now on.
        #[arg(long)]
        resume: bool,
    },
    /// Add every feed of an OPML file, as feed readers export it.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Print all sources as OPML.
    Export,
    /// Forget a source; its articles stay.
    Remove {
        /// Its number.
        id: i64,
    },
}

/// A source as it's shown.
#[derive(Debug, serde::Serialize)]
struct Shown {
    id: SourceId,
    name: String,
    url: String,
    kind: SourceKind,
    state: SourceState,
    last_good_at: Option<String>,
    next_poll_at: String,
    failures: i64,
    problem: Option<String>,
    /// Articles that wait for a person; only told of one source.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<i64>,
}

impl Source {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(add) => add.run(common).await?,
            Self::List => list(common).await?,
            Self::Show { id } => show(common, SourceId(id)).await?,
            Self::Poll { id } => return poll_now(common, id.map(SourceId)).await,
            Self::Pause { id, resume } => pause(common, SourceId(id), resume).await?,
            Self::Import { file } => import(common, &file).await?,
            Self::Export => export(common).await?,
            Self::Remove { id } => remove(common, SourceId(id)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The front page of a source's site.
fn home(url: &SourceUrl) -> String {
    let url = url::Url::parse(url.as_str()).ok();
    let front = url.and_then(|url| url.join("/").ok());
    front.map(String::from).unwrap_or_default()
}

async fn list(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let sources = store::source::all(&mut app.db.read().await?).await?;
    let shown: Vec<Shown> = sources.into_iter().map(shown).collect();
    common.out().give(&shown, |shown| {
        let rows: Vec<Vec<String>> = shown.iter().map(row).collect();
        out::table(
            &["id", "name", "state", "last good", "next poll", "problem"],
            &rows,
            NO_SOURCES,
        )
    });
    Ok(())
}

const NO_SOURCES: &str = "there are no sources yet: visnyk source add URL";

fn row(source: &Shown) -> Vec<String> {
    let state = if source.failures > 0 {
        "failing".to_owned()
    } else {
        format!("{:?}", source.state).to_lowercase()
    };
    vec![
        source.id.0.to_string(),
        source.name.clone(),
        state,
        source
            .last_good_at
            .clone()
            .unwrap_or_else(|| "never".to_owned()),
        source.next_poll_at.clone(),
        source.problem.clone().unwrap_or_default(),
    ]
}

fn shown(source: source::Source) -> Shown {
    let moment = |stamp: Stamp| stamp.utc().format("%Y-%m-%d %H:%M:%SZ").to_string();
    Shown {
        id: source.id,
        name: source.name,
        url: source.url.to_string(),
        kind: source.kind,
        state: source.state,
        last_good_at: source.last_good_at.map(moment),
        next_poll_at: moment(source.next_poll_at),
        failures: source.failures,
        problem: source.problem,
        held: None,
    }
}

async fn show(common: &Common, id: SourceId) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.read().await?;
    let source = store::source::find(&mut tx, id).await?;
    let source = source.ok_or_else(|| Failure::missing("source", id.0, "source list"))?;
    let held = store::held::count(&mut tx, id).await?;
    let shown = Shown {
        held: Some(held),
        ..shown(source)
    };
    common.out().give(&shown, |source| {
        let problem = source.problem.as_deref().unwrap_or("none");
        let waiting = if held > 0 {
            format!(
                "\n{held} articles wait: visnyk article list --source {0} --held, then \
                 article publish --source {0} --held, or article drop --source {0} --held",
                id.0
            )
        } else {
            String::new()
        };
        let told = format!(
            "{} — {}\naddress: {}\nlast good: {}\nnext poll: {}\nproblem: {problem}",
            source.id.0,
            source.name,
            source.url,
            source.last_good_at.as_deref().unwrap_or("never"),
            source.next_poll_at,
        );
        told + &waiting
    });
    Ok(())
}

async fn poll_now(common: &Common, id: Option<SourceId>) -> Result<ExitCode, Failure> {
    let app = common.open().await?;
    let sources = match id {
        None => store::source::all(&mut app.db.read().await?).await?,
        Some(id) => {
            let source = store::source::find(&mut app.db.read().await?, id).await?;
            vec![source.ok_or_else(|| Failure::missing("source", id.0, "source list"))?]
        }
    };
    let mut code = ExitCode::SUCCESS;
    let mut polls = Vec::new();
    for source in sources {
        let (id, name) = (source.id, source.name.clone());
        let polled = poll::poll(&app, source).await?;
        if matches!(polled, Polled::Failed { .. }) {
            code = Exit::Unavailable.code();
        }
        common
            .out()
            .say(format!("{} — {name}: {}", id.0, words(&polled)));
        polls.push(serde_json::json!({ "id": id, "poll": polled }));
    }
    if common.json {
        common.out().give(&polls, |_| String::new());
    }
    Ok(code)
}

fn words(polled: &Polled) -> String {
    match polled {
        Polled::Unchanged => "nothing new".to_owned(),
        Polled::Failed { problem } => format!("failed: {problem}"),
        Polled::Read { taken, problems } => {
            let told = problems.iter().map(|problem| format!("\n  {problem}"));
            let counts = [
                (taken.new, "new"),
                (taken.edited, "edited"),
                (taken.same, "as they were"),
                (taken.held, "held"),
                (taken.withdrawn, "withdrawn"),
            ];
            let counts = counts.iter().enumerate();
            let counts = counts.filter(|(place, (count, _))| *place < 3 || *count > 0);
            let counts: Vec<String> = counts
                .map(|(_, (count, word))| format!("{count} {word}"))
                .collect();
            let counts = counts.join(", ");
            std::iter::once(counts).chain(told).collect()
        }
    }
}

async fn pause(common: &Common, id: SourceId, resume: bool) -> Result<(), Failure> {
    let app = common.open().await?;
    let (state, word) = if resume {
        (SourceState::Active, "polled again")
    } else {
        (SourceState::Paused, "paused")
    };
    let mut tx = app.db.begin().await?;
    let found = store::source::set_state(&mut tx, id, state, app.now()).await?;
    tx.commit().await?;
    if !found {
        return Err(Failure::missing("source", id.0, "source list"));
    }
    common
        .out()
        .give(&serde_json::json!({ "id": id, "state": state }), |_| {
            format!("source {} is {word}", id.0)
        });
    Ok(())
}

async fn import(common: &Common, file: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(file).map_err(|problem| {
        Failure::new(Exit::NoInput, format!("`{}`: {problem}", file.display()))
    })?;
    let feeds = opml::read(&bytes);
    if feeds.is_empty() {
        let words = format!(
            "expected OPML with feeds in it, but got none in `{}`",
            file.display()
        );
        return Err(Failure::new(Exit::Data, words));
    }
    let app = common.open().await?;
    let (mut added, mut known, mut problems) = (0_u64, 0_u64, Vec::new());
    let mut tx = app.db.begin().await?;
    for (title, address) in feeds {
        let url: SourceUrl = match address.parse() {
            Ok(url) => url,
            Err(problem) => {
                problems.push(problem.to_string());
                continue;
            }
        };
        let name = if title.is_empty() { url.host() } else { title };
        let every = TimeDelta::minutes(15);
        let new = NewSource {
            url,
            kind: SourceKind::Feed,
            name,
            selectors: Selectors::default(),
            every,
        };
        match store::source::add(&mut tx, &new, app.now()).await? {
            Some(_) => added += 1,
            None => known += 1,
        }
    }
    tx.commit().await?;
    let shown = serde_json::json!({ "added": added, "known": known, "problems": problems });
    common.out().give(&shown, |_| {
        let lines = problems.iter().map(|problem| format!("\n{problem}"));
        let counts = format!(
            "{} added, {known} there already",
            out::count(added, "source", "sources")
        );
        std::iter::once(counts).chain(lines).collect()
    });
    Ok(())
}

async fn export(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let sources = store::source::all(&mut app.db.read().await?).await?;
    let outlines: Vec<Outline> = sources
        .into_iter()
        .map(|source| Outline {
            title: source.name,
            xml_url: source.url.to_string(),
            html_url: home(&source.url),
            language: app.settings.site.language.clone(),
        })
        .collect();
    let opml = opml::write(&app.settings.site.name, &outlines).map_err(Failure::ours)?;
    out::line(&String::from_utf8_lossy(&opml));
    Ok(())
}

async fn remove(common: &Common, id: SourceId) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.begin().await?;
    let found = store::source::remove(&mut tx, id).await?;
    tx.commit().await?;
    if !found {
        return Err(Failure::missing("source", id.0, "source list"));
    }
    common
        .out()
        .give(&serde_json::json!({ "removed": id }), |_| {
            format!("source {} is forgotten; its articles stay", id.0)
        });
    Ok(())
}
