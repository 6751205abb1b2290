//! One connection's life: take a letter, write it, pass the gate, hand it over, take the next.
//!
//! While the text of a letter goes, all else is done: what came of the letter before, and the gate of
//! the letter after, go into one transaction. The letter's end, without which no relay has it, goes
//! when that is on disk. So a crash can repeat at most one letter a connection, and none whose outcome
//! was written. A worker that froze until others took what it
//! held learns so from the first outcome it writes, and asks again for what is past the gate.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::time::Instant;

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
use crate::delivery::mailer::Parcel;
use crate::delivery::throttle::News;
use crate::delivery::ways::Task;
use crate::delivery::ways::Ways;
use crate::delivery::ways::bit;
use crate::delivery::write;
use crate::delivery::write::Printed;
use crate::letter::compose::Composed;
use crate::store::attempt::AttemptRecord;
use crate::store::letter::Arrow;
use crate::store::letter::Lane;
use crate::store::letter::Leased;

/// How long a letter may be spoken of: longer than a server may take to answer its end (10
/// minutes), and some.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(15);

/// Letters that one connection has past the gate at once: the one that goes, and the next.
const AHEAD: usize = 2;

/// A letter that passed the gate longer ago is asked for again before it goes: the one before it
/// took its time, and used up its lease.
const PASSED_LONG_AGO: TimeDelta = TimeDelta::minutes(1);

/// A leased letter with all that composing it needs.
pub(super) struct Job {
    pub(super) letter: Leased,
    pub(super) list: Option<Arc<List>>,
    pub(super) printed: Option<Arc<Printed>>,
}

impl Job {
    /// Whether nobody waits for it this minute.
    pub(super) fn is_bulk(&self) -> bool {
        self.letter.lane == Lane::Bulk as i64
    }
}

/// A leased letter in its final bytes.
pub(super) struct Written {
    letter: Leased,
    composed: Composed,
    /// When it passed the gate, if it did.
    passed_at: Option<Stamp>,
    /// Relays that wouldn't hear of it, a bit each, and what they said.
    tried: u64,
    attempts: Vec<AttemptRecord>,
}

impl Written {
    fn parcel(&self) -> Parcel<'_> {
        (&self.composed.envelope, &self.composed.bytes)
    }

    fn domain(&self) -> &str {
        domain(&self.composed.envelope.to)
    }
}

/// The part after the `@`, which is in lower case.
fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Who carries letters over one connection.
pub(super) struct Courier {
    app: App,
    ways: Arc<Ways>,
    /// Which relay's, and which of its couriers.
    place: usize,
    index: usize,
    ledger: Ledger,
    counted: Option<Arc<str>>,
    /// What came of letters, to be on disk before the end of the next one goes. Each comes to
    /// rest with it.
    unwritten: Vec<Entry>,
    /// A letter that we spoke of was another worker's by then: perhaps all that we hold is.
    in_doubt: bool,
}

impl Courier {
    /// One of a relay's couriers.
    pub(super) fn new(
        app: &App,
        ways: &Arc<Ways>,
        (place, index): (usize, usize),
        ledger: &Ledger,
    ) -> Option<Self> {
        let way = ways.way(place)?;
        Some(Self {
            app: app.clone(),
            ways: Arc::clone(ways),
            place,
            index,
            ledger: ledger.clone(),
            counted: way.counted.as_deref().map(Arc::from),
            unwritten: Vec::new(),
            in_doubt: false,
        })
    }

    /// Works until there are no more letters to come.
    ///
    /// While one letter goes, the next passes the gate, so that it can be announced with the end of
    /// the first.
    pub(super) async fn work(mut self) {
        let ways = Arc::clone(&self.ways);
        let Some(way) = ways.way(self.place) else {
            return;
        };
        let mut connection = way.mailer.connection();
        let mut passed = VecDeque::with_capacity(AHEAD);
        loop {
            if let Some(letter) = passed.pop_front() {
                Box::pin(self.deliver(letter, &mut passed, &mut connection)).await;
                continue;
            }
            let written = self.take(AHEAD, true).await;
            if written.is_empty() && self.unwritten.is_empty() {
                break;
            }
            passed.extend(self.pass(written).await);
        }
        connection.close().await;
    }

