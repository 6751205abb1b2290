//! What we know of a piece of news, once it is ours: cleaned, dated, with an identity.
//!
//! An article arrives as a [`Draft`](crate::source::Draft), is taken in by the intake flow, and
//! leaves in feeds and digests. An edit makes a new revision of the same article, never a new
//! article. Many are known only by headline and date; nothing here asks for more.

pub mod clean;
pub mod date;
pub mod html;
pub(crate) mod identity;
pub mod intake;
pub mod merge;
pub mod picture;
mod plain;
pub mod query;
mod sentence;
mod tidy;
pub mod topic;
pub mod tracking;
mod words;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::article::clean::SafeHtml;
use crate::clock::Stamp;

/// An article's number in our database.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, Serialize, Deserialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct ArticleId(pub i64);

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an article in the order of publication, given once, by the transaction that
/// publishes it. Digest windows are cut by it, never by time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, Serialize, Deserialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Seq(pub i64);

/// An article as feeds, pages and letters show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Article {
    /// Our number for it.
    pub id: ArticleId,
    /// Its place in the order of publication.
    pub seq: Seq,
    /// 1 at first, one more for each edit.
    pub revision: i64,
    /// Plain text, never empty, at most 500 characters.
    pub title: String,
    /// Plain text, may be empty.
    pub summary: String,
    /// The body, empty if only the headline is known.
    pub html: SafeHtml,
    /// The body as plain text, empty if only the headline is known.
    pub text: String,
    /// Where the source shows it.
    pub url: Option<Permalink>,
    /// When the source says it was published, with the offset it used; `None` if it doesn't say.
    pub published: Option<DateTime<FixedOffset>>,
    /// When we published it. Never changes.
    pub published_at: Stamp,
    /// When its newest revision came. Equal to `published_at` for the first.
    pub changed_at: Stamp,
    /// Names of people, as the source gives them.
    pub authors: Vec<String>,
    /// Departments first, then tags, each in the source's order.
    pub topics: Vec<Topic>,
    /// Pictures, sounds and files, in the source's order.
    pub media: Vec<Media>,
    /// What of them we hold ourselves, for pages and letters.
    pub pictures: picture::Pictures,
    /// BCP 47 tag, e.g. `uk`.
    pub language: String,
    /// URL of the licence, if the source or the site names one.
    pub licence: Option<String>,
    /// Who it comes from; `None` if it was written here.
    pub source: Option<Attribution>,
}

impl Article {
    /// The date people see: what the source says, else when we published it.
    pub fn date(&self) -> DateTime<FixedOffset> {
        self.published
            .unwrap_or_else(|| self.published_at.utc().fixed_offset())
    }
}

/// The source of an article, as far as attribution needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// The source's name.
    pub name: String,
    /// The source's address.
    pub url: String,
}

/// What an article is about, or who issued it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Topic {
    /// Tag or department.
    pub kind: TopicKind,
    /// Unique within the kind; part of URLs, so it never changes: lower-case ASCII, digits,
    /// hyphens.
    pub slug: String,
    /// As people read it.
    pub name: String,
}

/// The two kinds of topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopicKind {
    /// Who issued it.
    Department,
    /// What it is about (a tag).
    Topic,
}

impl TopicKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Department => "department",
            Self::Topic => "topic",
        }
    }

    /// The first segment of its pages' path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Department => "departments",
            Self::Topic => "topics",
        }
    }
}

/// A picture, sound or file that belongs to an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Absolute http(s) address.
    pub url: String,
    /// MIME type, if known or plain from the address.
    #[serde(rename = "type")]
    pub mime: Option<String>,
    /// Bytes.
    pub length: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// What it shows, in words: the text alternative.
    pub caption: Option<String>,
}

impl Media {
    /// Whether a browser can show it as a picture.
    pub fn is_image(&self) -> bool {
        self.mime
            .as_deref()
            .is_some_and(|mime| mime.starts_with("image/"))
    }
}

/// Why a text is no [`TopicKind`].
#[derive(Debug, thiserror::Error)]
#[error("expected `department` or `topic`, but got `{0}`")]
pub struct BadTopicKind(String);

impl FromStr for TopicKind {
    type Err = BadTopicKind;
    fn from_str(text: &str) -> Result<Self, BadTopicKind> {
        match text {
            "department" => Ok(Self::Department),
            "topic" => Ok(Self::Topic),
            _ => Err(BadTopicKind(text.chars().take(40).collect())),
        }
    }
}

/// Where an article stands on the web: an absolute http(s) URL in normal form, without user,
/// password or fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Permalink(String);

/// Why a text is no [`Permalink`].
#[derive(Debug, thiserror::Error)]
#[error("expected an absolute http or https address, but got `{0}`")]
pub struct BadPermalink(String);

impl Permalink {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Permalink {
    type Err = BadPermalink;
    fn from_str(text: &str) -> Result<Self, BadPermalink> {
        let bad = || BadPermalink(text.chars().take(200).collect());
        let mut url = Url::parse(text.trim()).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad());
        }
        url.set_fragment(None);
        url.set_username("").map_err(|()| bad())?;
        url.set_password(None).map_err(|()| bad())?;
        Ok(Self(url.into()))
    }
}

impl TryFrom<String> for Permalink {
    type Error = BadPermalink;
    fn try_from(text: String) -> Result<Self, BadPermalink> {
        text.parse()
    }
}

impl fmt::Display for Permalink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
