//! The guard: no spelling, redirect or name leads to an address that isn't admitted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use visnyk::source::fetch::{AddressPolicy, Answers, FetchError, Fetcher, Limits, Lookup, Phase};

use super::{FEED, LOOPBACK, allowing, ask, document, error_of, fetcher, fetcher_with, timeout};
use crate::support::origin::{Origin, answer, redirect};

/// Spellings of addresses on loopback, in private networks, and in every other closed block.
const INSIDE: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "127.9.9.9",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0.0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "0",
    "0.0.0.0",
    "0x0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    "10.0.0.1",
    "10.255.255.255",
    "012.0.0.1",
    "0xa.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "3232235521",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "127.0.0.01",
    "0x7f.0x0.0x0.0x1",
    "0177.1",
    "127.65535",
    "00000000177.0.0.1",
    "①②⑦.0.0.1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "%6c%6f%63%61%6c%68%6f%73%74",
    "ｌｏｃａｌｈｏｓｔ",
    "0.0.0.1",
    "0.255.255.255",
    "[::7f00:1]",
    "[::ffff:0:0]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::10.0.0.1]",
    "[2002:a9fe:a9fe::1]",
    "[2002:c0a8:1::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[fe80::a9fe:a9fe]",
    "[febf::1]",
    "[fec0::1]",
    "[fdff:ffff::1]",
    "[ff05::2]",
    "[3fff::1]",
    "[5f00::1]",
    "10.1",
    "0x0a000001",
    "172.16.1",
    "0xc0a80001",
    "0300.0250.0.1",
    "169.254.1",
    "169.254.170.2",
    "100.127.255.255",
    "198.19.255.255",
    "240.0.0.255",
    "255.255.255.254",
];

/// Each of them on its own port, on the two of the web, and on the canary's.
fn inside(port: u16) -> Vec<String> {
    let ports = [
        String::new(),
        ":80".to_owned(),
        ":443".to_owned(),
        format!(":{port}"),
    ];
    INSIDE
        .iter()
        .flat_map(|host| {
            ports
                .iter()
                .map(move |port| format!("http://{host}{port}/"))
        })
        .collect()
}

/// Blocked, or a name that the machine's resolver doesn't know (`localhost.` here and there).
fn stopped(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Blocked { .. } | FetchError::UnknownHost { .. }
    )
}

#[tokio::test]
async fn no_spelling_of_a_private_address_reaches_the_canary() {
    let canary = Origin::always(answer("200 OK", &[], "secret")).await;
    let fetcher = fetcher_with(AddressPolicy::default(), Limits::default());
    for address in inside(canary.port()) {
        let error = ask(&fetcher, &address.parse().unwrap(), None)
            .await
            .unwrap_err();
        assert!(stopped(&error), "{address}: {error}");
    }
    assert_eq!(canary.asked(), []);
}

#[tokio::test]
async fn no_redirect_to_a_private_address_reaches_the_canary() {
    let canary = Origin::always(answer("200 OK", &[], "secret")).await;
    let targets = inside(canary.port());
    let list = targets.clone();
    let origin = Origin::routed("127.0.0.2", move |asked| {
        let n: usize = asked.path.trim_start_matches('/').parse().unwrap();
        redirect(301, &list[n])
    })
    .await;
    let fetcher = fetcher_with(allowing(&["127.0.0.2/32"]), Limits::default());
    for (n, target) in targets.iter().enumerate() {
        let error = ask(&fetcher, &origin.url(&format!("/{n}")), None)
            .await
            .unwrap_err();
        assert!(stopped(&error), "{target}: {error}");
    }
    assert_eq!(origin.asked().len(), targets.len());
    assert_eq!(canary.asked(), []);
}

#[tokio::test]
async fn the_canary_does_sing_when_its_address_is_allowed() {
    let fetcher = fetcher();
    let canary = Origin::always(answer("200 OK", &[], "secret")).await;
    let spellings = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "[::ffff:127.0.0.1]",
    ];
    for host in spellings {
        let url = format!("http://{host}:{}/", canary.port()).parse().unwrap();
        assert_eq!(document(&fetcher, &url).await.bytes, "secret", "{host}");
    }
    assert_eq!(canary.asked().len(), spellings.len());
}

#[tokio::test]
async fn ports_of_other_services_are_closed_on_public_addresses() {
    let fetcher = fetcher_with(AddressPolicy::default(), Limits::default());
    for port in [
        1, 21, 22, 25, 53, 110, 445, 3306, 5432, 6379, 8080, 8443, 11211, 65535,
    ] {
        let url = format!("http://9.9.9.9:{port}/").parse().unwrap();
        let error = ask(&fetcher, &url, None).await.unwrap_err();
        let address = format!("9.9.9.9:{port}");
        assert_eq!(error, FetchError::Blocked { address });
    }
}

#[tokio::test]
async fn credentials_are_refused_at_first_and_on_redirects() {
    let fetcher = fetcher();
    for url in [
        "http://user:pw@127.0.0.1/",
        "http://user@127.0.0.1/",
        "https://:pw@127.0.0.1/",
    ] {
        let error = ask(&fetcher, &url.parse().unwrap(), None)
            .await
            .unwrap_err();
        assert_eq!(error, FetchError::Credentials);
        assert_eq!(
            error_of(&fetcher, redirect(302, url)).await,
            FetchError::Credentials
        );
    }
}

/// A resolver that says what it is told to, one answer after the other, the last for ever.
#[derive(Debug)]
struct Liar {
    turns: Mutex<HashMap<&'static str, Vec<Vec<IpAddr>>>>,
    asked: AtomicUsize,
}

