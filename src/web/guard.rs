//! What stands before and after every handler: who may post, what browsers may do with a page, and
//! the log.

use axum::extract::MatchedPath;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::header::HeaderName;
use axum::http::header::ORIGIN;
use axum::http::header::REFERRER_POLICY;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::app::App;
use crate::web::error::Error;
use crate::web::metrics;

/// Nothing comes from anywhere but here.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// The console's forms show what they would give as they're typed, by our own script.
const CONSOLE: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                       connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Whoever edits a letter's template, or reviews a digest, sees the letter: a frame has the policy of the page around it,
/// and a letter carries its looks in `style=`, because mail programs keep nothing else.
const EDITOR: &str = "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                      img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Refuses what another site's page has somebody's browser post. A request without any sign of its
/// origin comes from no browser, so there is nobody to be misled.
pub(super) async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let only_looks = matches!(*request.method(), Method::GET | Method::HEAD);
    if only_looks || is_own(request.headers(), &app.settings.base_url) {
        next.run(request).await
    } else {
        Error::Forbidden.into_response()
    }
}

fn is_own(headers: &HeaderMap, base_url: &str) -> bool {
    let said = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    match said(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, b"same-origin" | b"none"),
        None => said(ORIGIN).is_none_or(|origin| origin == base_url.as_bytes()),
    }
}

/// Tells browsers to run nothing but the console's own script, to be framed by nobody, and to tell other sites nothing. Not
/// `no-referrer`: with it browsers call our own forms' origin `null`.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let shows_letters = ["/admin/templates/", "/admin/digests/"];
    let console = if shows_letters.iter().any(|pages| path.starts_with(pages)) {
        Some(EDITOR)
    } else {
        (path == "/admin" || path.starts_with("/admin/")).then_some(CONSOLE)
    };
    let mut response = next.run(request).await;
    shield(response.headers_mut());
    if let Some(policy) = console {
        let policy = HeaderValue::from_static(policy);
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What [`protect`] adds.
pub(super) fn shield(headers: &mut HeaderMap) {
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "same-origin");
}

/// Logs each request by its route, which holds no token, without any address.
pub(super) async fn tell(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = app.now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("-", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let took = (app.now() - begun).num_milliseconds();
    record(&method, &route, response.status(), took);
    response
}

/// Counts a request that took so many milliseconds, and logs it.
pub(super) fn record(method: &Method, route: &str, status: StatusCode, took: i64) {
    metrics::count(route, status);
    let status = status.as_u16();
    tracing::info!(%method, route, status, took, "request.done");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        is_own(&headers.collect(), "https://news.example.org")
    }

    #[test]
    fn only_our_own_pages_may_post() {
        assert!(own(&[("origin", "https://news.example.org")]));
        assert!(own(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(own(&[]));
        for theirs in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "https://news.example.org.evil.example")],
            &[("origin", "http://news.example.org")],
            &[("sec-fetch-site", "cross-site")],
            &[
                ("sec-fetch-site", "same-site"),
                ("origin", "https://news.example.org"),
            ],
        ] {
            assert!(!own(theirs), "{theirs:?}");
        }
    }
}
