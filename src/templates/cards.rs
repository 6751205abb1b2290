//! What pages and letters have in common: the site, the frame of a page, and one article, topic,
//! list or feed as people see it. All addresses are absolute, under the site's `base_url`.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono_tz::Tz;
use minijinja::Value;
use serde::Serialize;
use serde::Serializer;

use crate::article::Article;
use crate::article::Attribution;
use crate::article::Media;
use crate::article::Topic;
use crate::article::TopicKind;
use crate::article::clean::SafeHtml;
use crate::article::picture;
use crate::templates::contact::Contact;

/// Characters of a summary that the source wrote: some put the whole text there.
const OF_SUMMARY: usize = 600;

/// Characters of a summary made from the text.
const OF_TEXT: usize = 280;

/// Whose news these are: the head and foot of every page and letter.
#[derive(Debug, Clone, Serialize)]
pub struct Site {
    /// As people call it.
    pub name: String,
    /// One sentence; may be empty.
    pub description: String,
    /// `base_url`, without a slash at its end.
    pub url: String,
    /// For all content that names none of its own.
    pub licence: Option<Licence>,
    /// Postal address, one line: letters must show it.
    pub address: Option<String>,
    /// Contacts for the foot of pages and letters.
    pub contacts: Vec<Contact>,
}

/// A licence with the name it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Licence {
    /// `CC BY 4.0`; the address itself if it's no known licence.
    pub name: String,
    /// Its text on the web.
    pub url: String,
}

impl Licence {
    /// Names the licence behind an address: Creative Commons are known by their path.
    pub fn of_url(url: &str) -> Self {
        let name = url
            .split_once("creativecommons.org/")
            .and_then(|(_, path)| {
                let mut parts = path.split('/');
                match (parts.next()?, parts.next()?, parts.next()?) {
                    ("licenses", kind, version) => {
                        Some(format!("CC {} {version}", kind.to_uppercase()))
                    }
                    ("publicdomain", "zero", version) => Some(format!("CC0 {version}")),
                    _ => None,
                }
            })
            .unwrap_or_else(|| url.to_owned());
        Self {
            name,
            url: url.to_owned(),
        }
    }
}

/// What stands around a page's content.
#[derive(Debug, Clone, Serialize)]
pub struct Frame<'a> {
    /// Printed as the variable `site`.
    #[serde(skip)]
    pub site: &'a Site,
    /// Absolute address of this page with its query: the language switch adds `l=` to it.
    pub url: &'a str,
    /// Feeds of what this page shows, for `rel=alternate`.
    pub feeds: Vec<FeedLink>,
    /// The signed-in person on admin pages.
    pub signed_in: Option<SignedIn>,
}

/// Who is signed in to the console.
#[derive(Debug, Clone, Serialize)]
pub struct SignedIn {
    /// Their address.
    pub email: String,
    /// Where the sign-out button posts to.
    pub sign_out: String,
    /// Whether they may change things.
    pub may_change: bool,
    /// Whether they may do everything.
    pub may_all: bool,
    /// Whether they look after all lists, or look at all.
    pub sees_all: bool,
}

impl<'a> Frame<'a> {
    /// A frame for a public page without feeds.
    pub fn new(site: &'a Site, url: &'a str) -> Self {
        Self {
            site,
            url,
            feeds: Vec::new(),
            signed_in: None,
        }
    }

    /// The same with the three formats of one feed.
    #[must_use]
    pub fn with_feed(mut self, feed: &FeedSet) -> Self {
        self.feeds.extend(feed.links());
        self
    }
}

/// One format of one feed.
#[derive(Debug, Clone, Serialize)]
pub struct FeedLink {
    /// The feed's name.
    pub title: String,
    /// MIME type.
    #[serde(rename = "type")]
    pub mime: &'static str,
    /// Its address.
    pub url: String,
}

/// One feed in its formats.
#[derive(Debug, Clone, Serialize)]
pub struct FeedSet {
    /// What it holds: «Усі новини», a topic's name.
    pub title: String,
    /// The view for people.
    pub html: String,
    /// RSS 2.0.
    pub rss: String,
    /// Atom 1.0.
    pub atom: String,
    /// JSON Feed 1.1.
    pub json: String,
}

impl FeedSet {
    /// The formats of the feed below `base`, such as `https://example.org/topics/war`.
    pub fn below(base: &str, title: &str) -> Self {
        let address = |extension: &str| format!("{base}/feed.{extension}");
        Self {
            title: title.to_owned(),
            html: address("html"),
            rss: address("rss"),
            atom: address("atom"),
            json: address("json"),
        }
    }

    /// The same narrowed by a query such as `q=%D0%BE%D1%84%D1%96%D1%81`, already encoded.
    #[must_use]
    pub fn asking(mut self, query: &str) -> Self {
        for url in [
            &mut self.html,
            &mut self.rss,
            &mut self.atom,
            &mut self.json,
        ] {
            url.push('?');
            url.push_str(query);
        }
        self
    }

