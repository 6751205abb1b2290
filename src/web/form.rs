//! The fields of a posted form: `application/x-www-form-urlencoded`, names repeatable.

use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::web::error::Error;

/// What somebody filled in.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(CONTENT_TYPE);
        if !kind.is_some_and(|kind| is_form(kind.as_bytes())) {
            return Err(Error::Unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = Bytes::from_request(request, state).await;
        let body =
            body.map_err(|rejection| Error::Unreadable(rejection.into_response().status()))?;
        Ok(Self::parse(&body))
    }
}

fn is_form(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

impl Fields {
    /// The fields of a body.
    pub(super) fn parse(body: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(body);
        Self(fields.into_owned().collect())
    }

    /// The first field of this name, trimmed; empty if there is none.
    pub(super) fn one(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The same; `None` if there is none.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.trim())
    }

    /// Every field of this name that has something in it, trimmed.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// A field as it came, blanks and all: passwords.
    pub(super) fn exact(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map_or("", |(_, value)| value)
    }
}
