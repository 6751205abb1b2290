//! The one who writes into the ledger: whatever the connections have to say at a moment, in one
//! transaction.
//!
//! Each waits for its own line to be on disk. With sixteen connections that is sixteen lines a
//! commit, without a timer.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::app::App;
use crate::letter::LetterId;
use crate::store;
use crate::store::attempt::AttemptRecord;
use crate::store::letter::Arrow;
use crate::store::letter::Leased;

/// Lines written in one transaction at most.
const TOGETHER: usize = 256;

/// Takes lines to be written. Clones write into the same book.
#[derive(Debug, Clone)]
pub struct Ledger(mpsc::Sender<(Entry, oneshot::Sender<bool>)>);

/// The book itself: whoever has it writes.
pub struct Book {
    app: App,
    lines: mpsc::Receiver<(Entry, oneshot::Sender<bool>)>,
}

/// One letter's step along an arrow, and the try that led to it.
#[derive(Debug, Clone)]
pub struct Entry {
    letter: LetterId,
    fence: i64,
    arrow: Arrow,
    attempt: Option<AttemptRecord>,
}

impl Entry {
    /// A step of a letter that we hold.
    pub fn of(letter: &Leased, arrow: Arrow) -> Self {
        Self {
            letter: letter.id,
            fence: letter.fence,
            arrow,
            attempt: None,
        }
    }

    /// The same, with the try that led to it.
    #[must_use]
    pub fn with(mut self, attempt: AttemptRecord) -> Self {
        self.attempt = Some(attempt);
        self
    }
}

impl Ledger {
    /// A ledger and the book behind it. [`Book::write`] ends when every ledger is gone.
    pub fn open(app: App) -> (Self, Book) {
        let (to, lines) = mpsc::channel(TOGETHER);
        (Self(to), Book { app, lines })
    }

    /// Has a step written, and waits until it's on disk. False if the letter isn't ours any more,
    /// or the gate is shut.
    pub async fn write(&self, entry: Entry) -> bool {
        let (done, written) = oneshot::channel();
        if self.0.send((entry, done)).await.is_err() {
            return false;
        }
        written.await.unwrap_or(false)
    }
}

impl Book {
    /// Writes until nobody has anything to say any more. What a server answered is never given up:
    /// while the database is busy or full, the lines wait, and with them the connections.
    pub async fn write(&mut self) {
        let mut lines = Vec::with_capacity(TOGETHER);
        while self.lines.recv_many(&mut lines, TOGETHER).await > 0 {
            let (entries, waiting): (Vec<Entry>, Vec<_>) = lines.drain(..).unzip();
            let results = self.commit(&entries).await;
            for (done, result) in waiting.into_iter().zip(results) {
                // A task that was dropped while it waited needs no answer.
                done.send(result).ok();
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

    async fn try_commit(&self, entries: &[Entry]) -> store::Result<Vec<bool>> {
        let now = self.app.now();
        let mut tx = self.app.db.begin().await?;
        let mut results = Vec::with_capacity(entries.len());
        for entry in entries {
            let moved =
                store::letter::go(&mut tx, entry.letter, entry.fence, entry.arrow, now).await?;
            if let Some(attempt) = entry.attempt.as_ref().filter(|_| moved) {
                store::attempt::record(&mut tx, entry.letter, attempt).await?;
            }
            results.push(moved);
        }
        tx.commit().await?;
        Ok(results)
    }
}
