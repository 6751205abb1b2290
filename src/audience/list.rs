//! A newsletter that people can subscribe to.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::article::ArticleId;
use crate::audience::pace::Beat;
use crate::audience::pace::Days;
use crate::audience::pace::Pace;
use crate::clock::Stamp;
use crate::config::Mailbox;
use crate::locale::Language;

/// A list's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct ListId(pub i64);

/// A topic's number. Lists and subscriptions name topics by it, so that a new name changes nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize, Deserialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct TopicId(pub i64);

/// A newsletter: who sends it, when, and which articles it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// Our number for it.
    pub id: ListId,
    /// Its name in addresses; never changes.
    pub slug: Slug,
    /// As people read it.
    pub name: String,
    /// A sentence or two, may be empty.
    pub description: String,
    /// Who its letters come from.
    pub sender: Mailbox,
    /// The language it's offered in first.
    pub language: Language,
    /// Where its hours are counted for whoever doesn't choose.
    pub zone: Tz,
    /// The hour (0–23) for whoever doesn't choose.
    pub hour: Hour,
    /// What a subscriber may choose from, the first by default; never empty.
    pub cadences: Vec<Cadence>,
    /// Topics that qualify an article; empty means all.
    pub topics: Vec<TopicId>,
    /// Whether its digests wait for a person.
    pub review: Review,
    /// How its digests are gathered and reviewed.
    pub pace: Pace,
    /// When it was made.
    pub created_at: Stamp,
}

impl List {
    /// Whether an article that had these topics when it was published belongs to this list.
    pub fn takes(&self, topics: &[TopicId]) -> bool {
        self.topics.is_empty() || topics.iter().any(|topic| self.topics.contains(topic))
    }

    /// The beat of a subscriber who chose this. A list that is held for review keeps its own days,
    /// hour and zone, so that one review covers everybody.
    pub fn beat(&self, cadence: Cadence, choice: (Option<Days>, Option<Hour>, Tz)) -> Beat {
        let (days, hour, zone) = match (cadence, self.review) {
            (Cadence::Immediate | Cadence::Hourly, _) => (None, Some(Hour::MIDNIGHT), Tz::UTC),
            (_, Review::Hold) => (None, None, self.zone),
            (_, Review::Auto) => choice,
        };
        Beat {
            cadence,
            days: match cadence {
                Cadence::Weekdays => days.unwrap_or(self.pace.days),
                _ => Days::NONE,
            },
            hour: hour.unwrap_or(self.hour),
            zone,
        }
    }
}

/// How often a digest is cut.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Cadence {
    /// As soon as there is something, gathered for a few minutes.
    Immediate,
    /// Once an hour.
    Hourly,
    /// Once a day, at the subscriber's hour.
    Daily,
    /// On the days of the week that the subscriber chose, at their hour.
    Weekdays,
    /// On Mondays, at the subscriber's hour.
    Weekly,
    /// On the first of the month, at the subscriber's hour.
    Monthly,
}

impl Cadence {
    /// Every cadence, from the most frequent.
    pub const ALL: [Self; 6] = [
        Self::Immediate,
        Self::Hourly,
        Self::Daily,
        Self::Weekdays,
        Self::Weekly,
        Self::Monthly,
    ];

    /// The word in the database, in forms and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekdays => "weekdays",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }
}

/// Why a text is no [`Cadence`].
#[derive(Debug, thiserror::Error)]
#[error(
    "expected `immediate`, `hourly`, `daily`, `weekdays`, `weekly` or `monthly`, but got `{0}`"
)]
pub struct BadCadence(String);

impl FromStr for Cadence {
    type Err = BadCadence;
    fn from_str(text: &str) -> Result<Self, BadCadence> {
        Self::ALL
            .into_iter()
            .find(|cadence| cadence.as_str() == text)
            .ok_or_else(|| BadCadence(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An hour of the day, 0 to 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Hour(u32);

/// Why a text is no [`Hour`].
#[derive(Debug, thiserror::Error)]
#[error("expected an hour from 0 to 23, but got `{0}`")]
pub struct BadHour(String);

impl Hour {
    /// The start of the day.
    pub const MIDNIGHT: Self = Self(0);

    /// The number, 0 to 23.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Hour {
    type Error = BadHour;
    fn try_from(number: i64) -> Result<Self, BadHour> {
        u32::try_from(number)
            .ok()
            .filter(|hour| *hour < 24)
            .map(Self)
            .ok_or_else(|| BadHour(number.to_string()))
    }
}

impl FromStr for Hour {
    type Err = BadHour;
    fn from_str(text: &str) -> Result<Self, BadHour> {
        let number: Option<i64> = text.trim().parse().ok();
        number
            .and_then(|number| Self::try_from(number).ok())
            .ok_or_else(|| BadHour(text.chars().take(40).collect()))
    }
}

/// Whether a list's digests go out by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Review {
    /// They do.
    Auto,
    /// They wait until a person releases them.
    Hold,
}

impl Review {
    /// The word in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hold => "hold",
        }
    }
}

/// A list's name in addresses: lower-case ASCII letters, digits and single hyphens, 1 to 60
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

/// Why a text is no [`Slug`].
#[derive(Debug, thiserror::Error)]
#[error("expected lower-case Latin letters, digits and hyphens such as `all-news`, but got `{0}`")]
pub struct BadSlug(String);

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = BadSlug;
    fn from_str(text: &str) -> Result<Self, BadSlug> {
        let good =
            !text.is_empty() && text.len() <= 60 && crate::article::topic::slug(text) == text;
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| BadSlug(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An article as the planner sees it: enough to tell whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which article.
    pub id: ArticleId,
    /// Its place in the order of publication.
    pub seq: crate::article::Seq,
    /// The topics it had when it was published.
    pub topics: Vec<TopicId>,
    /// When it was published here.
    pub published_at: Stamp,
}
