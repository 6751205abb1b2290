//! Letters' templates as owners write them in the console (FLOW).
//!
//! In comes a text, out come its faults and what letters look like with it. What was saved is in
//! force for every letter and edition made from then on, whichever process writes it; those made
//! before stay as they were, to the byte. A text that nobody found a fault in and that fails after
//! all, say after an upgrade, gives way to what was shipped.

use std::io;
use std::sync::Arc;

use anyhow::Context;
use chrono::TimeDelta;

use crate::access::User;
use crate::app::App;
use crate::article::clean::one_line;
use crate::clock::Stamp;
use crate::letter::LetterPurpose;
use crate::letter::LetterTemplate;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::store::audit::Change;
use crate::store::letter::Leased;
use crate::store::template::AsOf;
use crate::store::template::Version;
use crate::templates::Rendered;
use crate::templates::TemplateError;
use crate::templates::Templates;
use crate::templates::board::Fault;
use crate::templates::samples;
use crate::templates::samples::Shown;

/// Samples that one person is sent in an hour at most, and how long one is worth sending.
const SAMPLES_AN_HOUR: i64 = 20;
const HOUR: TimeDelta = TimeDelta::hours(1);

/// The templates that were in force at a moment: what a letter or an edition made then is written
/// with, however often.
pub async fn at(app: &App, tx: &mut Tx, moment: Stamp) -> anyhow::Result<Arc<Templates>> {
    let then = store::template::as_of(tx, moment).await?;
    if then.is_as_shipped() {
        return Ok(Arc::clone(&app.templates));
    }
    if let Some(known) = app.in_force.find(then) {
        return Ok(known);
    }
    let (templates, failed) = strictly(app, tx, then).await?;
    for problem in failed {
        tracing::error!(problem = problem.to_string(), "template.unreadable");
    }
    let templates = Arc::new(templates.over(&app.templates));
    app.in_force.keep(then, &templates);
    Ok(templates)
}

/// The same for one letter, which a database that won't say mustn't lose.
pub async fn for_letter(app: &App, moment: Stamp) -> Arc<Templates> {
    let known = async { at(app, &mut app.db.read().await?, moment).await };
    known.await.unwrap_or_else(|problem: anyhow::Error| {
        let problem = format!("{problem:#}");
        tracing::error!(problem, "template.unknown");
        Arc::clone(&app.templates)
    })
}

/// The same without what was shipped to fall back on, and what can't be read.
pub async fn strictly(
    app: &App,
    tx: &mut Tx,
    then: AsOf,
) -> anyhow::Result<(Templates, Vec<TemplateError>)> {
    let own = own(store::template::in_force(tx, then).await?);
    Ok(app.templates.with(own)?)
}

fn own(versions: Vec<Version>) -> Vec<(String, String)> {
    let texts = versions
        .into_iter()
        .filter_map(|version| Some((version.template().file(), version.text?)));
    texts.collect()
}

/// What a text comes to.
#[derive(Debug)]
pub struct Trial {
    /// Every sample that could be rendered with it.
    pub shown: Vec<Shown>,
    /// What is wrong with it. Only without any may it be saved.
    pub faults: Vec<Fault>,
}

impl Trial {
    /// What it looks like in a language.
    pub fn first(&self, purpose: LetterPurpose, language: Language) -> Option<&Shown> {
        let name = format!("letters/{}-1.{language}", purpose.as_str());
        self.shown.iter().find(|shown| shown.name == name)
    }
}

/// Renders all samples of a letter with this text in place of one of its templates, the others
/// being as they were then.
pub async fn try_on(
    app: &App,
    (template, text): (LetterTemplate, &str),
    then: AsOf,
) -> anyhow::Result<Trial> {
    let (others, _) = strictly(app, &mut app.db.read().await?, then).await?;
    let text = text.to_owned();
    let trial = tokio::task::spawn_blocking(move || judge(&others, template, &text));
    Ok(trial.await??)
}

