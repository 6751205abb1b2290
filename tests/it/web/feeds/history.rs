//! Any history of a newsroom, and readers that poll two of its processes with what they hold.
//!
//! A process may lag behind by as long as its last look at the counter holds, and no longer. What it
//! may serve at a moment is told by a third one, which looks anew after each change.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::VecDeque;

use axum::body::Bytes;
use axum::http::StatusCode;
use chrono::TimeDelta;
use proptest::prelude::*;
use visnyk::app::App;
use visnyk::article::ArticleId;
use visnyk::clock::Stamp;
use visnyk::web::Front;

use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::web::feeds::support::Fetched;
use crate::web::feeds::support::Newsroom;
use crate::web::feeds::support::fetch;

const FEEDS: [&str; 5] = [
    "/feed.atom?full=0",
    "/topics/ekonomika/feed.rss",
    "/departments/departament-ekonomiky/feed.json",
    "/search/feed.atom?q=%D0%B7%D0%BC%D1%96%D0%BD%D0%B0",
    "/feed.json?not=ekonomika",
];

/// Milliseconds for which a look at the counter holds.
const LOOK: i64 = 50;
/// How many answers a feed's readers hold, the newest first.
const HELD: usize = 3;
/// How many of the histories have a witness, who takes more time than all else.
const WITNESSED: f64 = 0.3;

/// One thing that happens to a newsroom.
#[derive(Debug, Clone)]
enum Event {
    Publish,
    Edit {
        article: usize,
        wording: u8,
        topics: usize,
    },
    License {
        article: usize,
        licence: u8,
    },
    Withdraw {
        article: usize,
    },
    Restore {
        article: usize,
    },
    Nothing,
}

/// What happens, how long until the poll, which process it goes to, whether that one was asked to
/// change something before, and two readers who ask again.
type Step = (Event, i64, usize, bool, [Reader; 2]);

/// Which of the answers held a reader has, counted from the newest, and what it shows of that.
type Reader = (usize, Shown);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Tag,
    Date,
    Both,
}

