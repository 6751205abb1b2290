//! A subscriber on a list: which topics, in which rhythm, served up to where.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::article::Seq;
use crate::audience::SubscriberId;
use crate::audience::list::{Cadence, Hour, ListId, TopicId};
use crate::audience::pace::{Beat, Days};
use crate::clock::Stamp;

/// A subscription's number. Signed links carry it, so it's never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct SubscriptionId(pub i64);

/// A rhythm's number: everybody who gets a list at one cadence, hour and zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct RhythmId(pub i64);

/// One beat of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    /// Our number for it.
    pub id: RhythmId,
    /// Whose.
    pub list_id: ListId,
    /// How often.
    pub cadence: Cadence,
    /// On which days, if weekdays were chosen; else none.
    pub days: Days,
    /// At which hour, for daily and rarer.
    pub hour: Hour,
    /// By which clock.
    pub zone: chrono_tz::Tz,
    /// When it's due next.
    pub next_at: Stamp,
}

impl Rhythm {
    /// When it comes.
    pub fn beat(&self) -> Beat {
        Beat {
            cadence: self.cadence,
            days: self.days,
            hour: self.hour,
            zone: self.zone,
        }
    }
}

/// A subscriber on a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// Our number for it.
    pub id: SubscriptionId,
    /// Whose.
    pub subscriber_id: SubscriberId,
    /// To what.
    pub list_id: ListId,
    /// How often, when.
    pub rhythm: Rhythm,
    /// About what.
    pub topics: TopicChoice,
    /// The last seq served.
    pub cursor: Seq,
    /// Served, but in a letter that never went out: to be in the next one.
    pub owed: Seqs,
    /// After the cursor, but sent on their own already.
    pub apart: Seqs,
    /// Where it stands.
    pub state: SubscriptionState,
    /// When it began.
    pub active_at: Option<Stamp>,
    /// When it ended, if it has.
    pub ended_at: Option<Stamp>,
    /// When a pause is over.
    pub paused_until: Option<Stamp>,
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionState {
    /// Asked for; waits for the button behind the link.
    Asked,
    /// Gets digests.
    Active,
    /// Gets none for a while.
    Paused,
    /// Gets none any more.
    Ended,
}

impl SubscriptionState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// A few seqs. As text they're in order with commas, empty for none: what digests group by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Seqs(BTreeSet<Seq>);

impl Seqs {
    /// Whether this is one of them.
    pub fn contains(&self, seq: Seq) -> bool {
        self.0.contains(&seq)
    }

    /// The first, if there is any.
    pub fn first(&self) -> Option<Seq> {
        self.0.first().copied()
    }

    /// The same and this one.
    #[must_use]
    pub fn and(mut self, seq: Seq) -> Self {
        self.0.insert(seq);
        self
    }

    /// Those for which this holds.
    #[must_use]
    pub fn only(mut self, holds: impl Fn(Seq) -> bool) -> Self {
        self.0.retain(|seq| holds(*seq));
        self
    }
}

impl FromIterator<Seq> for Seqs {
    fn from_iter<I: IntoIterator<Item = Seq>>(seqs: I) -> Self {
        Self(seqs.into_iter().collect())
    }
}

impl fmt::Display for Seqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, seq) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", seq.0)?;
        }
        Ok(())
    }
}

/// Why a text is no [`Seqs`].
#[derive(Debug, thiserror::Error)]
#[error("expected numbers with commas between them, but got `{0}`")]
pub struct BadSeqs(String);

impl std::str::FromStr for Seqs {
    type Err = BadSeqs;
    fn from_str(text: &str) -> Result<Self, BadSeqs> {
        let seqs = text.split(',').filter(|seq| !seq.is_empty());
        let seqs: Result<BTreeSet<Seq>, _> = seqs.map(|seq| seq.parse().map(Seq)).collect();
        seqs.map(Self)
            .map_err(|_| BadSeqs(text.chars().take(80).collect()))
    }
}

/// Which topics a subscription is about; none chosen means all that the list has.
///
/// As text it's the key that digests group by: ids in order with commas, empty for all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct TopicChoice(Vec<TopicId>);

impl TopicChoice {
    /// The choice of these topics, in any order, with repeats or not.
    pub fn of(mut topics: Vec<TopicId>) -> Self {
        topics.sort_unstable();
        topics.dedup();
        Self(topics)
    }

    /// Whether an article that had these topics when it was published was asked for.
    pub fn takes(&self, topics: &[TopicId]) -> bool {
        self.0.is_empty() || topics.iter().any(|topic| self.0.contains(topic))
    }

    /// The chosen topics; empty for all.
    pub fn ids(&self) -> &[TopicId] {
        &self.0
    }
}

impl fmt::Display for TopicChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, topic) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", topic.0)?;
        }
        Ok(())
    }
}

/// Why a text is no [`TopicChoice`].
#[derive(Debug, thiserror::Error)]
#[error("expected topic numbers with commas between them, but got `{0}`")]
pub struct BadTopicChoice(String);

impl std::str::FromStr for TopicChoice {
    type Err = BadTopicChoice;
    fn from_str(text: &str) -> Result<Self, BadTopicChoice> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let ids: Result<Vec<TopicId>, _> =
            text.split(',').map(|id| id.parse().map(TopicId)).collect();
        ids.map(Self::of)
            .map_err(|_| BadTopicChoice(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_survives_the_database_whatever_order_it_was_made_in() {
        let choice = TopicChoice::of(vec![TopicId(17), TopicId(3), TopicId(17)]);
        assert_eq!(choice.to_string(), "3,17");
        assert_eq!("3,17".parse::<TopicChoice>().unwrap(), choice);
        assert_eq!("".parse::<TopicChoice>().unwrap(), TopicChoice::default());
        assert!("3,x".parse::<TopicChoice>().is_err());
    }

    #[test]
    fn no_choice_takes_everything() {
        assert!(TopicChoice::default().takes(&[]));
        assert!(!TopicChoice::of(vec![TopicId(1)]).takes(&[TopicId(2)]));
    }
}
