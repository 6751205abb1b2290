//! `POST /hub`: our WebSub hub's door. Form fields in; 202, or a refusal in words.
//!
//! What is asked for here happens only after the callback has agreed, which is the flow's doing.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::app::App;
use crate::feed::hub;
use crate::feed::hub::Refusal;
use crate::feed::hub::Request;
use crate::web::Web;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Network;
use crate::web::network::Try;

/// Seconds after which a hub that is full is worth another try.
const LATER: &str = "3600";

/// `POST /hub`.
pub(super) async fn ask(
    State(web): State<Web>,
    State(app): State<App>,
    network: Network,
    fields: Fields,
) -> Result<Response, Error> {
    web.budgets.spend(Try::Hub(network), app.now())?;
    let request = Request {
        mode: fields.one("hub.mode").to_owned(),
        topic: fields.one("hub.topic").to_owned(),
        callback: fields.one("hub.callback").to_owned(),
        lease_seconds: fields.one("hub.lease_seconds").to_owned(),
        secret: fields.exact("hub.secret").to_owned(),
    };
    match hub::ask(&app, &request).await {
        Ok(()) => Ok((
            StatusCode::ACCEPTED,
            "accepted; the callback is asked next\n",
        )
            .into_response()),
        Err(Refusal::Store(problem)) => Err(problem.into()),
        Err(Refusal::TooMany) => Ok((
            [(RETRY_AFTER, LATER)],
            refused(StatusCode::TOO_MANY_REQUESTS, &Refusal::TooMany),
        )
            .into_response()),
        Err(refusal) => Ok(refused(StatusCode::BAD_REQUEST, &refusal)),
    }
}

/// RFC 9457, since it's a program that reads it.
fn refused(status: StatusCode, refusal: &Refusal) -> Response {
    let problem = serde_json::json!({
        "title": "the hub doesn't take this request",
        "status": status.as_u16(),
        "detail": refusal.to_string(),
    });
    let kind: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/problem+json")];
    (status, kind, Json(problem)).into_response()
}
