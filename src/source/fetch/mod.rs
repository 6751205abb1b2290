//! Fetching a source's document over HTTP. In go an address and what is known of it from the
//! last time, out come bytes, or "not modified", or an error in words. Knows no database.
//!
//! A source's address is a stranger's, and so is each redirect's target: every hop is checked,
//! literals by their parsed host and names by their resolved addresses, at the moment of
//! connecting. Nothing is sent but what a feed reader must send: no cookies, no referrer, no
//! credentials, no proxy from the environment.
//!
//! Conditional requests follow RFC 9110 §13, deltas RFC 3229 (`A-IM: feed`).

mod address;
mod body;
mod error;
mod exchange;
mod headers;
mod lookup;
mod recent;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LOCATION,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::clock::Stamp;
use crate::source::SourceUrl;

pub use address::{AddressPolicy, BadCidr, Cidr, is_public};
pub use error::{FetchError, Phase};
pub use exchange::Answer;
pub use headers::{LONGEST_WAIT, Validators};
pub use lookup::{Answers, Lookup, SystemLookup};
pub use recent::Recent;

use lookup::{Guard, Reach};

const A_IM: HeaderName = HeaderName::from_static("a-im");

/// What one fetch may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// DNS, TCP and TLS of one hop.
    pub connect: Duration,
    /// From the first request to the headers of the last answer, all redirects included.
    pub headers: Duration,
    /// The whole body.
    pub body: Duration,
    /// Within each such stretch of the body…
    pub stretch: Duration,
    /// …at least so many bytes must come.
    pub stretch_bytes: usize,
    /// Redirects followed.
    pub redirects: usize,
    /// Bytes of the body, unpacked.
    pub bytes: usize,
    /// Unpacked over packed, once a body is beyond 1 MiB.
    pub ratio: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            headers: Duration::from_secs(20),
            body: Duration::from_mins(1),
            stretch: Duration::from_secs(10),
            stretch_bytes: 1024,
            redirects: 5,
            bytes: 15 * 1024 * 1024,
            ratio: 200,
        }
    }
}

/// One question to a source.
#[derive(Debug)]
pub struct Request<'a> {
    /// What to fetch.
    pub url: &'a SourceUrl,
    /// What came with the document last time.
    pub validators: Option<&'a Validators>,
    /// What is hoped for.
    pub accept: Accept,
    /// The present moment, to which the server's dates are compared.
    pub now: Stamp,
}

/// What is hoped for, as `Accept` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// Whatever a source can be; feeds rather than pages.
    #[default]
    Source,
    /// An HTML page.
    Page,
    /// A picture in a format that we can draw anew.
    Picture,
}

impl Accept {
    fn as_str(self) -> &'static str {
        match self {
            Self::Source => {
                "application/atom+xml, application/rss+xml, application/feed+json, \
                 application/xml;q=0.9, text/xml;q=0.9, text/html;q=0.8, */*;q=0.1"
            }
            Self::Page => "text/html, application/xhtml+xml, */*;q=0.1",
            Self::Picture => "image/jpeg, image/png, image/webp, image/gif, */*;q=0.1",
        }
    }
}

/// What a source answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The document is what it was when it gave the validators.
    NotModified {
        /// As in [`Document`].
        moved_to: Option<SourceUrl>,
        /// As in [`Document`].
        max_age: Option<Duration>,
    },
    /// The document itself.
    Document(Document),
}

/// A document as it came, unpacked but not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// At most [`Limits::bytes`].
    pub bytes: Bytes,
    /// The header as it came.
    pub content_type: Option<String>,
    /// Where it was found after all redirects: the base of its relative links.
    pub final_url: SourceUrl,
    /// The same, only if every redirect on the way said "for good" (301, 308).
    pub moved_to: Option<SourceUrl>,
    /// To be sent next time.
    pub validators: Option<Validators>,
    /// How long the server says it stays fresh, at most [`LONGEST_WAIT`].
    pub max_age: Option<Duration>,
    /// Only what is new since the validators (226): what is missing wasn't deleted.
    pub delta: bool,
    /// The `Link` headers as they came.
    pub links: Vec<String>,
}

/// Fetches documents, within limits and from admitted addresses only.
#[derive(Debug, Clone)]
pub struct Fetcher {
    policy: Arc<AddressPolicy>,
    limits: Limits,
    web: Client,
    listed: Client,
}

/// The answer at the end of the redirects.
struct Arrival {
    response: Response,
    url: SourceUrl,
    moved_to: Option<SourceUrl>,
    conditional: bool,
}

