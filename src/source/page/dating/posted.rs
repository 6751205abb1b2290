//! A page's tree in, the date that people see on it out.
//!
//! A date alone in its element is believed before one amid other words, what is called a date
//! before what isn't, and what is near the headline before what is far. An address that holds a
//! day is the site's own word too: it stands in for a date that isn't seen, and unmasks one that
//! is another's. A date in prose is never taken: it's what the article tells of. Nor is the date
//! of the last change, unless no other is seen, nor that of a copyright, nor a day far from the
//! article that is today: sites show what day it is.

use chrono::{DateTime, FixedOffset, NaiveTime, TimeDelta};
use ego_tree::NodeId;
use scraper::{ElementRef, Node};

use crate::article::date;
use crate::source::dom::all;
use crate::source::dom::date_of;
use crate::source::dom::inline;
use crate::source::dom::is_called;
use crate::source::dom::labels;
use crate::source::dom::words;
use crate::source::page::dating::byline::begins_so;
use crate::source::page::dating::byline::date_amid;
use crate::source::page::dating::byline::date_at_edge;
use crate::source::page::dating::byline::date_before;
use crate::source::page::dating::byline::dateline;
use crate::source::page::dating::byline::tells_change;
use crate::source::read::How;

/// A date, and the element that holds nothing else.
pub(super) type Posted = (Option<NodeId>, DateTime<FixedOffset>);

/// What is sought, and by what.
pub(super) struct Sought<'a> {
    pub(super) root: ElementRef<'a>,
    pub(super) headline: Option<NodeId>,
    /// The day in the address: a date that isn't within three days of it is another's.
    pub(super) day: Option<DateTime<FixedOffset>>,
    pub(super) how: &'a How<'a>,
}

/// Elements that are near a headline, so many after it, so many before: first the nearest, where
/// a date amid words is believed before a date alone farther off.
const NEAR: [(usize, usize); 2] = [(12, 8), (60, 15)];
/// Characters of the longest text that may hold a date amid other words.
const BYLINE: usize = 160;
/// Characters of the longest text that is a date alone, or little more.
const ALONE: usize = 90;
/// Nodes in the largest element that is one line.
const NODES: usize = 200;
/// Places far from the headline that are looked at.
const LOOKED_AT: usize = 300;

/// Words in class names and ids of what holds a date.
const LABELS: &[&str] = &[
    "author",
    "authored",
    "byline",
    "calendar",
    "created",
    "data",
    "dateline",
    "datetime",
    "datum",
    "fecha",
    "info",
    "meta",
    "postdate",
    "posted",
    "postmeta",
    "postmetadata",
    "pubdate",
    "publication",
    "publish",
    "published",
    "stand",
    "submitted",
    "time",
    "timestamp",
    "when",
];

/// The same of what holds another date than that of publication.
const OTHERS: &[&str] = &[
    "clock",
    "copyright",
    "current",
    "event",
    "events",
    "join",
    "joined",
    "now",
    "today",
    "weather",
];

/// The date that people see, the surest first. `spare` was seen near the headline in what isn't
/// the article's by its name, `dated` is stated by a name that doesn't say of what it's the date.
pub(super) fn visible_date(
    sought: &Sought<'_>,
    spare: Option<Posted>,
    dated: Option<DateTime<FixedOffset>>,
) -> Option<Posted> {
    near_date(sought)
        .or_else(|| timed(sought))
        .or(spare)
        .or_else(|| Some((None, dated?)))
        .or_else(|| far_date(sought))
        .or_else(|| Some((None, sought.day?)))
}

/// A date that people see in few words near the headline.
pub(super) fn near_date(sought: &Sought<'_>) -> Option<Posted> {
    let elements: Vec<_> = sought.root.descendent_elements().collect();
    let shown = |element: &ElementRef<'_>| Some(element.id()) == sought.headline;
    let place = elements.iter().position(shown)?;
    let (before, after) = elements.split_at_checked(place)?;
    NEAR.iter().find_map(|(most_after, most_before)| {
        let after = after.iter().take(*most_after);
        let near = after.chain(before.iter().rev().take(*most_before));
        let near: Vec<_> = near.copied().filter(|element| !other(*element)).collect();
        date_among(&near, sought)
    })
}

