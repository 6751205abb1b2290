//! A table that is uploaded in the console: looked at, corrected, and, once somebody said where the
//! consent is on record, taken in part by part in the background.
//!
//! Each part and its place are one transaction, so that a stop between two parts loses nothing and
//! takes nothing twice, whoever goes on.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::app::App;
use crate::audience::import::Batch;
use crate::audience::import::Imported;
use crate::audience::import::Terms;
use crate::audience::import::columns::BadColumns;
use crate::audience::import::columns::Columns;
use crate::audience::import::line;
use crate::audience::import::line::Reason;
use crate::audience::import::line::Why;
use crate::audience::import::sheet::Row;
use crate::audience::import::sheet::Sheet;
use crate::audience::list::List;
use crate::store;
use crate::store::audit::Change;
use crate::store::upload::Counts;
use crate::store::upload::NewUpload;
use crate::store::upload::UploadRow;

/// Rows of one upload.
pub const MOST_ROWS: usize = 100_000;
/// How long it's kept, unless it's being taken in.
pub const KEPT: TimeDelta = TimeDelta::days(7);
/// Rows taken in one transaction.
const PART: i64 = 1_000;
/// Rows read at a time to be looked at.
const CHUNK: i64 = 5_000;
/// Rows that show what the columns hold.
const TASTE: usize = 3;
/// Rows that aren't taken and are told one by one.
const TOLD: usize = 50;

/// A table as it waits.
#[derive(Debug, Clone)]
pub struct Upload {
    /// As it's kept.
    pub kept: store::upload::Upload,
    /// The names of its columns.
    pub head: Vec<String>,
    /// Which column is what.
    pub columns: Columns,
}

/// Why a table isn't kept.
#[derive(Debug, thiserror::Error)]
pub enum BadUpload {
    /// There is nothing below its first line.
    #[error("expected rows below the first line, but got none")]
    Empty,
    /// There are too many rows.
    #[error("expected at most {MOST_ROWS} rows, but got {0}")]
    Long(usize),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// A row that isn't, or wouldn't be, taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its line.
    pub line: u64,
    /// Why.
    pub why: Why,
    /// The row.
    pub cells: Vec<String>,
}

/// What would happen.
#[derive(Debug, Default)]
pub struct Look {
    /// In numbers.
    pub imported: Imported,
    /// Rows that wouldn't be taken, by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// The first of them.
    pub left: Vec<Left>,
    /// The first rows, whatever comes of them.
    pub taste: Vec<Vec<String>>,
}

/// Keeps a table. Gives its number.
pub async fn keep(
    app: &App,
    list: &List,
    (file, bytes): (&str, &[u8]),
    by: &str,
) -> Result<i64, BadUpload> {
    let sheet = Sheet::read(bytes);
    let rows: Vec<UploadRow> = sheet.rows().map(|row| kept(&row)).collect();
    match rows.len() {
        0 => return Err(BadUpload::Empty),
        many if many > MOST_ROWS => return Err(BadUpload::Long(many)),
        _ => {}
    }
    let columns = Columns::guess(&sheet.head, None, file);
    let new = NewUpload {
        list: list.id,
        file,
        head: &sheet.head,
        mapping: &json(&columns),
        by,
        size: rows.len(),
    };
    let mut tx = app.db.begin().await?;
    let id = store::upload::add(&mut tx, &new, app.now()).await?;
    for some in rows.chunks(2_000) {
        store::upload::add_rows(&mut tx, id, some).await?;
    }
    tx.commit().await?;
    Ok(id)
}

