//! One connection's life: take a letter, write it, pass the gate, hand it over, take the next.
//!
//! While one transaction brings to disk what came of the letter before and the gate of the letter
//! after, all else is done: the text of this letter goes, and one that waits in the queue is written.
//! This letter's end, without which no relay has it, goes when the transaction is on disk. So a crash
//! can repeat at most one letter a connection, and none whose outcome was written. A worker that froze
//! until others took what it held learns so from the first outcome it writes, and asks again for what
//! is past the gate.

mod gate;
mod supply;

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
use crate::delivery::courier::gate::Gate;
use crate::delivery::courier::supply::Supply;
use crate::delivery::ledger::Entry;
use crate::delivery::ledger::Ledger;
use crate::delivery::mailer::Connection;
use crate::delivery::mailer::Parcel;
use crate::delivery::throttle::News;
use crate::delivery::ways::Task;
use crate::delivery::ways::Ways;
use crate::delivery::ways::bit;
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

/// A leased letter with all that composing it needs.
pub(super) struct Job {
    pub(super) letter: Leased,
    pub(super) list: Option<Arc<List>>,
    pub(super) printed: Option<Arc<Printed>>,
    /// Its bytes, if somebody wrote it while it waited.
    pub(super) composed: Option<Composed>,
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
    /// Which relay's.
    place: usize,
    counted: Option<Arc<str>>,
    supply: Supply,
    gate: Gate,
    /// Past the gate, in the order they go.
    passed: VecDeque<Written>,
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
            counted: way.counted.as_deref().map(Arc::from),
            supply: Supply::new(app, ways, (place, index)),
            gate: Gate::new(app, ways, ledger),
            passed: VecDeque::with_capacity(AHEAD),
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
        loop {
            if let Some(letter) = self.passed.pop_front() {
                Box::pin(self.deliver(letter, &mut connection)).await;
                continue;
            }
            let Some(written) = self.take().await else {
                break;
            };
            self.gate.note(self.supply.set_aside());
            self.passed.extend(self.gate.pass(written).await);
        }
        connection.close().await;
    }

    /// Letters to go next; none if whatever was at hand doesn't go, and `None` if nothing will come.
    async fn take(&mut self) -> Option<Vec<Written>> {
        let mut written = self.supply.take(AHEAD).await;
        if written.is_empty() {
            written.extend(self.wait().await?);
            written.extend(self.supply.take(AHEAD - 1).await);
        }
        Some(written)
    }

    /// The next letter, or whatever came of it. While there is none, nothing stays unwritten.
    async fn wait(&mut self) -> Option<Option<Written>> {
        self.gate.note(self.supply.set_aside());
        if self.gate.has_notes() {
            self.gate.pass(Vec::new()).await;
            // Whoever waits for the last letter to be done need not wait longer.
            self.app.letters_waiting.notify_one();
        }
        self.supply.wait().await
    }

    /// Hands a letter over. Meanwhile all that was not written yet is, the next letter passes the
    /// gate, and one that waits is written.
    async fn deliver(&mut self, letter: Written, connection: &mut Connection) {
        let more = (AHEAD - 1).saturating_sub(self.passed.len());
        let next = self.supply.take(more).await;
        self.gate.note(self.supply.set_aside());
        let (gate, passed, supply) = (&mut self.gate, &mut self.passed, &mut self.supply);
        let writes = async {
            passed.extend(gate.pass(next).await);
            gate.keep(&letter, passed).await
        };
        let goes = async {
            // The disk is the slowest: it has its work before we do ours.
            tokio::task::yield_now().await;
            tokio::join!(connection.begin(letter.parcel()), supply.write_ahead()).0
        };
        let (is_ours, begun) = tokio::join!(writes, goes);
        if !is_ours {
            connection.close().await;
            return;
        }
        let told = match begun {
            Ok(()) => {
                let next = self.passed.front().map(Written::parcel);
                let name = format!("{}-{}", letter.letter.purpose.as_str(), letter.letter.id);
                connection.end(&name, letter.parcel(), next).await
            }
            Err(told) => told,
        };
        self.take_in(letter, told);
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
                self.gate.note([attempts.fold(entry, Entry::with)]);
            }
            return;
        }
        let entry = Entry::of(letter, arrow(now, letter, outcome));
        let attempts = written.attempts.into_iter().chain([attempt]);
        let entry = attempts.fold(entry, Entry::with);
        self.gate.note([entry.by(self.counted.clone())]);
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
