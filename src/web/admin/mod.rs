//! The web console: how things stand, and everything that can be done about it. Only for whoever is
//! signed in: viewers see, editors change, owners decide who may. Every change is in the log.
//!
//! An editor may be bound to some lists ([`Reach`]). A page lets them in only if it says so: by
//! [`session::Anyone`] or [`desk::AnyEditor`] where all that it shows and changes is within their
//! reach, by [`own::Seen`] or [`own::Own`] for one thing of a list, which isn't there for whoever has
//! another. The others refuse them.

pub(super) mod account;
pub(super) mod articles;
pub(super) mod bound;
pub(super) mod codes;
mod coming;
mod desk;
pub(super) mod digest;
pub(super) mod first_steps;
pub(super) mod import;
pub(super) mod letters;
pub(super) mod lists;
pub(super) mod lost;
pub(super) mod oidc;
pub(super) mod own;
pub(super) mod people;
pub(super) mod session;
pub(super) mod settings;
pub(super) mod several;
pub(super) mod sources;
pub(super) mod staff;
pub(super) mod suppressions;
pub(super) mod templates;
pub(super) mod webhooks;

use axum::response::Response;

use crate::access::Role;
use crate::access::User;
use crate::access::reach::Reach;
use crate::app::App;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::SubscriptionState;
use crate::delivery::canary;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::letter::LetterState;
use crate::source::Source;
use crate::source::SourceState;
use crate::store;
use crate::store::Tx;
use crate::store::digest::Summary;
use crate::store::subscription::Listed;
use crate::templates::admin::AdminHome;
use crate::templates::admin::DigestRow;
use crate::templates::admin::DigestWord;
use crate::templates::admin::Digests;
use crate::templates::admin::FailingSource;
use crate::templates::admin::LetterCounts;
use crate::templates::admin::SeveralDone;
use crate::templates::admin::SubscriberRow;
use crate::templates::admin::Subscribers;
use crate::templates::admin::SubscriptionWord;
use crate::templates::board::Chart;
use crate::templates::cards::SignedIn;
use crate::templates::pages::Page;
use crate::web::error::Error;
use crate::web::visit::Visit;

use session::Anyone;

pub use session::sign_in_link;

/// Rows on a page.
const A_PAGE: usize = 50;
/// Subscriptions are counted no further: nobody reads on to the end.
const MOST_COUNTED: i64 = 10_000;
/// Digests on the first page of the console.
const NEWEST: usize = 10;

/// `/admin`.
pub(super) async fn home(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let reach = &user.reach;
    let yesterday = visit.app.now() - chrono::TimeDelta::days(1);
    let digests = store::digest::summaries(&mut tx, reach, None, limit(NEWEST)).await?;
    let sources = store::source::all(&mut tx).await?;
    let active = store::subscription::count_active(&mut tx, reach).await?;
    let page = AdminHome {
        first_steps: first_steps::left(&visit, &user, &mut tx).await?,
        articles: store::article::count(&mut tx).await?.unsigned_abs(),
        subscriptions: active.unsigned_abs(),
        waiting: store::letter::count_unfinished(&mut tx, reach)
            .await?
            .unsigned_abs(),
        accepted: store::letter::count_accepted(&mut tx, reach, yesterday)
            .await?
            .unsigned_abs(),
        silent: store::canary::at(&mut tx, visit.app.now())
            .await?
            .into_iter()
            .filter(|(silence, _)| reach.has(silence.list))
            .map(|silence| canary::shown(&visit.app, silence))
            .collect(),
        failing: sources.into_iter().filter_map(failing).collect(),
        charts: vec![
            readers_by_day(&visit, &mut tx, (reach, active)).await?,
            by_digest(&visit, &digests),
        ],
        coming: coming::coming(&visit, &mut tx, reach).await?,
        digests: digests
            .into_iter()
            .map(|digest| digest_row(&visit, digest))
            .collect(),
    };
    show(&visit, &user, &page)
}

/// Days that the chart of readers shows.
const DAYS: i64 = 30;

/// Active subscriptions within reach at the end of each of the last days: counted now, and from there
/// back what came and went.
async fn readers_by_day(
    visit: &Visit,
    tx: &mut Tx,
    (reach, now): (&Reach, i64),
) -> Result<Chart, Error> {
    let (mut counts, mut readers) = (Vec::new(), now);
    let days_ago = |ago| visit.app.now() - chrono::TimeDelta::days(ago);
    for ago in 0..DAYS {
        let (from, to) = (days_ago(ago + 1), days_ago(ago));
        let label = visit.local(to).format("%d.%m").to_string();
        counts.push((label, readers));
        readers -= store::ledger::came_and_went(tx, reach, from, to).await?;
    }
    counts.reverse();
    Ok(Chart::of("readers_by_day", "day", counts))
}

/// Letters that servers took, of each of the newest digests, the oldest first.
fn by_digest(visit: &Visit, digests: &[Summary]) -> Chart {
    let counts = digests.iter().rev().map(|digest| {
        let cut = visit.local(digest.cut_at).format("%d.%m");
        let accepted = digest
            .letters
            .iter()
            .filter(|(state, _)| *state == LetterState::Accepted);
        (
            format!("{} {cut}", digest.list),
            accepted.map(|(_, count)| count).sum(),
        )
    });
    Chart::of("letters_by_digest", "digest", counts)
}

