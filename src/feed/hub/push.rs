//! Pushing: what changed is noted in the database, and what is owed is posted to callbacks.
//!
//! A look renders each feed that somebody subscribes to, once, if the store has changed since the
//! last look. A callback is owed the newest content and nothing older: what it couldn't take in
//! time is in the newer one, or in the feed's archive. A callback that fails is tried again at
//! growing distances until its lease ends; one that says 410 is gone.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use tokio::sync::OnceCell;

use crate::app::App;
use crate::callback::IN_HAND;
use crate::callback::Reached;
use crate::callback::side_by_side;
use crate::callback::wait;
use crate::clock::Stamp;
use crate::feed::document;
use crate::feed::hub::AT_A_LOOK;
use crate::feed::hub::Content;
use crate::feed::hub::content;
use crate::source::SourceUrl;
use crate::source::fetch::Answer;
use crate::source::fetch::FetchError;
use crate::store;
use crate::store::hub::HubTopic;
use crate::store::hub::Push;

/// How many feeds are seen to before anything is pushed.
const TOPICS: i64 = 200;

/// What feeds hold, each rendered once a look.
type Contents = Arc<HashMap<String, OnceCell<Option<Content>>>>;

/// Notes what changed, then pushes what is owed. Gives how many pushes were due.
pub async fn push_due(app: &App) -> anyhow::Result<usize> {
    look(app).await?;
    let now = app.now();
    let due = store::hub::pushes_due(&mut app.db.read().await?, now, AT_A_LOOK).await?;
    let found = due.len();
    let contents: Contents = Arc::new(
        due.iter()
            .map(|push| (push.path.clone(), OnceCell::new()))
            .collect(),
    );
    let step = move |app, one| push(app, one, Arc::clone(&contents));
    side_by_side(app, due, |push| push.host.clone(), step).await?;
    Ok(found)
}

/// Ends what is over, and owes what is new.
async fn look(app: &App) -> anyhow::Result<()> {
    let mut tx = app.db.read().await?;
    let version = store::counter::feeds_version(&mut tx).await?;
    let behind = store::hub::topics_behind(&mut tx, version, TOPICS).await?;
    let over = store::hub::any_over(&mut tx, app.now()).await?;
    drop(tx);
    if over {
        let mut tx = app.db.begin().await?;
        store::hub::expire(&mut tx, app.now()).await?;
        tx.commit().await?;
    }
    for topic in behind {
        if app.stop.is_cancelled() {
            break;
        }
        see(app, &topic).await?;
    }
    Ok(())
}

async fn see(app: &App, topic: &HubTopic) -> anyhow::Result<()> {
    let content = content(app, &topic.path).await?;
    let mut tx = app.db.begin().await?;
    if let Some(content) = content {
        let seen = (content.version, content.hash.as_str());
        let owed = store::hub::see_topic(&mut tx, topic, seen, app.now()).await?;
        tracing::info!(topic = topic.path, owed, "hub.seen");
    } else {
        store::hub::forget_topic(&mut tx, &topic.path).await?;
        tracing::info!(topic = topic.path, "hub.gone");
    }
    tx.commit().await?;
    Ok(())
}

async fn push(app: App, push: Push, contents: Contents) -> anyhow::Result<Reached> {
    let claimed = app.now() + IN_HAND;
    let mut tx = app.db.begin().await?;
    let ours = store::hub::claim_push(&mut tx, &push, claimed).await?;
    tx.commit().await?;
    let Some(held) = contents.get(&push.path).filter(|_| ours) else {
        return Ok(Reached::Yes);
    };
    let held = held.get_or_try_init(|| content(&app, &push.path)).await?;
    let Some(content) = held else {
        return Ok(Reached::Yes);
    };
    let answer = if push.pushed == content.hash {
        None
    } else {
        Some(hand_over(&app, &push, content).await)
    };
    let reached = match &answer {
        Some(Err(_)) => Reached::No,
        _ => Reached::Yes,
    };
    record(&app, &push, claimed, &content.hash, answer).await?;
    Ok(reached)
}

async fn hand_over(app: &App, push: &Push, content: &Content) -> Result<Answer, FetchError> {
    let url: SourceUrl = push.callback.parse().map_err(|_| {
        let scheme = push.callback.split(':').next().unwrap_or_default();
        FetchError::Scheme(scheme.to_owned())
    })?;
    let hub = document::hub(app);
    let own = app.url("/hub");
    let mut links = format!(
        "<{own}>; rel=\"hub\", <{}>; rel=\"self\"",
        app.url(&push.path)
    );
    if hub != own {
        links = format!("<{hub}>; rel=\"hub\", {links}");
    }
    let mut headers = vec![("link", links)];
    if let Some(secret) = &push.secret {
        headers.push(("x-hub-signature", signature(secret, &content.bytes)));
    }
    let bytes = content.bytes.clone();
    app.fetcher
        .post(&url, content.media_type, &headers, bytes)
        .await
}

/// `sha256=` and the HMAC of the very bytes that go, in hexadecimal.
fn signature(secret: &str, bytes: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = hmac::sign(&key, bytes);
    let hex = mac.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256={}", hex.collect::<String>())
}

/// Notes what came of a push; no answer means that there was nothing to push.
async fn record(
    app: &App,
    push: &Push,
    claimed: Stamp,
    hash: &str,
    answer: Option<Result<Answer, FetchError>>,
) -> anyhow::Result<()> {
    let mut tx = app.db.begin().await?;
    match answer {
        None => store::hub::pushed(&mut tx, push.id, claimed, hash).await?,
        Some(Ok(answer)) if answer.is_success() => {
            store::hub::pushed(&mut tx, push.id, claimed, hash).await?;
            tracing::info!(subscription = push.id, "hub.pushed");
        }
        Some(Ok(answer)) if answer.status == 410 => {
            store::hub::end(&mut tx, push.id).await?;
            tracing::info!(subscription = push.id, "hub.ended");
        }
        Some(failed) => {
            let asked = failed.as_ref().ok().and_then(|answer| answer.retry_after);
            let due = app.now() + wait(push.tries, asked);
            store::hub::defer_push(&mut tx, push.id, claimed, due).await?;
            let problem = match failed {
                Ok(answer) => format!("status {}", answer.status),
                Err(problem) => problem.to_string(),
            };
            tracing::info!(subscription = push.id, problem, "hub.deferred");
        }
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_hmac_that_everybody_computes() {
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let signed = signature("Jefe", b"what do ya want for nothing?");
        assert_eq!(signed, expected);
    }
}
