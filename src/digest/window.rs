//! When digests are due, and what lies in a window. Pure: moments in, moments out.
//!
//! Hours are wall-clock hours of a zone. Where a change of clocks skips the hour, the first valid
//! instant after it counts; where it comes twice, the first.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono_tz::Tz;
use croner::Cron;

use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::list::Cadence;
use crate::audience::list::Candidate;
use crate::audience::list::Hour;
use crate::audience::list::List;
use crate::audience::subscription::TopicChoice;
use crate::clock::Stamp;

/// How long immediate digests gather before the next goes out.
pub const GATHER: TimeDelta = TimeDelta::minutes(5);

/// The first beat after `after`.
pub fn next_beat((cadence, hour, zone): (Cadence, Hour, Tz), after: Stamp) -> Stamp {
    let Some(pattern) = pattern(cadence, hour) else {
        return after + GATHER;
    };
    let local = after.utc().with_timezone(&zone);
    let next = pattern.find_next_occurrence(&local, false).map(Stamp::from);
    // A calendar that finds nothing, or looks back, must not make a digest ring for ever.
    next.ok()
        .filter(|next| *next > after)
        .unwrap_or(after + TimeDelta::hours(1))
}

/// What makes a digest unique on its list and cadence: the latest beat at or before `now`, as a
/// local date, hour and zone, e.g. `2026-11-23T08 Europe/Kyiv`. After six days' silence that is one
/// period, not six. Immediate digests have no periods: each is its own.
pub fn period_key((cadence, hour, zone): (Cadence, Hour, Tz), now: Stamp) -> String {
    let Some(pattern) = pattern(cadence, hour) else {
        return format!("at {now}");
    };
    let local = now.utc().with_timezone(&zone);
    let beat: DateTime<Tz> = pattern
        .find_previous_occurrence(&local, true)
        .unwrap_or(local);
    match cadence {
        // An hour that comes twice is two periods.
        Cadence::Hourly => format!("{} {zone}", beat.format("%Y-%m-%dT%H%z")),
        _ => format!("{}T{:02} {zone}", beat.format("%Y-%m-%d"), hour.number()),
    }
}

fn pattern(cadence: Cadence, hour: Hour) -> Option<Cron> {
    let hour = hour.number();
    let text = match cadence {
        Cadence::Immediate => return None,
        Cadence::Hourly => "0 * * * *".to_owned(),
        Cadence::Daily => format!("0 {hour} * * *"),
        Cadence::Weekly => format!("0 {hour} * * MON"),
        Cadence::Monthly => format!("0 {hour} 1 * *"),
    };
    text.parse().ok()
}

/// What lies in one window: the articles after `cursor` that the list takes and the reader chose,
/// newest first. `candidates` are newest first and end at the digest's own seq.
pub fn articles(
    candidates: &[Candidate],
    list: &List,
    choice: &TopicChoice,
    cursor: Seq,
) -> Vec<ArticleId> {
    candidates
        .iter()
        .take_while(|article| article.seq > cursor)
        .filter(|article| list.takes(&article.topics) && choice.takes(&article.topics))
        .map(|article| article.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Stamp {
        DateTime::parse_from_rfc3339(text).unwrap().into()
    }

    fn daily(hour: i64) -> (Cadence, Hour, Tz) {
        (
            Cadence::Daily,
            Hour::try_from(hour).unwrap(),
            Tz::Europe__Kyiv,
        )
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
        let weekly = (
            Cadence::Weekly,
            Hour::try_from(9).unwrap(),
            Tz::Europe__Kyiv,
        );
        assert_eq!(
            next_beat(weekly, at("2026-11-24T12:00:00Z")),
            at("2026-11-30T07:00:00Z")
        );
        let monthly = (
            Cadence::Monthly,
            Hour::try_from(9).unwrap(),
            Tz::Europe__Kyiv,
        );
        assert_eq!(
            next_beat(monthly, at("2026-11-24T12:00:00Z")),
            at("2026-12-01T07:00:00Z")
        );
    }

    proptest! {
        #[test]
        fn the_next_beat_is_always_ahead(minutes in 0_i64..5_000_000, hour in 0_i64..24, cadence in 0_usize..5) {
            let after = at("2024-01-01T00:00:00Z") + TimeDelta::minutes(minutes);
            let rhythm = (Cadence::ALL[cadence], Hour::try_from(hour).unwrap(), Tz::Europe__Kyiv);
            let next = next_beat(rhythm, after);
            prop_assert!(next > after);
            prop_assert!(next - after <= TimeDelta::days(32));
        }

        #[test]
        fn windows_tile_the_order_of_publication(cuts in prop::collection::vec(1_i64..50, 1..8)) {
            let list_takes_all = sample_list();
            let candidates: Vec<Candidate> = (1..=400).rev()
                .map(|seq| Candidate { id: ArticleId(seq), seq: Seq(seq), topics: vec![] }).collect();
            let (mut cursor, mut seen) = (0, Vec::new());
            for cut in cuts {
                let to = cursor + cut;
                let upto: Vec<Candidate> = candidates.iter().filter(|article| article.seq.0 <= to).cloned().collect();
                let mut window = articles(&upto, &list_takes_all, &TopicChoice::default(), Seq(cursor));
                window.reverse();
                seen.extend(window.into_iter().map(|id| id.0));
                cursor = to;
            }
            prop_assert_eq!(seen, (1..=cursor).collect::<Vec<_>>());
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
            created_at: Stamp(0),
        }
    }
}
