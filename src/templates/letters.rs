//! Letters: one typed context each. Templates are
//! `letters/<purpose>/{subject.txt,body.html,body.txt}.j2`.
//!
//! A digest is rendered once for all who share it. What belongs to one person goes through
//! [`Reader`], whose fields the caller fills with marks and later replaces. So a template prints
//! `reader.…` as it is: in HTML text, in a double-quoted attribute or in plain text. One that asks a
//! condition or a filter about the reader still works, but each letter is rendered on its own then.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use serde::Serialize;

use crate::audience::list::Cadence;
use crate::audience::pace::Silence;
use crate::delivery::silence::Why;
use crate::digest::alarm::Spike;
use crate::templates::cards::ArticleCard;
use crate::templates::groups;
use crate::templates::groups::Group;
use crate::templates::samples::Sample;

/// A kind of letter.
pub trait Letter: Sample + Serialize + Clone {
    /// The name of its folder.
    const PURPOSE: &'static str;

    /// The pieces that belong to one person, if it has such.
    fn reader(&self) -> Option<&Reader> {
        None
    }

    /// Its articles under headings, if it has so many that readers would look for one.
    fn groups(&self) -> Vec<Group> {
        Vec::new()
    }

    /// Whether it is plainly longer than any mail program shows, so that rendering it would be a
    /// waste, or more than the engine allows.
    fn is_long(&self) -> bool {
        false
    }

    /// Leaves something out, so that mail programs show the whole letter; `false` if there is
    /// nothing more to leave out.
    fn shorten(&mut self) -> bool {
        false
    }
}

/// What belongs to one reader of a digest, or the marks that stand for it. A mark should be made of
/// ASCII letters and digits, which no escaping changes.
#[derive(Debug, Clone, Serialize)]
pub struct Reader {
    /// The page with the button that ends the subscription.
    pub leave_url: String,
    /// The page of their choices.
    pub preferences_url: String,
    /// Their e-mail address.
    pub address: String,
}

/// What is new on a list since the last letter.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// The list's name.
    pub list: String,
    /// How often it comes.
    pub cadence: Cadence,
    /// What an editor says first, by paragraphs; mostly empty.
    pub introduction: Vec<String>,
    /// Whether it's one article that can't wait.
    pub critical: bool,
    /// The first day it covers, in the zone of its readers.
    pub first: NaiveDate,
    /// The last day it covers, included.
    pub last: NaiveDate,
    /// Newest first, never empty. As many as there are: what a letter can't hold is counted in
    /// «ще N новин» when it is rendered.
    pub articles: Vec<ArticleCard>,
    /// Whether they stand in an order that an editor gave them, which no grouping may disturb.
    pub arranged: bool,
    /// Whether each may be shared with one press, while there's room for that.
    pub share: bool,
    /// How many articles there are beyond these; 0 unless some were left out on purpose.
    pub more: usize,
    /// Where all of them stand on the web.
    pub web_url: String,
    /// Who reads it.
    #[serde(skip)]
    pub reader: Reader,
}

impl Letter for Digest {
    const PURPOSE: &'static str = "digest";

    fn reader(&self) -> Option<&Reader> {
        Some(&self.reader)
    }

    fn groups(&self) -> Vec<Group> {
        groups::by_theme(&self.articles, !self.arranged)
    }

    /// About 230 headlines fill a letter.
    fn is_long(&self) -> bool {
        self.articles.len() > 300
    }

    /// First nothing is offered to be shared any more; then a twelfth of the articles moves into
    /// «ще N новин», the oldest first.
    fn shorten(&mut self) -> bool {
        if std::mem::take(&mut self.share) {
            return true;
        }
        if self.articles.len() < 2 {
            return false;
        }
        let fewer = self.articles.len() - self.articles.len().div_ceil(12);
        self.more += self.articles.len() - fewer;
        self.articles.truncate(fewer);
        true
    }
}

/// Asks whether it was really they who subscribed. Carries nothing that a stranger typed.
#[derive(Debug, Clone, Serialize)]
pub struct Confirm {
    /// The list's name.
    pub list: String,
    /// The page with the button.
    pub url: String,
    /// For how many days the link works.
    pub days: u64,
}

impl Letter for Confirm {
    const PURPOSE: &'static str = "confirm";
}

