//! How fast letters may go by one relay, and whether at all: a pure account of what was heard.
//!
//! - As many failures in a row as it has connections, before a letter was spoken of, and the relay
//!   rests: a quarter of a minute, doubled each time to ten minutes. Then one letter tries.
//! - `421` and `4.7.x` halve its connections and its rate, which grow back letter by letter; said of
//!   a recipient they put that domain off.
//! - Three `5.7.x` in a row are a policy about us: digests rest, ten minutes, doubled to four hours.
//! - The settings' rates, and the allowance of a relay that warms up.
//!
//! Letters that somebody waits for heed only the first.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::config;
use crate::delivery::Attempt;
use crate::delivery::Blame;
use crate::delivery::Outcome;
use crate::delivery::Phase;

/// Refusals in a row that are a policy.
const POLICY: u32 = 3;
/// How much of itself a throttle regains with each accepted letter.
const REGAINED: f64 = 0.01;
/// The least that halving leaves.
const LEAST: f64 = 1.0 / 32.0;
/// All connections hear of one trouble at once; it counts once.
const ONCE: Duration = Duration::from_secs(5);
/// How much an allowance grows a day.
const GROWTH: f64 = 1.5;

/// A rest that doubles each time, and ends with the first success.
#[derive(Debug, Clone, Copy)]
struct Rest {
    least: Duration,
    most: Duration,
    times: u32,
    until: Option<Instant>,
    /// It's over, and somebody tries.
    is_tried: bool,
}

impl Rest {
    const fn between(least: Duration, most: Duration) -> Self {
        Self {
            least,
            most,
            times: 0,
            until: None,
            is_tried: false,
        }
    }

    fn begin(&mut self, now: Instant) -> Duration {
        let span = self.least * 2_u32.saturating_pow(self.times.min(10));
        let span = span.min(self.most);
        self.times += 1;
        self.until = Some(now + span);
        self.is_tried = false;
        span
    }

    fn end(&mut self) {
        (self.times, self.until, self.is_tried) = (0, None, false);
    }

    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

/// One recipient's domain.
#[derive(Debug)]
struct Domain {
    /// Letters a second, where the settings say.
    rate: Option<u32>,
    share: f64,
    /// When the next letter may go.
    next: Instant,
    /// Until when letters that came too early were put off.
    queue: Instant,
    rest: Rest,
}

/// Letters that a relay may take in its first weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WarmUp {
    /// On the first day.
    pub(super) first: u32,
    /// The day of its first letter, counted since 1970.
    pub(super) since: i64,
    /// The day that `sent` counts.
    pub(super) day: i64,
    /// Letters taken that day.
    pub(super) sent: i64,
}

impl WarmUp {
    fn allowance(&self, day: i64) -> f64 {
        let days = u32::try_from(day - self.since).unwrap_or_default();
        f64::from(self.first) * GROWTH.powi(i32::try_from(days.min(100)).unwrap_or(100))
    }

    fn allows(&self, day: i64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a day's letters are few enough")]
        let sent = if day == self.day {
            self.sent as f64
        } else {
            0.0
        };
        sent < self.allowance(day)
    }

