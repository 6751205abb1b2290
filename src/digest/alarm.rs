//! When a digest stops itself: too many of its letters come back, or too many readers complain.
//!
//! How many letters went and what came of them go in, an [`Alarm`] comes out, once a digest: who
//! lets it go on has seen it. What is stopped waits as any held digest does.

use serde::Deserialize;
use serde::Serialize;

use crate::config;

/// Fewer reports say nothing, whatever their share.
const LEAST_REPORTS: i64 = 3;

/// What there is too much of: the words `alarm_why.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spike {
    /// Letters that came back for good.
    Bounces,
    /// People who said that it's spam.
    Complaints,
}

/// Why a digest stopped itself, as the ledger keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What there was too much of.
    pub why: Spike,
    /// How much of it.
    pub reports: i64,
    /// How many letters had gone by then.
    pub letters: i64,
    /// How many were stopped; 0 if all had gone already.
    pub stopped: u64,
}

/// Whether so many reports are worth counting letters for: as many as say something at all, and
/// then sixteen times each time they double.
pub fn is_worth_a_look(reports: i64) -> bool {
    let step = 1 << reports.max(16).ilog2().saturating_sub(4);
    reports >= LEAST_REPORTS && reports % step == 0
}

/// Whether so many reports are too many, of so many letters that went.
pub fn is_spike(limits: &config::Alarm, why: Spike, reports: i64, letters: i64) -> bool {
    let share = match why {
        Spike::Bounces => limits.bounces,
        Spike::Complaints => limits.complaints,
    };
    let enough = reports >= LEAST_REPORTS && letters >= i64::from(limits.letters);
    share.is_some_and(|share| enough && reports * 10_000 > letters * i64::from(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: config::Alarm = config::Alarm {
        bounces: Some(500),
        complaints: Some(30),
        letters: 200,
    };

    #[test]
    fn a_share_of_enough_letters_is_a_spike_and_nothing_less() {
        let cases = [
            (Spike::Bounces, 10, 200, false), // five in a hundred
            (Spike::Bounces, 11, 200, true),
            (Spike::Bounces, 190, 199, false),
            (Spike::Complaints, 2, 200, false),
            (Spike::Complaints, 3, 200, true),
            (Spike::Complaints, 3, 1_000, false), // three in a thousand
            (Spike::Complaints, 4, 1_000, true),
        ];
        for (why, reports, letters, expected) in cases {
            let told = is_spike(&LIMITS, why, reports, letters);
            assert_eq!(told, expected, "{why:?}: {reports} of {letters}");
        }
        let off = config::Alarm {
            bounces: None,
            ..LIMITS
        };
        assert!(!is_spike(&off, Spike::Bounces, 1_000, 1_000));
    }

    #[test]
    fn letters_are_counted_ever_less_often_and_never_late_by_more_than_a_sixteenth() {
        let looks: Vec<i64> = (0..100_000)
            .filter(|reports| is_worth_a_look(*reports))
            .collect();
        assert!(looks.len() < 300, "{} looks", looks.len());
        assert_eq!(looks.first(), Some(&LEAST_REPORTS));
        let is_late = |pair: &[i64]| pair[1] - pair[0] > (pair[0] / 16).max(1);
        assert!(!looks.windows(2).any(is_late));
    }
}
