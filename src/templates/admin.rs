//! Pages of the web console. Templates are `pages/admin/<name>.html.j2`.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Serialize;

use crate::audience::list::Cadence;
use crate::audience::pace::Silence;
use crate::digest::alarm::Spike;
use crate::templates::board::Chart;
use crate::templates::board::Letter;
use crate::templates::first_steps::FirstSteps;
use crate::templates::forms::FormProblem;
use crate::templates::letters::SilentList;
use crate::templates::pages::pages;

pages! {
    SignIn => "admin/sign-in",
    AskCode => "admin/code",
    Lost => "admin/lost",
    Enter => "admin/enter",
    AdminHome => "admin/home",
    Subscribers => "admin/subscribers",
    Digests => "admin/digests",
    AdminDigest => "admin/digest",
}

/// `/admin/sign-in`.
#[derive(Debug, Clone, Serialize)]
pub struct SignIn {
    /// Where the form posts to.
    pub action: String,
    /// As filled in; empty at first.
    pub email: String,
    /// Where those go who lost their password.
    pub lost: String,
    /// Who else may say who they are.
    pub provider: Option<OtherWay>,
    /// What was wrong with the last try.
    pub problem: Option<FormProblem>,
}

/// A provider to sign in by.
#[derive(Debug, Clone, Serialize)]
pub struct OtherWay {
    /// Where the way to it begins.
    pub url: String,
    /// What people call it.
    pub name: String,
}

/// `/admin/sign-in/code`: the second proof.
#[derive(Debug, Clone, Serialize)]
pub struct AskCode {
    /// Where the form posts to.
    pub action: String,
    /// What was wrong with the last try.
    pub problem: Option<FormProblem>,
}

/// `/admin/sign-in/lost`: for those who lost their password.
#[derive(Debug, Clone, Serialize)]
pub struct Lost {
    /// Where the form posts to.
    pub action: String,
    /// Whether they asked just now.
    pub sent: bool,
}

/// `/admin/sign-in/{token}`: a link that lets somebody in once, and lets them set a password.
#[derive(Debug, Clone, Serialize)]
pub struct Enter {
    /// Where the form posts to.
    pub action: String,
    /// Whom the link is for.
    pub email: String,
    /// What was wrong with the last try.
    pub problem: Option<FormProblem>,
}

/// `/admin`: how things stand.
#[derive(Debug, Clone, Serialize)]
pub struct AdminHome {
    /// What comes next, while the installation is new.
    pub first_steps: Option<FirstSteps>,
    /// Articles published.
    pub articles: u64,
    /// Active subscriptions.
    pub subscriptions: u64,
    /// Letters waiting to go out.
    pub waiting: u64,
    /// Letters that a server took in the last day.
    pub accepted: u64,
    /// Lists whose digest didn't come to the canary.
    pub silent: Vec<SilentList>,
    /// Sources whose last poll failed, with what people can do about it.
    pub failing: Vec<FailingSource>,
    /// When the next ones are due.
    pub coming: Vec<Coming>,
    /// The newest digests.
    pub digests: Vec<DigestRow>,
    /// What the figures were on other days.
    pub charts: Vec<Chart>,
}

/// A source that can't be read.
#[derive(Debug, Clone, Serialize)]
pub struct FailingSource {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What went wrong, in words.
    pub error: String,
}

/// `/admin/subscribers`.
#[derive(Debug, Clone, Serialize)]
pub struct Subscribers {
    /// Where the search form leads.
    pub action: String,
    /// What was searched for; empty if nothing.
    pub query: String,
    /// What was just done to several.
    pub done: Option<SeveralDone>,
    /// How many there are in all, as far as they're counted.
    pub count: u64,
    /// Whether there are more than that.
    pub more: bool,
    /// This page of them.
    pub rows: Vec<SubscriberRow>,
    /// The next page.
    pub next: Option<String>,
}

/// What became of the subscriptions that were ticked.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SeveralDone {
    /// What was done: the end of a sentence's name.
    pub what: &'static str,
    /// To how many.
    pub count: u64,
}