impl Fetcher {
    /// A fetcher that names itself by `base_url`, so that a site's owner can find us.
    pub fn new(policy: AddressPolicy, base_url: &str) -> Result<Self, FetchError> {
        let system: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Self::with(policy, base_url, Limits::default(), &system)
    }

    /// A fetcher for what the operator named themselves, wherever it is: a few short answers.
    pub fn to_anywhere(base_url: &str) -> Result<Self, FetchError> {
        let all = [
            (Ipv4Addr::UNSPECIFIED.into(), 0),
            (Ipv6Addr::UNSPECIFIED.into(), 0),
        ];
        let limits = Limits {
            connect: Duration::from_secs(5),
            body: Duration::from_secs(10),
            bytes: 256 * 1024,
            ..Limits::default()
        };
        let system: Arc<dyn Lookup> = Arc::new(SystemLookup);
        let policy = AddressPolicy::allowing(all.map(Cidr::from).into());
        Self::with(policy, base_url, limits, &system)
    }

    /// The same with other limits and another resolver.
    pub fn with(
        policy: AddressPolicy,
        base_url: &str,
        limits: Limits,
        lookup: &Arc<dyn Lookup>,
    ) -> Result<Self, FetchError> {
        let policy = Arc::new(policy);
        let tls = tls_config()?;
        let client = |reach| {
            Client::builder()
                .user_agent(format!("Visnyk/0.1 (+{base_url})"))
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Guard {
                    policy: Arc::clone(&policy),
                    lookup: Arc::clone(lookup),
                    reach,
                })
                .connect_timeout(limits.connect)
                .pool_idle_timeout(Duration::from_secs(15))
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .no_proxy()
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                .build()
                .map_err(|error| FetchError::Setup(error.to_string()))
        };
        Ok(Self {
            web: client(Reach::Web)?,
            listed: client(Reach::Listed)?,
            policy,
            limits,
        })
    }

    /// Asks for a document, follows redirects and reads the answer to its end.
    pub async fn get(&self, request: &Request<'_>) -> Result<Fetched, FetchError> {
        let late = |_| FetchError::Timeout {
            phase: Phase::Headers,
        };
        let arrival = tokio::time::timeout(self.limits.headers, self.follow(request))
            .await
            .map_err(late)??;
        let delta = match arrival.response.status().as_u16() {
            200 | 203 => false,
            226 if arrival.conditional => true,
            304 if arrival.conditional => return Ok(arrival.not_modified(request.now)),
            304 => return Err(FetchError::Unasked),
            410 => return Err(FetchError::Gone),
            code => {
                let retry_after = headers::retry_after(arrival.response.headers(), request.now);
                let host = arrival.url.host();
                return Err(FetchError::Status {
                    code,
                    retry_after,
                    host,
                });
            }
        };
        let document = arrival.read(request.now, delta, &self.limits).await?;
        Ok(Fetched::Document(document))
    }

    async fn follow(&self, request: &Request<'_>) -> Result<Arrival, FetchError> {
        let mut url = request.url.clone();
        let mut for_good = true;
        for hops in 0..=self.limits.redirects {
            let target = checked(&url)?;
            let asks = |known: &&Validators| {
                known.url == url && (known.etag.is_some() || known.last_modified.is_some())
            };
            let validators = request.validators.filter(asks);
            let response = self.ask(target.clone(), request.accept, validators).await?;
            let Some(next) = redirect(&target, &response)? else {
                return Ok(Arrival {
                    moved_to: (hops > 0 && for_good).then(|| url.clone()),
                    conditional: validators.is_some(),
                    response,
                    url,
                });
            };
            for_good &= matches!(response.status().as_u16(), 301 | 308);
            url = next;
        }
        Err(FetchError::TooManyRedirects {
            limit: self.limits.redirects,
        })
    }

    async fn ask(
        &self,
        url: Url,
        accept: Accept,
        validators: Option<&Validators>,
    ) -> Result<Response, FetchError> {
        let client = self.client_for(&url)?;
        client
            .get(url)
            .headers(question(accept, validators))
            .send()
            .await
            .map_err(|error| FetchError::of_request(&error))
    }

    /// Literals are judged here, since no resolver ever sees them; names when they're resolved.
    fn client_for(&self, url: &Url) -> Result<&Client, FetchError> {
        let port = url.port_or_known_default().unwrap_or_default();
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if literal.is_some_and(|address| !self.policy.admits(address, port)) {
            let address = format!("{}:{port}", url.host_str().unwrap_or_default());
            return Err(FetchError::Blocked { address });
        }
        Ok(if address::is_web_port(port) {
            &self.web
        } else {
            &self.listed
        })
    }
}

