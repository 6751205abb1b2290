//! What a page states to machines in, moments out: when its article was published, and the same
//! moment as clocks showed it where it was published. What people see is [`dating`](super::dating)'s.

use std::collections::HashMap;

use chrono::{DateTime, Days, FixedOffset, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use scraper::ElementRef;

use crate::article::date;
use crate::source::dom::all;
use crate::source::read::How;

/// Where pages keep the moment of publication, the surest first; letters and digits alone.
pub(super) const PUBLISHED: &[&str] = &[
    "articlepublishedtime",
    "ogarticlepublishedtime",
    "ogpublishedtime",
    "publishedtime",
    "articlepublisheddate",
    "articlepublished",
    "ogarticlepublished",
    "articlepublicationdate",
    "datepublished",
    "rnewsdatepublished",
    "ogdatepublished",
    "originalpublicationdate",
    "articledateoriginal",
    "dcsextarticlefirstpublished",
    "parselypubdate",
    "sailthrudate",
    "dctermscreated",
    "dctermsissued",
    "dcdateissued",
    "dcdatecreated",
    "dcdatepublication",
    "dccreated",
    "dcissued",
    "publicationdate",
    "publishdate",
    "publisheddate",
    "publishtime",
    "publishedat",
    "pubdate",
    "ogpubdate",
    "ogpublishdate",
    "btpubdate",
    "rbpubdate",
    "cxenseparserecspublishtime",
    "mediatorpublishedtime",
    "shareaholicarticlepublishedtime",
    "vrpublishedtime",
    "twtpublishedat",
    "displaydate",
    "dateposted",
    "postdate",
    "firstpublished",
    "citationpublicationdate",
    "citationonlinedate",
    "citationdate",
    "contentcreatedate",
    "datecreated",
    "articlecreated",
    "createdat",
    "created",
    "releasedate",
    "videoreleasedate",
    "ogregdate",
    "ptime",
    "pdate",
];

/// Where they keep a moment of whatever kind: often that of publication.
pub(super) const DATED: &[&str] = &["dctermsdate", "dcdate", "date", "articledate", "docdate"];

/// Where they keep the moment of the last change.
pub(super) const UPDATED: &[&str] = &[
    "articlemodifiedtime",
    "ogarticlemodifiedtime",
    "ogupdatedtime",
    "datemodified",
    "dateupdate",
    "dateupdated",
    "dctermsmodified",
    "dcdatemodified",
    "dcmodified",
    "lastmodified",
    "modified",
    "revised",
];

/// Names of fields in what programs on the page are given.
const FIELDS: &[&str] = &[
    "datePublished",
    "publishedAt",
    "published_at",
    "publishDate",
    "publish_date",
    "publicationDate",
    "publication_date",
    "publishedDate",
    "published_date",
    "published_time",
    "pubDate",
    "firstPublished",
];

/// Hours by which newsrooms' clocks are ahead of UTC: from Hawaii to New Zealand in summer.
const EARLIEST: i64 = -10;
/// See `EARLIEST`.
const LATEST: i64 = 13;
/// Texts that may tell a moment by other clocks.
const LOOKED_AT: usize = 100;

/// What metas say by name: `article:published_time` and `Article.PublishedTime` are one.
#[derive(Debug, Default)]
pub(super) struct Metas<'a>(HashMap<String, Vec<&'a str>>);

impl<'a> Metas<'a> {
    /// Looks at all metas with words in them.
    pub(super) fn of(root: ElementRef<'a>) -> Self {
        let mut metas = Self::default();
        for meta in all(root, "meta[content]") {
            let content = meta.attr("content").unwrap_or_default();
            if content.trim().is_empty() {
                continue;
            }
            let mut names = Vec::new();
            for by in ["property", "name", "itemprop"] {
                let name = plain(meta.attr(by).unwrap_or_default());
                if !name.is_empty() && !names.contains(&name) {
                    names.push(name);
                }
            }
            for name in names {
                metas.0.entry(name).or_default().push(content);
            }
        }
        metas
    }

    /// What all metas of a name say, in order.
    pub(super) fn all(&self, name: &str) -> &[&'a str] {
        let found = self.0.get(&plain(name));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// What all metas of some names say.
    pub(super) fn told(&self, names: &[&str]) -> impl Iterator<Item = &'a str> {
        names.iter().flat_map(|name| self.all(name)).copied()
    }

    /// The first of those that can be read as a moment, the surest name first.
    pub(super) fn moment(&self, names: &[&str], how: &How<'_>) -> Option<DateTime<FixedOffset>> {
        let mut told = self.told(names);
        told.find_map(|text| date::read(text, how.zone, how.now))
    }
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).take(60).collect()
}

/// What `time` elements say to machines.
pub(super) fn times(root: ElementRef<'_>) -> impl Iterator<Item = &str> {
    all(root, "time[datetime]")
        .into_iter()
        .filter_map(|time| time.attr("datetime"))
}

