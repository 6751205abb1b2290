//! A relay as settings name it: a URL in, where and how to connect out. Talks to nobody.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use url::Host;
use url::Url;

/// What a connection to a relay must be before a letter goes over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte (`smtps`, RFC 8314).
    Implicit,
    /// STARTTLS, or no letter (RFC 3207).
    Required,
    /// STARTTLS if the relay offers it, and then as if required: a refused or failed handshake
    /// defers. A relay that doesn't offer it gets letters in plain text, never a password.
    Opportunistic,
    /// Plain text, password and all.
    None,
}

/// A name and password for AUTH.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password; never shown.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Where letters are handed over:
/// `smtp://user:password@host:587?tls=required|opportunistic|none` or `smtps://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// A name in its ASCII form, or an IP address without brackets.
    pub host: String,
    /// 587 for `smtp` and 465 for `smtps`, unless said.
    pub port: u16,
    /// Required unless said, and none to loopback unless said.
    pub encryption: Encryption,
    /// From the URL's user and password, percent-decoded.
    pub login: Option<Login>,
    /// What we call ourselves in EHLO: a host name, or an address in brackets.
    pub hello: String,
}

/// A relay's URL that can't be used. Never repeats the password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadRelay {
    /// Not a URL, or without a host.
    #[error("expected a URL such as `smtp://user:password@mail.example.org:587`, but got {0}")]
    Url(String),
    /// Another protocol.
    #[error("expected `smtp` or `smtps` before `://`, but got `{0}`")]
    Scheme(String),
    /// A user without a password, or the other way round.
    #[error("expected both a user and a password, or neither, but got one of them")]
    Login,
    /// Something after the host. It isn't shown: it may be half of a password.
    #[error(
        "expected nothing after the port but `?tls=…`, but got more; \
         `/`, `?` and `#` in a password are written `%2F`, `%3F` and `%23`"
    )]
    Extra,
    /// Another word for `tls`.
    #[error("expected `tls` to be `required`, `opportunistic` or `none`, but got `{0}`")]
    Tls(String),
    /// `smtps` is TLS already.
    #[error("expected no `tls` beside `smtps`, which always encrypts, but got `{0}`")]
    Contradiction(String),
}

impl Relay {
    /// `host:port`, an IPv6 address in brackets.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    fn is_loopback(host: &Host<String>) -> bool {
        match host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => IpAddr::from(*address).to_canonical().is_loopback(),
        }
    }
}

impl FromStr for Relay {
    type Err = BadRelay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| BadRelay::Url(error.to_string()))?;
        let implicit = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            other => return Err(BadRelay::Scheme(other.to_owned())),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| BadRelay::Url("one without a host".to_owned()))?;
        let host = Host::parse(&decoded(host)).map_err(|error| BadRelay::Url(error.to_string()))?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(BadRelay::Extra);
        }
        Ok(Self {
            encryption: encryption(&url, implicit, Self::is_loopback(&host))?,
            port: url.port().unwrap_or(if implicit { 465 } else { 587 }),
            login: login(&url)?,
            host: match host {
                Host::Domain(name) => name,
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            hello: "[127.0.0.1]".to_owned(),
        })
    }
}

fn encryption(url: &Url, implicit: bool, loopback: bool) -> Result<Encryption, BadRelay> {
    let mut said = None;
    for (key, value) in url.query_pairs() {
        if key != "tls" {
            return Err(BadRelay::Extra);
        }
        said = Some(value.into_owned());
    }
    match said.as_deref() {
        Some("required") | None if implicit => Ok(Encryption::Implicit),
        Some(word) if implicit => Err(BadRelay::Contradiction(word.to_owned())),
        None if loopback => Ok(Encryption::None),
        Some("required") | None => Ok(Encryption::Required),
        Some("opportunistic") => Ok(Encryption::Opportunistic),
        Some("none") => Ok(Encryption::None),
        Some(other) => Err(BadRelay::Tls(other.to_owned())),
    }
}