    fn count(&mut self, day: i64) {
        self.sent = if day == self.day { self.sent + 1 } else { 1 };
        self.day = day;
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Throttle {
    connections: u32,
    per_second: Option<u32>,
    rates: BTreeMap<String, u32>,
    warm_up: Option<WarmUp>,
    /// What is left of connections and rate, up to 1.
    share: f64,
    halved: Option<Instant>,
    next: Option<Instant>,
    failures: u32,
    down: Rest,
    refusals: u32,
    refused: Rest,
    domains: HashMap<String, Domain>,
}

/// What was heard that an operator should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The relay doesn't answer, and rests for so long.
    Down(Duration),
    /// The relay refuses what we send, and digests rest for so long.
    Refuses(Duration),
    /// The relay asked for less.
    Slower,
}

impl Throttle {
    pub(super) fn new(relay: &config::Relay, warm_up: Option<WarmUp>) -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: relay.connections,
            per_second: relay.per_second,
            rates: relay.domains.clone(),
            warm_up,
            share: 1.0,
            halved: None,
            next: None,
            failures: 0,
            down: Rest::between(seconds(15), seconds(600)),
            refusals: 0,
            refused: Rest::between(seconds(600), seconds(4 * 3600)),
            domains: HashMap::new(),
        }
    }

    /// Whether the relay takes letters at all: for whoever chooses among relays. `day` counts since
    /// 1970.
    pub(super) fn is_open(&self, is_bulk: bool, now: Instant, day: i64) -> bool {
        let allowed = self.warm_up.is_none_or(|warm_up| warm_up.allows(day));
        self.down.is_over(now) && (!is_bulk || (self.refused.is_over(now) && allowed))
    }

    /// Takes a letter on, if the relay is open. After a rest one is let through to try, and the
    /// others wait for what it hears.
    pub(super) fn admit(&mut self, is_bulk: bool, now: Instant, day: i64) -> bool {
        if !self.is_open(is_bulk, now, day) {
            return false;
        }
        for rest in [&mut self.down, &mut self.refused] {
            if rest.until.is_some_and(|until| until <= now) {
                rest.until = Some(now + rest.least);
                rest.is_tried = true;
            }
        }
        if let Some(warm_up) = &mut self.warm_up {
            warm_up.count(day);
        }
        true
    }

    /// How many connections may carry digests now.
    pub(super) fn connections(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 1000"
        )]
        let connections = (f64::from(self.connections) * self.share).ceil() as usize;
        connections
    }

    /// Takes the next place in the relay's rate, or says how long to wait for it.
    pub(super) fn slot(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.per_second else {
            return Ok(());
        };
        let next = self.next.unwrap_or(now);
        if next > now {
            return Err(next - now);
        }
        self.next = Some(now + spacing(rate, self.share));
        Ok(())
    }

    /// Whether letters may be put off for their domain's sake.
    pub(super) fn puts_domains_off(&self) -> bool {
        !self.rates.is_empty() || !self.domains.is_empty()
    }

    /// Takes the next place for a domain, or says when to come again: each time a later moment, so
    /// that those who come again don't come together.
    pub(super) fn domain_slot(&mut self, domain: &str, now: Instant) -> Result<(), Duration> {
        if !self.domains.contains_key(domain) {
            let Some(rate) = self.rates.get(domain).copied() else {
                return Ok(());
            };
            self.domains
                .insert(domain.to_owned(), Domain::new(Some(rate), now));
        }
        match self.domains.get_mut(domain) {
            Some(domain) => domain.slot(now),
            None => Ok(()),
        }
    }

    /// Takes in what came of a letter to `domain`.
    pub(super) fn hear(
        &mut self,
        outcome: Outcome,
        attempt: &Attempt,
        domain: &str,
        now: Instant,
    ) -> Option<News> {
        let enhanced = attempt.enhanced.as_deref().unwrap_or_default();
        let is_down = outcome == Outcome::Deferred && attempt.phase < Phase::Mail;
        if is_down {
            self.failures += 1;
        } else {
            self.failures = 0;
            self.down.end();
        }
        let busy = attempt.code == Some(421) || enhanced.starts_with("4.7.");
        let refuses = enhanced.starts_with("5.7.")
            && matches!(outcome, Outcome::Refused(Blame::Host) | Outcome::Deferred);
        if outcome == Outcome::Accepted {
            self.regain(domain);
        }
        if refuses {
            self.refusals += 1;
        }
        if busy && attempt.phase == Phase::Rcpt && attempt.code != Some(421) {
            self.put_off(domain, now);
            None
        } else if busy {
            self.halve(now)
        } else if is_down && (self.down.is_tried || self.failures >= self.connections.max(5)) {
            self.failures = 0;
            Some(News::Down(self.down.begin(now)))
        } else if refuses && (self.refused.is_tried || self.refusals >= POLICY) {
            self.refusals = 0;
            Some(News::Refuses(self.refused.begin(now)))
        } else {
            None
        }
    }

    fn regain(&mut self, domain: &str) {
        self.share = (self.share + REGAINED).min(1.0);
        self.refusals = 0;
        self.refused.end();
        if let Some(domain) = self.domains.get_mut(domain) {
            domain.share = (domain.share + REGAINED).min(1.0);
            domain.rest.end();
        }
    }

    fn halve(&mut self, now: Instant) -> Option<News> {
        if self.halved.is_some_and(|halved| now < halved + ONCE) {
            return None;
        }
        self.halved = Some(now);
        self.share = (self.share / 2.0).max(LEAST);
        Some(News::Slower)
    }

    fn put_off(&mut self, name: &str, now: Instant) {
        let rate = self.rates.get(name).copied();
        let domain = self.domains.entry(name.to_owned());
        let domain = domain.or_insert_with(|| Domain::new(rate, now));
        if domain.rest.is_over(now) {
            domain.share = (domain.share / 2.0).max(LEAST);
            domain.rest.begin(now);
        }
    }
}

impl Domain {
    fn new(rate: Option<u32>, now: Instant) -> Self {
        Self {
            rate,
            share: 1.0,
            next: now,
            queue: now,
            rest: Rest::between(Duration::from_secs(30), Duration::from_mins(10)),
        }
    }

    fn slot(&mut self, now: Instant) -> Result<(), Duration> {
        let spacing = self
            .rate
            .map_or(Duration::ZERO, |rate| spacing(rate, self.share));
        let free = self.next.max(self.rest.until.unwrap_or(now));
        if free <= now {
            self.next = now + spacing;
            return Ok(());
        }
        self.queue = self.queue.max(free) + spacing.max(Duration::from_millis(1));
        Err(self.queue - now)
    }
}

