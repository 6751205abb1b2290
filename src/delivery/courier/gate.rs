//! What a connection has written into the ledger: which letters pass the gate, and what came of those
//! that did.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::app::App;
use crate::delivery::courier::LEASE;
use crate::delivery::courier::Written;
use crate::delivery::ledger::Entry;
use crate::delivery::ledger::Ledger;
use crate::delivery::ways::Ways;
use crate::store::letter::Arrow;

/// A letter that passed the gate longer ago is asked for again before it goes: the one before it
/// took its time, and used up its lease.
const PASSED_LONG_AGO: TimeDelta = TimeDelta::minutes(1);

/// One courier's part of the ledger.
pub(super) struct Gate {
    app: App,
    ways: Arc<Ways>,
    ledger: Ledger,
    /// What came of letters, to be on disk before the end of the next one goes. Each comes to
    /// rest with it.
    unwritten: Vec<Entry>,
    /// A letter that we spoke of was another worker's by then: perhaps all that we hold is.
    in_doubt: bool,
}

impl Gate {
    /// A gate that writes into this ledger.
    pub(super) fn new(app: &App, ways: &Arc<Ways>, ledger: &Ledger) -> Self {
        Self {
            app: app.clone(),
            ways: Arc::clone(ways),
            ledger: ledger.clone(),
            unwritten: Vec::new(),
            in_doubt: false,
        }
    }

    /// Remembers what came of letters until the next write.
    pub(super) fn note(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.unwritten.extend(entries);
    }

    /// Whether something is to be written.
    pub(super) fn has_notes(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Takes letters through the gate, and has written what was not yet, all in one.
    pub(super) async fn pass(&mut self, written: Vec<Written>) -> Vec<Written> {
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
    pub(super) async fn keep(&mut self, letter: &Written, passed: &mut VecDeque<Written>) -> bool {
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
}