/// The first letter after confirming.
#[derive(Debug, Clone, Serialize)]
pub struct Welcome {
    /// The list's name.
    pub list: String,
    /// What they chose.
    pub cadence: Cadence,
    /// Local hour, 0–23; without meaning for immediate letters.
    pub hour: u8,
    /// The page of their choices.
    pub preferences_url: String,
    /// The page with the button that ends the subscription.
    pub leave_url: String,
    /// What went out last, so that they needn't wait to see what they subscribed to.
    pub latest: Option<Latest>,
}

/// The newest digest in a list's archive: the same for everybody.
#[derive(Debug, Clone, Serialize)]
pub struct Latest {
    /// The first of its articles, newest first; never empty.
    pub articles: Vec<ArticleCard>,
    /// Where all of it stands.
    pub url: String,
}

impl Letter for Welcome {
    const PURPOSE: &'static str = "welcome";
}

/// Says that no more letters will come.
#[derive(Debug, Clone, Serialize)]
pub struct Goodbye {
    /// The list's name.
    pub list: String,
    /// The list's page, for those who change their mind.
    pub list_url: String,
}

impl Letter for Goodbye {
    const PURPOSE: &'static str = "goodbye";
}

/// Asks whether a new address is theirs. Carries nothing that a stranger typed.
#[derive(Debug, Clone, Serialize)]
pub struct Address {
    /// The page with the button.
    pub url: String,
    /// For how many days the link works.
    pub days: u64,
}

impl Letter for Address {
    const PURPOSE: &'static str = "address";
}

/// Brings the link to be forgotten to those who asked for it.
#[derive(Debug, Clone, Serialize)]
pub struct Erasure {
    /// The page with the button.
    pub url: String,
    /// For how many hours the link works.
    pub hours: u64,
}

impl Letter for Erasure {
    const PURPOSE: &'static str = "erasure";
}

/// Brings the link to set a new password to somebody who looks after lists.
#[derive(Debug, Clone, Serialize)]
pub struct Password {
    /// The page where the new password is set.
    pub url: String,
    /// For how many minutes the link works.
    pub minutes: u64,
}

impl Letter for Password {
    const PURPOSE: &'static str = "password";
}

/// Brings the link to their preferences to those who asked for it.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// The page of their choices.
    pub url: String,
}

impl Letter for Link {
    const PURPOSE: &'static str = "link";
}

/// Asks those who look after lists to look at a digest before it goes out.
#[derive(Debug, Clone, Serialize)]
pub struct Review {
    /// The list's name.
    pub list: String,
    /// What the digest holds, in its order.
    pub articles: Vec<ArticleCard>,
    /// The page of the digest in the console.
    pub url: String,
    /// When the time for a review is over, if there's an end to it.
    pub until: Option<DateTime<FixedOffset>>,
    /// What happens then.
    pub silence: Silence,
}

impl Letter for Review {
    const PURPOSE: &'static str = "review";
}

/// Tells them that too much of a digest came back, and what became of the rest.
#[derive(Debug, Clone, Serialize)]
pub struct Alarm {
    /// The list's name.
    pub list: String,
    /// What there is too much of.
    pub why: Spike,
    /// How much.
    pub reports: u64,
    /// Of how many letters.
    pub letters: u64,
    /// How many letters wait for a decision; 0 if all have gone.
    pub stopped: u64,
    /// The page of the digest in the console.
    pub url: String,
}

/// A list whose digest didn't come to the canary.
#[derive(Debug, Clone, Serialize)]
pub struct SilentList {
    /// The list's name.
    pub list: String,
    /// Why.
    pub why: Why,
    /// When it was due, made, or taken by a server.
    pub since: DateTime<FixedOffset>,
    /// Where to look: the digest's page in the console, or its first.
    pub url: String,
}

/// Tells owners that a digest didn't arrive where it should have.
#[derive(Debug, Clone, Serialize)]
pub struct Silent {
    /// The canary's address.
    pub address: String,
    /// Every list that was silent then.
    pub lists: Vec<SilentList>,
    /// The console's first page.
    pub url: String,
}

impl Letter for Silent {
    const PURPOSE: &'static str = "silence";
}

impl Letter for Alarm {
    const PURPOSE: &'static str = "alarm";
}
