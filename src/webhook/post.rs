//! Posting: each message goes until it's taken, at growing distances, for three days. A program is told in the
//! order in which things happened: while it doesn't take one, the others wait. Each message has an id that stays
//! the same, so that whoever gets one twice can tell.

use chrono::TimeDelta;

use crate::app::App;
use crate::callback::IN_HAND;
use crate::callback::Reached;
use crate::callback::side_by_side;
use crate::callback::wait;
use crate::clock::Stamp;
use crate::source::SourceUrl;
use crate::source::fetch::Answer;
use crate::source::fetch::FetchError;
use crate::store;
use crate::store::webhook::Message;
use crate::store::webhook::Then;

/// How many messages one look posts.
const AT_A_LOOK: i64 = 200;
/// How long a message is worth trying.
const WORTH_TELLING: TimeDelta = TimeDelta::days(3);

/// Posts what is due. Gives how many messages were.
pub async fn post_due(app: &App) -> anyhow::Result<usize> {
    let due = store::webhook::due(&mut app.db.read().await?, app.now(), AT_A_LOOK).await?;
    let found = due.len();
    let whose = |message: &Message| message.webhook_id.0.to_string();
    side_by_side(app, due, whose, post).await?;
    Ok(found)
}

async fn post(app: App, message: Message) -> anyhow::Result<Reached> {
    let claimed = app.now() + IN_HAND;
    let mut tx = app.db.begin().await?;
    let ours = store::webhook::claim(&mut tx, &message, claimed).await?;
    tx.commit().await?;
    // Another process is at it, and goes on with what comes after: the order stays.
    if !ours {
        return Ok(Reached::No);
    }
    let answer = hand_over(&app, &message).await;
    match record(&app, &message, claimed, answer).await? {
        Then::Taken => Ok(Reached::Yes),
        Then::Again(_) | Then::Never => Ok(Reached::No),
    }
}

async fn hand_over(app: &App, message: &Message) -> Result<Answer, FetchError> {
    let url: SourceUrl = message.url.parse().map_err(|_| {
        let scheme = message.url.split(':').next().unwrap_or_default();
        FetchError::Scheme(scheme.to_owned())
    })?;
    let (id, now) = (format!("msg_{}", message.id), app.now());
    let signature = message.secret().sign(&id, now, &message.body);
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", now.seconds().to_string()),
        ("webhook-signature", signature),
    ];
    let body = message.body.clone().into();
    app.fetcher
        .post(&url, "application/json", &headers, body)
        .await
}

/// Notes what came of a try. One that says 410 is told nothing any more.
async fn record(
    app: &App,
    message: &Message,
    claimed: Stamp,
    answer: Result<Answer, FetchError>,
) -> anyhow::Result<Then> {
    let now = app.now();
    let asked = answer.as_ref().ok().and_then(|answer| answer.retry_after);
    let is_gone = answer.as_ref().is_ok_and(|answer| answer.status == 410);
    let due = now + wait(message.tries, asked);
    let then = match &answer {
        Ok(answer) if answer.is_success() => Then::Taken,
        _ if is_gone || due - message.made_at > WORTH_TELLING => Then::Never,
        _ => Then::Again(due),
    };
    let words = match &answer {
        Ok(answer) => answer.status.to_string(),
        Err(problem) => problem.to_string(),
    };
    let mut tx = app.db.begin().await?;
    store::webhook::note(&mut tx, message.id, claimed, (then, &words), now).await?;
    let whose = message.webhook_id;
    match then {
        Then::Taken => {}
        Then::Again(due) => store::webhook::put_off(&mut tx, whose, now, due).await?,
        Then::Never if is_gone => store::webhook::end(&mut tx, whose).await?,
        Then::Never => store::webhook::give_up(&mut tx, whose, now - WORTH_TELLING).await?,
    }
    tx.commit().await?;
    let (webhook, number) = (whose.0, message.id);
    match then {
        Then::Taken => tracing::info!(webhook, number, "webhook.told"),
        Then::Again(_) => tracing::info!(webhook, number, words, "webhook.deferred"),
        Then::Never => tracing::warn!(webhook, number, words, "webhook.failed"),
    }
    Ok(then)
}
