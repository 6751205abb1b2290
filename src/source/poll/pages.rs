//! The second step of a listing: the pages of the articles that it lists.

use chrono::TimeDelta;

use crate::app::App;
use crate::article::intake;
use crate::clock::Stamp;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::fetch::Accept;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::source::page;
use crate::source::poll::read_document;
use crate::source::site::Site;
use crate::source::site::breathe;
use crate::source::site::leave;
use crate::store;

/// How many article pages one poll of a listing reads.
const PAGES: usize = 60;
/// How long after the poll began another page may be asked for: half of what the host is taken for,
/// so that the last answer is in before somebody else may ask.
const TIME: TimeDelta = TimeDelta::seconds(150);
/// How many known articles at the head of a listing are read again, to catch edits.
const READ_AGAIN: usize = 5;

/// Second step of a listing: the pages of articles that are new, and of the newest few again. What
/// is known and not read again is left out, so that its body stays. False if some were left for the
/// next poll.
pub(super) async fn complete(
    app: &App,
    source: &Source,
    reading: &mut Reading,
    begun: Stamp,
) -> anyhow::Result<bool> {
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
        if pages > PAGES || app.now() - begun > TIME {
            whole = false;
            let read = pages - 1;
            reading.problems.push(format!(
                "{read} pages were asked for; the rest are at the next poll"
            ));
            break;
        }
        if pages > 1 || url.host() == source.url.host() {
            breathe(&url.host()).await;
        }
        let Some(page) = ask(app, source, &url).await? else {
            whole = false;
            let busy = busy(&url.host());
            if !reading.problems.contains(&busy) {
                reading.problems.push(busy);
            }
            continue;
        };
        match page {
            Ok(page) => completed.push(page::complete(draft, &page)),
            Err(FetchError::Gone) => reading.deleted.extend(draft.guid.or(draft.url)),
            Err(FetchError::Status { code: 404, .. }) => completed.push(draft),
            Err(problem) => {
                whole = false;
                reading
                    .problems
                    .push(format!("{url}: {problem}; tried again at the next poll"));
                let asked = leave(app, &url, &problem).await?;
                // One page that never comes keeps back no other.
                if asked.is_some() || matches!(problem, FetchError::Status { code: 429, .. }) {
                    break;
                }
            }
        }
    }
    reading.drafts = completed;
    Ok(whole)
}

fn busy(host: &str) -> String {
    format!(
        "{host} is being asked already, or wants to be left alone for a while; its pages are read at the next poll"
    )
}

async fn is_known(app: &App, source: &Source, draft: &Draft) -> store::Result<bool> {
    let mut tx = app.db.read().await?;
    store::origin::is_known(&mut tx, source.id, intake::names(draft)).await
}

/// Asks for a page. `None` if it's on another site than the listing, and somebody else is asking that, or
/// it wants to be left alone.
async fn ask(
    app: &App,
    source: &Source,
    url: &SourceUrl,
) -> store::Result<Option<Result<Reading, FetchError>>> {
    if url.host() == source.url.host() {
        return Ok(Some(read_page(app, source, url).await));
    }
    let Some(site) = Site::take(app, url.host()).await? else {
        return Ok(None);
    };
    let page = read_page(app, source, url).await;
    site.give_back(app).await?;
    Ok(Some(page))
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
