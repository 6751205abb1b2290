//! The page of one article in, one draft out.
//!
//! What the page says of itself to machines comes first, the owner's selectors win over that,
//! and what people see (the `h1`, a date near it, the densest prose) fills the gaps. Menus,
//! "latest news" and the like never get into the body. Nothing is fetched.

mod beside;
mod body;
mod boxes;
mod captions;
mod dating;
mod lead;
mod measure;
pub(super) mod noise;
mod seen;
mod stated;
mod structured;

use ego_tree::NodeId;
use scraper::{ElementRef, Html};
use url::Url;

use crate::article::clean::SafeHtml;
use crate::article::clean::clean;
use crate::article::clean::one_line;
use crate::article::clean::plain_text;
use crate::article::date;
use crate::article::html::document;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::SourceKind;
use crate::source::dom::LINE;
use crate::source::dom::Picks;
use crate::source::dom::address;
use crate::source::dom::all;
use crate::source::dom::base_of;
use crate::source::dom::date_of;
use crate::source::dom::first;
use crate::source::dom::picked;
use crate::source::dom::words;
use crate::source::page::beside::clear;
use crate::source::page::beside::endings;
use crate::source::page::body::detach;
use crate::source::page::body::galleries;
use crate::source::page::body::places;
use crate::source::page::body::wake_pictures;
use crate::source::page::dating::Dates;
use crate::source::page::lead::lead;
use crate::source::page::noise::prune;
use crate::source::page::seen::DEPARTMENTS;
use crate::source::page::seen::TAGS;
use crate::source::page::seen::gallery;
use crate::source::page::seen::group;
use crate::source::page::seen::pictures;
use crate::source::page::structured::Structured;
use crate::source::page::structured::structured;
use crate::source::read::How;

/// Bytes of HTML that are looked at.
pub(super) const LARGEST: usize = 15 * 1024 * 1024;
/// Characters of prose that make a page an article when it doesn't say so itself.
const ARTICLE: usize = 250;
/// Characters of the longest summary.
const SUMMARY: usize = 1_000;

/// Reads the page of one article. No draft if it has neither headline nor words, or if its kind
/// is to be worked out and it doesn't look like one article.
pub fn read(text: &str, base: Option<&Url>, how: &How<'_>) -> Reading {
    let mut problems = Vec::new();
    let picks = Picks::new(how.selectors, &mut problems);
    let text = text
        .get(..text.floor_char_boundary(LARGEST))
        .unwrap_or_default();
    let mut html = document(text);
    let base = base_of(&html, base);
    let page = Page {
        picks: &picks,
        base: base.as_ref(),
        how,
    };
    let said = structured(&html, page.base, how);
    let mut reading = page.frame(&html, &said);
    let (draft, listed) = page.draft(&mut html, &said);
    if draft.title.is_empty() && draft.text.is_empty() {
        problems.push("expected an article with a headline or words, but got neither".to_owned());
    } else if how.kind == SourceKind::Auto && !said.article && (listed || !is_article(&draft)) {
        problems.push("expected one article, but got a page of another kind".to_owned());
    } else {
        // Only now: a front page, too, says when it was changed.
        let published = draft.published.or(draft.updated);
        reading.drafts.push(Draft { published, ..draft });
    }
    reading.problems = problems;
    reading
}

/// The listing's draft completed by the article's own page: the page knows better, except that
/// a draft keeps what the page lacks, and its own address and identifier, and its date if the page
/// only says when it was last changed.
pub fn complete(draft: Draft, page: &Reading) -> Draft {
    let Some(found) = page.drafts.first() else {
        return draft;
    };
    let site = page.title.as_deref().unwrap_or_default();
    let titled = !found.title.is_empty() && found.title != site;
    let title = if titled || draft.title.is_empty() {
        &found.title
    } else {
        &draft.title
    };
    let list = |here: &[String], there: &[String]| {
        if here.is_empty() {
            there.to_vec()
        } else {
            here.to_vec()
        }
    };
    let certain = found.published.filter(|date| Some(*date) != found.updated);
    let bodied = !found.html.is_empty();
    let summary = if draft.summary.is_empty() {
        &found.summary
    } else {
        &draft.summary
    };
    Draft {
        title: title.clone(),
        summary: summary.clone(),
        html: if bodied {
            found.html.clone()
        } else {
            draft.html
        },
        text: if bodied {
            found.text.clone()
        } else {
            draft.text
        },
        published: certain.or(draft.published).or(found.published),
        updated: found.updated.or(draft.updated),
        authors: list(&found.authors, &draft.authors),
        departments: list(&found.departments, &draft.departments),
        topics: list(&found.topics, &draft.topics),
        media: if found.media.is_empty() {
            draft.media
        } else {
            found.media.clone()
        },
        language: found.language.clone().or(draft.language),
        licence: found.licence.clone().or(draft.licence),
        url: draft.url.or_else(|| found.url.clone()),
        guid: draft.guid,
    }
}

