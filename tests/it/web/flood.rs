//! Floods: whoever asks, however often, a mailbox gets three letters a day; and neither a clock nor a
//! reader of answers learns which addresses we know.

use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::time::Instant;

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::stream;
use visnyk::access::Purpose;
use visnyk::audience::sign_up;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::in_a_box;

in_a_box! {
    spellings_of_one_mailbox_share_its_three_letters,
    erasing_has_a_budget_of_its_own,
    a_stranger_who_is_forgotten_leaves_no_fresh_budget_behind,
}

/// Letters that came, by mailbox.
fn by_mailbox(app: &TestApp) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for kept in app.letters() {
        *counts.entry(kept.envelope.to.to_lowercase()).or_default() += 1;
    }
    counts
}

async fn spellings_of_one_mailbox_share_its_three_letters(app: TestApp) {
    app.add_list("all").await;
    let spellings = [
        "o.lena",
        "olena",
        "OLENA",
        "olena%2B1",
        "ol.ena%2Bx",
        "o.l.e.n.a",
    ];
    for (number, spelling) in spellings.into_iter().enumerate() {
        let browser = Browser::of(&app).with("x-forwarded-for", &format!("10.3.{number}.1"));
        let body = format!("email={spelling}%40gmail.com");
        assert_eq!(
            browser.post("/lists/all/subscribe", &body).await.location(),
            "/asked"
        );
    }
    app.send().await;
    assert_eq!(app.letters().len(), 3);
    app.wait(TimeDelta::hours(25));
    let browser = Browser::of(&app);
    browser
        .post("/lists/all/subscribe", "email=olena%40gmail.com")
        .await;
    app.send().await;
    assert_eq!(app.letters().len(), 1, "a day later it's another day");
}

async fn erasing_has_a_budget_of_its_own(app: TestApp) {
    let list = app.add_list("all").await;
    let wish = TestApp::wish("olena@example.com");
    sign_up::enrol(&app, &list, &wish).await.unwrap();
    let standing = app.standing(&list, &wish.email).await;
    let token = app.token(&standing.subscription, Purpose::Preferences);
    for number in 0..20 {
        let browser = Browser::of(&app).with("x-forwarded-for", &format!("10.4.{number}.1"));
        browser.post("/link", "email=olena%40example.com").await;
    }
    let browser = Browser::of(&app);
    for _ in 0..5 {
        browser
            .post(&format!("/preferences/{token}/erasure"), "")
            .await;
    }
    app.send().await;
    let letters = app.letters();
    let of = |purpose: &str| {
        letters
            .iter()
            .filter(|kept| kept.name.starts_with(purpose))
            .count()
    };
    assert_eq!((of("link-"), of("erasure-")), (3, 3));
}

async fn a_stranger_who_is_forgotten_leaves_no_fresh_budget_behind(app: TestApp) {
    let list = app.add_list("all").await;
    for number in 0..3 {
        let own = TestApp::wish(&format!("attacker{number}@example.com"));
        sign_up::enrol(&app, &list, &own).await.unwrap();
        let standing = app.standing(&list, &own.email).await;
        let page = app.token(&standing.subscription, Purpose::Preferences);
        let browser = Browser::of(&app).with("x-forwarded-for", &format!("10.5.{number}.1"));
        for _ in 0..3 {
            let path = format!("/preferences/{page}/address");
            browser.post(&path, "email=victim%40example.com").await;
        }
        app.send().await;
        let evidence = ("preferences", "");
        visnyk::audience::forget::forget(&app, &standing.subscriber, evidence)
            .await
            .unwrap();
    }
    assert_eq!(by_mailbox(&app).get("victim@example.com"), Some(&3));
}

/// Samples of the rank test.
const SAMPLES: usize = 5_000;

/// Mann and Whitney's U as a standard normal deviate: 0 if neither group tends to be the slower.
fn deviate(first: &[u128], second: &[u128]) -> f64 {
    let mut all: Vec<(u128, bool)> = first.iter().map(|time| (*time, true)).collect();
    all.extend(second.iter().map(|time| (*time, false)));
    all.sort_unstable();
    let of_first = all.iter().zip(1_u32..).filter(|((_, first), _)| *first);
    let ranks: f64 = of_first.map(|(_, rank)| f64::from(rank)).sum();
    let size = |group: &[u128]| f64::from(u32::try_from(group.len()).unwrap());
    let (m, n) = (size(first), size(second));
    let mean = m * (m + n + 1.0) / 2.0;
    let spread = (m * n * (m + n + 1.0) / 12.0).sqrt();
    (ranks - mean) / spread
}

