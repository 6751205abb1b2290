//! A whole Visnyk in a box: its own database, a clock moved by hand, letters kept in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use chrono::TimeDelta;
use mail_parser::MessageParser;
use tempfile::TempDir;
use visnyk::access::Purpose;
use visnyk::access::SignedLink;
use visnyk::app::App;
use visnyk::article::Article;
use visnyk::article::ArticleId;
use visnyk::article::TopicKind;
use visnyk::article::intake;
use visnyk::audience::EmailAddress;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::Hour;
use visnyk::audience::list::List;
use visnyk::audience::list::ListId;
use visnyk::audience::list::Review;
use visnyk::audience::list::TopicId;
use visnyk::audience::pace::Pace;
use visnyk::audience::preferences;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::Standing;
use visnyk::audience::sign_up::Wish;
use visnyk::audience::subscription::Subscription;
use visnyk::audience::subscription::TopicChoice;
use visnyk::clock::Stamp;
use visnyk::clock::TestClock;
use visnyk::config::Settings;
use visnyk::delivery::mailer::Kept;
use visnyk::delivery::mailer::Mailer;
use visnyk::delivery::mailer::Memory;
use visnyk::delivery::mailer::Route;
use visnyk::delivery::smtp::Timeouts;
use visnyk::delivery::smtp::Trust;
use visnyk::delivery::worker;
use visnyk::delivery::worker::Until;
use visnyk::digest::compile;
use visnyk::letter::LetterId;
use visnyk::letter::LetterState;
use visnyk::locale::Language;
use visnyk::source::Draft;
use visnyk::source::Selectors;
use visnyk::source::Source;
use visnyk::source::SourceKind;
use visnyk::source::poll;
use visnyk::store;
use visnyk::store::Db;
use visnyk::store::article::View;
use visnyk::store::attempt::AttemptRecord;
use visnyk::store::letter::LetterRecord;
use visnyk::store::source::NewSource;

use crate::support::database::Kind;
use crate::support::database::TestDb;

/// Everything a flow needs. Dropping it asserts nothing; [`TestApp::finish`] does.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) outbox: Memory,
    /// Its data.
    pub(crate) folder: TempDir,
    pub(crate) database: TestDb,
}

impl Deref for TestApp {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl TestApp {
    /// On a SQLite database of its own, at noon UTC on 1 June 2026, a Monday.
    pub(crate) async fn new() -> Self {
        Self::on(Kind::Sqlite, []).await
    }

    /// On the database given, with settings as the environment would give them.
    pub(crate) async fn on(kind: Kind, settings: impl IntoIterator<Item = (&str, &str)>) -> Self {
        let database = TestDb::make(kind).await;
        Self::over(database, settings).await
    }

    /// Over a database made before.
    pub(crate) async fn over(
        database: TestDb,
        settings: impl IntoIterator<Item = (&str, &str)>,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let mut environment = vec![
            ("VISNYK_DATABASE_URL".to_owned(), database.url.clone()),
            (
                "VISNYK_BASE_URL".to_owned(),
                "https://news.example.org".to_owned(),
            ),
            (
                "VISNYK_MAIL__FROM".to_owned(),
                "Вісник <news@example.org>".to_owned(),
            ),
            ("VISNYK_INGEST__ALLOW".to_owned(), "127.0.0.0/8".to_owned()),
        ];
        let more = settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        for (key, value) in more {
            environment.retain(|(known, _)| *known != key);
            environment.push((key, value));
        }
        let settings = Settings::read(None, Some(folder.path()), environment).unwrap();
        let start = chrono::DateTime::parse_from_rfc3339("2026-06-01T12:00:00Z").unwrap();
        let clock = Arc::new(TestClock::at(Stamp::from(start)));
        let mut app = App::open(settings, Arc::<TestClock>::clone(&clock))
            .await
            .unwrap();
        let outbox = Memory::default();
        app.mailers = [Mailer::Memory(outbox.clone())].into();
        Self {
            app,
            clock,
            outbox,
            folder,
            database,
        }
    }

