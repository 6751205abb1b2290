//! Queued letters in, handed-over letters out; the ledger knows of every step before the next is
//! taken.
//!
//! ```text
//! lease ──► compose ──► gate (handing, committed) ──► relay ──► outcome (committed) ──► the next
//! ```
//!
//! One task looks for due letters and leases them; as many [couriers](Courier) as there are
//! connections take them from it; one task, the [`Ledger`], writes whatever they have to say,
//! together. A letter's outcome is on disk before its connection sends the text of another, so a
//! crash can repeat at most one letter a connection, and none whose outcome was written.

use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::app::App;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::delivery::courier::Courier;
use crate::delivery::courier::Job;
use crate::delivery::courier::LEASE;
use crate::delivery::ledger::Ledger;
use crate::delivery::write::Printed;
use crate::digest::EditionId;
use crate::store;
use crate::store::Db;
use crate::store::StoreError;
use crate::store::letter::Arrow;
use crate::store::letter::Leased;

/// Letters leased at once, for each connection.
const LEASED_A_CONNECTION: usize = 8;
/// How long to rest when nothing is due and nobody rings.
const REST: Duration = Duration::from_secs(1);

/// When to come home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When the app stops.
    Stopped,
    /// When nothing is queued, leased, handing or deferred.
    Empty,
    /// When nothing is due now; what waits for later stays.
    NothingDue,
}

/// Sends letters. On SQLite the caller holds the lock file: whatever is leased or handing was a
/// dead owner's, and is taken back at once.
pub async fn run(app: &App, until: Until) -> anyhow::Result<()> {
    take_back(app).await?;
    let connections = app
        .settings
        .mail
        .relays
        .first()
        .map_or(1, |relay| relay.connections);
    let connections = usize::try_from(connections)?;
    let (jobs, taken) = mpsc::channel(connections);
    let taken = Arc::new(Mutex::new(taken));
    let (ledger, mut book) = Ledger::open(app.clone(), connections);
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(Courier::new(app, &taken, &ledger).work());
    }
    drop(ledger);
    let writing = async {
        while let Some(done) = tasks.join_next().await {
            done?;
        }
        anyhow::Ok(())
    };
    let leasing = lease(app, jobs, connections * LEASED_A_CONNECTION, until);
    let (leased, written, ()) = tokio::join!(leasing, writing, book.write());
    leased.and(written)
}

async fn take_back(app: &App) -> store::Result<()> {
    let ended = match &app.db {
        Db::Sqlite { .. } => Stamp(i64::MAX),
        Db::Postgres(_) => app.now(),
    };
    let mut tx = app.db.begin().await?;
    let back = store::letter::take_back(&mut tx, ended).await?;
    tx.commit().await?;
    if back > 0 {
        tracing::warn!(letters = back, "letter.taken_back");
    }
    Ok(())
}

/// Leases due letters and passes them on, until it's time to come home.
async fn lease(
    app: &App,
    jobs: mpsc::Sender<Job>,
    most: usize,
    until: Until,
) -> anyhow::Result<()> {
    let worker = format!("pid {}", std::process::id());
    let mut common = Common::default();
    while !app.stop.is_cancelled() {
        let batch = lease_batch(app, &worker, i64::try_from(most)?, &mut common).await;
        let done = match batch {
            Ok(batch) if !batch.is_empty() => {
                for job in batch {
                    // Nobody takes them any more only when every task has ended; the lease says so.
                    if jobs.send(job).await.is_err() {
                        return Ok(());
                    }
                }
                continue;
            }
            Ok(_) => is_done(app, until).await,
            Err(problem) => Err(problem),
        };
        match done {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(problem) if problem.is_busy() => tracing::warn!(%problem, "lease.busy"),
            Err(problem) => return Err(problem.into()),
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = app.letters_waiting.notified() => {}
            () = tokio::time::sleep(REST) => {}
        }
    }
    Ok(())
}

/// Whoever holds a letter finishes it after the leasing has ended.
async fn is_done(app: &App, until: Until) -> store::Result<bool> {
    match until {
        Until::Stopped => Ok(false),
        Until::Empty => Ok(store::letter::count_unfinished(&mut app.db.read().await?).await? == 0),
        Until::NothingDue => {
            let next = store::letter::next_due(&mut app.db.read().await?).await?;
            Ok(next.is_none_or(|due| due > app.now()))
        }
    }
}

async fn lease_batch(
    app: &App,
    worker: &str,
    most: i64,
    common: &mut Common,
) -> store::Result<Vec<Job>> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    store::letter::expire(&mut tx, now).await?;
    if matches!(app.db, Db::Postgres(_)) {
        store::letter::take_back(&mut tx, now).await?;
    }
    let letters = store::letter::lease(&mut tx, worker, (now, now + LEASE), most).await?;
    tx.commit().await?;
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    match common.gather(app, &letters).await {
        Ok(()) => Ok(letters
            .into_iter()
            .map(|letter| common.job(letter))
            .collect()),
        Err(problem) => {
            give_back(app, &letters).await?;
            Err(problem)
        }
    }
}

/// What letters of a batch have in common, read once. What can't be read is missing, and its letters
/// fail alone. Editions are frozen, so they're kept for the next batches.
#[derive(Default)]
struct Common {
    lists: HashMap<ListId, Option<Arc<List>>>,
    printed: HashMap<EditionId, Option<Arc<Printed>>>,
}

/// Editions kept at most.
const KEPT: usize = 16;

impl Common {
    fn job(&self, letter: Leased) -> Job {
        let list = letter.list_id.and_then(|id| self.lists.get(&id));
        let printed = letter.edition_id.and_then(|id| self.printed.get(&id));
        Job {
            list: list.cloned().flatten(),
            printed: printed.cloned().flatten(),
            letter,
        }
    }

    async fn gather(&mut self, app: &App, letters: &[Leased]) -> store::Result<()> {
        let mut tx = app.db.read().await?;
        self.lists.clear();
        for id in letters.iter().filter_map(|letter| letter.list_id) {
            if let Vacant(place) = self.lists.entry(id) {
                let list = unless_broken(store::list::get(&mut tx, id).await.map(Some))?;
                place.insert(list.map(Arc::new));
            }
        }
        if self.printed.len() > KEPT {
            self.printed.clear();
        }
        for letter in letters {
            let list = letter
                .list_id
                .and_then(|id| self.lists.get(&id))
                .and_then(Option::as_ref);
            let (Some(id), Some(list)) = (letter.edition_id, list) else {
                continue;
            };
            let kept = self.printed.get(&id).and_then(Option::as_ref);
            if kept.is_none_or(|kept| kept.list != *list) {
                let edition = unless_broken(store::edition::find(&mut tx, id).await)?;
                let printed = edition.map(|edition| Arc::new(Printed::new(app, edition, list)));
                self.printed.insert(id, printed);
            }
        }
        Ok(())
    }
}

fn unless_broken<T>(found: store::Result<Option<T>>) -> store::Result<Option<T>> {
    match found {
        Ok(found) => Ok(found),
        Err(problem @ StoreError::Broken { .. }) => {
            tracing::error!(%problem, "letter.broken");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

/// Leases that nothing can be done with now.
async fn give_back(app: &App, letters: &[Leased]) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    for letter in letters {
        store::letter::go(&mut tx, letter.id, letter.fence, Arrow::Return, app.now()).await?;
    }
    tx.commit().await
}