fn kept(row: &Row) -> UploadRow {
    UploadRow {
        line: i64::try_from(row.line).unwrap_or(i64::MAX),
        cells: json(&row.cells),
        why: None,
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    // Names and cells can always be written.
    serde_json::to_string(value).unwrap_or_default()
}

/// The table with this number.
pub async fn find(app: &App, id: i64) -> store::Result<Option<Upload>> {
    let kept = store::upload::find(&mut app.db.read().await?, id).await?;
    Ok(kept.and_then(Upload::of))
}

impl Upload {
    fn of(kept: store::upload::Upload) -> Option<Self> {
        Some(Self {
            head: serde_json::from_str(&kept.head).ok()?,
            columns: serde_json::from_str(&kept.mapping).ok()?,
            kept,
        })
    }

    /// How many rows were looked after.
    pub fn taken(&self) -> u64 {
        let kept = &self.kept;
        let counts = [
            kept.added,
            kept.known,
            kept.suppressed,
            kept.left_out,
            kept.bad,
        ];
        counts.into_iter().sum::<i64>().unsigned_abs()
    }

    fn row(&self, kept: &UploadRow) -> Row {
        let cells = serde_json::from_str(&kept.cells).unwrap_or_default();
        Row::of(kept.line.unsigned_abs(), cells, self.head.len())
    }

    fn terms(&self, dry_run: bool) -> Terms {
        Terms {
            origin: format!("import {}", self.kept.file),
            consent: self.kept.consent.clone(),
            dry_run,
            ..Terms::default()
        }
    }
}

/// What would happen if it were taken in now. Changes nothing.
pub async fn look(app: &App, upload: &Upload) -> store::Result<Look> {
    let list = store::list::get(&mut app.db.read().await?, upload.kept.list_id).await?;
    let terms = upload.terms(true);
    let mut batch = Batch::new(app, &list, &terms);
    let mut look = Look::default();
    let mut after = 0;
    loop {
        let mut tx = app.db.read().await?;
        let rows = store::upload::rows(&mut tx, upload.kept.id, after, CHUNK).await?;
        drop(tx);
        let Some(end) = rows.last() else { break };
        after = end.line;
        for kept in &rows {
            let row = upload.row(kept);
            if look.taste.len() < TASTE {
                look.taste.push(row.cells.clone());
            }
            match line::fate(&row, &upload.columns, &list, &terms) {
                Ok(fate) => batch.take(fate).await?,
                Err(why) => {
                    batch.imported.leave(row.line, &why);
                    look.leave(row, why);
                }
            }
        }
        batch.write().await?;
    }
    look.imported = batch.imported;
    Ok(look)
}

impl Look {
    fn leave(&mut self, row: Row, why: Why) {
        *self.reasons.entry(why.reason).or_default() += 1;
        if self.left.len() < TOLD {
            self.left.push(Left {
                line: row.line,
                why,
                cells: row.cells,
            });
        }
    }
}

/// Says which column is what, as long as it's only looked at.
pub async fn map(app: &App, upload: &Upload, columns: &Columns) -> store::Result<bool> {
    let mut tx = app.db.begin().await?;
    let mapped = store::upload::map(&mut tx, upload.kept.id, &json(columns)).await?;
    tx.commit().await?;
    Ok(mapped)
}

/// Why it isn't begun.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// Nobody said which column holds the addresses.
    #[error(transparent)]
    Columns(#[from] BadColumns),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Has it taken in, by the consent that is claimed. False if it was begun before.
pub async fn begin(app: &App, upload: &Upload, consent: &str, by: &str) -> Result<bool, NotBegun> {
    upload.columns.check(&upload.head)?;
    let mut tx = app.db.begin().await?;
    let begun = store::upload::begin(&mut tx, upload.kept.id, consent).await?;
    if begun {
        let became = serde_json::json!({
            "file": upload.kept.file, "rows": upload.kept.size, "columns": upload.columns.to_string(),
            "consent": consent,
        });
        note(app, &mut tx, upload, by, ("subscriber.import", became)).await?;
    }
    tx.commit().await?;
    Ok(begun)
}

async fn note(
    app: &App,
    tx: &mut store::Tx,
    upload: &Upload,
    by: &str,
    (action, became): (&'static str, serde_json::Value),
) -> store::Result<()> {
    let list = store::list::get(tx, upload.kept.list_id).await?;
    let change = Change {
        actor: by.to_owned(),
        action,
        subject: format!("list {}", list.slug),
        was: String::new(),
        became: became.to_string(),
    };
    store::audit::record(tx, &change, app.now()).await
}

/// Takes in whatever was begun. May be cut short anywhere and done again.
pub async fn take_due(app: &App) -> anyhow::Result<()> {
    while !app.stop.is_cancelled() {
        let going = store::upload::going(&mut app.db.read().await?).await?;
        let Some(id) = going else { break };
        take_part(app, id).await?;
    }
    Ok(())
}

/// Takes in the next part of a table that was begun, or ends it.
pub async fn take_part(app: &App, id: i64) -> anyhow::Result<()> {
    let Some(upload) = find(app, id).await? else {
        anyhow::bail!("expected a mapping of upload {id}, but got none");
    };
    let mut tx = app.db.read().await?;
    let list = store::list::get(&mut tx, upload.kept.list_id).await?;
    let after = upload.kept.at_line;
    let rows = store::upload::rows(&mut tx, id, after, PART).await?;
    drop(tx);
    let Some(end) = rows.last() else {
        return Ok(finish(app, &upload).await?);
    };
    let terms = upload.terms(false);
    let mut batch = Batch::new(app, &list, &terms);
    let mut left = Vec::new();
    for kept in &rows {
        let row = upload.row(kept);
        match line::fate(&row, &upload.columns, &list, &terms) {
            Ok(fate) => batch.take(fate).await?,
            Err(why) => {
                batch.imported.leave(row.line, &why);
                left.push(UploadRow {
                    why: Some(json(&why)),
                    ..kept.clone()
                });
            }
        }
    }
    let mut tx = app.db.begin().await?;
    if !store::upload::advance(&mut tx, id, (after, end.line), &left).await? {
        return Ok(());
    }
    let done = batch.take_in(&mut tx).await?;
    batch
        .imported
        .count(done, batch.lines.len() + batch.gone.len());
    store::upload::count(&mut tx, id, counts(&batch.imported)).await?;
    tx.commit().await?;
    Ok(())
}

fn counts(imported: &Imported) -> Counts {
    Counts {
        added: imported.added,
        known: imported.known,
        suppressed: imported.suppressed,
        left_out: imported.left_out,
        bad: imported.bad,
    }
}

async fn finish(app: &App, upload: &Upload) -> store::Result<()> {
    let kept = &upload.kept;
    let mut tx = app.db.begin().await?;
    if store::upload::finish(&mut tx, kept.id).await? {
        let became = serde_json::json!({
            "file": kept.file, "added": kept.added, "known": kept.known, "suppressed": kept.suppressed,
            "left_out": kept.left_out, "bad": kept.bad,
        });
        let what = ("subscriber.imported", became);
        note(app, &mut tx, upload, &kept.made_by, what).await?;
    }
    tx.commit().await?;
    tracing::info!(
        upload = kept.id,
        added = kept.added,
        bad = kept.bad,
        "import.done"
    );
    Ok(())
}

/// Rows that weren't taken, after a line.
pub async fn left(app: &App, id: i64, after: u64) -> store::Result<Vec<Left>> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = store::upload::left(&mut app.db.read().await?, id, after, CHUNK).await?;
    let left = rows.into_iter().filter_map(|row| {
        Some(Left {
            line: row.line.unsigned_abs(),
            why: serde_json::from_str(row.why.as_deref()?).ok()?,
            cells: serde_json::from_str(&row.cells).ok()?,
        })
    });
    Ok(left.collect())
}
