//! What WebSub, webhooks and sign-in ask of other servers: one GET or POST each, under the same guard as
//! every fetch.
//!
//! Redirects are not followed here: a callback may not move by them, and where a hub's lead is for
//! whoever asked to decide. The body of an answer is read only where it means something, and never
//! beyond a few kilobytes.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use reqwest::header::LOCATION;
use reqwest::header::RETRY_AFTER;
use tokio::time::timeout;

use super::FetchError;
use super::Fetcher;
use super::Phase;
use super::body;
use super::checked;
use super::headers;
use super::target;
use crate::source::SourceUrl;

/// The longest answer that is read: a challenge, or a hub's reason.
const MOST_ANSWER: usize = 16 * 1024;
/// For one exchange, from the name's look-up to the answer's end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the other side said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What came with it, up to a few kilobytes; nothing where it couldn't be read.
    pub body: Bytes,
    /// Where a redirect leads, if it is one.
    pub location: Option<SourceUrl>,
    /// How many seconds it asks us to wait.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// Whether it's a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Fetcher {
    /// Whether an address may be asked at all, as far as can be told without looking its name up.
    pub fn may_ask(&self, url: &SourceUrl) -> Result<(), FetchError> {
        self.client_for(&checked(url)?).map(drop)
    }

    /// One GET, without redirects.
    pub async fn call(&self, url: &SourceUrl) -> Result<Answer, FetchError> {
        let target = checked(url)?;
        let request = self.client_for(&target)?.get(target);
        self.exchange(url, request).await
    }

    /// One POST, without redirects. Headers are names and values; those that can't stand in HTTP
    /// are left out.
    pub async fn post(
        &self,
        url: &SourceUrl,
        content_type: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Answer, FetchError> {
        let target = checked(url)?;
        let named = headers.iter().filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        let mut all = HeaderMap::new();
        for (name, value) in named {
            all.append(name, value);
        }
        let request = self.client_for(&target)?.post(target);
        let request = request.header(CONTENT_TYPE, content_type).headers(all);
        self.exchange(url, request.body(body)).await
    }

    /// One request as it is, without redirects; the answer whole, or a problem.
    pub async fn carry(
        &self,
        request: reqwest::Request,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), FetchError> {
        let late = |_| FetchError::Timeout {
            phase: Phase::Headers,
        };
        let exchange = async {
            let sent = self.client_for(request.url())?.execute(request).await;
            let mut response = sent.map_err(|error| FetchError::of_request(&error))?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            Ok((status, headers, body::read(response, &self.limits).await?))
        };
        timeout(PATIENCE, exchange).await.map_err(late)?
    }

    async fn exchange(
        &self,
        url: &SourceUrl,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, FetchError> {
        let late = |_| FetchError::Timeout {
            phase: Phase::Headers,
        };
        let exchange = async {
            let sent = request.send().await;
            let response = sent.map_err(|error| FetchError::of_request(&error))?;
            self.answer(url, response).await
        };
        timeout(PATIENCE, exchange).await.map_err(late)?
    }

    async fn answer(&self, url: &SourceUrl, response: Response) -> Result<Answer, FetchError> {
        let status = response.status().as_u16();
        let location = headers::verbatim(response.headers(), LOCATION);
        let location = match location {
            Some(text) if matches!(status, 301 | 302 | 303 | 307 | 308) => {
                Some(target(&checked(url)?, &text)?)
            }
            _ => None,
        };
        let retry_after = headers::verbatim(response.headers(), RETRY_AFTER);
        let mut limits = self.limits.clone();
        limits.bytes = MOST_ANSWER;
        // The status is what counts: an answer that breaks off has none the less been given.
        let body = body::read(response, &limits).await.unwrap_or_default();
        Ok(Answer {
            status,
            body: body.into(),
            location,
            retry_after: retry_after.and_then(|text| text.trim().parse().ok()),
        })
    }
}
