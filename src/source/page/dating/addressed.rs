//! An article's address in, the day that it names out.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta};
use url::Url;

use crate::article::date;
use crate::source::read::How;

/// The day in an address: `/2023/06/26/`, `/2023-06-26-…`, `/20230626/`, `/26-06-2023-…`. Its
/// midnight; none in the future.
pub(super) fn day_in(url: &Url, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let parts: Vec<&str> = url.path_segments()?.collect();
    let apart = parts.windows(3).filter_map(|three| match three {
        [year, month, day] if year.len() == 4 => day_of(year, month, day),
        _ => None,
    });
    let joined = parts.iter().filter_map(|part| {
        let (year, rest) = part.split_at_checked(4)?;
        let (month, rest) = match rest.strip_prefix('-') {
            Some(rest) => (rest.get(..2)?, rest.get(2..)?.strip_prefix('-')?),
            None => (rest.get(..2)?, rest.get(2..)?),
        };
        let (day, rest) = rest.split_at_checked(2)?;
        let ends = !rest.starts_with(|c: char| c.is_ascii_digit());
        day_of(year, month, day).filter(|_| ends)
    });
    let turned = parts.iter().filter_map(|part| {
        let mut parts = part.splitn(4, '-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        day_of(year, month, day).filter(|_| year.len() == 4)
    });
    let day = apart.chain(joined).chain(turned).next()?;
    let tomorrow = how.now.utc().checked_add_signed(TimeDelta::days(1))?;
    let text = day.format("%Y-%m-%d").to_string();
    date::read(&text, how.zone, how.now).filter(|date| *date <= tomorrow)
}

fn day_of(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let number = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 4;
        text.parse::<u32>().ok().filter(|_| plain)
    };
    let year = i32::try_from(number(year)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)?;
    (day.year() >= 1995).then_some(day)
}
