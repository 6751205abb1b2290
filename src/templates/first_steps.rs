//! What comes next while an installation is new: a part of the console's first page. Its template is
//! `pages/admin/first_steps.html.j2`.

use serde::Serialize;

/// The steps from an empty installation to the first digest.
#[derive(Debug, Clone, Serialize)]
pub struct FirstSteps {
    /// How many are done,
    pub done: usize,
    /// of how many.
    pub all: usize,
    /// In order.
    pub steps: Vec<Step>,
    /// What the settings say.
    pub settings: Vec<Setting>,
    /// Where whoever looks may choose them; letters are signed there too.
    pub settings_url: Option<String>,
    /// What is to be published for letters to be known by their signatures.
    pub records: Vec<Record>,
    /// Whether letters are from a domain, and nothing signs them.
    pub unsigned: bool,
    /// What came of the last step.
    pub came: Option<Came>,
}

/// One step: the words `first_step.…`.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How it stands.
    pub state: StepState,
    /// The sentence that says how, if it isn't done: `first_step_how.…`.
    pub how: &'static str,
    /// Where it's done.
    pub url: Option<String>,
    /// What a button does instead.
    pub post: Option<String>,
}

/// Steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepName {
    /// The settings name a sender and a relay.
    Settings,
    /// A server took a letter.
    Letter,
    /// There is a list,
    List,
    /// somebody has subscribed to it,
    Reader,
    /// there are articles from a source,
    Source,
    /// and they went out.
    Digest,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It's done.
    Done,
    /// It comes next.
    Next,
    /// It comes later.
    Later,
}

/// One setting: the words `first_setting.…`.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// What it is.
    pub name: &'static str,
    /// Which key of the settings says it.
    pub key: &'static str,
    /// What it is now.
    pub value: String,
}

/// A record for the DNS (TXT).
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its text, in one piece.
    pub text: String,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Came {
    /// The newsroom is named.
    Saved,
    /// Letters are signed.
    Signed,
    /// A test letter is on its way.
    Sent,
    /// There were too many within an hour.
    Enough,
}
