//! The way to the provider: our own fetcher, which follows no redirect and has no more patience and
//! room than these few answers need. The owner of the installation names the provider, so it may be
//! anywhere; but without TLS it's on this machine.

use std::pin::Pin;

use openidconnect::AsyncHttpClient;
use openidconnect::HttpRequest;
use openidconnect::HttpResponse;
use openidconnect::http;

use crate::config::Oidc;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetcher;

/// What the protocol asks by.
#[derive(Debug)]
pub(super) struct Way(pub(super) Fetcher);

impl<'c> AsyncHttpClient<'c> for Way {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

impl Way {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let request: reqwest::Request = request
            .try_into()
            .map_err(|problem: reqwest::Error| FetchError::Setup(problem.to_string()))?;
        if !Oidc::may_ask(request.url()) {
            return Err(FetchError::Scheme(request.url().scheme().to_owned()));
        }
        let (status, headers, body) = self.0.carry(request).await?;
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