fn judge(others: &Templates, template: LetterTemplate, text: &str) -> io::Result<Trial> {
    let file = template.file();
    let (templates, mut failed) = others.with(vec![(file.clone(), text.to_owned())])?;
    let mut shown = Vec::new();
    if failed.is_empty() {
        (shown, failed) = samples::show_letter(&templates, template.purpose.as_str());
    }
    let failed = failed.iter().map(|problem| fault(problem, &file, text));
    let lacks = samples::faults(&shown);
    let lacks = lacks.iter().map(|lack| Fault {
        kind: lack.kind,
        ..Fault::default()
    });
    let mut faults: Vec<Fault> = Vec::new();
    for fault in failed.chain(lacks) {
        // One fault shows in several samples.
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    Ok(Trial { shown, faults })
}

/// What the engine says, and of which line, if it's one of this file's.
fn fault(problem: &TemplateError, file: &str, text: &str) -> Fault {
    let (place, said) = match problem {
        TemplateError::Render { place, reason, .. } => (place.as_str(), reason.clone()),
        other => (file, other.to_string()),
    };
    let line: Option<usize> = place
        .strip_prefix(file)
        .and_then(|rest| rest.strip_prefix(':')?.parse().ok());
    let words = line.and_then(|line| text.lines().nth(line.checked_sub(1)?));
    Fault {
        line,
        text: one_line(words.unwrap_or_default(), 200),
        kind: "engine",
        said: if place.starts_with(file) {
            said
        } else {
            format!("{place}: {said}")
        },
    }
}

/// A template's text as it stands: what was saved last, or what was shipped.
pub async fn text(app: &App, template: LetterTemplate) -> store::Result<String> {
    let mut tx = app.db.read().await?;
    let newest = store::template::versions(&mut tx, template, 1).await?.pop();
    let saved = newest.and_then(|version| version.text);
    Ok(saved.unwrap_or_else(|| shipped(app, template)))
}

/// A template's text as it was shipped.
pub fn shipped(app: &App, template: LetterTemplate) -> String {
    app.templates.source(&template.file()).unwrap_or_default()
}

/// Keeps a text, in which no fault was found, as the next version; without one, what was shipped is in
/// force again. `again` says which version it was before, if it was one; `by` is whoever the log of
/// changes names.
pub async fn keep(
    app: &App,
    template: LetterTemplate,
    (text, again): (Option<&str>, Option<&str>),
    by: &str,
) -> store::Result<()> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let was = store::template::versions(&mut tx, template, 1).await?.pop();
    let who = by.strip_prefix("user ").unwrap_or(by);
    let number = store::template::add(&mut tx, template, text, (who, now)).await?;
    let was = was.map(|was| serde_json::json!({ "version": was.number }).to_string());
    let (action, became) = match again {
        None => ("template.save", serde_json::json!({ "version": number })),
        Some(again) => (
            "template.roll_back",
            serde_json::json!({ "version": number, "again": again }),
        ),
    };
    let change = Change {
        actor: by.to_owned(),
        action,
        subject: format!("template {template}"),
        was: was.unwrap_or_default(),
        became: became.to_string(),
    };
    store::audit::record(&mut tx, &change, now).await?;
    tx.commit().await
}

/// Queues a sample for whoever wrote a text, which isn't in force by that. Says whether they may
/// have one more.
pub async fn send_sample(
    app: &App,
    user: &User,
    (template, text): (LetterTemplate, &str),
) -> store::Result<bool> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let sent =
        store::letter::count_to_user(&mut tx, LetterPurpose::Sample, user.id, now - HOUR).await?;
    if sent >= SAMPLES_AN_HOUR {
        return Ok(false);
    }
    let by = (user.email.as_str(), now);
    let tried = store::template::add_tried(&mut tx, template, text, by).await?;
    store::letter::add_sample(&mut tx, user.id, tried, (now, now + HOUR)).await?;
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(true)
}

/// A sample, as it's sent.
pub async fn sample(app: &App, letter: &Leased, language: Language) -> anyhow::Result<Rendered> {
    let id = letter.template_id.context("the template was forgotten")?;
    let mut tx = app.db.read().await?;
    let tried = store::template::find(&mut tx, id).await?;
    let tried = tried.context("the template was forgotten")?;
    let then = store::template::as_of(&mut tx, letter.made_at).await?;
    drop(tx);
    let text = tried.text.as_deref().unwrap_or_default();
    let trial = try_on(app, (tried.template(), text), then).await?;
    let shown = trial.first(tried.purpose, language);
    let shown = shown.context("the template has faults by now")?;
    let (subject, text) = shown.text.clone().unwrap_or_default();
    Ok(Rendered {
        subject,
        html: shown.html.clone(),
        text,
    })
}
