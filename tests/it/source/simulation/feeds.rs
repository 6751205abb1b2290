//! Fifty feeds and their tempers: when they have news, what they say of when to come, how they
//! misbehave.

use std::collections::BTreeMap;

use chrono::Datelike;
use chrono::TimeDelta;
use chrono::Timelike;
use visnyk::clock::Stamp;

/// Name, minutes from one article to the next (0: none at all), validators (`etag`, `date`, `both`,
/// `none`), and what is odd about it. Feeds of one `site` share an address. `every` is the
/// operator's word in minutes, four hours by default.
pub(super) const FIFTY: &str = "
    wire-etag        10    etag  gzip every=60
    wire-date        20    date
    wire-both        24    both  br
    wire-none        30    none  gzip
    hourly-etag      60    etag
    hourly-date      60    date
    hourly-both      61    both  gzip
    hourly-none      67    none
    daily-etag       1440  etag
    daily-date       1440  date  gzip
    daily-both       1440  both
    daily-none       1440  none
    weekly-etag      10080 etag
    weekly-date      10080 date
    weekly-both      10080 both
    weekly-none      10080 none
    silent-etag      0     etag
    silent-date      0     date
    silent-both      0     both  br
    silent-none      0     none
    fresh-hours      60    etag  max-age=7200 every=15
    fresh-day        240   both  max-age=86400 every=15
    fresh-year       240   date  max-age=31536000 every=15
    fresh-once       1440  etag  max-age=10800 says-once every=15
    fresh-expires    60    both  expires=9000 every=15
    fresh-none       60    none  max-age=7200 every=15
    ttl              60    both  ttl=180 every=15
    ttl-and-age      60    etag  ttl=60 max-age=10800 every=15
    period           240   date  period=daily every=15
    nights           60    etag  skip-hours=0-5
    weekends         60    both  skip-days=5-6
    nights-flaky     60    both  skip-hours=18-23 flaky window=24
    busy-429         60    etag  refuses=429 after=36000 window=30
    busy-429-date    60    both  refuses=429 after-date=43200 window=30
    busy-503         60    date  refuses=503 after=54000 window=30
    busy-503-date    60    etag  refuses=503 after-date=43200 window=30
    busy-absurd      60    etag  refuses=503 after=31536000 window=60
    moved-301        60    etag  redirects=301
    moved-308        180   date  redirects=308
    away-302         60    both  redirects=302
    away-307         180   etag  redirects=307
    flaky            60    etag  flaky
    hangs-up         60    both  hangs-up
    cut              60    date  cut
    missing          60    etag  refuses=404 window=80
    careless         60    both  careless cookie
    restless         60    etag  restless cookie
    delta            60    both  delta
    one-roof-a       60    etag  site=200 refuses=429 after=36000 window=30
    one-roof-b       60    date  site=200 window=30
";

/// How many articles a feed holds, unless it says so.
const WINDOW: usize = 16;

/// One feed as it was born.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) name: &'static str,
    /// Its address is 127.0.1.`site`.
    pub(super) site: u8,
    gap: i64,
    pub(super) etag: bool,
    pub(super) date: bool,
    oddities: BTreeMap<&'static str, &'static str>,
}

/// One piece of news, by its number since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) number: i64,
    pub(super) at: Stamp,
}

impl Feed {
    /// The feeds of a table.
    pub(super) fn all(table: &'static str) -> Vec<Self> {
        let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        let feeds = lines.zip(1..).map(|(line, place)| {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap();
            let gap = words.next().unwrap().parse().unwrap();
            let marks = words.next().unwrap();
            assert!(["etag", "date", "both", "none"].contains(&marks), "{line}");
            let oddities: BTreeMap<_, _> = words
                .map(|word| word.split_once('=').unwrap_or((word, "")))
                .collect();
            let site = oddities.get("site").map(|site| site.parse().unwrap());
            Self {
                name,
                site: site.unwrap_or(place),
                gap,
                etag: matches!(marks, "etag" | "both"),
                date: matches!(marks, "date" | "both"),
                oddities,
            }
        });
        feeds.collect()
    }

    /// Whether the word is said of it.
    pub(super) fn is(&self, oddity: &str) -> bool {
        self.oddities.contains_key(oddity)
    }

    /// The word's value.
    pub(super) fn word(&self, oddity: &str) -> Option<&'static str> {
        self.oddities.get(oddity).copied()
    }

    /// The word's value, if it is a number.
    pub(super) fn number(&self, oddity: &str) -> Option<i64> {
        self.word(oddity)?.parse().ok()
    }

    /// Both ends of a span of hours or days.
    pub(super) fn span(&self, oddity: &str) -> Option<std::ops::RangeInclusive<u32>> {
        let (from, to) = self.word(oddity)?.split_once('-')?;
        Some(from.parse().ok()?..=to.parse().ok()?)
    }

    /// Whether it gives anything to ask conditionally with.
    pub(super) fn has_marks(&self) -> bool {
        self.etag || self.date
    }

    /// The operator's word.
    pub(super) fn every(&self) -> TimeDelta {
        TimeDelta::minutes(self.number("every").unwrap_or(240))
    }

    /// Whether it wishes for nothing and never fails.
    pub(super) fn is_plain(&self) -> bool {
        self.oddities
            .keys()
            .all(|word| matches!(*word, "gzip" | "br" | "every"))
    }

    /// Whether it's in the hours or days for which it says that nothing comes.
    pub(super) fn is_quiet(&self, moment: Stamp) -> bool {
        let at = moment.utc();
        let within = |span: Option<std::ops::RangeInclusive<u32>>, value| {
            span.is_some_and(|span| span.contains(&value))
        };
        within(self.span("skip-hours"), at.hour())
            || within(self.span("skip-days"), at.weekday().num_days_from_monday())
    }

    /// When an article comes out, if it does: some minutes off the beat, none in quiet hours.
    fn item(&self, number: i64, start: Stamp) -> Option<Item> {
        let off = (number * 7919 + i64::from(self.site) * 104_729).rem_euclid(self.gap * 60);
        let at = start + TimeDelta::minutes(self.gap * number) + TimeDelta::seconds(off / 2);
        (!self.is_quiet(at)).then_some(Item { number, at })
    }

    /// What has come out by now, the newest last; some of it before the beginning.
    pub(super) fn out(&self, start: Stamp, now: Stamp) -> Vec<Item> {
        if self.gap == 0 {
            let at = start - TimeDelta::days(30);
            return vec![Item { number: 0, at }];
        }
        let last = (now - start).num_minutes() / self.gap;
        let items = (-12..=last).filter_map(|number| self.item(number, start));
        items.filter(|item| item.at <= now).collect()
    }

    /// What the document holds now, the newest last.
    pub(super) fn shown(&self, start: Stamp, now: Stamp) -> Vec<Item> {
        let out = self.out(start, now);
        let window = self
            .word("window")
            .map_or(WINDOW, |most| most.parse().unwrap());
        out[out.len().saturating_sub(window)..].to_vec()
    }

    /// What the headline of an article is: its words are no other's.
    pub(super) fn title(&self, number: i64) -> String {
        format!("Новина {} {number}", self.name)
    }
}
