//! Queued letters in, handed-over letters out; the ledger knows of every step before the next is
//! taken.
//!
//! ```text
//! lease ──► compose ──► gate (handing, committed) ──► relay ──► outcome (committed) ──► the next
//! ```
//!
//! One task looks for due letters, leases them and shares them out among the [`Ways`] out; as many
//! [couriers](Courier) as there are connections take them from there; one task, the [`Ledger`], writes whatever they have to say,
//! together. A letter's outcome is on disk before its connection sends the end of another, so a
//! crash can repeat at most one letter a connection, and none whose outcome was written.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::access::reach::Reach;
use crate::app::App;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::delivery::courier::Courier;
use crate::delivery::courier::Job;
use crate::delivery::courier::LEASE;
use crate::delivery::courier::failed;
use crate::delivery::ledger::Ledger;
use crate::delivery::ways::Ways;
use crate::delivery::write::Printed;
use crate::digest::DigestId;
use crate::digest::EditionId;
use crate::letter::LetterPurpose;
use crate::letter::dkim::Signer;
use crate::store;
use crate::store::Db;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::attempt::Tried;
use crate::store::letter::Arrow;
use crate::store::letter::Lane;
use crate::store::letter::Leased;

/// Letters leased at once that somebody waits for.
const URGENT: i64 = 64;
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
///
/// A letter is many short steps of several tasks, so on SQLite they share a thread of their own: there
/// none has to wake another thread to be heard, and none waits for whatever else the program does.
/// Slow signatures take all the cores there are instead, and connections to PostgreSQL stay where they
/// were opened. Whoever stops waiting for this ends it.
pub async fn run(app: &App, until: Until) -> anyhow::Result<()> {
    if matches!(app.db, Db::Postgres(_)) || app.signers.iter().any(Signer::is_slow) {
        return work(app, until).await;
    }
    let app = app.clone();
    let (mut done, result) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::Builder::new()
        .name("delivery".to_owned())
        .spawn(move || {
            let ended = runtime.block_on(async {
                tokio::select! {
                    ended = work(&app, until) => Some(ended),
                    () = done.closed() => None,
                }
            });
            runtime.shutdown_background();
            if let Some(ended) = ended {
                // Nobody may be left to hear it.
                done.send(ended).ok();
            }
        })?;
    result.await.context("the delivery ended unexpectedly")?
}

async fn work(app: &App, until: Until) -> anyhow::Result<()> {
    take_back(app).await?;
    let ways = Ways::open(app).await?;
    let connections = ways.all().map(|(_, way)| way.connections()).sum();
    let (ledger, mut book) = Ledger::open(app.clone(), connections);
    let mut tasks = JoinSet::new();
    for (place, way) in ways.all() {
        for index in 0..way.connections() {
            if let Some(courier) = Courier::new(app, &ways, (place, index), &ledger) {
                tasks.spawn(courier.work());
            }
        }
    }
    drop(ledger);
    let working = async {
        while let Some(done) = tasks.join_next().await {
            done?;
        }
        anyhow::Ok(())
    };
    let leasing = async {
        let leased = lease(app, &ways, until).await;
        ways.close();
        leased
    };
    let (leased, worked, ()) = tokio::join!(leasing, working, book.write());
    leased.and(worked)
}

async fn take_back(app: &App) -> store::Result<()> {
    let ended = match &app.db {
        Db::Sqlite { .. } => Stamp(i64::MAX),
        Db::Postgres(_) => store::letter::database_now(&mut app.db.read().await?).await?,
    };
    let mut tx = app.db.begin().await?;
    let back = store::letter::take_back(&mut tx, ended).await?;
    tx.commit().await?;
    if back > 0 {
        tracing::warn!(letters = back, "letter.taken_back");
    }
    Ok(())
}

