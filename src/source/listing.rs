//! An HTML page that lists articles in, a draft of each out.
//!
//! The owner's selectors say where things stand; without them the repeated structure is looked
//! for, in which links as long as headlines stand, with dates beside them. What is dropped is
//! named among the problems. The articles' own pages are read by [`page`](super::page). Nothing
//! is fetched.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset};
use scraper::{ElementRef, Html};
use url::Url;

use crate::article::Media;
use crate::article::date;
use crate::article::html::document;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::dom::LINE;
use crate::source::dom::Picks;
use crate::source::dom::address;
use crate::source::dom::all;
use crate::source::dom::base_of;
use crate::source::dom::date_of;
use crate::source::dom::first;
use crate::source::dom::names;
use crate::source::dom::picked;
use crate::source::dom::picture;
use crate::source::dom::words;
use crate::source::page::LARGEST;
use crate::source::read::How;
use crate::source::repeated::repeated;

/// Drafts of one listing, the first ones.
const MOST: usize = 500;
/// Dropped items that are named one by one.
const MOST_PROBLEMS: usize = 20;
/// Characters of the longest text that stands where a date may.
const DATE: usize = 90;

/// Reads a listing. One where no item is found has no drafts, and says why.
pub fn read(text: &str, base: Option<&Url>, how: &How<'_>) -> Reading {
    let mut problems = Vec::new();
    let text = text
        .get(..text.floor_char_boundary(LARGEST))
        .unwrap_or_default();
    let html = document(text);
    let base = base_of(&html, base);
    let mut selectors = how.selectors.clone();
    if selectors.item.is_none() {
        selectors.item = repeated(&html, how);
    }
    let picks = Picks::new(&selectors, &mut problems);
    let listing = Listing {
        picks: &picks,
        base: base.as_ref(),
        how,
    };
    let mut reading = listing.frame(&html);
    match &picks.item {
        Some(item) => {
            let items: Vec<_> = html.select(item).take(MOST * 4).collect();
            if items.is_empty() {
                let css = selectors.item.as_deref().unwrap_or_default();
                problems.push(format!("expected items that match `{css}`, but got none"));
            }
            reading.drafts = listing.drafts(items, &mut problems);
        }
        None if how.selectors.item.is_none() => {
            problems.push("expected links with headlines in a row, but got none".to_owned());
        }
        None => {}
    }
    reading.problems = problems;
    reading
}

struct Listing<'a> {
    picks: &'a Picks,
    base: Option<&'a Url>,
    how: &'a How<'a>,
}