fn spacing(rate: u32, share: f64) -> Duration {
    Duration::from_secs_f64(1.0 / (f64::from(rate.max(1)) * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(change: impl FnOnce(&mut config::Relay)) -> Throttle {
        let mut relay = config::Relay::to_outbox(std::path::Path::new("."));
        change(&mut relay);
        Throttle::new(&relay, None)
    }

    fn said(phase: Phase, code: Option<u16>, enhanced: &str) -> Attempt {
        Attempt {
            phase,
            host: "relay".to_owned(),
            code,
            enhanced: (!enhanced.is_empty()).then(|| enhanced.to_owned()),
            text: String::new(),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_relay_that_does_not_answer_rests_longer_each_time_and_one_letter_tries() {
        let mut throttle = throttle(|_| {});
        let now = Instant::now();
        let down = said(Phase::Connect, None, "");
        for _ in 0..7 {
            assert_eq!(throttle.hear(Outcome::Deferred, &down, "", now), None);
        }
        let news = throttle.hear(Outcome::Deferred, &down, "", now);
        assert_eq!(news, Some(News::Down(seconds(15))));
        assert!(!throttle.is_open(false, now + seconds(14), 0));
        let later = now + seconds(15);
        assert!(throttle.admit(true, later, 0));
        assert!(
            !throttle.admit(true, later, 0),
            "one tries, the others wait"
        );
        let news = throttle.hear(Outcome::Deferred, &down, "", later);
        assert_eq!(news, Some(News::Down(seconds(30))));
        let later = later + seconds(30);
        assert!(throttle.admit(true, later, 0));
        let yes = said(Phase::EndOfData, Some(250), "");
        throttle.hear(Outcome::Accepted, &yes, "", later);
        assert!(throttle.admit(true, later, 0) && throttle.admit(false, later, 0));
    }

    #[test]
    fn being_asked_for_less_halves_once_and_grows_back() {
        let mut throttle = throttle(|relay| (relay.connections, relay.per_second) = (16, Some(10)));
        let now = Instant::now();
        let busy = said(Phase::Mail, Some(421), "4.7.0");
        for _ in 0..16 {
            throttle.hear(Outcome::Deferred, &busy, "", now);
        }
        assert_eq!(throttle.connections(), 8);
        assert_eq!(throttle.slot(now), Ok(()));
        let wait = throttle.slot(now).unwrap_err();
        assert_eq!(wait, Duration::from_millis(200));
        assert_eq!(throttle.slot(now + wait), Ok(()));
        let yes = said(Phase::EndOfData, Some(250), "");
        for _ in 0..50 {
            throttle.hear(Outcome::Accepted, &yes, "", now);
        }
        assert_eq!(throttle.connections(), 16);
    }

    #[test]
    fn three_policies_in_a_row_stop_digests_alone() {
        let mut throttle = throttle(|_| {});
        let now = Instant::now();
        let policy = said(Phase::EndOfData, Some(550), "5.7.1");
        let yes = said(Phase::EndOfData, Some(250), "");
        let refused = Outcome::Refused(Blame::Host);
        for _ in 0..2 {
            throttle.hear(refused, &policy, "", now);
        }
        throttle.hear(Outcome::Accepted, &yes, "", now);
        for _ in 0..2 {
            assert_eq!(throttle.hear(refused, &policy, "", now), None);
        }
        let news = throttle.hear(refused, &policy, "", now);
        assert_eq!(news, Some(News::Refuses(seconds(600))));
        assert!(!throttle.admit(true, now, 0) && throttle.admit(false, now, 0));
    }

    #[test]
    fn a_domain_that_greylists_rests_and_the_others_go_on() {
        let mut throttle = throttle(|_| {});
        let now = Instant::now();
        let busy = said(Phase::Rcpt, Some(450), "4.7.1");
        throttle.hear(Outcome::Deferred, &busy, "slow.example", now);
        assert!(throttle.domain_slot("slow.example", now).unwrap_err() >= seconds(30));
        assert_eq!(throttle.domain_slot("quick.example", now), Ok(()));
        assert_eq!(
            throttle.domain_slot("slow.example", now + seconds(40)),
            Ok(())
        );
        assert_eq!(throttle.connections(), 8);
    }

    #[test]
    fn the_allowance_of_a_relay_that_warms_up_grows_by_half_a_day() {
        let relay = config::Relay::to_outbox(std::path::Path::new("."));
        let warm_up = WarmUp {
            first: 2,
            since: 100,
            day: 100,
            sent: 1,
        };
        let mut throttle = Throttle::new(&relay, Some(warm_up));
        let now = Instant::now();
        let taken = |throttle: &mut Throttle, day| {
            (0..100)
                .take_while(|_| throttle.admit(true, now, day))
                .count()
        };
        assert_eq!(taken(&mut throttle, 100), 1);
        assert!(throttle.admit(false, now, 100), "somebody waits for it");
        assert_eq!(taken(&mut throttle, 101), 3);
        assert_eq!(taken(&mut throttle, 102), 5);
    }
}
