//! A week of fifty feeds, in seconds: does Visnyk ask as a good reader should, and does
//! everything that is published get in?
//!
//! The server scores each request as rachelbythebay's "feed reader score" does: conditional or not,
//! with the right validators or not, before `max-age`, `Expires`, `ttl`, `Retry-After` or quiet hours
//! are over or not, more than one at a time at a site or not.

mod feeds;
mod server;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use visnyk::app::App;
use visnyk::clock::Stamp;
use visnyk::source::Selectors;
use visnyk::source::SourceKind;
use visnyk::source::poll;
use visnyk::store;
use visnyk::store::article::View;
use visnyk::store::source::NewSource;

use self::feeds::FIFTY;
use self::feeds::Feed;
use self::server::Book;
use self::server::LOOK;
use self::server::Server;
use crate::support::app::TestApp;
use crate::support::origin::Origin;

/// Fifty feeds, their server, and a Visnyk that has just been given them.
struct World {
    app: TestApp,
    feeds: Vec<Feed>,
    server: Arc<Server>,
    _origin: Origin,
    start: Stamp,
}

impl World {
    async fn new(feeds: Vec<Feed>, outage: Option<(TimeDelta, TimeDelta)>) -> Self {
        let app = TestApp::new().await;
        let start = app.now();
        let mut server = Server::new(feeds.clone(), Arc::clone(&app.clock));
        server.outage = outage.map(|(from, to)| (start + from, start + to));
        let server = Arc::new(server);
        let origin = server.open().await;
        let mut tx = app.db.begin().await.unwrap();
        for feed in &feeds {
            let url = format!(
                "http://127.0.1.{}:{}/{}",
                feed.site,
                origin.port(),
                feed.name
            );
            let new = NewSource {
                url: url.parse().unwrap(),
                kind: SourceKind::Feed,
                name: feed.name.to_owned(),
                selectors: Selectors::default(),
                every: feed.every(),
            };
            store::source::add(&mut tx, &new, start)
                .await
                .unwrap()
                .unwrap();
        }
        tx.commit().await.unwrap();
        Self {
            app,
            feeds,
            server,
            _origin: origin,
            start,
        }
    }

    /// Lets so much time pass; every `life` the program ends and another begins on the same data.
    async fn live(&self, span: TimeDelta, life: Option<TimeDelta>) {
        let mut app: App = self.app.app.clone();
        let mut born = self.start;
        while self.app.now() <= self.start + span {
            if life.is_some_and(|life| self.app.now() >= born + life) {
                born = self.app.now();
                app = self.app.restarted("https://news.example.org").await;
            }
            poll::poll_due(&app).await.unwrap();
            self.app.wait(LOOK);
        }
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.server.book.lock().unwrap()
    }

    /// What got in, by headline, and when; a headline twice is two of a list.
    async fn articles(&self) -> BTreeMap<String, Vec<Stamp>> {
        let mut tx = self.app.db.read().await.unwrap();
        let all = store::article::page(&mut tx, View::Everything, None, i64::MAX).await;
        let mut articles = BTreeMap::<_, Vec<_>>::new();
        for article in all.unwrap() {
            articles
                .entry(article.title)
                .or_default()
                .push(article.published_at);
        }
        articles
    }

    /// Everything that came out before a feed's last document got in, once, and nothing else. Gives
    /// by feed how long each article of the span took.
    async fn delays(&self) -> BTreeMap<&'static str, Vec<TimeDelta>> {
        let articles = self.articles().await;
        let mut expected = BTreeSet::new();
        let mut delays = BTreeMap::<_, Vec<_>>::new();
        for feed in &self.feeds {
            let last = self.book().records[feed.name].whole_at.unwrap();
            for item in feed.out(self.start, last) {
                let title = feed.title(item.number);
                let in_at = articles.get(&title).cloned().unwrap_or_default();
                assert_eq!(in_at.len(), 1, "{title} of {} came in {in_at:?}", item.at);
                if item.at > self.start {
                    delays
                        .entry(feed.name)
                        .or_default()
                        .push(in_at[0] - item.at);
                }
                expected.insert(title);
            }
        }
        assert!(articles.keys().all(|title| expected.contains(title)));
        delays
    }

    /// The requests of each feed: all, of them answered by 304, and those without a condition.
    fn told(&self, feed: &Feed) -> (usize, usize, usize) {
        let unconditional = self.book().records[feed.name].unconditional;
        let hits = self.book().records[feed.name].hits.clone();
        let unchanged = hits.iter().filter(|hit| hit.status == 304).count();
        (hits.len(), unchanged, unconditional)
    }
}

