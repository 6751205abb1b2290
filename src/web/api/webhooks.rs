//! Webhooks: programs that are told what happens here.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::source::SourceUrl;
use crate::store;
use crate::store::Tx;
use crate::store::webhook::Told;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::WebhooksRead;
use crate::web::api::caller::WebhooksWrite;
use crate::web::api::field::WebAddress;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::json;
use crate::web::api::shape::made;
use crate::web::api::shape::one;
use crate::webhook;
use crate::webhook::SigningSecret;
use crate::webhook::Webhook;
use crate::webhook::WebhookId;

/// Messages that are shown.
const SHOWN: i64 = 100;

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(super) struct WebhookShown {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "https://example.org/told")]
    url: String,
    /// What it's told of.
    events: Vec<Event>,
    state: Standing,
    #[schema(format = DateTime)]
    made_at: String,
}

/// A webhook that was added just now, with the secret that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedWebhook)]
pub(super) struct Added {
    #[serde(flatten)]
    webhook: WebhookShown,
    /// What its requests are signed with (`webhook-signature`, HMAC-SHA-256).
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub(super) enum Event {
    /// A reader gets a list from now on; not told of those that a file brings.
    #[serde(rename = "subscriber.confirmed")]
    Confirmed,
    /// A reader gets it no more.
    #[serde(rename = "subscriber.left")]
    Left,
    /// The last letter of a digest has come to rest.
    #[serde(rename = "digest.sent")]
    Sent,
    /// A server refused a letter, at once or later.
    #[serde(rename = "letter.refused")]
    Refused,
    /// A source couldn't be read three times in a row, or says that it's gone.
    #[serde(rename = "source.failing")]
    Failing,
    /// A digest that was due didn't come to the canary.
    #[serde(rename = "canary.silent")]
    Silent,
}

/// Whether it's told; `gone` is what it said itself, with 410.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookState)]
pub(super) enum Standing {
    Active,
    Gone,
}

/// A webhook to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    url: WebAddress,
    #[schema(min_items = 1, max_items = 20)]
    events: Vec<Event>,
}

/// What a webhook was told, or is to be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookMessage)]
pub(super) struct MessageShown {
    /// As in `webhook-id`.
    #[schema(example = "msg_1")]
    id: String,
    /// What of.
    #[schema(example = "digest.sent")]
    event: String,
    /// `waiting`, `taken` or `failed`.
    #[schema(example = "taken")]
    state: String,
    #[schema(format = DateTime)]
    made_at: String,
    tries: i64,
    #[schema(format = DateTime)]
    tried_at: Option<String>,
    /// When it's tried next, if it waits.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// The status of the last answer, or why there was none.
    #[schema(example = "204")]
    answer: Option<String>,
}

/// Every webhook, the oldest first.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", security(("key" = ["webhooks:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<WebhookShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<WebhooksRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let after = WebhookId(part.after.unwrap_or_default());
    let rows = store::webhook::page(&mut app.db.read().await?, after, part.with_one_more()).await?;
    let place = |webhook: &Webhook| format!("after={}", webhook.id.0);
    Ok(part.page(&app, "/webhooks", rows, place, shown))
}

