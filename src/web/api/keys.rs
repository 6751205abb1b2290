//! Keys for scripts: which there are; made and revoked by a key that may.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::RefOr;
use utoipa::openapi::Schema;
use utoipa::openapi::Type;

use crate::access::key::ApiKey;
use crate::access::key::KeyText;
use crate::access::key::Scope;
use crate::app::App;
use crate::article::clean::one_line;
use crate::store;
use crate::store::Tx;
use crate::store::key::Listed;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::Caller;
use crate::web::api::caller::KeysRead;
use crate::web::api::caller::KeysWrite;
use crate::web::api::field::KeyName;
use crate::web::api::field::Text;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::made;
use crate::web::api::shape::once;
use crate::web::api::shape::one;

/// A key, without its text, which nobody keeps but its owner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedKey)]
pub(super) struct KeyListed {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "newsroom")]
    name: String,
    scopes: Vec<ScopeWord>,
    /// Whether it opens anything.
    active: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last shown, to the minute.
    #[schema(format = DateTime)]
    used_at: Option<String>,
}

/// A key that was made just now, with its text, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewKeyShown)]
pub(super) struct Added {
    #[serde(flatten)]
    listed: KeyListed,
    /// What to send as `Authorization: Bearer …`.
    #[schema(example = "visnyk_c2VjcmV0")]
    key: String,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// No other key has it, or had.
    name: KeyName,
    /// What it may do; nothing that your own key may not.
    #[schema(min_items = 1, max_items = 50)]
    scopes: Vec<ScopeWord>,
}

/// What a key may do. Whoever may write may read the same.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ScopeWord(Scope);

impl utoipa::PartialSchema for ScopeWord {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Scope::ALL.iter().map(|scope| scope.as_str())))
            .into()
    }
}

impl ToSchema for ScopeWord {
    fn name() -> std::borrow::Cow<'static, str> {
        "Scope".into()
    }
}

/// Every key there is or was, the oldest first.
#[utoipa::path(get, path = "/keys", tag = "keys", security(("key" = ["keys:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<KeyListed>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<KeysRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let after = part.after.unwrap_or_default();
    let mut tx = app.db.read().await?;
    let rows = store::key::page(&mut tx, after, part.with_one_more()).await?;
    let place = |listed: &Listed| format!("after={}", listed.key.id);
    Ok(part.page(&app, "/keys", rows, place, shown))
}

fn shown(listed: Listed) -> KeyListed {
    KeyListed {
        id: listed.key.id,
        name: listed.key.name,
        scopes: listed.key.scopes.into_iter().map(ScopeWord).collect(),
        active: listed.active,
        created_at: listed.created_at.to_string(),
        used_at: listed.used_at.map(|at| at.to_string()),
    }
}

async fn find(tx: &mut Tx, id: i64) -> Result<Listed, Problem> {
    let found = store::key::find_any(tx, id).await?;
    found.ok_or_else(|| Problem::missing("key", id))
}

/// Make a key. The answer has its text, and isn't kept: sent again with the same `Idempotency-Key`, the
/// request gets a conflict.
#[utoipa::path(post, path = "/keys", tag = "keys", security(("key" = ["keys:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, done once")),
    request_body = NewKey,
    responses((status = 201, description = "It's made", body = Added, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn add(
    caller: Allowed<KeysWrite>,
    State(app): State<App>,
    Body(new): Body<NewKey>,
) -> Result<Response, Problem> {
    let scopes: BTreeSet<Scope> = new.scopes.into_iter().map(|word| word.0).collect();
    let scopes: Vec<Scope> = scopes.into_iter().collect();
    if scopes.is_empty() {
        return Err(Problem::field("/scopes", "expected at least one scope"));
    }
    for scope in &scopes {
        caller.must_have(*scope)?;
    }
    let name = one_line(new.name.as_str(), 60);
    let text = KeyText::random();
    let mut tx = app.db.begin().await?;
    let id = store::key::add(&mut tx, &name, &text.hash(), &scopes, app.now()).await?;
    let taken = || Problem::conflict(format!("there is, or was, a key `{name}`"));
    let id = id.ok_or_else(taken)?;
    let mut change = caller.change("key.add", format!("key {id}"));
    change.became = serde_json::json!({ "name": name, "scopes": scopes }).to_string();
    store::audit::record(&mut tx, &change, app.now()).await?;
    let listed = shown(find(&mut tx, id).await?);
    tx.commit().await?;
    let key = text.as_str().to_owned();
    made(&app, &format!("/keys/{id}"), &Added { listed, key }).map(once)
}

/// One key.
#[utoipa::path(get, path = "/keys/{id}", tag = "keys", security(("key" = ["keys:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = KeyListed, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<KeysRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let listed = find(&mut app.db.read().await?, id).await?;
    one(StatusCode::OK, &shown(listed))
}

/// Let a key open nothing any more. None revokes itself.
#[utoipa::path(delete, path = "/keys/{id}", tag = "keys", security(("key" = ["keys:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 204, description = "It opens nothing"), Problems))]
pub(super) async fn revoke(
    caller: Allowed<KeysWrite>,
    Caller(own): Caller,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let listed = find(&mut tx, id).await?;
    must_be_another(&own, &listed)?;
    if listed.active {
        store::key::revoke(&mut tx, &listed.key.name).await?;
        let change = caller.change("key.revoke", format!("key {id}"));
        store::audit::record(&mut tx, &change, app.now()).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn must_be_another(own: &ApiKey, listed: &Listed) -> Result<(), Problem> {
    if own.id == listed.key.id {
        let words = "it's the key that asks; revoke it by another, or in the console";
        return Err(Problem::conflict(words));
    }
    Ok(())
}
