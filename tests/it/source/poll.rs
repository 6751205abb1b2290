//! Polls: what one source does is felt by no other, and what is old is never mailed.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use visnyk::source::Selectors;
use visnyk::source::SourceId;
use visnyk::source::SourceKind;
use visnyk::source::SourceUrl;
use visnyk::source::fetch::AddressPolicy;
use visnyk::source::fetch::Answers;
use visnyk::source::fetch::Fetcher;
use visnyk::source::fetch::Limits;
use visnyk::source::fetch::Lookup;
use visnyk::source::poll;
use visnyk::store;
use visnyk::store::article::View;
use visnyk::store::source::NewSource;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::origin::Origin;
use crate::support::origin::answer;
use crate::support::origin::redirect;

on_both! {
    a_long_listing_is_read_over_two_polls_and_none_of_its_old_news_is_mailed,
    a_source_in_ruins_holds_up_no_other,
}

async fn add(app: &TestApp, url: SourceUrl, kind: SourceKind) -> SourceId {
    let selectors = Selectors {
        item: Some("article".to_owned()),
        link: Some("a".to_owned()),
        title: Some("a".to_owned()),
        date: Some("time".to_owned()),
        ..Selectors::default()
    };
    let new = NewSource {
        url,
        kind,
        name: "Джерело".to_owned(),
        selectors,
        every: TimeDelta::minutes(15),
    };
    let mut tx = app.db.begin().await.unwrap();
    let id = store::source::add(&mut tx, &new, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    id.unwrap()
}

/// The slow site answers only once the other has been asked, or after five seconds without.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_site_holds_up_no_other() {
    let app = TestApp::new().await;
    let asked = Arc::new((Mutex::new(false), Condvar::new()));
    let feed = "<rss version='2.0'><channel><item><title>Новина</title></item></channel></rss>";
    let waits = Arc::clone(&asked);
    let in_time = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&in_time);
    let slow = Origin::routed("127.0.0.1", move |_| {
        let (other_was_asked, bell) = &*waits;
        let patience = Duration::from_secs(5);
        let waited =
            bell.wait_timeout_while(other_was_asked.lock().unwrap(), patience, |asked| !*asked);
        told.store(*waited.unwrap().0, Ordering::SeqCst);
        answer("200 OK", &[], feed)
    });
    let slow = slow.await;
    let quick = Origin::routed("127.0.0.2", move |_| {
        *asked.0.lock().unwrap() = true;
        asked.1.notify_all();
        answer("200 OK", &[], feed)
    });
    let quick = quick.await;
    add(&app, slow.url("/feed"), SourceKind::Feed).await;
    add(&app, quick.url("/feed"), SourceKind::Feed).await;
    assert_eq!(poll::poll_due(&app).await.unwrap(), 2);
    assert!(
        in_time.load(Ordering::SeqCst),
        "the quick site had to wait for the slow one"
    );
    assert_eq!(published(&app).await, 2);
}

/// Whatever name is asked for is this machine.
#[derive(Debug)]
struct Here;

impl Lookup for Here {
    fn lookup(&self, _: &str) -> Answers {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

#[tokio::test]
async fn a_site_is_left_a_second_after_a_look_too() {
    let mut app = TestApp::new().await;
    let here: Arc<dyn Lookup> = Arc::new(Here);
    let policy = AddressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()]);
    let limits = Limits::default();
    app.app.fetcher = Fetcher::with(policy, "https://news.example.org", limits, &here).unwrap();
    let origin = Origin::always(answer("200 OK", &[], "<rss><channel></channel></rss>")).await;
    let url = |path| format!("http://paper.example:{}/{path}", origin.port());
    add(&app, url("a").parse().unwrap(), SourceKind::Feed).await;
    assert_eq!(poll::poll_due(&app).await.unwrap(), 1);
    add(&app, url("b").parse().unwrap(), SourceKind::Feed).await;
    assert_eq!(poll::poll_due(&app).await.unwrap(), 0);
    app.wait(TimeDelta::seconds(1));
    assert_eq!(poll::poll_due(&app).await.unwrap(), 1);
}

