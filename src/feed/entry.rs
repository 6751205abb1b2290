//! An article in, what every format says of it out: filtered, dated, summed up.

use chrono::DateTime;
use chrono::Datelike;
use chrono::FixedOffset;
use chrono::TimeDelta;
use quick_xml::escape::escape;

use crate::article::Article;
use crate::article::Attribution;
use crate::article::Media;
use crate::article::Topic;
use crate::clock::Stamp;
use crate::feed::Channel;
use crate::feed::Fullness;
use crate::feed::SentDigest;
use crate::feed::legal::address;
use crate::feed::legal::language;
use crate::feed::legal::legal;
use crate::feed::legal::mime;
use crate::feed::legal::one_line;
use crate::feed::legal::topic;

/// An excerpt is cut at the last word that fits in so many characters.
const EXCERPT: usize = 300;

/// One article as a feed shows it. Every string in it is legal in XML, every address absolute
/// and ASCII.
#[derive(Debug)]
pub(super) struct Entry {
    /// `tag:` URI.
    pub(super) id: String,
    /// Our own page.
    pub(super) url: String,
    /// Where the source shows it.
    pub(super) via: Option<String>,
    /// Plain text on one line, never empty.
    pub(super) title: String,
    /// Plain text; `None` if only the headline is known.
    pub(super) summary: Option<String>,
    /// The body; `None` in feeds of summaries, and if there is none.
    pub(super) html: Option<String>,
    /// The date people see.
    pub(super) date: DateTime<FixedOffset>,
    /// When its newest revision came.
    pub(super) changed: DateTime<FixedOffset>,
    /// Names of people.
    pub(super) authors: Vec<String>,
    /// Departments, then tags.
    pub(super) topics: Vec<Topic>,
    /// With addresses and types that are such.
    pub(super) media: Vec<Media>,
    /// BCP 47 tag, only if it isn't the channel's.
    pub(super) language: Option<String>,
    /// URL of its own licence.
    pub(super) licence: Option<String>,
    /// Who it comes from.
    pub(super) source: Option<Attribution>,
}

impl Entry {
    pub(super) fn new(channel: &Channel, article: &Article, fullness: Fullness) -> Self {
        let html = Some(legal(article.html.as_str())).filter(|html| !html.trim().is_empty());
        Self {
            id: channel.links.article_id(article.id),
            url: channel.links.article(article.id),
            via: article.url.as_ref().and_then(|url| address(url.as_str())),
            title: headline(article),
            summary: summary(article),
            html: html.filter(|_| fullness == Fullness::Full),
            date: four_digit_year(article.date()).unwrap_or_else(|| at(article.published_at)),
            changed: changed(article),
            authors: names(&article.authors),
            topics: article.topics.iter().map(topic).collect(),
            media: article.media.iter().filter_map(media).collect(),
            language: language(&article.language).filter(|tag| *tag != channel.language),
            licence: article.licence.as_deref().and_then(address),
            source: article.source.as_ref().and_then(source),
        }
    }

    /// A digest: what it holds as a list that leads to our own pages.
    pub(super) fn of_digest(channel: &Channel, digest: &SentDigest, fullness: Fullness) -> Self {
        let held: Vec<Self> = digest
            .articles
            .iter()
            .map(|article| Self::new(channel, article, Fullness::Summaries))
            .collect();
        let titles: Vec<&str> = held.iter().map(|entry| &*entry.title).collect();
        let items: String = held.iter().map(Self::as_item).collect();
        let title = Some(one_line(&digest.title)).filter(|title| !title.is_empty());
        Self {
            id: channel.links.digest_id(digest.id),
            url: address(&digest.url).unwrap_or_else(|| legal(&digest.url)),
            via: None,
            title: title.unwrap_or_else(|| digest.id.0.to_string()),
            summary: Some(excerpt(&titles.join(" · "))).filter(|summary| !summary.is_empty()),
            html: Some(format!("<ul>{items}</ul>"))
                .filter(|_| fullness == Fullness::Full && !held.is_empty()),
            date: at(digest.sent_at),
            changed: at(digest.sent_at) + TimeDelta::microseconds(digest.id.0.rem_euclid(1000)),
            authors: Vec::new(),
            topics: Vec::new(),
            media: Vec::new(),
            language: language(&digest.language).filter(|tag| *tag != channel.language),
            licence: None,
            source: None,
        }
    }

    /// The entry as one of a list, in HTML.
    fn as_item(&self) -> String {
        let (url, title) = (escape(&self.url), escape(&self.title));
        let summary = self.summary.as_deref().map(escape);
        let summary = summary.map_or_else(String::new, |text| format!("<br>{text}"));
        format!("<li><a href=\"{url}\">{title}</a>{summary}</li>")
    }

    /// The first picture's address.
    pub(super) fn image(&self) -> Option<&str> {
        let picture = self.media.iter().find(|media| media.is_image());
        picture.map(|media| media.url.as_str())
    }
}

/// Titles aren't empty in the store; one may become so here, of control characters alone.
fn headline(article: &Article) -> String {
    let title = one_line(&article.title);
    if title.is_empty() {
        return article.id.to_string();
    }
    title
}

fn summary(article: &Article) -> Option<String> {
    let said = one_line(&article.summary);
    let summary = if said.is_empty() {
        excerpt(&one_line(&article.text))
    } else {
        said
    };
    Some(summary).filter(|summary| !summary.is_empty())
}

fn excerpt(text: &str) -> String {
    if text.chars().count() <= EXCERPT {
        return text.to_owned();
    }
    let start: String = text.chars().take(EXCERPT).collect();
    let whole_words = start.rsplit_once(' ').map_or(&*start, |(words, _)| words);
    format!("{whole_words}…")
}

fn names(names: &[String]) -> Vec<String> {
    let names = names.iter().map(|name| one_line(name));
    names.filter(|name| !name.is_empty()).collect()
}

fn media(media: &Media) -> Option<Media> {
    Some(Media {
        url: address(&media.url)?,
        mime: media.mime.as_deref().and_then(mime),
        length: media.length.filter(|&bytes| bytes > 0),
        width: media.width.filter(|&pixels| pixels > 0),
        height: media.height.filter(|&pixels| pixels > 0),
        caption: media
            .caption
            .as_deref()
            .map(one_line)
            .filter(|c| !c.is_empty()),
    })
}

fn source(source: &Attribution) -> Option<Attribution> {
    let url = address(&source.url)?;
    let name = Some(one_line(&source.name)).filter(|name| !name.is_empty());
    Some(Attribution {
        name: name.unwrap_or_else(|| url.clone()),
        url,
    })
}

/// Articles taken in by one transaction changed at the same millisecond, and readers (and the W3C
/// validator) take equal times in one feed for carelessness; the microseconds, which the store
/// doesn't know, tell them apart by `seq`.
fn changed(article: &Article) -> DateTime<FixedOffset> {
    let within = TimeDelta::microseconds(article.seq.0.rem_euclid(1000));
    at(article.changed_at) + within
}

pub(super) fn at(moment: Stamp) -> DateTime<FixedOffset> {
    four_digit_year(moment.utc().fixed_offset()).unwrap_or_default()
}

/// RFC 822 and RFC 3339 write years with four digits; a source may claim any.
fn four_digit_year(date: DateTime<FixedOffset>) -> Option<DateTime<FixedOffset>> {
    // 9998, since the offset may carry a moment into the next year.
    (1000..=9998).contains(&date.year()).then_some(date)
}
