//! What goes wrong in the API, as RFC 9457 problems: what happened, in words for whoever reads the
//! script's log, and where in the body.

use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::RETRY_AFTER;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use utoipa::IntoResponses;
use utoipa::ToSchema;

use crate::store::StoreError;
use crate::web::error;
use crate::web::error::Error;

/// Why a request doesn't get what it asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Which kind of problem; the page at this address tells more.
    #[serde(rename = "type")]
    #[schema(example = "/api#problem-404")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time, and what to do about it.
    detail: String,
    /// Where in the body it is, if it's one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/topics/0")]
    pointer: Option<String>,
    #[serde(skip)]
    wait: Option<u64>,
}

impl Problem {
    /// A problem of this status.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/api#problem-{}", status.as_u16()),
            title: title(status),
            status: status.as_u16(),
            detail: detail.into(),
            pointer: None,
            wait: None,
        }
    }

    /// There is no such thing.
    pub(super) fn missing(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no {what} `{name}`"),
        )
    }

    /// It doesn't go with how things stand.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// A field holds what can't be taken.
    pub(super) fn field(pointer: &str, detail: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail.to_string());
        problem.pointer = Some(pointer.to_owned());
        problem
    }

    /// What the layers around the API said, as a problem.
    pub(in crate::web) fn of(problem: &Error) -> Self {
        match problem {
            Error::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "there is nothing at this address; see /api",
            ),
            Error::TooMany(seconds) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("too many requests; try again in {seconds} s"),
            )
            .after(*seconds),
            Error::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the database is busy; try again",
            )
            .after(5),
            Error::Trouble(trouble) => {
                let number = error::record(trouble);
                let words = format!("something went wrong; it's in the log under number {number}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
            other => {
                let status = other.status();
                Self::new(status, bare(status))
            }
        }
    }

    fn after(mut self, seconds: u64) -> Self {
        self.wait = Some(seconds);
        self
    }
}

fn bare(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => {
            "the address or the body can't be read; see /api for what is taken"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address doesn't take this method; `Allow` says which it takes"
        }
        StatusCode::REQUEST_TIMEOUT => "the request took too long to arrive",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than what is taken (1 MiB)",
        StatusCode::FORBIDDEN => "this isn't for you",
        _ => "the request can't be answered",
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request can't be read",
        StatusCode::UNAUTHORIZED => "No good key",
        StatusCode::FORBIDDEN => "The key may not do this",
        StatusCode::NOT_FOUND => "Not there",
        StatusCode::METHOD_NOT_ALLOWED => "Not this method",
        StatusCode::REQUEST_TIMEOUT => "Too slow",
        StatusCode::CONFLICT => "Not as things stand",
        StatusCode::PRECONDITION_FAILED => "Changed meanwhile",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Not JSON",
        StatusCode::UNPROCESSABLE_ENTITY => "Not a value that can be taken",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Busy",
        _ => "Something went wrong",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(CONTENT_TYPE, kind)], body).into_response();
        if let Some(seconds) = self.wait {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let ask = HeaderValue::from_static("Bearer realm=\"visnyk\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, ask);
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(problem: Error) -> Self {
        Self::of(&problem)
    }
}

impl From<StoreError> for Problem {
    fn from(problem: StoreError) -> Self {
        Error::from(problem).into()
    }
}

impl From<anyhow::Error> for Problem {
    fn from(problem: anyhow::Error) -> Self {
        match problem.downcast::<StoreError>() {
            Ok(problem) => problem.into(),
            Err(problem) => Error::trouble(problem).into(),
        }
    }
}

/// What every operation may answer beside its own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it's read by the API's description")]
pub(super) enum Problems {
    /// The address or the body can't be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Unreadable(#[to_schema] Problem),
    /// There is no key, or no good one.
    #[response(status = 401, content_type = "application/problem+json")]
    NoKey(#[to_schema] Problem),
    /// The key may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// It doesn't go with how things stand.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
    /// It was changed since `If-Match` was read.
    #[response(status = 412, content_type = "application/problem+json")]
    Changed(#[to_schema] Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// The body isn't JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(#[to_schema] Problem),
    /// A field holds what can't be taken.
    #[response(status = 422, content_type = "application/problem+json")]
    Field(#[to_schema] Problem),
    /// The key asked too often.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] Problem),
    /// Our fault.
    #[response(status = 500, content_type = "application/problem+json")]
    Trouble(#[to_schema] Problem),
    /// The database is busy.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(#[to_schema] Problem),
}

/// Every kind of problem: its status and its title.
pub(super) fn kinds() -> Vec<(u16, String)> {
    [
        400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 500, 503,
    ]
    .into_iter()
    .filter_map(|number| StatusCode::from_u16(number).ok())
    .map(|status| (status.as_u16(), title(status).to_owned()))
    .collect()
}
