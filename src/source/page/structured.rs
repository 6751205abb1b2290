//! A page in, what it says of itself to machines out: JSON-LD, microdata, OpenGraph and `meta`,
//! in that order of trust. What it shows to people is [`page`](super)'s.

use chrono::{DateTime, FixedOffset};
use scraper::{ElementRef, Html};
use serde_json::Value;
use url::Url;

use crate::article::Media;
use crate::article::clean::one_line;
use crate::article::date;
use crate::source::dom::LINE;
use crate::source::dom::address;
use crate::source::dom::all;
use crate::source::dom::date_of;
use crate::source::dom::distinct;
use crate::source::dom::first;
use crate::source::dom::mime_of;
use crate::source::dom::words;
use crate::source::page::stated::DATED;
use crate::source::page::stated::Metas;
use crate::source::page::stated::PUBLISHED;
use crate::source::page::stated::UPDATED;
use crate::source::page::stated::by_other_clocks;
use crate::source::page::stated::in_broken;
use crate::source::page::stated::times;
use crate::source::read::How;

/// What a page says of its article.
#[derive(Debug, Default)]
pub(super) struct Structured {
    /// Whether it says that it is one article.
    pub(super) article: bool,
    pub(super) site: Option<String>,
    pub(super) headline: Option<String>,
    pub(super) description: Option<String>,
    pub(super) published: Option<DateTime<FixedOffset>>,
    /// The same by another statement, which may contradict.
    pub(super) otherwise: Option<DateTime<FixedOffset>>,
    /// By a name that doesn't say of what it is the date.
    pub(super) dated: Option<DateTime<FixedOffset>>,
    pub(super) updated: Option<DateTime<FixedOffset>>,
    pub(super) authors: Vec<String>,
    pub(super) keywords: Vec<String>,
    pub(super) pictures: Vec<Media>,
    /// Plain text.
    pub(super) body: Option<String>,
    pub(super) language: Option<String>,
    pub(super) licence: Option<String>,
}

/// Types of schema.org that are articles.
const ARTICLES: &[&str] = &[
    "AnalysisNewsArticle",
    "Article",
    "BackgroundNewsArticle",
    "BlogPosting",
    "LiveBlogPosting",
    "NewsArticle",
    "OpinionNewsArticle",
    "PressRelease",
    "Report",
    "ReportageNewsArticle",
    "SocialMediaPosting",
    "TechArticle",
];

/// Types of pages, which tell a date when nothing else does.
const PAGES: &[&str] = &[
    "AboutPage",
    "CreativeWork",
    "DiscussionForumPosting",
    "HowTo",
    "ItemPage",
    "MedicalWebPage",
    "PodcastEpisode",
    "QAPage",
    "Recipe",
    "Review",
    "ScholarlyArticle",
    "WebPage",
];

/// Reads what the page says of itself.
pub(super) fn structured(html: &Html, base: Option<&Url>, how: &How<'_>) -> Structured {
    let mut found = Structured::default();
    let root = html.root_element();
    let scripts: Vec<String> = all(root, "script[type='application/ld+json']")
        .into_iter()
        .map(|script| script.text().collect())
        .collect();
    let told: Vec<Value> = scripts.iter().filter_map(|text| json_ld(text)).collect();
    for article in told.iter().flat_map(|value| things(value, ARTICLES)) {
        found.take_json(article, base, how);
    }
    let metas = Metas::of(root);
    found.take_dates(&metas, how);
    found.take_microdata(root, how);
    found.take_meta(&metas, base);
    let pages = told.iter().flat_map(|value| things(value, PAGES));
    let mut pages = pages.filter_map(|page| page["datePublished"].as_str());
    let dated = |text: &str| date::read(text, how.zone, how.now);
    let broken = || scripts.iter().filter(|text| json_ld(text).is_none());
    found.published = found
        .published
        .or_else(|| pages.find_map(dated))
        .or_else(|| broken().find_map(|text| in_broken(text, how)));
    if let Some(moment) = found
        .published
        .filter(|moment| moment.offset().local_minus_utc() == 0)
    {
        let others = times(root)
            .chain(metas.told(PUBLISHED))
            .chain(metas.told(DATED));
        found.published = by_other_clocks(moment, others, how).or(found.published);
    }
    found
}

