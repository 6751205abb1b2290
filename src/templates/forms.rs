//! Forms: what they offer, what was filled in, and what was wrong with it.

use serde::Serialize;

use crate::audience::list::Cadence;
use crate::audience::pace::Days;
use crate::locale::Language;

/// The sign-up form of a list, and the same choices in a person's preferences.
#[derive(Debug, Clone, Serialize)]
pub struct SignUpForm {
    /// Where it posts to.
    pub action: String,
    /// When it was shown, signed: the hidden field `form`. Empty where no proof is asked for.
    pub form: String,
    /// As filled in; empty at first.
    pub email: String,
    /// As filled in; empty at first.
    pub name: String,
    /// Departments first. None chosen means all news.
    pub topics: Vec<TopicChoice>,
    /// Those the list offers, the chosen one marked.
    pub cadences: Vec<CadenceChoice>,
    /// Monday to Sunday, for whom weekdays are offered.
    pub days: Vec<DayChoice>,
    /// Local hour, 0–23.
    pub hour: u8,
    /// IANA name, as filled in.
    pub zone: String,
    /// Zones to choose from; with fewer than two, `zone` goes along unasked.
    pub zones: Vec<String>,
    /// Language of letters.
    pub letters_in: Language,
    /// What was wrong with the last try.
    pub problem: Option<FormProblem>,
}

/// The shortest form of a list: an address and a button. It holds no proof of when it was shown, so
/// that a page with it can be kept.
#[derive(Debug, Clone, Serialize)]
pub struct SignUpBox {
    /// Where it posts to.
    pub action: String,
    /// The list's page, with every choice.
    pub url: String,
    /// The list's name.
    pub list: String,
}

/// One topic or department in a form.
#[derive(Debug, Clone, Serialize)]
pub struct TopicChoice {
    /// Goes into the field `topics`.
    pub slug: String,
    /// As people read it.
    pub name: String,
    /// Whether it is ticked.
    pub chosen: bool,
}

/// One cadence in a form.
#[derive(Debug, Clone, Serialize)]
pub struct CadenceChoice {
    /// Goes into the field `cadence`.
    pub cadence: Cadence,
    /// Whether it is marked.
    pub chosen: bool,
    /// Letters a week to expect, from history, if there is any; 0 is less than one.
    pub letters_a_week: Option<u64>,
}

impl CadenceChoice {
    /// The offered cadences, `chosen` marked, each with the letters it brings.
    pub fn all(
        offered: &[Cadence],
        chosen: Cadence,
        letters_a_week: impl Fn(Cadence) -> Option<u64>,
    ) -> Vec<Self> {
        let choice = |cadence: &Cadence| Self {
            cadence: *cadence,
            chosen: *cadence == chosen,
            letters_a_week: letters_a_week(*cadence),
        };
        offered.iter().map(choice).collect()
    }
}

/// One day of the week in a form.
#[derive(Debug, Clone, Serialize)]
pub struct DayChoice {
    /// Goes into the field `days`: `mon` to `sun`; the word `day.…`.
    pub day: &'static str,
    /// Whether it is ticked.
    pub chosen: bool,
}

impl DayChoice {
    /// A week, those chosen ticked.
    pub fn all(chosen: Days) -> Vec<Self> {
        let week = chosen.each();
        week.map(|(day, chosen)| Self { day, chosen }).collect()
    }
}

/// What is wrong with a form that came in: the word `problem.…` tells people what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormProblem {
    /// No e-mail address.
    Email,
    /// A topic the list doesn't have.
    Topics,
    /// A cadence the list doesn't offer.
    Cadence,
    /// A day that no week has.
    Days,
    /// No hour of the day.
    Hour,
    /// No time zone we know.
    Zone,
    /// A language we don't speak.
    Language,
    /// No day that a pause can last until.
    Until,
    /// The form is too old, or its proof is not ours.
    Expired,
    /// Too many tries; wait.
    Busy,
    /// Address or password is wrong; never says which.
    Password,
    /// A code is wrong, or was used.
    Code,
    /// A new password is too short or too long.
    Length,
    /// The provider that they would sign in by doesn't answer.
    ProviderAway,
    /// It doesn't let them in, or they didn't want to.
    ProviderDenied,
    /// It doesn't know that their address is theirs.
    ProviderUnverified,
    /// Nobody here has that address.
    ProviderStranger,
    /// Whoever has it here is somebody else there.
    ProviderOther,
    /// It took too long, or began in another browser.
    ProviderStale,
    /// What it says isn't to be believed.
    ProviderBroken,
}

impl FormProblem {
    /// What may come of signing in by a provider.
    pub const OF_PROVIDERS: [Self; 7] = [
        Self::ProviderAway,
        Self::ProviderDenied,
        Self::ProviderUnverified,
        Self::ProviderStranger,
        Self::ProviderOther,
        Self::ProviderStale,
        Self::ProviderBroken,
    ];

    /// The word that an address says it by.
    pub fn of_provider(word: &str) -> Option<Self> {
        let mut all = Self::OF_PROVIDERS.into_iter();
        all.find(|problem| problem.as_str() == word)
    }

    /// That word; of a provider's alone.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProviderAway => "away",
            Self::ProviderDenied => "denied",
            Self::ProviderUnverified => "unverified",
            Self::ProviderStranger => "stranger",
            Self::ProviderOther => "other",
            Self::ProviderStale => "stale",
            _ => "broken",
        }
    }
}
