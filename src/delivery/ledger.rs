//! The one who writes into the ledger: whatever the connections have to say at a moment, in one
//! transaction.
//!
//! Each waits for its own line to be on disk. A commit costs about as much for one line as for
//! many, so the book waits until some of the connections have something to say, but no longer than
//! a blink: with sixteen connections it writes for four or more at once.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::app::App;
use crate::clock::Stamp;
use crate::letter::LetterId;
use crate::store;
use crate::store::Tx;
use crate::store::attempt::AttemptRecord;
use crate::store::attempt::Tried;
use crate::store::letter::Arrow;
use crate::store::letter::Held;
use crate::store::letter::Leased;
use crate::store::letter::Steps;

/// Lines written in one transaction at most.
const TOGETHER: usize = 256;

/// What one connection has to say at once, and whom to tell what came of each line.
type Lines = (Vec<Entry>, oneshot::Sender<Vec<bool>>);

/// Takes lines to be written. Clones write into the same book.
#[derive(Debug, Clone)]
pub struct Ledger(mpsc::Sender<Lines>);

/// The book itself: whoever has it writes.
pub struct Book {
    app: App,
    lines: mpsc::Receiver<Lines>,
    /// Connections whose lines are worth a commit.
    quorum: usize,
}

/// How long lines wait for company.
const BLINK: Duration = Duration::from_millis(1);

/// One letter's step along an arrow, and the tries that led to it.
#[derive(Debug, Clone)]
pub struct Entry {
    letter: LetterId,
    fence: i64,
    arrow: Arrow,
    attempts: Vec<AttemptRecord>,
    /// The relay whose letters are counted, if it's one.
    counted: Option<Arc<str>>,
}

impl Entry {
    /// A step of a letter that we hold.
    pub fn of(letter: &Leased, arrow: Arrow) -> Self {
        Self {
            letter: letter.id,
            fence: letter.fence,
            arrow,
            attempts: Vec::new(),
            counted: None,
        }
    }

    /// The same, with a try that led to it.
    #[must_use]
    pub fn with(mut self, attempt: AttemptRecord) -> Self {
        self.attempts.push(attempt);
        self
    }

    /// The same, by a relay whose letters are counted.
    #[must_use]
    pub(super) fn by(mut self, counted: Option<Arc<str>>) -> Self {
        self.counted = counted;
        self
    }
}

impl Entry {
    /// Whether it says what came of a hand-over. Nobody but another worker can have said so before.
    pub(super) fn ends_a_hand_over(&self) -> bool {
        matches!(
            self.arrow,
            Arrow::Accept | Arrow::Refuse | Arrow::Defer(_) | Arrow::Repeat(_)
        )
    }

    fn held(&self) -> Held {
        (self.letter, self.fence)
    }

    fn tried(&self) -> impl Iterator<Item = Tried<'_>> {
        let held = self.held();
        self.attempts
            .iter()
            .map(move |attempt| Tried::new(held, attempt))
    }
}

impl Ledger {
    /// A ledger for so many connections, and the book behind it. [`Book::write`] ends when every
    /// ledger is gone.
    pub fn open(app: App, connections: usize) -> (Self, Book) {
        let (to, lines) = mpsc::channel(TOGETHER);
        let quorum = connections.div_ceil(4).min(TOGETHER / 4);
        (Self(to), Book { app, lines, quorum })
    }

    /// Has a step written, and waits until it's on disk. False if the letter isn't ours any more,
    /// or the gate is shut.
    pub async fn write(&self, entry: Entry) -> bool {
        self.write_together(vec![entry])
            .await
            .first()
            .copied()
            .unwrap_or(false)
    }

    /// Has steps of different letters written in one transaction, and waits until it's on disk.
    /// Answers as [`Ledger::write`] does, for each.
    pub async fn write_together(&self, entries: Vec<Entry>) -> Vec<bool> {
        let (done, written) = oneshot::channel();
        if self.0.send((entries, done)).await.is_err() {
            return Vec::new();
        }
        written.await.unwrap_or_default()
    }
}