fn date_among(near: &[ElementRef<'_>], sought: &Sought<'_>) -> Option<Posted> {
    let near = || near.iter().copied();
    let times = || near().filter(|e| is_time(*e) && !changed(*e));
    let labelled = || near().filter(|e| is_labelled(*e));
    let begun = || near().filter(|e| line(*e, BYLINE).is_some_and(|line| begins_so(&line)));
    let steps: [&dyn Fn() -> Option<Posted>; 9] = [
        &|| sought.first(times().filter(|e| names_publication(*e)), Sought::told),
        &|| sought.first(times(), Sought::told),
        &|| sought.first(labelled().filter(|e| !changed(*e)), Sought::alone),
        &|| sought.first(labelled(), Sought::amid),
        &|| sought.first(begun(), Sought::amid),
        &|| sought.first(near().filter(|e| !changed(*e)), Sought::alone),
        &|| sought.first(near(), Sought::edge),
        &|| sought.first(near(), Sought::before),
        &|| sought.first(near(), Sought::dateline),
    ];
    steps.iter().find_map(|step| step())
}

/// A `time` of the article, wherever it stands.
fn timed(sought: &Sought<'_>) -> Option<Posted> {
    let times = all(sought.root, "article time, main time, time, abbr.published");
    let times = times.into_iter().filter(|e| !changed(*e) && !other(*e));
    sought.first(times.take(LOOKED_AT), Sought::told)
}

/// A date that people see far from the headline, where something says that it is one, or where
/// no other date stands alone.
fn far_date(sought: &Sought<'_>) -> Option<Posted> {
    let elements = || sought.root.descendent_elements();
    let lines = || elements().filter_map(|e| Some((e, dated_line(e)?)));
    let labelled = lines().filter(|(e, _)| is_labelled(*e) && !other(*e));
    let labelled = labelled.map(|(element, _)| element).take(LOOKED_AT);
    let labelled = sought.first(labelled, |sought, element| {
        let told = || sought.told(element).filter(|_| !changed(element));
        told().or_else(|| sought.amid(element))
    });
    let begun = || {
        let begun = lines().filter(|(e, line)| begins_so(line) && !other(*e));
        sought.first(
            begun.map(|(element, _)| element).take(LOOKED_AT),
            Sought::amid,
        )
    };
    let found = labelled.or_else(begun).or_else(|| only_date(sought));
    found.filter(|(_, date)| !sought.is_today(*date))
}

/// The date of the last change, where people see it.
pub(super) fn changed_date(sought: &Sought<'_>) -> Option<Posted> {
    let elements = sought.root.descendent_elements();
    let changed = elements.filter(|e| {
        let line = dated_line(*e);
        let says_so = line
            .as_ref()
            .is_some_and(|line| line.split(' ').any(tells_change));
        says_so || (changed(*e) && (line.is_some() || e.attr("title").is_some()))
    });
    sought.first(changed.take(LOOKED_AT), |sought, element| {
        let within = || Some((None, date_amid(&line(element, BYLINE)?, true, sought.how)?));
        sought.told(element).or_else(within)
    })
}

impl Sought<'_> {
    fn fits(&self, (_, date): &Posted) -> bool {
        self.day
            .is_none_or(|day| (*date - day).abs() < TimeDelta::days(3))
    }

    /// Whether it's today's midnight, as of a day without a time.
    fn is_today(&self, date: DateTime<FixedOffset>) -> bool {
        let today = self
            .how
            .now
            .utc()
            .with_timezone(&self.how.zone)
            .date_naive();
        date.naive_local() == today.and_time(NaiveTime::MIN)
    }

    fn first<'e>(
        &self,
        mut elements: impl Iterator<Item = ElementRef<'e>>,
        read: impl Fn(&Self, ElementRef<'e>) -> Option<Posted>,
    ) -> Option<Posted> {
        elements.find_map(|element| read(self, element).filter(|found| self.fits(found)))
    }

    fn told(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((Some(element.id()), date_of(element, self.how)?))
    }

    fn alone(&self, element: ElementRef<'_>) -> Option<Posted> {
        let date = self.read(&line(element, ALONE)?)?;
        (!in_prose(element)).then_some((Some(element.id()), date))
    }

    fn amid(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((None, date_amid(&dated_line(element)?, false, self.how)?))
    }

    fn edge(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((None, date_at_edge(&line(element, ALONE)?, self.how)?))
    }

    fn before(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((None, date_before(&line(element, ALONE)?, self.how)?))
    }

    fn dateline(&self, element: ElementRef<'_>) -> Option<Posted> {
        let beginning = words(element, ALONE);
        let prose = beginning.ends_with('…') && !inline(element.value().name());
        Some((None, dateline(&beginning, self.how).filter(|_| prose)?))
    }

    fn read(&self, text: &str) -> Option<DateTime<FixedOffset>> {
        date::read(text, self.how.zone, self.how.now)
    }
}