    fn links(&self) -> [FeedLink; 3] {
        [
            ("application/rss+xml", &self.rss),
            ("application/atom+xml", &self.atom),
            ("application/feed+json", &self.json),
        ]
        .map(|(mime, url)| FeedLink {
            title: self.title.clone(),
            mime,
            url: url.clone(),
        })
    }
}

/// A topic or department with its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicLink {
    /// As people read it.
    pub name: String,
    /// Its page.
    pub url: String,
}

impl TopicLink {
    /// A topic's page under `base_url`.
    pub fn of(topic: &Topic, base_url: &str) -> Self {
        Self {
            name: topic.name.clone(),
            url: format!("{base_url}/{}/{}", topic.kind.path(), topic.slug),
        }
    }
}

/// A picture with its words.
#[derive(Debug, Clone, Serialize)]
pub struct Picture {
    /// Our own file of it, as large as we have it.
    pub url: String,
    /// The same for lists and letters.
    pub small: String,
    /// What it shows; empty if nobody said.
    pub alt: String,
    /// Pixels, if known: keeps the page from jumping.
    pub width: Option<u32>,
    /// Pixels, if known.
    pub height: Option<u32>,
}

impl Picture {
    /// The picture, if the medium is one, and we hold it.
    pub fn of(media: &Media, article: &Article, base_url: &str) -> Option<Self> {
        let held = article.pictures.get(&media.url)?;
        let [large, small] = picture::WIDTHS;
        Some(Self {
            url: held.url(base_url, large),
            small: held.url(base_url, small),
            alt: media.caption.clone().unwrap_or_default(),
            width: Some(held.width),
            height: Some(held.height),
        })
    }

    /// All pictures of an article that we hold, in the source's order.
    fn all<'a>(article: &'a Article, base_url: &'a str) -> impl Iterator<Item = Self> + 'a {
        article
            .media
            .iter()
            .filter_map(move |media| Self::of(media, article, base_url))
    }
}

/// A sound, film or document that belongs to an article.
#[derive(Debug, Clone, Serialize)]
pub struct FileLink {
    /// Caption, else the last part of the address.
    pub name: String,
    /// Absolute address.
    pub url: String,
}

impl FileLink {
    /// The file, unless the medium is a picture.
    pub fn of(media: &Media) -> Option<Self> {
        let last = media.url.rsplit('/').next().unwrap_or(&media.url);
        (!media.is_image()).then(|| Self {
            name: media.caption.clone().unwrap_or_else(|| last.to_owned()),
            url: media.url.clone(),
        })
    }
}

/// An article as lists, feeds for people and digests show it.
#[derive(Debug, Clone, Serialize)]
pub struct ArticleCard {
    /// Plain text.
    pub title: String,
    /// Our page for it; the source's own is linked there.
    pub url: String,
    /// When it was published, in the zone it is to be read in.
    pub date: DateTime<FixedOffset>,
    /// Plain text; empty if only the headline is known.
    pub summary: String,
    /// Who issued it.
    pub departments: Vec<TopicLink>,
    /// What it is about.
    pub topics: Vec<TopicLink>,
    /// Its first picture.
    pub picture: Option<Picture>,
    /// BCP 47 tag of its text.
    pub language: String,
    /// Who it comes from.
    pub source: Option<Attribution>,
    /// Its own licence.
    pub licence: Option<Licence>,
}

impl ArticleCard {
    /// The card of an article; `base_url` has no slash at its end. Without a summary, the
    /// beginning of the text takes its place.
    pub fn of(article: &Article, base_url: &str, zone: Tz) -> Self {
        let kind = |kind: TopicKind| {
            let topics = article
                .topics
                .iter()
                .filter(move |topic| topic.kind == kind);
            topics.map(|topic| TopicLink::of(topic, base_url)).collect()
        };
        Self {
            title: article.title.clone(),
            url: format!("{base_url}/articles/{}", article.id),
            date: article.date().with_timezone(&zone).fixed_offset(),
            summary: summary(article),
            departments: kind(TopicKind::Department),
            topics: kind(TopicKind::Topic),
            picture: Picture::all(article, base_url).next(),
            language: article.language.clone(),
            source: article.source.clone(),
            licence: article.licence.as_deref().map(Licence::of_url),
        }
    }
}

/// The summary, else the beginning of the text.
fn summary(article: &Article) -> String {
    if article.summary.is_empty() {
        beginning(&article.text, OF_TEXT)
    } else {
        beginning(&article.summary, OF_SUMMARY)
    }
}

/// At most `most` characters, cut after a whole word.
fn beginning(text: &str, most: usize) -> String {
    let mut beginning = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        length += word.chars().count() + 1;
        if length > most {
            beginning.push('…');
            return beginning;
        }
        if !beginning.is_empty() {
            beginning.push(' ');
        }
        beginning.push_str(word);
    }
    beginning
}

