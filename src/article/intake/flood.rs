//! Whether what a source gives at once is a flood, which waits for a person. Pure.
//!
//! A site that moves house, a feed that answers with another's content, or new identifiers on
//! everything old would otherwise be hundreds of letters' worth of "news".

use chrono::TimeDelta;

use crate::clock::Stamp;
use crate::source::Draft;
use crate::source::Source;

/// More new articles than this, at once, after the first poll.
const FLOOD: usize = 500;
/// A document of fewer articles may well be new as a whole.
const FEW: usize = 10;
/// What is this much older than the last good poll should have been known since then.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// After so long without a good poll, news without dates may all be new.
const OUTAGE: TimeDelta = TimeDelta::days(2);

/// What a document brings, beside what is known.
#[derive(Debug)]
pub(super) struct Wave<'a> {
    /// What is new.
    pub(super) new: &'a [&'a Draft],
    /// How many articles the document holds.
    pub(super) all: usize,
    /// How many the source had named before.
    pub(super) before: i64,
}

impl Wave<'_> {
    /// Why it's to wait, in words; `None` if it isn't.
    pub(super) fn why_held(&self, source: &Source, now: Stamp) -> Option<String> {
        source.first_polled_at?;
        let count = self.new.len();
        if count > FLOOD {
            return Some(format!(
                "{count} new articles at once: they wait for a person to publish or drop them"
            ));
        }
        let many = count >= FEW && self.before >= i64::try_from(FEW).unwrap_or(i64::MAX);
        let nothing_known = count == self.all;
        (many && nothing_known && self.is_old_news(source, now)).then(|| {
            format!(
                "none of {count} articles is known, though they aren't news: they wait for a person to \
                 publish or drop them"
            )
        })
    }

    /// Whether at least half should have been known since the last good poll.
    fn is_old_news(&self, source: &Source, now: Stamp) -> bool {
        let Some(last) = source.last_good_at else {
            return false;
        };
        let missed = now - last > OUTAGE;
        let old = self.new.iter().filter(|draft| match draft.published {
            Some(date) => Stamp::from(date) + OVERLAP < last,
            None => !missed,
        });
        old.count() * 2 >= self.new.len()
    }
}
