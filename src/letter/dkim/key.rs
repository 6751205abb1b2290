//! DKIM keys: PEM in, a key that signs out; and a fresh one with its DNS record.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rsa;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::signature::KeyPair;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

/// Which kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256, 2048 bits when new: every receiver verifies it.
    Rsa,
    /// Ed25519 with SHA-256 (RFC 8463): small and fast, not yet verified everywhere.
    Ed25519,
}

/// A key that can't sign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadKey {
    /// Not a private key in PEM.
    #[error("expected a private key in PEM (PKCS#8 or PKCS#1), but got {0}")]
    Pem(String),
    /// A kind that DKIM doesn't know.
    #[error("expected an RSA or Ed25519 key, but got another kind")]
    Kind,
    /// Receivers don't believe it.
    #[error("expected an RSA key of at least 2048 bits, but got a shorter one")]
    Short,
    /// A domain or selector that isn't a DNS name.
    #[error("expected a domain and a selector of letters, digits, `-`, `_` and `.`, but got `{0}`")]
    Name(String),
    /// The machine has no randomness, or the library failed.
    #[error("expected the key to work, but it didn't: {0}")]
    Broken(String),
}

/// A key that signs.
pub(super) enum Secret {
    /// PKCS#1 v1.5.
    Rsa(Box<RsaKeyPair>),
    /// Over the hash.
    Ed25519(Box<Ed25519KeyPair>),
}

impl Secret {
    /// What to publish of it (RFC 6376 §3.6.1, RFC 8463 §4): kind, and the public half in base64.
    pub(super) fn public(&self) -> Result<(&'static str, String), BadKey> {
        Ok(match self {
            Self::Rsa(key) => {
                let public = key.public_key().as_der();
                let public = public.map_err(|error| BadKey::Broken(error.to_string()))?;
                ("rsa", STANDARD.encode(public.as_ref()))
            }
            Self::Ed25519(key) => ("ed25519", STANDARD.encode(key.public_key().as_ref())),
        })
    }
}

/// The DNS record of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name of the TXT record: `selector._domainkey.domain`.
    pub name: String,
    /// Its text, whole.
    pub text: String,
    /// The public key in that text.
    pub key: String,
}

impl Record {
    pub(super) fn of(secret: &Secret, domain: &str, selector: &str) -> Result<Self, BadKey> {
        let (kind, key) = secret.public()?;
        Ok(Self {
            name: format!("{selector}._domainkey.{domain}"),
            text: format!("v=DKIM1; k={kind}; p={key}"),
            key,
        })
    }

    /// The record as a line of a zone file, its text in strings of at most 255 bytes.
    pub fn zone_line(&self) -> String {
        let parts = self.text.as_bytes().chunks(255);
        let parts = parts.filter_map(|part| std::str::from_utf8(part).ok());
        let quoted: Vec<String> = parts.map(|part| format!("\"{part}\"")).collect();
        format!("{}. IN TXT ( {} )", self.name, quoted.join(" "))
    }
}

/// A name that can stand in a signature and in the DNS.
pub(super) fn fit_name(name: &str) -> Result<(), BadKey> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 253 || !name.chars().all(plain) {
        return Err(BadKey::Name(name.to_owned()));
    }
    Ok(())
}

/// The key in a key file.
pub(super) fn read_key(pem: &str) -> Result<Secret, BadKey> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes());
    let key = key.map_err(|error| BadKey::Pem(error.to_string()))?;
    let rsa = match &key {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                return Ok(Secret::Ed25519(Box::new(key)));
            }
            RsaKeyPair::from_pkcs8(der)
        }
        _ => return Err(BadKey::Kind),
    };
    // aws-lc-rs signs with 2048 to 8192 bits, and says what it minds in a word.
    rsa.map(|key| Secret::Rsa(Box::new(key)))
        .map_err(|error| match error.to_string().as_str() {
            "TooSmall" => BadKey::Short,
            _ => BadKey::Kind,
        })
}

/// A fresh key, and what to publish for it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The private key, PKCS#8 in PEM: for the key file (0600).
    pub pem: String,
    /// What to publish.
    pub record: Record,
}

/// The key stays out of logs.
impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey")
            .field("record", &self.record.name)
            .finish_non_exhaustive()
    }
}

/// Makes a key for `dkim new`.
///
/// # Errors
/// [`BadKey::Name`] for names that can't be in the DNS; [`BadKey::Broken`] without randomness.
pub fn new_key(domain: &str, selector: &str, algorithm: Algorithm) -> Result<NewKey, BadKey> {
    for name in [domain, selector] {
        fit_name(name)?;
    }
    let broken = |error: aws_lc_rs::error::Unspecified| BadKey::Broken(error.to_string());
    let (private, secret) = match algorithm {
        Algorithm::Rsa => {
            let key = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
            let private: Pkcs8V1Der<'_> = key.as_der().map_err(broken)?;
            (private.as_ref().to_vec(), Secret::Rsa(Box::new(key)))
        }
        Algorithm::Ed25519 => {
            let key = Ed25519KeyPair::generate().map_err(broken)?;
            let private = key.to_pkcs8v1().map_err(broken)?;
            (private.as_ref().to_vec(), Secret::Ed25519(Box::new(key)))
        }
    };
    Ok(NewKey {
        pem: pem(&private),
        record: Record::of(&secret, domain, selector)?,
    })
}

fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines = encoded.as_bytes().chunks(64);
    let lines: Vec<&str> = lines
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA_1024: &str = "\
-----BEGIN RSA PRIVATE KEY-----\n\
MIICXQIBAAKBgQDMvZZHuOr8OMpjTzLhe+yByjdgbis5C3SKrJv092UMB0mtv9nd\n\
cWBBdEWLmyHL4pw39IjLuZbIskRUU86E79vdaUI/2E4ZLIQQgdoYLuD9iltOQ2Sv\n\
CARPV74ajogGV8Xygqf6IHDBxQM8E/lcI88GqiPFPbxGHOdfMJpUq2W66QIDAQAB\n\
AoGBAIGmqOzAN+YCnH8o3wKU9B74i/q/qRVVoLZUOep1Y4KrdsfVTsSBEEBCvet7\n\
EHrJBL4WVy4TV12+LbDs5UGflq1L3PN2cuLxmYqTj4xSgSkTDAoeyIGo4Mw0F9wN\n\
oxakILs8xwyF39lcO1631gKRwVNeaFEos2apbTb8Gvljb7GFAkEA7YKAK90C67Cr\n\
f5Xt5YLnhPxpy+xWwvSYmU4TJu1jVD0061DUT/cLTNE7Dz3mN2DSuP/8Xztkw/KM\n\
qIO4oVpOpwJBANyuAYt5mNmqoC092wIkit0p3FAflUlVVmX7Bf7GdmIYaNOJjIO+\n\
K2yczMtimbu5dUlrZD3rwQA0T/9YPVZl6+8CQQCw6mFwyusvBuVoXxTavfyYybBA\n\
zyX9iFbW8xo/B9rSV9lAY3AStJF9Qek9PD1tCLlORpgFk+dGMjjmGWABCJTHAkB/\n\
mUVfZjHROe1f+3IU7Rg2BSxUT868FlHcqaavyAVPdxm1psTOsDjfllJ8D0kg2H1O\n\
tH/Dpft0qMrQtC7TNB+VAkATTnaujzjh8PhUBDc7zVod+dgYZk2Xa2DhvsX0oqk9\n\
fQYttqKXQYKVRq68SLP3ocB6Iswg7Hor/El0drAcEw8X\n\
-----END RSA PRIVATE KEY-----\n\n";
    const P256: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHC4OzPjd3RqB4Uid\n\
1vDDyiCQNuYxEOr7Ls+55tz2Fc+hRANCAASsBtttE9yuBFGHLAfa6JzEJcUMDAjv\n\
glKE5zyuJsm8FBIjxjOYyosiY00NJCob46xAmXnpowubZt618wej62wN\n\
-----END PRIVATE KEY-----\n\n";

    #[test]
    fn a_key_that_receivers_do_not_believe_is_refused_in_words() {
        let refused = |pem| read_key(pem).err().unwrap();
        assert_eq!(refused(RSA_1024), BadKey::Short);
        assert_eq!(refused(P256), BadKey::Kind);
        assert!(matches!(refused("nothing of the sort"), BadKey::Pem(_)));
        assert!(matches!(refused(""), BadKey::Pem(_)));
        let words = refused(RSA_1024).to_string();
        assert!(words.contains("at least 2048 bits"), "{words}");
    }

    #[test]
    fn a_new_key_is_one_that_signs_and_its_record_fits_the_dns() {
        let rsa = new_key("example.org", "v2026", Algorithm::Rsa).unwrap();
        assert!(matches!(read_key(&rsa.pem), Ok(Secret::Rsa(_))));
        assert_eq!(rsa.record.name, "v2026._domainkey.example.org");
        assert!(
            rsa.record
                .text
                .starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQ")
        );
        let strings: Vec<_> = rsa.record.zone_line().split('"').map(str::len).collect();
        assert!(strings.len() == 5 && strings.iter().all(|length| *length <= 255));
        let ed25519 = new_key("example.org", "e", Algorithm::Ed25519).unwrap();
        assert!(matches!(read_key(&ed25519.pem), Ok(Secret::Ed25519(_))));
        assert_eq!(
            ed25519.record.text.len(),
            "v=DKIM1; k=ed25519; p=".len() + 44
        );
    }

    #[test]
    fn names_that_are_not_for_the_dns_are_refused() {
        for name in ["", "приклад.укр", "a;b", "a b", "a\r\nb"] {
            let error = new_key(name, "s", Algorithm::Ed25519).unwrap_err();
            assert_eq!(error, BadKey::Name(name.to_owned()));
        }
    }
}
