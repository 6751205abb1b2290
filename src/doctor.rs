//! The doctor: looks at everything, changes nothing, and says in words what to do.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::access::oidc;
use crate::app::App;
use crate::config::Destination;
use crate::config::Settings;
use crate::delivery::canary;
use crate::delivery::records;
use crate::delivery::records::Records;
use crate::delivery::records::Sender;
use crate::delivery::records::Standing;
use crate::delivery::smtp::Relay;
use crate::delivery::smtp::Session;
use crate::delivery::smtp::Timeouts;
use crate::delivery::smtp::Trust;
use crate::letter::template;
use crate::source::SourceState;
use crate::store;
use crate::store::template::AsOf;
use crate::templates::samples;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In order.
    Good,
    /// Nobody could say.
    Unknown,
    /// To be put right.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
pub struct Finding {
    /// What.
    pub about: String,
    /// Whether it's in order.
    pub state: State,
    /// In words.
    pub words: String,
}

impl Finding {
    fn new(about: impl Into<String>, found: Result<String, String>) -> Self {
        let (state, words) = match found {
            Ok(words) => (State::Good, words),
            Err(problem) => (State::Bad, problem),
        };
        Self {
            about: about.into(),
            state,
            words,
        }
    }
}

impl From<records::Finding> for Finding {
    fn from((about, standing): records::Finding) -> Self {
        let (state, words) = match standing {
            Standing::Good(words) => (State::Good, words),
            Standing::Unknown(words) => (State::Unknown, words),
            Standing::Bad(words) => (State::Bad, words),
        };
        Self {
            about,
            state,
            words,
        }
    }
}

/// Everything that was looked at, in the order that letters need it. What receivers look up is asked of
/// `dns`, or of the machine's own name servers.
pub async fn examine(app: &App, dns: Option<SocketAddr>) -> anyhow::Result<Vec<Finding>> {
    let mut findings = vec![database(app).await, templates(app).await?];
    findings.extend(relays(&app.settings).await);
    findings.extend(looked_up(app, dns).await?);
    findings.extend(canary(app).await?);
    findings.extend(provider(app).await);
    findings.extend(sources(app).await?);
    Ok(findings)
}

async fn database(app: &App) -> Finding {
    let prepared = app.db.prepare_all().await;
    Finding::new(
        "database",
        prepared.map(|statements| format!("{statements} statements understood")),
    )
}

/// The embedded ones, those of a folder over them, and what owners wrote over these.
async fn templates(app: &App) -> anyhow::Result<Finding> {
    let mut tx = app.db.read().await?;
    let (templates, mut failed) = template::strictly(app, &mut tx, AsOf::NOW).await?;
    drop(tx);
    let (shown, unshown) = samples::show_all(&templates);
    failed.extend(unshown);
    // One fault shows in several samples.
    let mut problems: BTreeSet<String> = failed.iter().map(ToString::to_string).collect();
    problems.extend(samples::faults(&shown).iter().map(ToString::to_string));
    let words = if problems.is_empty() {
        Ok(format!("{} samples written", shown.len()))
    } else {
        let problems: Vec<String> = problems.into_iter().collect();
        Err(problems.join("\n      "))
    };
    Ok(Finding::new("templates", words))
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

/// What receivers look up of the domains that letters are from. Where all letters go into folders,
/// nobody will.
async fn looked_up(app: &App, server: Option<SocketAddr>) -> anyhow::Result<Vec<Finding>> {
    let mail = &app.settings.mail;
    let hosts = mail.relays.iter().filter_map(|relay| match &relay.to {
        Destination::Folder(_) => None,
        Destination::Server(url) => url.expose().host_str().map(str::to_owned),
    });
    let relays: BTreeSet<String> = hosts.collect();
    if relays.is_empty() {
        return Ok(Vec::new());
    }
    let lists = store::list::all(&mut app.db.read().await?).await?;
    let senders = lists.iter().map(|list| list.sender.domain());
    let senders = senders.chain([mail.from.domain()]);
    let sender = Sender {
        from: senders
            .filter(|domain| domain.contains('.'))
            .map(str::to_owned)
            .collect(),
        envelope: mail
            .bounces
            .clone()
            .unwrap_or_else(|| mail.from.domain().to_owned()),
        takes_bounces: mail.bounces.is_some(),
        relays,
    };
    if !sender.envelope.contains('.') {
        let words = format!(
            "`{}` is a name on this machine alone; set `mail.from` before you write to others",
            sender.envelope
        );
        let finding = ("DNS".to_owned(), Standing::Unknown(words));
        return Ok(vec![finding.into()]);
    }
    let found = match Records::asking(server) {
        Ok(records) => records.look(&sender, &app.signers).await,
        Err(problem) => vec![("DNS".to_owned(), Standing::Unknown(problem))],
    };
    Ok(found.into_iter().map(Finding::from).collect())
}

/// Whether the canary gets something, and its mailbox can be looked into.
async fn canary(app: &App) -> anyhow::Result<Option<Finding>> {
    let Some(canary) = &app.settings.mail.canary else {
        return Ok(None);
    };
    let lists = store::canary::lists(&mut app.db.read().await?, &canary.address).await?;
    let found = match canary::open(canary).await {
        _ if lists == 0 => Err(format!(
            "expected {} to get a list, but it gets none: subscribe it as any reader",
            canary.address.as_str()
        )),
        Err(problem) => Err(format!("{problem:#}")),
        Ok(()) => Ok(format!(
            "gets {lists} of the lists, and its mailbox can be read"
        )),
    };
    Ok(Some(Finding::new("canary", found)))
}

/// Whether people can sign in by the provider, as far as it answers by itself.
async fn provider(app: &App) -> Option<Finding> {
    let provider = app.provider.as_deref()?;
    let found = provider.look().await;
    let found = found.map(|()| {
        let back = app.url(oidc::CALLBACK);
        format!("answers, and has keys; it must send people back to {back}")
    });
    let about = format!("provider {}", provider.issuer());
    Some(Finding::new(
        about,
        found.map_err(|problem| problem.to_string()),
    ))
}

async fn sources(app: &App) -> anyhow::Result<Vec<Finding>> {
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
                    "failed {failures} {} in a row: {problem}",
                    if failures == 1 { "time" } else { "times" }
                )),
            ),
            (SourceState::Paused, ..) => Finding::new(about, Ok("paused".into())),
            (_, _, problem) => Finding::new(about, Ok(problem.unwrap_or_else(|| "well".into()))),
        }
    });
    Ok(findings.collect())
}