struct Page<'a> {
    picks: &'a Picks,
    base: Option<&'a Url>,
    how: &'a How<'a>,
}

/// Elements that the draft has been told by.
struct Marks {
    heading: Option<NodeId>,
    /// The body, where the owner says it is.
    body: Option<NodeId>,
    /// Those whose words stand elsewhere in the draft, and so don't belong in the body.
    used: Vec<NodeId>,
}

impl Page<'_> {
    /// All but the draft.
    fn frame(&self, html: &Html, said: &Structured) -> Reading {
        let root = html.root_element();
        Reading {
            kind: Some(DocumentKind::Page),
            title: said
                .site
                .clone()
                .or_else(|| first(root, "title").map(|title| words(title, LINE))),
            link: self
                .base
                .and_then(|base| base.join("/").ok())
                .map(String::from),
            language: language(root).or_else(|| said.language.clone()),
            ..Reading::empty()
        }
    }

    /// The draft, and whether the page rather lists many articles, if it doesn't say what it is.
    fn draft(&self, html: &mut Html, said: &Structured) -> (Draft, bool) {
        let (mut draft, mut marks) = self.told(html.root_element(), said);
        let dates = Dates::of(html.root_element(), marks.heading, &draft, self.how);
        wake_pictures(html);
        let anchors: Vec<NodeId> = marks.heading.into_iter().chain(marks.body).collect();
        prune(html, &anchors);
        let root = html.root_element();
        if draft.published.is_none() {
            let found = dates.seen(root, said, self.how);
            draft.published = found.map(|(_, date)| date);
            marks.used.extend(found.and_then(|(element, _)| element));
        } else if draft.published == said.published {
            draft.published = dates.checked(said);
        }
        let unsaid = self.how.kind == SourceKind::Auto && !said.article;
        let listed = unsaid && self.is_list(root, &marks);
        let site = draft.url.as_deref().and_then(|url| Url::parse(url).ok());
        clear(html, &anchors, site.as_ref());
        captions::mark(html);
        let root = html.root_element();
        let (scope, body) = places(root, marks.heading, marks.body);
        if draft.media.is_empty() {
            let scope = scope.and_then(|id| ElementRef::wrap(html.tree.get(id)?));
            draft.media = gallery(scope, self.base);
        }
        if draft.media.is_empty() {
            draft.media.clone_from(&said.pictures);
        }
        let apart = marks.heading.zip(body).filter(|_| marks.body.is_none());
        let leads = apart
            .map(|(heading, body)| lead(html, heading, body))
            .unwrap_or_default();
        (draft.html, draft.text) = self.body(html, body, &leads, &marks.used, said);
        if draft.summary.is_empty() {
            draft.summary = beginning(&draft.text);
        }
        draft.updated = said
            .updated
            .or(dates.changed)
            .filter(|moment| Some(*moment) != draft.published);
        (draft, listed)
    }

    /// Whether it is a list of articles or a front page: those hold one date after another.
    fn is_list(&self, root: ElementRef<'_>, marks: &Marks) -> bool {
        let (_, body) = places(root, marks.heading, marks.body);
        let body = body.and_then(|id| ElementRef::wrap(root.tree().get(id)?));
        let html = body.map(|body| body.inner_html()).unwrap_or_default();
        let text = plain_text(&clean(&html, self.base));
        let lines = text.lines();
        let dates = lines.filter_map(|line| date::read(line, self.how.zone, self.how.now));
        all(root, "article").len() > 2 || dates.count() > 2
    }

    /// What the owner's selectors and the page itself tell, while the tree is whole.
    fn told(&self, root: ElementRef<'_>, said: &Structured) -> (Draft, Marks) {
        let (heading, title) = self.title(root, said);
        let (mut used, departments) = group(root, DEPARTMENTS, self.picks.departments.as_ref());
        let (tagged, mut topics) = group(root, TAGS, self.picks.topics.as_ref());
        if topics.is_empty() {
            topics.clone_from(&said.keywords);
        }
        topics.retain(|topic| !departments.contains(topic));
        let dated = picked(root, self.picks.date.as_ref());
        let image = self.picks.image.as_ref();
        let description = said.description.as_deref().unwrap_or_default();
        used.extend(
            tagged
                .into_iter()
                .chain(heading)
                .chain(dated.map(|date| date.id())),
        );
        let draft = Draft {
            url: self.canonical(root),
            title,
            summary: one_line(description, SUMMARY),
            published: dated
                .and_then(|date| date_of(date, self.how))
                .or(said.published),
            authors: said.authors.clone(),
            departments,
            topics,
            media: pictures(root, image, self.base),
            language: language(root).or_else(|| said.language.clone()),
            licence: said.licence.clone().or_else(|| self.licence(root)),
            ..Draft::default()
        };
        let body = picked(root, self.picks.body.as_ref()).map(|body| body.id());
        (
            draft,
            Marks {
                heading,
                body,
                used,
            },
        )
    }

    /// The headline, and the element that shows it.
    fn title(&self, root: ElementRef<'_>, said: &Structured) -> (Option<NodeId>, String) {
        if let Some(found) = picked(root, self.picks.title.as_ref()) {
            return (Some(found.id()), words(found, LINE));
        }
        let seen = |css: &str| {
            let mut headings = all(root, css).into_iter();
            headings.find(|heading| !words(*heading, LINE).is_empty())
        };
        let heading = seen("article h1, main h1, [itemtype*='Article'] h1").or_else(|| seen("h1"));
        let shown = heading
            .map(|heading| words(heading, LINE))
            .unwrap_or_default();
        let site = said.site.as_deref().unwrap_or_default();
        let tab = first(root, "title").map(|title| words(title, LINE));
        let told = said.headline.clone().filter(|told| told != site);
        let title = match told {
            Some(told) if shown.is_empty() || !told.starts_with(&shown) => {
                without_site(&told, site)
            }
            _ if !shown.is_empty() => shown,
            _ => without_site(&tab.unwrap_or_default(), site),
        };
        (heading.map(|heading| heading.id()), title)
    }

    fn licence(&self, root: ElementRef<'_>) -> Option<String> {
        let links = all(root, "a[rel~='license'], link[rel~='license']");
        links
            .into_iter()
            .find_map(|link| address(link.attr("href")?, self.base))
    }

    /// The page's own name for its address, if it's on the same site; else where it was found.
    fn canonical(&self, root: ElementRef<'_>) -> Option<String> {
        let said = first(root, "link[rel~='canonical']").and_then(|link| link.attr("href"));
        let said = said.and_then(|href| address(href, self.base));
        let Some(base) = self.base else { return said };
        let same = |url: &String| Url::parse(url).is_ok_and(|url| url.host() == base.host());
        said.filter(same).or_else(|| address(base.as_str(), None))
    }

    /// The cleaned body and its text, without what stands in the draft's other fields.
    fn body(
        &self,
        html: &mut Html,
        body: Option<NodeId>,
        leads: &[NodeId],
        used: &[NodeId],
        said: &Structured,
    ) -> (SafeHtml, String) {
        let rows = body.and_then(|id| element(html, id)).map(|place| {
            let rows = galleries(place).into_iter().map(|row| row.id());
            rows.chain(endings(place)).collect::<Vec<_>>()
        });
        let gone = used.iter().copied().chain(rows.unwrap_or_default());
        let gone: Vec<NodeId> = gone.filter(|id| Some(*id) != body).collect();
        detach(html, &gone);
        let left = |id: &NodeId| html.tree.get(*id).filter(|node| node.parent().is_some());
        let leads = leads.iter().filter_map(left).filter_map(ElementRef::wrap);
        let mut inner: String = leads.map(|lead| lead.html()).collect();
        inner.extend(
            body.and_then(|id| element(html, id))
                .map(|place| place.inner_html()),
        );
        let cleaned = clean(&inner, self.base);
        let text = plain_text(&cleaned);
        match &said.body {
            Some(told) if text.chars().count() * 4 < told.chars().count() => {
                let told = told.split('\n').map(|line| format!("<p>{line}</p>"));
                let cleaned = clean(&told.collect::<String>(), self.base);
                let text = plain_text(&cleaned);
                (cleaned, text)
            }
            _ => (cleaned, text),
        }
    }
}

