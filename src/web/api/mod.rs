//! `/api/v1`: all that a person can do, for scripts.
//!
//! In come JSON bodies and keys, out go JSON and, for whatever goes wrong, problems by RFC 9457.
//! Lists come in pages, the next by `Link: rel=next`; one thing has an `ETag`, and is changed only
//! if an `If-Match` still holds. The description is made from the handlers that answer, by OpenAPI
//! 3.1. Every change is in the audit log. Nothing here decides what the console would decide
//! otherwise: both call the same flows.

mod articles;
mod audit;
mod caller;
mod digests;
mod document;
mod field;
mod held;
mod keys;
mod letters;
mod lists;
mod once;
mod problem;
mod review;
mod settings;
mod shape;
mod sources;
mod subscribers;
mod subscriptions;
mod suppressions;
mod templates;
mod topics;
mod users;
mod webhooks;
mod wish;

use axum::Json;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::web::Web;
use crate::web::error::Error;

pub(super) use document::page;

/// Bytes of a body.
const MOST_BODY: usize = 1024 * 1024;

/// What scripts ask.
pub(super) fn routes(web: &Web) -> Router<Web> {
    let (routes, _) = operations().split_for_parts();
    routes
        .route_layer(from_fn_with_state(web.clone(), caller::gate))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .route("/api/openapi.json", get(description))
}

/// Every operation, with what is said of it.
fn operations() -> OpenApiRouter<Web> {
    let operations = OpenApiRouter::new()
        .routes(routes!(articles::page, articles::push))
        .routes(routes!(articles::get, articles::edit))
        .routes(routes!(articles::withdraw))
        .routes(routes!(articles::publish))
        .routes(routes!(articles::merge))
        .routes(routes!(topics::all))
        .routes(routes!(sources::page, sources::add))
        .routes(routes!(sources::get, sources::change, sources::remove))
        .routes(routes!(sources::poll))
        .routes(routes!(held::page, held::drop))
        .routes(routes!(held::publish))
        .routes(routes!(lists::page, lists::add))
        .routes(routes!(lists::get, lists::change))
        .routes(routes!(subscribers::page, subscribers::add))
        .routes(routes!(subscribers::get))
        .routes(routes!(subscriptions::page))
        .routes(routes!(
            subscriptions::get,
            subscriptions::choose,
            subscriptions::end
        ))
        .routes(routes!(digests::page, digests::run))
        .routes(routes!(digests::get))
        .routes(routes!(digests::hold))
        .routes(routes!(digests::release))
        .routes(routes!(digests::cancel))
        .routes(routes!(review::get, review::arrange))
        .routes(routes!(review::preview))
        .routes(routes!(review::skip))
        .routes(routes!(letters::retry))
        .routes(routes!(letters::page))
        .routes(routes!(letters::get))
        .routes(routes!(suppressions::page, suppressions::add))
        .routes(routes!(suppressions::get, suppressions::remove))
        .routes(routes!(webhooks::page, webhooks::add))
        .routes(routes!(webhooks::get, webhooks::remove))
        .routes(routes!(webhooks::try_out))
        .routes(routes!(webhooks::messages))
        .routes(routes!(templates::all))
        .routes(routes!(templates::get, templates::save, templates::drop))
        .routes(routes!(templates::preview))
        .routes(routes!(templates::versions))
        .routes(routes!(templates::restore))
        .routes(routes!(settings::get, settings::change))
        .routes(routes!(settings::sign))
        .routes(routes!(users::page, users::add))
        .routes(routes!(users::get))
        .routes(routes!(users::bind))
        .routes(routes!(users::reset))
        .routes(routes!(users::disable))
        .routes(routes!(keys::page, keys::add))
        .routes(routes!(keys::get, keys::revoke))
        .routes(routes!(audit::page))
        .routes(routes!(document::own_key));
    OpenApiRouter::with_openapi(document::about()).nest("/api/v1", operations)
}

/// The API's description, at this address.
pub fn openapi(base_url: &str) -> OpenApi {
    document::complete(operations().into_openapi(), base_url)
}

/// `/api/openapi.json`.
async fn description(State(app): State<App>) -> Json<OpenApi> {
    Json(openapi(&app.settings.base_url))
}

/// Whether a path is for scripts, so that even what is wrong there comes as JSON.
pub(super) fn is_ours(path: &str) -> bool {
    path.starts_with("/api/")
}

/// A problem that a layer around us met, as we say it.
pub(super) fn problem(problem: &Error, bare: Response) -> Response {
    let dressed = problem::Problem::of(problem).into_response();
    let (mut parts, _) = bare.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(dressed.headers().clone());
    Response::from_parts(parts, dressed.into_body())
}
