//! A table of people in, subscriptions out, by the consent that its owner names.
//!
//! [`sheet`] reads the table, [`columns`] says which column is what, [`line`](mod@line) what each row comes
//! to. A row that can't be used is told by its line, and the others go on. Nobody who has the list
//! is changed, and nobody who left it, here or there, comes back by a file.

pub mod columns;
pub mod line;
pub mod sheet;
pub mod upload;

use std::collections::HashMap;
use std::collections::HashSet;
use std::io::Read;

use serde::Serialize;

use crate::app::App;
use crate::article::TopicKind;
use crate::article::topic;
use crate::audience::consent;
use crate::audience::import::columns::BadColumns;
use crate::audience::import::columns::Columns;
use crate::audience::import::columns::Field;
use crate::audience::import::columns::Program;
use crate::audience::import::line::Fate;
use crate::audience::import::line::Why;
use crate::audience::import::sheet::Sheet;
use crate::audience::list::List;
use crate::audience::list::TopicId;
use crate::audience::pace::Beat;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::RhythmId;
use crate::audience::subscription::TopicChoice;
use crate::digest::window;
use crate::store;
use crate::store::Tx;

/// Rows that are told one by one; the rest is a number.
const TOLD: usize = 1_000;
/// Lines written in one transaction.
const TOGETHER: usize = 5_000;
/// Choices of topics that are remembered from line to line.
const MOST_CHOICES: usize = 10_000;

/// What an import goes by.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Where the people come from, for the record: `import people.csv`.
    pub origin: String,
    /// Where their consent is on record.
    pub consent: String,
    /// What the file is called.
    pub file: String,
    /// The program that wrote it; guessed if it isn't named.
    pub program: Option<Program>,
    /// What is called otherwise than guessed; nothing for no column.
    pub columns: Vec<(Field, String)>,
    /// Say what would happen, and change nothing.
    pub dry_run: bool,
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Joined, or would.
    pub added: u64,
    /// Had the list already, left it, or must not be written to.
    pub known: u64,
    /// Aren't written to from now on: letters to them came back there, or they are blocked there.
    pub suppressed: u64,
    /// Left out, because they aren't subscribed there.
    pub left_out: u64,
    /// Lines that can't be used.
    pub bad: u64,
    /// Lines that can't be used, in words; at most a thousand.
    pub problems: Vec<String>,
    /// Lines that are left out, in words; at most a thousand.
    pub left_out_lines: Vec<String>,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// Why nothing was imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The first line doesn't name the columns.
    #[error(transparent)]
    Columns(#[from] BadColumns),
    /// The file can't be read.
    #[error("expected a file that can be read, but got: {0}")]
    Io(#[from] std::io::Error),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// How an import goes.
#[derive(Debug)]
pub enum Step<'a> {
    /// It has come to this byte.
    At(u64),
    /// It didn't take a row.
    Rejected {
        /// The names of the columns.
        head: &'a [String],
        /// The line it begins on.
        line: u64,
        /// Why.
        why: &'a Why,
        /// The row.
        cells: &'a [String],
    },
}

impl Terms {
    /// Which column is what.
    pub fn map(&self, head: &[String]) -> Result<Columns, BadColumns> {
        let mut columns = Columns::guess(head, self.program, &self.file);
        for (field, theirs) in &self.columns {
            columns.rename(head, *field, theirs)?;
        }
        columns.check(head)?;
        Ok(columns)
    }
}

/// Imports a file.
pub async fn import(
    app: &App,
    list: &List,
    mut file: impl Read,
    terms: &Terms,
    mut told: impl FnMut(Step<'_>),
) -> Result<Imported, ImportError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let sheet = Sheet::read(&bytes);
    drop(bytes);
    let columns = terms.map(&sheet.head)?;
    let mut batch = Batch::new(app, list, terms);
    for row in sheet.rows() {
        match line::fate(&row, &columns, list, terms) {
            Ok(fate) => batch.take(fate).await?,
            Err(why) => {
                batch.imported.leave(row.line, &why);
                told(Step::Rejected {
                    head: &sheet.head,
                    line: row.line,
                    why: &why,
                    cells: &row.cells,
                });
            }
        }
        if batch.is_full() {
            batch.write().await?;
            told(Step::At(row.at));
        }
    }
    batch.write().await?;
    Ok(batch.imported)
}

/// Lines that are written together, and what many of them share.
struct Batch<'a> {
    app: &'a App,
    list: &'a List,
    wording: String,
    lines: Vec<store::import::Line>,
    gone: Vec<store::import::Gone>,
    keys: HashSet<String>,
    rhythms: HashMap<Beat, RhythmId>,
    choices: HashMap<Vec<String>, String>,
    imported: Imported,
}

