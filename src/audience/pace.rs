//! When a list's digests come, and how they're gathered and reviewed: the beat that a reader
//! chooses, and the pace that the list sets.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::Deserialize;
use serde::Serialize;

use crate::audience::list::Cadence;
use crate::audience::list::Hour;

/// Days of the week: bits, Monday the lowest. As text `mon,wed,fri`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Days(u8);

/// Names of days, in order: what calendars, forms and the command line call them.
pub const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Days {
    /// No days: for every cadence but weekdays.
    pub const NONE: Self = Self(0);
    /// Monday to Friday.
    pub const WORKING: Self = Self(0b001_1111);

    /// As the database keeps them.
    pub fn bits(self) -> i64 {
        i64::from(self.0)
    }

    /// Whether none is chosen.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each day's name, and whether it is chosen.
    pub fn each(self) -> impl Iterator<Item = (&'static str, bool)> {
        let chosen = move |bit: usize| self.0 & (1 << bit) != 0;
        DAY_NAMES
            .into_iter()
            .enumerate()
            .map(move |(bit, name)| (name, chosen(bit)))
    }
}

/// Why a text is no [`Days`].
#[derive(Debug, thiserror::Error)]
#[error("expected days such as `mon,wed,fri`, but got `{0}`")]
pub struct BadDays(String);

impl TryFrom<i64> for Days {
    type Error = BadDays;
    fn try_from(bits: i64) -> Result<Self, BadDays> {
        u8::try_from(bits)
            .ok()
            .filter(|bits| *bits < 128)
            .map(Self)
            .ok_or_else(|| BadDays(bits.to_string()))
    }
}

impl FromStr for Days {
    type Err = BadDays;
    fn from_str(text: &str) -> Result<Self, BadDays> {
        let bad = || BadDays(text.chars().take(60).collect());
        let mut bits = 0;
        for name in text.split([',', ';', ' ']).filter(|name| !name.is_empty()) {
            let name = name.to_lowercase();
            let day = DAY_NAMES.iter().position(|day| *day == name);
            bits |= 1 << day.ok_or_else(bad)?;
        }
        Some(Self(bits))
            .filter(|days| !days.is_empty())
            .ok_or_else(bad)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chosen: Vec<&str> = self
            .each()
            .filter_map(|(name, chosen)| chosen.then_some(name))
            .collect();
        f.write_str(&chosen.join(","))
    }
}

impl Serialize for Days {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// When digests come: what everybody in one rhythm shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Beat {
    /// How often.
    pub cadence: Cadence,
    /// On which days, if weekdays were chosen; else none.
    pub days: Days,
    /// At which hour, for daily and rarer.
    pub hour: Hour,
    /// By which clock.
    pub zone: Tz,
}

/// How a list's digests are gathered, reviewed, and how long they're worth sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Minutes for which immediate digests gather before the next goes out.
    pub gather: u32,
    /// The days of weekday digests for whoever doesn't choose.
    pub days: Days,
    /// Articles that make a digest worth a letter; with fewer it waits for the next beat.
    pub least: u32,
    /// Hours that an article waits for company at most.
    pub longest_wait: u32,
    /// Hours that a held digest waits for a person; 0 is for ever.
    pub review_hours: u32,
    /// What becomes of it when nobody says anything.
    pub silence: Silence,
    /// Hours after which a digest that couldn't go out isn't worth sending: its articles come with
    /// the next.
    pub worth: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: 5,
            days: Days::WORKING,
            least: 1,
            longest_wait: 7 * 24,
            review_hours: 0,
            silence: Silence::Hold,
            worth: 48,
        }
    }
}

impl Pace {
    /// How long immediate digests gather.
    pub fn gathering(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.gather.clamp(1, 24 * 60)))
    }

    /// How long a letter is worth sending.
    pub fn worth(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.worth.max(1)))
    }

    /// How long a person has to review a digest, if there's an end to it.
    pub fn review(&self) -> Option<TimeDelta> {
        (self.review_hours > 0).then(|| TimeDelta::hours(i64::from(self.review_hours)))
    }

    /// How long after its cut letters of a digest may still be made.
    pub fn stale_after(&self) -> TimeDelta {
        self.worth() + self.review().unwrap_or_default()
    }

    /// How long an article waits for company.
    pub fn longest_wait(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.longest_wait))
    }
}

/// What becomes of a held digest when the time for its review is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Silence {
    /// It goes out.
    Send,
    /// It waits on.
    #[default]
    Hold,
}

impl Silence {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Hold => "hold",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_survive_the_database_and_the_command_line() {
        let days: Days = "fri, mon;WED".parse().unwrap();
        assert_eq!(days.to_string(), "mon,wed,fri");
        assert_eq!(Days::try_from(days.bits()).unwrap(), days);
        assert_eq!(Days::WORKING.to_string(), "mon,tue,wed,thu,fri");
        for bad in ["", "someday", "mon,2"] {
            assert!(bad.parse::<Days>().is_err(), "{bad}");
        }
        assert!(Days::try_from(128).is_err());
    }

    #[test]
    fn what_a_pace_doesnt_say_is_as_by_default() {
        let pace: Pace = serde_json::from_str(r#"{"least":3}"#).unwrap();
        assert_eq!(
            pace,
            Pace {
                least: 3,
                ..Pace::default()
            }
        );
    }
}