/// The only day that stands alone in a text of the page.
fn only_date(sought: &Sought<'_>) -> Option<Posted> {
    let alone = sought.root.descendants().filter_map(|node| {
        let Node::Text(text) = node.value() else {
            return None;
        };
        let text = text.trim();
        let short = text.len() <= ALONE && has_digit(text);
        let parent = node.parent().and_then(ElementRef::wrap).filter(|_| short)?;
        let silent = matches!(
            parent.value().name(),
            "script" | "style" | "noscript" | "title"
        );
        let date = sought.read(text).filter(|_| !silent)?;
        (!other(parent) && !in_prose(parent)).then_some(date)
    });
    let mut alone = alone.take(LOOKED_AT);
    let first = alone.next()?;
    let only = alone.all(|date| date.date_naive() == first.date_naive());
    Some((None, first)).filter(|found| only && sought.fits(found))
}

fn is_time(element: ElementRef<'_>) -> bool {
    matches!(element.value().name(), "time" | "abbr")
}

fn names_publication(element: ElementRef<'_>) -> bool {
    let stated = element
        .attr("itemprop")
        .is_some_and(|names| names.contains("datePublished"));
    let named = |label: &String| label.starts_with("publi") || label.starts_with("pubdate");
    stated || element.attr("pubdate").is_some() || labels(element).iter().any(named)
}

/// Whether it is called the date of the last change, or begins with words that say so.
fn changed(element: ElementRef<'_>) -> bool {
    let stated = element
        .attr("itemprop")
        .is_some_and(|names| names.contains("dateModified"));
    let is_change = |label: &String| tells_change(label) || label.starts_with("lastmod");
    let begins = || line(element, BYLINE).is_some_and(|l| l.split(' ').take(3).any(tells_change));
    !names_publication(element) && (stated || labels(element).iter().any(is_change) || begins())
}

/// Whether it is called another date than that of an article.
fn other(element: ElementRef<'_>) -> bool {
    is_called(element, OTHERS)
}

fn is_labelled(element: ElementRef<'_>) -> bool {
    let is_date = |label: &String| {
        LABELS.contains(&label.as_str()) || label.ends_with("date") || label.ends_with("datum")
    };
    let labels = labels(element);
    labels.iter().any(is_date) && !labels.iter().any(|label| tells_change(label))
}

/// Whether it is a part of prose: many words stand in the block around it.
fn in_prose(element: ElementRef<'_>) -> bool {
    let around = element.ancestors().filter_map(ElementRef::wrap);
    let mut around = [element].into_iter().chain(around);
    let block = around.find(|outer| !inline(outer.value().name()));
    block.is_some_and(|block| line(block, BYLINE).is_none())
}

/// The words of an element that holds few.
fn line(element: ElementRef<'_>, most: usize) -> Option<String> {
    element.descendants().nth(NODES).is_none().then_some(())?;
    Some(words(element, most)).filter(|line| !line.ends_with('…'))
}

