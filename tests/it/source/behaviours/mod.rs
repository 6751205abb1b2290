//! One table of what servers do, and what must come of it.
//!
//! Every row is a source of its own, all in one Visnyk. It's read once as it should be, then its
//! server does what the row says, then it's sound again. Of each row is known what state the source
//! ends in, what its page says in words, when it's polled next, what articles came; and that the
//! articles and validators of before are still there, and that it recovers. That no row is felt by
//! another, all of them show at once.

mod answers;
mod documents;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use visnyk::source::Selectors;
use visnyk::source::Source;
use visnyk::source::SourceId;
use visnyk::source::SourceKind;
use visnyk::source::SourceState;
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
use crate::support::origin::Asked;
use crate::support::origin::Origin;
use crate::support::origin::Reply;
use crate::support::origin::answer;

const EVERY: TimeDelta = TimeDelta::minutes(15);
/// The wait after one failure, in minutes, with its spread.
const AFTER_A_FAILURE: RangeInclusive<i64> = 30..=33;

/// What must come of a row.
#[derive(Debug)]
enum Outcome {
    /// Nothing is read, for a reason whose words hold these; the next poll is in so many minutes.
    Fails(&'static str, RangeInclusive<i64>),
    /// It's not polled any more.
    Ends(&'static str),
    /// Nothing is new.
    Unchanged,
    /// These are new, and the source's page says this, if anything.
    Reads(&'static [&'static str], &'static str),
}
use Outcome::Ends;
use Outcome::Fails;
use Outcome::Reads;
use Outcome::Unchanged;

type Behaviour = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

struct Row {
    name: &'static str,
    outcome: Outcome,
    behaviour: Behaviour,
    /// The first, sound answer gives no validators.
    bare: bool,
    /// The host's name, if it's no address.
    host: Option<&'static str>,
}

fn row(
    name: &'static str,
    outcome: Outcome,
    behaviour: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> Row {
    Row {
        name,
        outcome,
        behaviour: Box::new(behaviour),
        bare: false,
        host: None,
    }
}

/// A row of one answer, whatever is asked.
fn says(name: &'static str, outcome: Outcome, reply: Reply) -> Row {
    row(name, outcome, move |_| reply.clone())
}

fn fails(name: &'static str, words: &'static str, reply: Reply) -> Row {
    says(name, Fails(words, AFTER_A_FAILURE), reply)
}

/// The feed of before, and what is put in front of it.
fn feed(more: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Новини</title>{more}\
         <item><guid>1</guid><title>Перша</title><link>/1</link></item>\
         <item><guid>2</guid><title>Друга</title><link>/2</link></item></channel></rss>"
    )
}

const MIME: (&str, &str) = ("Content-Type", "application/rss+xml");

fn sound(bare: bool, more: &str) -> Reply {
    let headers = [MIME, ("ETag", "\"sound\"")];
    answer("200 OK", &headers[..2 - usize::from(bare)], feed(more))
}

/// Sites of 127.0.2.0/24; `rebind.example` turns inside after the first answer, and
/// `both.example` leads to both at once.
#[derive(Debug, Default)]
struct Names {
    asked: AtomicUsize,
}

impl Lookup for Names {
    fn lookup(&self, name: &str) -> Answers {
        let outside: IpAddr = [127, 0, 2, 250].into();
        let inside: IpAddr = [127, 0, 0, 9].into();
        let answer = match name {
            "both.example" => vec![inside, outside],
            _ if self.asked.fetch_add(1, Ordering::SeqCst) == 0 => vec![outside],
            _ => vec![inside],
        };
        Box::pin(async move { Ok(answer) })
    }
}

async fn app() -> TestApp {
    let mut app = TestApp::new().await;
    let limits = Limits {
        headers: Duration::from_secs(4),
        stretch: Duration::from_secs(3),
        ..Limits::default()
    };
    let policy = AddressPolicy::allowing(vec!["127.0.2.0/24".parse().unwrap()]);
    let names: Arc<dyn Lookup> = Arc::new(Names::default());
    app.app.fetcher = Fetcher::with(policy, "https://news.example.org", limits, &names).unwrap();
    app
}

async fn add(app: &TestApp, rows: &[Row], port: u16) -> Vec<SourceId> {
    let mut tx = app.db.begin().await.unwrap();
    let mut ids = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let host = row
            .host
            .map_or_else(|| format!("127.0.2.{place}"), str::to_owned);
        let new = NewSource {
            url: format!("http://{host}:{port}/{place}").parse().unwrap(),
            kind: SourceKind::Feed,
            name: row.name.to_owned(),
            selectors: Selectors::default(),
            every: EVERY,
        };
        ids.push(
            store::source::add(&mut tx, &new, app.now())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    tx.commit().await.unwrap();
    ids
}

/// Polls what is due, as many looks as it takes.
async fn look(app: &TestApp) {
    while poll::poll_due(app).await.unwrap() > 0 {}
}

async fn source(app: &TestApp, id: SourceId) -> Source {
    store::source::find(&mut app.db.read().await.unwrap(), id)
        .await
        .unwrap()
        .unwrap()
}

async fn titles(app: &TestApp, id: SourceId) -> BTreeSet<String> {
    let mut tx = app.db.read().await.unwrap();
    let all = store::article::page(&mut tx, View::Source(id), None, i64::MAX).await;
    all.unwrap()
        .into_iter()
        .map(|article| article.title)
        .collect()
}

/// What is not as the row says, after its behaviour.
async fn wrong_after(app: &TestApp, row: &Row, before: &Source) -> Vec<String> {
    let after = source(app, before.id).await;
    let came = titles(app, before.id).await;
    let minutes = (after.next_poll_at - app.now()).num_minutes();
    let problem = after.problem.clone().unwrap_or_default();
    let (state, words, next, new, failures): (_, _, _, &[&str], _) = match &row.outcome {
        Fails(words, next) => (SourceState::Active, *words, next.clone(), &[], 1),
        Ends(words) => (SourceState::Gone, *words, 0..=i64::MAX, &[], 1),
        Unchanged => (SourceState::Active, "", 15..=63, &[], 0),
        Reads(new, words) => (SourceState::Active, *words, 15..=63, *new, 0),
    };
    let mut wrong = Vec::new();
    let mut check = |right: bool, what: String| {
        if !right {
            wrong.push(what);
        }
    };
    check(after.state == state, format!("{:?}", after.state));
    check(
        problem.contains(words) && problem.is_empty() == words.is_empty(),
        format!("says {problem}"),
    );
    check(
        next.contains(&minutes),
        format!("comes again after {minutes} min"),
    );
    check(
        after.failures == failures,
        format!("{} failures", after.failures),
    );
    let expected: BTreeSet<_> = ["Перша", "Друга"]
        .iter()
        .chain(new)
        .map(|&t| t.to_owned())
        .collect();
    check(came == expected, format!("has {came:?}"));
    if failures > 0 {
        let marks = |source: &Source| (source.etag.clone(), source.last_modified.clone());
        check(
            marks(&after) == marks(before),
            format!("keeps {:?}", marks(&after)),
        );
        check(
            after.last_good_at == before.last_good_at,
            "is good all the same".to_owned(),
        );
    }
    wrong
}

/// What is not as it should be once the server is sound again.
async fn wrong_at_last(app: &TestApp, row: &Row, id: SourceId) -> Vec<String> {
    let source = source(app, id).await;
    let has_new = titles(app, id).await.contains("Одужала");
    let ends = matches!(row.outcome, Ends(_)) || row.host == Some("rebind.example");
    let well = has_new && source.failures == 0 && source.problem.is_none();
    if well == ends {
        vec![format!(
            "does not recover: {:?}, {} failures",
            source.problem, source.failures
        )]
    } else {
        Vec::new()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_behaviour_of_a_server_has_its_outcome() {
    let canary = Origin::routed("127.0.0.9", |_| answer("200 OK", &[MIME], feed(""))).await;
    let mut rows = answers::rows(canary.port());
    rows.extend(documents::rows());
    let rows = Arc::new(rows);
    assert!(rows.len() >= 60 && rows.len() < 250, "{} rows", rows.len());
    let act = Arc::new(AtomicUsize::new(0));
    let (actors, scene) = (Arc::clone(&rows), Arc::clone(&act));
    let origin = Origin::routed("0.0.0.0", move |asked| {
        let place = asked
            .path
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap();
        let row = &actors[place.parse::<usize>().unwrap()];
        match scene.load(Ordering::SeqCst) {
            0 => sound(row.bare, ""),
            1 => (row.behaviour)(asked),
            _ => sound(
                row.bare,
                "<item><guid>9</guid><title>Одужала</title></item>",
            ),
        }
    })
    .await;
    let app = app().await;
    let ids = add(&app, &rows, origin.port()).await;
    look(&app).await;
    app.wait(TimeDelta::hours(2));
    let mut before = Vec::new();
    for id in &ids {
        let source = source(&app, *id).await;
        assert_eq!(source.problem, None, "{}", source.name);
        before.push(source);
    }
    act.store(1, Ordering::SeqCst);
    look(&app).await;
    let mut wrong = Vec::new();
    for (row, before) in rows.iter().zip(&before) {
        let found = wrong_after(&app, row, before).await;
        wrong.extend(
            found
                .into_iter()
                .map(|what| format!("{}: {what}", row.name)),
        );
    }
    act.store(2, Ordering::SeqCst);
    app.wait(TimeDelta::days(3));
    look(&app).await;
    for (row, id) in rows.iter().zip(&ids) {
        let found = wrong_at_last(&app, row, *id).await;
        wrong.extend(
            found
                .into_iter()
                .map(|what| format!("{}: {what}", row.name)),
        );
    }
    assert_eq!(canary.asked(), [], "the canary was reached");
    let names: BTreeSet<_> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len(), "two rows have one name");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} behaviours of servers have their outcome", rows.len());
}
