//! Pages for the public: one typed context each. Templates are `pages/<name>.html.j2`.

use chrono::NaiveDate;
use serde::Serialize;

use crate::article::TopicKind;
use crate::audience::held::Held;
use crate::audience::list::Cadence;
use crate::templates::cards::ArticleBody;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::cards::ListCard;
use crate::templates::cards::TopicLink;
use crate::templates::forms::FormProblem;
use crate::templates::forms::SignUpBox;
use crate::templates::forms::SignUpForm;
use crate::templates::samples::Sample;
use crate::templates::structured::NewsArticle;

/// A kind of page.
pub trait Page: Sample + Serialize {
    /// The name of its template below `pages/`, without `.html.j2`.
    const NAME: &'static str;
}

/// Names the template of each page.
macro_rules! pages {
    ($($page:ty => $name:literal),+ $(,)?) => {
        $(impl $crate::templates::pages::Page for $page { const NAME: &'static str = $name; })+
    };
}
pub(super) use pages;

pages! {
    Home => "home",
    ArticlePage => "article",
    TopicPage => "topic",
    Topics => "topics",
    ListPage => "list",
    Asked => "asked",
    Confirm => "confirm",
    Confirmed => "confirmed",
    Leave => "leave",
    Left => "left",
    Preferences => "preferences",
    AskLink => "link",
    NewAddress => "new_address",
    AddressChanged => "address_changed",
    Erase => "erase",
    Erased => "erased",
    Embed => "embed",
    Feeds => "feeds",
    FeedView => "feed",
    Search => "search",
    Archive => "archive",
    ArchivedDigest => "digest",
    Privacy => "privacy",
    SiteMap => "site_map",
    ErrorPage => "error",
}

/// `/`: the latest news and the sign-up box.
#[derive(Debug, Clone, Serialize)]
pub struct Home {
    /// The newest one with a picture, on the first page alone.
    pub lead: Option<ArticleCard>,
    /// The others, newest first.
    pub articles: Vec<ArticleCard>,
    /// The next page of older ones.
    pub older: Option<String>,
    /// The form of the main list, if there is one.
    pub sign_up: Option<SignUpForm>,
    /// All lists on offer.
    pub lists: Vec<ListCard>,
}

/// `/articles/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct ArticlePage {
    /// What its card shows. `card.url` is the page's own address.
    pub card: ArticleCard,
    /// The rest of it.
    pub body: ArticleBody,
    /// More on the same topics; may be empty.
    pub related: Vec<ArticleCard>,
    /// The same for search engines.
    pub structured: NewsArticle,
}

/// `/topics/{slug}` and `/departments/{slug}`.
#[derive(Debug, Clone, Serialize)]
pub struct TopicPage {
    /// Topic or department.
    pub kind: TopicKind,
    /// As people read it.
    pub name: String,
    /// Newest first; may be empty.
    pub articles: Vec<ArticleCard>,
    /// The next page of older ones.
    pub older: Option<String>,
    /// Its feed.
    pub feed: FeedSet,
}

/// `/topics`: everything there is, departments and topics.
#[derive(Debug, Clone, Serialize)]
pub struct Topics {
    /// By name.
    pub departments: Vec<TopicCount>,
    /// By name.
    pub topics: Vec<TopicCount>,
}

/// A topic with the number of its articles.
#[derive(Debug, Clone, Serialize)]
pub struct TopicCount {
    /// The topic.
    pub topic: TopicLink,
    /// Articles published under it.
    pub count: u64,
}

/// `/lists/{slug}`: a list and the form to join it.
#[derive(Debug, Clone, Serialize)]
pub struct ListPage {
    /// The list.
    pub list: ListCard,
    /// Its form; with a problem and the kept values after a bad try.
    pub form: SignUpForm,
    /// Its past digests.
    pub archive_url: String,
    /// Its latest articles, as a taste; may be empty.
    pub articles: Vec<ArticleCard>,
}

/// `/asked`: the same for every address, known or unknown.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {}

/// `GET /confirm/{token}`: changes nothing until the button is pressed.
#[derive(Debug, Clone, Serialize)]
pub struct Confirm {
    /// The list's name.
    pub list: String,
    /// Where the button posts to.
    pub action: String,
}

/// The answer to that button.
#[derive(Debug, Clone, Serialize)]
pub struct Confirmed {
    /// The list's name.
    pub list: String,
    /// The page of their choices.
    pub preferences_url: String,
}

/// `GET /leave/{token}`: changes nothing until the button is pressed.
#[derive(Debug, Clone, Serialize)]
pub struct Leave {
    /// The list's name.
    pub list: String,
    /// Where the button posts to.
    pub action: String,
    /// For those who'd rather have less.
    pub preferences_url: Option<String>,
}

/// The answer to that button.
#[derive(Debug, Clone, Serialize)]
pub struct Left {
    /// The list's name.
    pub list: String,
    /// The list's page: the way back.
    pub list_url: String,
    /// For those who'd rather have had less, while it can be taken back.
    pub second_thoughts: Option<SecondThoughts>,
}

/// What somebody who has just left may still choose.
#[derive(Debug, Clone, Serialize)]
pub struct SecondThoughts {
    /// Where the buttons post to.
    pub action: String,
    /// Cadences with fewer letters; may be empty.
    pub rarer: Vec<Cadence>,
}

/// `/preferences/{token}`: what one person chose.
#[derive(Debug, Clone, Serialize)]
pub struct Preferences {
    /// The list's name.
    pub list: String,
    /// Their address, which this form doesn't change.
    pub address: String,
    /// What they chose: `email` and `name` aren't shown.
    pub form: SignUpForm,
    /// Where the page is: its other buttons post below it.
    pub action: String,
    /// Whether letters come without HTML.
    pub text_only: bool,
    /// A rest from letters.
    pub pause: PauseForm,
    /// Their private feed, if they have one.
    pub feed_url: Option<String>,
    /// Their other lists, each with the page of its choices.
    pub others: Vec<ListCard>,
    /// What was done just now.
    pub done: Option<Done>,
    /// The page that ends the subscription.
    pub leave_url: String,
}

/// Until when somebody rests, or may.
#[derive(Debug, Clone, Serialize)]
pub struct PauseForm {
    /// The day letters come again, during a pause.
    pub until: Option<NaiveDate>,
    /// Tomorrow.
    pub earliest: NaiveDate,
    /// A year from now.
    pub latest: NaiveDate,
}

/// What a button of the preferences did: the words `done.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Choices were kept.
    Saved,
    /// No letters for a while.
    Paused,
    /// Letters again.
    Resumed,
    /// Leaving was taken back.
    Returned,
    /// A private feed has a new address.
    FeedOpened,
    /// There is no private feed any more.
    FeedClosed,
    /// A letter went to the new address.
    Address,
    /// A letter with the link to be forgotten is on its way.
    Erasure,
}

