//! When digests are due, and what lies in a window. Pure: moments in, moments out.
//!
//! Hours are wall-clock hours of a zone. Where a change of clocks skips the hour, the first valid
//! instant after it counts; where it comes twice, the first.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono_tz::Tz;
use croner::Cron;

use crate::article::Seq;
use crate::audience::list::Cadence;
use crate::audience::list::Candidate;
use crate::audience::list::List;
use crate::audience::pace::Beat;
use crate::audience::pace::Pace;
use crate::audience::subscription::Seqs;
use crate::audience::subscription::TopicChoice;
use crate::clock::Stamp;

/// The first beat after `after`. Immediate digests gather for `gather`.
pub fn next_beat(beat: Beat, gather: TimeDelta, after: Stamp) -> Stamp {
    let Some(pattern) = pattern(beat) else {
        return after + gather;
    };
    let local = after.utc().with_timezone(&beat.zone);
    let next = pattern.find_next_occurrence(&local, false).map(Stamp::from);
    // A calendar that finds nothing, or looks back, must not make a digest ring for ever.
    next.ok()
        .filter(|next| *next > after)
        .unwrap_or(after + TimeDelta::hours(1))
}

/// What makes a digest unique on its list and cadence: the latest beat at or before `now`, as a
/// local date, hour and zone, e.g. `2026-11-23T08 Europe/Kyiv`. After six days' silence that is one
/// period, not six. Immediate digests have no periods: each is its own.
pub fn period_key(beat: Beat, now: Stamp) -> String {
    let Some(pattern) = pattern(beat) else {
        return format!("at {now}");
    };
    let Beat { hour, zone, .. } = beat;
    let local = now.utc().with_timezone(&zone);
    let begun: DateTime<Tz> = pattern
        .find_previous_occurrence(&local, true)
        .unwrap_or(local);
    match beat.cadence {
        // An hour that comes twice is two periods.
        Cadence::Hourly => format!("{} {zone}", begun.format("%Y-%m-%dT%H%z")),
        // The same day and hour belong to several choices of days.
        Cadence::Weekdays => {
            let days = beat.days;
            format!(
                "{}T{:02} {zone} {days}",
                begun.format("%Y-%m-%d"),
                hour.number()
            )
        }
        _ => format!("{}T{:02} {zone}", begun.format("%Y-%m-%d"), hour.number()),
    }
}

fn pattern(beat: Beat) -> Option<Cron> {
    let hour = beat.hour.number();
    let text = match beat.cadence {
        Cadence::Immediate => return None,
        Cadence::Hourly => "0 * * * *".to_owned(),
        Cadence::Daily => format!("0 {hour} * * *"),
        Cadence::Weekdays => format!("0 {hour} * * {}", beat.days),
        Cadence::Weekly => format!("0 {hour} * * MON"),
        Cadence::Monthly => format!("0 {hour} 1 * *"),
    };
    text.parse().ok()
}

/// How far a subscription has been served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Everything up to here,
    pub cursor: Seq,
    /// but for these, whose letter never went out,
    pub owed: Seqs,
    /// and beyond it these, which went out before their turn.
    pub apart: Seqs,
}

impl Served {
    /// Everything up to here.
    pub fn up_to(cursor: Seq) -> Self {
        Self {
            cursor,
            owed: Seqs::default(),
            apart: Seqs::default(),
        }
    }

    /// Whether this one is yet to come.
    pub fn lacks(&self, seq: Seq) -> bool {
        self.owed.contains(seq) || (seq > self.cursor && !self.apart.contains(seq))
    }

    /// What may be lacking lies after this.
    pub fn floor(&self) -> Seq {
        let owed = self.owed.first().map(|seq| Seq(seq.0 - 1));
        owed.map_or(self.cursor, |owed| owed.min(self.cursor))
    }

    /// After a digest that was cut there.
    #[must_use]
    pub fn after(&self, to: Seq) -> Self {
        let cursor = self.cursor.max(to);
        Self {
            cursor,
            owed: self.owed.clone().only(|seq| seq > to),
            apart: self.apart.clone().only(|seq| seq > cursor),
        }
    }

    /// After this one went out on its own.
    #[must_use]
    pub fn after_one(&self, one: Seq) -> Self {
        let apart = self.apart.clone();
        Self {
            cursor: self.cursor,
            owed: self.owed.clone().only(|seq| seq != one),
            apart: if one > self.cursor {
                apart.and(one)
            } else {
                apart
            },
        }
    }
}

/// What lies in one window: the articles yet to come that the list takes and the reader chose,
/// newest first. `candidates` are newest first and end at the digest's own seq.
pub fn articles<'a>(
    candidates: &'a [Candidate],
    list: &List,
    choice: &TopicChoice,
    served: &Served,
) -> Vec<&'a Candidate> {
    let floor = served.floor();
    candidates
        .iter()
        .take_while(|article| article.seq > floor)
        .filter(|article| served.lacks(article.seq))
        .filter(|article| list.takes(&article.topics) && choice.takes(&article.topics))
        .collect()
}

