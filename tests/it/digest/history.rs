//! Whatever happens, in whatever order: each reader gets each article that was for them in exactly
//! one letter.
//!
//! The model knows what was published while a subscription was active. A cursor that moves says
//! which of that has been served; what matched and wasn't withdrawn must then be in one letter, no
//! more and no less.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::TimeDelta;
use chrono_tz::Tz;
use mail_parser::MessageParser;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;
use visnyk::article::Article;
use visnyk::article::ArticleId;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::Hour;
use visnyk::audience::list::List;
use visnyk::audience::list::Review;
use visnyk::audience::list::TopicId;
use visnyk::audience::pace::Days;
use visnyk::audience::pace::Pace;
use visnyk::audience::pace::Silence;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::Standing;
use visnyk::audience::sign_up::Wish;
use visnyk::audience::subscription::SubscriptionState;
use visnyk::audience::subscription::TopicChoice;
use visnyk::delivery::mailer::Mailer;
use visnyk::digest::DigestId;
use visnyk::digest::DigestState;
use visnyk::digest::compile;
use visnyk::digest::review;
use visnyk::digest::window::Served;
use visnyk::letter::LetterId;
use visnyk::letter::LetterPurpose;
use visnyk::locale::Language;
use visnyk::source::Draft;
use visnyk::source::Source;
use visnyk::store;

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
    /// The newest digests, counted back.
    Hold(usize),
    Release(usize),
    Cancel(usize),
    /// An article is critical for a list.
    Critical(usize, usize),
    /// A reader rests, or goes on.
    Rest(usize, usize),
    GoOn(usize, usize),
    /// The clock runs ahead by so many minutes, is looked at, and goes back.
    Jump(i64),
    /// The process ends and another begins.
    Restart,
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
    days: i64,
    /// Among [`ZONES`].
    zone: usize,
}

/// Europe, America, and one whose clocks change by half an hour.
const ZONES: [Tz; 3] = [
    Tz::Europe__Kyiv,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
];

