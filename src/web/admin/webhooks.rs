//! Webhooks: which programs are told of what, and what they answered. Only for owners: whoever is told learns
//! what readers do.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::response::Response;

use crate::access::User;
use crate::source::SourceUrl;
use crate::store;
use crate::store::webhook::Told;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Empty;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::A_PAGE;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::limit;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;
use crate::webhook;
use crate::webhook::Event;
use crate::webhook::SigningSecret;
use crate::webhook::Webhook;
use crate::webhook::WebhookId;

/// `/admin/webhooks`.
pub(in crate::web) async fn all(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let page = page(&visit, ("", &words())).await?;
    board(&visit, &user, page)
}

/// Every event, one a line.
fn words() -> String {
    let words: Vec<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
    words.join("\n")
}

async fn page(visit: &Visit, filled: (&str, &str)) -> Result<Board, Error> {
    let mut tx = visit.app.db.read().await?;
    let webhooks = store::webhook::page(&mut tx, WebhookId(0), webhook::MOST).await?;
    let table = Table {
        title: "",
        columns: vec!["address", "events", "state", "since"],
        rows: webhooks.iter().map(|webhook| row(visit, webhook)).collect(),
    };
    let form = Form {
        title: "add_webhook",
        action: "/admin/webhooks".to_owned(),
        get: false,
        fields: vec![
            must(field("url", "address", "url", filled.0)),
            must(field("events", "events", "long", filled.1)),
        ],
        buttons: vec![("add", "add")],
    };
    let docs = visit.app.url("/api");
    Ok(Board {
        title: "webhooks",
        links: vec![("users", visit.app.url("/admin/users"))],
        empty: Some(Empty::then("empty_webhooks", "webhook_docs", docs)),
        parts: vec![Part::Table(table), Part::Form(form)],
        ..Board::default()
    })
}

fn row(visit: &Visit, webhook: &Webhook) -> Vec<Cell> {
    let at = visit.app.url(&format!("/admin/webhooks/{}", webhook.id.0));
    vec![
        Cell::link(webhook.url.to_string(), at),
        Cell::text(events(webhook)),
        Cell::word(standing(webhook)),
        Cell::text(moment(visit, webhook.made_at)),
    ]
}

fn standing(webhook: &Webhook) -> &'static str {
    if webhook.is_active { "active" } else { "gone" }
}

fn events(webhook: &Webhook) -> String {
    let events: Vec<&str> = webhook.events.iter().map(|event| event.as_str()).collect();
    events.join(", ")
}

/// What was filled in, with what is wrong with it.
async fn wrong(
    visit: &Visit,
    user: &User,
    fields: &Fields,
    problem: &str,
) -> Result<Response, Error> {
    let mut page = page(visit, (fields.one("url"), fields.one("events"))).await?;
    page.problem = Some(visit.say(problem)?);
    refused(visit, user, page)
}

/// `POST /admin/webhooks`: the answer shows the secret, once.
pub(in crate::web) async fn add(
    visit: Visit,
    Owner(user): Owner,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/webhooks");
    let url = fields.one("url").trim().parse::<SourceUrl>();
    let Some(url) = url
        .ok()
        .filter(|url| visit.app.fetcher.may_ask(url).is_ok())
    else {
        return wrong(&visit, &user, &fields, "desk.bad_url").await;
    };
    let chosen = fields.one("events").split([',', '\n', '\r', ' ']);
    let chosen: Result<BTreeSet<Event>, _> = chosen
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect();
    let events: Vec<Event> = chosen.unwrap_or_default().into_iter().collect();
    if events.is_empty() {
        return wrong(&visit, &user, &fields, "desk.bad_events").await;
    }
    let (secret, now) = (SigningSecret::random(), visit.app.now());
    let mut tx = visit.app.db.begin().await?;
    let Some(id) = store::webhook::add(&mut tx, &url, &events, &secret, now).await? else {
        drop(tx);
        return wrong(&visit, &user, &fields, "desk.many_webhooks").await;
    };
    let what = ("webhook.add", format!("webhook {}", id.0));
    let names: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
    let became = serde_json::json!({ "url": url.as_str(), "events": names }).to_string();
    note(&mut tx, &user, what, (String::new(), became), now).await?;
    tx.commit().await?;
    let mut page = page(&visit, ("", &words())).await?;
    let facts = vec![("new_secret", Cell::text(secret.as_str()))];
    page.done = Some("added");
    page.parts
        .insert(0, Part::Facts(Facts { title: "", facts }));
    board(&visit, &user, page)
}