/// Whether so few articles wait for more to keep them company.
pub fn waits_for_company(window: &[&Candidate], pace: &Pace, now: Stamp) -> bool {
    let least = usize::try_from(pace.least).unwrap_or(usize::MAX);
    let oldest = window.iter().map(|article| article.published_at).min();
    window.len() < least && oldest.is_some_and(|oldest| now - oldest < pace.longest_wait())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::article::ArticleId;
    use crate::audience::list::Hour;
    use crate::audience::pace::Days;

    const GATHER: TimeDelta = TimeDelta::minutes(5);

    fn next_beat(beat: Beat, after: Stamp) -> Stamp {
        super::next_beat(beat, GATHER, after)
    }

    fn beat(cadence: Cadence, days: Days, hour: i64) -> Beat {
        Beat {
            cadence,
            days,
            hour: Hour::try_from(hour).unwrap(),
            zone: Tz::Europe__Kyiv,
        }
    }

    fn at(text: &str) -> Stamp {
        DateTime::parse_from_rfc3339(text).unwrap().into()
    }

    fn daily(hour: i64) -> Beat {
        beat(Cadence::Daily, Days::NONE, hour)
    }

    #[test]
    fn eight_in_the_morning_is_eight_in_summer_and_in_winter() {
        assert_eq!(
            next_beat(daily(8), at("2026-07-01T12:00:00Z")),
            at("2026-07-02T05:00:00Z")
        );
        assert_eq!(
            next_beat(daily(8), at("2026-12-01T12:00:00Z")),
            at("2026-12-02T06:00:00Z")
        );
    }

    #[test]
    fn a_skipped_hour_is_the_first_instant_after_it() {
        assert_eq!(
            next_beat(daily(3), at("2026-03-28T22:00:00Z")),
            at("2026-03-29T01:00:00Z")
        );
    }

    #[test]
    fn an_hour_that_comes_twice_counts_once() {
        let first = next_beat(daily(3), at("2026-10-24T21:00:00Z"));
        assert_eq!(first, at("2026-10-25T00:00:00Z"));
        assert_eq!(next_beat(daily(3), first), at("2026-10-26T01:00:00Z"));
        let key = period_key(daily(3), first);
        assert_eq!(key, period_key(daily(3), first + TimeDelta::hours(1)));
        assert_eq!(key, "2026-10-25T03 Europe/Kyiv");
    }

    #[test]
    fn six_days_of_silence_are_one_period() {
        assert_eq!(
            period_key(daily(8), at("2026-11-23T10:00:00Z")),
            "2026-11-23T08 Europe/Kyiv"
        );
        assert_eq!(
            period_key(daily(8), at("2026-11-23T05:59:59Z")),
            "2026-11-22T08 Europe/Kyiv"
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let weekly = beat(Cadence::Weekly, Days::NONE, 9);
        assert_eq!(
            next_beat(weekly, at("2026-11-24T12:00:00Z")),
            at("2026-11-30T07:00:00Z")
        );
        let monthly = beat(Cadence::Monthly, Days::NONE, 9);
        assert_eq!(
            next_beat(monthly, at("2026-11-24T12:00:00Z")),
            at("2026-12-01T07:00:00Z")
        );
    }

    #[test]
    fn chosen_days_are_their_own_periods() {
        let (early, late) = ("mon,wed".parse().unwrap(), "wed,sun".parse().unwrap());
        let wednesday = at("2026-11-25T07:00:00Z");
        let next = |days| super::next_beat(beat(Cadence::Weekdays, days, 9), GATHER, wednesday);
        assert_eq!(next(early), at("2026-11-30T07:00:00Z"));
        assert_eq!(next(late), at("2026-11-29T07:00:00Z"));
        let key = |days| period_key(beat(Cadence::Weekdays, days, 9), wednesday);
        assert_eq!(key(early), "2026-11-25T09 Europe/Kyiv mon,wed");
        assert_ne!(key(early), key(late));
    }

    proptest! {
        #[test]
        fn the_next_beat_is_always_ahead(minutes in 0_i64..5_000_000, hour in 0_i64..24, cadence in 0_usize..6, days in 1_i64..128) {
            let after = at("2024-01-01T00:00:00Z") + TimeDelta::minutes(minutes);
            let cadence = Cadence::ALL[cadence];
            let days = if cadence == Cadence::Weekdays { Days::try_from(days).unwrap() } else { Days::NONE };
            let next = next_beat(beat(cadence, days, hour), after);
            prop_assert!(next > after);
            prop_assert!(next - after <= TimeDelta::days(32));
        }

        #[test]
        fn windows_tile_the_order_of_publication(cuts in prop::collection::vec(1_i64..50, 1..8)) {
            let list_takes_all = sample_list();
            let candidates: Vec<Candidate> = (1..=400).rev()
                .map(|seq| Candidate { id: ArticleId(seq), seq: Seq(seq), topics: vec![], published_at: Stamp(0) }).collect();
            let (mut served, mut seen) = (Served::up_to(Seq(0)), Vec::new());
            for cut in cuts {
                let to = served.cursor.0 + cut;
                let upto: Vec<Candidate> = candidates.iter().filter(|article| article.seq.0 <= to).cloned().collect();
                let mut window = articles(&upto, &list_takes_all, &TopicChoice::default(), &served);
                window.reverse();
                seen.extend(window.into_iter().map(|article| article.seq.0));
                served = served.after(Seq(to));
            }
            prop_assert_eq!(seen, (1..=served.cursor.0).collect::<Vec<_>>());
        }
    }

    fn sample_list() -> List {
        List {
            id: crate::audience::list::ListId(1),
            slug: "news".parse().unwrap(),
            name: "News".into(),
            description: String::new(),
            sender: "news@example.org".parse().unwrap(),
            language: crate::locale::Language::Uk,
            zone: Tz::Europe__Kyiv,
            hour: Hour::MIDNIGHT,
            cadences: vec![Cadence::Daily],
            topics: vec![],
            review: crate::audience::list::Review::Auto,
            pace: Pace::default(),
            created_at: Stamp(0),
        }
    }
}
