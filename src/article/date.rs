//! A date in a stranger's words in, a date with an offset out, or none. Never invented.
//!
//! Not a table of layouts: a text is cut into tokens, each token is understood on its own
//! (a clock time, a month's name, a zone, a number), and a date is what they make together.
//! So RFC 3339, RFC 2822 with its near-misses, «26 червня 2023 р. о 17:07», «вчора, 17:07» and
//! «June 26, 2023 5:07 pm» are one grammar. A token that means nothing spoils the text, so
//! prose is never taken for a date. Numeric dates are day first unless that's impossible.
//! A month or a year alone is no date.

use chrono::{DateTime, Datelike, Days, FixedOffset, LocalResult, Months, NaiveDate};
use chrono::{NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::article::sentence::Sentence;
use crate::article::words::Unit;
use crate::article::words::full_year;
use crate::article::words::tokens;
use crate::clock::Stamp;

/// Characters of the longest text that may be a date.
const LONGEST: usize = 120;

/// Reads a date as feeds and pages write it, in Ukrainian or English, or with a month's name in a
/// neighbour's language. A text without a zone is
/// in `zone`; a day alone is its midnight there; «вчора» and «3 години тому» count from `now`.
/// `None` if it can't be read: a date is never invented. Neither is one before 1900, after 2200,
/// or at the very epoch, which is how broken clocks write "unknown".
pub fn read(text: &str, zone: Tz, now: Stamp) -> Option<DateTime<FixedOffset>> {
    let text = text.trim();
    if text.is_empty() || text.chars().nth(LONGEST).is_some() {
        return None;
    }
    let (text, zone) = match text.rsplit_once(' ') {
        Some((local, name)) if name.contains('/') => match name.parse() {
            Ok(named) => (local, named),
            Err(_) => (text, zone),
        },
        _ => (text, zone),
    };
    let text = text.to_lowercase();
    let text = text.replace("a.m.", "am").replace("p.m.", "pm");
    let text = without_counters(text);
    let tokens = tokens(&text);
    let mut sentence = Sentence::default();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        rest = sentence.take(rest)?;
    }
    let here = zone.from_utc_datetime(&now.utc().naive_utc());
    let found = writable(sentence.moment(here)?);
    let year = found.year();
    ((1900..=2200).contains(&year) && found.timestamp() != 0).then_some(found)
}

/// Japanese, Chinese and Korean dates with signs between the numbers: 「2023年6月26日 17時07分」.
fn without_counters(text: String) -> String {
    if !text.contains(['年', '년']) {
        return text;
    }
    let signs = text.chars().map(|c| match c {
        '年' | '년' | '月' | '월' => '-',
        '時' | '时' | '点' | '시' => ':',
        '日' | '일' | '分' | '분' | '秒' | '초' => ' ',
        other => other,
    });
    signs
        .collect::<String>()
        .trim()
        .trim_end_matches('-')
        .to_owned()
}

/// The same time of day with an offset of whole minutes: RFC 3339 writes no others, but clocks went by
/// the sun once, in Kyiv by 2:02:04.
fn writable(found: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    let seconds = found.offset().local_minus_utc();
    let whole = FixedOffset::east_opt(seconds - seconds % 60);
    let moved = whole.and_then(|whole| whole.from_local_datetime(&found.naive_local()).single());
    moved.unwrap_or(found)
}

impl Sentence {
    /// The moment that was meant; `here` is the present at the source.
    fn moment(&self, here: DateTime<Tz>) -> Option<DateTime<FixedOffset>> {
        let relative = self.date.is_none() && self.month.is_none() && self.numbers.is_empty();
        if self.now || !self.spans.is_empty() {
            let alone = relative && self.time.is_none() && self.days_back.is_none();
            return if alone && self.now != self.ago {
                self.back_from(here)
            } else {
                None
            };
        }
        if self.ago {
            return None;
        }
        let day = match (self.date, self.month, self.days_back) {
            (Some(date), None, None) if self.numbers.is_empty() => date,
            (None, Some(month), None) => self.named_day(month)?,
            (None, None, Some(days)) if self.numbers.is_empty() => {
                here.date_naive().checked_sub_days(Days::new(days))?
            }
            _ => return None,
        };
        let clock = self.time.map_or(NaiveTime::MIN, |time| time.clock);
        let later = u64::from(self.time.is_some_and(|time| time.day_after));
        let local = day.checked_add_days(Days::new(later))?.and_time(clock);
        match self.zone.filter(|_| self.time.is_some()) {
            Some(seconds) => FixedOffset::east_opt(seconds)?
                .from_local_datetime(&local)
                .single(),
            None => on_the_wall(local, here.timezone()),
        }
    }

