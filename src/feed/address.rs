//! The path and query of a request in, the feed it asks for out, and the one way to write its
//! address.
//!
//! A feed says its own address, and readers (and the W3C validator) compare it with the one they
//! fetched byte by byte. So every feed has a single spelling: what else reads the same is sent
//! there.

use std::collections::BTreeSet;

use url::form_urlencoded;

use crate::article::TopicKind;
use crate::article::query::Query;
use crate::feed::FeedFormat;
use crate::feed::Fullness;
use crate::locale::Language;
use crate::source::SourceId;

/// The most topics of a kind in one query.
const MOST_TOPICS: usize = 20;
/// The most characters that are looked for.
const MOST_SOUGHT: usize = 200;

/// What the articles of a feed have in common, by address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Nothing.
    Everything,
    /// A topic or department, by slug.
    Topic(TopicKind, String),
    /// Where they come from.
    Source(SourceId),
    /// The words in [`Wanted::words`].
    Search,
    /// No articles: the digests that a list has sent, by slug.
    List(String),
}

impl Place {
    /// The path of its page: what stands before `/feed`. Empty for everything.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Everything => String::new(),
            Self::Topic(kind, slug) => format!("/{}/{slug}", kind.path()),
            Self::Source(id) => format!("/sources/{}", id.0),
            Self::Search => "/search".to_owned(),
            Self::List(slug) => format!("/lists/{slug}"),
        }
    }

    fn read(path: &str) -> Option<Self> {
        let place = match path {
            "" => Self::Everything,
            "/search" => Self::Search,
            path => {
                let (folder, name) = path.strip_prefix('/')?.split_once('/')?;
                let kinds = [TopicKind::Department, TopicKind::Topic];
                let kind = kinds.into_iter().find(|kind| kind.path() == folder);
                match (kind, folder) {
                    (Some(kind), _) => Self::Topic(kind, name.to_owned()),
                    (None, "sources") => Self::Source(SourceId(name.parse().ok()?)),
                    (None, "lists") => Self::List(name.to_owned()),
                    (None, _) => return None,
                }
            }
        };
        Some(place)
    }
}

/// What the query asks of articles besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// `topic`: slugs of which an article has at least one.
    pub(crate) any: BTreeSet<String>,
    /// `not`: slugs of which it has none.
    pub(crate) none: BTreeSet<String>,
    /// `lang`: its language, a BCP 47 tag in lower case.
    pub(crate) language: Option<String>,
    /// `q`: what it is to be found by, as typed, on one line. Only in a search.
    pub(crate) words: Option<String>,
}

impl Wanted {
    /// Whether any article will do.
    pub(crate) fn is_anything(&self) -> bool {
        *self == Self::default()
    }

    /// Itself as the query of an address; empty if anything will do.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.words.iter().map(|words| ("q", words)));
        query.extend_pairs(self.any.iter().map(|slug| ("topic", slug)));
        query.extend_pairs(self.none.iter().map(|slug| ("not", slug)));
        query.extend_pairs(self.language.iter().map(|language| ("lang", language)));
        query.finish()
    }
}

/// How a feed is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// To programs.
    Feed(FeedFormat),
    /// To people.
    Page,
    /// To whoever asks, by what they accept.
    Any,
}

impl Form {
    /// Every end of a feed's path, with its dot.
    pub(crate) const ENDS: [&'static str; 5] = ["", ".rss", ".atom", ".json", ".html"];

    fn read(end: &str) -> Option<Self> {
        match end {
            "" => Some(Self::Any),
            ".html" => Some(Self::Page),
            end => FeedFormat::find(end.strip_prefix('.')?).map(Self::Feed),
        }
    }

    fn end(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Page => ".html".to_owned(),
            Self::Feed(format) => format!(".{}", format.extension()),
        }
    }
}

/// The address of a feed, below `base_url`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// Which articles.
    pub(crate) place: Place,
    /// In which form.
    pub(crate) form: Form,
    /// Which of them.
    pub(crate) wanted: Wanted,
    /// Whole, or summed up.
    pub(crate) fullness: Fullness,
    /// In which language the page around them is, if it was said.
    pub(crate) language: Option<Language>,
}

impl Address {
    /// All of a place, in full.
    pub(crate) fn of(place: Place, form: Form) -> Self {
        Self {
            place,
            form,
            wanted: Wanted::default(),
            fullness: Fullness::Full,
            language: None,
        }
    }