impl Listing<'_> {
    fn frame(&self, html: &Html) -> Reading {
        let root = html.root_element();
        let title = || first(root, "title").map(|title| words(title, LINE));
        let content = |css: &str| first(root, css).and_then(|meta| meta.attr("content"));
        let site = content("meta[property='og:site_name']").map(str::to_owned);
        Reading {
            kind: Some(DocumentKind::Listing),
            title: site.or_else(title).filter(|title| !title.is_empty()),
            link: self.base.map(ToString::to_string),
            language: root.attr("lang").map(|lang| lang.trim().to_owned()),
            description: content("meta[name='description']").map(str::to_owned),
            ..Reading::empty()
        }
    }

    /// A draft of each item, and why the others are none.
    fn drafts(&self, items: Vec<ElementRef<'_>>, problems: &mut Vec<String>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut dropped = Vec::new();
        for (number, item) in (1..).zip(items) {
            match self.draft(item) {
                Err(reason) => dropped.push(format!("item {number} dropped: {reason}")),
                Ok(draft) => {
                    let place = *places.entry(sameness(&draft)).or_insert(drafts.len());
                    if let Some(earlier) = drafts.get_mut(place) {
                        fold(earlier, draft);
                        dropped.push(format!("item {number} dropped: the same as an earlier one"));
                    } else if place < MOST {
                        drafts.push(draft);
                    } else {
                        dropped.push(format!("item {number} dropped: expected at most {MOST}"));
                    }
                }
            }
        }
        let more = dropped.len().saturating_sub(MOST_PROBLEMS);
        problems.extend(dropped.into_iter().take(MOST_PROBLEMS));
        if more > 0 {
            problems.push(format!("{more} more items dropped"));
        }
        drafts
    }

    fn draft(&self, item: ElementRef<'_>) -> Result<Draft, String> {
        let link = self.link(item);
        let title = self.title(item, link);
        let href = link.and_then(|link| link.attr("href"));
        let url = href.and_then(|href| address(href, self.base));
        let published = self.date(item);
        if title.is_empty() {
            return Err("expected a headline, but got none".to_owned());
        }
        if url.is_none() && published.is_none() {
            let got = href.map_or_else(
                || "neither".to_owned(),
                |href| format!("`{}`", href.chars().take(100).collect::<String>()),
            );
            return Err(format!(
                "expected a link or a date for «{title}», but got {got}"
            ));
        }
        Ok(Draft {
            url,
            summary: self.summary(item, &title),
            title,
            published,
            topics: names(item, self.picks.topics.as_ref()),
            departments: names(item, self.picks.departments.as_ref()),
            media: self.picture(item).into_iter().collect(),
            ..Draft::default()
        })
    }

    /// The link to the article: the one picked, the heading's, the item itself, or the one with
    /// most words.
    fn link<'d>(&self, item: ElementRef<'d>) -> Option<ElementRef<'d>> {
        if self.picks.link.is_some() {
            let link = picked(item, self.picks.link.as_ref());
            return link.and_then(|link| match link.attr("href") {
                Some(_) => Some(link),
                None => first(link, "a[href]"),
            });
        }
        let longest = || {
            let links = all(item, "a[href]").into_iter();
            links.max_by_key(|link| words(*link, LINE).chars().count())
        };
        let itself = || item.attr("href").map(|_| item);
        let heading = "h1 a[href], h2 a[href], h3 a[href], h4 a[href], h5 a[href], h6 a[href]";
        let titled = picked(item, self.picks.title.as_ref());
        titled
            .filter(|title| title.attr("href").is_some())
            .or_else(|| titled.and_then(|title| first(title, "a[href]")))
            .or_else(|| first(item, heading))
            .or_else(itself)
            .or_else(longest)
    }

    /// The headline: the one picked, a heading, the link's words without the date, the item's.
    fn title(&self, item: ElementRef<'_>, link: Option<ElementRef<'_>>) -> String {
        if self.picks.title.is_some() {
            let title = picked(item, self.picks.title.as_ref());
            return title.map(|title| words(title, LINE)).unwrap_or_default();
        }
        let headings = all(
            item,
            "h1, h2, h3, h4, h5, h6, [class*='title'], [class*='headline']",
        );
        let heading = headings.into_iter().map(|heading| words(heading, LINE));
        let heading = heading
            .into_iter()
            .find(|text| !text.is_empty() && self.told(text).is_none());
        let spoken = || {
            link.and_then(|link| link.attr("title"))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let linked = || {
            link.map(|link| self.undated(link))
                .filter(|text| !text.is_empty())
        };
        heading
            .or_else(linked)
            .or_else(|| Some(spoken()).filter(|text| !text.is_empty()))
            .unwrap_or_else(|| self.undated(item))
    }

    /// An element's words without those of the parts that are dates.
    fn undated(&self, element: ElementRef<'_>) -> String {
        let whole = words(element, LINE);
        let parts = element
            .descendent_elements()
            .skip(1)
            .map(|part| words(part, DATE));
        let dates = parts.filter(|text| self.told(text).is_some());
        let text = dates.fold(whole, |text, date| text.replace(&date, " "));
        let folded: Vec<&str> = text.split_whitespace().collect();
        let line = halved(&folded).join(" ");
        let line = self.parted(&line).map_or(line, |(title, _)| title);
        line.trim_matches([',', '|', '–', '·', ':', ' ']).to_owned()
    }

    /// A line with a date at its end or its beginning, as the two.
    fn parted(&self, line: &str) -> Option<(String, DateTime<FixedOffset>)> {
        let words: Vec<&str> = line.split(' ').collect();
        let longest = words.len().saturating_sub(1).min(6);
        let ends = (1..=longest).rev().flat_map(|length| {
            let (head, tail) = words.split_at(words.len() - length);
            let (front, back) = words.split_at(length);
            [(head, tail), (back, front)]
        });
        let mut dated =
            ends.filter_map(|(title, date)| Some((title.join(" "), self.told(&date.join(" "))?)));
        dated.next()
    }

    fn told(&self, text: &str) -> Option<DateTime<FixedOffset>> {
        date::read(text, self.how.zone, self.how.now)
    }

    fn date(&self, item: ElementRef<'_>) -> Option<DateTime<FixedOffset>> {
        if self.picks.date.is_some() {
            return picked(item, self.picks.date.as_ref()).and_then(|date| date_of(date, self.how));
        }
        let times = all(item, "time, [class*='date'], [class*='time']").into_iter();
        let mut times = times.filter_map(|time| date_of(time, self.how));
        times.next().or_else(|| {
            let mut parts = item.descendants().filter_map(|node| node.value().as_text());
            parts
                .find_map(|text| self.told(text.trim()))
                .or_else(|| Some(self.parted(&words(item, LINE))?.1))
        })
    }

    fn summary(&self, item: ElementRef<'_>, title: &str) -> String {
        if self.picks.summary.is_some() {
            let summary = picked(item, self.picks.summary.as_ref());
            return summary
                .map(|summary| words(summary, 1_000))
                .unwrap_or_default();
        }
        let paragraphs = all(item, "p")
            .into_iter()
            .map(|paragraph| words(paragraph, 1_000));
        let mut prose = paragraphs.filter(|text| text.chars().count() >= 40 && text != title);
        prose.next().unwrap_or_default()
    }

    fn picture(&self, item: ElementRef<'_>) -> Option<Media> {
        let image = match &self.picks.image {
            Some(by) => item.select(by).next()?,
            None => first(item, "img")?,
        };
        let image = if image.value().name() == "img" {
            image
        } else {
            first(image, "img")?
        };
        picture(image, self.base)
    }
}

