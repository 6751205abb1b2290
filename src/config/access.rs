//! `access.…`: how people who look after lists prove who they are.

use url::Url;

use crate::config::section::Section;
use crate::config::value;
use crate::config::value::{BadValue, SecondFactor, Secret};

/// How people who look after lists prove who they are.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Whom a code is asked of beside the password.
    pub second_factor: SecondFactor,
    /// Who else may say who somebody is.
    pub oidc: Option<Oidc>,
}

/// A provider of `OpenID` Connect that people may sign in with.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// Its address, letter by letter as it calls itself.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What we prove to it that we are us by; none where it gave none.
    pub client_secret: Option<Secret<String>>,
    /// What people call it.
    pub name: String,
}

impl Access {
    pub(super) fn from_section(access: &mut Section<'_>) -> Self {
        Self {
            second_factor: access
                .text("second_factor", value::second_factor)
                .unwrap_or_default(),
            oidc: access.section("oidc", Oidc::from_section),
        }
    }
}

impl Oidc {
    /// Whether passwords and tokens may go there: by TLS, or without leaving this machine.
    pub fn may_ask(url: &Url) -> bool {
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme() == "https" || url.scheme() == "http" && loopback
    }

    fn from_section(oidc: &mut Section<'_>) -> Option<Self> {
        let issuer = oidc.required("issuer", issuer);
        let client_id = oidc.required("client_id", value::line);
        let client_secret = oidc.text("client_secret", value::password);
        let name = oidc.text("name", value::line);
        let issuer = issuer?;
        Some(Self {
            client_id: client_id?,
            client_secret,
            name: name.unwrap_or_else(|| host(&issuer)),
            issuer,
        })
    }
}

/// A provider's own address, kept letter by letter: it's compared with what the provider says.
fn issuer(text: &str) -> Result<String, BadValue> {
    let bad = || BadValue::new("an issuer such as `https://id.example.org`", text);
    let url = Url::parse(text).map_err(|_| bad())?;
    let bare = url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if !bare || !anonymous || !Oidc::may_ask(&url) {
        return Err(bad());
    }
    Ok(text.to_owned())
}

fn host(issuer: &str) -> String {
    let url = Url::parse(issuer).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or(issuer).to_owned()
}