impl Book {
    /// Writes until nobody has anything to say any more. What a server answered is never given up:
    /// while the database is busy or full, the lines wait, and with them the connections.
    pub async fn write(&mut self) {
        let mut lines = Vec::with_capacity(TOGETHER);
        while self.lines.recv_many(&mut lines, TOGETHER).await > 0 {
            self.await_company(&mut lines).await;
            let (entries, waiting): (Vec<Vec<Entry>>, Vec<_>) = lines.drain(..).unzip();
            let counts: Vec<usize> = entries.iter().map(Vec::len).collect();
            let entries: Vec<Entry> = entries.into_iter().flatten().collect();
            let mut results = self.commit(&entries).await.into_iter();
            for (done, count) in waiting.into_iter().zip(counts) {
                // A task that was dropped while it waited needs no answer.
                done.send(results.by_ref().take(count).collect()).ok();
            }
        }
    }

    /// Until there is a quorum, or nobody came for a blink.
    async fn await_company(&mut self, lines: &mut Vec<Lines>) {
        while lines.len() < self.quorum {
            let coming = self.lines.recv_many(lines, TOGETHER);
            if !matches!(timeout(BLINK, coming).await, Ok(1..)) {
                break;
            }
        }
    }

    async fn commit(&self, entries: &[Entry]) -> Vec<bool> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.try_commit(entries).await {
                Ok(results) => return results,
                Err(problem) => tracing::error!(%problem, lines = entries.len(), "ledger.waits"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// The two steps that every letter takes are written for all at once; the others are rare.
    async fn try_commit(&self, entries: &[Entry]) -> store::Result<Vec<bool>> {
        let now = self.app.now();
        let (mut steps, mut until) = (Steps::default(), now);
        let mut others = Vec::new();
        for entry in entries {
            let held = entry.held();
            match entry.arrow {
                Arrow::Hand(lease) => {
                    steps.hand.push(held);
                    until = until.max(lease);
                }
                Arrow::Accept => {
                    steps.accept.push(held);
                    steps.tried.extend(entry.tried());
                }
                _ => others.push(entry),
            }
        }
        let counts = counts(entries);
        let moved = if others.is_empty() && counts.is_empty() {
            store::letter::take_steps_alone(&self.app.db, &steps, (now, until)).await?
        } else {
            let mut tx = self.app.db.begin().await?;
            let mut moved = take_others(&mut tx, &others, now).await?;
            if !(steps.accept.is_empty() && steps.hand.is_empty()) {
                moved.extend(store::letter::take_steps(&mut tx, &steps, (now, until)).await?);
            }
            for (relay, letters) in counts {
                store::relay::count(&mut tx, relay, now.day(), letters).await?;
            }
            tx.commit().await?;
            moved
        };
        let moved: HashSet<Held> = moved.into_iter().collect();
        let went = |entry: &Entry| moved.contains(&entry.held());
        Ok(entries.iter().map(went).collect())
    }
}

/// The steps that are rare. Gives those that moved.
async fn take_others(tx: &mut Tx, entries: &[&Entry], now: Stamp) -> store::Result<Vec<Held>> {
    let (mut moved, mut tries) = (Vec::new(), Vec::new());
    for entry in entries {
        if store::letter::go(tx, entry.letter, entry.fence, entry.arrow, now).await? {
            moved.push(entry.held());
            tries.extend(entry.tried());
        }
    }
    if !tries.is_empty() {
        store::attempt::record(tx, &tries).await?;
    }
    Ok(moved)
}

/// How many letters each relay took whose letters are counted.
fn counts(entries: &[Entry]) -> HashMap<&str, i64> {
    let mut counts = HashMap::new();
    let accepted = entries.iter().filter(|entry| entry.arrow == Arrow::Accept);
    for relay in accepted.filter_map(|entry| entry.counted.as_deref()) {
        *counts.entry(relay).or_default() += 1;
    }
    counts
}