#[test]
fn the_rank_test_tells_groups_apart_that_differ() {
    let group = |from: u128| {
        (0..500)
            .map(|number| from + number * 7 % 500)
            .collect::<Vec<u128>>()
    };
    assert!(deviate(&group(1000), &group(1000)).abs() < 1.0);
    assert!(deviate(&group(1050), &group(1000)) > 4.0);
}

/// Requests of the long flood: `VISNYK_TEST_POSTS=100000` by hand.
fn posts() -> usize {
    let said = std::env::var_os("VISNYK_TEST_POSTS");
    said.map_or(4_000, |number| number.to_str().unwrap().parse().unwrap())
}

/// Through every door, from ever new networks, under ever new spellings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_for_one_address_brings_it_three_letters() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    let browser = Browser::of(&app);
    let requests = (0..posts()).map(async |number| {
        let (a, b, c) = (number >> 16, number >> 8 & 255, number & 255);
        let browser = browser.with("x-forwarded-for", &format!("{}.{b}.{c}.1", 11 + a));
        let path = ["/lists/all/subscribe", "/link"][usize::from(number % 5 == 0)];
        let name = ["victim", "Victim", "VICTIM"][number % 3];
        let body = format!("email={name}%40example.com");
        browser.post(path, &body).await.status
    });
    let mut answers = stream::iter(requests).buffer_unordered(256);
    let mut statuses = BTreeMap::<u16, usize>::new();
    while let Some(status) = answers.next().await {
        *statuses.entry(status.as_u16()).or_default() += 1;
    }
    drop(answers);
    app.send().await;
    println!("{} requests: {statuses:?}", posts());
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [303]);
    let letters = by_mailbox(&app);
    assert!(letters["victim@example.com"] <= 3, "{letters:?}");
    assert_eq!(letters.len(), 1);
}

/// `SAMPLES` numbers, in an order that says nothing of their parity: answers that leave together are
/// longest for those that were asked for first.
fn shuffled() -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..SAMPLES).collect();
    numbers.sort_by_cached_key(|number| {
        let mut hasher = DefaultHasher::new();
        number.hash(&mut hasher);
        hasher.finish()
    });
    numbers
}

/// Posts `SAMPLES` addresses, known and strange, to `path`, and holds a watch.
#[expect(
    clippy::disallowed_methods,
    reason = "holds a watch, as a stranger would"
)]
async fn assert_nothing_tells_them_apart(app: &TestApp, path: &str, form: &str) {
    let browser = Browser::of(app);
    let samples = shuffled().into_iter().map(async |number| {
        let kind = ["known", "strange"][number % 2];
        let network = format!("10.{}.{}.1", number / 256, number % 256);
        let browser = browser.with("x-forwarded-for", &network);
        let begun = Instant::now();
        let body = format!("form={form}&email={kind}{}%40example.com", number / 2);
        let answer = browser.post(path, &body).await;
        (number % 2 == 0, begun.elapsed().as_micros(), answer)
    });
    let mut samples = stream::iter(samples).buffer_unordered(8);
    let (mut known, mut strange) = (Vec::new(), Vec::new());
    let mut first: Option<Answer> = None;
    while let Some((is_known, time, answer)) = samples.next().await {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(first.get_or_insert_with(|| answer.clone()), &answer);
        assert!(time >= 100_000, "{path}: an answer after {time} µs");
        if is_known {
            known.push(time);
        } else {
            strange.push(time);
        }
    }
    let z = deviate(&known, &strange);
    println!("{path}: {SAMPLES} samples, z = {z:.2}");
    // A busy machine may take longer than every answer is made to wait for.
    let is_quiet = std::env::var_os("VISNYK_TEST_RANK").is_some();
    assert!(!is_quiet || z.abs() < 4.0, "{path}: z = {z:.2}");
}

async fn with_known_readers(app: &TestApp) {
    let list = app.add_list("all").await;
    for number in 0..SAMPLES / 2 {
        let known = TestApp::wish(&format!("known{number}@example.com"));
        sign_up::enrol(app, &list, &known).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_clock_nor_an_answer_tells_known_addresses_from_unknown_ones() {
    let app = TestApp::new().await;
    with_known_readers(&app).await;
    assert_nothing_tells_them_apart(&app, "/link", "").await;
    assert_eq!(app.ledger().await.len(), SAMPLES / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_the_sign_up_form() {
    let app = TestApp::new().await;
    with_known_readers(&app).await;
    let page = Browser::of(&app).get("/lists/all").await.body;
    let (_, form) = page.split_once("name=\"form\" value=\"").unwrap();
    let (form, _) = form.split_once('"').unwrap();
    app.wait(TimeDelta::seconds(3));
    assert_nothing_tells_them_apart(&app, "/lists/all/subscribe", form).await;
}
