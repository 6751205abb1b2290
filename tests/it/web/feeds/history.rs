//! Any history of a newsroom, and readers that poll two of its processes with what they hold.

use std::cell::RefCell;
use std::collections::HashMap;

use axum::http::StatusCode;
use proptest::prelude::*;
use visnyk::article::ArticleId;
use visnyk::web::Front;

use crate::support::app::TestApp;
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

/// What happens, how long until the poll, and which process and feed it goes to.
type Step = (Event, i64, usize, usize);

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
    let waits = prop::sample::select(vec![0, 50, 400, 800, 1_000, 2_500, 60_000]);
    (event(), waits, 0..2_usize, 0..FEEDS.len())
}

/// The newsroom, and what its readers know.
struct World {
    newsroom: Newsroom,
    processes: [Front; 2],
    articles: Vec<ArticleId>,
    held: HashMap<usize, Fetched>,
}

impl World {
    async fn new() -> Self {
        let newsroom = Newsroom::of(TestApp::new().await).await;
        let processes = [newsroom.another_process(), newsroom.another_process()];
        let articles = vec![newsroom.publish("Перша").await];
        Self {
            newsroom,
            processes,
            articles,
            held: HashMap::new(),
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

    /// Polls with each validator alone and with both, and keeps what is there now.
    async fn poll(&mut self, process: usize, feed: usize) {
        let (routes, path) = (&self.processes[process], FEEDS[feed]);
        let now = fetch(routes, "GET", path, &[]).await;
        if let Some(held) = self.held.get(&feed) {
            let is_same = held.body == now.body;
            let tag = ("if-none-match", held.header("etag"));
            let date = ("if-modified-since", held.header("last-modified"));
            for conditions in [&[tag][..], &[date], &[tag, date]] {
                let status = fetch(routes, "GET", path, conditions).await.status;
                let is_confirmed = status == StatusCode::NOT_MODIFIED;
                assert!(is_same || !is_confirmed, "a stale 304 for {conditions:?}");
                let by_tag = conditions.contains(&tag);
                assert!(
                    !is_same || !by_tag || is_confirmed,
                    "sent again to {conditions:?}"
                );
            }
        }
        self.held.insert(feed, now);
    }
}

#[test]
fn no_history_gives_a_stale_304_and_nothing_unchanged_is_sent_again() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = RefCell::new(runtime.block_on(World::new()));
    let histories = prop::collection::vec(step(), 1..5);
    let config = ProptestConfig {
        max_shrink_iters: 0,
        ..ProptestConfig::with_cases(10_000)
    };
    proptest!(config, |(history in histories)| {
        let mut world = world.borrow_mut();
        for (event, wait, process, feed) in history {
            runtime.block_on(async {
                world.happen(&event).await;
                world.newsroom.wait(wait);
                world.poll(process, feed).await;
            });
        }
    });
}
