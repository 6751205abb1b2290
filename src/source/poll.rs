//! One poll of a source: fetch, read, take in; or note in words why it didn't work, and wait
//! longer.
//!
//! What the database holds is never worse after a failed poll: the old articles and validators
//! stay.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use url::Url;

use crate::app::App;
use crate::article::intake;
use crate::article::intake::Taken;
use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::source::fetch::Accept;
use crate::source::fetch::Document;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::source::fetch::Validators;
use crate::source::page;
use crate::source::read;
use crate::source::read::How;
use crate::source::websub;
use crate::store;

/// How many sources one look polls.
const AT_A_LOOK: i64 = 50;
/// How many sites are asked at the same time.
const SITES_AT_ONCE: usize = 8;
/// How many article pages one poll of a listing reads.
const PAGES: usize = 60;
/// How many known articles at the head of a listing are read again, to catch edits.
const READ_AGAIN: usize = 5;
/// The longest wait between polls of a source that fails.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

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

/// Polls every source that's due now: those of one site one after another, sites side by side, so
/// that a slow one holds up no other. Gives how many.
pub async fn poll_due(app: &App) -> anyhow::Result<usize> {
    let due = store::source::due(&mut app.db.read().await?, app.now(), AT_A_LOOK).await?;
    let mut sites = BTreeMap::<String, Vec<SourceId>>::new();
    for (id, address) in due {
        let url = Url::parse(&address).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        sites.entry(host.to_owned()).or_default().push(id);
    }
    let mut polls = JoinSet::new();
    let mut polled = 0;
    for sources in sites.into_values() {
        if polls.len() >= SITES_AT_ONCE {
            polled += polls.join_next().await.transpose()?.unwrap_or_default();
        }
        polls.spawn(poll_site(app.clone(), sources));
    }
    while let Some(site) = polls.join_next().await {
        polled += site?;
    }
    Ok(polled)
}

async fn poll_site(app: App, sources: Vec<SourceId>) -> usize {
    let mut polled = 0;
    for id in sources {
        if app.stop.is_cancelled() {
            break;
        }
        match poll_one(&app, id).await {
            Ok(ours) => polled += usize::from(ours),
            // One source's trouble is no other's.
            Err(problem) => {
                let words = format!("{problem:#}");
                tracing::error!(source = id.0, problem = words, "poll.broken");
            }
        }
    }
    polled
}

async fn poll_one(app: &App, id: SourceId) -> anyhow::Result<bool> {
    let Some(source) = claim(app, id).await? else {
        return Ok(false);
    };
    if let Err(problem) = poll(app, source.clone()).await {
        note_failure(app, &source, &format!("{problem:#}"), None).await?;
    }
    Ok(true)
}

/// Takes a due poll for this process: the alarm moves on first, so a poll that dies is simply the
/// next one.
async fn claim(app: &App, id: SourceId) -> anyhow::Result<Option<Source>> {
    let mut tx = app.db.begin().await?;
    let Some(source) = store::source::find(&mut tx, id).await? else {
        return Ok(None);
    };
    let next = app.now() + source.every;
    let ours = store::source::claim(&mut tx, id, source.next_poll_at, next).await?;
    tx.commit().await?;
    Ok(ours.then_some(source))
}

/// Polls one source now, due or not.
pub async fn poll(app: &App, source: Source) -> anyhow::Result<Polled> {
    let validators = Validators {
        url: source.url.clone(),
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
        Ok(Fetched::NotModified { .. }) => unchanged(app, &source).await?,
        Ok(Fetched::Document(document)) => document_came(app, source.clone(), document).await?,
        Err(problem) => failed(app, &source, &problem).await?,
    };
    tracing::info!(source = source.id.0, outcome = ?polled, "poll.done");
    Ok(polled)
}

async fn unchanged(app: &App, source: &Source) -> anyhow::Result<Polled> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    store::source::record_good(
        &mut tx,
        source,
        now,
        now + source.every,
        source.problem.as_deref(),
    )
    .await?;
    websub::ease(app, &mut tx, source).await?;
    tx.commit().await?;
    Ok(Polled::Unchanged)
}

async fn document_came(
    app: &App,
    mut source: Source,
    document: Document,
) -> anyhow::Result<Polled> {
    let mut reading = read_document(app, &source, &document).await?;
    if reading.kind.is_none() {
        let problem = reading
            .problems
            .first()
            .cloned()
            .unwrap_or_else(|| "expected a feed or a page".to_owned());
        return note_failure(app, &source, &problem, None).await;
    }
    let whole =
        reading.kind != Some(DocumentKind::Listing) || complete(app, &source, &mut reading).await?;
    let now = app.now();
    // What was left for the next poll must be asked for then, changed or not.
    let hub = websub::find(&document);
    let validators = document.validators.filter(|_| whole);
    source.etag = validators
        .as_ref()
        .and_then(|validators| validators.etag.clone());
    source.last_modified = validators.and_then(|validators| validators.last_modified);
    let mut tx = app.db.begin().await?;
    let taken = intake::take_in(app, &mut tx, &source, reading.drafts).await?;
    source.first_polled_at = source.first_polled_at.or(whole.then_some(now));
    let note = reading.problems.join("; ");
    let note = (!note.is_empty()).then_some(note.as_str());
    store::source::record_good(&mut tx, &source, now, now + source.every, note).await?;
    websub::heed(app, &mut tx, &source, hub, document.delta).await?;
    tx.commit().await?;
    Ok(Polled::Read {
        taken,
        problems: reading.problems,
    })
}

