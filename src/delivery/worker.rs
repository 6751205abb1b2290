//! Queued letters in, handed-over letters out; the ledger knows of every step before the next is
//! taken.
//!
//! ```text
//! lease ──► compose ──► gate (handing, committed) ──► relay ──► outcome (committed) ──► the next
//! ```
//!
//! One task looks for due letters and leases them; as many [couriers](Courier) as there are
//! connections take them from it; one task, the [`Ledger`], writes whatever they have to say,
//! together. A letter's outcome is on disk before its connection speaks of another, so a crash can
//! repeat at most one letter a connection, and none whose outcome was written.

use std::collections::HashMap;
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
use crate::digest::EditionId;
use crate::store;
use crate::store::Db;
use crate::store::StoreError;
use crate::store::edition::Edition;
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
    let (ledger, mut book) = Ledger::open(app.clone());
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
    while !app.stop.is_cancelled() {
        let batch = lease_batch(app, &worker, i64::try_from(most)?).await;
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

async fn lease_batch(app: &App, worker: &str, most: i64) -> store::Result<Vec<Job>> {
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
    match gather(app, &letters).await {
        Ok(common) => Ok(letters
            .into_iter()
            .map(|letter| common.job(letter))
            .collect()),
        Err(problem) => {
            give_back(app, &letters).await?;
            Err(problem)
        }
    }
}

/// What a batch of letters has in common, read once. What can't be read is missing, and its letters
/// fail alone.
#[derive(Default)]
struct Common {
    lists: HashMap<ListId, Option<Arc<List>>>,
    editions: HashMap<EditionId, Option<Arc<Edition>>>,
}

impl Common {
    fn job(&self, letter: Leased) -> Job {
        let list = letter.list_id.and_then(|id| self.lists.get(&id));
        let edition = letter.edition_id.and_then(|id| self.editions.get(&id));
        Job {
            list: list.cloned().flatten(),
            edition: edition.cloned().flatten(),
            letter,
        }
    }
}

async fn gather(app: &App, letters: &[Leased]) -> store::Result<Common> {
    let mut tx = app.db.read().await?;
    let mut common = Common::default();
    for letter in letters {
        if let Some(id) = letter.list_id
            && !common.lists.contains_key(&id)
        {
            let list = unless_broken(store::list::get(&mut tx, id).await.map(Some))?;
            common.lists.insert(id, list);
        }
        if let Some(id) = letter.edition_id
            && !common.editions.contains_key(&id)
        {
            let edition = unless_broken(store::edition::find(&mut tx, id).await)?;
            common.editions.insert(id, edition);
        }
    }
    Ok(common)
}

fn unless_broken<T>(found: store::Result<Option<T>>) -> store::Result<Option<Arc<T>>> {
    match found {
        Ok(found) => Ok(found.map(Arc::new)),
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
