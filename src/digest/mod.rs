//! One run of a list's cadence for one period, and what it holds.
//!
//! Comes in: a rhythm that's due. Goes out: letters, queued. A digest is cut at a seq; each
//! subscription's window is what lies between its own cursor and that seq, so no article can be
//! repeated or skipped, whatever dates, clocks and choices do.

pub mod alarm;
pub mod compile;
pub mod edition;
pub mod latest;
pub mod render;
pub mod retain;
pub mod review;
pub mod sent;
pub mod window;

use serde::Serialize;

use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::list::Cadence;
use crate::audience::list::ListId;
use crate::audience::subscription::RhythmId;
use crate::clock::Stamp;
use crate::digest::alarm::Alarm;

/// A digest's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct DigestId(pub i64);

/// An edition's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct EditionId(pub i64);

/// One run of a list's cadence.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// Our number for it.
    pub id: DigestId,
    /// Whose.
    pub list_id: ListId,
    /// Which cadence.
    pub cadence: Cadence,
    /// Which period, e.g. `2026-11-23T08 Europe/Kyiv`: with list and cadence, what makes it unique.
    pub period_key: String,
    /// Whom: one rhythm, or with `None` every rhythm of the cadence.
    pub rhythm_id: Option<RhythmId>,
    /// The last seq it may hold.
    pub to_seq: Seq,
    /// When it was cut.
    pub cut_at: Stamp,
    /// How far it is.
    pub state: DigestState,
    /// When its letters are no longer worth making.
    pub not_after: Option<Stamp>,
    /// When the time for its review is over.
    pub review_until: Option<Stamp>,
    /// What an editor says first; may be empty.
    pub introduction: String,
    /// What an editor put first, in order.
    pub ranked: Vec<ArticleId>,
    /// What an editor left out.
    pub dropped: Vec<ArticleId>,
    /// The one article it's about, sent at once to all cadences.
    pub critical: Option<Seq>,
    /// Why it stopped itself, if it ever did.
    pub alarm: Option<Alarm>,
}

impl Digest {
    /// Articles as the editor put them: without those dropped, those ranked first.
    pub fn arranged(&self, articles: impl IntoIterator<Item = ArticleId>) -> Vec<ArticleId> {
        let mut kept: Vec<ArticleId> = articles
            .into_iter()
            .filter(|id| !self.dropped.contains(id))
            .collect();
        let place = |id: &ArticleId| self.ranked.iter().position(|ranked| ranked == id);
        kept.sort_by_key(|id| place(id).unwrap_or(usize::MAX));
        kept
    }

    /// Whether it was cut by hand, and so takes whoever there is.
    pub fn by_hand(&self) -> bool {
        self.rhythm_id.is_none()
    }
}

/// How far a digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestState {
    /// Waits for a person.
    Held,
    /// Its letters are being made.
    Planning,
    /// All its letters are made.
    Planned,
    /// Will send nothing more.
    Cancelled,
}

impl DigestState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Cancelled => "cancelled",
        }
    }
}
