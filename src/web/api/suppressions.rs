//! Suppressions: addresses that aren't written to, known by their hash alone.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::audience::EmailAddress;
use crate::store;
use crate::store::subscriber::Suppressed;
use crate::store::subscriber::Suppression;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::SuppressionsRead;
use crate::web::api::caller::SuppressionsWrite;
use crate::web::api::field::Email;
use crate::web::api::field::Text;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::json;
use crate::web::api::shape::made;
use crate::web::api::shape::one;
use crate::web::api::shape::word;

/// An address that isn't written to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(super) struct SuppressionShown {
    /// The hash of the address, which isn't kept.
    #[schema(example = "sL0YbP1q9Jv5cQ2mWw7f4g")]
    id: String,
    /// `bounce`, `complaint`, `erasure` or `admin`.
    #[schema(example = "admin")]
    reason: String,
    #[schema(format = DateTime)]
    at: String,
}

/// An address that isn't to be written to any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSuppression {
    email: Email,
}

/// Every suppression, by its hash.
#[utoipa::path(get, path = "/suppressions", tag = "suppressions", security(("key" = ["suppressions:read"])),
    params(("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given"),
        ("beyond" = Option<String>, Query, description = "Where the last page ended: as `Link` has it"),
        ("email" = Option<Email>, Query, description = "Only this address")),
    responses((status = 200, description = "A page of them", body = Vec<SuppressionShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<SuppressionsRead>,
    State(app): State<App>,
    part: Part,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = uri.query().unwrap_or_default();
    let mut tx = app.db.read().await?;
    let rows = if let Some(email) = word(query, "email")? {
        let email = Email::try_from(email);
        let email = email.map_err(|problem| Problem::new(StatusCode::BAD_REQUEST, problem))?;
        let mac = app.secret.address_mac(&address(&email)?);
        let found = store::subscriber::suppression(&mut tx, &mac).await?;
        found.into_iter().collect()
    } else {
        let beyond = word(query, "beyond")?.unwrap_or_default().replace('\0', "");
        store::subscriber::suppressed(&mut tx, &beyond, part.with_one_more()).await?
    };
    let place = |row: &Suppressed| format!("beyond={}", row.address_mac);
    Ok(part.page(&app, "/suppressions", rows, place, shown))
}

/// Write to an address no more.
#[utoipa::path(post, path = "/suppressions", tag = "suppressions", security(("key" = ["suppressions:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = NewSuppression,
    responses((status = 201, description = "It's suppressed", body = SuppressionShown, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn add(
    caller: Allowed<SuppressionsWrite>,
    State(app): State<App>,
    Body(new): Body<NewSuppression>,
) -> Result<Response, Problem> {
    let email = address(&new.email)?;
    let mut tx = app.db.begin().await?;
    let (why, now) = (Suppression::Admin, app.now());
    store::subscriber::suppress(&mut tx, &email, why, &app.secret, now).await?;
    let mac = app.secret.address_mac(&email);
    let row = store::subscriber::suppression(&mut tx, &mac).await?;
    let row = row.ok_or_else(|| Problem::missing("suppression", &mac))?;
    let shown = shown(row);
    let mut change = caller.change("suppression.add", format!("suppression {mac}"));
    change.became = json(&shown);
    store::audit::record(&mut tx, &change, now).await?;
    tx.commit().await?;
    made(&app, &format!("/suppressions/{mac}"), &shown)
}

/// One suppression.
#[utoipa::path(get, path = "/suppressions/{id}", tag = "suppressions", security(("key" = ["suppressions:read"])),
    params(("id" = String, Path, min_length = 1, max_length = 60, description = "The hash", example = "sL0YbP1q9Jv5cQ2mWw7f4g")),
    responses((status = 200, body = SuppressionShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<SuppressionsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = id.replace('\0', "");
    let found = store::subscriber::suppression(&mut app.db.read().await?, &id).await?;
    let found = found.ok_or_else(|| Problem::missing("suppression", id))?;
    one(StatusCode::OK, &shown(found))
}

/// Let an address be written to again.
#[utoipa::path(delete, path = "/suppressions/{id}", tag = "suppressions", security(("key" = ["suppressions:write"])),
    params(("id" = String, Path, min_length = 1, max_length = 60, description = "The hash", example = "sL0YbP1q9Jv5cQ2mWw7f4g")),
    responses((status = 204, description = "It may be written to"), Problems))]
pub(super) async fn remove(
    caller: Allowed<SuppressionsWrite>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id.replace('\0', "");
    let mut tx = app.db.begin().await?;
    let was = store::subscriber::suppression(&mut tx, &id).await?;
    let was = was.ok_or_else(|| Problem::missing("suppression", &id))?;
    store::subscriber::end_suppression(&mut tx, &id).await?;
    let mut change = caller.change("suppression.remove", format!("suppression {id}"));
    change.was = json(&shown(was));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn address(email: &Email) -> Result<EmailAddress, Problem> {
    email
        .as_str()
        .parse()
        .map_err(|problem| Problem::field("/email", problem))
}

fn shown(row: Suppressed) -> SuppressionShown {
    SuppressionShown {
        id: row.address_mac,
        reason: row.reason,
        at: row.at.to_string(),
    }
}