    /// «3 години тому», «щойно».
    fn back_from(&self, here: DateTime<Tz>) -> Option<DateTime<FixedOffset>> {
        let mut local = here.naive_local();
        let mut exact = TimeDelta::zero();
        for (amount, unit) in &self.spans {
            match unit {
                Unit::Seconds(each) => exact += TimeDelta::seconds(i64::from(*amount) * each),
                Unit::Days(each) => {
                    let days = u64::from(*amount) * u64::from(*each);
                    local = local.checked_sub_days(Days::new(days))?;
                }
                Unit::Months(each) => {
                    local = local.checked_sub_months(Months::new(amount.checked_mul(*each)?))?;
                }
            }
        }
        let zone = here.timezone();
        let day = if local == here.naive_local() {
            here
        } else {
            on_the_wall(local, zone)?.with_timezone(&zone)
        };
        Some(day.checked_sub_signed(exact)?.fixed_offset())
    }

    /// A day and a year beside a month's name, in either order.
    fn named_day(&self, month: u32) -> Option<NaiveDate> {
        let [first, second] = self.numbers.as_slice() else {
            return None;
        };
        let ((day, digits), (year, length)) = if first.1 >= 3 {
            (*second, *first)
        } else {
            (*first, *second)
        };
        if digits > 2 || !(2..=4).contains(&length) {
            return None;
        }
        let year = i32::try_from(full_year(year, length)).ok()?;
        NaiveDate::from_ymd_opt(year, month, u32::try_from(day).ok()?)
    }
}

