//! Sign-in by a provider of `OpenID` Connect: the authorization code flow with PKCE (S256), state and
//! nonce. In go the provider's settings and what a browser brings back; out comes who the provider
//! says it is, or why it isn't proven. Who that is here isn't decided here.
//!
//! State, nonce and PKCE's verifier are derived from one random token that only the browser holds,
//! and from our secret; so a code is good in the browser alone that asked for it. Believed are RS256
//! and ES256, by the keys that the provider publishes; those are fetched anew once an hour, and when
//! a signature fits none of them. Problems are told in words of our own, so that nothing of a token
//! gets into the log.

mod token;
mod way;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use openidconnect::AccessToken;
use openidconnect::AuthType;
use openidconnect::AuthorizationCode;
use openidconnect::ClientId;
use openidconnect::ClientSecret;
use openidconnect::CsrfToken;
use openidconnect::DiscoveryError;
use openidconnect::EndpointMaybeSet;
use openidconnect::EndpointNotSet;
use openidconnect::EndpointSet;
use openidconnect::IssuerUrl;
use openidconnect::Nonce;
use openidconnect::OAuth2TokenResponse;
use openidconnect::PkceCodeChallenge;
use openidconnect::PkceCodeVerifier;
use openidconnect::RedirectUrl;
use openidconnect::RequestTokenError;
use openidconnect::Scope;
use openidconnect::SubjectIdentifier;
use openidconnect::TokenResponse;
use openidconnect::UserInfoError;
use openidconnect::core::CoreAuthenticationFlow;
use openidconnect::core::CoreClient;
use openidconnect::core::CoreClientAuthMethod;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::core::CoreProviderMetadata;
use openidconnect::core::CoreRequestTokenError;
use openidconnect::core::CoreUserInfoClaims;
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use url::Url;

use crate::access::Secret;
use crate::access::Token;
use crate::clock::Stamp;
use crate::config::Oidc;
use crate::source::fetch::FetchError;
use crate::source::fetch::Fetcher;

use token::claims;
use way::Way;

/// Where the provider sends browsers back to.
pub const CALLBACK: &str = "/admin/oidc/callback";
/// How long what the provider says of itself is believed.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// For all that one page asks of the provider: less than a page may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest name that a provider may give somebody; the protocol allows 255.
const LONGEST_SUBJECT: usize = 255;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why nobody is proven.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// The provider doesn't answer.
    #[error("the provider doesn't answer: {0}")]
    Away(String),
    /// The provider doesn't take the code: it's too old, or was used.
    #[error("expected a code that the provider takes, but got one that it doesn't")]
    Code,
    /// What it answers isn't right.
    #[error("{0}")]
    Wrong(String),
    /// A signature that fits none of its keys.
    #[error("expected a token signed by a key of the provider, but got another")]
    Signature,
}

fn wrong(words: &str) -> Unproven {
    Unproven::Wrong(words.to_owned())
}

/// One try at signing in.
#[derive(Debug)]
pub struct Attempt {
    state: String,
    nonce: Nonce,
    verifier: String,
}

impl Attempt {
    /// The try that a browser holds the token of.
    pub fn of(token: &Token, secret: &Secret) -> Self {
        let derived = |use_| URL_SAFE_NO_PAD.encode(secret.derive(use_, token.as_str()));
        Self {
            state: derived("oidc.state"),
            nonce: Nonce::new(derived("oidc.nonce")),
            verifier: derived("oidc.verifier"),
        }
    }

    /// Whether this came back from the provider for this very try.
    pub fn is_state(&self, shown: &str) -> bool {
        self.state.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

/// Whom the provider vouches for.
pub struct Proven {
    /// Its own name for them, which stays.
    pub subject: String,
    email: Option<String>,
    is_verified: Option<bool>,
    access: AccessToken,
}

/// An address as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As it came.
    pub email: String,
    /// Whether it knows that it's theirs.
    pub is_verified: bool,
}

/// The provider that the settings name.
pub struct Provider {
    settings: Oidc,
    redirect: RedirectUrl,
    way: Way,
    /// What it said of itself, its keys among it, and when.
    known: Mutex<Option<(Stamp, Arc<CoreProviderMetadata>)>>,
}

impl Provider {
    /// The provider of these settings, for a site at this address. Asks nothing yet.
    pub fn new(settings: Oidc, base_url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            settings,
            redirect: RedirectUrl::new(format!("{base_url}{CALLBACK}"))?,
            way: Way(Fetcher::to_anywhere(base_url)?),
            known: Mutex::default(),
        })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What it calls itself.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Whether it answers, and says what sign-in needs.
    pub async fn look(&self) -> Result<(), Unproven> {
        let look = async {
            let metadata = self.discover().await?;
            if metadata.token_endpoint().is_none() {
                return Err(wrong("expected a token endpoint, but got none"));
            }
            if metadata.jwks().keys().is_empty() {
                return Err(wrong("expected keys, but got none"));
            }
            Ok(())
        };
        timeout(PATIENCE, look).await.map_err(late)?
    }

    /// Where a browser goes to prove who sits there.
    pub async fn begin(&self, attempt: &Attempt, now: Stamp) -> Result<Url, Unproven> {
        let known = self.known(now, None);
        let metadata = timeout(PATIENCE, known).await.map_err(late)??;
        let verifier = PkceCodeVerifier::new(attempt.verifier.clone());
        let (state, nonce) = (CsrfToken::new(attempt.state.clone()), attempt.nonce.clone());
        let (url, _, _) = self
            .client(&metadata)
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        if Oidc::may_ask(&url) {
            Ok(url)
        } else {
            Err(wrong(
                "expected an https page to sign in at, but got another",
            ))
        }
    }

