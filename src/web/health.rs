//! What watches over a process: is it alive, can it serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::json;

use crate::app::App;

/// `/healthz`: the process answers. Asks nobody else.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// `/readyz`: the database answers and has the tables that this program knows.
pub(super) async fn ready(State(app): State<App>) -> Response {
    let (database, migrations) = match app.db.is_current().await {
        Ok(true) => ("ok", "current"),
        Ok(false) => ("ok", "outdated"),
        Err(problem) => {
            tracing::warn!(%problem, "ready.failed");
            ("unavailable", "unknown")
        }
    };
    let ready = migrations == "current";
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "ready": ready, "database": database, "migrations": migrations });
    (status, Json(body)).into_response()
}
