//! One poll of a source: fetch, read, take in; or note in words why it didn't work, and wait
//! longer.
//!
//! What the database holds is never worse after a failed poll: the old articles and validators
//! stay.

mod look;
mod pages;
mod settle;

pub use self::look::poll_due;
pub use self::look::ring;

use std::time::Duration;

use chrono::TimeDelta;
use url::Url;

use crate::app::App;
use crate::article::intake;
use crate::article::intake::Taken;
use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Moved;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::source::discover::Seen;
use crate::source::fetch::Accept;
use crate::source::fetch::Document;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::source::fetch::Validators;
use crate::source::read;
use crate::source::read::How;
use crate::source::site::leave;
use crate::source::websub;
use crate::store;
use crate::store::Tx;
use crate::webhook::Event;

/// A permanent redirect is believed when it was seen at so many polls in a row …
const SIGHTINGS: i64 = 3;
/// … over so long.
const STANDING: TimeDelta = TimeDelta::hours(24);
/// The longest wait between polls of a source that fails.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);
/// Failures in a row that programs are told of.
const TOLD_AFTER: i64 = 3;

/// What a poll came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Polled {
    /// It was read.
    Read {
        /// What became of its articles.
        #[serde(flatten)]
        taken: Taken,
        /// What was repaired or left out, in words.
        problems: Vec<String>,
    },
    /// It had nothing new to say.
    Unchanged,
    /// It could not be read, in words.
    Failed {
        /// Why.
        problem: String,
    },
}

/// Polls one source now, due or not.
pub async fn poll(app: &App, source: Source) -> anyhow::Result<Polled> {
    let begun = app.now();
    let validators = Validators {
        url: source
            .validators_url
            .as_ref()
            .unwrap_or(&source.url)
            .clone(),
        etag: source.etag.clone(),
        last_modified: source.last_modified.clone(),
    };
    let request = Request {
        url: &source.url,
        validators: source.last_good_at.is_some().then_some(&validators),
        accept: Accept::Source,
        now: app.now(),
    };
    let polled = match app.fetcher.get(&request).await {
        Ok(Fetched::NotModified { moved_to, max_age }) => {
            unchanged(app, &source, moved_to, max_age).await?
        }
        Ok(Fetched::Document(document)) => {
            document_came(app, source.clone(), document, begun).await?
        }
        Err(problem) => failed(app, &source, &problem).await?,
    };
    tracing::info!(source = source.id.0, outcome = ?polled, "poll.done");
    Ok(polled)
}

async fn unchanged(
    app: &App,
    source: &Source,
    moved_to: Option<SourceUrl>,
    max_age: Option<Duration>,
) -> anyhow::Result<Polled> {
    let now = app.now();
    let source = &Source {
        pace: source.pace.clone().with_fresh(max_age),
        ..source.clone()
    };
    let next = next_good(source, now);
    let mut tx = app.db.begin().await?;
    store::source::record_good(&mut tx, source, now, next, source.problem.as_deref()).await?;
    note_move(&mut tx, source, moved_to, now).await?;
    websub::ease(app, &mut tx, source).await?;
    tx.commit().await?;
    Ok(Polled::Unchanged)
}

fn next_good(source: &Source, now: Stamp) -> Stamp {
    source.pace.next(now, source.every, source.id.0)
}

/// A permanent redirect becomes the source's address once it has stood for a day: one that a broken
/// proxy or a portal sends would lose the source for good.
async fn note_move(
    tx: &mut Tx,
    source: &Source,
    to: Option<SourceUrl>,
    now: Stamp,
) -> store::Result<()> {
    let Some(to) = to else {
        if source.moved.is_some() {
            store::source::set_moved(tx, source.id, None).await?;
        }
        return Ok(());
    };
    let known = source.moved.clone().filter(|moved| moved.to == to);
    let moved = Moved {
        since: known.as_ref().map_or(now, |known| known.since),
        times: known.map_or(0, |known| known.times) + 1,
        to,
    };
    let stands = moved.times >= SIGHTINGS && now - moved.since >= STANDING;
    if stands && store::source::move_to(tx, source.id, &moved.to).await? {
        tracing::info!(source = source.id.0, to = moved.to.as_str(), "source.moved");
        return Ok(());
    }
    store::source::set_moved(tx, source.id, Some(&moved)).await
}

