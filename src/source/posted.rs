//! A page's tree in, the date that people see on it out.
//!
//! A date alone in its element is believed before one amid other words, what is called a date
//! before what isn't, and what is near the heading before what is far. An address that holds a
//! day is the site's own word too: it stands in for a date that isn't seen, and unmasks one that
//! is another's. A date in prose is never taken: it's what the article tells of. Nor is the date
//! of the last change, unless no other is seen, nor of a copyright.

use chrono::{DateTime, FixedOffset, TimeDelta};
use ego_tree::NodeId;
use scraper::{ElementRef, Node};

use crate::article::date;
use crate::source::dom::all;
use crate::source::dom::date_of;
use crate::source::dom::inline;
use crate::source::dom::labels;
use crate::source::dom::words;
use crate::source::read::How;

/// A date, and the element that holds nothing else.
pub(super) type Posted = (Option<NodeId>, DateTime<FixedOffset>);

/// What is sought, and by what.
pub(super) struct Sought<'a> {
    pub(super) root: ElementRef<'a>,
    pub(super) heading: Option<NodeId>,
    /// The day in the address: a date that isn't within three days of it is another's.
    pub(super) day: Option<DateTime<FixedOffset>>,
    pub(super) how: &'a How<'a>,
}

/// Elements that are near a heading, so many after it, so many before: first the nearest, where
/// a date amid words is believed before a date alone farther off.
const NEAR: [(usize, usize); 2] = [(12, 8), (60, 15)];
/// Characters of the longest text that may hold a date amid other words.
const BYLINE: usize = 160;
/// Characters of the longest text that is a date alone.
const ALONE: usize = 90;
/// Words of the longest date.
const DATE: usize = 9;
/// Places far from the heading that are looked at.
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

/// How texts begin that say when an article was published.
const BEGINNINGS: &[&str] = &[
    "дата",
    "оприлюднено",
    "опубліковано",
    "розміщено",
    "опубликовано",
    "додано",
    "створено",
    "publish",
    "posted",
    "date",
    "created",
    "written",
    "released",
    "veröffentlicht",
    "erstellt",
    "datum",
    "geschrieben",
    "eingestellt",
    "dieser artikel",
    "dieser beitrag",
    "stand",
    "publié",
    "mis en ligne",
    "mise en ligne",
    "paru",
    "publicado",
    "publicada",
    "pubblicato",
    "pubblicata",
    "opublikowano",
    "opublikowane",
    "dodano",
    "gepubliceerd",
    "geplaatst",
    "publicerad",
    "publisert",
    "udgivet",
    "publikováno",
    "zveřejněno",
];

/// Words that say that an article was changed, as they begin.
const CHANGED: &[&str] = &[
    "lastmod",
    "оновлен",
    "змінен",
    "відредагован",
    "обновлен",
    "изменен",
    "updat",
    "modif",
    "edited",
    "changed",
    "revised",
    "aktualis",
    "geändert",
    "bearbeitet",
    "actualiz",
    "aggiornat",
    "zaktualizowan",
    "aktualizacja",
    "bijgewerkt",
    "uppdatera",
    "oppdater",
    "opdater",
];

/// The date that people see, the surest first. `spare` was seen near the heading in what isn't
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

/// A date that people see in few words near the heading.
pub(super) fn near_date(sought: &Sought<'_>) -> Option<Posted> {
    let elements: Vec<_> = sought.root.descendent_elements().collect();
    let heading = |element: &ElementRef<'_>| Some(element.id()) == sought.heading;
    let place = elements.iter().position(heading)?;
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
    let steps: [&dyn Fn() -> Option<Posted>; 8] = [
        &|| sought.first(times().filter(|e| names_publication(*e)), Sought::told),
        &|| sought.first(times(), Sought::told),
        &|| {
            sought.first(
                near().filter(|e| is_labelled(*e) && !changed(*e)),
                Sought::alone,
            )
        },
        &|| sought.first(near().filter(|e| is_labelled(*e)), Sought::amid),
        &|| sought.first(near().filter(|e| begins_so(*e)), Sought::amid),
        &|| sought.first(near().filter(|e| !changed(*e)), Sought::alone),
        &|| sought.first(near(), Sought::edge),
        &|| sought.first(near(), Sought::before),
    ];
    steps.iter().find_map(|step| step())
}

