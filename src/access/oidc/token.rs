//! What a token says, once it's checked: signature, issuer, audience, nonce, time, and the access
//! token that came with it.

use chrono::TimeDelta;
use openidconnect::AccessToken;
use openidconnect::AccessTokenHash;
use openidconnect::ClaimsVerificationError;
use openidconnect::Nonce;
use openidconnect::core::CoreIdToken;
use openidconnect::core::CoreIdTokenClaims;
use openidconnect::core::CoreJwsSigningAlgorithm;

use super::Client;
use super::Unproven;
use super::wrong;
use crate::clock::Stamp;

/// How far the provider's clock may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// What a token says, if it's the provider's own, for us, of now and for this try.
pub(super) fn claims<'a>(
    client: &Client,
    (token, access): (&'a CoreIdToken, &AccessToken),
    nonce: &Nonce,
    now: Stamp,
) -> Result<&'a CoreIdTokenClaims, Unproven> {
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs([
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        ])
        .set_time_fn(move || now.utc())
        .set_issue_time_verifier_fn(move |made| {
            if made <= (now + AHEAD).utc() {
                Ok(())
            } else {
                Err("made later than now".to_owned())
            }
        });
    let claims = token.claims(&verifier, nonce).map_err(|problem| {
        let other = match problem {
            ClaimsVerificationError::SignatureVerification(_) => return Unproven::Signature,
            ClaimsVerificationError::Expired(_) => "of now",
            ClaimsVerificationError::InvalidAudience(_) => "for us",
            ClaimsVerificationError::InvalidIssuer(_) => "of this provider",
            ClaimsVerificationError::InvalidNonce(_) => "for this try",
            _ => "that we understand",
        };
        Unproven::Wrong(format!("expected a token {other}, but got another"))
    })?;
    let party = claims.authorized_party();
    if party.is_some_and(|party| party != client.client_id()) {
        return Err(wrong("expected a token for us, but got another"));
    }
    if let Some(expected) = claims.access_token_hash() {
        let hash = token
            .signing_alg()
            .and_then(|alg| Ok((alg, token.signing_key(&verifier)?)))
            .map_err(|_| Unproven::Signature)
            .map(|(alg, key)| AccessTokenHash::from_token(access, alg, key))?;
        if !hash.is_ok_and(|hash| hash == *expected) {
            return Err(wrong(
                "expected the token's own access token, but got another",
            ));
        }
    }
    Ok(claims)
}