    /// The same database under another address, as after a restart with new settings.
    pub(crate) async fn restarted(&self, base_url: &str) -> App {
        let mut settings = (*self.settings).clone();
        settings.base_url = base_url.to_owned();
        App::open(settings, Arc::<TestClock>::clone(&self.clock))
            .await
            .unwrap()
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, span: TimeDelta) {
        self.clock.advance(span);
    }

    /// Looks for what is due, as `tick` does, and sends what is due now.
    pub(crate) async fn tick(&self) {
        poll::poll_due(&self.app).await.unwrap();
        preferences::resume_due(&self.app).await.unwrap();
        compile::compile_due(&self.app).await.unwrap();
        worker::run(&self.app, Until::NothingDue).await.unwrap();
    }

    /// Everything that was sent since the last time.
    pub(crate) fn letters(&self) -> Vec<Kept> {
        self.outbox.take()
    }

    /// Adds a list that takes everything, daily by default, at 8 in Kyiv.
    pub(crate) async fn add_list(&self, slug: &str) -> List {
        self.add_list_with(slug, |_| {}).await
    }

    fn sample_list(&self, slug: &str) -> List {
        List {
            id: ListId(0),
            slug: slug.parse().unwrap(),
            name: "Усі новини".to_owned(),
            description: String::new(),
            sender: "Вісник <news@example.org>".parse().unwrap(),
            language: Language::Uk,
            zone: chrono_tz::Tz::Europe__Kyiv,
            hour: Hour::try_from(8).unwrap(),
            cadences: Cadence::ALL.to_vec(),
            topics: Vec::new(),
            review: Review::Auto,
            pace: Pace::default(),
            created_at: self.now(),
        }
    }

    /// The same, changed by `change` before it's added.
    pub(crate) async fn add_list_with(&self, slug: &str, change: impl FnOnce(&mut List)) -> List {
        let mut list = self.sample_list(slug);
        change(&mut list);
        let mut tx = self.db.begin().await.unwrap();
        list.id = store::list::add(&mut tx, &list).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        list
    }

    /// The number of a topic, made if it's new.
    pub(crate) async fn topic(&self, name: &str) -> TopicId {
        let mut tx = self.db.begin().await.unwrap();
        let id = store::topic::keep(&mut tx, TopicKind::Topic, name).await;
        tx.commit().await.unwrap();
        id.unwrap().unwrap()
    }

    /// A source that has been polled before and isn't due for years.
    pub(crate) async fn source(&self) -> Source {
        let mut tx = self.db.begin().await.unwrap();
        let all = store::source::all(&mut tx).await.unwrap();
        if let Some(source) = all.into_iter().next() {
            return source;
        }
        let new = NewSource {
            url: "https://source.example.org/feed".parse().unwrap(),
            kind: SourceKind::Feed,
            name: "Джерело".to_owned(),
            selectors: Selectors::default(),
            every: TimeDelta::days(10_000),
        };
        let (now, later) = (self.now(), self.now() + new.every);
        let id = store::source::add(&mut tx, &new, now)
            .await
            .unwrap()
            .unwrap();
        let mut source = store::source::find(&mut tx, id).await.unwrap().unwrap();
        source.first_polled_at = Some(now);
        store::source::claim(&mut tx, id, now, later).await.unwrap();
        store::source::record_good(&mut tx, &source, now, later, None)
            .await
            .unwrap();
        let source = store::source::find(&mut tx, id).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        source
    }

    /// Takes in what a source gave, the newest first.
    pub(crate) async fn take_in(&self, source: &Source, drafts: Vec<Draft>) -> intake::Taken {
        let mut tx = self.db.begin().await.unwrap();
        let taken = intake::take_in(&self.app, &mut tx, source, drafts)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        taken
    }

    /// Publishes an article with this title, which has no spaces, and these topics.
    pub(crate) async fn publish(&self, title: &str, topics: &[&str]) -> Article {
        let source = self.source().await;
        self.take_in(&source, vec![draft(title, topics)]).await;
        let mut tx = self.db.read().await.unwrap();
        let newest = store::article::page(&mut tx, View::Everything, None, 1).await;
        newest.unwrap().remove(0)
    }

