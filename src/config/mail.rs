//! `mail.…`: who letters come from, which way they leave, and what is made of what comes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use url::Url;

use crate::audience::EmailAddress;
use crate::config::section::Section;
use crate::config::value;
use crate::config::value::{Destination, Mailbox, Secret};

/// Who letters come from and which way they leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Sender of letters that belong to no list, and of lists that name none.
    pub from: Mailbox,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Mailbox>,
    /// Domain of the return addresses that tell which letter came back (VERP).
    pub bounces: Option<String>,
    /// The mailbox where they gather, if it's read from here: an `imaps` URL with a password.
    pub mailbox: Option<Secret<Url>>,
    /// When a digest stops itself.
    pub alarm: Alarm,
    /// Who tells whether digests arrive.
    pub canary: Option<Canary>,
    /// The ways out; never empty.
    pub relays: Vec<Relay>,
    /// Keys that sign letters; each letter gets one signature a key.
    pub dkim: Vec<DkimKey>,
}

/// A reader of our own, whose mailbox is looked into.
#[derive(Debug, Clone)]
pub struct Canary {
    /// Whose subscriptions it has.
    pub address: EmailAddress,
    /// Where its letters arrive: an `imaps` URL with a password.
    pub mailbox: Secret<Url>,
    /// How long a digest may take from when it's due.
    pub within: TimeDelta,
}

/// What a digest stops itself at. A share is in hundredths of a per cent; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// The share of letters that may come back for good.
    pub bounces: Option<u32>,
    /// The share of readers who may say that it's spam.
    pub complaints: Option<u32>,
    /// Letters that must have gone before a share says anything.
    pub letters: u32,
}

/// One way for letters to leave. Limits that aren't set don't limit.
#[derive(Debug, Clone)]
pub struct Relay {
    /// A server or a folder.
    pub to: Destination,
    /// Connections held open at once, 1 to 1000.
    pub connections: u32,
    /// Letters a second over all connections.
    pub per_second: Option<u32>,
    /// Recipient's domain (lower case) → letters a second to it.
    pub domains: BTreeMap<String, u32>,
    /// Share of letters among the relays that work, 1 to 1000.
    pub weight: u32,
    /// Letters allowed on this relay's first day, from where the allowance grows day by day.
    pub warm_up: Option<u32>,
}

/// A DKIM key (RFC 6376, RFC 8463), named and not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimKey {
    /// The signing domain, `d=`.
    pub domain: String,
    /// The selector, `s=`.
    pub selector: String,
    /// PEM file with the private key, RSA or Ed25519.
    pub key_file: PathBuf,
}

/// The sender until somebody says who it is.
pub(super) fn nobody() -> Mailbox {
    Mailbox {
        name: None,
        address: "visnyk@localhost".into(),
    }
}

impl Mail {
    pub(super) fn from_section(mail: &mut Section<'_>, data: &Path) -> Self {
        let from = mail.text("from", value::mailbox);
        let relays = mail.tables("relay", Some("url"), |relay| {
            Relay::from_section(relay, data)
        });
        Self {
            from: from.unwrap_or_else(nobody),
            reply_to: mail.text("reply_to", value::mailbox),
            bounces: mail.text("bounces", value::domain),
            mailbox: mail.text("mailbox", value::mailbox_url),
            alarm: mail.section("alarm", Alarm::from_section),
            canary: mail.section("canary", Canary::from_section),
            relays: relays.unwrap_or_else(|| vec![Relay::to_outbox(data)]),
            dkim: mail
                .tables("dkim", None, DkimKey::from_section)
                .unwrap_or_default(),
        }
    }
}

impl Canary {
    fn from_section(canary: &mut Section<'_>) -> Option<Self> {
        let address = canary.required("address", value::reader);
        let mailbox = canary.required("mailbox", value::mailbox_url);
        let within = canary.text("within", value::span);
        Some(Self {
            address: address?,
            mailbox: mailbox?,
            within: within.unwrap_or(TimeDelta::hours(2)),
        })
    }
}

impl Alarm {
    fn from_section(alarm: &mut Section<'_>) -> Self {
        Self {
            bounces: alarm
                .text("bounces", value::share_or_off)
                .unwrap_or(Some(500)),
            complaints: alarm
                .text("complaints", value::share_or_off)
                .unwrap_or(Some(30)),
            letters: alarm.number("letters", 1..=1_000_000).unwrap_or(200),
        }
    }
}

impl Relay {
    /// The relay that needs nothing: letters as files under `data`.
    pub fn to_outbox(data: &Path) -> Self {
        Self {
            to: Destination::Folder(data.join("outbox")),
            connections: 8,
            per_second: None,
            domains: BTreeMap::new(),
            weight: 1,
            warm_up: None,
        }
    }

    fn from_section(relay: &mut Section<'_>, data: &Path) -> Option<Self> {
        let data = data.to_string_lossy();
        let to = relay.required("url", |url| {
            value::destination(&url.replace("{data}", &data))
        });
        let connections = relay.number("connections", 1..=1000);
        let per_second = relay.number("per_second", 1..=1_000_000);
        let domains = relay.section("domains", |domains| {
            domains.numbers(value::domain, &(1..=1_000_000))
        });
        let weight = relay.number("weight", 1..=1000);
        let warm_up = relay.number("warm_up", 1..=10_000_000);
        Some(Self {
            to: to?,
            connections: connections.unwrap_or(8),
            per_second,
            domains,
            weight: weight.unwrap_or(1),
            warm_up,
        })
    }
}

impl DkimKey {
    /// The key that is made where no other file is named, by `dkim new` or in the console.
    pub fn within(data: &Path, domain: &str, selector: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            key_file: data.join(format!("dkim-{domain}-{selector}.pem")),
        }
    }

    fn from_section(key: &mut Section<'_>) -> Option<Self> {
        let domain = key.required("domain", value::domain);
        let selector = key.required("selector", value::domain);
        let key_file = key.required("key_file", value::path);
        Some(Self {
            domain: domain?,
            selector: selector?,
            key_file: key_file?,
        })
    }
}