fn median_and_most(delays: &[TimeDelta]) -> (i64, i64) {
    let mut minutes: Vec<_> = delays.iter().map(TimeDelta::num_minutes).collect();
    minutes.sort_unstable();
    (
        minutes.get(minutes.len() / 2).copied().unwrap_or(0),
        minutes.last().copied().unwrap_or(0),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_fifty_feeds_is_polite_and_loses_nothing() {
    let world = World::new(Feed::all(FIFTY), None).await;
    assert_eq!(world.feeds.len(), 50);
    world
        .live(TimeDelta::days(7), Some(TimeDelta::minutes(19 * 60 + 11)))
        .await;
    let delays = world.delays().await;
    let faults = world.book().faults.clone();
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults[..faults.len().min(60)].join("\n")
    );
    let (mut all, mut unchanged) = (0, 0);
    for feed in &world.feeds {
        let (asked, same, unconditional) = world.told(feed);
        let (median, most) = median_and_most(delays.get(feed.name).map_or(&[], Vec::as_slice));
        println!(
            "{:<14} {asked:>4} requests, {same:>4} of them 304, {unconditional:>3} unconditional; \
             delay {median} min, at most {most} min",
            feed.name
        );
        if feed.has_marks() {
            assert_eq!(unconditional, 1, "{}", feed.name);
            all += asked;
            unchanged += same;
        }
        if feed.is_plain() {
            assert!(
                most <= 4 * feed.every().num_minutes() * 21 / 20 + 5,
                "{}",
                feed.name
            );
        }
    }
    println!("{unchanged} of {all} requests with validators were answered by 304");
}

/// Two that are down for ten days, each in its way, and one that never is.
const DOWN: &str = "
    mute         1440 etag mute
    errs         1440 both errs
    sound        1440 etag
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_is_back_within_a_day_after_ten_days_of_outage() {
    let (from, to) = (
        TimeDelta::hours(30),
        TimeDelta::hours(30) + TimeDelta::days(10),
    );
    let world = World::new(Feed::all(DOWN), Some((from, to))).await;
    world
        .live(TimeDelta::days(13), Some(TimeDelta::hours(31)))
        .await;
    world.delays().await;
    assert_eq!(world.book().faults, [""; 0]);
    for feed in &world.feeds {
        let hits = world.book().records[feed.name].hits.clone();
        let meanwhile = hits
            .iter()
            .filter(|hit| !matches!(hit.status, 200 | 304))
            .count();
        let back = hits.iter().find(|hit| hit.at >= world.start + to).unwrap();
        let after = back.at - (world.start + to);
        println!(
            "{}: {meanwhile} requests meanwhile, back after {} min",
            feed.name,
            after.num_minutes()
        );
        assert!(meanwhile <= 40);
        assert!(after <= TimeDelta::days(1));
    }
}

/// What each feed was asked, and when, and how.
fn diary(world: &World) -> BTreeMap<&'static str, Vec<server::Hit>> {
    let hits = |feed: &Feed| world.book().records[feed.name].hits.clone();
    let feeds = world.feeds.iter();
    feeds.map(|feed| (feed.name, hits(feed))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_change_nothing_of_what_is_asked_and_when() {
    let span = TimeDelta::hours(54);
    let some = || Feed::all(FIFTY).into_iter().step_by(3).collect();
    let at_rest = World::new(some(), None).await;
    at_rest.live(span, None).await;
    let restless = World::new(some(), None).await;
    restless
        .live(span, Some(TimeDelta::minutes(5 * 60 + 7)))
        .await;
    assert_eq!(diary(&at_rest), diary(&restless));
}