    /// Whom a code stands for.
    pub async fn finish(
        &self,
        code: &str,
        attempt: &Attempt,
        now: Stamp,
    ) -> Result<Proven, Unproven> {
        timeout(PATIENCE, self.redeem(code, attempt, now))
            .await
            .map_err(late)?
    }

    async fn redeem(&self, code: &str, attempt: &Attempt, now: Stamp) -> Result<Proven, Unproven> {
        let metadata = self.known(now, None).await?;
        let client = self.client(&metadata);
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| wrong("expected a token endpoint, but got none"))?
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.clone()))
            .request_async(&self.way)
            .await
            .map_err(not_exchanged)?;
        let token = answer
            .id_token()
            .ok_or_else(|| wrong("expected an ID token, but got none"))?;
        let access = answer.access_token();
        let claims = match claims(&client, (token, access), &attempt.nonce, now) {
            Err(Unproven::Signature) => {
                let fresh = self.known(now, Some(&metadata)).await?;
                let client = self.client(&fresh);
                claims(&client, (token, access), &attempt.nonce, now)?
            }
            known => known?,
        };
        if claims.subject().is_empty() || claims.subject().len() > LONGEST_SUBJECT {
            return Err(wrong(
                "expected a subject of 1 to 255 bytes, but got another",
            ));
        }
        Ok(Proven {
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            is_verified: claims.email_verified(),
            access: access.clone(),
        })
    }

    /// Their address; where the token is silent, from the provider's own page about them.
    pub async fn address(&self, proven: &Proven, now: Stamp) -> Result<Option<Address>, Unproven> {
        if let (Some(email), Some(is_verified)) = (&proven.email, proven.is_verified) {
            let email = email.clone();
            return Ok(Some(Address { email, is_verified }));
        }
        timeout(PATIENCE, self.ask_address(proven, now))
            .await
            .map_err(late)?
    }

    async fn ask_address(&self, proven: &Proven, now: Stamp) -> Result<Option<Address>, Unproven> {
        let metadata = self.known(now, None).await?;
        let client = self.client(&metadata);
        let subject = SubjectIdentifier::new(proven.subject.clone());
        let Ok(request) = client.user_info(proven.access.clone(), Some(subject)) else {
            return Ok(None);
        };
        let claims: CoreUserInfoClaims =
            request
                .request_async(&self.way)
                .await
                .map_err(|problem| match problem {
                    UserInfoError::Request(problem) => Unproven::Away(problem.to_string()),
                    _ => wrong("expected claims of the same subject, but got something else"),
                })?;
        Ok(claims.email().map(|email| Address {
            email: email.to_string(),
            is_verified: claims.email_verified() == Some(true),
        }))
    }

    /// What the provider says of itself: as of the last hour, unless that's `stale`.
    async fn known(
        &self,
        now: Stamp,
        stale: Option<&Arc<CoreProviderMetadata>>,
    ) -> Result<Arc<CoreProviderMetadata>, Unproven> {
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.clone()
        };
        if let Some((since, metadata)) = known
            && (now - since).abs() < FRESH
            && stale.is_none_or(|stale| !Arc::ptr_eq(stale, &metadata))
        {
            return Ok(metadata);
        }
        let metadata = Arc::new(self.discover().await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((now, Arc::clone(&metadata)));
        Ok(metadata)
    }

    async fn discover(&self) -> Result<CoreProviderMetadata, Unproven> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone());
        let issuer = issuer.map_err(|problem| Unproven::Wrong(problem.to_string()))?;
        let found = CoreProviderMetadata::discover_async(issuer, &self.way).await;
        found.map_err(|problem| match problem {
            DiscoveryError::Request(problem) => Unproven::Away(problem.to_string()),
            DiscoveryError::Response(status, _, _) if status.is_server_error() => {
                Unproven::Away(format!("status {}", status.as_u16()))
            }
            DiscoveryError::Response(_, _, words) | DiscoveryError::Validation(words) => {
                Unproven::Wrong(words)
            }
            DiscoveryError::Parse(problem) => {
                Unproven::Wrong(format!("expected what a provider says, but got: {problem}"))
            }
            other => Unproven::Wrong(other.to_string()),
        })
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Client {
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().clone()));
        let id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), id, secret)
            .set_redirect_uri(self.redirect.clone());
        // Where nothing is said, the header is what every provider must take.
        let ways = metadata.token_endpoint_auth_methods_supported();
        let only_body = ways.is_some_and(|ways| {
            !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && ways.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        if only_body {
            client.set_auth_type(AuthType::RequestBody)
        } else {
            client
        }
    }
}

fn late(_: tokio::time::error::Elapsed) -> Unproven {
    Unproven::Away("too little in time".to_owned())
}

fn not_exchanged(problem: CoreRequestTokenError<FetchError>) -> Unproven {
    match problem {
        RequestTokenError::Request(problem) => Unproven::Away(problem.to_string()),
        RequestTokenError::ServerResponse(said) => match said.error() {
            CoreErrorResponseType::InvalidGrant => Unproven::Code,
            CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                wrong(
                    "expected a provider that knows us, but got one that refuses `client_id` or `client_secret`",
                )
            }
            _ => wrong("expected a token for a code, but got a refusal"),
        },
        _ => wrong("expected a token for a code, but got something else"),
    }
}
