//! Where requests come from, as a network (/24 or /48) and never an address, and how many of them
//! we take.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::PoisonError;

use axum::extract::ConnectInfo;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use chrono::TimeDelta;

use crate::clock::Stamp;
use crate::web::error::Error;

/// The network of whoever asks: `203.0.113.0/24`, `2001:db8:1::/48`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Network {
    V4([u8; 3]),
    V6([u16; 3]),
}

impl<S: Send + Sync> FromRequestParts<S> for Network {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.0.ip());
        Ok(Self::of(client(peer, &parts.headers)))
    }
}

/// The peer, or whom a proxy on this machine speaks for: the last address it added, since the ones
/// before it are whatever the client claimed.
fn client(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    let forwarded =
        forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    match forwarded {
        Some(client) if peer.to_canonical().is_loopback() => client,
        _ => peer,
    }
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Self::V6([a, b, c])
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Self::V6([a, b, c]) => write!(f, "{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)),
        }
    }
}

/// What somebody may do only so often.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Try {
    /// A sign-up, or a link asked for, with our form.
    SignUp(Network),
    /// A sign-up with a form on another site.
    Embedded(Network),
    /// Any letter that a sign-up with our form brought about: a town may sign up in an hour.
    AnySignUp,
    /// The same with a form on another site: however many come, ours stays open.
    AnyEmbedded,
    /// A password for an address.
    Password(Network, String),
    /// A sign-in by a provider.
    Provider(Network),
    /// A code for a user, whoever shows it.
    Code(i64),
    /// A request to the hub.
    Hub(Network),
    /// A request to the API with a key.
    Key(i64),
    /// A key's use, as far as it's noted.
    KeyUse(i64),
}

impl Try {
    /// How many in how long.
    fn limit(&self) -> (u32, TimeDelta) {
        match self {
            Self::SignUp(_) | Self::Provider(_) => (10, TimeDelta::minutes(1)),
            Self::Embedded(_) => (3, TimeDelta::minutes(1)),
            Self::AnySignUp => (6_000, TimeDelta::hours(1)),
            Self::AnyEmbedded => (1_000, TimeDelta::hours(1)),
            Self::Password(..) => (5, TimeDelta::minutes(1)),
            Self::Code(_) => (10, TimeDelta::minutes(15)),
            Self::Hub(_) => (120, TimeDelta::minutes(1)),
            Self::Key(_) => (6_000, TimeDelta::minutes(1)),
            Self::KeyUse(_) => (1, TimeDelta::minutes(1)),
        }
    }
}

/// How a budget stands after a try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// How many tries there are.
    pub(super) most: u32,
    /// In how long.
    pub(super) span: TimeDelta,
    count: u32,
    ends: TimeDelta,
}

impl Spent {
    /// Refuses if there were too many.
    pub(super) fn within(&self) -> Result<(), Error> {
        if self.count <= self.most {
            return Ok(());
        }
        Err(Error::TooMany(self.wait()))
    }

    /// How many tries are left.
    pub(super) fn left(&self) -> u32 {
        self.most.saturating_sub(self.count)
    }

    /// In how many seconds they all come back.
    pub(super) fn wait(&self) -> u64 {
        self.ends.num_seconds().unsigned_abs().max(1)
    }
}

/// Entries before those whose time is over are dropped.
const MANY: usize = 10_000;
/// The most entries, some 20 MB. Beyond it nobody new is let in until some are over.
const MOST: usize = 200_000;

/// What was tried lately, in memory: a restart forgives.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    counts: HashMap<Try, (Stamp, u32)>,
    /// At how many entries it's worth looking for those whose time is over.
    full: usize,
    /// When that was done last.
    swept: Option<Stamp>,
}

impl Tries {
    /// Drops what is over, once there are twice as many entries as the last time left, and at most
    /// once a second: so a flood from ever new networks costs each of them a step or two.
    fn sweep(&mut self, now: Stamp) {
        let was_just_done = |at: Stamp| (now - at).abs() < TimeDelta::seconds(1);
        if self.counts.len() < self.full.max(MANY) || self.swept.is_some_and(was_just_done) {
            return;
        }
        self.swept = Some(now);
        self.counts
            .retain(|what, (since, _)| now - *since < what.limit().1);
        self.full = (self.counts.len() * 2).min(MOST);
    }
}

impl Budgets {
    /// Counts one more try, or says how long to wait.
    pub(super) fn spend(&self, what: Try, now: Stamp) -> Result<(), Error> {
        self.count_one(what, now).within()
    }

    /// Says how long to wait, if there's nothing left. Counts nothing.
    pub(super) fn look(&self, what: &Try, now: Stamp) -> Result<(), Error> {
        let (most, span) = what.limit();
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tries.counts.get(what).copied();
        drop(tries);
        let (since, count) = known.unwrap_or((now, 0));
        let fresh = now - since >= span;
        let spent = Spent {
            most,
            span,
            count: if fresh { 1 } else { count.saturating_add(1) },
            ends: span - (now - since),
        };
        spent.within()
    }

    /// Counts one more try, and says how things stand.
    pub(super) fn count_one(&self, what: Try, now: Stamp) -> Spent {
        let (most, span) = what.limit();
        let (since, count) = self.count(what, span, now);
        Spent {
            most,
            span,
            count,
            ends: span - (now - since),
        }
    }

    /// Counts one more, and says since when how many there were.
    fn count(&self, what: Try, span: TimeDelta, now: Stamp) -> (Stamp, u32) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.sweep(now);
        let known = tries.counts.get(&what).copied();
        if known.is_none() && tries.counts.len() >= MOST {
            return (now, u32::MAX);
        }
        let (since, count) = known.unwrap_or((now, 0));
        let fresh = now - since >= span;
        let counted = if fresh {
            (now, 1)
        } else {
            (since, count.saturating_add(1))
        };
        tries.counts.insert(what, counted);
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_its_network() {
        let network = |text: &str| Network::of(text.parse().unwrap()).to_string();
        assert_eq!(network("203.0.113.77"), "203.0.113.0/24");
        assert_eq!(network("::ffff:203.0.113.77"), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::/48");
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "10.9.8.7, 198.51.100.4".parse().unwrap());
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        assert_eq!(client(ip("127.0.0.1"), &headers), ip("198.51.100.4"));
        assert_eq!(client(ip("203.0.113.1"), &headers), ip("203.0.113.1"));
        headers.insert("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(client(ip("::1"), &headers), ip("::1"));
    }

    #[test]
    fn a_flood_from_ever_new_networks_takes_little_memory_and_time() {
        let budgets = Budgets::default();
        let network = |number: u32| {
            let [_, a, b, c] = number.to_be_bytes();
            Network::V6([a.into(), b.into(), c.into()])
        };
        let spend = |number, at| budgets.spend(Try::Embedded(network(number)), Stamp(at));
        let most = u32::try_from(MOST).unwrap();
        let let_in = (0..2 * most).filter(|number| spend(*number, 0).is_ok());
        assert_eq!(let_in.count(), MOST);
        assert!(spend(0, 1).is_ok(), "whoever is known is served");
        assert!(spend(2 * most, 60_000).is_ok(), "and others a minute later");
        assert_eq!(budgets.0.lock().unwrap().counts.len(), 1);
    }

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let (budgets, network) = (Budgets::default(), Network::V4([203, 0, 113]));
        let spend = |second: i64| budgets.spend(Try::Embedded(network), Stamp(second * 1000));
        assert!((0..3).all(|second| spend(second).is_ok()));
        assert!(matches!(spend(10), Err(Error::TooMany(50))));
        assert!(spend(60).is_ok());
    }
}
