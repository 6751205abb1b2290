//! Random histories of two feeds: every story is one article, and no two stories are one.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;
use visnyk::source::Draft;

use super::identity::another_source;
use super::identity::body;
use super::identity::story;
use super::identity::titles;
use crate::support::app::TestApp;

/// What happens between two polls.
#[derive(Debug, Clone)]
enum Event {
    /// The feed gets so many new stories.
    Publish(usize),
    /// Identifiers and addresses become https.
    Secure,
    /// Addresses end in a slash and carry tracking.
    Track,
    /// Identifiers become tags.
    Tag,
    /// One story is told otherwise under another slug.
    Reslug(usize),
    /// One story's text is changed.
    Edit(usize),
    /// The feed lists its stories in another order.
    Turn,
    /// One story stands twice in the feed.
    Double(usize),
    /// The feed shows so many of its newest stories.
    Window(usize),
    /// The agency brings what the portal has.
    Copy,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_usize..4).prop_map(Event::Publish),
        1 => Just(Event::Secure),
        1 => Just(Event::Track),
        1 => Just(Event::Tag),
        2 => any::<usize>().prop_map(Event::Reslug),
        2 => any::<usize>().prop_map(Event::Edit),
        1 => Just(Event::Turn),
        1 => any::<usize>().prop_map(Event::Double),
        1 => (3_usize..9).prop_map(Event::Window),
        2 => Just(Event::Copy),
    ]
}

/// A feed as its publisher keeps it.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
struct Feed {
    stories: Vec<(usize, Draft)>,
    secure: bool,
    track: bool,
    tag: bool,
    turned: bool,
    window: Option<usize>,
}

impl Feed {
    fn shown(&self, double: Option<usize>) -> Vec<Draft> {
        let window = self.window.unwrap_or(usize::MAX);
        let mut shown: Vec<Draft> = self
            .stories
            .iter()
            .rev()
            .take(window)
            .map(|(number, draft)| self.dress(*number, draft.clone()))
            .collect();
        if let Some(place) = double.filter(|_| !shown.is_empty()) {
            shown.push(shown[place % shown.len()].clone());
        }
        if self.turned {
            shown.reverse();
        }
        shown
    }

    fn dress(&self, number: usize, mut draft: Draft) -> Draft {
        for name in [&mut draft.guid, &mut draft.url].into_iter().flatten() {
            if self.secure {
                *name = name.replace("http:", "https:");
            }
            if self.track {
                name.push_str("/?utm_campaign=feed");
            }
        }
        if self.tag {
            draft.guid = Some(format!("tag:portal.example,2026:{number}"));
        }
        draft
    }

    fn change(&mut self, place: usize, change: impl FnOnce(usize, &mut Draft)) {
        let window = self.window.unwrap_or(usize::MAX).min(self.stories.len());
        if window > 0 {
            let place = self.stories.len() - 1 - place % window;
            let (number, draft) = &mut self.stories[place];
            change(*number, draft);
        }
    }
}

async fn live(events: &[Event]) -> Result<(), TestCaseError> {
    let app = TestApp::new().await;
    let portal = app.source().await;
    let agency = another_source(&app, "https://agency.example/feed").await;
    let mut feed = Feed::default();
    let mut count = 0;
    for event in events {
        let mut double = None;
        match event {
            Event::Publish(more) => {
                for _ in 0..*more {
                    count += 1;
                    feed.stories.push((count, story(count)));
                }
            }
            Event::Secure => feed.secure = true,
            Event::Track => feed.track = !feed.track,
            Event::Tag => feed.tag = true,
            Event::Reslug(place) => feed.change(*place, |number, draft| {
                let slug = format!("http://portal.example/slug/{number}/{place}");
                draft.guid = Some(slug.clone());
                draft.url = Some(slug);
            }),
            Event::Edit(place) => feed.change(*place, |number, draft| {
                draft.text = format!("{} Уточнено {place}.", body(number));
            }),
            Event::Turn => feed.turned = !feed.turned,
            Event::Double(place) => double = Some(*place),
            Event::Window(size) => feed.window = Some(*size),
            Event::Copy => {
                let copies = feed.shown(None).into_iter().enumerate();
                let copies = copies.map(|(place, draft)| Draft {
                    guid: Some(format!("agency {}", draft.title)),
                    url: Some(match place % 2 {
                        0 => format!("https://agency.example/{}", draft.title),
                        _ => draft.url.clone().unwrap(),
                    }),
                    ..draft
                });
                app.take_in(&agency, copies.collect()).await;
            }
        }
        app.take_in(&portal, feed.shown(double)).await;
        let published = titles(&app).await;
        let distinct: BTreeSet<&String> = published.iter().collect();
        prop_assert_eq!(published.len(), distinct.len(), "doubled after {:?}", event);
        // What a narrow window never showed was never news to us.
        prop_assert!(published.len() <= count);
        let seen: BTreeSet<String> = feed.shown(None).into_iter().map(|one| one.title).collect();
        prop_assert!(
            seen.iter().all(|title| distinct.contains(title)),
            "lost after {:?}",
            event
        );
    }
    Ok(())
}

#[test]
fn every_story_is_one_article_and_no_two_are_one() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let histories = proptest::collection::vec(event(), 1..25);
    TestRunner::new(config)
        .run(&histories, |events| runtime.block_on(live(&events)))
        .unwrap();
}
