//! The people letters go to, and what they asked for.
//!
//! A [`Subscriber`] has a [`Subscription`](subscription::Subscription) for each list, backed by
//! [consent](consent::Act). A digest letter takes a [`Recipient`], which only the store makes, and
//! only from a confirmed subscriber with an active subscription and no suppression.

pub mod consent;
pub mod forget;
pub mod held;
pub mod history;
pub mod import;
pub mod list;
pub mod pace;
pub mod preferences;
pub mod private_feed;
pub mod sign_up;
pub mod subscription;

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::Serialize;

use crate::clock::Stamp;
use crate::locale::Language;

/// A subscriber's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, Serialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct SubscriberId(pub i64);

/// A person: where to write, what to call them, in which language, by which clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscriber {
    /// Our number for them.
    pub id: SubscriberId,
    /// Where to write.
    pub email: EmailAddress,
    /// As they gave it; may be empty.
    pub name: String,
    /// The language of their letters and pages.
    pub language: Language,
    /// The zone their hours are in.
    pub zone: Tz,
    /// Whether they have ever confirmed that the address is theirs.
    pub state: SubscriberState,
    /// What their letters are made of.
    pub format: Format,
    /// When they first asked.
    pub created_at: Stamp,
}

/// How far we may trust an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberState {
    /// Somebody gave the address; nobody has shown that it's theirs.
    Asked,
    /// Its owner has answered from it.
    Confirmed,
}

/// What somebody's letters are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// HTML, and the same in plain text: mail programs choose.
    #[default]
    Both,
    /// Plain text alone.
    Text,
}

impl Format {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Text => "text",
        }
    }
}

/// Why a text is no [`Format`].
#[derive(Debug, thiserror::Error)]
#[error("expected `both` or `text`, but got `{0}`")]
pub struct BadFormat(String);

impl FromStr for Format {
    type Err = BadFormat;
    fn from_str(text: &str) -> Result<Self, BadFormat> {
        match text {
            "both" => Ok(Self::Both),
            "text" => Ok(Self::Text),
            other => Err(BadFormat(other.chars().take(40).collect())),
        }
    }
}

/// Somebody a digest letter may go to now.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    pub(crate) email: EmailAddress,
}

impl Recipient {
    /// Where to write.
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }
}

/// Somebody a letter other than a digest may go to: an answer to what was asked for from that
/// address.
#[derive(Debug, Clone, PartialEq)]
pub struct Addressee {
    pub(crate) email: EmailAddress,
}

impl Addressee {
    /// Where to write.
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }
}

/// An address letters can be sent to: `local@domain`, the domain in ASCII (IDNA) with at least one
/// dot and no address literal, at most 254 characters in all. `Debug` masks it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
}

/// Why a text is no [`EmailAddress`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadAddress {
    /// There is no `@`, or nothing beside it.
    #[error("expected an address such as `name@example.org`, but got `{0}`")]
    Shape(String),
    /// The part before the `@` has something mail servers refuse.
    #[error("expected Latin letters, digits and signs before the `@`, but got `{0}`")]
    Local(String),
    /// The domain isn't one that mail can be sent to.
    #[error("expected a domain such as `example.org` after the `@`, but got `{0}`")]
    Domain(String),
    /// RFC 5321 allows no more.
    #[error("expected at most 254 characters, but got {0}")]
    Long(usize),
}

impl EmailAddress {
    /// The address as it's written on the envelope: the local part as given, the domain in ASCII.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What makes two spellings the same address: lower case throughout.
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }

    /// Whose mailbox it is, as far as the spelling tells: what follows a `+` is as its owner likes,
    /// and Gmail passes over dots. Two addresses of one mailbox share what it may be sent.
    pub fn mailbox(&self) -> String {
        let key = self.key();
        let (local, domain) = key.rsplit_once('@').unwrap_or((&key, ""));
        let owner = local.split_once('+').map_or(local, |(owner, _)| owner);
        match domain {
            "gmail.com" | "googlemail.com" => format!("{}@gmail.com", owner.replace('.', "")),
            _ => format!("{owner}@{domain}"),
        }
    }

    /// The part after the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for EmailAddress {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let text = text.trim();
        let (local, domain) = text
            .rsplit_once('@')
            .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
            .ok_or_else(|| BadAddress::Shape(shown(text)))?;
        if !is_local_part(local) {
            return Err(BadAddress::Local(shown(local)));
        }
        let domain = mail_domain(domain).ok_or_else(|| BadAddress::Domain(shown(domain)))?;
        let text = format!("{local}@{domain}");
        if text.len() > 254 {
            return Err(BadAddress::Long(text.len()));
        }
        Ok(Self { text })
    }
}

/// RFC 5321's dot-string: quoted local parts exist on paper only.
fn is_local_part(local: &str) -> bool {
    let is_atom_sign =
        |sign: char| sign.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(sign);
    local.len() <= 64
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_sign))
}

fn mail_domain(domain: &str) -> Option<String> {
    let url::Host::Domain(domain) = url::Host::parse(domain).ok()? else {
        return None;
    };
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        let ends = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric());
        label.len() <= 63
            && ends(label.chars().next())
            && ends(label.chars().next_back())
            && label
                .chars()
                .all(|sign| sign.is_ascii_alphanumeric() || sign == '-')
    };
    let last_has_a_letter = labels
        .last()?
        .chars()
        .any(|sign| sign.is_ascii_alphabetic());
    (labels.len() >= 2 && last_has_a_letter && labels.iter().all(is_label)).then_some(domain)
}

fn shown(text: &str) -> String {
    text.chars()
        .filter(|sign| !sign.is_control())
        .take(80)
        .collect()
}

impl TryFrom<String> for EmailAddress {
    type Error = BadAddress;
    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Masked, because debug output ends in logs: `o…@example.org`.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: String = self.text.chars().take(1).collect();
        write!(f, "{first}…@{}", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, BadAddress> {
        text.parse()
            .map(|address: EmailAddress| address.to_string())
    }

    #[test]
    fn an_address_is_parsed_and_its_domain_put_in_ascii() {
        assert_eq!(
            parse(" Olena.K+news@Example.ORG "),
            Ok("Olena.K+news@example.org".into())
        );
        assert_eq!(
            parse("olena@приклад.укр"),
            Ok("olena@xn--80aikifvh.xn--j1amh".into())
        );
    }

    #[test]
    fn what_mail_cannot_be_sent_to_is_refused() {
        for text in [
            "",
            "olena",
            "@example.org",
            "olena@",
            "a@localhost",
            "a@1.2.3.4",
            "a@[127.0.0.1]",
            "a@b.1",
            "a b@example.org",
            "a\r\n@example.org",
            "a@exam_ple.org",
            "a@-b.org",
            ".a@example.org",
            "a..b@example.org",
            "юзер@приклад.укр",
            "\"a b\"@example.org",
            "a@example..org",
            "a@example.org.",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&format!("a@{}.org", "x.".repeat(140))).is_err());
    }

    #[test]
    fn two_spellings_of_one_address_share_a_key() {
        let keys: Vec<String> = ["Olena@Example.org", "olena@example.ORG"]
            .iter()
            .map(|text| text.parse::<EmailAddress>().unwrap().key())
            .collect();
        assert_eq!(keys[0], keys[1]);
    }

    #[test]
    fn debug_output_does_not_give_the_address_away() {
        let address: EmailAddress = "olena@example.org".parse().unwrap();
        assert_eq!(format!("{address:?}"), "o…@example.org");
    }
}
