//! One connection's life: take a letter, write it, pass the gate, hand it over, take the next.
//!
//! What came of a letter is on disk before the text of the next one goes: the outcome, and the gate
//! of the letter after that, go into one transaction. So a crash can repeat at most one letter a
//! connection, and none whose outcome was written.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::Mutex;
use tokio::sync::mpsc;

use crate::app::App;
use crate::article::clean::one_line;
use crate::audience::list::List;
use crate::clock::Stamp;
use crate::delivery::Attempt;
use crate::delivery::Blame;
use crate::delivery::Outcome;
use crate::delivery::Phase;
use crate::delivery::ledger::Entry;
use crate::delivery::ledger::Ledger;
use crate::delivery::mailer::Connection;
use crate::delivery::mailer::Mailer;
use crate::delivery::mailer::Parcel;
use crate::delivery::write;
use crate::delivery::write::Printed;
use crate::letter::compose::Composed;
use crate::store::attempt::AttemptRecord;
use crate::store::letter::Arrow;
use crate::store::letter::Leased;

/// How long a letter may be spoken of: longer than a server may take to answer its end (10
/// minutes), and some.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(15);

/// Letters that one connection has past the gate at once: the one that goes, and the next.
const AHEAD: usize = 2;

/// A leased letter with all that composing it needs.
pub(super) struct Job {
    pub(super) letter: Leased,
    pub(super) list: Option<Arc<List>>,
    pub(super) printed: Option<Arc<Printed>>,
}

/// A leased letter in its final bytes.
struct Written {
    letter: Leased,
    composed: Composed,
}

impl Written {
    fn parcel(&self) -> Parcel<'_> {
        (&self.composed.envelope, &self.composed.bytes)
    }
}

/// Who carries letters over one connection.
pub(super) struct Courier {
    app: App,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    ledger: Ledger,
    /// To each relay, the first first.
    connections: Vec<Connection>,
    /// What came of the last letter, to be on disk before the text of the next one goes.
    unwritten: Vec<Entry>,
}

impl Courier {
    /// Takes letters from `jobs`, which its fellows share.
    pub(super) fn new(app: &App, jobs: &Arc<Mutex<mpsc::Receiver<Job>>>, ledger: &Ledger) -> Self {
        Self {
            app: app.clone(),
            jobs: Arc::clone(jobs),
            ledger: ledger.clone(),
            connections: app.mailers.iter().map(Mailer::connection).collect(),
            unwritten: Vec::new(),
        }
    }

    /// Works until there are no more jobs to come.
    ///
    /// While one letter goes, the next is past the gate already, so that it can be announced with
    /// the end of the first. Its own text doesn't go before the outcome of the first is on disk.
    pub(super) async fn work(mut self) {
        let mut passed = VecDeque::with_capacity(AHEAD);
        loop {
            let written = self.take(AHEAD - passed.len(), passed.is_empty()).await;
            if written.is_empty() && passed.is_empty() {
                break;
            }
            passed.extend(self.pass(written).await);
            if let Some(letter) = passed.pop_front() {
                self.deliver(&letter, passed.front()).await;
            }
        }
        for connection in &mut self.connections {
            connection.close().await;
        }
    }

    /// At most so many letters, written. Waits for one only if `waits`.
    async fn take(&mut self, most: usize, waits: bool) -> Vec<Written> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most {
            let at_hand = self
                .jobs
                .try_lock()
                .ok()
                .and_then(|mut jobs| jobs.try_recv().ok());
            let job = match at_hand {
                None if waits && taken.is_empty() => self.next().await,
                other => other,
            };
            let Some(job) = job else { break };
            if self.app.stop.is_cancelled() {
                self.unwritten.push(Entry::of(&job.letter, Arrow::Return));
            } else {
                taken.extend(self.compose(job).await);
            }
        }
        taken
    }

    /// The next letter. While there is none, nothing stays unwritten.
    async fn next(&mut self) -> Option<Job> {
        if !self.unwritten.is_empty() {
            self.write(Vec::new()).await;
            // Whoever waits for the last letter to be done need not wait longer.
            self.app.letters_waiting.notify_one();
        }
        self.jobs.lock().await.recv().await
    }

    async fn compose(&mut self, job: Job) -> Option<Written> {
        let Job {
            letter,
            list,
            printed,
        } = job;
        match write::letter(&self.app, &letter, list.as_deref(), printed.as_deref()).await {
            Ok(composed) => Some(Written { letter, composed }),
            Err(problem) => {
                let words = format!("{problem:#}");
                tracing::error!(letter = letter.id.0, problem = words, "letter.failed");
                let attempt = failed_to_build(self.app.now(), &words);
                self.unwritten
                    .push(Entry::of(&letter, Arrow::Fail).with(attempt));
                None
            }
        }
    }

    /// Takes letters through the gate, and has written what was not yet, all in one.
    async fn pass(&mut self, written: Vec<Written>) -> Vec<Written> {
        if written.is_empty() && self.unwritten.is_empty() {
            return Vec::new();
        }
        let hand = Arrow::Hand(self.app.now() + LEASE);
        let gates = written
            .iter()
            .map(|written| Entry::of(&written.letter, hand));
        let open = self.write(gates.collect()).await;
        let mut passed = Vec::with_capacity(written.len());
        for (written, open) in written.into_iter().zip(open) {
            if open {
                passed.push(written);
            } else {
                // Unsubscribed, suppressed or erased since it was queued.
                self.unwritten
                    .push(Entry::of(&written.letter, Arrow::Cancel));
            }
        }
        passed
    }

    /// Has this written, and whatever was not yet; how it went with each of `entries`.
    async fn write(&mut self, entries: Vec<Entry>) -> Vec<bool> {
        let earlier = self.unwritten.len();
        let mut all = std::mem::take(&mut self.unwritten);
        all.extend(entries);
        let mut written = self.ledger.write_together(all).await;
        written.drain(..earlier.min(written.len()));
        written
    }

    async fn deliver(&mut self, written: &Written, next: Option<&Written>) {
        let letter = &written.letter;
        let (outcome, attempt) = hand_over(written, next, &mut self.connections).await;
        let now = self.app.now();
        tracing::info!(
            letter = letter.id.0,
            outcome = word(outcome),
            host = attempt.host,
            code = attempt.code,
            "letter.handed"
        );
        let entry = Entry::of(letter, arrow(now, letter, outcome));
        self.unwritten
            .push(entry.with(record(now, outcome, attempt)));
    }
}

/// By the first relay that will speak with us, in order.
async fn hand_over(
    written: &Written,
    next: Option<&Written>,
    connections: &mut [Connection],
) -> (Outcome, Attempt) {
    let letter = &written.letter;
    let name = format!("{}-{}", letter.purpose.as_str(), letter.id);
    let last = connections.len().saturating_sub(1);
    for (place, connection) in connections.iter_mut().enumerate() {
        let (outcome, attempt) = connection
            .hand_over(&name, written.parcel(), next.map(Written::parcel))
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

fn failed_to_build(at: Stamp, words: &str) -> AttemptRecord {
    AttemptRecord {
        at,
        outcome: "failed".to_owned(),
        phase: "compose".to_owned(),
        host: String::new(),
        code: None,
        enhanced: None,
        text: one_line(words, 500),
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
