//! How many letters a week a choice would have brought lately, so that nobody is surprised.

use chrono::TimeDelta;

use crate::audience::list::Cadence;
use crate::clock::Stamp;

/// How far back we look.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(28);

/// What was published lately, as far as a choice takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Articles.
    pub articles: i64,
    /// Hours in which there were any.
    pub hours: i64,
    /// Days on which there were any.
    pub days: i64,
    /// The first of them.
    pub first: Option<Stamp>,
}

impl History {
    /// Letters a week, rounded; 0 is less than one. `None` if there is nothing to go by.
    pub fn letters_a_week(&self, cadence: Cadence, now: Stamp) -> Option<u64> {
        let weeks = self.weeks(now)?;
        let per_week = |letters: i64| {
            let tenths = letters.unsigned_abs() * 10 * WEEK / weeks;
            (tenths + 5) / 10
        };
        Some(match cadence {
            Cadence::Immediate => per_week(self.articles),
            Cadence::Hourly => per_week(self.hours),
            Cadence::Daily => per_week(self.days).min(7),
            // How many of the seven, the reader chooses beside it.
            Cadence::Weekdays => per_week(self.days).min(5),
            Cadence::Weekly => 1,
            Cadence::Monthly => 0,
        })
    }

    /// The span looked at, in seconds: at least a week, so that a lively first day promises
    /// nothing.
    fn weeks(&self, now: Stamp) -> Option<u64> {
        let span = (now - self.first?).clamp(TimeDelta::weeks(1), LOOK_BACK);
        Some(span.num_seconds().unsigned_abs())
    }
}

/// Seconds of a week.
const WEEK: u64 = 7 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_tells_what_it_will_bring() {
        let now = Stamp(0) + TimeDelta::days(100);
        let history = History {
            articles: 120,
            hours: 60,
            days: 20,
            first: Some(now - TimeDelta::days(28)),
        };
        let expected = Cadence::ALL.map(|cadence| history.letters_a_week(cadence, now));
        assert_eq!(
            expected,
            [Some(30), Some(15), Some(5), Some(5), Some(1), Some(0)]
        );
        let young = History {
            articles: 3,
            hours: 2,
            days: 1,
            first: Some(now - TimeDelta::days(1)),
        };
        assert_eq!(young.letters_a_week(Cadence::Immediate, now), Some(3));
        let none = History {
            articles: 0,
            hours: 0,
            days: 0,
            first: None,
        };
        assert_eq!(none.letters_a_week(Cadence::Daily, now), None);
    }
}