fn element(html: &Html, id: NodeId) -> Option<ElementRef<'_>> {
    html.tree.get(id).and_then(ElementRef::wrap)
}

/// Whether a page that doesn't say so is one article, by its date and its words.
fn is_article(draft: &Draft) -> bool {
    draft.published.is_some() && draft.text.chars().count() >= ARTICLE
}

fn language(root: ElementRef<'_>) -> Option<String> {
    let said = root.attr("lang").or_else(|| root.attr("xml:lang"))?.trim();
    let plain = said
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    (plain && (2..=35).contains(&said.len())).then(|| said.replace('_', "-"))
}

/// A headline without the site's name behind it.
fn without_site(title: &str, site: &str) -> String {
    let parted = [" | ", " :: ", " — ", " – ", " - ", " » ", " • "];
    let cut = parted.iter().filter_map(|mark| title.rsplit_once(mark));
    let is_site = |tail: &str| !site.is_empty() && tail.trim().eq_ignore_ascii_case(site.trim());
    let mut cut = cut.filter(|(_, tail)| is_site(tail));
    cut.next().map_or(title, |(head, _)| head).trim().to_owned()
}

/// The first paragraph.
fn beginning(text: &str) -> String {
    let mut paragraphs = text
        .split("\n\n")
        .filter(|paragraph| paragraph.chars().count() > 20);
    one_line(paragraphs.next().unwrap_or_default(), 300)
}