fn login(url: &Url) -> Result<Option<Login>, BadRelay> {
    match (url.username(), url.password().unwrap_or_default()) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => Err(BadRelay::Login),
        (user, password) => Ok(Some(Login {
            user: decoded(user),
            password: decoded(password),
        })),
    }
}

/// Percent-decoding of a part of a URL (RFC 3986 §2.1); a `%` without two hexadecimal digits stays as it is.
pub(in crate::delivery) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail
            .first_chunk::<2>()
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let digits = digits.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) if byte == b'%' => {
                bytes.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whose certificates we believe. Cheap to clone; making one reads the machine's store.
#[derive(Debug, Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Those of the machine's certificate store. A machine without any trusts nobody, and every
    /// handshake then fails in words.
    ///
    /// # Errors
    /// rustls and its cryptography don't fit each other.
    pub fn native() -> Result<Self, rustls::Error> {
        Self::only(rustls_native_certs::load_native_certs().certs)
    }

    /// Those signed by `roots`; roots that can't be read are left out.
    ///
    /// # Errors
    /// As [`Trust::native`].
    pub fn only(roots: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// For connections that aren't SMTP too.
    pub(in crate::delivery) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(url: &str) -> Relay {
        url.parse().unwrap()
    }

    #[test]
    fn a_whole_url_is_read_and_its_password_stays_hidden() {
        let relay = relay(
            "smtp://news%40example.org:p%40ss%3A%D1%97%2B+@mail.example.org:2525?tls=opportunistic",
        );
        assert_eq!(relay.address(), "mail.example.org:2525");
        assert_eq!(relay.encryption, Encryption::Opportunistic);
        let login = relay.login.clone().unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("news@example.org", "p@ss:ї++")
        );
        assert!(!format!("{relay:?}").contains("p@ss"));
    }

    #[test]
    fn tls_is_required_unless_said_but_not_to_loopback() {
        assert_eq!(
            relay("smtp://mail.example.org").encryption,
            Encryption::Required
        );
        assert_eq!(
            relay("smtp://10.0.0.1?tls=none").encryption,
            Encryption::None
        );
        assert_eq!(relay("smtp://127.0.0.1:25").encryption, Encryption::None);
        assert_eq!(relay("smtp://[::1]:25").encryption, Encryption::None);
        assert_eq!(
            relay("smtp://localhost?tls=required").encryption,
            Encryption::Required
        );
        assert_eq!(relay("smtps://localhost").encryption, Encryption::Implicit);
        assert_eq!(
            (relay("smtps://x.org").port, relay("smtp://x.org").port),
            (465, 587)
        );
    }

    #[test]
    fn names_become_ascii_and_addresses_lose_their_brackets() {
        assert_eq!(relay("smtp://пошта.укр").host, "xn--80a1acn3a.xn--j1amh");
        assert_eq!(relay("smtp://[2001:db8::1]:587").host, "2001:db8::1");
        assert_eq!(
            relay("smtp://[2001:db8::1]:587").address(),
            "[2001:db8::1]:587"
        );
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        let cases = [
            ("mail.example.org:25", "before `://`"),
            ("smtp://", "a URL such as"),
            ("http://example.org", "`http`"),
            ("smtp://secret@example.org", "both a user and a password"),
            ("smtp://u:secret@example.org/x", "nothing after the port"),
            (
                "smtp://u:secret@example.org?ssl=1",
                "nothing after the port",
            ),
            ("smtp://u:12/secret@example.org", "`%2F`"),
            ("smtp://u:secret@example.org?tls=maybe", "`maybe`"),
            ("smtps://u:secret@example.org?tls=none", "`none`"),
            ("smtp://u:secret@exa mple.org", "a URL such as"),
            ("smtp://u:secret@example.org:99999", "a URL such as"),
        ];
        for (url, says) in cases {
            let words = url.parse::<Relay>().unwrap_err().to_string();
            assert!(words.contains(says), "{url}: {words}");
            assert!(!words.contains("secret"), "{url}: {words}");
        }
    }
}