/// `/admin/webhooks/{id}`: one, and what it was told.
pub(in crate::web) async fn one(
    visit: Visit,
    Owner(user): Owner,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let webhook = store::webhook::find(&mut tx, WebhookId(id)).await?;
    let webhook = webhook.ok_or(Error::NotFound)?;
    let told = store::webhook::latest(&mut tx, webhook.id, limit(A_PAGE)).await?;
    let facts = vec![
        ("events", Cell::text(events(&webhook))),
        ("state", Cell::word(standing(&webhook))),
        ("since", Cell::text(moment(&visit, webhook.made_at))),
    ];
    let mut buttons = vec![(format!("/admin/webhooks/{id}/remove"), "remove")];
    if webhook.is_active {
        buttons.insert(0, (format!("/admin/webhooks/{id}/test"), "try_out"));
    }
    let table = Table {
        title: "messages",
        columns: vec!["when", "event", "state", "tries", "answer", "next_try"],
        rows: told.into_iter().map(|told| message(&visit, told)).collect(),
    };
    let page = Board {
        title: "webhook",
        about: Some(webhook.url.to_string()),
        links: vec![("all_webhooks", visit.app.url("/admin/webhooks"))],
        parts: vec![
            Part::Facts(Facts { title: "", facts }),
            Part::Buttons(Buttons { buttons }),
            Part::Table(table),
        ],
        ..Board::default()
    };
    board(&visit, &user, page)
}

fn message(visit: &Visit, told: Told) -> Vec<Cell> {
    let waits = told.state == "waiting";
    let state = match told.state.as_str() {
        "waiting" => "queued",
        "taken" => "taken",
        _ => "given_up",
    };
    let next = if waits {
        moment(visit, told.due_at)
    } else {
        String::new()
    };
    vec![
        Cell::text(moment(visit, told.made_at)),
        Cell::text(told.event),
        Cell::word(state),
        Cell::text(told.tries.to_string()),
        Cell::text(told.answer.unwrap_or_default()),
        Cell::text(next),
    ]
}

/// `POST /admin/webhooks/{id}/{verb}`: tries it out, or tells it no more.
pub(in crate::web) async fn act(
    visit: Visit,
    Owner(user): Owner,
    Path((id, verb)): Path<(i64, String)>,
) -> Result<Response, Error> {
    let now = visit.app.now();
    let at = format!("/admin/webhooks/{id}");
    let mut tx = visit.app.db.begin().await?;
    let found = store::webhook::find(&mut tx, WebhookId(id)).await?;
    let webhook = found.ok_or(Error::NotFound)?;
    let (action, to, done) = match verb.as_str() {
        "test" => {
            store::webhook::try_out(&mut tx, webhook.id, now).await?;
            ("webhook.test", at.as_str(), "soon")
        }
        "remove" => {
            store::webhook::remove(&mut tx, webhook.id).await?;
            ("webhook.remove", "/admin/webhooks", "removed")
        }
        _ => return Err(Error::NotFound),
    };
    let was = serde_json::json!({ "url": webhook.url.as_str(), "events": events(&webhook) });
    let what = (action, format!("webhook {id}"));
    note(&mut tx, &user, what, (was.to_string(), String::new()), now).await?;
    tx.commit().await?;
    Ok(back(to, done))
}