impl Done {
    const ALL: [Self; 8] = [
        Self::Saved,
        Self::Paused,
        Self::Resumed,
        Self::Returned,
        Self::FeedOpened,
        Self::FeedClosed,
        Self::Address,
        Self::Erasure,
    ];

    /// The word in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Returned => "returned",
            Self::FeedOpened => "feed_opened",
            Self::FeedClosed => "feed_closed",
            Self::Address => "address",
            Self::Erasure => "erasure",
        }
    }

    /// What a word stands for.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == word)
    }
}

/// `GET /address/{token}`: changes nothing until the button is pressed.
#[derive(Debug, Clone, Serialize)]
pub struct NewAddress {
    /// The new one.
    pub address: String,
    /// Where the button posts to.
    pub action: String,
}

/// The answer to that button.
#[derive(Debug, Clone, Serialize)]
pub struct AddressChanged {
    /// The new one.
    pub address: String,
    /// The page of their choices, if they have any.
    pub preferences_url: Option<String>,
}

/// `GET /erase/{token}`: changes nothing until the button is pressed.
#[derive(Debug, Clone, Serialize)]
pub struct Erase {
    /// Whose.
    pub address: String,
    /// Where the button posts to.
    pub action: String,
}

/// The answer to that button.
#[derive(Debug, Clone, Serialize)]
pub struct Erased {}

/// `/link`: "send me the link to my subscription".
#[derive(Debug, Clone, Serialize)]
pub struct AskLink {
    /// Where the form posts to.
    pub action: String,
    /// As filled in; empty at first.
    pub email: String,
    /// What was wrong with the last try.
    pub problem: Option<FormProblem>,
}

/// `/lists/{slug}/embed`: a list's form, to be put on other sites.
#[derive(Debug, Clone, Serialize)]
pub struct Embed {
    /// The list.
    pub list: ListCard,
    /// HTML to be copied, shown as text.
    pub code: String,
}

/// `/feeds` and `/feeds?q=`: every feed in every format.
#[derive(Debug, Clone, Serialize)]
pub struct Feeds {
    /// Where the search box leads.
    pub action: String,
    /// What names were searched for; empty for all.
    pub query: String,
    /// None of them empty.
    pub groups: Vec<FeedGroup>,
    /// The whole directory as OPML.
    pub opml: String,
}

/// Feeds of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct FeedGroup {
    /// Which.
    pub kind: FeedGroupKind,
    /// By name.
    pub feeds: Vec<FeedRow>,
}

/// Kinds of feeds: the words `feed_group.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedGroupKind {
    /// Everything in one.
    All,
    /// One for each department.
    Departments,
    /// One for each topic.
    Topics,
    /// One for each source.
    Sources,
    /// One for each list: its digests.
    Lists,
}