/// JSON-LD as pages hold it: in comments, with line ends in texts, with a comma too many.
fn json_ld(text: &str) -> Option<Value> {
    let wrapped = [
        "<!--",
        "//<![CDATA[",
        "<![CDATA[",
        "/*<![CDATA[*/",
        "-->",
        "//]]>",
        "]]>",
        "/*]]>*/",
    ];
    let text = wrapped.iter().fold(text.trim(), |text, mark| {
        let text = text.strip_prefix(mark).unwrap_or(text);
        text.strip_suffix(mark).unwrap_or(text).trim()
    });
    let text = text.trim_end_matches(';');
    serde_json::from_str(text).ok().or_else(|| {
        let flat: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        serde_json::from_str(&without_stray_commas(&flat)).ok()
    })
}

/// The text without commas that stand before a closing bracket.
fn without_stray_commas(text: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::with_capacity(text.len()), false, false);
    for (at, c) in text.char_indices() {
        let after = || text.get(at + 1..).unwrap_or_default().trim_start();
        let stray = c == ',' && !quoted && after().starts_with(['}', ']']);
        if !stray {
            out.push(c);
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    out
}

/// Those of some types among the things that JSON-LD tells of, at the top or in a graph.
fn things<'v>(value: &'v Value, wanted: &[&str]) -> Vec<&'v Value> {
    let is_wanted = |thing: &Value| {
        let types = match &thing["@type"] {
            Value::Array(types) => types.iter().collect(),
            one => vec![one],
        };
        let mut types = types.into_iter().filter_map(Value::as_str);
        types.any(|name| wanted.contains(&name.rsplit('/').next().unwrap_or_default()))
    };
    match value {
        Value::Array(all) => all.iter().flat_map(|one| things(one, wanted)).collect(),
        Value::Object(_) if is_wanted(value) => vec![value],
        Value::Object(fields) => {
            let inner = ["@graph", "mainEntity"]
                .iter()
                .filter_map(|name| fields.get(*name));
            inner.flat_map(|one| things(one, wanted)).collect()
        }
        _ => Vec::new(),
    }
}

/// A line of text out of JSON or an attribute, where entities are often escaped twice.
fn line(text: &str) -> Option<String> {
    let text = if text.contains(['&', '<']) {
        let start: String = text.chars().take(LINE * 4).collect();
        words(Html::parse_fragment(&start).root_element(), LINE)
    } else {
        one_line(text, LINE)
    };
    (!text.is_empty()).then_some(text)
}