    /// The feed at this path, narrowed by this query. Parameters that say nothing to us are
    /// overlooked.
    pub(crate) fn read(path: &str, query: &str) -> Option<Self> {
        let (place, end) = path.rsplit_once("/feed")?;
        let mut address = Self::of(Place::read(place)?, Form::read(end)?);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            address.narrow(&name, &value);
        }
        if address.place == Place::Search {
            Query::parse(address.wanted.words.as_deref()?)?;
        }
        let is_sane = [&address.wanted.any, &address.wanted.none]
            .iter()
            .all(|topics| topics.len() <= MOST_TOPICS);
        is_sane.then_some(address)
    }

    fn narrow(&mut self, name: &str, value: &str) {
        let is_page = self.form == Form::Page;
        let is_list = matches!(self.place, Place::List(_));
        match name {
            "topic" | "not" | "lang" if is_list => {}
            "q" if self.place == Place::Search => self.wanted.words = Some(one_line(value)),
            "topic" => drop(self.wanted.any.insert(value.to_owned())),
            "not" => drop(self.wanted.none.insert(value.to_owned())),
            "lang" if is_language(value) => self.wanted.language = Some(value.to_ascii_lowercase()),
            "full" if value == "0" && !is_page => self.fullness = Fullness::Summaries,
            "l" if is_page => self.language = value.parse().ok(),
            _ => {}
        }
    }

    /// Its one spelling: path and query.
    pub(crate) fn path(&self) -> String {
        let full = (self.fullness == Fullness::Summaries).then(|| "full=0".to_owned());
        let language = self.language.map(|language| format!("l={language}"));
        let wanted = Some(self.wanted.query()).filter(|query| !query.is_empty());
        let query: Vec<String> = [wanted, full, language].into_iter().flatten().collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let (place, end) = (self.place.path(), self.form.end());
        format!("{place}/feed{end}{mark}{}", query.join("&"))
    }

    /// The same feed in another form.
    pub(crate) fn shown_as(&self, form: Form) -> Self {
        Self {
            form,
            fullness: Fullness::Full,
            language: None,
            ..self.clone()
        }
    }
}

fn one_line(typed: &str) -> String {
    let words: Vec<&str> = typed.split_whitespace().collect();
    words.join(" ").chars().take(MOST_SOUGHT).collect()
}

fn is_language(tag: &str) -> bool {
    let subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    tag.len() <= 35 && tag.split('-').all(subtag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_feed_has_one_spelling() {
        let cases = [
            ("/feed.rss", "", "/feed.rss"),
            ("/feed", "utm_source=a", "/feed"),
            ("/feed.atom", "full=0", "/feed.atom?full=0"),
            ("/feed.atom", "full=1&full=0&x=", "/feed.atom?full=0"),
            ("/feed.html", "l=en", "/feed.html?l=en"),
            (
                "/feed.rss",
                "lang=UK&full=0&not=c&topic=b&topic=a&topic=b",
                "/feed.rss?topic=a&topic=b&not=c&lang=uk&full=0",
            ),
            ("/feed.rss", "topic=ї&lang=%25", "/feed.rss?topic=%D1%97"),
            ("/feed.html", "l=ru", "/feed.html"),
            ("/feed.json", "l=en", "/feed.json"),
            ("/topics/feed/feed.json", "", "/topics/feed/feed.json"),
            ("/departments/a-b/feed", "", "/departments/a-b/feed"),
            ("/sources/007/feed.rss", "", "/sources/7/feed.rss"),
            (
                "/search/feed.rss",
                "lang=uk&q=%20%D0%BC%D1%96%D1%81%D1%82%20%20a&q=",
                "",
            ),
            (
                "/search/feed.rss",
                "lang=uk&q=%20%D0%BC%D1%96%D1%81%D1%82%20%20a%26b",
                "/search/feed.rss?q=%D0%BC%D1%96%D1%81%D1%82+a%26b&lang=uk",
            ),
            (
                "/lists/all/feed.rss",
                "lang=uk&full=0&topic=a",
                "/lists/all/feed.rss?full=0",
            ),
            ("/feed.rss", "q=a", "/feed.rss"),
        ];
        for (path, query, expected) in cases {
            let address = Address::read(path, query);
            let spelling = address.map_or_else(String::new, |address| address.path());
            assert_eq!(spelling, expected);
        }
    }

    #[test]
    fn what_is_no_feed_is_not_found() {
        let paths = [
            "/feed.xml",
            "/feed.RSS",
            "/feeds",
            "/topics/feed.rss",
            "/search/feed.rss",
            "/archive/a/feed.rss",
            "/sources/a/feed.rss",
            "//feed",
        ];
        for path in paths {
            assert_eq!(Address::read(path, ""), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_itself(
            place in prop::sample::select(vec!["", "/topics/a", "/departments/b-2", "/sources/3", "/lists/c"]),
            end in prop::sample::select(Form::ENDS.to_vec()),
            query in "((full|l|q|%66ull|topic|not|lang|)=?(0|1|uk|EN|%30|ї|a b)?&?){0,6}",
        ) {
            let address = Address::read(&format!("{place}/feed{end}"), &query).unwrap();
            let spelling = address.path();
            let (path, query) = spelling.split_once('?').unwrap_or((&spelling, ""));
            prop_assert_eq!(Address::read(path, query), Some(address));
        }
    }
}