/// A `time` of the article, wherever it stands.
pub(super) fn timed(sought: &Sought<'_>) -> Option<Posted> {
    let times = all(sought.root, "article time, main time, time, abbr.published");
    let times = times
        .into_iter()
        .filter(|time| !changed(*time) && !other(*time));
    sought.first(times.take(LOOKED_AT), Sought::told)
}

/// A date that people see far from the heading, where something says that it is one, or where
/// no other date stands alone.
pub(super) fn far_date(sought: &Sought<'_>) -> Option<Posted> {
    let elements = || sought.root.descendent_elements().filter(|e| !other(*e));
    let labelled = elements().filter(|e| is_labelled(*e) && has_digit(*e));
    let labelled = sought.first(labelled.take(LOOKED_AT), |sought, element| {
        let told = || sought.told(element).filter(|_| !changed(element));
        told().or_else(|| sought.amid(element))
    });
    let begun = || {
        let begun = elements().filter(|e| begins_so(*e) && has_digit(*e));
        sought.first(begun.take(LOOKED_AT), Sought::amid)
    };
    labelled.or_else(begun).or_else(|| only_date(sought))
}

/// The date of the last change, where people see it.
pub(super) fn changed_date(sought: &Sought<'_>) -> Option<Posted> {
    let elements = sought.root.descendent_elements();
    let says_so = |e: ElementRef<'_>| words(e, BYLINE).split(' ').any(tells_change);
    let dated = |e: ElementRef<'_>| has_digit(e) || e.attr("title").is_some();
    let changed = elements.filter(|e| dated(*e) && (changed(*e) || says_so(*e)));
    sought.first(changed.take(LOOKED_AT), |sought, element| {
        let within = || Some((None, date_within(element, true, sought.how)?));
        sought.told(element).or_else(within)
    })
}

impl Sought<'_> {
    fn fits(&self, (_, date): &Posted) -> bool {
        self.day
            .is_none_or(|day| (*date - day).abs() < TimeDelta::days(3))
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
        let date = self.read(&words(element, ALONE))?;
        (!in_prose(element)).then_some((Some(element.id()), date))
    }

    fn amid(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((None, date_within(element, false, self.how)?))
    }

    fn edge(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((None, date_at_edge(element, self.how)?))
    }

    fn before(&self, element: ElementRef<'_>) -> Option<Posted> {
        Some((None, date_before(element, self.how)?))
    }

    fn read(&self, text: &str) -> Option<DateTime<FixedOffset>> {
        date::read(text, self.how.zone, self.how.now)
    }
}

/// The only day that stands alone in a text of the page.
fn only_date(sought: &Sought<'_>) -> Option<Posted> {
    let mut found: Option<DateTime<FixedOffset>> = None;
    let mut looked_at = 0;
    for node in sought.root.descendants() {
        let Node::Text(text) = node.value() else {
            continue;
        };
        let text = text.trim();
        if text.len() > ALONE || !text.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let Some(parent) = node.parent().and_then(ElementRef::wrap) else {
            continue;
        };
        let silent = matches!(
            parent.value().name(),
            "script" | "style" | "noscript" | "title"
        );
        let Some(date) = sought.read(text).filter(|_| !silent && !other(parent)) else {
            continue;
        };
        looked_at += 1;
        let another = found.is_some_and(|found| found.date_naive() != date.date_naive());
        if another || looked_at > LOOKED_AT {
            return None;
        }
        found = found.or(Some(date));
    }
    found
        .map(|date| (None, date))
        .filter(|found| sought.fits(found))
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
    let labels = labels(element);
    let start = words(element, 40).to_lowercase();
    !names_publication(element)
        && (stated
            || labels.iter().any(|label| tells_change(label))
            || start.split(' ').take(3).any(tells_change))
}

/// Whether it is called another date than that of an article.
fn other(element: ElementRef<'_>) -> bool {
    labels(element)
        .iter()
        .any(|label| OTHERS.contains(&label.as_str()))
}

