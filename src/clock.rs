//! Time: a moment ([`Stamp`]) and where it is asked for ([`Clock`]).
//!
//! Everything that needs "now" is given a [`Clock`]; nothing else asks the machine, so a test
//! moves a whole Visnyk through a week by hand. Spans are [`chrono::TimeDelta`].

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. This is what the database stores.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, serde::Serialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Stamp(pub i64);

impl Stamp {
    /// The same moment as a date and time in UTC. Moments beyond chrono's range
    /// (±262,000 years) become the epoch.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// Whole seconds since the epoch, rounded down: the unit of HTTP dates.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole days since the epoch, in UTC.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

impl<Tz: chrono::TimeZone> From<DateTime<Tz>> for Stamp {
    fn from(moment: DateTime<Tz>) -> Self {
        Self(moment.timestamp_millis())
    }
}

impl Add<TimeDelta> for Stamp {
    type Output = Self;
    fn add(self, span: TimeDelta) -> Self {
        Self(self.0.saturating_add(span.num_milliseconds()))
    }
}

impl Sub<TimeDelta> for Stamp {
    type Output = Self;
    fn sub(self, span: TimeDelta) -> Self {
        Self(self.0.saturating_sub(span.num_milliseconds()))
    }
}

impl Sub for Stamp {
    type Output = TimeDelta;
    fn sub(self, earlier: Self) -> TimeDelta {
        TimeDelta::milliseconds(self.0.saturating_sub(earlier.0))
    }
}

/// RFC 3339 in UTC with milliseconds, as logs and JSON show it.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        f.write_str(&text)
    }
}

/// Where "now" comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Stamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    fn now(&self) -> Stamp {
        Utc::now().into()
    }
}

/// A clock that stands still until it is moved: for tests and for `tick --now`.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows `now`.
    pub fn at(now: Stamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the hands by `span`, which may be negative.
    pub fn advance(&self, span: TimeDelta) {
        self.0.fetch_add(span.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        Stamp(self.0.load(Ordering::SeqCst))
    }
}