/// `/admin/subscribers?q=&before=`.
pub(super) async fn subscribers(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let query = visit.asked_for("q").unwrap_or_default();
    let prefix = query.trim().to_lowercase();
    let before = visit.asked_for("before").and_then(|id| id.parse().ok());
    let mut tx = visit.app.db.read().await?;
    let count = store::subscription::count(&mut tx, &user.reach, &prefix, MOST_COUNTED + 1).await?;
    let mut rows = store::subscription::page(
        &mut tx,
        &user.reach,
        &prefix,
        before.map(SubscriptionId),
        limit(A_PAGE + 1),
    )
    .await?;
    let more = rows.len() > A_PAGE;
    rows.truncate(A_PAGE);
    let last = rows.last().filter(|_| more).map(|row| row.id.0);
    let page = Subscribers {
        action: visit.app.url("/admin/subscribers"),
        next: last.map(|last| next_page(&visit.app, &query, last)),
        query,
        done: several_done(&visit),
        count: count.min(MOST_COUNTED).unsigned_abs(),
        more: count > MOST_COUNTED,
        rows: rows
            .into_iter()
            .map(|row| subscriber_row(&visit, row))
            .collect(),
    };
    show(&visit, &user, &page)
}

/// What became of those that were ticked.
fn several_done(visit: &Visit) -> Option<SeveralDone> {
    let count = |name| visit.asked_for(name)?.parse().ok();
    let ended = count("ended").map(|count| SeveralDone {
        what: "ended",
        count,
    });
    ended.or_else(|| {
        let count = count("suppressed")?;
        Some(SeveralDone {
            what: "suppressed",
            count,
        })
    })
}

/// `/admin/digests?before=`.
pub(super) async fn digests(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let before = visit.asked_for("before").and_then(|id| id.parse().ok());
    let mut tx = visit.app.db.read().await?;
    let mut digests = store::digest::summaries(
        &mut tx,
        &user.reach,
        before.map(DigestId),
        limit(A_PAGE + 1),
    )
    .await?;
    let more = digests.len() > A_PAGE;
    digests.truncate(A_PAGE);
    let last = digests.last().filter(|_| more).map(|digest| digest.id.0);
    let page = Digests {
        coming: match before {
            None => coming::coming(&visit, &mut tx, &user.reach).await?,
            Some(_) => Vec::new(),
        },
        rows: digests
            .into_iter()
            .map(|digest| digest_row(&visit, digest))
            .collect(),
        next: last.map(|last| visit.app.url(&format!("/admin/digests?before={last}"))),
    };
    show(&visit, &user, &page)
}

/// A page of the console, with who is signed in.
fn show<P: Page>(visit: &Visit, user: &User, page: &P) -> Result<Response, Error> {
    let signed_in = SignedIn {
        email: user.email.to_string(),
        sign_out: "/admin/sign-out".to_owned(),
        may_change: user.role >= Role::Editor,
        may_all: user.role >= Role::Owner,
        sees_all: !user.reach.is_bound(),
    };
    visit.page_with(page, |mut frame| {
        frame.signed_in = Some(signed_in);
        Ok(frame)
    })
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn next_page(app: &App, query: &str, last: i64) -> String {
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    if !query.is_empty() {
        fields.append_pair("q", query);
    }
    fields.append_pair("before", &last.to_string());
    app.url(&format!("/admin/subscribers?{}", fields.finish()))
}

/// A source that was looked for in vain, with what went wrong.
fn failing(source: Source) -> Option<FailingSource> {
    let fails = source.failures > 0 || source.state == SourceState::Gone;
    fails.then(|| FailingSource {
        name: source.name,
        url: source.url.to_string(),
        error: source.problem.unwrap_or_default(),
    })
}

fn subscriber_row(visit: &Visit, row: Listed) -> SubscriberRow {
    SubscriberRow {
        id: row.id.0,
        url: visit
            .app
            .url(&format!("/admin/subscribers/{}", row.subscriber.0)),
        address: row.email,
        name: row.name,
        list: row.list,
        cadence: row.cadence,
        state: match row.state {
            SubscriptionState::Asked => SubscriptionWord::Asked,
            SubscriptionState::Active => SubscriptionWord::Active,
            SubscriptionState::Paused => SubscriptionWord::Paused,
            SubscriptionState::Ended => SubscriptionWord::Ended,
        },
        since: visit.local(row.since),
    }
}

fn digest_row(visit: &Visit, digest: Summary) -> DigestRow {
    let letters = letter_counts(&digest.letters);
    DigestRow {
        list: digest.list,
        cadence: digest.cadence,
        cut: visit.local(digest.cut_at),
        state: digest_word(digest.state, &letters),
        page: visit.app.url(&format!("/admin/digests/{}", digest.id.0)),
        articles: digest.articles.unsigned_abs(),
        letters,
    }
}

fn digest_word(state: DigestState, letters: &LetterCounts) -> DigestWord {
    match state {
        DigestState::Held => DigestWord::Held,
        DigestState::Planning => DigestWord::Open,
        DigestState::Planned if letters.waiting > 0 => DigestWord::Sending,
        DigestState::Planned => DigestWord::Done,
        DigestState::Cancelled => DigestWord::Cancelled,
    }
}

fn letter_counts(letters: &[(LetterState, i64)]) -> LetterCounts {
    let mut counts = LetterCounts::default();
    for (state, letters) in letters {
        let count = match state {
            LetterState::Queued
            | LetterState::Leased
            | LetterState::Handing
            | LetterState::Deferred
            | LetterState::Paused => &mut counts.waiting,
            LetterState::Accepted => &mut counts.accepted,
            LetterState::Uncertain => &mut counts.uncertain,
            LetterState::Refused | LetterState::Failed => &mut counts.refused,
            LetterState::Cancelled => continue,
        };
        *count += letters.unsigned_abs();
    }
    counts
}
