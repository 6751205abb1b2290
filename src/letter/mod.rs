//! One message to one person.

pub mod compose;
pub mod dkim;
pub mod stencil;
pub mod template;

use std::fmt;

use serde::Serialize;

/// A letter's number; its Message-ID comes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct LetterId(pub i64);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterPurpose {
    /// What is new.
    Digest,
    /// "Was it you who asked?"
    Confirm,
    /// After confirming.
    Welcome,
    /// "Here is the link to your choices."
    Link,
    /// After leaving.
    Goodbye,
    /// "A digest waits for you", to people who look after lists.
    Review,
    /// "A digest stopped itself", to the same.
    Alarm,
    /// "Is this address yours too?"
    Address,
    /// "Shall we forget you?"
    Erasure,
    /// "Here is the link to set a new password", to people who look after lists.
    Password,
    /// "A digest didn't arrive", to owners.
    Silence,
    /// How another letter would look, to whoever writes its template.
    Sample,
}

impl LetterPurpose {
    /// Every purpose.
    pub const ALL: [Self; 12] = [
        Self::Digest,
        Self::Confirm,
        Self::Welcome,
        Self::Link,
        Self::Goodbye,
        Self::Review,
        Self::Alarm,
        Self::Address,
        Self::Erasure,
        Self::Password,
        Self::Silence,
        Self::Sample,
    ];

    /// The word in the database, in Message-IDs and in the names of templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Confirm => "confirm",
            Self::Welcome => "welcome",
            Self::Link => "link",
            Self::Goodbye => "goodbye",
            Self::Review => "review",
            Self::Alarm => "alarm",
            Self::Address => "address",
            Self::Erasure => "erasure",
            Self::Password => "password",
            Self::Silence => "silence",
            Self::Sample => "sample",
        }
    }
}

/// Why a text is no [`LetterPurpose`] or [`LetterState`].
#[derive(Debug, thiserror::Error)]
#[error("expected one of {expected}, but got `{got}`")]
pub struct BadWord {
    expected: String,
    got: String,
}

fn find_word<T: Copy>(all: &[T], as_str: fn(T) -> &'static str, got: &str) -> Result<T, BadWord> {
    all.iter()
        .copied()
        .find(|word| as_str(*word) == got)
        .ok_or_else(|| {
            let words: Vec<String> = all
                .iter()
                .map(|word| format!("`{}`", as_str(*word)))
                .collect();
            BadWord {
                expected: words.join(", "),
                got: got.chars().take(40).collect(),
            }
        })
}

impl std::str::FromStr for LetterPurpose {
    type Err = BadWord;
    fn from_str(text: &str) -> Result<Self, BadWord> {
        find_word(&Self::ALL, Self::as_str, text)
    }
}

impl TryFrom<String> for LetterPurpose {
    type Error = BadWord;
    fn try_from(text: String) -> Result<Self, BadWord> {
        text.parse()
    }
}

/// A part of a letter that has a template of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The line that mail programs list it by.
    Subject,
    /// What most people see.
    Html,
    /// The same in plain text.
    Text,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Html, Self::Text];

    /// The word in the database and in addresses, and the name of its file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject.txt",
            Self::Html => "body.html",
            Self::Text => "body.txt",
        }
    }
}

impl std::str::FromStr for Part {
    type Err = BadWord;
    fn from_str(text: &str) -> Result<Self, BadWord> {
        find_word(&Self::ALL, Self::as_str, text)
    }
}

impl TryFrom<String> for Part {
    type Error = BadWord;
    fn try_from(text: String) -> Result<Self, BadWord> {
        text.parse()
    }
}

/// A template of a letter; it shows as `digest/body.html`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterTemplate {
    /// Of which letter,
    pub purpose: LetterPurpose,
    /// and which part of it.
    pub part: Part,
}

impl LetterTemplate {
    /// Every template that there is, letter by letter. A sample has those of what it's a sample of.
    pub fn all() -> impl Iterator<Item = Self> {
        let written = |purpose: &LetterPurpose| *purpose != LetterPurpose::Sample;
        let purposes = LetterPurpose::ALL.into_iter().filter(written);
        purposes.flat_map(|purpose| Part::ALL.map(|part| Self { purpose, part }))
    }

    /// The one whose letter and part have these names.
    pub fn named(letter: &str, part: &str) -> Option<Self> {
        Self::all().find(|one| one.purpose.as_str() == letter && one.part.as_str() == part)
    }

    /// Its name among all templates.
    pub fn file(self) -> String {
        format!("letters/{self}.j2")
    }
}

impl fmt::Display for LetterTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.purpose.as_str(), self.part.as_str())
    }
}

/// Where a letter stands. The arrows between these are in `store/letter.rs`, each guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterState {
    /// Waits for a worker.
    Queued,
    /// A worker has it; nothing was said to a server yet.
    Leased,
    /// A worker may be speaking to a server about it.
    Handing,
    /// The server took it.
    Accepted,
    /// The server asked to try later.
    Deferred,
    /// The server won't have it.
    Refused,
    /// Probably delivered: the connection broke after the end of the letter.
    Uncertain,
    /// It could not be built, or its time ran out.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
    /// Its digest is stopped for a while.
    Paused,
}

impl LetterState {
    /// Every state, in the order of the way.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Leased,
        Self::Handing,
        Self::Accepted,
        Self::Deferred,
        Self::Refused,
        Self::Uncertain,
        Self::Failed,
        Self::Cancelled,
        Self::Paused,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Handing => "handing",
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
        }
    }
}

impl std::str::FromStr for LetterState {
    type Err = BadWord;
    fn from_str(text: &str) -> Result<Self, BadWord> {
        find_word(&Self::ALL, Self::as_str, text)
    }
}