#[tokio::test]
async fn an_item_that_says_nothing_is_no_article_and_is_spoken_of() {
    let app = TestApp::new().await;
    let items = "<item/><item><guid>7</guid></item><item><title>Новина</title></item>";
    let feed = format!("<rss version='2.0'><channel>{items}</channel></rss>");
    let origin = Origin::always(answer("200 OK", &[], feed)).await;
    let id = add(&app, origin.url("/feed"), SourceKind::Feed).await;
    assert_eq!(poll::poll_due(&app).await.unwrap(), 1);
    assert_eq!(published(&app).await, 1);
    let mut tx = app.db.read().await.unwrap();
    let source = store::source::find(&mut tx, id).await.unwrap().unwrap();
    let note = source.problem.unwrap();
    assert!(note.contains("items that are left out: 2; "), "{note}");
}

async fn published(app: &TestApp) -> usize {
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Everything, None, 1000).await;
    page.unwrap().len()
}

async fn a_long_listing_is_read_over_two_polls_and_none_of_its_old_news_is_mailed(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let origin = Origin::routed("127.0.0.1", |asked| {
        let mut html = String::from("<html><body><main>");
        if asked.path == "/news" {
            for number in 0..70 {
                let date = "<time datetime='2020-01-01T00:00:00Z'>1 січня 2020</time>";
                write!(
                    html,
                    "<article><a href='/news/{number}'>Новина-{number}</a>{date}</article>"
                )
                .unwrap();
            }
        } else {
            html.push_str("<h1>Новина</h1><p>Текст новини, який досить довгий.</p>");
        }
        let headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("ETag", "\"1\""),
        ];
        if asked.header("if-none-match").is_some() {
            return answer("304 Not Modified", &headers, "");
        }
        answer("200 OK", &headers, html)
    })
    .await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    add(&app, origin.url("/news"), SourceKind::Listing).await;
    assert_eq!(poll::poll_due(&app).await.unwrap(), 1);
    assert_eq!(published(&app).await, 60);
    app.wait(TimeDelta::minutes(15));
    assert_eq!(poll::poll_due(&app).await.unwrap(), 1);
    assert_eq!(published(&app).await, 70);
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
}

async fn a_source_in_ruins_holds_up_no_other(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let feed = "<rss version='2.0'><channel><title>t</title><item><guid>1</guid><title>Новина-1</title></item></channel></rss>";
    let headers = [("Content-Type", "application/rss+xml")];
    let origin = Origin::always(answer("200 OK", &headers, feed)).await;
    let ruined = add(&app, origin.url("/a"), SourceKind::Feed).await;
    add(&app, origin.url("/b"), SourceKind::Feed).await;
    app.sql(&format!(
        "UPDATE source SET selectors = '?' WHERE id = {}",
        ruined.0
    ))
    .await;
    assert_eq!(poll::poll_due(&app).await.unwrap(), 1);
    assert_eq!(published(&app).await, 1);
}

/// A page that lists so many.
fn listing(count: usize) -> String {
    let items = (0..count)
        .map(|number| format!("<article><a href='/news/{number}'>Новина-{number}</a></article>"));
    let items: String = items.collect();
    format!("<html><body><main>{items}")
}

const PAGE: &str = "<html><body><main><h1>Новина</h1><p>Текст новини, який досить довгий.</p>";
const HTML: [(&str, &str); 1] = [("Content-Type", "text/html; charset=utf-8")];

#[tokio::test]
async fn a_listing_whose_site_is_busy_is_left_alone() {
    let app = TestApp::new().await;
    let origin = Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/news" => answer("200 OK", &HTML, listing(9)),
        "/news/2" => answer("429 Too Many Requests", &[("Retry-After", "3600")], ""),
        _ => answer("200 OK", &HTML, PAGE),
    })
    .await;
    add(&app, origin.url("/news"), SourceKind::Listing).await;
    add(&app, origin.url("/other"), SourceKind::Listing).await;
    poll::poll_due(&app).await.unwrap();
    let asked: Vec<String> = origin.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/news", "/news/0", "/news/1", "/news/2"]);
    assert_eq!(published(&app).await, 2);
    app.wait(TimeDelta::minutes(59));
    poll::poll_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), 4);
    app.wait(TimeDelta::minutes(2));
    assert_eq!(poll::poll_due(&app).await.unwrap(), 2);
}

