//! What owners may choose in the console, as long as the operator's file and environment say
//! nothing of it.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::config::BadValue;
use crate::config::LANGUAGE;
use crate::config::NAME;
use crate::config::Settings;
use crate::config::ZONE;
use crate::config::mail::nobody;
use crate::config::value;

/// One such setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// The newsroom's name.
    Name,
    /// One sentence on what it publishes.
    Description,
    /// The language of its pages.
    Language,
    /// Its time zone.
    Zone,
    /// Its postal address.
    Address,
    /// Who letters are from.
    Sender,
    /// Where answers go.
    ReplyTo,
}

/// What owners chose. What isn't here is as it would be without them.
pub type Chosen = BTreeMap<Choice, String>;

impl Choice {
    /// All, in the order that they're asked in.
    pub const ALL: [Self; 7] = [
        Self::Name,
        Self::Description,
        Self::Language,
        Self::Zone,
        Self::Sender,
        Self::ReplyTo,
        Self::Address,
    ];

    /// Its key in the operator's file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Name => "site.name",
            Self::Description => "site.description",
            Self::Language => "site.language",
            Self::Zone => "site.zone",
            Self::Address => "site.address",
            Self::Sender => "mail.from",
            Self::ReplyTo => "mail.reply_to",
        }
    }

    /// How it's in force, as it would be written; empty if it's not set.
    pub fn said(self, settings: &Settings) -> String {
        let (site, mail) = (&settings.site, &settings.mail);
        match self {
            Self::Name => site.name.clone(),
            Self::Description => site.description.clone(),
            Self::Language => site.language.clone(),
            Self::Zone => site.zone.name().to_owned(),
            Self::Address => site.address.clone().unwrap_or_default(),
            Self::Sender => mail.from.to_string(),
            Self::ReplyTo => mail
                .reply_to
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }

    fn set(self, settings: &mut Settings, text: Option<&str>) -> Result<(), BadValue> {
        let (site, mail) = (&mut settings.site, &mut settings.mail);
        match self {
            Self::Name => site.name = text.map_or(Ok(NAME.into()), value::line)?,
            Self::Description => site.description = text.map_or(Ok(String::new()), value::line)?,
            Self::Language => site.language = text.map_or(Ok(LANGUAGE.into()), value::language)?,
            Self::Zone => site.zone = text.map_or(Ok(ZONE), value::zone)?,
            Self::Address => site.address = text.map(value::line).transpose()?,
            Self::Sender => mail.from = text.map_or(Ok(nobody()), value::mailbox)?,
            Self::ReplyTo => mail.reply_to = text.map(value::mailbox).transpose()?,
        }
        Ok(())
    }
}

impl FromStr for Choice {
    type Err = NoChoice;

    fn from_str(key: &str) -> Result<Self, NoChoice> {
        let choice = Self::ALL.into_iter().find(|choice| choice.key() == key);
        choice.ok_or(NoChoice)
    }
}

/// What owners don't choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one of {}; the rest is set in visnyk.toml or the environment",
    Choice::ALL.map(Choice::key).join(", ")
)]
pub struct NoChoice;

impl Settings {
    /// Whether it's owners who say: the operator said nothing.
    pub fn leaves(&self, choice: Choice) -> bool {
        !self.said_by_operator.contains(&choice)
    }

    /// Puts what owners chose in force, and takes back what they don't choose any more. What can't be
    /// understood stays as it is without them, and is given back.
    pub fn choose(&mut self, chosen: &Chosen) -> Vec<(Choice, BadValue)> {
        let mut wrong = Vec::new();
        for choice in Choice::ALL {
            if !self.leaves(choice) {
                continue;
            }
            let text = chosen.get(&choice).map(String::as_str);
            if let Err(problem) = choice.set(self, text) {
                wrong.push((choice, problem));
                choice.set(self, None).ok(); // what isn't chosen is never wrong
            }
        }
        wrong
    }
}