/// What two items of one article have in common: the address, or the headline and the date.
fn sameness(draft: &Draft) -> String {
    let date = || draft.published.map(|date| date.to_rfc3339());
    let line = || format!("{} {}", date().unwrap_or_default(), draft.title);
    draft.url.clone().unwrap_or_else(line)
}

/// What a later link to the same article adds to an earlier one: the first often holds only a
/// picture.
fn fold(earlier: &mut Draft, later: Draft) {
    earlier.published = earlier.published.or(later.published);
    if earlier.summary.is_empty() {
        earlier.summary = later.summary;
    }
    if earlier.media.is_empty() {
        earlier.media = later.media;
    }
}

/// A line that says the same twice (a picture's words, then the headline's), once.
fn halved<'t>(words: &'t [&'t str]) -> &'t [&'t str] {
    let (first, second) = words.split_at(words.len() / 2);
    if first.len() >= 3 && first == second {
        first
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Stamp;
    use crate::source::Selectors;
    use crate::source::SourceKind;

    const LISTING: &str = include_str!("../../tests/fixtures/pages/listing.html");
    const HEADLINES: &str = include_str!("../../tests/fixtures/pages/headlines.html");

    fn read_by(text: &str, selectors: &Selectors) -> Reading {
        let base = Url::parse("https://example.org/x/").unwrap();
        let now = Stamp(1_800_000_000_000);
        let how = How {
            kind: SourceKind::Listing,
            selectors,
            zone: Kyiv,
            now,
        };
        read(text, Some(&base), &how)
    }

    fn items(css: &str) -> Selectors {
        Selectors {
            item: Some(css.to_owned()),
            ..Selectors::default()
        }
    }

    #[track_caller]
    fn assert_is_the_listing(reading: &Reading) {
        assert_eq!(reading.problems, Vec::<String>::new());
        assert_eq!(reading.drafts.len(), 7);
        let draft = &reading.drafts[1];
        assert_eq!(
            draft.title,
            "«Діалог влади та бізнесу»: Володимир Когут провів зустріч із підприємцями"
        );
        assert_eq!(draft.url.as_deref(), Some("https://poda.gov.ua/news/1"));
        assert_eq!(
            draft.published.unwrap().to_rfc3339(),
            "2023-06-26T00:00:00+03:00"
        );
        assert!(draft.summary.starts_with("Короткий опис"));
        assert_eq!(draft.media[0].url, "https://poda.gov.ua/i/1.jpg");
        assert_eq!(reading.title.as_deref(), Some("Новини – Полтавська ОВА"));
    }

    #[test]
    fn a_listing_is_read_by_its_items() {
        assert_is_the_listing(&read_by(LISTING, &items("article.card")));
    }

    #[test]
    fn a_listing_is_read_by_all_its_selectors() {
        let selectors = Selectors {
            link: Some("h3 a".to_owned()),
            title: Some("h3".to_owned()),
            date: Some(".when".to_owned()),
            summary: Some(".lead".to_owned()),
            image: Some("img".to_owned()),
            ..items("article.card")
        };
        assert_is_the_listing(&read_by(LISTING, &selectors));
    }

    #[test]
    fn a_listing_is_read_without_selectors() {
        assert_is_the_listing(&read_by(LISTING, &Selectors::default()));
    }

    #[test]
    fn headlines_with_dates_alone_are_drafts_too_and_the_rest_is_dropped_aloud() {
        for selectors in [Selectors::default(), items("ul.last-news > li")] {
            let reading = read_by(HEADLINES, &selectors);
            assert_eq!(reading.drafts.len(), 7, "{reading:#?}");
            let draft = &reading.drafts[1];
            assert_eq!(
                draft.title,
                "«Діалог влади та бізнесу»: Володимир Когут провів зустріч із підприємцями"
            );
            assert_eq!(
                (draft.url.as_deref(), draft.published.is_some()),
                (None, true)
            );
            assert_eq!(reading.drafts[5].title, "Синоптики попередили про туман");
            assert_eq!(
                reading.drafts[5].url.as_deref(),
                Some("https://example.org/n/5")
            );
            assert_eq!(
                reading.problems,
                [
                    "item 8 dropped: expected a link or a date for «Більше новин за темою тут», but got `javascript:more()`",
                    "item 9 dropped: expected a headline, but got none",
                ]
            );
        }
    }

    #[test]
    fn the_newsroom_is_read_with_and_without_selectors() {
        let item = |n: usize, title: &str| {
            format!(
                "<li>\n<a href=\"/news/{n}\">{title}</a>\n<p class=\"date\">18 грудня 2025, 1{n}:30</p>\n</li>\n"
            )
        };
        let titles = [
            "Отже, тобі потрібна допомога...",
            "Синоптики попередили про туман",
            "Підтримка ВПО: ГУ ПФУ в Полтавській області про гарантовані державою виплати",
        ];
        let list: String = (0..).zip(titles).map(|(n, title)| item(n, title)).collect();
        let text = format!(
            "<main><p class=trail><a href=/>Головна</a></p><h1>Новини</h1><ul class=\"news\">{list}</ul></main>"
        );
        let named = Selectors {
            link: Some("a".to_owned()),
            date: Some(".date".to_owned()),
            ..items("ul.news > li")
        };
        for selectors in [Selectors::default(), named] {
            let reading = read_by(&text, &selectors);
            let found: Vec<_> = reading
                .drafts
                .iter()
                .map(|draft| draft.title.as_str())
                .collect();
            assert_eq!(found, titles);
            assert_eq!(
                reading.drafts[2].published.unwrap().to_rfc3339(),
                "2025-12-18T12:30:00+02:00"
            );
            assert_eq!(reading.problems, Vec::<String>::new());
        }
    }

    #[test]
    fn two_items_of_one_article_are_folded() {
        let text = "<li><a href=/a><img src=/a.jpg alt=x></a></li><li><a href=/a?utm_source=x#y>Новина дня</a> 26.06.2023</li>\
            <li>Новина без адреси 26.06.2023</li><li>Новина без адреси 26.06.2023</li>";
        let reading = read_by(text, &items("li"));
        let titles: Vec<_> = reading
            .drafts
            .iter()
            .map(|draft| draft.title.as_str())
            .collect();
        assert_eq!(titles, ["Новина дня", "Новина без адреси"]);
        assert_eq!(reading.problems.len(), 2, "{:?}", reading.problems);
    }

    #[test]
    fn what_selectors_miss_is_said() {
        let reading = read_by(LISTING, &items("tr.none"));
        assert_eq!(
            reading.problems,
            ["expected items that match `tr.none`, but got none"]
        );
        let reading = read_by(LISTING, &items("tr:nope("));
        assert!(
            reading.problems[0].starts_with("expected a CSS selector"),
            "{:?}",
            reading.problems
        );
        assert!(reading.drafts.is_empty());
        let reading = read_by("", &Selectors::default());
        assert_eq!(
            reading.problems,
            ["expected links with headlines in a row, but got none"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_listing_ends_the_reader(cuts in proptest::collection::vec((0_usize..3_000, 0_usize..500), 1..6), junk in ".{0,20}", css in "\\PC{0,20}|[a-z.#>: ()*+~-]{0,20}") {
            let mut text = LISTING.to_owned() + HEADLINES;
            for (from, length) in cuts {
                let from = text.floor_char_boundary(from * 3);
                let to = text.floor_char_boundary(from + length);
                text.replace_range(from..to, &junk);
            }
            for selectors in [Selectors::default(), items(&css), Selectors { title: Some(css), ..items("li") }] {
                prop_assert!(read_by(&text, &selectors).drafts.len() <= MOST);
            }
        }
    }
}