impl<'a> Batch<'a> {
    fn new(app: &'a App, list: &'a List, terms: &Terms) -> Self {
        Self {
            app,
            list,
            wording: consent::hash(&terms.consent),
            lines: Vec::new(),
            gone: Vec::new(),
            keys: HashSet::new(),
            rhythms: HashMap::new(),
            choices: HashMap::new(),
            imported: Imported {
                dry_run: terms.dry_run,
                ..Imported::default()
            },
        }
    }

    fn is_full(&self) -> bool {
        self.lines.len() + self.gone.len() >= TOGETHER
    }

    async fn take(&mut self, fate: Fate) -> store::Result<()> {
        let email = match &fate {
            Fate::Join(wish, _) => &wish.email,
            Fate::Suppress(email, _) => email,
        };
        let key = email.key();
        if !self.keys.insert(key.clone()) {
            self.imported.known += 1;
            return Ok(());
        }
        let mac = self.app.secret.address_mac(email);
        match fate {
            Fate::Suppress(_, why) => {
                self.gone.push(store::import::Gone(key, mac, why.as_str()));
            }
            Fate::Join(wish, topics) => {
                let (rhythm, choice) = if self.imported.dry_run {
                    (RhythmId(0), String::new())
                } else {
                    (self.rhythm(&wish).await?, self.choice(&topics).await?)
                };
                self.lines.push(store::import::Line(
                    wish.email.as_str().to_owned(),
                    key,
                    mac,
                    wish.name,
                    wish.language.as_str(),
                    wish.zone.name(),
                    rhythm,
                    choice,
                    wish.origin,
                ));
            }
        }
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
        if self.lines.is_empty() && self.gone.is_empty() {
            return Ok(());
        }
        let done = if self.imported.dry_run {
            let mut tx = self.app.db.read().await?;
            let new = store::import::count_new(&mut tx, self.list.id, &self.lines).await?;
            (new, store::import::count_gone(&mut tx, &self.gone).await?)
        } else {
            let mut tx = self.app.db.begin().await?;
            let done = self.take_in(&mut tx).await?;
            tx.commit().await?;
            done
        };
        self.imported
            .count(done, self.lines.len() + self.gone.len());
        self.lines.clear();
        self.gone.clear();
        if !self.imported.dry_run {
            // The database knows them from here on; a dry run has to remember them itself.
            self.keys.clear();
        }
        Ok(())
    }

    /// Gives how many joined, and how many aren't written to any more.
    async fn take_in(&self, tx: &mut Tx) -> store::Result<(u64, u64)> {
        let now = self.app.now();
        let gone = store::import::suppress(tx, &self.gone, now).await?;
        let joined =
            store::import::batch(tx, self.list.id, &self.lines, &self.wording, now).await?;
        Ok((joined, gone))
    }
}

impl Imported {
    fn count(&mut self, (joined, gone): (u64, u64), lines: usize) {
        self.added += joined;
        self.suppressed += gone;
        let lines = u64::try_from(lines).unwrap_or_default();
        self.known += lines.saturating_sub(joined + gone);
    }

    fn leave(&mut self, line: u64, why: &Why) {
        let (count, told) = if why.reason.is_bad() {
            (&mut self.bad, &mut self.problems)
        } else {
            (&mut self.left_out, &mut self.left_out_lines)
        };
        *count += 1;
        if told.len() < TOLD {
            told.push(format!("line {line}: {why}"));
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