#[tokio::test]
async fn pages_of_another_site_wait_for_their_turn_there() {
    let app = TestApp::new().await;
    let there = Origin::routed("127.0.0.2", |asked| match asked.path.as_str() {
        "/feed" => answer("429 Busy", &[("Retry-After", "7200")], ""),
        _ => answer("200 OK", &HTML, PAGE),
    })
    .await;
    let pages = there.url("/news").to_string();
    let list = listing(3).replace("/news", &pages);
    let here = Origin::routed("127.0.0.1", move |_| answer("200 OK", &HTML, &list)).await;
    add(&app, there.url("/feed"), SourceKind::Feed).await;
    poll::poll_due(&app).await.unwrap();
    let listed = add(&app, here.url("/"), SourceKind::Listing).await;
    poll::poll_due(&app).await.unwrap();
    assert_eq!((here.asked().len(), there.asked().len()), (1, 1));
    let mut tx = app.db.read().await.unwrap();
    let source = store::source::find(&mut tx, listed).await.unwrap();
    drop(tx);
    let problem = source.unwrap().problem.unwrap();
    assert!(problem.contains("127.0.0.2 is being asked"), "{problem}");
    app.wait(TimeDelta::minutes(121));
    poll::poll_due(&app).await.unwrap();
    assert_eq!(published(&app).await, 3);
}

#[tokio::test]
async fn a_short_wait_holds_for_all_sources_of_a_site() {
    let app = TestApp::new().await;
    let busy = answer("503 Busy", &[("Retry-After", "60")], "");
    let origin = Origin::always(busy).await;
    for path in ["/a", "/b", "/c"] {
        add(&app, origin.url(path), SourceKind::Feed).await;
    }
    poll::poll_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), 1);
    app.wait(TimeDelta::seconds(59));
    poll::poll_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), 1);
    app.wait(TimeDelta::minutes(6));
    poll::poll_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), 2);
}

#[tokio::test]
async fn a_wait_behind_a_redirect_holds_for_both_hosts() {
    let app = TestApp::new().await;
    let busy = answer("429 Busy", &[("Retry-After", "7200")], "");
    let there = Origin::routed("127.0.0.2", move |_| busy.clone()).await;
    let at = there.url("/feed").to_string();
    let here = Origin::routed("127.0.0.1", move |_| redirect(302, &at)).await;
    add(&app, here.url("/feed"), SourceKind::Feed).await;
    poll::poll_due(&app).await.unwrap();
    add(&app, there.url("/other"), SourceKind::Feed).await;
    add(&app, here.url("/other"), SourceKind::Feed).await;
    app.wait(TimeDelta::minutes(119));
    poll::poll_due(&app).await.unwrap();
    assert_eq!((here.asked().len(), there.asked().len()), (1, 1));
    app.wait(TimeDelta::minutes(2));
    poll::poll_due(&app).await.unwrap();
    assert!(there.asked().len() > 1);
}

/// Others may ask the site five minutes after the poll began.
#[tokio::test]
async fn a_slow_listing_gives_its_site_back_in_time() {
    let app = TestApp::new().await;
    let clock = Arc::clone(&app.clock);
    let origin = Origin::routed("127.0.0.1", move |asked| {
        if asked.path == "/news" {
            return answer("200 OK", &HTML, listing(40));
        }
        clock.advance(TimeDelta::seconds(20));
        answer("200 OK", &HTML, PAGE)
    })
    .await;
    add(&app, origin.url("/news"), SourceKind::Listing).await;
    let begun = app.now();
    poll::poll_due(&app).await.unwrap();
    assert!(app.now() - begun < TimeDelta::minutes(4));
    assert_eq!(published(&app).await, 8);
    // The newest five are read again each time.
    for _ in 0..11 {
        app.wait(TimeDelta::hours(1));
        poll::poll_due(&app).await.unwrap();
    }
    assert_eq!(published(&app).await, 40);
}

#[tokio::test]
async fn pages_that_never_come_keep_back_no_other() {
    let app = TestApp::new().await;
    let origin = Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/news" => answer("200 OK", &HTML, listing(30)),
        "/news/0" => answer("503 Oops", &[], ""),
        "/news/1" | "/news/2" | "/news/3" | "/news/4" => answer("500 Oops", &[], ""),
        _ => answer("200 OK", &HTML, PAGE),
    })
    .await;
    add(&app, origin.url("/news"), SourceKind::Listing).await;
    poll::poll_due(&app).await.unwrap();
    assert_eq!(published(&app).await, 25);
}
