//! What a feed says of itself to those who poll it: when to come again (RSS 2.0 `ttl`, `skipHours`,
//! `skipDays`; RSS 1.0 syndication module), whether it is all there is (RFC 5005 §2), and what it
//! has taken off (RFC 6721).

use crate::source::pace::Pace;
use crate::source::xml::Element;
use crate::source::xml::Space;
use crate::source::xml::Tree;

/// A day, in minutes: nobody is left alone for longer on their own word.
const DAY: i64 = 24 * 60;
/// Deletions of one document.
const MOST_DELETED: usize = 5000;

/// When the feed would be asked again.
pub(super) fn pace(channel: Element<'_>) -> Pace {
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let ttl = channel
        .child(Space::Feed, "ttl")
        .and_then(|ttl| number(&ttl.text()));
    let minutes = ttl.or_else(|| update_period(channel));
    Pace {
        minutes: minutes
            .filter(|minutes| *minutes > 0)
            .map(|minutes| minutes.min(DAY)),
        skip_hours: listed(channel, "skiphours", "hour", |text| {
            // 24 is midnight, as RSS 0.91 had it.
            let hour = number(text).filter(|hour| (0..=24).contains(hour))?;
            u32::try_from(hour % 24).ok()
        }),
        skip_days: listed(channel, "skipdays", "day", weekday),
        fresh: None,
        rhythm: None,
    }
}

/// `sy:updatePeriod` over `sy:updateFrequency`, in minutes.
fn update_period(channel: Element<'_>) -> Option<i64> {
    let period = channel.child(Space::Syndication, "updateperiod")?.text();
    let minutes = match period.trim().to_ascii_lowercase().as_str() {
        "hourly" => 60,
        "daily" => DAY,
        "weekly" => 7 * DAY,
        "monthly" => 30 * DAY,
        "yearly" => 365 * DAY,
        _ => return None,
    };
    let times = channel.child(Space::Syndication, "updatefrequency");
    let times = times.and_then(|times| times.text().trim().parse().ok());
    Some(minutes / times.filter(|times| *times > 0).unwrap_or(1))
}

fn listed(
    channel: Element<'_>,
    list: &'static str,
    item: &'static str,
    read: impl Fn(&str) -> Option<u32>,
) -> Vec<u32> {
    let items = channel
        .all(Space::Feed, list)
        .flat_map(|list| list.all(Space::Feed, item));
    let mut found: Vec<u32> = items.filter_map(|item| read(&item.text())).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn weekday(text: &str) -> Option<u32> {
    let day = text.trim().parse::<chrono::Weekday>().ok()?;
    Some(day.num_days_from_monday())
}

/// Whether what isn't in it is no more.
pub(super) fn is_complete(channel: Element<'_>) -> bool {
    channel.child(Space::History, "complete").is_some()
}

/// The identifiers of what was taken off.
pub(super) fn deleted(tree: &Tree<'_>) -> Vec<String> {
    tree.elements()
        .filter(|element| element.is(Space::Tombstones, "deleted-entry"))
        .filter_map(|element| element.attribute("ref"))
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .take(MOST_DELETED)
        .collect()
}