    /// Does something to the database that no flow would. Gives the number of rows.
    pub(crate) async fn sql(&self, text: &str) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test knows what it does to its own database"
        )]
        let text = sqlx::AssertSqlSafe(text.to_owned());
        match &self.db {
            Db::Sqlite { write, .. } => sqlx::query(text)
                .execute(write)
                .await
                .unwrap()
                .rows_affected(),
            Db::Postgres(pool) => sqlx::query(text)
                .execute(pool)
                .await
                .unwrap()
                .rows_affected(),
        }
    }

    /// What is in the files of a SQLite database, by name.
    pub(crate) fn database_files(&self) -> Vec<(String, Vec<u8>)> {
        let path = self.database.url.strip_prefix("sqlite://").unwrap();
        ["", "-wal"]
            .into_iter()
            .filter_map(|end| {
                let name = format!("{path}{end}");
                Some((name.clone(), std::fs::read(name).ok()?))
            })
            .collect()
    }

    /// Letters leave through these from now on, in plain text.
    pub(crate) fn send_through(&mut self, servers: &[SocketAddr]) {
        let route = |address: &SocketAddr| {
            Mailer::Smtp(Arc::new(Route {
                relay: format!("smtp://{address}").parse().unwrap(),
                limits: Timeouts::default(),
                trust: Trust::only(Vec::new()).unwrap(),
            }))
        };
        self.app.mailers = servers.iter().map(route).collect();
    }

    /// So many readers of a list, who joined without a letter.
    pub(crate) async fn enrol(&self, list: &List, count: usize) {
        for number in 0..count {
            let wish = Self::wish(&format!("reader{number}@example.net"));
            sign_up::enrol(&self.app, list, &wish).await.unwrap();
        }
    }

    /// Publishes an article and queues it as a digest for every daily reader of a list.
    pub(crate) async fn queue_digest(&self, list: &List, title: &str) -> u64 {
        self.publish(title, &[]).await;
        // Two runs within one millisecond are one.
        self.wait(TimeDelta::milliseconds(1));
        compile::run_now(&self.app, list, Cadence::Daily)
            .await
            .unwrap()
            .1
    }

    /// Every try at a letter.
    pub(crate) async fn attempts(&self, letter: LetterId) -> Vec<AttemptRecord> {
        let mut tx = self.db.read().await.unwrap();
        store::attempt::of_letter(&mut tx, letter).await.unwrap()
    }

    /// Takes an article off.
    pub(crate) async fn withdraw(&self, id: ArticleId) {
        let mut tx = self.db.begin().await.unwrap();
        store::article::set_withdrawn(&mut tx, id, true, self.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Somebody asks and confirms. Their letters are queued, not sent.
    pub(crate) async fn subscribe(&self, list: &List, wish: &Wish) -> Standing {
        sign_up::ask(&self.app, list, wish).await.unwrap();
        let standing = self.standing(list, &wish.email).await;
        sign_up::confirm(&self.app, &standing, "form", "Так, це я")
            .await
            .unwrap();
        self.standing(list, &wish.email).await
    }

    /// How somebody stands with a list: as their own link would say.
    pub(crate) async fn standing(&self, list: &List, email: &EmailAddress) -> Standing {
        let mut tx = self.db.read().await.unwrap();
        let subscriber = store::subscriber::find_by_email(&mut tx, email)
            .await
            .unwrap()
            .unwrap();
        let all = store::subscription::of_subscriber(&mut tx, subscriber.id).await;
        drop(tx);
        let mut all = all.unwrap().into_iter();
        let subscription = all.find(|one| one.list_id == list.id).unwrap();
        let token = self.token(&subscription, Purpose::Preferences);
        sign_up::standing(&self.app, &token, Purpose::Preferences)
            .await
            .unwrap()
    }

    /// What a link of this purpose, made now, carries.
    pub(crate) fn token(&self, subscription: &Subscription, purpose: Purpose) -> String {
        let link = SignedLink {
            number: subscription.id.0,
            made: self.now(),
        };
        link.sign(purpose, &self.secret)
    }

    /// Plans what is due, and sends nothing.
    pub(crate) async fn compile(&self) -> u64 {
        compile::compile_due(&self.app).await.unwrap()
    }

    /// Sends what is due.
    pub(crate) async fn send(&self) {
        worker::run(&self.app, Until::NothingDue).await.unwrap();
    }

    /// Looks for what is due, and gives the digests that were sent, by reader.
    pub(crate) async fn digests(&self) -> Vec<(String, Vec<String>)> {
        self.tick().await;
        let mut digests: Vec<_> = self
            .letters()
            .iter()
            .filter(|kept| kept.name.starts_with("digest-"))
            .map(|kept| (kept.envelope.to.clone(), titles(&kept.letter)))
            .collect();
        digests.sort();
        digests
    }

    /// Every letter as the ledger tells it, the oldest first.
    pub(crate) async fn ledger(&self) -> Vec<LetterRecord> {
        let mut tx = self.db.read().await.unwrap();
        let mut all = store::letter::page(&mut tx, None, None, None, i64::MAX)
            .await
            .unwrap();
        all.reverse();
        all
    }

    /// How many letters stand there.
    pub(crate) async fn count(&self, state: LetterState) -> usize {
        let ledger = self.ledger().await;
        ledger.iter().filter(|letter| letter.state == state).count()
    }

    /// What somebody might ask for: everything, daily at the list's hour, in Ukrainian.
    pub(crate) fn wish(email: &str) -> Wish {
        Wish {
            email: email.parse::<EmailAddress>().unwrap(),
            name: String::new(),
            language: Language::Uk,
            zone: chrono_tz::Tz::Europe__Kyiv,
            cadence: Cadence::Daily,
            days: None,
            hour: None,
            topics: TopicChoice::default(),
            origin: "form".to_owned(),
            wording: "Підпишіться, щоб отримувати листи.".to_owned(),
        }
    }

    /// Asserts that nothing was left half done: no lease, no letter that is due, no task; and that what
    /// is kept of numbers is what is counted.
    pub(crate) async fn finish(self) {
        let mut tx = self.db.read().await.unwrap();
        let counts = store::ledger::counts(&mut tx).await.unwrap();
        let half_done = counts
            .iter()
            .filter(|(state, _)| matches!(state.as_str(), "leased" | "handing"));
        assert_eq!(half_done.count(), 0, "letters left in hand: {counts:?}");
        let kept = counts
            .iter()
            .map(|(state, letters)| (state.as_str().to_owned(), *letters));
        assert_eq!(kept.collect::<BTreeMap<_, _>>(), counted(&self.db).await);
        let due = store::letter::next_due(&mut tx).await.unwrap();
        assert!(
            due.is_none_or(|due| due > self.now()),
            "a letter that is due was left"
        );
        assert_eq!(self.tasks.len(), 0, "tasks left running");
    }
}

/// How many letters are in each state.
async fn counted(db: &Db) -> BTreeMap<String, i64> {
    const ALL: &str = "SELECT state, COUNT(*) FROM letter GROUP BY state";
    let rows: Vec<(String, i64)> = match db {
        Db::Sqlite { read, .. } => sqlx::query_as(ALL).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(ALL).fetch_all(pool).await.unwrap(),
    };
    rows.into_iter().collect()
}

/// What a source might give.
pub(crate) fn draft(title: &str, topics: &[&str]) -> Draft {
    Draft {
        guid: Some(format!("guid {title}")),
        url: Some(format!("https://source.example.org/{title}")),
        title: title.to_owned(),
        summary: "Коротко про все.".to_owned(),
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        ..Draft::default()
    }
}

/// The titles in a digest's text, the newest first, if titles begin with `Новина-`.
pub(crate) fn titles(letter: &[u8]) -> Vec<String> {
    let letter = MessageParser::default().parse(letter).unwrap();
    let text = letter.body_text(0).unwrap();
    let titles = text.lines().filter(|line| line.starts_with("Новина-"));
    titles.map(str::to_owned).collect()
}
