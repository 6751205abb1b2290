//! Whatever happens, in whatever order: each reader gets each article that was for them in exactly
//! one letter.
//!
//! The model knows what was published while a subscription was active. A cursor that moves says
//! which of that has been served; what matched and wasn't withdrawn must then be in one letter, no
//! more and no less.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::TimeDelta;
use mail_parser::MessageParser;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;
use visnyk::article::Article;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::Hour;
use visnyk::audience::list::List;
use visnyk::audience::list::TopicId;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::Wish;
use visnyk::audience::subscription::SubscriptionState;
use visnyk::audience::subscription::TopicChoice;
use visnyk::digest::compile;
use visnyk::locale::Language;
use visnyk::source::Draft;
use visnyk::source::Source;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::app::titles;

const TOPICS: [&str; 3] = ["Дороги", "Школи", "Бюджет"];
const READERS: usize = 4;
const HISTORIES: u32 = 40;
const STEPS: usize = 250;

/// What may happen next. Bits choose among [`TOPICS`]; places are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Publish(u8),
    Edit(usize, u8),
    Withdraw(usize),
    /// Minutes.
    Wait(i64),
    Choose(usize, usize, Choice),
    Leave(usize, usize),
    Join(usize, usize, Choice),
    RunNow(usize, Cadence),
    Compile,
    Send,
    Tick,
}

#[derive(Debug, Clone)]
struct Choice {
    cadence: Cadence,
    hour: i64,
    topics: u8,
    english: bool,
}