impl Arrival {
    fn not_modified(self, now: Stamp) -> Fetched {
        Fetched::NotModified {
            max_age: headers::max_age(self.response.headers(), now),
            moved_to: self.moved_to,
        }
    }

    async fn read(self, now: Stamp, delta: bool, limits: &Limits) -> Result<Document, FetchError> {
        let found = self.response.headers();
        let content_type = headers::verbatim(found, CONTENT_TYPE);
        let validators = Validators::found(&self.url, found);
        let max_age = headers::max_age(found, now);
        let links = headers::links(found);
        Ok(Document {
            bytes: body::read(self.response, limits).await?.into(),
            content_type,
            final_url: self.url,
            moved_to: self.moved_to,
            validators,
            max_age,
            delta,
            links,
        })
    }
}

/// Certificates of the machine. Without any, http still works and https is refused by name.
fn tls_config() -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The address as a URL, if it is one that may be asked at all.
fn checked(url: &SourceUrl) -> Result<Url, FetchError> {
    let url = Url::parse(url.as_str()).map_err(|_| FetchError::BadRedirect(url.to_string()))?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err(FetchError::Credentials)
    }
}

/// Where the answer sends us, if it does.
fn redirect(from: &Url, response: &Response) -> Result<Option<SourceUrl>, FetchError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION);
    let location = location.map_or(b"".as_slice(), HeaderValue::as_bytes);
    target(from, &String::from_utf8_lossy(location)).map(Some)
}

/// The address that `location` means. A step down from https to http is refused: what comes
/// after it could be anybody's.
fn target(from: &Url, location: &str) -> Result<SourceUrl, FetchError> {
    let bad = || FetchError::BadRedirect(location.chars().take(200).collect());
    if location.is_empty() {
        return Err(bad());
    }
    let target = from.join(location).map_err(|_| bad())?;
    match (from.scheme(), target.scheme()) {
        ("https", "http") => Err(FetchError::Downgrade(target.into())),
        (_, "http" | "https") => target.as_str().parse().map_err(|_| bad()),
        (_, other) => Err(FetchError::Scheme(other.to_owned())),
    }
}

/// The headers of a request. A delta is asked for only beside the `ETag` it would build on.
fn question(accept: Accept, validators: Option<&Validators>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept.as_str()));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(body::CODINGS));
    let mut add = |name, value: Option<&String>| {
        let value = value.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
        value.map(|value| headers.insert(name, value)).is_some()
    };
    if let Some(known) = validators {
        add(IF_MODIFIED_SINCE, known.last_modified.as_ref());
        if add(IF_NONE_MATCH, known.etag.as_ref()) {
            headers.insert(A_IM, HeaderValue::from_static("feed"));
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_to(from: &str, location: &str) -> Result<String, FetchError> {
        target(&from.parse().unwrap(), location).map(|url| url.to_string())
    }

    #[test]
    fn redirects_may_go_up_to_https_but_not_down_from_it() {
        let up = from_to("http://a.example/x", "https://b.example/y");
        assert_eq!(up.unwrap(), "https://b.example/y");
        for down in [
            "http://a.example/",
            "HTTP://a.example",
            "http:\\\\a.example",
        ] {
            let error = from_to("https://a.example/x", down).unwrap_err();
            assert_eq!(error, FetchError::Downgrade("http://a.example/".to_owned()));
        }
    }

    #[test]
    fn redirects_are_read_relative_to_where_they_come_from() {
        let from = "https://a.example/b/c?d#e";
        let cases = [
            ("f", "https://a.example/b/f"),
            ("/f#g", "https://a.example/f"),
            ("?f", "https://a.example/b/c?f"),
            ("//b.example", "https://b.example/"),
            (
                "новини",
                "https://a.example/b/%D0%BD%D0%BE%D0%B2%D0%B8%D0%BD%D0%B8",
            ),
        ];
        for (location, expected) in cases {
            assert_eq!(from_to(from, location).unwrap(), expected);
        }
    }

    #[test]
    fn a_base_url_that_fits_no_header_is_a_fault_of_the_settings() {
        let error = Fetcher::new(AddressPolicy::default(), "http://a\r\nX: y").unwrap_err();
        assert!(matches!(error, FetchError::Setup(_)), "{error}");
    }
}
