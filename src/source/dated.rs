//! A date as a feed writes it in, the date out, or a problem that names the words.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono_tz::Tz;

use crate::article::date;
use crate::clock::Stamp;
use crate::source::problems::Problems;
use crate::source::problems::quote;

/// Reads a date; without a zone it is in UTC. The first moment of 1970 is what programs write
/// that know no date, and no news is that old.
pub(crate) fn dated(
    text: &str,
    now: Stamp,
    problems: &mut Problems,
) -> Option<DateTime<FixedOffset>> {
    let text = text.trim();
    let date = date::read(text, Tz::UTC, now).filter(|date| date.timestamp() != 0);
    if date.is_none() && !text.is_empty() {
        problems.add(format!("expected a date, but got {}", quote(text)));
    }
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_says_nothing_is_none() {
        for (text, said) in [
            ("", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
            ("31 Feb, maybe", 1),
        ] {
            let mut problems = Problems::default();
            assert_eq!(dated(text, Stamp(0), &mut problems), None);
            assert_eq!(problems.into_vec().len(), said, "{text}");
        }
    }
}
