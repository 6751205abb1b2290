//! What goes in and out in every part of the API: JSON bodies, pages of a list, versions.

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::ETAG;
use axum::http::header::IF_MATCH;
use axum::http::header::LINK;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::web::api::problem::Problem;

/// Rows of a page, unless the caller says.
const A_PAGE: i64 = 50;
/// The most rows of a page.
const MOST: i64 = 200;
/// The largest number that every JSON reader takes exactly.
const LARGEST: i64 = 9_007_199_254_740_991;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let words = "expected a body with `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| {
            let status = rejection.into_response().status();
            Problem::new(
                status,
                "expected a whole body of at most 1 MiB, but it's larger or was cut short",
            )
        })?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|problem| {
        let path = problem.path().clone();
        let inner = problem.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => Problem::field(&pointer(&path), inner),
            _ => Problem::new(
                StatusCode::BAD_REQUEST,
                format!("expected JSON, but got: {inner}"),
            ),
        }
    })?;
    let rest = reader.end().map_err(|problem| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("expected one JSON value, but got: {problem}"),
        )
    });
    rest.map(|()| value)
}

/// A path as RFC 6901 writes it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let steps = path.iter().filter_map(|step| match step {
        serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
        serde_path_to_error::Segment::Map { key }
        | serde_path_to_error::Segment::Enum { variant: key } => {
            Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        }
        serde_path_to_error::Segment::Unknown => None,
    });
    steps.collect()
}

/// Which page of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Where the last page ended.
    pub(super) after: Option<i64>,
    /// How many rows.
    pub(super) limit: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Part {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            after: number(query, "after", LARGEST)?,
            limit: number(query, "limit", MOST)?.unwrap_or(A_PAGE),
        })
    }
}

/// A number in the query, from 1 to `most`.
fn number(query: &str, name: &str, most: i64) -> Result<Option<i64>, Problem> {
    let Some(text) = word(query, name)? else {
        return Ok(None);
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=most).contains(number));
    number.filter(|_| digits).map(Some).ok_or_else(|| {
        let words = format!("expected `{name}` from 1 to {most}");
        Problem::new(StatusCode::BAD_REQUEST, words)
    })
}

/// The number of something, in the query.
pub(super) fn id(query: &str, name: &str) -> Result<Option<i64>, Problem> {
    number(query, name, LARGEST)
}

/// A word in the query, which may be there once.
pub(super) fn word(query: &str, name: &str) -> Result<Option<String>, Problem> {
    let mut found = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned());
    let first = found.next();
    if found.next().is_some() {
        let words = format!("expected `{name}` once");
        return Err(Problem::new(StatusCode::BAD_REQUEST, words));
    }
    Ok(first)
}

impl Part {
    /// One more than the page holds, to see whether there is a next one.
    pub(super) fn with_one_more(self) -> i64 {
        self.limit + 1
    }

    /// The page, and a link to the next if there is one. `at` is the path and the filters, `place`
    /// the field that says what the next one comes after.
    pub(super) fn page<R, T: Serialize>(
        self,
        app: &App,
        at: &str,
        mut rows: Vec<R>,
        place: impl Fn(&R) -> String,
        show: impl Fn(R) -> T,
    ) -> Response {
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(|last| {
            let sign = if at.contains('?') { '&' } else { '?' };
            let place = place(last);
            app.url(&format!("/api/v1{at}{sign}limit={}&{place}", self.limit))
        });
        let shown: Vec<T> = rows.into_iter().map(show).collect();
        let mut response = axum::Json(shown).into_response();
        if let Some(next) = next.and_then(|next| {
            let link = format!("<{next}>; rel=\"next\"");
            HeaderValue::from_str(&link).ok()
        }) {
            response.headers_mut().insert(LINK, next);
        }
        response
    }
}

/// One thing, with its version.
pub(super) fn one<T: Serialize>(status: StatusCode, shown: &T) -> Result<Response, Problem> {
    let body = serde_json::to_string(shown).map_err(anyhow::Error::from)?;
    let tag = HeaderValue::from_str(&tag(&body)).map_err(anyhow::Error::from)?;
    let kind = HeaderValue::from_static("application/json");
    Ok((status, [(CONTENT_TYPE, kind), (ETAG, tag)], body).into_response())
}

/// One thing that was made just now, and where it is.
pub(super) fn made<T: Serialize>(app: &App, at: &str, shown: &T) -> Result<Response, Problem> {
    let mut response = one(StatusCode::CREATED, shown)?;
    let place = HeaderValue::from_str(&app.url(&format!("/api/v1{at}")));
    let place = place.map_err(anyhow::Error::from)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// An answer that holds a secret: nobody keeps it, neither caches nor we.
pub(super) fn once(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether an answer is one that nobody keeps.
pub(super) fn is_once(response: &Response) -> bool {
    let said = response.headers().get(CACHE_CONTROL);
    said.is_some_and(|said| said == "no-store")
}

fn tag(body: &str) -> String {
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, body.as_bytes()));
    let hash: String = hash.chars().take(22).collect();
    format!("\"{hash}\"")
}

/// The version that the caller saw.
pub(super) struct Seen(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let seen = parts.headers.get(IF_MATCH);
        Ok(Self(seen.map(|seen| {
            String::from_utf8_lossy(seen.as_bytes()).into_owned()
        })))
    }
}

impl Seen {
    /// Refuses to change what was changed since.
    pub(super) fn still<T: Serialize>(&self, shown: &T) -> Result<(), Problem> {
        let Some(seen) = &self.0 else { return Ok(()) };
        let body = serde_json::to_string(shown).map_err(anyhow::Error::from)?;
        let now = tag(&body);
        if seen.trim() == "*" || seen.split(',').any(|one| one.trim() == now) {
            return Ok(());
        }
        let words = format!("it's at version {now} now; read it again before you change it");
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, words))
    }
}

/// JSON for the audit log.
pub(super) fn json<T: Serialize>(shown: &T) -> String {
    serde_json::to_string(shown).unwrap_or_default()
}