/// Have a program told.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", security(("key" = ["webhooks:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = NewWebhook,
    responses((status = 201, description = "It's added", body = Added, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn add(
    caller: Allowed<WebhooksWrite>,
    State(app): State<App>,
    Body(new): Body<NewWebhook>,
) -> Result<Response, Problem> {
    let url: SourceUrl = String::from(new.url)
        .parse()
        .map_err(|problem| Problem::field("/url", problem))?;
    let may = app.fetcher.may_ask(&url);
    may.map_err(|problem| Problem::field("/url", problem))?;
    let events: BTreeSet<webhook::Event> = new.events.into_iter().map(event).collect();
    let events: Vec<webhook::Event> = events.into_iter().collect();
    if events.is_empty() {
        let words = format!("expected at least one of {}", webhook::words());
        return Err(Problem::field("/events", words));
    }
    let secret = SigningSecret::random();
    let mut tx = app.db.begin().await?;
    let id = store::webhook::add(&mut tx, &url, &events, &secret, app.now()).await?;
    let id = id.ok_or_else(|| Problem::conflict(webhook::TOO_MANY))?;
    let webhook = shown(find(&mut tx, id.0).await?);
    let mut change = caller.change("webhook.add", format!("webhook {}", id.0));
    change.became = json(&webhook);
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    let secret = secret.as_str().to_owned();
    let added = Added { webhook, secret };
    made(&app, &format!("/webhooks/{}", id.0), &added)
}

/// One webhook.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", security(("key" = ["webhooks:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = WebhookShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<WebhooksRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let webhook = find(&mut app.db.read().await?, id).await?;
    one(StatusCode::OK, &shown(webhook))
}

/// Have it told no more; what it was to be told is gone.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", security(("key" = ["webhooks:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 204, description = "It's removed"), Problems))]
pub(super) async fn remove(
    caller: Allowed<WebhooksWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let webhook = find(&mut tx, id).await?;
    store::webhook::remove(&mut tx, webhook.id).await?;
    let mut change = caller.change("webhook.remove", format!("webhook {id}"));
    change.was = json(&shown(webhook));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try it out: it's told of a `webhook.test`.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks", security(("key" = ["webhooks:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    responses((status = 200, description = "It's told in a moment", body = WebhookShown, headers(("etag" = String))), Problems))]
pub(super) async fn try_out(
    caller: Allowed<WebhooksWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let webhook = find(&mut tx, id).await?;
    if !store::webhook::try_out(&mut tx, webhook.id, app.now()).await? {
        let words = format!("webhook {id} said that it's gone; remove it and add it again");
        return Err(Problem::conflict(words));
    }
    let change = caller.change("webhook.test", format!("webhook {id}"));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    one(StatusCode::OK, &shown(webhook))
}

/// The latest hundred messages to it, the newest first.
#[utoipa::path(get, path = "/webhooks/{id}/messages", tag = "webhooks", security(("key" = ["webhooks:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = Vec<MessageShown>, description = "Them", headers(("etag" = String))), Problems))]
pub(super) async fn messages(
    _: Allowed<WebhooksRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let webhook = find(&mut tx, id).await?;
    let messages = store::webhook::latest(&mut tx, webhook.id, SHOWN).await?;
    let messages: Vec<MessageShown> = messages.into_iter().map(message).collect();
    one(StatusCode::OK, &messages)
}

async fn find(tx: &mut Tx, id: i64) -> Result<Webhook, Problem> {
    let found = store::webhook::find(tx, WebhookId(id)).await?;
    found.ok_or_else(|| Problem::missing("webhook", id))
}

fn event(event: Event) -> webhook::Event {
    match event {
        Event::Confirmed => webhook::Event::Confirmed,
        Event::Left => webhook::Event::Left,
        Event::Sent => webhook::Event::Sent,
        Event::Refused => webhook::Event::Refused,
        Event::Failing => webhook::Event::Failing,
        Event::Silent => webhook::Event::Silent,
    }
}

fn event_shown(event: webhook::Event) -> Option<Event> {
    match event {
        webhook::Event::Confirmed => Some(Event::Confirmed),
        webhook::Event::Left => Some(Event::Left),
        webhook::Event::Sent => Some(Event::Sent),
        webhook::Event::Refused => Some(Event::Refused),
        webhook::Event::Failing => Some(Event::Failing),
        webhook::Event::Silent => Some(Event::Silent),
        webhook::Event::Test => None,
    }
}

fn shown(webhook: Webhook) -> WebhookShown {
    let events = webhook.events.into_iter().filter_map(event_shown);
    WebhookShown {
        id: webhook.id.0,
        url: webhook.url.to_string(),
        events: events.collect(),
        state: if webhook.is_active {
            Standing::Active
        } else {
            Standing::Gone
        },
        made_at: webhook.made_at.to_string(),
    }
}

fn message(told: Told) -> MessageShown {
    let waits = told.state == "waiting";
    MessageShown {
        id: format!("msg_{}", told.id),
        event: told.event,
        state: told.state,
        made_at: told.made_at.to_string(),
        tries: told.tries,
        tried_at: told.tried_at.map(|at| at.to_string()),
        due_at: waits.then(|| told.due_at.to_string()),
        answer: told.answer,
    }
}