/// The text that a page's article has, for tests of what belongs to it.
#[cfg(test)]
pub(super) fn body_of(page: &str) -> String {
    let selectors = crate::source::Selectors::default();
    let how = How {
        kind: SourceKind::Page,
        selectors: &selectors,
        zone: chrono_tz::Europe::Kyiv,
        now: crate::clock::Stamp(1_800_000_000_000),
    };
    let base = Url::parse("https://poda.gov.ua/news/1").ok();
    let drafts = read(page, base.as_ref(), &how).drafts;
    drafts
        .into_iter()
        .next()
        .map(|draft| draft.text)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Stamp;
    use crate::source::Selectors;

    const TITLE: &str = "На Полтавщині створили Регіональний офіс міжнародного співробітництва";
    const PRESS_RELEASE: &str = include_str!("../../../tests/fixtures/pages/press-release.html");
    /// The same with its tags beside the article and its date in plain words.
    const PLAIN: &str = include_str!("../../../tests/fixtures/pages/press-release-plain.html");
    const JSON_LD: &str = include_str!("../../../tests/fixtures/pages/json-ld.html");
    const SOUP: &str = include_str!("../../../tests/fixtures/pages/soup.html");
    const LISTING: &str = include_str!("../../../tests/fixtures/pages/listing.html");

    fn read_as(text: &str, kind: SourceKind, selectors: &Selectors) -> Reading {
        let base = Url::parse("https://poda.gov.ua/news/1?utm_source=x").unwrap();
        let now = Stamp(1_800_000_000_000);
        read(
            text,
            Some(&base),
            &How {
                kind,
                selectors,
                zone: Kyiv,
                now,
            },
        )
    }

    fn draft(text: &str) -> Draft {
        let mut reading = read_as(text, SourceKind::Auto, &Selectors::default());
        assert_eq!(reading.problems, Vec::<String>::new());
        reading.drafts.remove(0)
    }

    #[track_caller]
    fn assert_is_the_press_release(draft: &Draft) {
        assert_eq!(draft.title, TITLE);
        assert_eq!(
            draft.published.unwrap().to_rfc3339(),
            "2023-06-26T17:07:00+03:00"
        );
        assert!(
            draft.text.starts_with("Офіс діятиме при Полтавській"),
            "{}",
            draft.text
        );
        assert!(
            draft.text.ends_with("запрацювати за два тижні."),
            "{}",
            draft.text
        );
        assert_eq!(draft.text.matches("Лунін").count(), 3, "{}", draft.text);
        for leak in [
            "Nazovni",
            "Когут",
            "Полтававодоканал",
            "Поділит",
            "Підпиш",
            "Соборності",
            "Читайте",
            "Переглядів",
        ] {
            assert!(!draft.text.contains(leak), "{leak} in {}", draft.text);
        }
        assert!(
            draft.summary.starts_with("Офіс діятиме"),
            "{}",
            draft.summary
        );
        assert_eq!(draft.url.as_deref(), Some("https://poda.gov.ua/news/1"));
    }

    #[test]
    fn the_press_release_is_read_whole_and_nothing_else_with_it() {
        for page in [PRESS_RELEASE, PLAIN] {
            assert_is_whole(&draft(page));
        }
    }

    #[track_caller]
    fn assert_is_whole(draft: &Draft) {
        assert_is_the_press_release(draft);
        assert_eq!(draft.text.split("\n\n").count(), 5);
        assert_eq!(
            draft.html.as_str().matches("<p>").count(),
            5,
            "{:?}",
            draft.html
        );
        assert_eq!(
            draft.departments,
            [
                "Департамент інформаційної діяльності та комунікацій з громадськістю",
                "Департамент економічного розвитку, торгівлі та залучення інвестицій",
            ]
        );
        assert_eq!(
            draft.topics,
            [
                "економіка",
                "євроінтеграція",
                "Регіональний офіс міжнародного співробітництва"
            ]
        );
        let media: Vec<_> = draft
            .media
            .iter()
            .map(|m| (m.url.as_str(), m.caption.as_deref(), m.width))
            .collect();
        let (first, second) = (format!("{TITLE} (1)"), format!("{TITLE} (2)"));
        assert_eq!(
            media,
            [
                (
                    "https://poda.gov.ua/img/office-1.jpg",
                    Some(first.as_str()),
                    Some(1200)
                ),
                (
                    "https://poda.gov.ua/img/office-2.jpg",
                    Some(second.as_str()),
                    None
                ),
            ]
        );
        assert_eq!(draft.language.as_deref(), Some("uk"));
        assert_eq!(
            draft.licence.as_deref(),
            Some("https://creativecommons.org/licenses/by/4.0/")
        );
    }

    #[test]
    fn selectors_win() {
        let selectors = Selectors {
            title: Some("ul.departments li".to_owned()),
            date: Some("section.latest time".to_owned()),
            body: Some("div.text".to_owned()),
            topics: Some("ul.tags li:first-child".to_owned()),
            departments: Some("li:nth-child(2) a[href*=departments]".to_owned()),
            image: Some(".gallery figure:last-child".to_owned()),
            ..Selectors::default()
        };
        let reading = read_as(PRESS_RELEASE, SourceKind::Page, &selectors);
        let draft = &reading.drafts[0];
        assert!(draft.title.starts_with("Департамент інформаційної"));
        assert_eq!(
            draft.published.unwrap().to_rfc3339(),
            "2025-12-18T00:00:00+02:00"
        );
        assert_eq!(draft.topics, ["економіка"]);
        assert_eq!(draft.departments.len(), 1);
        assert_eq!(draft.media.len(), 1);
        assert_eq!(draft.text.split("\n\n").count(), 5);
        assert_eq!(reading.title.as_deref(), Some("Полтавська ОВА"));
    }

    #[test]
    fn what_a_page_says_to_machines_comes_first() {
        let draft = draft(JSON_LD);
        assert_is_the_press_release(&draft);
        assert_eq!(
            draft.updated.unwrap().to_rfc3339(),
            "2023-06-27T09:00:00+03:00"
        );
        assert_eq!(draft.authors, ["Дмитро Мандріков"]);
        assert_eq!(draft.topics.len(), 3);
        assert_eq!(draft.media[0].url, "https://poda.gov.ua/img/office-1.jpg");
        assert_eq!(draft.media[0].mime.as_deref(), Some("image/jpeg"));
        assert_eq!(draft.language.as_deref(), Some("uk"));
    }

    #[test]
    fn an_article_is_found_in_a_soup_of_elements() {
        let draft = draft(SOUP);
        assert_is_the_press_release(&draft);
        assert_eq!(draft.media.len(), 1);
        assert_eq!(draft.language.as_deref(), Some("uk-UA"));
    }

    #[test]
    fn a_listing_is_no_article() {
        let item = "<li><h3><a href=/1>Новина дня</a></h3><p class=date>26.06.2023</p><p>Опис новини, довгий настільки, що його буває взято за слова самої статті.</p>";
        let list = format!("<main><h1>Новини</h1><ul>{}</ul></main>", item.repeat(9));
        for text in [LISTING, &list, "", "<p>x", "{}"] {
            assert!(
                read_as(text, SourceKind::Auto, &Selectors::default())
                    .drafts
                    .is_empty(),
                "{text}"
            );
        }
        assert!(
            read_as("", SourceKind::Page, &Selectors::default())
                .drafts
                .is_empty()
        );
    }

    #[test]
    fn a_page_may_hold_a_headline_and_a_date_alone() {
        let (before, after) = PLAIN.split_once("<div class=\"text\">").unwrap();
        let (_, after) = after.split_once("</article>").unwrap();
        let text = format!("{before}</article>{after}").replace("class=\"tags\"", "hidden");
        let reading = read_as(&text, SourceKind::Page, &Selectors::default());
        let draft = &reading.drafts[0];
        assert_eq!(
            (draft.title.as_str(), draft.published.is_some()),
            (TITLE, true)
        );
        assert_eq!(
            (
                draft.text.as_str(),
                draft.html.as_str(),
                draft.summary.as_str()
            ),
            ("", "", "")
        );
        assert_eq!((&draft.topics, &draft.media), (&Vec::new(), &Vec::new()));
    }

    #[test]
    fn a_post_that_is_named_by_its_tags_keeps_its_words() {
        let words = "Офіс діятиме при обласній адміністрації та поєднає громади з партнерами.";
        let page = format!("<h1>Офіс</h1><div class='post tag-office'><p>{words}</p></div>");
        assert_eq!(body_of(&page), words);
    }

    #[test]
    fn of_many_marked_bodies_the_fullest_is_believed() {
        let words = "Офіс діятиме при обласній адміністрації та поєднає громади. ".repeat(3);
        let marked = format!("<p itemprop=articleBody>{words}</p>").repeat(9);
        let page = format!("<article><h1>Офіс</h1>{marked}</article>");
        assert_eq!(body_of(&page).matches(words.trim()).count(), 9);
    }

    #[test]
    fn a_bad_selector_is_named_and_the_rest_is_read() {
        let selectors = Selectors {
            title: Some("h1[".to_owned()),
            body: Some("x".repeat(201)),
            ..Selectors::default()
        };
        let reading = read_as(PRESS_RELEASE, SourceKind::Auto, &selectors);
        assert_eq!(reading.problems.len(), 2);
        assert!(
            reading.problems[0].contains("`--title`, but got `h1[`"),
            "{:?}",
            reading.problems
        );
        assert!(
            reading.problems[1].contains("at most 200 characters for `--body`, but got 201"),
            "{:?}",
            reading.problems
        );
        assert_is_the_press_release(&reading.drafts[0]);
    }

    #[test]
    fn a_page_completes_the_listing() {
        let known = Draft {
            title: "На Полтавщині створили офіс".to_owned(),
            url: Some("https://poda.gov.ua/n/1".to_owned()),
            topics: vec!["інше".to_owned()],
            published: date::read("2020-01-01", Kyiv, Stamp(0)),
            ..Draft::default()
        };
        let page = read_as(PRESS_RELEASE, SourceKind::Page, &Selectors::default());
        let whole = complete(known.clone(), &page);
        assert_eq!(
            (whole.title.as_str(), whole.url.as_deref()),
            (TITLE, Some("https://poda.gov.ua/n/1"))
        );
        assert_eq!(whole.topics.len(), 3);
        assert_eq!(
            whole.published.unwrap().to_rfc3339(),
            "2023-06-26T17:07:00+03:00"
        );

        let bare = read_as(
            "<title>Сайт</title><h1>Сайт</h1><p>Слова.",
            SourceKind::Page,
            &Selectors::default(),
        );
        let whole = complete(known.clone(), &bare);
        assert_eq!(
            (whole.title, whole.published, whole.topics),
            (known.title, known.published, known.topics)
        );
        assert_eq!(whole.text, "Слова.");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_page_ends_the_reader(cuts in proptest::collection::vec((0_usize..9_000, 0_usize..3_000), 1..6), junk in ".{0,20}") {
            let mut text = PRESS_RELEASE.to_owned() + JSON_LD + SOUP;
            for (from, length) in cuts {
                let from = text.floor_char_boundary(from * 3);
                let to = text.floor_char_boundary(from + length);
                text.replace_range(from..to, &junk);
            }
            let reading = read_as(&text, SourceKind::Page, &Selectors::default());
            prop_assert!(reading.drafts.len() <= 1);
        }
    }
}
