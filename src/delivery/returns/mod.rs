//! What comes back after a letter has left, as words: a [`Report`] of a bounce or a complaint.
//!
//! Bytes and codes go in, reports come out; what they mean for a reader is `delivery/bounce.rs`'s to
//! say. Only a report that proves which letter it is about, or whose bearer proved who they are, is
//! one: a forged one changes nothing. Nobody is blamed for what servers hold against us.

pub mod address;
pub mod message;
pub mod status;

use crate::audience::EmailAddress;
use crate::letter::LetterId;

/// What a report says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// There is nobody there, or not any more.
    Hard,
    /// Not now: the mailbox is full, the server away.
    Soft,
    /// The server doesn't want letters from us, or this one: says nothing of the reader.
    Policy,
    /// The reader called it spam.
    Complaint,
}

impl Kind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Policy => "policy",
            Self::Complaint => "complaint",
        }
    }
}

/// One thing that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Tells this report from every other, so that one that comes twice counts once.
    pub key: String,
    /// What it's about.
    pub about: About,
    /// What it says.
    pub kind: Kind,
    /// The status code in it (RFC 3463), such as `5.1.1`.
    pub status: Option<String>,
    /// What the server said, in its words: one line.
    pub text: String,
    /// Which way it came: `mail`, `smtp`, `ses`.
    pub origin: &'static str,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A letter, by a number that only we could have signed.
    Letter(LetterId),
    /// An address, by the word of a provider that has proved who it is.
    Address(EmailAddress),
}
