//! Telling an outside hub (`feed.hub`) which of our feeds may have changed.
//!
//! An outside hub fetches what it is told of, and finds out whether it's new; so it is told of every
//! feed of every place that an article changed in, and of everything. How far it knows is a row.

use chrono::TimeDelta;
use url::form_urlencoded;

use crate::app::App;
use crate::article::TopicKind;
use crate::callback::IN_HAND;
use crate::clock::Stamp;
use crate::feed::FeedFormat;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::address::Place;
use crate::source::SourceId;
use crate::source::SourceUrl;
use crate::store;
use crate::store::hub::ChangedPlace;

/// A change may be committed so long after the moment that it names.
const OVERLAP: TimeDelta = TimeDelta::minutes(1);
/// Addresses in one request.
const AT_ONCE: usize = 50;
/// The longest wait after failures.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// Tells the outside hub, if there is one, of what changed since it last heard. Says whether there
/// was anything to tell.
pub async fn tell_outside(app: &App) -> anyhow::Result<bool> {
    let Some(hub) = &app.settings.feed.hub else {
        return Ok(false);
    };
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let version = store::counter::feeds_version(&mut tx).await?;
    let known = store::hub::outside(&mut tx, hub, version, now).await?;
    let due = known.version < version && known.due_at <= now;
    let claimed = now + IN_HAND;
    let ours = due && store::hub::claim_outside(&mut tx, hub, known, claimed).await?;
    tx.commit().await?;
    if !ours {
        return Ok(false);
    }
    let feeds = changed(app, known.told_at - OVERLAP).await?;
    let told = tell(app, hub, &feeds).await;
    let mut tx = app.db.begin().await?;
    if let Err(problem) = &told {
        tracing::info!(problem, "hub.outside_deferred");
        let doublings = u32::try_from(known.tries.clamp(0, 7))?;
        let wait = (TimeDelta::seconds(30) * 2_i32.pow(doublings)).min(LONGEST_WAIT);
        store::hub::defer_outside(&mut tx, hub, claimed, app.now() + wait).await?;
    } else {
        tracing::info!(feeds = feeds.len(), "hub.outside_told");
        store::hub::told_outside(&mut tx, hub, claimed, version, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// The addresses of feeds that may have changed.
async fn changed(app: &App, since: Stamp) -> anyhow::Result<Vec<String>> {
    let places = store::hub::changed_places(&mut app.db.read().await?, since).await?;
    let places = places.into_iter().filter_map(place);
    let mut feeds = Vec::new();
    for place in std::iter::once(Place::Everything).chain(places) {
        let formats = FeedFormat::ALL.into_iter().map(Form::Feed);
        for form in formats.chain([Form::Any]) {
            feeds.push(app.url(&Address::of(place.clone(), form).path()));
        }
    }
    Ok(feeds)
}

fn place(changed: ChangedPlace) -> Option<Place> {
    if changed.kind.is_empty() {
        return Some(Place::Source(SourceId(changed.source)));
    }
    let kinds = [TopicKind::Department, TopicKind::Topic];
    let kind = kinds
        .into_iter()
        .find(|kind| kind.as_str() == changed.kind)?;
    Some(Place::Topic(kind, changed.slug))
}

/// Hubs know `hub.url` (`PubSubHubbub` 0.4) or `hub.topic`; both are said.
fn form(feeds: &[String]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("hub.mode", "publish");
    for feed in feeds {
        form.append_pair("hub.url", feed);
        form.append_pair("hub.topic", feed);
    }
    form.finish()
}

async fn tell(app: &App, hub: &str, feeds: &[String]) -> Result<(), String> {
    let hub: SourceUrl = hub
        .parse()
        .map_err(|problem| format!("feed.hub: {problem}"))?;
    for some in feeds.chunks(AT_ONCE) {
        let kind = "application/x-www-form-urlencoded";
        let answer = app.fetcher.post(&hub, kind, &[], form(some).into()).await;
        let answer = answer.map_err(|problem| problem.to_string())?;
        if !answer.is_success() {
            return Err(format!("status {}", answer.status));
        }
    }
    Ok(())
}