/// Reading is work for the processor, and a hostile document can make it much.
pub(super) async fn read_document(
    app: &App,
    source: &Source,
    document: &Document,
) -> anyhow::Result<Reading> {
    let (bytes, content_type) = (document.bytes.clone(), document.content_type.clone());
    let base = Url::parse(document.final_url.as_str())?;
    let (kind, selectors, zone, now) = (
        source.kind,
        source.selectors.clone(),
        app.settings.site.zone,
        app.now(),
    );
    let reading = tokio::task::spawn_blocking(move || {
        let document = read::Document {
            bytes: &bytes,
            content_type: content_type.as_deref(),
            base: Some(&base),
        };
        read::read(
            &document,
            &How {
                kind,
                selectors: &selectors,
                zone,
                now,
            },
        )
    });
    Ok(reading.await?)
}

/// Second step of a listing: the pages of articles that are new, and of the newest few again. What
/// is known and not read again is left out, so that its body stays. False if some were left for the
/// next poll.
async fn complete(app: &App, source: &Source, reading: &mut Reading) -> anyhow::Result<bool> {
    let mut completed = Vec::new();
    let mut pages = 0;
    let mut whole = true;
    for (place, draft) in std::mem::take(&mut reading.drafts).into_iter().enumerate() {
        let Some(url) = draft
            .url
            .as_deref()
            .and_then(|url| url.parse::<SourceUrl>().ok())
        else {
            completed.push(draft);
            continue;
        };
        if place >= READ_AGAIN && is_known(app, source, &draft).await? {
            continue;
        }
        pages += 1;
        if pages > PAGES {
            whole = false;
            reading.problems.push(format!(
                "more than {PAGES} new articles; the rest are read at the next poll"
            ));
            break;
        }
        match read_page(app, source, &url).await {
            Ok(page) => completed.push(page::complete(draft, &page)),
            Err(FetchError::Gone | FetchError::Status { code: 404, .. }) => completed.push(draft),
            Err(problem) => {
                whole = false;
                reading
                    .problems
                    .push(format!("{url}: {problem}; tried again at the next poll"));
            }
        }
    }
    reading.drafts = completed;
    Ok(whole)
}

async fn is_known(app: &App, source: &Source, draft: &Draft) -> store::Result<bool> {
    let mut tx = app.db.read().await?;
    let guid = draft
        .guid
        .as_ref()
        .or(draft.url.as_ref())
        .map_or("", String::as_str);
    Ok(
        store::origin::find(&mut tx, source.id, guid, draft.url.as_deref())
            .await?
            .is_some(),
    )
}

async fn read_page(app: &App, source: &Source, url: &SourceUrl) -> Result<Reading, FetchError> {
    let request = Request {
        url,
        validators: None,
        accept: Accept::Page,
        now: app.now(),
    };
    let Fetched::Document(document) = app.fetcher.get(&request).await? else {
        return Err(FetchError::Unasked);
    };
    // The other selectors are for an item of the listing, and would find anything on a page.
    let Selectors {
        body,
        topics,
        departments,
        image,
        ..
    } = source.selectors.clone();
    let as_page = Source {
        kind: SourceKind::Page,
        selectors: Selectors {
            body,
            topics,
            departments,
            image,
            ..Selectors::default()
        },
        ..source.clone()
    };
    read_document(app, &as_page, &document)
        .await
        .map_err(|problem| FetchError::Setup(problem.to_string()))
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
        tx.commit().await?;
        return Ok(Polled::Failed {
            problem: problem.to_string(),
        });
    }
    let asked = problem
        .retry_after()
        .and_then(|wait| TimeDelta::from_std(wait).ok());
    note_failure(app, source, &problem.to_string(), asked).await
}

async fn note_failure(
    app: &App,
    source: &Source,
    problem: &str,
    asked: Option<TimeDelta>,
) -> anyhow::Result<Polled> {
    let now = app.now();
    let wait = wait_after(source.every, source.failures + 1).max(asked.unwrap_or_default());
    let mut tx = app.db.begin().await?;
    store::source::record_bad(&mut tx, source.id, now, next(now, wait, source), problem).await?;
    tx.commit().await?;
    Ok(Polled::Failed {
        problem: problem.to_owned(),
    })
}

/// Twice as long after each failure, to a day at most, and never giving up.
fn wait_after(every: TimeDelta, failures: i64) -> TimeDelta {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let wait = every.checked_mul(2_i32.saturating_pow(doublings.min(16)));
    wait.map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

/// Up to a tenth later, by the source's number, so that sources that failed together don't come
/// back together.
fn next(now: Stamp, wait: TimeDelta, source: &Source) -> Stamp {
    let share = i32::try_from(source.id.0.rem_euclid(11)).unwrap_or_default();
    now + wait + wait / 100 * share
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