/// The instant when clocks in the zone show `local`: the first of two, and, where clocks skip
/// it, the later reading (as if they hadn't been moved yet).
fn on_the_wall(local: NaiveDateTime, zone: Tz) -> Option<DateTime<FixedOffset>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(one) => Some(one.fixed_offset()),
        LocalResult::Ambiguous(first, _) => Some(first.fixed_offset()),
        LocalResult::None => {
            let before = local.checked_sub_signed(TimeDelta::hours(24))?;
            let before = zone.from_local_datetime(&before).earliest()?;
            let later = before.checked_add_signed(TimeDelta::hours(24))?;
            Some(later.fixed_offset())
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;
    use proptest::prelude::*;

    use super::*;

    /// Monday 2024-07-01, 12:30 in Kyiv.
    fn read_now(text: &str) -> Option<String> {
        let now = DateTime::parse_from_rfc3339("2024-07-01T12:30:00+03:00").unwrap();
        read(text, Kyiv, now.into()).map(|date| date.to_rfc3339())
    }

    #[track_caller]
    fn all_mean(expected: &str, texts: &[&str]) {
        for text in texts {
            assert_eq!(read_now(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_date_of_the_press_release_is_read_in_each_manner() {
        all_mean(
            "2023-06-26T17:07:00+03:00",
            &[
                "26 червня 2023, 17:07",
                "26 червня 2023 р. о 17:07",
                "26 червня 2023 року, о 17.07",
                "26 червня 2023 17.07",
                "Пн, 26 чер 2023 17:07:00 +0300",
                "понеділок, 26 Червня 2023 - 17:07",
                "17:07, 26 червня 2023",
                "17:07 – 26.06.2023",
                "Опубліковано: 26 червня 2023 року о 17:07",
                "Червень 26, 2023 17:07",
                "26 June 2023 at 17:07",
                "June 26, 2023 5:07 pm",
                "June 26th, 2023, 5:07 p.m.",
                "26.06.2023 17:07",
                "26.06.23, 17:07",
                "26/06/2023 17:07",
                "6/26/2023 5:07 PM",
                "2023-06-26 17:07",
                "2023-06-26T17:07:00",
                "2023/06/26 17:07:00",
                "20230626T170700",
                "20230626170700",
                "Mon Jun 26 17:07:00 2023",
                "2023 червень 26, 17:07",
                "26 чeрвня 2023, 17:07",
                "«26» червня 2023 року, 17 год. 07 хв.",
                "Mon, 26 Jun 2023 17:7:0 Europe/Kyiv",
                "2023年6月26日 17時07分",
                "2023년 6월 26일 17:07",
            ],
        );
    }

    #[test]
    fn months_are_known_in_the_neighbours_languages() {
        all_mean(
            "2023-06-26T17:07:00+03:00",
            &[
                "26 июня 2023 г. в 17:07",
                "понедельник, 26 июня 2023, 17:07",
                "26 czerwca 2023, 17:07",
                "Montag, 26. Juni 2023 um 17:07 Uhr",
                "am 26. Juni 2023, 17:07",
                "lundi 26 juin 2023 à 17:07",
                "26 de junio de 2023, 17:07",
                "26 giugno 2023 ore 17:07",
                "26 de junho de 2023 17:07",
            ],
        );
    }

    #[test]
    fn a_zone_in_the_text_is_kept() {
        all_mean(
            "2023-06-26T14:07:00+00:00",
            &[
                "2023-06-26T14:07:00Z",
                "Mon, 26 Jun 2023 14:07:00 GMT",
                "Mon 26 Jun 2023 14:07 UT",
                "26 Jun 23 14:07:00 +0000",
                "2023-06-26 14:07:00 UTC",
                "26/Jun/2023:14:07:00 +0000",
                "Mon, 26 Jun 2023 14:07:00 -0000 (UTC)",
            ],
        );
        all_mean(
            "2023-06-26T10:07:00-04:00",
            &[
                "Mon, 26 Jun 2023 10:07:00 EDT",
                "2023-06-26T10:07-0400",
                "Mon Jun 26 10:07:00 -0400 2023",
                "Mon Jun 26 10:07:00 EDT 2023",
                "Mon, 26 Jun 2023 10:07:00 EDT-0400",
            ],
        );
        all_mean(
            "2023-06-26T17:07:00+03:00",
            &[
                "2023-06-26T17:07:00+03",
                "2023-06-26T17:07:00+03:0",
                "2023-06-26 17:07:00+03:00[Europe/Kyiv]",
                "26 Jun 2023 17:07 EEST",
                "26 Jun 2023 17:07 GMT+3",
                "Mon, 6 Jun 2023 17:07 +300"
                    .replace("6 Jun", "26 Jun")
                    .as_str(),
            ],
        );
        all_mean(
            "2023-06-26T17:07:00.250+03:00",
            &[
                "2023-06-26T17:07:00.25+03:00",
                "2023-06-26T17:07:00:250+03:00",
            ],
        );
    }

    #[test]
    fn a_day_alone_is_its_midnight() {
        all_mean(
            "2024-01-01T00:00:00+02:00",
            &[
                "1 січня 2024",
                "01.01.2024",
                "1 січ. 2024 р.",
                "2024-01-01",
                "20240101",
                "Jan 1, 2024",
                "1-Jan-2024",
                "2024-001",
            ],
        );
        all_mean("2024-01-02T00:00:00+02:00", &["01.01.2024 24:00"]);
    }

    #[test]
    fn words_count_from_now() {
        for (text, expected) in [
            ("сьогодні о 09:15", "2024-07-01T09:15:00+03:00"),
            ("Сьогодні, 9:15", "2024-07-01T09:15:00+03:00"),
            ("вчора, 17:07", "2024-06-30T17:07:00+03:00"),
            ("позавчора", "2024-06-29T00:00:00+03:00"),
            ("yesterday at 5:07 pm", "2024-06-30T17:07:00+03:00"),
            ("3 години тому", "2024-07-01T09:30:00+03:00"),
            ("годину тому", "2024-07-01T11:30:00+03:00"),
            ("1 год 20 хв тому", "2024-07-01T11:10:00+03:00"),
            ("2 days ago", "2024-06-29T12:30:00+03:00"),
            ("5 днів тому", "2024-06-26T12:30:00+03:00"),
            ("тиждень тому", "2024-06-24T12:30:00+03:00"),
            ("6 місяців тому", "2024-01-01T12:30:00+02:00"),
            ("2 роки тому", "2022-07-01T12:30:00+03:00"),
            ("1 рік тому", "2023-07-01T12:30:00+03:00"),
            ("an hour ago", "2024-07-01T11:30:00+03:00"),
            ("щойно", "2024-07-01T12:30:00+03:00"),
            ("just now", "2024-07-01T12:30:00+03:00"),
        ] {
            assert_eq!(read_now(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            " ",
            "0",
            "0000-00-00",
            "0000-00-00 00:00:00",
            "1970-01-01T00:00:00Z",
            "30 лют 2024",
            "31.06.2023",
            "26 червня",
            "26 червня, 17:07",
            "червень 2023",
            "2023",
            "26.06",
            "17:07",
            "Пн",
            "пн, 17:07",
            "тому",
            "3 години",
            "26 червня 2023, 25:07",
            "2023-13-01",
            "32.01.2023",
            "1899-12-31",
            "2201-01-01",
            "99999999999999999999999",
            "26 червня повідомив директор",
            "Новини",
            "кілька годин тому",
            "26 червня 2023 27 червня 2023",
            "2023-06-26 2023-06-27",
            "1 2 3",
            "-",
            "+0300",
            "2023-06-26T17:07:00+9900",
            "Mon, 26 Jun 2023 17:07:00 Nowhere",
            "4294967295 роки тому",
            "18446744073709551615 днів тому",
            "99999999 років тому",
            "12.12.12.12",
            "112",
            "36014",
        ] {
            assert_eq!(read_now(text), None, "{text}");
        }
    }

    #[test]
    fn the_night_when_clocks_move_follows_the_rule() {
        all_mean("2024-03-31T04:30:00+03:00", &["31 березня 2024, 03:30"]);
        all_mean("2024-10-27T03:30:00+03:00", &["27 жовтня 2024, 03:30"]);
    }

    const GENITIVE: [&str; 12] = [
        "січня",
        "лютого",
        "березня",
        "квітня",
        "травня",
        "червня",
        "липня",
        "серпня",
        "вересня",
        "жовтня",
        "листопада",
        "грудня",
    ];
    const SHORT: [&str; 12] = [
        "січ", "лют", "бер", "кві", "тра", "чер", "лип", "сер", "вер", "жов", "лис", "гру",
    ];

    #[test]
    fn every_day_of_six_years_comes_back_from_every_manner() {
        let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        for (number, date) in first.iter_days().take(6 * 365).enumerate() {
            let (day, month, year) = (date.day(), date.month0() as usize, date.year());
            let (hour, minute) = (4 + number % 20, number % 60);
            let (genitive, short) = (GENITIVE[month], SHORT[month]);
            for text in [
                format!("{day} {genitive} {year}, {hour:02}:{minute:02}"),
                format!("{day} {genitive} {year} року о {hour}:{minute:02}"),
                format!("{day:02} {short}. {year} р. {hour:02}:{minute:02}:00"),
                format!("{hour:02}:{minute:02} | {day:02}.{:02}.{year}", month + 1),
                format!("{} {hour:02}:{minute:02}", date.format("%-d %B %Y")),
                format!("{} {hour:02}:{minute:02}", date.format("%a, %b %e, %Y")),
                format!("{date}T{hour:02}:{minute:02}:00"),
            ] {
                let expected = format!("{date}T{hour:02}:{minute:02}:00");
                let found = read_now(&text).unwrap_or_default();
                assert!(found.starts_with(&expected), "{text}: {found}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_the_reader(text in ".{0,60}|[0-9:./+TZ -]{0,40}|([0-9]{1,20}|січня|тому|вчора|pm|о|днів|місяців| |:|-){0,9}") {
            let now = Stamp(1_700_000_000_000);
            if let Some(date) = read(&text, Kyiv, now) {
                prop_assert!((1900..=2200).contains(&date.year()));
            }
        }

        #[test]
        fn what_we_write_we_read(seconds in -2_000_000_000_i64..7_000_000_000, minutes in -720_i32..720) {
            prop_assume!(seconds != 0);
            let offset = FixedOffset::east_opt(minutes * 60).unwrap();
            let date = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&offset);
            prop_assume!((1950..2049).contains(&date.year()));
            prop_assert_eq!(read(&date.to_rfc3339(), Kyiv, Stamp(0)), Some(date));
            prop_assert_eq!(read(&date.to_rfc2822(), Kyiv, Stamp(0)), Some(date));
        }
    }
}
