//! When to ask a source again: what it says itself, and how often it has news.
//!
//! A feed's `ttl`, `skipHours`, `skipDays` (RSS 2.0) and `sy:updatePeriod`, the server's `max-age`,
//! and the rhythm of its articles go in; a moment comes out. `every` is the operator's word: never
//! sooner than that, and for want of news never later than [`SLOWEST`] times that.

use std::time::Duration;

use chrono::DateTime;
use chrono::Datelike;
use chrono::TimeDelta;
use chrono::Timelike;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;

use crate::clock::Stamp;
use crate::source::Draft;

/// How many times `every` a source without news waits at most.
const SLOWEST: i32 = 4;
/// The longest that a feed's own words or a server's `max-age` keep us away.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// What a feed says of when to come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Minutes that what was read stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
    /// Hours of the day (UTC, 0 to 23) in which nothing comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_hours: Vec<u32>,
    /// Days of the week (0 is Monday) on which nothing comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_days: Vec<u32>,
    /// Seconds that the server said it stays fresh, when it last said so: a 304 without a word of it
    /// leaves that standing (RFC 9111 §4.3.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<i64>,
    /// Minutes from one article to the next, as a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rhythm: Option<i64>,
}

impl Pace {
    /// The same with the rhythm of these articles.
    #[must_use]
    pub fn with_rhythm_of(mut self, drafts: &[Draft]) -> Self {
        let dates = drafts.iter().filter_map(|draft| draft.published);
        let mut moments: Vec<i64> = dates.map(|date| date.timestamp()).collect();
        moments.sort_unstable();
        let mut gaps: Vec<i64> = moments
            .windows(2)
            .filter_map(|pair| Some(pair.last()? - pair.first()?))
            .collect();
        gaps.sort_unstable();
        self.rhythm = gaps.get(gaps.len() / 2).map(|gap| gap / 60);
        self
    }

    /// The same with what the server now says of how long it stays fresh, if it does.
    #[must_use]
    pub fn with_fresh(mut self, said: Option<Duration>) -> Self {
        let seconds = said.and_then(|span| i64::try_from(span.as_secs()).ok());
        self.fresh = seconds.or(self.fresh);
        self
    }

    /// When to come again after a poll that went well. `source` is a number that tells sources
    /// apart, so that not all come in one moment.
    pub fn next(&self, now: Stamp, every: TimeDelta, source: i64) -> Stamp {
        // A quarter of the usual gap: news is at most that old when it's found.
        let by_rhythm = self
            .rhythm
            .and_then(|minutes| TimeDelta::try_minutes(minutes / 4))
            .unwrap_or(every)
            .clamp(every, every * SLOWEST);
        let by_word = self.minutes.and_then(TimeDelta::try_minutes);
        let fresh = self.fresh.and_then(TimeDelta::try_seconds);
        let asked = by_word.max(fresh).unwrap_or_default().min(LONGEST);
        let wait = by_rhythm.max(asked);
        let share = i32::try_from(source.rem_euclid(11)).unwrap_or_default();
        let spread = if wait > every {
            wait / 200 * share
        } else {
            TimeDelta::zero()
        };
        self.after_quiet(now + wait + spread)
    }

    /// The same moment, or the end of the quiet hours it falls into. A feed that is always quiet
    /// says nothing.
    pub fn after_quiet(&self, moment: Stamp) -> Stamp {
        let is_quiet = |at: DateTime<Utc>| {
            self.skip_hours.contains(&at.hour())
                || self
                    .skip_days
                    .contains(&at.weekday().num_days_from_monday())
        };
        let Some(first) = DateTime::<Utc>::from_timestamp_millis(moment.0) else {
            return moment;
        };
        if !is_quiet(first) {
            return moment;
        }
        let hour = first.with_minute(0).and_then(|at| at.with_second(0));
        let hour = hour.and_then(|at| at.with_nanosecond(0)).unwrap_or(first);
        let mut hours = (1..=24 * 7).map(|hours| hour + TimeDelta::hours(hours));
        hours.find(|at| !is_quiet(*at)).map_or(moment, Stamp::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Stamp {
        Stamp::from(DateTime::parse_from_rfc3339(text).unwrap())
    }

    const QUARTER: TimeDelta = TimeDelta::minutes(15);

    #[test]
    fn a_source_without_wishes_is_asked_as_often_as_the_operator_says() {
        let now = at("2026-06-01T12:00:00Z");
        assert_eq!(Pace::default().next(now, QUARTER, 7), now + QUARTER);
    }

    #[test]
    fn a_feeds_own_words_and_max_age_keep_us_away_for_a_day_at_most() {
        let now = at("2026-06-01T12:00:00Z");
        let hour = Pace {
            minutes: Some(60),
            ..Pace::default()
        };
        assert_eq!(hour.next(now, QUARTER, 0), now + TimeDelta::hours(1));
        let two = hour.with_fresh(Some(Duration::from_hours(2)));
        assert_eq!(two.next(now, QUARTER, 0), now + TimeDelta::hours(2));
        let still = two.with_fresh(None);
        assert_eq!(still.next(now, QUARTER, 0), now + TimeDelta::hours(2));
        let year = still.with_fresh(Some(Duration::from_hours(24 * 365)));
        assert_eq!(year.next(now, QUARTER, 0), now + TimeDelta::hours(24));
    }

    #[test]
    fn quiet_hours_and_days_are_slept_through() {
        let pace = Pace {
            skip_hours: (0..6).collect(),
            skip_days: vec![5, 6],
            ..Pace::default()
        };
        // A Friday evening: Saturday, Sunday and Monday's night are quiet.
        let friday = at("2026-06-05T23:50:00Z");
        assert_eq!(pace.next(friday, QUARTER, 0), at("2026-06-08T06:00:00Z"));
        let always = Pace {
            skip_hours: (0..24).collect(),
            ..Pace::default()
        };
        assert_eq!(always.next(friday, QUARTER, 0), friday + QUARTER);
    }

    #[test]
    fn a_source_with_little_news_is_asked_less_often() {
        let now = at("2026-06-01T12:00:00Z");
        let wait = |minutes| {
            let pace = Pace {
                rhythm: Some(minutes),
                ..Pace::default()
            };
            pace.next(now, QUARTER, 0) - now
        };
        assert_eq!(wait(10), QUARTER);
        assert_eq!(wait(120), TimeDelta::minutes(30));
        assert_eq!(wait(60 * 24 * 30), TimeDelta::hours(1));
    }

    proptest! {
        #[test]
        fn it_is_never_sooner_than_the_operator_says_nor_later_than_a_quiet_week_and_a_day(
            minutes in proptest::option::of(any::<i64>()), rhythm in proptest::option::of(any::<i64>()),
            skip_hours in proptest::collection::vec(0_u32..24, 0..24),
            skip_days in proptest::collection::vec(0_u32..7, 0..7),
            fresh in proptest::option::of(0_i64..1_000_000), now in 0_i64..4_000_000_000_000, source in any::<i64>(),
        ) {
            let pace = Pace { minutes, skip_hours, skip_days, fresh, rhythm };
            let now = Stamp(now);
            let next = pace.next(now, QUARTER, source);
            prop_assert!(next >= now + QUARTER);
            prop_assert!(next <= now + TimeDelta::days(9));
        }
    }
}
