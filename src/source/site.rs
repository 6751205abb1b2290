//! Whose turn it is to ask a host: one request at a time, a moment between two, and none while it wants
//! to be left alone.
//!
//! A host is taken in the database before it's asked, so that no two processes, and no two looks, ask
//! it at once; what it asks for with Retry-After holds for all its sources and over restarts.

use std::time::Duration;

use chrono::TimeDelta;
use url::Host;

use crate::app::App;
use crate::clock::Stamp;
use crate::source::SourceUrl;
use crate::source::fetch::FetchError;
use crate::store;

/// How long a host stays taken if its taker dies.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Between two requests to one host.
const SPACING: Duration = Duration::from_secs(1);

/// A host that is ours to ask until then.
#[derive(Debug)]
pub(super) struct Site {
    host: String,
    until: Stamp,
}

impl Site {
    /// `None` if somebody else is asking it, or it wants to be left alone.
    pub(super) async fn take(app: &App, host: String) -> store::Result<Option<Self>> {
        let until = app.now() + LEASE;
        let mut tx = app.db.begin().await?;
        let ours = store::source::take_site(&mut tx, &host, app.now(), until).await?;
        tx.commit().await?;
        Ok(ours.then_some(Self { host, until }))
    }

    /// Keeps it for longer; `None` if it asked to be left alone meanwhile.
    pub(super) async fn keep(self, app: &App) -> store::Result<Option<Self>> {
        let until = app.now() + LEASE;
        let ours = self.free(app, until).await?;
        let host = self.host;
        Ok(ours.then_some(Self { host, until }))
    }

    /// Gives it back; whoever comes next leaves it its moment, too.
    pub(super) async fn give_back(self, app: &App) -> store::Result<()> {
        let moment = TimeDelta::from_std(spacing(&self.host)).unwrap_or_default();
        self.free(app, app.now() + moment).await?;
        Ok(())
    }

    /// Others may ask it from then on, unless it asked to be left alone meanwhile; false if it did.
    pub(super) async fn free(&self, app: &App, from: Stamp) -> store::Result<bool> {
        let mut tx = app.db.begin().await?;
        let moved = store::source::move_site(&mut tx, &self.host, self.until, from).await?;
        tx.commit().await?;
        Ok(moved)
    }
}

/// Leaves a host alone for as long as it asks, if it does: the one that was meant, and the one that it
/// led to.
pub(super) async fn leave(
    app: &App,
    meant: &SourceUrl,
    problem: &FetchError,
) -> store::Result<Option<TimeDelta>> {
    let Some((wait, asking)) = problem.retry_after() else {
        return Ok(None);
    };
    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1));
    let (until, meant) = (app.now() + wait, meant.host());
    let mut tx = app.db.begin().await?;
    store::source::leave_site(&mut tx, asking, until).await?;
    if meant != asking {
        store::source::leave_site(&mut tx, &meant, until).await?;
    }
    tx.commit().await?;
    Ok(Some(wait))
}

/// Leaves a host its moment between two requests.
pub(super) async fn breathe(host: &str) {
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