/// A name, or the names of things, or a list of either.
fn named(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => line(text).into_iter().collect(),
        Value::Array(values) => values.iter().flat_map(named).collect(),
        Value::Object(fields) => fields.get("name").map(named).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Words parted by commas.
fn listed(text: &str) -> Vec<String> {
    distinct(text.split([',', ';']).filter_map(line))
}

impl Structured {
    fn take_json(&mut self, article: &Value, base: Option<&Url>, how: &How<'_>) {
        if self.article {
            return;
        }
        let text = |name: &str| article[name].as_str();
        let moment = |name: &str| date::read(text(name)?, how.zone, how.now);
        self.article = true;
        self.headline = text("headline").or_else(|| text("name")).and_then(line);
        self.description = text("description").and_then(line);
        self.published = moment("datePublished").or_else(|| moment("dateCreated"));
        self.updated = moment("dateModified");
        self.authors = distinct(named(&article["author"]).into_iter());
        self.keywords = match &article["keywords"] {
            Value::String(words) => listed(words),
            words => distinct(named(words).into_iter()),
        };
        self.pictures = pictures(&article["image"], base);
        self.body = text("articleBody").map(str::to_owned);
        self.language = text("inLanguage").and_then(line);
        self.licence = text("license").and_then(|url| address(url, base));
        self.site = named(&article["publisher"]).into_iter().next();
    }

    fn take_microdata(&mut self, root: ElementRef<'_>, how: &How<'_>) {
        let property = |name: &str| first(root, &format!("[itemprop~='{name}']"));
        let moment = |name: &str| property(name).and_then(|element| date_of(element, how));
        let text = |name: &str| {
            let element = property(name)?;
            element
                .attr("content")
                .and_then(line)
                .or_else(|| line(&words(element, LINE)))
        };
        self.article |= property("articleBody").is_some();
        self.headline = self.headline.take().or_else(|| text("headline"));
        self.published = self.published.or_else(|| moment("datePublished"));
        self.updated = self.updated.or_else(|| moment("dateModified"));
        if self.authors.is_empty() {
            self.authors = text("author").into_iter().collect();
        }
    }

    /// Before microdata, which is often that of another article, or of a comment.
    fn take_dates(&mut self, metas: &Metas<'_>, how: &How<'_>) {
        self.otherwise = metas.moment(PUBLISHED, how);
        self.published = self.published.or(self.otherwise);
        self.dated = metas.moment(DATED, how);
        self.updated = self.updated.or_else(|| metas.moment(UPDATED, how));
    }

    fn take_meta(&mut self, metas: &Metas<'_>, base: Option<&Url>) {
        let values = |name: &str| metas.all(name).iter().copied();
        let text = |names: &[&str]| names.iter().find_map(|name| line(values(name).next()?));
        self.article |= text(&["og:type"]).is_some_and(|kind| kind.eq_ignore_ascii_case("article"));
        self.site = text(&["og:site_name", "application-name"]).or_else(|| self.site.take());
        self.headline = self
            .headline
            .take()
            .or_else(|| text(&["og:title", "twitter:title"]));
        self.description = self
            .description
            .take()
            .or_else(|| text(&["og:description", "description", "twitter:description"]));
        if self.authors.is_empty() {
            let names = values("author").chain(values("article:author"));
            let people = names.filter(|name| !name.contains("://")).filter_map(line);
            self.authors = distinct(people.filter(|name| Some(name) != self.site.as_ref()));
        }
        if self.keywords.is_empty() {
            self.keywords = distinct(values("article:tag").flat_map(listed));
        }
        if self.keywords.is_empty() {
            self.keywords = text(&["news_keywords", "keywords"])
                .map(|all| listed(&all))
                .unwrap_or_default();
        }
        if self.pictures.is_empty() {
            let urls = values("og:image").take(1);
            let caption = text(&["og:image:alt"]);
            self.pictures = urls
                .filter_map(|url| media(url, caption.clone(), base))
                .collect();
        }
        self.language = self.language.take().or_else(|| text(&["og:locale"]));
    }
}

fn media(url: &str, caption: Option<String>, base: Option<&Url>) -> Option<Media> {
    let url = address(url, base)?;
    let mime = mime_of(&url);
    Some(Media {
        url,
        mime,
        length: None,
        width: None,
        height: None,
        caption,
    })
}

fn pictures(value: &Value, base: Option<&Url>) -> Vec<Media> {
    match value {
        Value::String(url) => media(url, None, base).into_iter().collect(),
        Value::Array(values) => values
            .iter()
            .flat_map(|value| pictures(value, base))
            .collect(),
        Value::Object(fields) => {
            let url = fields
                .get("url")
                .or_else(|| fields.get("contentUrl"))
                .and_then(Value::as_str);
            let caption = fields.get("caption").and_then(Value::as_str).and_then(line);
            url.and_then(|url| media(url, caption, base))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_ld_is_read_whatever_it_is_wrapped_in() {
        for text in [
            r#"{"a": "b c, ]"}"#,
            r#"{"a": "b c, ]",};"#,
            "{\"a\": \"b\nc, ]\"}",
            r#"<!-- {"a": "b c, ]", } -->"#,
            "//<![CDATA[\n{\"a\": \"b c, ]\"}\n//]]>",
        ] {
            let told = json_ld(text).map(|told| told["a"].clone());
            assert_eq!(told, Some(Value::from("b c, ]")), "{text}");
        }
        assert_eq!(
            json_ld("{\"a\": \"b\\\", ]\"}").map(|told| told["a"].clone()),
            Some(Value::from("b\", ]"))
        );
        assert_eq!(json_ld(""), None);
    }
}
