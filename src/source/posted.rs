//! A page's tree in, the date that people see on it out.
//!
//! A date alone in its element is believed before one amid other words, what is called a date
//! before what isn't, and what is near the heading before what is far. An address that holds a
//! day is the site's own word too: it stands in for a date that isn't seen, and unmasks one that
//! is another's. A date in prose is never taken: it's what the article tells of.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta};
use ego_tree::NodeId;
use scraper::ElementRef;
use url::Url;

use crate::article::date;
use crate::source::dom::all;
use crate::source::dom::date_of;
use crate::source::dom::labels;
use crate::source::dom::words;
use crate::source::read::How;

/// A date, and the element that holds nothing else.
pub(super) type Posted = (Option<NodeId>, DateTime<FixedOffset>);

/// Elements that are near a heading: so many after it, so many before.
const NEAR: (usize, usize) = (60, 15);
/// Characters of the longest text that may hold a date amid other words.
const BYLINE: usize = 160;
/// Words of the longest date.
const DATE: usize = 9;

/// Words in class names and ids of what holds a date.
const LABELS: &[&str] = &[
    "byline",
    "created",
    "data",
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

/// How texts begin that say when an article was published.
const BEGINNINGS: &[&str] = &[
    "дата",
    "оприлюднено",
    "опубліковано",
    "розміщено",
    "опубликовано",
    "publish",
    "posted",
    "date",
    "created",
    "written",
    "veröffentlicht",
    "erstellt",
    "datum",
    "geschrieben",
    "dieser artikel",
    "dieser beitrag",
    "publié",
    "publicado",
    "pubblicato",
    "opublikowano",
];

/// A date that people see: in a `time` of the article, else in few words near its heading.
pub(super) fn visible_date(
    root: ElementRef<'_>,
    heading: Option<NodeId>,
    address: Option<&Url>,
    how: &How<'_>,
) -> Option<Posted> {
    let near = near(root, heading);
    let alone = |element: &ElementRef<'_>| {
        let date = date::read(&words(*element, 90), how.zone, how.now)?;
        Some((Some(element.id()), date))
    };
    let told = |element: &ElementRef<'_>| Some((Some(element.id()), date_of(*element, how)?));
    let amid = |element: &ElementRef<'_>| Some((None, date_within(*element, how)?));
    let edge = |element: &ElementRef<'_>| Some((None, date_at_edge(*element, how)?));
    let is_time = |element: &&ElementRef<'_>| matches!(element.value().name(), "time" | "abbr");
    let times = || all(root, "article time, main time, time, abbr.published");
    let labelled = || all(root, "[class], [id]").into_iter().filter(is_labelled);
    let by_address = address.and_then(|url| day_in(url, how));
    let fits =
        |(_, date): &Posted| by_address.is_none_or(|day| (*date - day).abs() < TimeDelta::days(3));
    let seen = near.iter().filter(is_time).filter_map(told).find(fits);
    seen.or_else(|| times().iter().filter_map(told).find(fits))
        .or_else(|| near.iter().filter_map(alone).find(fits))
        .or_else(|| {
            near.iter()
                .filter(|e| is_labelled(e))
                .filter_map(amid)
                .find(fits)
        })
        .or_else(|| {
            near.iter()
                .filter(|e| begins_so(**e))
                .filter_map(amid)
                .find(fits)
        })
        .or_else(|| near.iter().filter_map(edge).find(fits))
        .or_else(|| {
            labelled()
                .filter_map(|e| told(&e).or_else(|| amid(&e)))
                .find(fits)
        })
        .or_else(|| by_address.map(|day| (None, day)))
}

