//! What goes wrong on the web, and the page that says so.
//!
//! A handler gives an [`Error`]; on the way out [`dress`] makes it a page in the reader's language.
//! A stranger reads what they can do, or a number; the chain of causes goes to the log, once, under
//! that number.

use std::any::Any;
use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::access::BadLink;
use crate::access::Token;
use crate::app::App;
use crate::audience::sign_up::NoStanding;
use crate::store::StoreError;
use crate::templates::pages::ErrorKind;
use crate::templates::pages::ErrorPage;
use crate::web::api;
use crate::web::visit::Visit;

/// Seconds after which a busy database is worth another try.
const TRY_AGAIN: u64 = 5;

/// Why a request doesn't get what it asked for.
#[derive(Debug, Clone)]
pub(super) enum Error {
    /// There is no such page.
    NotFound,
    /// There was such an article.
    Withdrawn,
    /// A link that opens nothing.
    Link(BadLink),
    /// It comes from another site, or from somebody who may not.
    Forbidden,
    /// It's not a list's own, and they look after some lists alone.
    Bound,
    /// Nobody is signed in.
    SignIn,
    /// Whoever is signed in must prove themselves by a second factor, and has none yet.
    SecondFactor,
    /// Too many tries; the seconds to wait.
    TooMany(u64),
    /// The database is busy; a moment later it won't be.
    Busy,
    /// What came can't be read, for the reason that the status says.
    Unreadable(StatusCode),
    /// Our fault.
    Trouble(Arc<anyhow::Error>),
}

impl Error {
    /// Our fault.
    pub(super) fn trouble(problem: anyhow::Error) -> Self {
        Self::Trouble(Arc::new(problem))
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::Link(BadLink::Forged) => StatusCode::NOT_FOUND,
            Self::Withdrawn | Self::Link(BadLink::Expired) => StatusCode::GONE,
            Self::Forbidden | Self::Bound => StatusCode::FORBIDDEN,
            Self::SignIn | Self::SecondFactor => StatusCode::SEE_OTHER,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable(status) => *status,
            Self::Trouble(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Withdrawn => ErrorKind::Withdrawn,
            Self::Link(_) => ErrorKind::Link,
            Self::Forbidden | Self::SignIn | Self::SecondFactor => ErrorKind::Forbidden,
            Self::Bound => ErrorKind::Bound,
            Self::TooMany(_) | Self::Busy => ErrorKind::Busy,
            Self::Unreadable(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => {
                ErrorKind::NotFound
            }
            Self::Unreadable(status) if status.is_client_error() => ErrorKind::Form,
            Self::Unreadable(_) | Self::Trouble(_) => ErrorKind::Trouble,
        }
    }

    fn wait(&self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::Busy => Some(TRY_AGAIN),
            _ => None,
        }
    }
}

impl From<StoreError> for Error {
    fn from(problem: StoreError) -> Self {
        if problem.is_busy() {
            Self::Busy
        } else {
            Self::trouble(problem.into())
        }
    }
}

impl From<NoStanding> for Error {
    fn from(problem: NoStanding) -> Self {
        match problem {
            NoStanding::Link(link) => Self::Link(link),
            NoStanding::Forgotten => Self::Link(BadLink::Expired),
            NoStanding::Store(problem) => problem.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => return Redirect::to("/admin/sign-in").into_response(),
            Self::SecondFactor => return Redirect::to("/admin/account/code").into_response(),
            _ => {}
        }
        let mut response = self.status().into_response();
        if let Some(seconds) = self.wait() {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Answers whatever no route takes.
pub(super) async fn no_such_page() -> Error {
    Error::NotFound
}

/// Answers methods that a page doesn't know; the router adds `Allow`.
pub(super) async fn no_such_method() -> Error {
    Error::Unreadable(StatusCode::METHOD_NOT_ALLOWED)
}

/// Answers when a handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it on so")]
pub(super) fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    let said = said.unwrap_or("without a word").to_owned();
    Error::trouble(anyhow::anyhow!("panicked: {said}")).into_response()
}

/// Makes errors pages: our own, and the bare ones of the router and its layers.
pub(super) async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let visit = Visit::of(&app, request.uri(), request.headers());
    let by_script = api::is_ours(request.uri().path());
    let response = next.run(request).await;
    match undressed(&response) {
        Some(error) if by_script => api::problem(&error, response),
        Some(error) => page(&visit, &error, response),
        None => response,
    }
}

fn undressed(response: &Response) -> Option<Error> {
    let ours = response.extensions().get::<Error>().cloned();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    ours.or_else(|| (is_error && is_bare).then_some(Error::Unreadable(status)))
}

fn page(visit: &Visit, error: &Error, bare: Response) -> Response {
    let mut page = ErrorPage::of(error.kind());
    page.console = visit.is_in("/admin");
    if let Error::Trouble(problem) = error {
        page.number = Some(record(problem));
    }
    let Ok(dressed) = visit.page(&page) else {
        return bare;
    };
    let (mut parts, _) = bare.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(dressed.headers().clone());
    Response::from_parts(parts, dressed.into_body())
}

/// Logs a problem, and gives the number it can be found under.
pub(super) fn record(problem: &anyhow::Error) -> String {
    let token = Token::random();
    let letters = token.as_str().chars().filter(char::is_ascii_alphanumeric);
    let number: String = letters.take(8).collect();
    tracing::error!(number, problem = format!("{problem:#}"), "request.trouble");
    number
}
