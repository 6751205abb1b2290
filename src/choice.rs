//! What owners choose for their newsroom: its name, zone and sender, and whether its letters are signed.
//!
//! Whoever asks, in the console, by the API or at the command line, it's checked here, written down, and
//! in force at once. What the operator's file or environment says isn't theirs to choose.

use std::fs;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use serde_json::Map;
use serde_json::Value;

use crate::app;
use crate::app::App;
use crate::config::Choice;
use crate::config::Chosen;
use crate::config::DkimKey;
use crate::letter::dkim;
use crate::letter::dkim::Algorithm;
use crate::letter::dkim::Signer;
use crate::store;
use crate::store::audit::Change;
use crate::store::installation;

/// Characters of a value.
const LONGEST: usize = 500;
/// The name in DNS of the first key of a domain.
const SELECTOR: &str = "v1";

/// A choice that can't be made, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub choice: Choice,
    /// In words.
    pub problem: String,
}

/// Why there is no key for letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The sender isn't of a domain.
    #[error(
        "expected a sender of a domain, such as `news@example.org`, but got `{0}`: set `mail.from` first"
    )]
    Nowhere(String),
    /// There is one.
    #[error("letters from {0} are signed already")]
    Signed(String),
}

/// Chooses; an empty text takes a choice back. All of it, or nothing and what is wrong with it.
pub async fn choose(
    app: &App,
    by: Change,
    wishes: &[(Choice, String)],
) -> store::Result<Result<(), Vec<Refused>>> {
    let app = app.current();
    let changed = |(choice, text): &&(Choice, String)| choice.said(&app.settings) != *text;
    let wishes: Vec<&(Choice, String)> = wishes.iter().filter(changed).collect();
    let refused = refused(&app, &wishes);
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    if wishes.is_empty() {
        return Ok(Ok(()));
    }
    let (mut was, mut became) = (Map::new(), Map::new());
    let mut tx = app.db.begin().await?;
    for (choice, text) in wishes {
        let key = choice.key();
        was.insert(key.to_owned(), Value::String(choice.said(&app.settings)));
        became.insert(key.to_owned(), Value::String(text.clone()));
        let value = (!text.is_empty()).then_some(text.as_str());
        installation::choose(&mut tx, key, value, app.now()).await?;
    }
    let change = Change {
        was: Value::Object(was).to_string(),
        became: Value::Object(became).to_string(),
        ..by
    };
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    app.renew().await?;
    Ok(Ok(()))
}

fn refused(app: &App, wishes: &[&(Choice, String)]) -> Vec<Refused> {
    let mut settings = (*app.settings).clone();
    let mut refused = Vec::new();
    let mut chosen = Chosen::new();
    for (choice, text) in wishes {
        let length = text.chars().count();
        let problem = if !settings.leaves(*choice) {
            Some("it's set in the operator's file or environment; change it there".to_owned())
        } else if length > LONGEST {
            Some(format!(
                "expected at most {LONGEST} characters, but got {length}"
            ))
        } else {
            None
        };
        match problem {
            Some(problem) => refused.push((*choice, problem)),
            None if text.is_empty() => {}
            None => drop(chosen.insert(*choice, text.clone())),
        }
    }
    let wrong = settings.choose(&chosen).into_iter();
    refused.extend(wrong.map(|(choice, problem)| (choice, problem.to_string())));
    let refused = refused.into_iter();
    refused
        .map(|(choice, problem)| Refused { choice, problem })
        .collect()
}

/// Whether letters are from a domain, and nothing signs them.
pub fn lacks_key(app: &App) -> bool {
    let domain = app.settings.mail.from.domain();
    domain.contains('.') && !is_signed(app, domain)
}

/// Whether a key of `domain` or of a domain above it signs letters.
fn is_signed(app: &App, domain: &str) -> bool {
    let answers = |signer: &Signer| {
        let rest = domain.strip_suffix(signer.domain());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    app.signers.iter().any(answers)
}

/// Has letters from the sender's domain signed from now on, by a key that is made now unless it's there.
pub async fn sign(app: &App, by: Change) -> anyhow::Result<Result<(), NoKey>> {
    let app = app.current();
    let domain = app.settings.mail.from.domain();
    if !domain.contains('.') {
        return Ok(Err(NoKey::Nowhere(app.settings.mail.from.to_string())));
    }
    if is_signed(&app, domain) {
        return Ok(Err(NoKey::Signed(domain.to_owned())));
    }
    let key = DkimKey::within(&app.settings.data, domain, SELECTOR);
    if !key.key_file.exists() {
        let domain = domain.to_owned();
        let made =
            tokio::task::spawn_blocking(move || dkim::new_key(&domain, SELECTOR, Algorithm::Rsa));
        match keep_key(&key.key_file, &made.await??.pem) {
            // Somebody pressed twice: theirs is as good.
            Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {}
            kept => {
                kept.with_context(|| {
                    format!("the key `{}` can't be made", key.key_file.display())
                })?;
            }
        }
    }
    app::signer(&key)?; // one that was there may be broken
    let mut tx = app.db.begin().await?;
    let name = app::signed(domain);
    installation::choose(&mut tx, &name, Some(SELECTOR), app.now()).await?;
    let became = serde_json::json!({ "domain": domain, "selector": SELECTOR }).to_string();
    store::audit::record(&mut tx, &Change { became, ..by }, app.now()).await?;
    tx.commit().await?;
    app.renew().await?;
    Ok(Ok(()))
}

/// A key is for its owner's eyes, and never written over another.
pub fn keep_key(path: &Path, pem: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()
}