/// The same with a number in it.
fn dated_line(element: ElementRef<'_>) -> Option<String> {
    line(element, BYLINE).filter(|line| has_digit(line))
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;
    use url::Url;

    use super::*;
    use crate::article::html::document;
    use crate::clock::Stamp;
    use crate::source::Selectors;
    use crate::source::SourceKind;
    use crate::source::dom::first;
    use crate::source::page::dating::addressed::day_in;

    fn seen(body: &str, address: &str) -> Option<String> {
        let html = document(&format!("<body><h1>Новий міст</h1>{body}"));
        let heading = first(html.root_element(), "h1").map(|heading| heading.id());
        let how = How {
            kind: SourceKind::Page,
            selectors: &Selectors::default(),
            zone: Kyiv,
            now: Stamp(1_800_000_000_000),
        };
        let day = Url::parse(address).ok().and_then(|url| day_in(&url, &how));
        let sought = Sought {
            root: html.root_element(),
            headline: heading,
            day,
            how: &how,
        };
        let found = visible_date(&sought, near_date(&sought), None);
        found.map(|(_, date)| date.to_rfc3339())
    }

    #[test]
    fn a_date_is_seen_amid_other_words() {
        for body in [
            "<p>26.06.2023 17:07",
            "<p><abbr class=published title='2023-06-26T17:07:00+03:00'>учора",
            "<div class=post-meta>Автор: Олена, 26 червня 2023 р. о 17:07, 3 відгуки</div>",
            "<p>Опубліковано 26 червня 2023, 17:07 пресслужбою",
            "<p>Полтава, 26 червня 2023, 17:07",
            "<p>26.06.2023 17:07 | Міста | Олена Коваль",
            "<div><small>26 czerwca 2023, 17:07</small></div>",
            "<p class=datum>Montag, 26. Juni 2023 um 17:07 Uhr",
            "<p class=date>lundi 26 juin 2023 à 17:07",
        ] {
            let found = seen(body, "https://example.org/1");
            assert_eq!(
                found.as_deref(),
                Some("2023-06-26T17:07:00+03:00"),
                "{body}"
            );
        }
    }

    #[test]
    fn what_stands_nearest_and_is_called_a_date_is_believed_first() {
        for body in [
            "<time class=updated datetime='2023-06-27T09:00:00+03:00'></time>\
             <time class='entry-date published' datetime='2023-06-26T17:07:00+03:00'></time>",
            "<p class=date>Оновлено: 27.06.2023 09:00. Опубліковано: 26.06.2023 17:07",
            "<p class=date>Written: 2023-06-26 17:07:30 / Updated: 2023-06-27 09:00",
            "<div class=meta>Олена Коваль / 26.06.2023 / 17:07</div><p><b>27.06.2023</b>",
            "<div><div>Опубліковано</div><div>26 червня 2023, о 17:07</div></div>",
            "<div><span>Автор</span><span>26 червня 2023 о 17:07</span></div>",
            "<p>26.06.2023 17:07 від Олени",
            "<p>Новини<br>26 червня 2023, 17:07</p>",
            "<div class=today>27.06.2023</div><p class=author>Олена, 26.06.2023 17:07",
            "<aside><ul><li>Новини<li>26.06.2023 17:07</ul></aside>",
        ] {
            let found = seen(body, "https://example.org/1").unwrap_or_default();
            assert!(found.starts_with("2023-06-26T17:07"), "{body}: {found}");
        }
    }

    #[test]
    fn a_report_may_begin_with_its_place_and_day() {
        let report =
            "У місті відкрили новий міст через річку, якого чекали двадцять років. ".repeat(3);
        for (beginning, found) in [
            ("Полтава, 26 червня 2023 р. – ", true),
            ("Полтава, (26.06.2023). ", true),
            ("NEW YORK, June 26, 2023 – ", true),
            ("Новий міст, як обіцяли, 26 червня 2023 р. – ", false),
            ("26 червня 2023 р. – ", false),
        ] {
            let body = format!("<p>{beginning}{report}</p>");
            let date = seen(&body, "https://example.org/1");
            assert_eq!(date.is_some(), found, "{beginning}");
        }
    }

    #[test]
    fn far_from_the_headline_the_only_date_counts_unless_it_is_today() {
        let far = "<p><i>Слова</i> статті.".repeat(99);
        for (end, found) in [
            ("<p>Олена Коваль<br>26 червня 2023", true),
            ("<p>26 червня 2023<p>27 червня 2023", false),
            ("<p>Опубліковано 26.06.2023 пресслужбою", true),
            ("<p class=date>15 січня 2027", false),
            ("<p class=date>15 січня 2027, 09:00", true),
            ("<p class=date>© Copyright 26.06.2023, Місто", false),
        ] {
            let date = seen(&format!("{far}{end}"), "https://example.org/1");
            assert_eq!(date.is_some(), found, "{end}");
        }
    }

    #[test]
    fn a_date_in_prose_is_no_date_of_publication() {
        for body in [
            "<p>Міст відкриють 26 червня 2023",
            "<p>26 червня 2023 року відкрили новий міст через річку.",
            "<p>Телефон: 26-06-20",
            "<p>Міст відкрили <b>26 червня 2023</b> року, і того дня ним проїхали двадцять машин, \
             сорок велосипедів і сто двадцять п'ять пішоходів, що чекали на це понад двадцять довгих років разом з усім містом.",
        ] {
            assert_eq!(seen(body, "https://example.org/1"), None, "{body}");
        }
    }

    #[test]
    fn an_address_tells_the_day_and_unmasks_a_foreign_date() {
        let foreign = "<time datetime='2022-01-01'>1 січня</time>";
        for address in [
            "https://example.org/2023/06/26/mist",
            "https://example.org/news/2023-06-26-mist",
            "https://example.org/news/20230626/mist",
            "https://example.org/news/26-06-2023-mist",
        ] {
            let found = seen(foreign, address);
            assert_eq!(
                found.as_deref(),
                Some("2023-06-26T00:00:00+03:00"),
                "{address}"
            );
        }
        for address in [
            "https://example.org/2099/01/01/",
            "https://example.org/2023/06/",
            "https://example.org/202306261",
        ] {
            assert_eq!(seen("", address), None, "{address}");
        }
    }
}