fn choice() -> impl Strategy<Value = Choice> {
    let cadence = prop::sample::select(&Cadence::ALL[..]);
    (cadence, 0_i64..24, 0_u8..8, any::<bool>()).prop_map(|(cadence, hour, topics, english)| {
        Choice {
            cadence,
            hour,
            topics,
            english,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let list = 0_usize..2;
    let reader = 0..READERS;
    prop_oneof![
        6 => (0_u8..8).prop_map(Step::Publish),
        1 => (0_usize..1000, 0_u8..8).prop_map(|(article, topics)| Step::Edit(article, topics)),
        1 => (0_usize..10).prop_map(Step::Withdraw),
        4 => prop_oneof![1_i64..90, 60_i64..2000, Just(12_000)].prop_map(Step::Wait),
        2 => (reader.clone(), list.clone(), choice()).prop_map(|(r, l, c)| Step::Choose(r, l, c)),
        1 => (reader.clone(), list.clone()).prop_map(|(r, l)| Step::Leave(r, l)),
        2 => (reader, list.clone(), choice()).prop_map(|(r, l, c)| Step::Join(r, l, c)),
        1 => (list, prop::sample::select(&Cadence::ALL[..])).prop_map(|(l, c)| Step::RunNow(l, c)),
        2 => Just(Step::Compile),
        1 => Just(Step::Send),
        6 => Just(Step::Tick),
    ]
}

/// One subscription as it should be.
#[derive(Debug, Default)]
struct Expected {
    choice: u8,
    active: bool,
    /// Published while it was active and not yet served.
    pending: Vec<usize>,
    /// Letters that must come with the next sending.
    letters: Vec<BTreeSet<usize>>,
}

struct Published {
    article: Article,
    topics: u8,
    withdrawn: bool,
}

struct History {
    app: TestApp,
    source: Source,
    topics: Vec<TopicId>,
    lists: [List; 2],
    articles: Vec<Published>,
    /// By reader and list.
    expected: BTreeMap<(usize, usize), Expected>,
}

fn email(reader: usize) -> String {
    format!("reader{reader}@example.net")
}

fn names(bits: u8) -> Vec<&'static str> {
    let all = (0..).zip(TOPICS);
    all.filter(|(bit, _)| bits & (1 << bit) != 0)
        .map(|(_, name)| name)
        .collect()
}

/// No topics chosen is all of them; the second list is about roads and schools alone.
fn takes(list: usize, choice: u8, topics: u8) -> bool {
    (list == 0 || topics & 0b011 != 0) && (choice == 0 || topics & choice != 0)
}

impl History {
    async fn begin() -> Self {
        let app = TestApp::new().await;
        // A week before the clocks go back.
        let start = chrono::DateTime::parse_from_rfc3339("2026-10-18T12:00:00Z").unwrap();
        app.wait(visnyk::clock::Stamp::from(start) - app.now());
        let mut topics = Vec::new();
        for name in TOPICS {
            topics.push(app.topic(name).await);
        }
        let some = vec![topics[0], topics[1]];
        let lists = [
            app.add_list("all").await,
            app.add_list_with("some", |list| list.topics = some).await,
        ];
        let source = app.source().await;
        Self {
            app,
            source,
            topics,
            lists,
            articles: Vec::new(),
            expected: BTreeMap::new(),
        }
    }

    fn wish(&self, reader: usize, choice: &Choice) -> Wish {
        let chosen = (0..).zip(&self.topics);
        let chosen = chosen.filter(|(bit, _)| choice.topics & (1 << bit) != 0);
        Wish {
            cadence: choice.cadence,
            hour: Some(Hour::try_from(choice.hour).unwrap()),
            topics: TopicChoice::of(chosen.map(|(_, id)| *id).collect()),
            language: if choice.english {
                Language::En
            } else {
                Language::Uk
            },
            zone: if reader.is_multiple_of(2) {
                chrono_tz::Tz::Europe__Kyiv
            } else {
                chrono_tz::Tz::America__New_York
            },
            ..TestApp::wish(&email(reader))
        }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Publish(topics) => self.publish(*topics).await,
            Step::Edit(place, topics) if !self.articles.is_empty() => {
                let place = place % self.articles.len();
                let edited = Draft {
                    summary: format!("Уточнено {topics}."),
                    ..draft(&format!("Новина-{place}"), &names(*topics))
                };
                self.app.take_in(&self.source, vec![edited]).await;
            }
            Step::Withdraw(back) if *back < self.articles.len() => {
                let place = self.articles.len() - 1 - back;
                let published = &mut self.articles[place];
                published.withdrawn = true;
                self.app.withdraw(published.article.id).await;
            }
            Step::Edit(..) | Step::Withdraw(_) => {}
            Step::Wait(minutes) => {
                if *minutes > 60 {
                    // What waits for two days is no longer worth sending.
                    self.send().await;
                }
                self.app.wait(TimeDelta::minutes(*minutes));
            }
            Step::Choose(reader, list, choice) => self.choose(*reader, *list, choice).await,
            Step::Leave(reader, list) => self.leave(*reader, *list).await,
            Step::Join(reader, list, choice) => self.join(*reader, *list, choice).await,
            Step::RunNow(list, cadence) => {
                compile::run_now(&self.app, &self.lists[*list], *cadence)
                    .await
                    .unwrap();
                // Two runs within one millisecond are one.
                self.app.wait(TimeDelta::milliseconds(1));
                self.look_at_cursors().await;
            }
            Step::Compile => {
                self.app.compile().await;
                self.look_at_cursors().await;
            }
            Step::Send => self.send().await,
            Step::Tick => {
                self.app.compile().await;
                self.look_at_cursors().await;
                self.send().await;
            }
        }
    }

    async fn publish(&mut self, topics: u8) {
        let place = self.articles.len();
        let drafts = vec![draft(&format!("Новина-{place}"), &names(topics))];
        self.app.take_in(&self.source, drafts).await;
        let mut tx = self.app.db.read().await.unwrap();
        let view = visnyk::store::article::View::Everything;
        let newest = visnyk::store::article::page(&mut tx, view, None, 1).await;
        self.articles.push(Published {
            article: newest.unwrap().remove(0),
            topics,
            withdrawn: false,
        });
        for expected in self.expected.values_mut().filter(|one| one.active) {
            expected.pending.push(place);
        }
    }

    async fn choose(&mut self, reader: usize, list: usize, choice: &Choice) {
        let wish = self.wish(reader, choice);
        let Some(expected) = self
            .expected
            .get_mut(&(reader, list))
            .filter(|one| one.active)
        else {
            return;
        };
        let standing = self.app.standing(&self.lists[list], &wish.email).await;
        sign_up::choose(&self.app, &standing, &wish).await.unwrap();
        expected.choice = choice.topics;
    }

    async fn leave(&mut self, reader: usize, list: usize) {
        let Some(expected) = self.expected.get_mut(&(reader, list)) else {
            return;
        };
        let email = email(reader).parse().unwrap();
        let standing = self.app.standing(&self.lists[list], &email).await;
        sign_up::leave(&self.app, &standing, "form", "Відписатися")
            .await
            .unwrap();
        *expected = Expected::default();
    }

    async fn join(&mut self, reader: usize, list: usize, choice: &Choice) {
        let wish = self.wish(reader, choice);
        let standing = self.app.subscribe(&self.lists[list], &wish).await;
        assert_eq!(standing.subscription.state, SubscriptionState::Active);
        let expected = self.expected.entry((reader, list)).or_default();
        if !expected.active {
            expected.active = true;
            expected.choice = choice.topics;
        }
    }

    /// What lies behind a cursor has been served: as a letter, if there was anything to say.
    async fn look_at_cursors(&mut self) {
        for ((reader, list), expected) in &mut self.expected {
            if !expected.active {
                continue;
            }
            let email = email(*reader).parse().unwrap();
            let standing = self.app.standing(&self.lists[*list], &email).await;
            let cursor = standing.subscription.cursor;
            let articles = &self.articles;
            let (served, pending): (Vec<usize>, Vec<usize>) = expected
                .pending
                .iter()
                .partition(|place| articles[**place].article.seq <= cursor);
            expected.pending = pending;
            let letter: BTreeSet<usize> = served
                .into_iter()
                .filter(|place| !articles[*place].withdrawn)
                .filter(|place| takes(*list, expected.choice, articles[*place].topics))
                .collect();
            if !letter.is_empty() {
                expected.letters.push(letter);
            }
        }
    }

    async fn send(&mut self) {
        self.app.send().await;
        let mut came = BTreeMap::<(usize, usize), Vec<BTreeSet<usize>>>::new();
        for kept in self.app.letters() {
            if !kept.name.starts_with("digest-") {
                continue;
            }
            let letter = MessageParser::default().parse(&kept.letter).unwrap();
            let list_id = letter.header_raw("List-Id").unwrap();
            let list = usize::from(list_id.contains("<some."));
            let reader = (0..READERS).find(|reader| email(*reader) == kept.envelope.to);
            let titles = titles(&kept.letter);
            let places: BTreeSet<usize> = titles
                .iter()
                .map(|title| title.trim_start_matches("Новина-").parse().unwrap())
                .collect();
            assert_eq!(places.len(), titles.len(), "an article twice in one letter");
            came.entry((reader.unwrap(), list))
                .or_default()
                .push(places);
        }
        for letters in came.values_mut() {
            letters.sort();
        }
        let mut expected = BTreeMap::new();
        for (about, one) in &mut self.expected {
            let mut letters = std::mem::take(&mut one.letters);
            letters.sort();
            if !letters.is_empty() {
                expected.insert(*about, letters);
            }
        }
        assert_eq!(came, expected);
    }

    /// At long last everybody has been served.
    async fn end(mut self) {
        self.take(&Step::Wait(40 * 24 * 60)).await;
        self.take(&Step::Tick).await;
        for (about, expected) in &self.expected {
            assert!(expected.pending.is_empty(), "{about:?}: {expected:?}");
        }
        self.app.finish().await;
    }
}

#[test]
fn each_article_comes_in_exactly_one_letter_whatever_happens() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: HISTORIES,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let histories = prop::collection::vec(step(), STEPS);
    TestRunner::new(config)
        .run(&histories, |steps| {
            runtime.block_on(async {
                let mut history = History::begin().await;
                for step in &steps {
                    history.take(step).await;
                }
                Box::pin(history.end()).await;
            });
            Ok(())
        })
        .unwrap();
}
