//! What of a source waits for somebody's word, because too much came at once.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::article::intake;
use crate::source::SourceId;
use crate::store;
use crate::store::held::Held;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::SourcesRead;
use crate::web::api::caller::SourcesWrite;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::json;
use crate::web::api::shape::one;
use crate::web::api::sources::find;

/// An article that waits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldArticle)]
pub(super) struct HeldShown {
    #[schema(example = 1)]
    id: i64,
    title: String,
    #[schema(format = DateTime)]
    held_at: String,
}

/// How what waits is to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Publishing {
    /// Whether digests have it too, or pages and feeds alone.
    mailed: bool,
}

/// What came of publishing it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublishedHeld)]
pub(super) struct Published {
    /// Published now.
    new: usize,
    /// Known by now, and revised.
    edited: usize,
    /// Known by now, and as it was.
    same: usize,
}

/// What waits of a source, in the order that it came in.
#[utoipa::path(get, path = "/sources/{id}/held", tag = "sources", security(("key" = ["sources:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
        ("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of it", body = Vec<HeldShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<SourcesRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
    part: Part,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let source = find(&mut tx, SourceId(id)).await?;
    let after = part.after.unwrap_or_default();
    let rows = store::held::page(&mut tx, source.id, after, part.with_one_more()).await?;
    let place = |held: &Held| format!("after={}", held.id);
    Ok(part.page(&app, &format!("/sources/{id}/held"), rows, place, shown))
}

fn shown(held: Held) -> HeldShown {
    HeldShown {
        id: held.id,
        title: held.title,
        held_at: held.held_at.to_string(),
    }
}

/// Publish what waits of a source.
#[utoipa::path(post, path = "/sources/{id}/held/publish", tag = "sources", security(("key" = ["sources:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    request_body = Publishing,
    responses((status = 200, body = Published, description = "What came of it"), Problems))]
pub(super) async fn publish(
    caller: Allowed<SourcesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    Body(publishing): Body<Publishing>,
) -> Result<Response, Problem> {
    let source = find(&mut app.db.read().await?, SourceId(id)).await?;
    let taken = intake::publish_held(&app, &source, publishing.mailed).await?;
    let published = Published {
        new: taken.new,
        edited: taken.edited,
        same: taken.same,
    };
    let mut change = caller.change("source.publish_held", format!("source {id}"));
    change.became = json(&published);
    store::audit::record_after(&app.db, &change, app.now()).await?;
    one(StatusCode::OK, &published)
}

/// Drop what waits of a source, for good.
#[utoipa::path(delete, path = "/sources/{id}/held", tag = "sources", security(("key" = ["sources:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 204, description = "Nothing waits"), Problems))]
pub(super) async fn drop(
    caller: Allowed<SourcesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    let source = find(&mut app.db.read().await?, SourceId(id)).await?;
    intake::drop_held(&app, source.id).await?;
    let change = caller.change("source.drop_held", format!("source {id}"));
    store::audit::record_after(&app.db, &change, app.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
