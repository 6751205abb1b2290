//! A CSV file of people in, subscriptions out, by the consent that the file's owner names.
//!
//! Columns by their names, in any order: `email`, and if there `name`, `language`, `zone`,
//! `cadence`, `hour`, `topics` (with `;` between them). A line that can't be used is told by its
//! number, and the others go on. Nobody who has the list is changed, and nobody who left it comes
//! back by a file.

use std::io::Read;

use csv::StringRecord;
use csv::Trim;
use serde::Deserialize;
use serde::Serialize;

use crate::app::App;
use crate::article::TopicKind;
use crate::article::topic;
use crate::audience::EmailAddress;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::list::TopicId;
use crate::audience::sign_up;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::SubscriptionState;
use crate::audience::subscription::TopicChoice;
use crate::store;

/// Problems that are told one by one; the rest is a number.
const TOLD: usize = 1_000;

/// What an import goes by.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where the people come from, for the record: `import people.csv`.
    pub origin: String,
    /// Where their consent is on record.
    pub consent: String,
    /// Say what would happen, and change nothing.
    pub dry_run: bool,
}

/// What an import came to.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Joined, or would.
    pub added: u64,
    /// Had the list already, left it, or must not be written to.
    pub known: u64,
    /// Lines that can't be used, in words; at most a thousand.
    pub problems: Vec<String>,
    /// How many there are in all.
    pub bad: u64,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// Why nothing was imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The first line doesn't name the columns.
    #[error("expected a first line with the column `email`, but got `{0}`")]
    NoEmail(String),
    /// The file can't be read.
    #[error("expected a CSV file, but got: {0}")]
    Csv(#[from] csv::Error),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

#[derive(Debug, Deserialize)]
struct Line {
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    zone: String,
    #[serde(default)]
    cadence: String,
    #[serde(default)]
    hour: String,
    #[serde(default)]
    topics: String,
}

/// Imports a file, telling `progress` the byte it has come to.
pub async fn import(
    app: &App,
    list: &List,
    file: impl Read,
    terms: &Terms,
    mut progress: impl FnMut(u64),
) -> Result<Imported, ImportError> {
    let mut reader = csv::ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let columns = columns(reader.headers()?)?;
    let mut imported = Imported {
        dry_run: terms.dry_run,
        ..Imported::default()
    };
    let mut record = StringRecord::new();
    loop {
        let number = reader.position().line();
        let line = match reader.read_record(&mut record) {
            Ok(false) => return Ok(imported),
            Ok(true) => record
                .deserialize::<Line>(Some(&columns))
                .map_err(|problem| problem.to_string()),
            Err(problem) => Err(problem.to_string()),
        };
        progress(reader.position().byte());
        match line.and_then(|line| line.wish(list, terms)) {
            Ok((wish, topics)) => take(app, list, wish, &topics, &mut imported).await?,
            Err(problem) => imported.refuse(&format!("line {number}: {problem}")),
        }
    }
}

/// The columns' names in lower case, without the mark that Excel puts before the first.
fn columns(first: &StringRecord) -> Result<StringRecord, ImportError> {
    let names: StringRecord = first
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_lowercase())
        .collect();
    if names.iter().any(|name| name == "email") {
        Ok(names)
    } else {
        Err(ImportError::NoEmail(
            first
                .iter()
                .collect::<Vec<_>>()
                .join(",")
                .chars()
                .take(200)
                .collect(),
        ))
    }
}

impl Imported {
    fn refuse(&mut self, problem: &str) {
        self.bad += 1;
        if self.problems.len() < TOLD {
            self.problems.push(problem.to_owned());
        }
    }
}

async fn take(
    app: &App,
    list: &List,
    mut wish: Wish,
    topics: &[String],
    imported: &mut Imported,
) -> store::Result<()> {
    if imported.dry_run {
        imported.added += 1;
        return Ok(());
    }
    if has_left(app, list, &wish.email).await? {
        imported.known += 1;
        return Ok(());
    }
    wish.topics = choice(app, topics).await?;
    match sign_up::enrol(app, list, &wish).await? {
        Some(_) => imported.added += 1,
        None => imported.known += 1,
    }
    Ok(())
}

async fn has_left(app: &App, list: &List, email: &EmailAddress) -> store::Result<bool> {
    let mut tx = app.db.read().await?;
    let Some(subscriber) = store::subscriber::find_by_email(&mut tx, email).await? else {
        return Ok(false);
    };
    let subscriptions = store::subscription::of_subscriber(&mut tx, subscriber.id).await?;
    let ended = SubscriptionState::Ended;
    Ok(subscriptions
        .iter()
        .any(|one| one.list_id == list.id && one.state == ended))
}

/// The topics of these names; a new name becomes a topic.
pub async fn choice(app: &App, names: &[String]) -> store::Result<TopicChoice> {
    if names.is_empty() {
        return Ok(TopicChoice::default());
    }
    let mut tx = app.db.begin().await?;
    let mut ids: Vec<TopicId> = Vec::new();
    for name in names {
        let found = store::topic::find_any(&mut tx, &topic::slug(name)).await?;
        match found {
            Some((id, _)) => ids.push(id),
            None => ids.extend(store::topic::keep(&mut tx, TopicKind::Topic, name).await?),
        }
    }
    tx.commit().await?;
    Ok(TopicChoice::of(ids))
}

impl Line {
    fn wish(self, list: &List, terms: &Terms) -> Result<(Wish, Vec<String>), String> {
        let words = |problem: &dyn std::fmt::Display| problem.to_string();
        let email: EmailAddress = self.email.parse().map_err(|problem| words(&problem))?;
        let mut wish = Wish {
            email,
            name: self.name,
            language: list.language,
            zone: list.zone,
            cadence: list.cadences.first().copied().unwrap_or(Cadence::Daily),
            days: None,
            hour: None,
            topics: TopicChoice::default(),
            origin: terms.origin.clone(),
            wording: terms.consent.clone(),
        };
        if !self.language.is_empty() {
            wish.language = self.language.parse().map_err(|problem| words(&problem))?;
        }
        if !self.zone.is_empty() {
            let bad = |_| {
                format!(
                    "expected a zone such as `Europe/Kyiv`, but got `{}`",
                    self.zone
                )
            };
            wish.zone = self.zone.parse().map_err(bad)?;
        }
        if !self.cadence.is_empty() {
            wish.cadence = self.cadence.parse().map_err(|problem| words(&problem))?;
        }
        if !self.hour.is_empty() {
            wish.hour = Some(self.hour.parse().map_err(|problem| words(&problem))?);
        }
        let topics = self
            .topics
            .split([';', '|'])
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Ok((wish, topics.map(str::to_owned).collect()))
    }
}
