//! Why a fetch gave nothing, in words for the person who looks after the source.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a fetch gave nothing. The words are shown on the source's page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The fetcher could not be built at all.
    #[error("expected settings that make an HTTP client, but got: {0}")]
    Setup(String),
    /// Another scheme than http or https, at first or in a redirect.
    #[error("expected an http or https address, but got the scheme `{0}`")]
    Scheme(String),
    /// A user or password in the address: it would be shown to everyone who sees the source.
    #[error("expected an address without user and password, but got one with them")]
    Credentials,
    /// The guard refused the address; nothing was sent.
    #[error(
        "expected a public address on port 80 or 443 or one that `ingest.allow` names, but got `{address}`"
    )]
    Blocked {
        /// Address and port of a literal, or the name and what it leads to.
        address: String,
    },
    /// The name leads nowhere.
    #[error("expected `{host}` to lead to an address, but got: {problem}")]
    UnknownHost {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        problem: String,
    },
    /// Nobody answers at the address.
    #[error("expected a connection, but got: {0}")]
    Connect(String),
    /// The encrypted connection could not be trusted or made.
    #[error("expected a trustworthy TLS connection, but got: {0}")]
    Tls(String),
    /// Somebody answers, but not in HTTP, or breaks off before the headers end.
    #[error("expected an HTTP answer, but got: {0}")]
    NotHttp(String),
    /// Too slow, in one of the phases.
    #[error("expected {phase}, but got too little in time")]
    Timeout {
        /// What was being waited for.
        phase: Phase,
    },
    /// More redirects than allowed, or a loop.
    #[error("expected at most {limit} redirects, but got more")]
    TooManyRedirects {
        /// How many are followed.
        limit: usize,
    },
    /// A redirect without a usable target.
    #[error("expected a redirect to an address, but got `{0}`")]
    BadRedirect(String),
    /// From https to http: what was fetched safely would no longer be.
    #[error("expected a redirect that stays with https, but got `{0}`")]
    Downgrade(String),
    /// A body beyond the limit, after decompression.
    #[error("expected at most {limit} bytes, but got more")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// A compression bomb.
    #[error("expected a body that unpacks to at most {limit} times its size, but got more")]
    Ratio {
        /// How many times.
        limit: usize,
    },
    /// A content coding that we didn't ask for, or two on top of each other.
    #[error("expected gzip, br, zstd or deflate, once, but got `{0}`")]
    Encoding(String),
    /// The body breaks off or can't be unpacked.
    #[error("expected the whole body, but got: {0}")]
    Broken(String),
    /// 304 although nothing was asked conditionally.
    #[error("expected a document, but got 304 to a request that had no conditions")]
    Unasked,
    /// 410: the source has ended.
    #[error("expected a document, but got 410: it is gone for good")]
    Gone,
    /// Any other status that brings no document.
    #[error("expected a document, but got status {code}")]
    Status {
        /// The HTTP status.
        code: u16,
        /// How long the server asks us to stay away.
        retry_after: Option<Duration>,
        /// Which host says so: redirects may lead to another.
        host: String,
    },
}

/// What a fetch was waiting for when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// DNS, TCP and TLS.
    Connect,
    /// The headers of the last answer, redirects included.
    Headers,
    /// The body as a whole.
    Body,
    /// The least number of bytes in one stretch of the body.
    Pace,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "a connection",
            Self::Headers => "headers",
            Self::Body => "the whole body",
            Self::Pace => "a body at a fair pace",
        })
    }
}

impl FetchError {
    /// Whether polling should stop. Only 410 says so: even a blocked address may be the work
    /// of a resolver that lies for an hour, and a 404 may be repaired tomorrow.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// How long a server asked us to stay away, at most 24 hours, and its host.
    pub fn retry_after(&self) -> Option<(Duration, &str)> {
        match self {
            Self::Status {
                retry_after, host, ..
            } => Some(((*retry_after)?, host)),
            _ => None,
        }
    }

    /// A failure before the headers were in.
    pub(super) fn of_request(error: &reqwest::Error) -> Self {
        let causes = || std::iter::successors(error.source(), |cause| (*cause).source());
        if let Some(ours) = causes().find_map(|cause| cause.downcast_ref::<Self>()) {
            return ours.clone();
        }
        if let Some(tls) = causes().find_map(tls_error) {
            return Self::Tls(tls.to_string());
        }
        if error.is_timeout() {
            return Self::Timeout {
                phase: Phase::Connect,
            };
        }
        if error.is_connect() {
            Self::Connect(root_cause(error))
        } else {
            Self::NotHttp(root_cause(error))
        }
    }

    /// A failure while the body came in.
    pub(super) fn of_body(error: &reqwest::Error) -> Self {
        Self::Broken(root_cause(error))
    }

    /// A failure of the decoder, which may carry one of ours from the sink behind it.
    pub(super) fn of_decoder(error: io::Error) -> Self {
        error
            .downcast()
            .unwrap_or_else(|error| Self::Broken(error.to_string()))
    }
}

/// The error of TLS in `cause`, which may be wrapped in any number of I/O errors.
fn tls_error<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    cause.downcast_ref().or_else(|| {
        let wrapper: &io::Error = cause.downcast_ref()?;
        tls_error(wrapper.get_ref()?)
    })
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