    /// Hands a letter over, and has `passed` what comes after it.
    async fn deliver(
        &mut self,
        letter: Written,
        passed: &mut VecDeque<Written>,
        connection: &mut Connection,
    ) {
        let begins = connection.begin(letter.parcel());
        let (begun, is_ours) = tokio::join!(begins, self.prepare(&letter, passed));
        if !is_ours {
            connection.close().await;
            return;
        }
        let told = match begun {
            Ok(()) => {
                let next = passed.front().map(Written::parcel);
                let name = format!("{}-{}", letter.letter.purpose.as_str(), letter.letter.id);
                connection.end(&name, letter.parcel(), next).await
            }
            Err(told) => told,
        };
        self.take_in(letter, told);
    }

    /// What must be done before a letter ends, and what can be: all that was not written yet is, and
    /// what comes next passes the gate. Whether the letter is still ours.
    async fn prepare(&mut self, letter: &Written, passed: &mut VecDeque<Written>) -> bool {
        let written = self
            .take((AHEAD - 1).saturating_sub(passed.len()), false)
            .await;
        passed.extend(self.pass(written).await);
        self.keep(letter, passed).await
    }

    /// At most so many letters, written. Waits for one only if `waits`.
    async fn take(&mut self, most: usize, waits: bool) -> Vec<Written> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most {
            let is_stopping = self.app.stop.is_cancelled();
            let task = match self.ways.take(self.place, self.index, is_stopping) {
                Ok(task) => Some(task),
                Err(_) if waits && taken.is_empty() => self.wait().await,
                Err(_) => None,
            };
            match task {
                None => break,
                Some(Task::Passed(written)) => taken.push(written),
                Some(Task::Job(job)) if self.app.stop.is_cancelled() => {
                    self.unwritten.push(Entry::of(&job.letter, Arrow::Return));
                }
                Some(Task::Job(job)) => {
                    if let Some(job) = self.admit(job) {
                        taken.extend(self.compose(job).await);
                    }
                }
            }
        }
        taken
    }

    /// The next letter. While there is none, nothing stays unwritten.
    async fn wait(&mut self) -> Option<Task> {
        if !self.unwritten.is_empty() {
            self.write(Vec::new()).await;
            // Whoever waits for the last letter to be done need not wait longer.
            self.app.letters_waiting.notify_one();
        }
        self.ways.wait(self.place, self.index, &self.app).await
    }

    /// The job, if the relay takes letters and the reader's domain takes one now. Otherwise it goes
    /// to another relay, or back.
    fn admit(&mut self, job: Job) -> Option<Job> {
        let (now, is_bulk) = (self.app.now(), job.is_bulk());
        let way = self.ways.way(self.place)?;
        let mut throttle = way.throttle();
        if !throttle.admit(is_bulk, Instant::now(), now.day()) {
            drop(throttle);
            let back = self
                .ways
                .pass_on(Task::Job(job), bit(self.place), now.day());
            if let Some(Task::Job(job)) = back {
                self.unwritten.push(Entry::of(&job.letter, Arrow::Return));
            }
            return None;
        }
        let domain = domain(job.letter.email.as_deref().unwrap_or_default());
        match throttle.domain_slot(domain, Instant::now()) {
            Err(wait) if is_bulk => {
                drop(throttle);
                let due = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1));
                self.unwritten
                    .push(Entry::of(&job.letter, Arrow::PutOff(due)));
                None
            }
            _ => Some(job),
        }
    }

    async fn compose(&mut self, job: Job) -> Option<Written> {
        let Job {
            letter,
            list,
            printed,
        } = job;
        match write::letter(&self.app, &letter, list.as_deref(), printed.as_deref()).await {
            Ok(composed) => Some(Written {
                letter,
                composed,
                passed_at: None,
                tried: 0,
                attempts: Vec::new(),
            }),
            Err(problem) => {
                let words = format!("{problem:#}");
                tracing::error!(letter = letter.id.0, problem = words, "letter.failed");
                let attempt = failed(self.app.now(), "compose", &words);
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
        let now = self.app.now();
        let hand = Arrow::Hand(now + self.ways.skew() + LEASE);
        let (mut passed, fresh): (Vec<_>, Vec<_>) = written
            .into_iter()
            .partition(|written| written.passed_at.is_some());
        let gates = fresh.iter().map(|written| Entry::of(&written.letter, hand));
        let open = self.write(gates.collect()).await;
        for (mut written, open) in fresh.into_iter().zip(open) {
            if open {
                written.passed_at = Some(now);
                passed.push(written);
            } else {
                // Unsubscribed, suppressed or erased since it was queued.
                self.unwritten
                    .push(Entry::of(&written.letter, Arrow::Cancel));
            }
        }
        passed
    }

    /// Asks again for what is past the gate, where it may be another worker's by now. Whether the
    /// letter under way is ours; if it isn't, it doesn't go, and neither does anything else over a
    /// connection that has announced it.
    async fn keep(&mut self, letter: &Written, passed: &mut VecDeque<Written>) -> bool {
        let now = self.app.now();
        let is_old = |written: &Written| {
            let ago = written.passed_at.map(|passed_at| now - passed_at);
            ago.is_none_or(|ago| ago > PASSED_LONG_AGO || ago < TimeDelta::zero())
        };
        let held = std::iter::once(letter).chain(passed.iter());
        if !std::mem::take(&mut self.in_doubt) && !held.clone().any(is_old) {
            return true;
        }
        let keep = Arrow::Keep(now + self.ways.skew() + LEASE);
        let asked: Vec<Entry> = held
            .map(|written| Entry::of(&written.letter, keep))
            .collect();
        let held = asked.len();
        let mut ours = self.write(asked).await.into_iter();
        let is_ours = ours.next().unwrap_or(false);
        passed.retain_mut(|written| {
            written.passed_at = Some(now);
            ours.next().unwrap_or(false)
        });
        let lost = held - passed.len() - usize::from(is_ours);
        if lost > 0 {
            tracing::warn!(letters = lost, "letter.lost_to_another_worker");
            self.ways.finish(lost);
        }
        is_ours
    }

    /// Has this written, and whatever was not yet; how it went with each of `entries`.
    async fn write(&mut self, entries: Vec<Entry>) -> Vec<bool> {
        let at_rest = self.unwritten.len();
        let mut all = std::mem::take(&mut self.unwritten);
        let spoken: Vec<bool> = all.iter().map(Entry::ends_a_hand_over).collect();
        all.extend(entries);
        let mut written = self.ledger.write_together(all).await;
        let at_rest_went = written.drain(..at_rest.min(written.len()));
        self.in_doubt |= spoken
            .into_iter()
            .zip(at_rest_went)
            .any(|(spoken, went)| spoken && !went);
        self.ways.finish(at_rest);
        written
    }

    fn take_in(&mut self, mut written: Written, (outcome, attempt): (Outcome, Attempt)) {
        let letter = &written.letter;
        let now = self.app.now();
        tracing::info!(
            letter = letter.id.0,
            outcome = word(outcome),
            host = attempt.host,
            code = attempt.code,
            "letter.handed"
        );
        self.hear(outcome, &attempt, written.domain());
        let never_spoke = outcome == Outcome::Deferred && attempt.phase < Phase::Mail;
        let attempt = record(now, outcome, attempt);
        if never_spoke {
            written.tried |= bit(self.place);
            written.attempts.push(attempt);
            let tried = written.tried;
            let back = self.ways.pass_on(Task::Passed(written), tried, now.day());
            if let Some(Task::Passed(written)) = back {
                let arrow = arrow(now, &written.letter, outcome);
                let entry = Entry::of(&written.letter, arrow);
                let attempts = written.attempts.into_iter();
                self.unwritten.push(attempts.fold(entry, Entry::with));
            }
            return;
        }
        let entry = Entry::of(letter, arrow(now, letter, outcome));
        let attempts = written.attempts.into_iter().chain([attempt]);
        let entry = attempts.fold(entry, Entry::with);
        self.unwritten.push(entry.by(self.counted.clone()));
    }

    /// What a relay said tells how fast and whether letters go by it.
    fn hear(&self, outcome: Outcome, attempt: &Attempt, domain: &str) {
        let Some(way) = self.ways.way(self.place) else {
            return;
        };
        let news = way
            .throttle()
            .hear(outcome, attempt, domain, Instant::now());
        let (host, text) = (&attempt.host, &attempt.text);
        match news {
            None => {}
            Some(News::Down(rest)) => tracing::error!(host, text, ?rest, "relay.down"),
            Some(News::Refuses(rest)) => {
                tracing::error!(host, code = attempt.code, ?rest, "relay.refuses");
            }
            Some(News::Slower) => tracing::warn!(host, code = attempt.code, "relay.slower"),
        }
    }
}

/// Nobody but the reader's own server can end a letter for the reader: what is the host's fault is
/// tried again.
fn arrow(now: Stamp, letter: &Leased, outcome: Outcome) -> Arrow {
    let later = now + wait(letter.tries, letter.id.0);
    // A letter that has no more time is looked at once more when it ends, to say so.
    let later = later.min(letter.deadline_at + TimeDelta::milliseconds(1));
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

/// A letter that fails before a relay hears of it.
pub(super) fn failed(at: Stamp, phase: &str, words: &str) -> AttemptRecord {
    AttemptRecord {
        at,
        outcome: "failed".to_owned(),
        phase: phase.to_owned(),
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
