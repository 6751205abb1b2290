//! Digests: runs of lists, cut now, held, released, stopped.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::audience::list;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::compile;
use crate::digest::review;
use crate::store;
use crate::store::StoreError;
use crate::store::Tx;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::DigestsRead;
use crate::web::api::caller::DigestsWrite;
use crate::web::api::field::SlugText;
use crate::web::api::field::Text;
use crate::web::api::lists;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::made;
use crate::web::api::shape::one;
use crate::web::api::wish::Cadence;

/// One run of a list's cadence for one period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Digest)]
pub(super) struct DigestShown {
    #[schema(example = 1)]
    id: i64,
    /// The list's slug.
    #[schema(example = "all-news")]
    list: String,
    cadence: Cadence,
    /// The local date, hour and zone it's for.
    period: String,
    /// `held`, `planning`, `planned` or `cancelled`.
    #[schema(example = "planned")]
    state: &'static str,
    /// The last article's `seq` that it may hold.
    to_seq: i64,
    #[schema(format = DateTime)]
    cut_at: String,
    letters: Vec<LetterCount>,
}

/// How many letters stand where.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LetterCount {
    #[schema(example = "accepted")]
    state: &'static str,
    letters: i64,
}

/// A digest to be cut now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDigest {
    /// The list's slug.
    list: SlugText,
    cadence: Cadence,
}

/// The latest digests, the newest first.
#[utoipa::path(get, path = "/digests", tag = "digests", security(("key" = ["digests:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<DigestShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<DigestsRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let mut rows = Vec::new();
    let before = part.after.map(DigestId);
    for digest in store::digest::latest(&mut tx, before, part.with_one_more()).await? {
        rows.push(shown(&mut tx, digest).await?);
    }
    let place = |row: &DigestShown| format!("after={}", row.id);
    Ok(part.page(&app, "/digests", rows, place, |row| row))
}

/// Cut a digest now for every active subscription of a cadence, whatever its hour. Where its list has
/// digests reviewed, it's held.
#[utoipa::path(post, path = "/digests", tag = "digests", security(("key" = ["digests:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = NewDigest,
    responses((status = 201, description = "Its letters are queued, or it waits for its review", body = DigestShown, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn run(
    caller: Allowed<DigestsWrite>,
    State(app): State<App>,
    Body(new): Body<NewDigest>,
) -> Result<Response, Problem> {
    let list = lists::find(&mut app.db.read().await?, new.list.as_str()).await?;
    let run = compile::run_now(&app, &list, list::Cadence::from(new.cadence)).await;
    let (id, _) = run.map_err(|problem| {
        if problem
            .chain()
            .any(<dyn std::error::Error>::is::<StoreError>)
        {
            problem.into()
        } else {
            Problem::conflict(format!("{problem:#}"))
        }
    })?;
    note(&caller, &app, "digest.run", id).await?;
    let mut tx = app.db.read().await?;
    let digest = find(&mut tx, id.0).await?;
    let digest = shown(&mut tx, digest).await?;
    made(&app, &format!("/digests/{}", id.0), &digest)
}

/// One digest, and how its letters stand.
#[utoipa::path(get, path = "/digests/{id}", tag = "digests", security(("key" = ["digests:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = DigestShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<DigestsRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let digest = find(&mut tx, id).await?;
    one(StatusCode::OK, &shown(&mut tx, digest).await?)
}

/// Keep a digest until it's released: letters that aren't on their way wait too.
#[utoipa::path(post, path = "/digests/{id}/hold", tag = "digests", security(("key" = ["digests:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = DigestShown, description = "As it is now"), Problems))]
pub(super) async fn hold(
    caller: Allowed<DigestsWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    find(&mut app.db.read().await?, id).await?;
    if review::hold(&app, DigestId(id)).await?.is_none() {
        return Err(Problem::conflict("it's held already, or cancelled"));
    }
    moved(&caller, &app, "digest.hold", id).await
}

/// Let a held digest go out.
#[utoipa::path(post, path = "/digests/{id}/release", tag = "digests", security(("key" = ["digests:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = DigestShown, description = "As it is now"), Problems))]
pub(super) async fn release(
    caller: Allowed<DigestsWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    find(&mut app.db.read().await?, id).await?;
    if !review::release(&app, DigestId(id)).await? {
        return Err(Problem::conflict("it isn't held"));
    }
    moved(&caller, &app, "digest.release", id).await
}

/// Stop a digest: no letter that isn't on its way goes out.
#[utoipa::path(post, path = "/digests/{id}/cancel", tag = "digests", security(("key" = ["digests:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = DigestShown, description = "As it is now"), Problems))]
pub(super) async fn cancel(
    caller: Allowed<DigestsWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let cancelled = review::cancel(&app, DigestId(id)).await?;
    cancelled.ok_or_else(|| Problem::missing("digest", id))?;
    moved(&caller, &app, "digest.cancel", id).await
}

pub(super) async fn moved(
    caller: &Allowed<DigestsWrite>,
    app: &App,
    action: &'static str,
    id: i64,
) -> Result<Response, Problem> {
    note(caller, app, action, DigestId(id)).await?;
    let mut tx = app.db.read().await?;
    let digest = find(&mut tx, id).await?;
    one(StatusCode::OK, &shown(&mut tx, digest).await?)
}

async fn note(
    caller: &Allowed<DigestsWrite>,
    app: &App,
    action: &'static str,
    id: DigestId,
) -> Result<(), Problem> {
    let change = caller.change(action, format!("digest {}", id.0));
    store::audit::record_after(&app.db, &change, app.now()).await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, id: i64) -> Result<Digest, Problem> {
    let found = store::digest::find(tx, DigestId(id)).await?;
    found.ok_or_else(|| Problem::missing("digest", id))
}

async fn shown(tx: &mut Tx, digest: Digest) -> store::Result<DigestShown> {
    let counts = store::digest::counts(tx, digest.id).await?;
    let letters = counts.into_iter().map(|(state, letters)| LetterCount {
        state: state.as_str(),
        letters,
    });
    Ok(DigestShown {
        id: digest.id.0,
        list: store::list::get(tx, digest.list_id).await?.slug.to_string(),
        cadence: digest.cadence.into(),
        period: digest.period_key,
        state: digest.state.as_str(),
        to_seq: digest.to_seq.0,
        cut_at: digest.cut_at.to_string(),
        letters: letters.collect(),
    })
}