fn event() -> impl Strategy<Value = Event> {
    let edit = (0..9_usize, 0..3_u8, 0..3_usize);
    prop_oneof![
        1 => Just(Event::Publish),
        4 => edit.prop_map(|(article, wording, topics)| Event::Edit { article, wording, topics }),
        1 => (0..9_usize, 0..3_u8).prop_map(|(article, licence)| Event::License { article, licence }),
        2 => (0..9_usize).prop_map(|article| Event::Withdraw { article }),
        2 => (0..9_usize).prop_map(|article| Event::Restore { article }),
        3 => Just(Event::Nothing),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let waits = vec![0, 1, 20, 49, 50, 400, 800, 1_000, 2_500, 60_000];
    let waits = prop::sample::select(waits);
    let shown = prop::sample::select(vec![Shown::Tag, Shown::Date, Shown::Both]);
    let readers = [(0..1_usize, shown.clone()), (0..HELD, shown)];
    (
        event(),
        waits,
        0..2_usize,
        prop::bool::weighted(0.1),
        readers,
    )
}

/// The newsroom, and what its readers know.
struct World {
    newsroom: Newsroom,
    processes: [Process; 2],
    /// Knows of every change at once.
    witness: Front,
    /// When the witness was last asked.
    asked_at: Stamp,
    articles: Vec<ArticleId>,
    held: HashMap<usize, VecDeque<Fetched>>,
    /// What the feed of this history holds, the newest last, and until when it did; empty without a
    /// witness.
    truths: Vec<Truth>,
    stale: u64,
}

/// What a feed holds, and until when if that is over.
struct Truth {
    body: Bytes,
    until: Option<Stamp>,
}

/// An app of its own on the one database.
struct Process {
    _app: App,
    front: Front,
    /// The oldest truth that it may still serve.
    from: usize,
}

impl Process {
    async fn on(newsroom: &Newsroom) -> Self {
        let base = &newsroom.app.settings.base_url;
        let app = newsroom.app.restarted(base).await;
        let front = Front::new(app.clone());
        Self {
            _app: app,
            front,
            from: 0,
        }
    }
}

impl World {
    async fn on(kind: Kind) -> Self {
        let newsroom = Newsroom::over(TestDb::make(kind).await).await;
        let processes = [Process::on(&newsroom).await, Process::on(&newsroom).await];
        let witness = newsroom.another_process();
        let articles = vec![newsroom.publish("Перша").await];
        Self {
            newsroom,
            processes,
            witness,
            asked_at: Stamp(0),
            articles,
            held: HashMap::new(),
            truths: Vec::new(),
            stale: 0,
        }
    }

    async fn happen(&mut self, event: &Event) {
        let known = |article: usize| self.articles[article % self.articles.len()];
        match *event {
            Event::Publish if self.articles.len() < 9 => {
                let id = self.newsroom.publish("Ще одна").await;
                self.articles.push(id);
            }
            Event::Edit {
                article,
                wording,
                topics,
            } => {
                let mut said = self.newsroom.article(&format!("Зміна {wording}"));
                said.topics.truncate(topics);
                self.newsroom.edit(known(article), &said).await;
            }
            Event::License { article, licence } => {
                let mut said = self.newsroom.article("Зміна ліцензії");
                said.licence = Some(format!("https://licence.example/{licence}"));
                self.newsroom.edit(known(article), &said).await;
            }
            Event::Withdraw { article } => self.newsroom.set_withdrawn(known(article), true).await,
            Event::Restore { article } => self.newsroom.set_withdrawn(known(article), false).await,
            Event::Publish | Event::Nothing => {}
        }
    }

    /// Every process knows of all that was before.
    async fn begin(&mut self, feed: usize) {
        self.newsroom.wait(LOOK);
        for process in &mut self.processes {
            process.from = 0;
        }
        self.testify(feed).await;
    }

    /// Has the witness say what the feed holds from now on.
    async fn testify(&mut self, feed: usize) {
        let now = self.newsroom.app.now();
        if now != self.asked_at && now - self.asked_at < TimeDelta::milliseconds(LOOK) {
            knock(&self.witness).await;
        }
        self.asked_at = now;
        let body = fetch(&self.witness, "GET", FEEDS[feed], &[]).await.body;
        if let Some(last) = self.truths.last_mut() {
            if last.body == body {
                return;
            }
            last.until = Some(now);
        }
        self.truths.push(Truth { body, until: None });
    }

    /// Polls, with what readers hold too, and keeps what is there now.
    async fn poll(&mut self, process: usize, feed: usize, is_told: bool, readers: [Reader; 2]) {
        if is_told {
            knock(&self.processes[process].front).await;
        }
        let now = fetch(&self.processes[process].front, "GET", FEEDS[feed], &[]).await;
        if !self.truths.is_empty() {
            self.assert_timely(process, &now, is_told);
        }
        let held = self.held.entry(feed).or_default();
        let front = &self.processes[process].front;
        for (age, shown) in readers {
            if let Some(held) = held.get(age) {
                assert_honest(front, FEEDS[feed], &now, held, shown).await;
            }
        }
        held.retain(|held| held.header("etag") != now.header("etag"));
        held.push_front(now);
        held.truncate(HELD);
    }

    /// A process serves what is, or what was when it may have looked, and never what was before
    /// something that it has shown.
    fn assert_timely(&mut self, process: usize, now: &Fetched, is_told: bool) {
        let looked = self.newsroom.app.now() - TimeDelta::milliseconds(LOOK - 1);
        let newest = self.truths.len() - 1;
        let process = &mut self.processes[process];
        let mut may_be = process.from..=newest;
        let served = may_be.find(|&at| {
            let truth = &self.truths[at];
            let is_timely = truth.until.is_none_or(|until| !is_told && until >= looked);
            is_timely && truth.body == now.body
        });
        process.from = served.expect("what a process may serve by now");
        self.stale += u64::from(process.from < newest);
    }
}

/// No 304 confirms what isn't served now, and what is needn't be sent again to those who show its
/// tag.
async fn assert_honest(front: &Front, path: &str, now: &Fetched, held: &Fetched, shown: Shown) {
    let is_same = held.body == now.body;
    let tag = ("if-none-match", held.header("etag"));
    let date = ("if-modified-since", held.header("last-modified"));
    let conditions = match shown {
        Shown::Tag => vec![tag],
        Shown::Date => vec![date],
        Shown::Both => vec![tag, date],
    };
    let status = fetch(front, "GET", path, &conditions).await.status;
    let is_confirmed = status == StatusCode::NOT_MODIFIED;
    assert!(is_same || !is_confirmed, "a stale 304 for {conditions:?}");
    assert!(
        !is_same || shown == Shown::Date || is_confirmed,
        "sent again to {conditions:?}"
    );
}

/// A request that might change something, and doesn't.
async fn knock(front: &Front) {
    let status = fetch(front, "POST", "/feed.rss", &[]).await.status;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

/// How often something was served that was no longer so.
fn histories(kind: Kind, cases: u32) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = RefCell::new(runtime.block_on(World::on(kind)));
    let steps = prop::collection::vec(step(), 1..5);
    let histories = (0..FEEDS.len(), prop::bool::weighted(WITNESSED), steps);
    let config = ProptestConfig {
        max_shrink_iters: 0,
        ..ProptestConfig::with_cases(cases)
    };
    proptest!(config, |((feed, is_witnessed, history) in histories)| {
        let mut world = world.borrow_mut();
        runtime.block_on(async {
            world.truths.clear();
            if is_witnessed {
                world.begin(feed).await;
            }
            for (event, wait, process, is_told, readers) in history {
                world.happen(&event).await;
                if is_witnessed && !matches!(event, Event::Nothing) {
                    world.testify(feed).await;
                }
                world.newsroom.wait(wait);
                world.poll(process, feed, is_told, readers).await;
            }
        });
    });
    world.into_inner().stale
}

#[test]
fn no_history_gives_a_stale_304_and_nothing_unchanged_is_sent_again() {
    let stale = histories(Kind::Sqlite, 10_000);
    assert!(stale > 0, "expected looks to hold now and then");
}

#[test]
#[ignore = "needs PostgreSQL"]
fn no_history_gives_a_stale_304_on_postgres_either() {
    let stale = histories(Kind::Postgres, 500);
    assert!(stale > 0, "expected looks to hold now and then");
}
