//! `/metrics`: how things stand, for Prometheus. Numbers alone, and no address of anybody.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::access::reach::Reach;
use crate::app::App;
use crate::source::Source;
use crate::source::SourceState;
use crate::store;
use crate::store::Tx;
use crate::web::error::Error;

/// Requests answered since the process began, by the first digit of the status.
static ANSWERED: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];
/// Of those, feeds.
static FEEDS: AtomicU64 = AtomicU64::new(0);

/// Counts an answer.
pub(super) fn count(route: &str, status: StatusCode) {
    let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
    ANSWERED[class].fetch_add(1, Ordering::Relaxed);
    if route.contains("feed") && status.as_u16() < 400 {
        FEEDS.fetch_add(1, Ordering::Relaxed);
    }
}

/// `/metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Error> {
    let text = text(&app).await?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

async fn text(app: &App) -> store::Result<String> {
    let mut page = Page::default();
    let mut tx = app.db.read().await?;
    let letters = store::ledger::counts(&mut tx).await?;
    let letters = letters
        .into_iter()
        .map(|(state, count)| (state.as_str(), count));
    let about = "Letters by where they stand.";
    page.family("visnyk_letters", "gauge", about, "state", letters);
    let sources = by_state(&store::source::all(&mut tx).await?);
    let about = "Sources by how they are.";
    page.family("visnyk_sources", "gauge", about, "state", sources);
    figures(app, &mut tx, &mut page).await?;
    let answered = ["1xx", "2xx", "3xx", "4xx", "5xx"]
        .into_iter()
        .zip(&ANSWERED);
    let answered = answered.map(|(class, count)| (class, read(count)));
    let (name, about) = ("visnyk_http_requests_total", "Requests answered.");
    page.family(name, "counter", about, "status", answered);
    let (name, about) = ("visnyk_feeds_served_total", "Feeds served.");
    page.one(name, "counter", about, read(&FEEDS));
    Ok(page.0)
}

/// What is one number each.
async fn figures(app: &App, tx: &mut Tx, page: &mut Page) -> store::Result<()> {
    let due = store::letter::next_due(tx).await?;
    let age = due.map_or(0, |due| (app.now() - due).num_seconds().max(0));
    let about = "How long the letter that is due longest has waited.";
    page.one("visnyk_queue_age_seconds", "gauge", about, age);
    let articles = store::article::count(tx).await?;
    page.one("visnyk_articles", "gauge", "Published articles.", articles);
    let readers = store::subscription::count_active(tx, &Reach::All).await?;
    let about = "Active subscriptions.";
    page.one("visnyk_subscriptions_active", "gauge", about, readers);
    let silent = store::canary::at(tx, app.now()).await?.len();
    let about = "Lists whose digest was due and didn't come to the canary.";
    let silent = i64::try_from(silent).unwrap_or(i64::MAX);
    page.one("visnyk_canary_silent", "gauge", about, silent);
    let bytes = store::ledger::database_bytes(tx).await?;
    let about = "Size of the database.";
    page.one("visnyk_database_bytes", "gauge", about, bytes);
    Ok(())
}

fn read(count: &AtomicU64) -> i64 {
    i64::try_from(count.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
}

fn by_state(sources: &[Source]) -> Vec<(&'static str, i64)> {
    let count = |is: fn(&Source) -> bool| {
        let found = sources.iter().filter(|source| is(source)).count();
        i64::try_from(found).unwrap_or(i64::MAX)
    };
    vec![
        (
            "active",
            count(|source| source.state == SourceState::Active && source.failures == 0),
        ),
        (
            "failing",
            count(|source| source.state == SourceState::Active && source.failures > 0),
        ),
        (
            "paused",
            count(|source| source.state == SourceState::Paused),
        ),
        ("gone", count(|source| source.state == SourceState::Gone)),
    ]
}

/// Prometheus's text format, version 0.0.4.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string can't fail.
        write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n").ok();
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: i64) {
        self.head(name, kind, help);
        writeln!(self.0, "{name} {value}").ok();
    }

    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, i64)>,
    ) {
        self.head(name, kind, help);
        for (which, value) in values {
            writeln!(self.0, "{name}{{{label}=\"{which}\"}} {value}").ok();
        }
    }
}