/// Whether other words stand on the line around it, as they do in prose.
fn in_prose(element: ElementRef<'_>) -> bool {
    let name = element.value().name();
    let block = || {
        element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .find(|e| !inline(e.value().name()))
    };
    inline(name)
        && name != "time"
        && block().is_some_and(|block| words(block, BYLINE).ends_with('…'))
}

fn has_digit(element: ElementRef<'_>) -> bool {
    words(element, BYLINE).contains(|c: char| c.is_ascii_digit())
}

fn is_labelled(element: ElementRef<'_>) -> bool {
    let is_date = |label: &String| {
        LABELS.contains(&label.as_str()) || label.ends_with("date") || label.ends_with("datum")
    };
    let labels = labels(element);
    labels.iter().any(is_date) && !labels.iter().any(|label| tells_change(label))
}

fn begins_so(element: ElementRef<'_>) -> bool {
    let start = words(element, 40).to_lowercase();
    BEGINNINGS
        .iter()
        .any(|beginning| start.starts_with(beginning))
}

/// The first date amid the words of an element that holds few of them: of publication, or of the
/// last change.
fn date_within(
    element: ElementRef<'_>,
    of_change: bool,
    how: &How<'_>,
) -> Option<DateTime<FixedOffset>> {
    let line = words(element, BYLINE);
    if line.ends_with('…') || !line.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words: Vec<&str> = line.split(' ').filter(|word| *word != "|").collect();
    let mut from = 0;
    while from < words.len() {
        let Some((length, date)) = date_from(&words, from, how) else {
            from += 1;
            continue;
        };
        let around = words.get(from.saturating_sub(2)..from + length);
        let says_so = around
            .unwrap_or_default()
            .iter()
            .any(|word| tells_change(word));
        if says_so == of_change {
            return Some(date);
        }
        from += length;
    }
    None
}

/// The longest date that begins with the word, and how many words it is.
fn date_from(words: &[&str], from: usize, how: &How<'_>) -> Option<(usize, DateTime<FixedOffset>)> {
    let most = DATE.min(words.len() - from);
    (1..=most).rev().find_map(|length| {
        let span = words.get(from..from + length)?;
        if length > 1 && span.last().is_some_and(|word| tells_change(word)) {
            return None;
        }
        let text = span.join(" ");
        let text = text.trim_matches(['(', ')', '[', ']', ',', '.', ';', ':', '»', '›']);
        Some((length, date::read(text, how.zone, how.now)?))
    })
}

fn tells_change(word: &str) -> bool {
    let word = word.trim_start_matches('(').to_lowercase();
    CHANGED.iter().any(|beginning| word.starts_with(beginning))
}

/// A date with which a short line begins or ends, parted from its other words by a sign.
fn date_at_edge(element: ElementRef<'_>, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let line = words(element, ALONE);
    if line.ends_with('…') || !line.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let signs = ['|', '•', '·', '–', '—', '-', ',', '/', '('];
    let places = || line.char_indices().filter(|(_, c)| signs.contains(c));
    let read = |text: Option<&str>| date::read(text?, how.zone, how.now);
    let first = places().rev().find_map(|(at, _)| read(line.get(..at)));
    first.or_else(|| places().find_map(|(at, c)| read(line.get(at + c.len_utf8()..))))
}

/// A date and a clock time with which a short line begins, whatever follows.
fn date_before(element: ElementRef<'_>, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let line = words(element, ALONE);
    if line.ends_with('…') || !line.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words: Vec<&str> = line.split(' ').collect();
    let (length, date) = date_from(&words, 0, how)?;
    let clock = words.get(..length)?.iter().any(|word| word.contains(':'));
    (clock && !words.iter().any(|word| tells_change(word))).then_some(date)
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
    use crate::source::addressed::day_in;
    use crate::source::dom::first;

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
            heading,
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
    fn a_date_in_prose_is_no_date_of_publication() {
        for body in [
            "<p>Міст відкриють 26 червня 2023",
            "<p>26 червня 2023 року відкрили новий міст через річку.",
            "<p>Телефон: 26-06-20",
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
