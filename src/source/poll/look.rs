//! One look for sources that are due: those of one host one after another, hosts side by side.
//!
//! A host is taken in the database before it's asked, so that no two processes, and no two looks,
//! ask it at once; what it asks for with Retry-After holds for all its sources and over restarts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinHandle;
use url::Host;
use url::Url;

use crate::app::App;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::poll::note_failure;
use crate::source::poll::poll;
use crate::store;

/// How many sources one look polls.
const AT_A_LOOK: i64 = 50;
/// How long a host stays taken if its taker dies; renewed with each source.
pub(crate) const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Between two requests to one host.
const SPACING: Duration = Duration::from_secs(1);

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
    let mut until = app.now() + LEASE;
    let mut tx = app.db.begin().await?;
    let ours = store::source::take_site(&mut tx, host, app.now(), until).await?;
    tx.commit().await?;
    if !ours {
        return Ok(0);
    }
    let mut polled = 0;
    for (place, id) in sources.into_iter().enumerate() {
        if app.stop.is_cancelled() {
            break;
        }
        if place > 0 {
            breathe(host).await;
            let renewed = app.now() + LEASE;
            if !move_site(app, host, until, renewed).await? {
                // It asked to be left alone.
                return Ok(polled);
            }
            until = renewed;
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
    // Whoever comes next leaves it that moment, too.
    let free = app.now() + TimeDelta::from_std(spacing(host))?;
    move_site(app, host, until, free).await?;
    Ok(polled)
}

/// Moves the moment until which the host is ours; false if it isn't any more.
async fn move_site(
    app: &App,
    host: &str,
    from: crate::clock::Stamp,
    to: crate::clock::Stamp,
) -> anyhow::Result<bool> {
    let mut tx = app.db.begin().await?;
    let moved = store::source::move_site(&mut tx, host, from, to).await?;
    tx.commit().await?;
    Ok(moved)
}

/// Leaves a host its moment between two requests.
pub(in crate::source) async fn breathe(host: &str) {
    tokio::time::sleep(spacing(host)).await;
}

/// How long a host is left between two requests; not at all if it's this machine.
fn spacing(host: &str) -> Duration {
    let near = match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    };
    if near { Duration::ZERO } else { SPACING }
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