/// A feed in the directory.
#[derive(Debug, Clone, Serialize)]
pub struct FeedRow {
    /// The feed and its formats.
    pub feed: FeedSet,
    /// How many people read it through services that tell; 0 if none does.
    pub people: u64,
}

/// A feed as people read it.
#[derive(Debug, Clone, Serialize)]
pub struct FeedView {
    /// The feed and its formats.
    pub feed: FeedSet,
    /// Newest first; may be empty.
    pub articles: Vec<ArticleCard>,
    /// For those who would rather get letters.
    pub sign_up: Option<SignUpBox>,
}

/// `/search?q=`.
#[derive(Debug, Clone, Serialize)]
pub struct Search {
    /// Where the form leads.
    pub action: String,
    /// What was asked; empty at first.
    pub query: String,
    /// How many were found in all.
    pub count: u64,
    /// Best first.
    pub articles: Vec<ArticleCard>,
    /// The next page of results.
    pub older: Option<String>,
    /// The results as a feed, once something was asked.
    pub feed: Option<FeedSet>,
}

/// `/archive/{list}`: every digest of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Archive {
    /// The list.
    pub list: ListCard,
    /// Its feed, an entry for each digest.
    pub feed: FeedSet,
    /// Newest first; may be empty.
    pub digests: Vec<DigestLink>,
    /// The next page of older ones.
    pub older: Option<String>,
}

/// A digest in the archive.
#[derive(Debug, Clone, Serialize)]
pub struct DigestLink {
    /// How often its kind comes.
    pub cadence: Cadence,
    /// The first day it covers.
    pub first: NaiveDate,
    /// The last day it covers, included.
    pub last: NaiveDate,
    /// Articles in it.
    pub count: u64,
    /// Its page.
    pub url: String,
}

/// `/archive/{list}/{digest}`: a digest on the web, with nothing personal in it.
#[derive(Debug, Clone, Serialize)]
pub struct ArchivedDigest {
    /// The list.
    pub list: ListCard,
    /// All digests of the list.
    pub archive_url: String,
    /// This page, whatever else is in the address.
    pub url: String,
    /// How often its kind comes.
    pub cadence: Cadence,
    /// How many articles it holds.
    pub count: u64,
    /// The first day it covers.
    pub first: NaiveDate,
    /// The last day it covers, included.
    pub last: NaiveDate,
    /// Its articles, newest first; as many as a page takes.
    pub articles: Vec<ArticleCard>,
    /// The next page of older ones.
    pub older: Option<String>,
    /// The digest of the same kind before it.
    pub previous: Option<String>,
    /// The digest of the same kind after it.
    pub next: Option<String>,
    /// The same for programs: JSON-LD.
    pub linked: serde_json::Value,
}

/// `/privacy`: what is held about people, and for how long.
#[derive(Debug, Clone, Serialize)]
pub struct Privacy {
    /// What is held while somebody is subscribed, for a day, or without limit.
    pub held: Vec<Held>,
    /// What is held for so many days.
    pub limits: Vec<Limit>,
}

/// Something held for a time: the words `held_days.…`.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// What.
    pub what: Held,
    /// For how many days.
    pub days: u64,
}

/// `/map`: every page there is, for people.
#[derive(Debug, Clone, Serialize)]
pub struct SiteMap {
    /// Newsletters.
    pub lists: Vec<MappedList>,
    /// By name.
    pub departments: Vec<TopicLink>,
    /// By name.
    pub topics: Vec<TopicLink>,
}

/// A list on the site map.
#[derive(Debug, Clone, Serialize)]
pub struct MappedList {
    /// The list.
    pub card: ListCard,
    /// Its past digests.
    pub archive_url: String,
}

/// What people read when something didn't go as asked. The caller sets the status.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorPage {
    /// What happened.
    pub kind: ErrorKind,
    /// The number under which the log has it, for [`ErrorKind::Trouble`].
    pub number: Option<String>,
    /// What was wrong with a form, for [`ErrorKind::Form`].
    pub problem: Option<FormProblem>,
    /// Whether it happened in the console, and the way back leads there.
    pub console: bool,
}

impl ErrorPage {
    /// An error without particulars.
    pub fn of(kind: ErrorKind) -> Self {
        Self {
            kind,
            number: None,
            problem: None,
            console: false,
        }
    }
}

/// Kinds of error pages: the words `error.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// 404.
    NotFound,
    /// 410: an article was withdrawn.
    Withdrawn,
    /// 410 or 400: a link that is no longer good, or never was.
    Link,
    /// 400 or 422: a form with a fault.
    Form,
    /// 401 or 403: not for this person.
    Forbidden,
    /// 403: for editors of all lists, not of some.
    Bound,
    /// 429 or 503: too much at once.
    Busy,
    /// 500: our fault.
    Trouble,
}
