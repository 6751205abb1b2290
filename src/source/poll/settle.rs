//! An `auto` source becomes what its first good document shows it to be.
//!
//! From then on a page in the place of a feed ("we'll be back soon", a portal's sign-in) is a
//! failure to be said, and not a list of news.

use crate::app::App;
use crate::source::Source;
use crate::source::SourceKind;
use crate::source::discover::Seen;
use crate::source::discover::what_is;
use crate::store;

/// Settles the source's kind, and its address if the page announces a feed that says more. Gives
/// what is to be taken in: the document that came, or that feed's. A source that has been read
/// before keeps its address.
pub(super) async fn settle(app: &App, source: &mut Source, seen: Seen) -> anyhow::Result<Seen> {
    let is_open = source.kind.is_open(&source.selectors);
    if !is_open || source.first_polled_at.is_some() || seen.document.delta {
        return Ok(seen);
    }
    let first = Seen {
        document: seen.document.clone(),
        reading: seen.reading.clone(),
    };
    let host = source.url.host();
    let (found, seen) = what_is(app, Some(&host), &source.url, seen).await?;
    if found.kind == SourceKind::Auto {
        return Ok(seen);
    }
    let mut tx = app.db.begin().await?;
    let settled = store::source::settle(&mut tx, source.id, &found.url, found.kind).await?;
    tx.commit().await?;
    if !settled {
        // The feed is a source already; the page goes on by itself.
        return Ok(first);
    }
    tracing::info!(
        source = source.id.0,
        url = found.url.as_str(),
        kind = found.kind.as_str(),
        "source.settled"
    );
    source.url = found.url;
    source.kind = found.kind;
    Ok(seen)
}
