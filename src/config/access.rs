//! `access.…`: how people who look after lists prove who they are.

use url::Url;

use crate::config::section::Section;
use crate::config::value;
use crate::config::value::{SecondFactor, Secret};

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
    fn from_section(oidc: &mut Section<'_>) -> Option<Self> {
        let issuer = oidc.required("issuer", value::issuer);
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

fn host(issuer: &str) -> String {
    let url = Url::parse(issuer).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or(issuer).to_owned()
}