fn choice() -> impl Strategy<Value = Choice> {
    let cadence = prop::sample::select(&Cadence::ALL[..]);
    let zone = 0..ZONES.len();
    (cadence, 0_i64..24, 0_u8..8, any::<bool>(), 1_i64..128, zone).prop_map(
        |(cadence, hour, topics, english, days, zone)| Choice {
            cadence,
            hour,
            topics,
            english,
            days,
            zone,
        },
    )
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
        1 => (0_usize..4).prop_map(Step::Hold),
        2 => (0_usize..4).prop_map(Step::Release),
        1 => (0_usize..4).prop_map(Step::Cancel),
        1 => (0_usize..2, 0_usize..6).prop_map(|(list, back)| Step::Critical(list, back)),
        1 => (0..READERS, 0_usize..2).prop_map(|(r, l)| Step::Rest(r, l)),
        2 => (0..READERS, 0_usize..2).prop_map(|(r, l)| Step::GoOn(r, l)),
        1 => prop_oneof![1_i64..200, Just(400 * 24 * 60)].prop_map(Step::Jump),
        1 => Just(Step::Restart),
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
    /// Between a pause and its end.
    rests: bool,
    /// Published while it was active and not yet served.
    pending: Vec<usize>,
    /// Letters that must come with the next sending, unless their digest is held.
    letters: Vec<(DigestId, BTreeSet<usize>)>,
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
    /// The newest letter that was looked at.
    looked_at: LetterId,
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
            app.add_list_with("some", |list| {
                list.topics = some;
                list.review = Review::Hold;
                list.pace = Pace {
                    review_hours: 2,
                    silence: Silence::Send,
                    least: 2,
                    longest_wait: 30,
                    ..Pace::default()
                };
            })
            .await,
        ];
        let source = app.source().await;
        Self {
            app,
            source,
            topics,
            lists,
            articles: Vec::new(),
            expected: BTreeMap::new(),
            looked_at: LetterId(0),
        }
    }

    fn wish(&self, reader: usize, choice: &Choice) -> Wish {
        let chosen = (0..).zip(&self.topics);
        let chosen = chosen.filter(|(bit, _)| choice.topics & (1 << bit) != 0);
        Wish {
            cadence: choice.cadence,
            days: Some(Days::try_from(choice.days).unwrap()),
            hour: Some(Hour::try_from(choice.hour).unwrap()),
            topics: TopicChoice::of(chosen.map(|(_, id)| *id).collect()),
            language: if choice.english {
                Language::En
            } else {
                Language::Uk
            },
            zone: ZONES[choice.zone],
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
            Step::Hold(back) => {
                if let Some(id) = self.digest(*back).await {
                    review::hold(&self.app, id).await.unwrap();
                }
            }
            Step::Release(back) => {
                if let Some(id) = self.digest(*back).await {
                    self.release(id).await;
                }
            }
            Step::Cancel(back) => {
                if let Some(id) = self.digest(*back).await {
                    review::cancel(&self.app, id).await.unwrap();
                    self.settle().await;
                }
            }
            Step::Critical(list, back) => self.call_critical(*list, *back).await,
            Step::Rest(reader, list) => self.rest(*reader, *list, true).await,
            Step::GoOn(reader, list) => self.rest(*reader, *list, false).await,
            Step::Jump(minutes) => {
                self.send().await;
                self.app.wait(TimeDelta::minutes(*minutes));
                self.app.compile().await;
                self.look_at_cursors().await;
                self.app.wait(TimeDelta::minutes(-*minutes));
                self.app.compile().await;
                self.look_at_cursors().await;
            }
            Step::Restart => {
                let outbox = Mailer::Memory(self.app.outbox.clone());
                self.app.app = self.app.restarted("https://news.example.org").await;
                self.app.app.mailers = [outbox].into();
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
        let view = store::article::View::Everything;
        let newest = store::article::page(&mut tx, view, None, 1).await;
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
        if self
            .expected
            .get(&(reader, list))
            .is_some_and(|one| one.rests)
        {
            return;
        }
        let standing = self.app.subscribe(&self.lists[list], &wish).await;
        assert_eq!(standing.subscription.state, SubscriptionState::Active);
        let expected = self.expected.entry((reader, list)).or_default();
        if !expected.active {
            expected.active = true;
            expected.choice = choice.topics;
        }
    }

    /// The digest that is so many back from the newest.
    async fn digest(&self, back: usize) -> Option<DigestId> {
        let mut tx = self.app.db.read().await.unwrap();
        let digests = store::digest::latest(&mut tx, None, 10).await.unwrap();
        digests.get(back).map(|digest| digest.id)
    }

    async fn release(&mut self, id: DigestId) {
        review::release(&self.app, id).await.unwrap();
        compile::plan(&self.app, id).await.unwrap();
        self.look_at_cursors().await;
    }

    async fn call_critical(&mut self, list: usize, back: usize) {
        let Some(published) = self.articles.iter().rev().nth(back) else {
            return;
        };
        let (list, article) = (&self.lists[list], published.article.id);
        for by in ["a@example.org", "b@example.org"] {
            review::call_critical(&self.app, list, article, by)
                .await
                .unwrap();
        }
        self.look_at_cursors().await;
    }

    async fn rest(&mut self, reader: usize, list: usize, rests: bool) {
        let Some(expected) = self.expected.get_mut(&(reader, list)) else {
            return;
        };
        if !expected.active || expected.rests == rests {
            return;
        }
        expected.rests = rests;
        let subscription = self.standing(reader, list).await.subscription.id;
        let mut tx = self.app.db.begin().await.unwrap();
        if rests {
            store::owed::cancel_of_subscription(&mut tx, subscription, self.app.now())
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let state = if rests { "paused" } else { "active" };
        let sql = format!(
            "UPDATE subscription SET state = '{state}' WHERE id = {}",
            subscription.0
        );
        self.app.sql(&sql).await;
        self.settle().await;
    }

    async fn standing(&self, reader: usize, list: usize) -> Standing {
        let email = email(reader).parse().unwrap();
        self.app.standing(&self.lists[list], &email).await
    }

    async fn served(&self, reader: usize, list: usize) -> Served {
        let subscription = self.standing(reader, list).await.subscription;
        Served {
            cursor: subscription.cursor,
            owed: subscription.owed,
            apart: subscription.apart,
        }
    }

    /// Letters that will never go out give their articles back, all of them.
    async fn settle(&mut self) {
        let whose: Vec<(usize, usize)> = self.expected.keys().copied().collect();
        for about in whose {
            if !self.expected[&about].active {
                continue;
            }
            let served = self.served(about.0, about.1).await;
            let articles = &self.articles;
            let lacks = |place: &usize| served.lacks(articles[*place].article.seq);
            let expected = self.expected.get_mut(&about).unwrap();
            let letters = std::mem::take(&mut expected.letters);
            for (digest, places) in letters {
                if places.iter().any(lacks) {
                    assert!(places.iter().all(lacks), "half a letter was given back");
                    expected.pending.extend(places);
                } else {
                    expected.letters.push((digest, places));
                }
            }
        }
    }

    /// What a reader doesn't lack any more has been served: as a letter, if there was anything to
    /// say.
    async fn look_at_cursors(&mut self) {
        let letters = self.new_letters().await;
        let whose: Vec<(usize, usize)> = self.expected.keys().copied().collect();
        for about in whose {
            if !self.expected[&about].active {
                continue;
            }
            let served = self.served(about.0, about.1).await;
            let articles = &self.articles;
            let expected = self.expected.get_mut(&about).unwrap();
            let (pending, served): (Vec<usize>, Vec<usize>) = expected
                .pending
                .iter()
                .partition(|place| served.lacks(articles[**place].article.seq));
            expected.pending = pending;
            let letter: BTreeSet<usize> = served
                .into_iter()
                .filter(|place| !articles[*place].withdrawn)
                .filter(|place| takes(about.1, expected.choice, articles[*place].topics))
                .collect();
            if !letter.is_empty() {
                let made = letters.get(&about).cloned().unwrap_or_default();
                let mut rest = letter.clone();
                for (digest, ids) in made {
                    let holds = |place: &usize| ids.contains(&articles[*place].article.id);
                    let (here, there): (BTreeSet<usize>, _) = rest.into_iter().partition(holds);
                    assert_eq!(here.len(), ids.len(), "{about:?} {letter:?} {ids:?}");
                    expected.letters.push((digest, here));
                    rest = there;
                }
                assert!(rest.is_empty(), "no letter of {rest:?} to {about:?}");
            }
        }
    }

    /// Digests and articles of the letters made since the last look, by reader and list.
    async fn new_letters(&mut self) -> BTreeMap<(usize, usize), Vec<(DigestId, Vec<ArticleId>)>> {
        let mut found = BTreeMap::<(usize, usize), Vec<_>>::new();
        let mut tx = self.app.db.read().await.unwrap();
        let letters = store::letter::page(&mut tx, None, None, None, 200).await;
        for letter in letters.unwrap().into_iter().rev() {
            let Some(id) = letter.digest_id.filter(|_| letter.id > self.looked_at) else {
                continue;
            };
            if letter.purpose != LetterPurpose::Digest {
                continue;
            }
            self.looked_at = letter.id;
            let digest = store::digest::find(&mut tx, id).await.unwrap().unwrap();
            let list = usize::from(digest.list_id == self.lists[1].id);
            let reader = (0..READERS).find(|reader| email(*reader) == letter.email);
            let about = (reader.unwrap(), list);
            let edition = store::edition::find(&mut tx, letter.edition_id.unwrap()).await;
            let articles = edition.unwrap().unwrap().articles;
            found.entry(about).or_default().push((id, articles));
        }
        found
    }

    async fn held(&self) -> BTreeSet<DigestId> {
        let mut tx = self.app.db.read().await.unwrap();
        let digests = store::digest::latest(&mut tx, None, 10_000).await.unwrap();
        let held = digests.iter().filter(|one| one.state == DigestState::Held);
        held.map(|digest| digest.id).collect()
    }

    async fn send(&mut self) {
        self.app.send().await;
        self.settle().await;
        let held = self.held().await;
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
            let letters = std::mem::take(&mut one.letters);
            let (waiting, letters): (Vec<_>, Vec<_>) = letters
                .into_iter()
                .partition(|(digest, _)| held.contains(digest));
            one.letters = waiting;
            let mut letters: Vec<_> = letters.into_iter().map(|(_, places)| places).collect();
            letters.sort();
            if !letters.is_empty() {
                expected.insert(*about, letters);
            }
        }
        assert_eq!(came, expected);
    }

    /// At long last everybody has been served.
    async fn end(mut self) {
        for (reader, list) in self.expected.keys().copied().collect::<Vec<_>>() {
            self.rest(reader, list, false).await;
        }
        for _ in 0..3 {
            for id in self.held().await {
                self.release(id).await;
            }
            self.take(&Step::Tick).await;
            self.take(&Step::Wait(40 * 24 * 60)).await;
            self.take(&Step::Tick).await;
            self.take(&Step::Wait(3 * 60)).await;
            self.take(&Step::Tick).await;
        }
        for (about, expected) in &self.expected {
            assert!(expected.pending.is_empty(), "{about:?}: {expected:?}");
            assert!(expected.letters.is_empty(), "{about:?}: {expected:?}");
        }
        self.app.finish().await;
    }
}

/// How many histories: 40 of 250 steps are 10,000; `VISNYK_TEST_HISTORIES=400` makes it 100,000.
#[expect(clippy::disallowed_methods, reason = "a soak is asked for by hand")]
fn histories() -> u32 {
    let asked = std::env::var("VISNYK_TEST_HISTORIES").ok();
    asked
        .and_then(|asked| asked.parse().ok())
        .unwrap_or(HISTORIES)
}

#[test]
fn each_article_comes_in_exactly_one_letter_whatever_happens() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: histories(),
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