/// The elements around the heading, the nearest after it first. Without one, none is near.
fn near(root: ElementRef<'_>, heading: Option<NodeId>) -> Vec<ElementRef<'_>> {
    let elements: Vec<_> = root.descendent_elements().collect();
    let place = elements
        .iter()
        .position(|element| Some(element.id()) == heading);
    let Some((before, after)) = place.and_then(|place| elements.split_at_checked(place)) else {
        return Vec::new();
    };
    let after = after.iter().take(NEAR.0);
    after
        .chain(before.iter().rev().take(NEAR.1))
        .copied()
        .collect()
}

fn is_labelled(element: &ElementRef<'_>) -> bool {
    let is_date = |label: &String| {
        LABELS.contains(&label.as_str()) || label.ends_with("date") || label.ends_with("datum")
    };
    let labels = labels(*element);
    labels.iter().any(is_date) && !labels.iter().any(|label| label.contains("modif"))
}

fn begins_so(element: ElementRef<'_>) -> bool {
    let start = words(element, 40).to_lowercase();
    BEGINNINGS
        .iter()
        .any(|beginning| start.starts_with(beginning))
}

/// The first date amid the words of an element that holds few of them.
fn date_within(element: ElementRef<'_>, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let line = words(element, BYLINE);
    if line.ends_with('…') || !line.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let words: Vec<&str> = line.split(' ').filter(|word| *word != "|").collect();
    let starts = 0..words.len();
    let spans = starts.flat_map(|from| {
        let most = DATE.min(words.len() - from);
        (1..=most)
            .rev()
            .filter_map(move |length| Some((from, from.checked_add(length)?)))
    });
    let mut dates = spans.filter_map(|(from, to)| {
        let text = words.get(from..to)?.join(" ");
        let text = text.trim_matches(['(', ')', '[', ']', ',', '.', ';', ':', '»', '›']);
        date::read(text, how.zone, how.now)
    });
    dates.next()
}

/// A date with which a short line begins or ends, parted from its other words by a sign.
fn date_at_edge(element: ElementRef<'_>, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let line = words(element, 90);
    if line.ends_with('…') || !line.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let signs = ['|', '•', '·', '–', '—', '-', ',', '/', '('];
    let places = || line.char_indices().filter(|(_, c)| signs.contains(c));
    let read = |text: Option<&str>| date::read(text?, how.zone, how.now);
    let first = places().rev().find_map(|(at, _)| read(line.get(..at)));
    first.or_else(|| places().find_map(|(at, c)| read(line.get(at + c.len_utf8()..))))
}

/// The day in an address: `/2023/06/26/`, `/2023-06-26-…`, `/20230626/`, `/26-06-2023-…`. Its
/// midnight; none in the future.
fn day_in(url: &Url, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let parts: Vec<&str> = url.path_segments()?.collect();
    let apart = parts.windows(3).filter_map(|three| match three {
        [year, month, day] if year.len() == 4 => day_of(year, month, day),
        _ => None,
    });
    let joined = parts.iter().filter_map(|part| {
        let (year, rest) = part.split_at_checked(4)?;
        let (month, rest) = match rest.strip_prefix('-') {
            Some(rest) => (rest.get(..2)?, rest.get(2..)?.strip_prefix('-')?),
            None => (rest.get(..2)?, rest.get(2..)?),
        };
        let (day, rest) = rest.split_at_checked(2)?;
        let ends = !rest.starts_with(|c: char| c.is_ascii_digit());
        day_of(year, month, day).filter(|_| ends)
    });
    let turned = parts.iter().filter_map(|part| {
        let mut parts = part.splitn(4, '-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        day_of(year, month, day).filter(|_| year.len() == 4)
    });
    let day = apart.chain(joined).chain(turned).next()?;
    let tomorrow = how.now.utc().checked_add_signed(TimeDelta::days(1))?;
    let text = day.format("%Y-%m-%d").to_string();
    date::read(&text, how.zone, how.now).filter(|date| *date <= tomorrow)
}

fn day_of(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let number = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 4;
        text.parse::<u32>().ok().filter(|_| plain)
    };
    let year = i32::try_from(number(year)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)?;
    (day.year() >= 1995).then_some(day)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;

    use super::*;
    use crate::article::html::document;
    use crate::clock::Stamp;
    use crate::source::Selectors;
    use crate::source::SourceKind;
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
        let address = Url::parse(address).ok();
        let found = visible_date(html.root_element(), heading, address.as_ref(), &how);
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