impl Liar {
    fn saying(answers: &[(&'static str, &[&[&str]])]) -> Arc<Self> {
        let parse = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        let turns = answers
            .iter()
            .map(|(name, turns)| (*name, turns.iter().map(parse).collect()))
            .collect();
        Arc::new(Self {
            turns: Mutex::new(turns),
            asked: AtomicUsize::new(0),
        })
    }

    fn next(turns: &mut Vec<Vec<IpAddr>>) -> Vec<IpAddr> {
        match turns.len() {
            1 => turns[0].clone(),
            _ => turns.remove(0),
        }
    }
}

impl Lookup for Liar {
    fn lookup(&self, name: &str) -> Answers {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.turns.lock().unwrap().get_mut(name).map(Self::next);
        Box::pin(async move { Ok(answer.unwrap()) })
    }
}

fn lied_to(liar: &Arc<Liar>, policy: AddressPolicy) -> Fetcher {
    let liar: Arc<dyn Lookup> = Arc::clone(liar) as _;
    Fetcher::with(policy, "https://news.example", Limits::default(), &liar).unwrap()
}

#[tokio::test]
async fn a_name_that_leads_inside_is_blocked_on_every_port() {
    let canary = Origin::always(answer("200 OK", &[], "secret")).await;
    let liar = Liar::saying(&[
        ("inside.example", &[&["127.0.0.1", "::1", "10.0.0.1"]]),
        ("mapped.example", &[&["::ffff:127.0.0.1"]]),
        ("nat64.example", &[&["64:ff9b::7f00:1"]]),
        ("public.example", &[&["9.9.9.9"]]),
    ]);
    let fetcher = lied_to(&liar, AddressPolicy::default());
    let port = canary.port();
    for name in ["inside", "mapped", "nat64"] {
        for port in [80, 443, port] {
            let url = format!("http://{name}.example:{port}/").parse().unwrap();
            let error = ask(&fetcher, &url, None).await.unwrap_err();
            assert!(stopped(&error), "{name}:{port}: {error}");
        }
    }
    let url = format!("http://public.example:{port}/").parse().unwrap();
    let error = ask(&fetcher, &url, None).await.unwrap_err();
    let address = "public.example, which leads to 9.9.9.9".to_owned();
    assert_eq!(error, FetchError::Blocked { address });
    assert_eq!(canary.asked(), []);
}

#[tokio::test]
async fn a_name_with_good_and_bad_addresses_is_reached_at_the_good_ones_only() {
    let canary = Origin::routed("127.0.0.2", |_| answer("200 OK", &[], "secret")).await;
    let origin = Origin::always(answer("200 OK", &[], FEED)).await;
    let liar = Liar::saying(&[("both.example", &[&["127.0.0.2", "127.0.0.1"]])]);
    let fetcher = lied_to(&liar, allowing(&[LOOPBACK]));
    let url = format!("http://both.example:{}/", origin.port())
        .parse()
        .unwrap();
    assert_eq!(document(&fetcher, &url).await.bytes, FEED);
    let url = format!("http://both.example:{}/", canary.port())
        .parse()
        .unwrap();
    let error = ask(&fetcher, &url, None).await.unwrap_err();
    assert!(matches!(error, FetchError::Connect(_)), "{error}");
    assert_eq!(canary.asked(), []);
}

#[tokio::test]
async fn a_name_that_turns_inside_after_the_first_answer_gains_nothing() {
    let canary = Origin::routed("127.0.0.2", |_| answer("200 OK", &[], "secret")).await;
    let origin = Origin::always(answer("200 OK", &[], FEED)).await;
    let liar = Liar::saying(&[("rebind.example", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let fetcher = lied_to(&liar, allowing(&[LOOPBACK]));
    let good = format!("http://rebind.example:{}/", origin.port())
        .parse()
        .unwrap();
    assert_eq!(document(&fetcher, &good).await.bytes, FEED);
    let bad = format!("http://rebind.example:{}/", canary.port())
        .parse()
        .unwrap();
    for _ in 0..1000 {
        let error = ask(&fetcher, &bad, None).await.unwrap_err();
        assert!(stopped(&error), "{error}");
    }
    assert_eq!(canary.asked(), []);
    assert_eq!(liar.asked.load(Ordering::SeqCst), 1001);
}

#[tokio::test]
async fn a_name_without_addresses_is_unknown() {
    let liar = Liar::saying(&[("empty.example", &[&[]])]);
    let fetcher = lied_to(&liar, AddressPolicy::default());
    let url = "http://empty.example/".parse().unwrap();
    let error = ask(&fetcher, &url, None).await.unwrap_err();
    let words = "expected `empty.example` to lead to an address, but got: no address";
    assert_eq!(error.to_string(), words);
}

#[tokio::test]
async fn a_resolver_that_never_answers_costs_the_time_of_a_connection() {
    #[derive(Debug)]
    struct Mute;
    impl Lookup for Mute {
        fn lookup(&self, _: &str) -> Answers {
            Box::pin(std::future::pending())
        }
    }
    let limits = Limits {
        connect: Duration::from_millis(100),
        ..Limits::default()
    };
    let mute: Arc<dyn Lookup> = Arc::new(Mute);
    let fetcher =
        Fetcher::with(AddressPolicy::default(), "https://a.example", limits, &mute).unwrap();
    let error = ask(&fetcher, &"http://mute.example/".parse().unwrap(), None)
        .await
        .unwrap_err();
    assert_eq!(error, timeout(Phase::Connect));
}
