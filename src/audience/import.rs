//! A CSV file of people in, subscriptions out, by the consent that the file's owner names.
//!
//! Columns by their names, in any order: `email`, and if there `name`, `language`, `zone`,
//! `cadence`, `days`, `hour`, `topics` (with `;` between them). A line that can't be used is told by its
//! number, and the others go on. Nobody who has the list is changed, and nobody who left it comes
//! back by a file.

use std::collections::HashMap;
use std::collections::HashSet;
use std::io::Read;

use csv::StringRecord;
use csv::Trim;
use serde::Deserialize;
use serde::Serialize;

use crate::app::App;
use crate::article::TopicKind;
use crate::article::topic;
use crate::audience::EmailAddress;
use crate::audience::consent;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::list::TopicId;
use crate::audience::pace::Beat;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::RhythmId;
use crate::audience::subscription::TopicChoice;
use crate::digest::window;
use crate::store;

/// Problems that are told one by one; the rest is a number.
const TOLD: usize = 1_000;
/// Lines written in one transaction.
const TOGETHER: usize = 5_000;
/// Choices of topics that are remembered from line to line.
const MOST_CHOICES: usize = 10_000;

/// What an import goes by.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where the people come from, for the record: `import people.csv`.
    pub origin: String,
    /// Where their consent is on record.
    pub consent: String,
    /// Our names of columns, and theirs in lower case, where they differ.
    pub columns: Vec<(String, String)>,
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
    days: String,
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
    let columns = columns(reader.headers()?, &terms.columns)?;
    let mut batch = Batch::new(app, list, terms);
    let mut record = StringRecord::new();
    loop {
        let number = reader.position().line();
        let line = match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => record
                .deserialize::<Line>(Some(&columns))
                .map_err(|problem| problem.to_string()),
            Err(problem) => Err(problem.to_string()),
        };
        match line.and_then(|line| line.wish(list, terms)) {
            Ok((wish, topics)) => batch.take(wish, &topics).await?,
            Err(problem) => batch.imported.refuse(&format!("line {number}: {problem}")),
        }
        if batch.lines.len() >= TOGETHER {
            batch.write().await?;
            progress(reader.position().byte());
        }
    }
    batch.write().await?;
    Ok(batch.imported)
}

/// Lines that are written together, and what many of them share.
struct Batch<'a> {
    app: &'a App,
    list: &'a List,
    terms: &'a Terms,
    wording: String,
    lines: Vec<store::import::Line>,
    keys: HashSet<String>,
    rhythms: HashMap<Beat, RhythmId>,
    choices: HashMap<Vec<String>, String>,
    imported: Imported,
}

impl<'a> Batch<'a> {
    fn new(app: &'a App, list: &'a List, terms: &'a Terms) -> Self {
        Self {
            app,
            list,
            terms,
            wording: consent::hash(&terms.consent),
            lines: Vec::with_capacity(TOGETHER),
            keys: HashSet::with_capacity(TOGETHER),
            rhythms: HashMap::new(),
            choices: HashMap::new(),
            imported: Imported {
                dry_run: terms.dry_run,
                ..Imported::default()
            },
        }
    }

    async fn take(&mut self, wish: Wish, topics: &[String]) -> store::Result<()> {
        let key = wish.email.key();
        if !self.keys.insert(key.clone()) {
            self.imported.known += 1;
            return Ok(());
        }
        let (rhythm, choice) = if self.terms.dry_run {
            (RhythmId(0), String::new())
        } else {
            (self.rhythm(&wish).await?, self.choice(topics).await?)
        };
        let mac = self.app.secret.address_mac(&wish.email);
        self.lines.push(store::import::Line(
            wish.email.as_str().to_owned(),
            key,
            mac,
            wish.name,
            wish.language.as_str(),
            wish.zone.name(),
            rhythm,
            choice,
        ));
        Ok(())
    }

    async fn rhythm(&mut self, wish: &Wish) -> store::Result<RhythmId> {
        let choice = (wish.days, wish.hour, wish.zone);
        let beat = self.list.beat(wish.cadence, choice);
        if let Some(known) = self.rhythms.get(&beat) {
            return Ok(*known);
        }
        let next = window::next_beat(beat, self.list.pace.gathering(), self.app.now());
        let mut tx = self.app.db.begin().await?;
        let kept = store::rhythm::keep(&mut tx, self.list.id, beat, next).await?;
        tx.commit().await?;
        self.rhythms.insert(beat, kept);
        Ok(kept)
    }

    async fn choice(&mut self, topics: &[String]) -> store::Result<String> {
        if let Some(known) = self.choices.get(topics) {
            return Ok(known.clone());
        }
        let made = choice(self.app, topics).await?.to_string();
        if self.choices.len() < MOST_CHOICES {
            self.choices.insert(topics.to_vec(), made.clone());
        }
        Ok(made)
    }

    async fn write(&mut self) -> store::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let joined = if self.terms.dry_run {
            let mut tx = self.app.db.read().await?;
            store::import::count_new(&mut tx, self.list.id, &self.lines).await?
        } else {
            self.take_in().await?
        };
        self.imported.added += u64::try_from(joined).unwrap_or_default();
        self.imported.known += u64::try_from(self.lines.len() - joined).unwrap_or_default();
        self.lines.clear();
        if !self.terms.dry_run {
            // The database knows them from here on; a dry run has to remember them itself.
            self.keys.clear();
        }
        Ok(())
    }

    async fn take_in(&self) -> store::Result<usize> {
        let mut tx = self.app.db.begin().await?;
        let evidence = (self.terms.origin.as_str(), self.wording.as_str());
        let now = self.app.now();
        let joined =
            store::import::batch(&mut tx, self.list.id, &self.lines, evidence, now).await?;
        tx.commit().await?;
        Ok(joined)
    }
}

/// The columns' names in lower case, without the mark that Excel puts before the first.
fn columns(
    first: &StringRecord,
    renamed: &[(String, String)],
) -> Result<StringRecord, ImportError> {
    let ours = |name: String| {
        let renamed = renamed.iter().find(|(_, theirs)| *theirs == name);
        renamed.map_or(name, |(ours, _)| ours.clone())
    };
    let names: StringRecord = first
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_lowercase())
        .map(ours)
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

/// A cell without the mark that keeps spreadsheets from taking it for a formula.
fn unguarded(cell: &str) -> &str {
    let bare = cell.strip_prefix('\'');
    bare.filter(|bare| bare.starts_with(['=', '+', '-', '@']))
        .unwrap_or(cell)
}

impl Line {
    fn wish(self, list: &List, terms: &Terms) -> Result<(Wish, Vec<String>), String> {
        let words = |problem: &dyn std::fmt::Display| problem.to_string();
        let email: EmailAddress = unguarded(&self.email)
            .parse()
            .map_err(|problem| words(&problem))?;
        let mut wish = Wish {
            email,
            name: unguarded(&self.name).to_owned(),
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
        if !self.days.is_empty() {
            wish.days = Some(self.days.parse().map_err(|problem| words(&problem))?);
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
