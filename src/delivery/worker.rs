//! Queued letters in, handed-over letters out; the ledger knows of every step before the next is
//! taken.
//!
//! ```text
//! lease ──► compose ──► gate (handing, committed) ──► relay ──► outcome (committed) ──► the next
//! ```
//!
//! One task looks for due letters and leases them; as many tasks as there are connections take them
//! from it; one task, the [`Ledger`], writes whatever they have to say, together. A letter's
//! outcome is on disk before its connection takes another, so a crash can repeat at most one letter
//! a connection, and none whose reply was recorded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::app::App;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::delivery::Attempt;
use crate::delivery::Blame;
use crate::delivery::Outcome;
use crate::delivery::Phase;
use crate::delivery::ledger::Entry;
use crate::delivery::ledger::Ledger;
use crate::delivery::mailer::Connection;
use crate::delivery::write;
use crate::digest::EditionId;
use crate::letter::compose::Composed;
use crate::store;
use crate::store::Db;
use crate::store::StoreError;
use crate::store::attempt::AttemptRecord;
use crate::store::edition::Edition;
use crate::store::letter::Arrow;
use crate::store::letter::Leased;

/// Longer than a server may take to answer the end of a letter (10 minutes), and some.
const LEASE: TimeDelta = TimeDelta::minutes(15);
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

/// A leased letter with all that composing it needs.
struct Job {
    letter: Leased,
    list: Option<Arc<List>>,
    edition: Option<Arc<Edition>>,
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
        tasks.spawn(deliver(app.clone(), Arc::clone(&taken), ledger.clone()));
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

/// One connection's life: take a letter, hand it over, have it written down, take the next.
async fn deliver(app: App, jobs: Arc<Mutex<mpsc::Receiver<Job>>>, ledger: Ledger) {
    let mut connections: Vec<Connection> = app
        .mailers
        .iter()
        .map(super::mailer::Mailer::connection)
        .collect();
    loop {
        let job = jobs.lock().await.recv().await;
        let Some(job) = job else { break };
        if app.stop.is_cancelled() {
            ledger.write(Entry::of(&job.letter, Arrow::Return)).await;
            continue;
        }
        deliver_one(&app, &job, &mut connections, &ledger).await;
    }
    for connection in &mut connections {
        connection.close().await;
    }
}

async fn deliver_one(app: &App, job: &Job, connections: &mut [Connection], ledger: &Ledger) {
    let letter = &job.letter;
    let composed =
        match write::letter(app, letter, job.list.as_deref(), job.edition.as_deref()).await {
            Ok(composed) => composed,
            Err(problem) => {
                tracing::error!(
                    letter = letter.id.0,
                    problem = format!("{problem:#}"),
                    "letter.failed"
                );
                let attempt = failed_to_build(app.now(), &problem);
                ledger
                    .write(Entry::of(letter, Arrow::Fail).with(attempt))
                    .await;
                return;
            }
        };
    let hand = Arrow::Hand(app.now() + LEASE);
    if !ledger.write(Entry::of(letter, hand)).await {
        // The gate is shut: unsubscribed, suppressed or erased since it was queued.
        ledger.write(Entry::of(letter, Arrow::Cancel)).await;
        return;
    }
    let (outcome, attempt) = hand_over(letter, &composed, connections).await;
    let arrow = arrow(app.now(), letter, outcome);
    tracing::info!(
        letter = letter.id.0,
        outcome = word(outcome),
        host = attempt.host,
        code = attempt.code,
        "letter.handed"
    );
    ledger
        .write(Entry::of(letter, arrow).with(record(app.now(), outcome, attempt)))
        .await;
}

/// By the first relay that will speak with us, in order.
async fn hand_over(
    letter: &Leased,
    composed: &Composed,
    connections: &mut [Connection],
) -> (Outcome, Attempt) {
    let name = format!("{}-{}", letter.purpose.0.as_str(), letter.id);
    let last = connections.len().saturating_sub(1);
    for (place, connection) in connections.iter_mut().enumerate() {
        let (outcome, attempt) = connection
            .hand_over(&name, &composed.envelope, &composed.bytes)
            .await;
        let never_spoke = outcome == Outcome::Deferred && attempt.phase < Phase::Mail;
        if place == last || !never_spoke {
            return (outcome, attempt);
        }
        tracing::warn!(host = attempt.host, text = attempt.text, "relay.down");
    }
    let text = "expected at least one relay, but got none".to_owned();
    let attempt = Attempt {
        phase: Phase::Connect,
        host: String::new(),
        code: None,
        enhanced: None,
        text,
    };
    (Outcome::Deferred, attempt)
}

/// Nobody but the reader's own server can end a letter for the reader: what is the host's fault is
/// tried again.
fn arrow(now: Stamp, letter: &Leased, outcome: Outcome) -> Arrow {
    let later = now + wait(letter.tries, letter.id.0);
    match outcome {
        Outcome::Accepted => Arrow::Accept,
        Outcome::Refused(Blame::Recipient | Blame::Letter) => Arrow::Refuse,
        Outcome::Refused(Blame::Host) | Outcome::Deferred => Arrow::Defer(later),
        Outcome::Uncertain => Arrow::Repeat(later),
    }
}

/// 5 minutes, doubled after each try to 4 hours at most, a fifth more or less by the letter's
/// number, so that what was deferred together doesn't come back together.
fn wait(tries: i64, letter: i64) -> TimeDelta {
    let doublings = u32::try_from(tries.clamp(0, 6)).unwrap_or(6);
    let wait = (TimeDelta::minutes(5) * 2_i32.pow(doublings)).min(TimeDelta::hours(4));
    let share = i32::try_from(letter.rem_euclid(41)).unwrap_or_default() - 20;
    wait + wait / 100 * share
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Deferred | Outcome::Refused(Blame::Host) => "deferred",
        Outcome::Refused(_) => "refused",
        Outcome::Uncertain => "uncertain",
    }
}

fn record(at: Stamp, outcome: Outcome, attempt: Attempt) -> AttemptRecord {
    AttemptRecord {
        at,
        outcome: word(outcome).to_owned(),
        phase: attempt.phase.as_str().to_owned(),
        host: attempt.host,
        code: attempt.code.map(i64::from),
        enhanced: attempt.enhanced,
        text: attempt.text,
    }
}

fn failed_to_build(at: Stamp, problem: &anyhow::Error) -> AttemptRecord {
    AttemptRecord {
        at,
        outcome: "failed".to_owned(),
        phase: "compose".to_owned(),
        host: String::new(),
        code: None,
        enhanced: None,
        text: crate::article::clean::one_line(&format!("{problem:#}"), 500),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_wait_grows_and_is_bounded(tries in 0_i64..1_000, letter in 0_i64..1_000_000) {
            let wait = wait(tries, letter);
            prop_assert!(wait >= TimeDelta::minutes(4));
            prop_assert!(wait <= TimeDelta::minutes(288));
        }
    }
}
