//! `/websub/{token}`: where the hubs of sources come to be agreed with, and bring what is new.

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::app::App;
use crate::source::websub;
use crate::source::websub::Pushed;
use crate::source::websub::Took;
use crate::source::websub::Word;
use crate::web::error::Error;
use crate::web::form::Fields;

/// Bytes of pushed content: as much as a poll may fetch.
pub(super) const MOST_BODY: usize = 15 * 1024 * 1024;

/// `GET /websub/{token}`: a hub asks whether we meant it.
pub(super) async fn agree(
    State(app): State<App>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let said = Fields::parse(query.unwrap_or_default().as_bytes());
    let word = Word {
        mode: said.one("hub.mode").to_owned(),
        topic: said.one("hub.topic").to_owned(),
        lease_seconds: said.one("hub.lease_seconds").to_owned(),
        reason: said.one("hub.reason").to_owned(),
    };
    let agreed = websub::agree(&app, &token, &word).await;
    if agreed.map_err(Error::trouble)? {
        Ok(said.exact("hub.challenge").to_owned().into_response())
    } else {
        Err(Error::NotFound)
    }
}

/// `POST /websub/{token}`: a hub brings content. What isn't signed gets the same thanks as what is.
pub(super) async fn take(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<StatusCode, Error> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let pushed = Pushed {
        signature: text("x-hub-signature"),
        content_type: text(CONTENT_TYPE.as_str()),
        bytes,
    };
    let took = websub::take(&app, &token, pushed).await;
    match took.map_err(Error::trouble)? {
        Took::Content | Took::Nothing => Ok(StatusCode::ACCEPTED),
        Took::Gone => Err(Error::Unreadable(StatusCode::GONE)),
    }
}