/// One subscription of one person.
#[derive(Debug, Clone, Serialize)]
pub struct SubscriberRow {
    /// The subscription's number.
    pub id: i64,
    /// Their own page.
    pub url: String,
    /// E-mail address.
    pub address: String,
    /// May be empty.
    pub name: String,
    /// The list's name.
    pub list: String,
    /// How often.
    pub cadence: Cadence,
    /// How it stands.
    pub state: SubscriptionWord,
    /// Since when.
    pub since: DateTime<FixedOffset>,
}

/// How a subscription stands: the words `subscription.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionWord {
    /// Asked for, not confirmed.
    Asked,
    /// Letters go out.
    Active,
    /// Until a date.
    Paused,
    /// No letters any more.
    Ended,
}

/// `/admin/digests`.
#[derive(Debug, Clone, Serialize)]
pub struct Digests {
    /// When the next ones are due; on the first page.
    pub coming: Vec<Coming>,
    /// This page of them, newest first.
    pub rows: Vec<DigestRow>,
    /// The next page.
    pub next: Option<String>,
}

/// A digest that is due some time.
#[derive(Debug, Clone, Serialize)]
pub struct Coming {
    /// When, if there is news by then.
    pub at: DateTime<FixedOffset>,
    /// The list's name.
    pub list: String,
    /// The list's page.
    pub url: String,
    /// Whose.
    pub cadence: Cadence,
    /// Whether it waits for a person then.
    pub held: bool,
}

/// One digest and its letters.
#[derive(Debug, Clone, Serialize)]
pub struct DigestRow {
    /// Its own page.
    pub page: String,
    /// The list's name.
    pub list: String,
    /// How often.
    pub cadence: Cadence,
    /// When it was cut.
    pub cut: DateTime<FixedOffset>,
    /// How it stands.
    pub state: DigestWord,
    /// Articles in it.
    pub articles: u64,
    /// Letters by how they stand.
    pub letters: LetterCounts,
}

/// `/admin/digests/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct AdminDigest {
    /// Where the form posts to.
    pub action: String,
    /// The list's name.
    pub list: String,
    /// How often.
    pub cadence: Cadence,
    /// When it was cut.
    pub cut: DateTime<FixedOffset>,
    /// How it stands.
    pub state: DigestWord,
    /// Whether it went out at once, to all cadences.
    pub critical: bool,
    /// Why it stopped itself, if it did.
    pub alarm: Option<AlarmNotice>,
    /// When the time for its review is over.
    pub review_until: Option<DateTime<FixedOffset>>,
    /// What happens then.
    pub silence: Silence,
    /// Whether whoever looks may decide.
    pub may_decide: bool,
    /// Whether it can still be arranged.
    pub arranges: bool,
    /// Letters by how they stand.
    pub letters: LetterCounts,
    /// How many letters there are in all.
    pub made: u64,
    /// What an editor says first.
    pub introduction: String,
    /// What it holds, in order; what is dropped comes last.
    pub articles: Vec<DigestLine>,
    /// As readers would get it, as long as it waits.
    pub preview: Option<DigestPreview>,
}

/// A digest that waits, as its readers would get it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DigestPreview {
    /// Whose it is, as it was typed; empty for whoever gets the most.
    pub reader: String,
    /// Why there is none: the name of a sentence.
    pub problem: Option<&'static str>,
    /// One for each language.
    pub letters: Vec<Letter>,
}

/// Why a digest stopped itself.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AlarmNotice {
    /// What there was too much of.
    pub why: Spike,
    /// How much.
    pub reports: u64,
    /// Of how many letters.
    pub letters: u64,
}

/// One article of a digest.
#[derive(Debug, Clone, Serialize)]
pub struct DigestLine {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Whether it's left out.
    pub dropped: bool,
}

/// How a digest stands: the words `digest_state.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestWord {
    /// Being planned.
    Open,
    /// Waits for a person.
    Held,
    /// On its way.
    Sending,
    /// Nothing left to do.
    Done,
    /// Stopped by a person.
    Cancelled,
}

/// Letters of a digest by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LetterCounts {
    /// Queued, leased, handing or deferred.
    pub waiting: u64,
    /// A server took it.
    pub accepted: u64,
    /// Handed over without an answer: probably delivered.
    pub uncertain: u64,
    /// Refused for good, or couldn't be built.
    pub refused: u64,
}