/// An article in full.
#[derive(Debug, Clone, Serialize)]
pub struct ArticleBody {
    /// The cleaned body, printed as it is; empty if only the headline is known.
    #[serde(serialize_with = "unescaped")]
    pub html: SafeHtml,
    /// Names of people.
    pub authors: Vec<String>,
    /// All its pictures.
    pub pictures: Vec<Picture>,
    /// What else belongs to it.
    pub files: Vec<FileLink>,
    /// Who it comes from.
    pub source: Option<Attribution>,
    /// Where the source shows it.
    pub original: Option<String>,
    /// Its own licence.
    pub licence: Option<Licence>,
    /// When its newest revision came, if it has more than one.
    pub changed: Option<DateTime<FixedOffset>>,
}

impl ArticleBody {
    /// Everything of an article that its card leaves out; `base_url` has no slash at its end.
    pub fn of(article: &Article, base_url: &str) -> Self {
        let changed = article
            .changed_at
            .utc()
            .with_timezone(article.date().offset());
        Self {
            html: picture::with_own(&article.html, &article.pictures, base_url),
            authors: article.authors.clone(),
            pictures: Picture::all(article, base_url).collect(),
            files: article.media.iter().filter_map(FileLink::of).collect(),
            source: article.source.clone(),
            original: article.url.as_ref().map(ToString::to_string),
            licence: article.licence.as_deref().map(Licence::of_url),
            changed: (article.revision > 1).then_some(changed),
        }
    }
}

/// The one way past escaping: what the cleaner made.
fn unescaped<S: Serializer>(html: &SafeHtml, to: S) -> Result<S::Ok, S::Error> {
    Value::from_safe_string(html.as_str().to_owned()).serialize(to)
}

/// A newsletter that people can subscribe to.
#[derive(Debug, Clone, Serialize)]
pub struct ListCard {
    /// As people read it.
    pub name: String,
    /// One sentence; may be empty.
    pub description: String,
    /// Its page with the form.
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::ArticleId;
    use crate::article::Seq;
    use crate::clock::Stamp;

    fn article() -> Article {
        let topic = |kind, slug: &str| Topic {
            kind,
            slug: slug.into(),
            name: slug.to_uppercase(),
        };
        Article {
            id: ArticleId(7),
            seq: Seq(7),
            revision: 1,
            title: "Синоптики попередили про туман".into(),
            summary: String::new(),
            html: SafeHtml::default(),
            text: String::new(),
            url: "https://source.example/7".parse().ok(),
            published: None,
            published_at: Stamp(0),
            changed_at: Stamp(0),
            authors: Vec::new(),
            topics: vec![
                topic(TopicKind::Department, "dsns"),
                topic(TopicKind::Topic, "pohoda"),
            ],
            media: Vec::new(),
            pictures: picture::Pictures::default(),
            language: "uk".into(),
            licence: None,
            source: None,
        }
    }

    #[test]
    fn every_card_leads_to_our_own_page() {
        let mut article = article();
        let card = ArticleCard::of(&article, "https://visnyk.example", Tz::UTC);
        assert_eq!(card.url, "https://visnyk.example/articles/7");
        assert_eq!(
            card.departments[0].url,
            "https://visnyk.example/departments/dsns"
        );
        assert_eq!(card.topics[0].url, "https://visnyk.example/topics/pohoda");
        article.html = crate::article::clean::clean("<p>Туман</p>", None);
        let card = ArticleCard::of(&article, "https://visnyk.example", Tz::UTC);
        assert_eq!(card.url, "https://visnyk.example/articles/7");
    }

    #[test]
    fn a_missing_summary_is_the_beginning_of_the_text_up_to_a_word() {
        let mut article = article();
        article.text = "туман ".repeat(500);
        let card = ArticleCard::of(&article, "https://visnyk.example", Tz::UTC);
        assert!(card.summary.ends_with("туман…"), "{}", card.summary);
        assert!(card.summary.chars().count() <= OF_TEXT + 1);
        article.summary = "Коротко.".into();
        let card = ArticleCard::of(&article, "https://visnyk.example", Tz::UTC);
        assert_eq!(card.summary, "Коротко.");
    }

    #[test]
    fn an_article_says_when_it_was_changed_only_if_it_was() {
        let mut article = article();
        let base_url = "https://visnyk.example";
        assert_eq!(ArticleBody::of(&article, base_url).changed, None);
        article.revision = 2;
        article.changed_at = Stamp(60_000);
        let changed = ArticleBody::of(&article, base_url)
            .changed
            .map(|date| date.timestamp());
        assert_eq!(changed, Some(60));
    }

    #[test]
    fn licences_are_known_by_their_address() {
        let names = [
            "https://creativecommons.org/licenses/by/4.0/",
            "https://creativecommons.org/licenses/by-sa/4.0/deed.uk",
            "https://creativecommons.org/publicdomain/zero/1.0/",
            "https://example.org/terms",
        ]
        .map(|url| Licence::of_url(url).name);
        assert_eq!(
            names,
            [
                "CC BY 4.0",
                "CC BY-SA 4.0",
                "CC0 1.0",
                "https://example.org/terms"
            ]
        );
    }
}