async fn document_came(
    app: &App,
    mut source: Source,
    document: Document,
    begun: Stamp,
) -> anyhow::Result<Polled> {
    let reading = read_document(app, &source, &document).await?;
    if reading.kind.is_none() {
        return note_failure(app, &source, &reading.reason(), None).await;
    }
    let seen = Seen { document, reading };
    let seen = Box::pin(settle::settle(app, &mut source, seen)).await?;
    let Seen {
        document,
        mut reading,
    } = seen;
    let whole = reading.kind != Some(DocumentKind::Listing)
        || pages::complete(app, &source, &mut reading, begun).await?;
    let now = app.now();
    // What was left for the next poll must be asked for then, changed or not.
    let hub = websub::find(&document);
    drop(document.bytes); // storing needs the room
    let validators = document.validators.filter(|_| whole);
    source.validators_url = validators.as_ref().map(|validators| validators.url.clone());
    source.etag = validators
        .as_ref()
        .and_then(|validators| validators.etag.clone());
    source.last_modified = validators.and_then(|validators| validators.last_modified);
    source.pace = if document.delta {
        source.pace
    } else {
        reading.pace.clone().with_rhythm_of(&reading.drafts)
    };
    source.pace = source.pace.with_fresh(document.max_age);
    let mut tx = app.db.begin().await?;
    let given = intake::Given {
        drafts: reading.drafts,
        deleted: reading.deleted,
        complete: reading.complete && !document.delta,
    };
    let taken = intake::take_document(app, &mut tx, &source, given).await?;
    reading.problems.extend(taken.flood.clone());
    source.first_polled_at = source.first_polled_at.or(whole.then_some(now));
    let note = reading.problems.join("; ");
    let note = (!note.is_empty()).then_some(note.as_str());
    let next = next_good(&source, now);
    store::source::record_good(&mut tx, &source, now, next, note).await?;
    note_move(&mut tx, &source, document.moved_to, now).await?;
    websub::heed(app, &mut tx, &source, hub, document.delta).await?;
    tx.commit().await?;
    Ok(Polled::Read {
        taken,
        problems: reading.problems,
    })
}

pub(super) async fn read_document(
    app: &App,
    source: &Source,
    document: &Document,
) -> anyhow::Result<Reading> {
    read_as(app, source.kind, &source.selectors, document).await
}

/// What a document gives, taken for this kind. Reading is work for the processor, and a hostile
/// document can make it much.
pub(crate) async fn read_as(
    app: &App,
    kind: SourceKind,
    selectors: &Selectors,
    document: &Document,
) -> anyhow::Result<Reading> {
    let (bytes, content_type) = (document.bytes.clone(), document.content_type.clone());
    let base = Url::parse(document.final_url.as_str())?;
    let selectors = selectors.clone();
    let (zone, now) = (app.settings.site.zone, app.now());
    let reading = tokio::task::spawn_blocking(move || {
        let document = read::Document {
            bytes: &bytes,
            content_type: content_type.as_deref(),
            base: Some(&base),
        };
        let how = How {
            kind,
            selectors: &selectors,
            zone,
            now,
        };
        read::read(&document, &how)
    });
    Ok(reading.await?)
}

async fn failed(app: &App, source: &Source, problem: &FetchError) -> anyhow::Result<Polled> {
    if problem.is_permanent() {
        let mut tx = app.db.begin().await?;
        store::source::record_bad(
            &mut tx,
            source.id,
            app.now(),
            app.now(),
            &problem.to_string(),
        )
        .await?;
        store::source::set_state(&mut tx, source.id, SourceState::Gone, app.now()).await?;
        tell(app, &mut tx, source, &problem.to_string()).await?;
        tx.commit().await?;
        return Ok(Polled::Failed {
            problem: problem.to_string(),
        });
    }
    let asked = leave(app, &source.url, problem).await?;
    note_failure(app, source, &problem.to_string(), asked).await
}

async fn note_failure(
    app: &App,
    source: &Source,
    problem: &str,
    asked: Option<TimeDelta>,
) -> anyhow::Result<Polled> {
    let now = app.now();
    let own = spread(wait_after(source.every, source.failures + 1), source.id);
    let asked = spread(asked.unwrap_or_default(), source.id);
    let wait = own.min(LONGEST_WAIT).max(asked);
    let next = source.pace.after_quiet(now + wait);
    let mut tx = app.db.begin().await?;
    store::source::record_bad(&mut tx, source.id, now, next, problem).await?;
    if source.failures + 1 == TOLD_AFTER {
        tell(app, &mut tx, source, problem).await?;
    }
    tx.commit().await?;
    Ok(Polled::Failed {
        problem: problem.to_owned(),
    })
}

/// Tells whoever asked that a source fails.
async fn tell(app: &App, tx: &mut Tx, source: &Source, problem: &str) -> store::Result<()> {
    let about = serde_json::json!({
        "source": source.id, "name": source.name, "url": source.url.as_str(), "problem": problem,
    });
    store::webhook::tell(tx, Event::Failing, &about, app.now()).await
}

/// Twice as long after each failure, to a day at most, and never giving up.
fn wait_after(every: TimeDelta, failures: i64) -> TimeDelta {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let wait = every.checked_mul(2_i32.saturating_pow(doublings.min(16)));
    wait.map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

/// Up to a tenth longer, by the source's number, so that sources that failed together don't come
/// back together.
fn spread(wait: TimeDelta, source: SourceId) -> TimeDelta {
    let share = i32::try_from(source.0.rem_euclid(11)).unwrap_or_default();
    wait + wait / 100 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_ends_at_a_day() {
        let every = TimeDelta::minutes(15);
        assert_eq!(wait_after(every, 1), TimeDelta::minutes(30));
        assert_eq!(wait_after(every, 4), TimeDelta::hours(4));
        assert_eq!(wait_after(every, 1_000_000), LONGEST_WAIT);
    }
}
