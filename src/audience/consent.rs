//! Evidence that a person wanted our letters: who did what, when, from where, under which wording.
//!
//! Rows are only ever added. They outlive the subscriber they speak of.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::audience::SubscriberId;
use crate::audience::list::ListId;
use crate::clock::Stamp;

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub subscriber_id: SubscriberId,
    /// To what.
    pub list_id: ListId,
    /// What they did.
    pub act: Act,
    /// When.
    pub at: Stamp,
    /// From where: `form 203.0.113.0/24`, `import press-office.csv`, `one-click`.
    pub origin: String,
    /// [`hash`] of the words they were shown.
    pub wording: String,
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Asked for letters.
    Asked,
    /// Confirmed that they want them.
    Given,
    /// Chose differently.
    Changed,
    /// Left.
    Withdrawn,
}

impl Act {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Given => "given",
            Self::Changed => "changed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The fingerprint of a wording: base64url of its SHA-256, 43 characters.
pub fn hash(wording: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, wording.as_bytes()))
}
