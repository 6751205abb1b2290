//! `Idempotency-Key`: a request that is sent again is answered again, and done once.
//!
//! The first one is noted before it's done, its answer after. What failed is forgotten, so that it
//! may be sent again, corrected. An answer that never came, since the process died, is taken over
//! after a minute; everything that can be posted here bears being done again then.

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use axum::body::Body;
use axum::body::Bytes;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::ETAG;
use axum::http::header::LINK;
use axum::http::header::LOCATION;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;

use crate::access::key::ApiKey;
use crate::app::App;
use crate::store;
use crate::store::key::Reply;
use crate::web::api::MOST_BODY;
use crate::web::api::problem::Problem;
use crate::web::api::shape::is_once;
use crate::web::api::shape::json;

/// How long answers are kept.
const KEPT: TimeDelta = TimeDelta::hours(48);
/// After how long nobody answers any more.
const GIVEN_UP: TimeDelta = TimeDelta::minutes(1);
/// The longest name.
const LONGEST: usize = 200;
/// What of an answer's head is kept.
const HEADERS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LINK, LOCATION];

/// Answers a POST, from memory if it was answered before.
pub(super) async fn answer(app: &App, key: &ApiKey, request: Request, next: Next) -> Response {
    let name = match name(request.headers()) {
        Ok(Some(name)) => name,
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    match first_or_again(app, (key.id, &name), request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

fn name(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|text| {
        (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let words = "expected an Idempotency-Key of 1 to 200 printable ASCII characters";
    text.map(|text| Some(text.to_owned()))
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, words))
}

async fn first_or_again(
    app: &App,
    name: (i64, &str),
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let too_large = |_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "expected a body of at most 1 MiB",
        )
    };
    let body = to_bytes(body, MOST_BODY).await.map_err(too_large)?;
    let asked = hash(parts.uri.path(), &body);
    if !claim(app, name, &asked).await? {
        return again(app, name, &asked).await;
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(app, name, asked, response).await
}

fn hash(path: &str, body: &Bytes) -> String {
    let mut whole = path.as_bytes().to_vec();
    whole.push(0);
    whole.extend_from_slice(body);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &whole))
}

async fn claim(app: &App, name: (i64, &str), asked: &str) -> Result<bool, Problem> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    store::key::forget_replies(&mut tx, now - KEPT).await?;
    let ours = store::key::claim_reply(&mut tx, name, asked, (now, now - GIVEN_UP)).await?;
    tx.commit().await?;
    Ok(ours)
}

async fn again(app: &App, name: (i64, &str), asked: &str) -> Result<Response, Problem> {
    let reply = store::key::find_reply(&mut app.db.read().await?, name).await?;
    let busy = || {
        Problem::conflict(
            "the first request with this Idempotency-Key is being answered; ask again in a moment",
        )
    };
    let reply = reply.ok_or_else(busy)?;
    if reply.request != asked {
        return Err(Problem::conflict(
            "this Idempotency-Key came with another request before; take a new one",
        ));
    }
    let status = u16::try_from(reply.status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(busy)?;
    let kept: Vec<(String, String)> = serde_json::from_str(&reply.headers).unwrap_or_default();
    let mut response = (status, reply.body).into_response();
    response.headers_mut().remove(CONTENT_TYPE);
    for (name, value) in kept {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    let replayed = HeaderValue::from_static("true");
    let header = HeaderName::from_static("idempotency-replayed");
    response.headers_mut().insert(header, replayed);
    Ok(response)
}

async fn keep(
    app: &App,
    name: (i64, &str),
    asked: String,
    response: Response,
) -> Result<Response, Problem> {
    if !response.status().is_success() {
        let mut tx = app.db.begin().await?;
        store::key::release_reply(&mut tx, name).await?;
        tx.commit().await?;
        return Ok(response);
    }
    if is_once(&response) {
        // A secret is at rest with its owner alone.
        let words = "this was done, and its answer with the secret isn't kept; make another";
        let said = Problem::conflict(words);
        let reply = Reply {
            request: asked,
            status: StatusCode::CONFLICT.as_u16().into(),
            headers: serde_json::json!([["content-type", "application/problem+json"]]).to_string(),
            body: json(&said),
        };
        write_down(app, name, &reply).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(anyhow::Error::from)?;
    let headers: Vec<(&str, &str)> = HEADERS
        .iter()
        .filter_map(|name| Some((name.as_str(), parts.headers.get(name)?.to_str().ok()?)))
        .collect();
    let reply = Reply {
        request: asked,
        status: parts.status.as_u16().into(),
        headers: serde_json::to_string(&headers).map_err(anyhow::Error::from)?,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    write_down(app, name, &reply).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn write_down(app: &App, name: (i64, &str), reply: &Reply) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    store::key::keep_reply(&mut tx, name, reply).await?;
    tx.commit().await
}