/// What a field of the name holds in JSON that can't be read, or in a program.
fn field<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    text.match_indices(name).filter_map(move |(at, _)| {
        let before = text.get(..at)?.ends_with(['"', '\'', '{', ',', ' ']);
        let after = text.get(at..)?.strip_prefix(name)?;
        let value = after.trim_start_matches(['\\', '"', '\'', ' ', '\n', '\t']);
        let value = value.strip_prefix(':')?.trim_start();
        let value = value.trim_start_matches('\\').strip_prefix(['"', '\''])?;
        let end = value.find(['"', '\'', '\\', '<'])?;
        value.get(..end).filter(|_| before)
    })
}

/// The moment of publication in JSON-LD that can't be read.
pub(super) fn in_broken(json: &str, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let mut told = field(json, "datePublished");
    told.find_map(|text| date::read(text, how.zone, how.now))
}

/// The moment of publication in what programs on the page are given, if they agree on the day.
pub(super) fn in_programs(root: ElementRef<'_>, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let texts: Vec<String> = all(root, "script:not([src])")
        .into_iter()
        .map(|script| script.text().collect())
        .collect();
    FIELDS.iter().find_map(|name| {
        let told = texts.iter().flat_map(|text| field(text, name));
        let mut told = told.filter_map(|text| date::read(text, how.zone, how.now));
        let first = told.next()?;
        let day = first.date_naive();
        told.all(|other| other.date_naive() == day).then_some(first)
    })
}

/// The moment as clocks showed it where it was published. Programs tell it in UTC, by which an
/// evening in New York is a day late and a night in Kyiv a day early. If the page tells it by
/// those clocks as well, with their offset or with the same minutes and seconds, that's taken.
pub(super) fn by_other_clocks<'t>(
    moment: DateTime<FixedOffset>,
    texts: impl Iterator<Item = &'t str>,
    how: &How<'_>,
) -> Option<DateTime<FixedOffset>> {
    let mut texts = texts.take(LOOKED_AT);
    texts.find_map(|text| {
        let read = |zone| date::read(text, zone, how.now);
        let (here, there) = (read(Tz::UTC)?, read(Tz::Asia__Tokyo)?);
        let ahead = here.naive_local() - moment.naive_utc();
        let quarters = ahead.num_seconds() % 900 == 0 && ahead != TimeDelta::zero();
        let possible = quarters && (EARLIEST..=LATEST).contains(&ahead.num_hours());
        let midnight = here.naive_local().time() == NaiveTime::MIN;
        let same = if here == there {
            here == moment
        } else {
            !midnight
        };
        let offset = FixedOffset::east_opt(i32::try_from(ahead.num_seconds()).ok()?)?;
        (same && possible).then(|| moment.with_timezone(&offset))
    })
}

/// The moment, told in UTC, by the clocks that people see it by.
pub(super) fn as_seen(
    moment: DateTime<FixedOffset>,
    seen: DateTime<FixedOffset>,
) -> DateTime<FixedOffset> {
    let wall = seen.naive_local();
    if wall.time() == NaiveTime::MIN {
        return on_day(moment, seen);
    }
    let minute = |seconds: i64| seconds.div_euclid(60);
    let minutes = minute(wall.and_utc().timestamp()) - minute(moment.timestamp());
    let possible = minutes % 15 == 0 && (EARLIEST * 60..=LATEST * 60).contains(&minutes);
    let ahead = by_offset(moment, minutes * 60).filter(|_| possible);
    ahead.unwrap_or(moment)
}

/// The moment, if told in UTC, by clocks that many seconds ahead.
fn by_offset(moment: DateTime<FixedOffset>, ahead: i64) -> Option<DateTime<FixedOffset>> {
    let in_utc = moment.offset().local_minus_utc() == 0;
    let offset = i32::try_from(ahead).ok().and_then(FixedOffset::east_opt);
    let offset = offset.filter(|_| in_utc)?;
    Some(offset.from_utc_datetime(&moment.naive_utc()))
}

/// The moment, told in UTC, by clocks that showed the day: the one before or after in UTC. Of
/// offsets by which they do, the day's own, else the smallest.
pub(super) fn on_day(
    moment: DateTime<FixedOffset>,
    day: DateTime<FixedOffset>,
) -> DateTime<FixedOffset> {
    let (date, own) = (
        moment.date_naive(),
        i64::from(day.offset().local_minus_utc()),
    );
    let day = day.date_naive();
    let passed = (moment.naive_local() - date.and_time(NaiveTime::MIN)).num_seconds();
    let hours = if date.checked_add_days(Days::new(1)) == Some(day) {
        (86_400 - passed + 3_599) / 3_600
    } else if date.checked_sub_days(Days::new(1)) == Some(day) {
        -(passed / 3_600 + 1)
    } else {
        0
    };
    let possible = hours != 0 && (EARLIEST..=LATEST).contains(&hours);
    let shown = by_offset(moment, own).filter(|moment| moment.date_naive() == day);
    let ahead = shown.or_else(|| by_offset(moment, hours * 3_600));
    ahead.filter(|_| possible).unwrap_or(moment)
}
