//! One look for sources that are due: those of one host one after another, hosts side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use url::Url;

use crate::app::App;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::poll::note_failure;
use crate::source::poll::poll;
use crate::source::site::Site;
use crate::source::site::breathe;
use crate::store;

/// How many sources one look polls.
const AT_A_LOOK: i64 = 50;

/// Polls every source that's due now, and gives how many.
pub async fn poll_due(app: &App) -> anyhow::Result<usize> {
    let mut polled = 0;
    for site in look(app).await? {
        polled += site.await?;
    }
    Ok(polled)
}

/// Begins to poll every source that's due now, and doesn't wait: a slow host doesn't hold up the
/// next look.
pub async fn ring(app: &App) -> anyhow::Result<()> {
    drop(look(app).await?);
    Ok(())
}

async fn look(app: &App) -> anyhow::Result<Vec<JoinHandle<usize>>> {
    let due = store::source::due(&mut app.db.read().await?, app.now(), AT_A_LOOK).await?;
    let mut sites = BTreeMap::<String, Vec<SourceId>>::new();
    for (id, address) in due {
        let url = Url::parse(&address).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        sites.entry(host.to_owned()).or_default().push(id);
    }
    let mut begun = Vec::new();
    for (host, sources) in sites {
        let turn = Arc::clone(&app.polls).acquire_owned().await?;
        let app_ = app.clone();
        begun.push(app.tasks.spawn(async move {
            let polled = poll_site(&app_, &host, sources).await;
            drop(turn);
            polled.unwrap_or_else(|problem| {
                let words = format!("{problem:#}");
                tracing::error!(host, problem = words, "poll.broken");
                0
            })
        }));
    }
    Ok(begun)
}

async fn poll_site(app: &App, host: &str, sources: Vec<SourceId>) -> anyhow::Result<usize> {
    let Some(mut site) = Site::take(app, host.to_owned()).await? else {
        return Ok(0);
    };
    let mut polled = 0;
    for (place, id) in sources.into_iter().enumerate() {
        if app.stop.is_cancelled() {
            break;
        }
        if place > 0 {
            breathe(host).await;
            let Some(ours) = site.keep(app).await? else {
                return Ok(polled); // it wants to be left alone
            };
            site = ours;
        }
        match poll_one(app, id).await {
            Ok(ours) => polled += usize::from(ours),
            // One source's trouble is no other's.
            Err(problem) => {
                let words = format!("{problem:#}");
                tracing::error!(source = id.0, problem = words, "poll.broken");
            }
        }
    }
    site.give_back(app).await?;
    Ok(polled)
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