/// Leases due letters and shares them out, until it's time to come home.
async fn lease(app: &App, ways: &Ways, until: Until) -> anyhow::Result<()> {
    let worker = format!("pid {}", std::process::id());
    let mut common = Common::default();
    while !app.stop.is_cancelled() {
        let looked = look(app, ways, &worker, &mut common).await;
        let done = match looked {
            Ok(Found::Some) => continue,
            Ok(Found::Full) => Ok(false),
            Ok(Found::Nothing) => is_done(app, ways, until).await,
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
            () = ways.room.notified() => {}
            () = tokio::time::sleep(REST) => {}
        }
    }
    Ok(())
}

/// What there was to lease.
enum Found {
    Some,
    Nothing,
    /// There is no room for more.
    Full,
}

/// Leases what may go now: first what somebody waits for, then digests.
async fn look(app: &App, ways: &Ways, worker: &str, common: &mut Common) -> store::Result<Found> {
    let day = app.now().day();
    let mut found = Found::Nothing;
    if ways.is_open(false, day) {
        let jobs = lease_batch(app, ways, worker, (Lane::Urgent, URGENT), common).await?;
        if !jobs.is_empty() {
            ways.share_out(jobs, day);
            found = Found::Some;
        }
    }
    if ways.is_open(true, day) {
        let room = i64::try_from(ways.room(day)).unwrap_or(i64::MAX);
        if room == 0 {
            return Ok(if matches!(found, Found::Some) {
                found
            } else {
                Found::Full
            });
        }
        let jobs = lease_batch(app, ways, worker, (Lane::Bulk, room), common).await?;
        if !jobs.is_empty() {
            ways.share_out(jobs, day);
            found = Found::Some;
        }
    }
    Ok(found)
}

/// Whoever holds a letter finishes it after the leasing has ended. What no relay takes now isn't due.
async fn is_done(app: &App, ways: &Ways, until: Until) -> store::Result<bool> {
    match until {
        Until::Stopped => Ok(false),
        Until::Empty => {
            Ok(store::letter::count_unfinished(&mut app.db.read().await?, &Reach::All).await? == 0)
        }
        Until::NothingDue => {
            let day = app.now().day();
            if ways.is_idle() && !(ways.is_open(true, day) && ways.is_open(false, day)) {
                return Ok(true);
            }
            let next = store::letter::next_due(&mut app.db.read().await?).await?;
            Ok(next.is_none_or(|due| due > app.now()))
        }
    }
}

async fn lease_batch(
    app: &App,
    ways: &Ways,
    worker: &str,
    what: (Lane, i64),
    common: &mut Common,
) -> store::Result<Vec<Job>> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    if matches!(app.db, Db::Postgres(_)) {
        // Workers on several machines go by one clock.
        let database = store::letter::database_now(&mut tx).await?;
        ways.set_skew(database - now);
        store::letter::take_back(&mut tx, database).await?;
    }
    let until = now + ways.skew() + LEASE;
    let letters = store::letter::lease(&mut tx, worker, (now, until), what).await?;
    let (letters, late): (Vec<_>, Vec<_>) = letters
        .into_iter()
        .partition(|letter| letter.deadline_at >= now);
    let digests: BTreeSet<DigestId> = late.iter().filter_map(|letter| letter.digest_id).collect();
    for digest in digests {
        store::owed::expire(&mut tx, digest, now).await?;
    }
    for letter in &late {
        give_up(&mut tx, letter, now).await?;
    }
    tx.commit().await?;
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    match common.gather(&app.current(), &letters).await {
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

/// A letter whose time ran out fails, and its record says what that means for its reader.
async fn give_up(tx: &mut Tx, letter: &Leased, now: Stamp) -> store::Result<()> {
    let words = if letter.purpose == LetterPurpose::Digest {
        "expected to be handed over by its deadline, but wasn't: its articles come with the next \
         digest"
    } else {
        "expected to be handed over by its deadline, but wasn't"
    };
    let attempt = failed(now, "deadline", words);
    tracing::error!(letter = letter.id.0, "letter.too_late");
    store::letter::go(tx, letter.id, letter.fence, Arrow::Fail, now).await?;
    let tried = Tried::new((letter.id, letter.fence), &attempt);
    store::attempt::record(tx, &[tried]).await
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
            composed: None,
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
