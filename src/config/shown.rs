//! Every setting as it is in force, for whoever may know. Of what is secret only that it's there.

use std::path::Path;

use chrono::TimeDelta;
use url::Url;

use crate::config::Destination;
use crate::config::LogFormat;
use crate::config::Relay;
use crate::config::Role;
use crate::config::SecondFactor;
use crate::config::Settings;

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// As it would be written.
    Text(String),
    /// There, and not told.
    Secret,
    /// Not there.
    Unset,
}

impl Shown {
    fn text(value: &(impl ToString + ?Sized)) -> Self {
        Self::Text(value.to_string())
    }

    fn maybe(value: Option<impl ToString>) -> Self {
        value.map_or(Self::Unset, |value| Self::Text(value.to_string()))
    }

    fn secret<T>(value: Option<&T>) -> Self {
        value.map_or(Self::Unset, |_| Self::Secret)
    }

    fn path(path: &Path) -> Self {
        Self::text(&path.display())
    }

    /// An address without the password in it.
    fn url(url: &Url) -> Self {
        let port = url.port().map(|port| format!(":{port}"));
        let host = url.host_str().unwrap_or_default();
        let path = url.path().trim_end_matches('/');
        let query = url.query().map(|query| format!("?{query}"));
        Self::Text(format!(
            "{}://{host}{}{path}{}",
            url.scheme(),
            port.unwrap_or_default(),
            query.unwrap_or_default()
        ))
    }
}

impl Settings {
    /// Settings by the names and in the order of the README's table.
    pub fn in_force(&self) -> Vec<(String, Shown)> {
        let mut all = self.of_site();
        all.extend(self.of_mail());
        for (place, relay) in (1..).zip(&self.mail.relays) {
            all.extend(
                of_relay(relay).map(|(name, value)| (format!("relay {place}, {name}"), value)),
            );
        }
        all.extend(self.of_the_rest());
        all
    }

    fn of_site(&self) -> Vec<(String, Shown)> {
        let site = &self.site;
        let roles = self.roles.iter().map(|role| match role {
            Role::Web => "web",
            Role::Ingest => "ingest",
            Role::Send => "send",
        });
        let contacts = site.contacts.iter().flatten();
        let contacts: Vec<&str> = contacts.map(|one| one.text.as_str()).collect();
        let database = self.database_url.expose();
        let database = match Url::parse(database) {
            Ok(url) if url.has_host() && !database.starts_with("sqlite:") => {
                let path = url.path();
                Shown::Text(format!(
                    "{}://{}{path}",
                    url.scheme(),
                    url.host_str().unwrap_or_default()
                ))
            }
            _ if database.starts_with("sqlite:") => Shown::text(database),
            _ => Shown::Secret,
        };
        named([
            ("data", Shown::path(&self.data)),
            ("database_url", database),
            ("listen", Shown::text(&self.listen)),
            ("base_url", Shown::text(&self.base_url)),
            ("secret", Shown::secret(self.secret.as_ref())),
            ("roles", Shown::text(&roles.collect::<Vec<_>>().join(", "))),
            (
                "templates",
                self.templates.as_deref().map_or(Shown::Unset, Shown::path),
            ),
            ("site.name", Shown::text(&site.name)),
            ("site.description", words(&site.description)),
            ("site.language", Shown::text(&site.language)),
            ("site.zone", Shown::text(site.zone.name())),
            ("site.licence", Shown::maybe(site.licence.as_ref())),
            ("site.address", Shown::maybe(site.address.as_ref())),
            ("site.hotline", Shown::maybe(site.hotline.as_ref())),
            ("site.contacts", words(&contacts.join(", "))),
        ])
    }

    fn of_mail(&self) -> Vec<(String, Shown)> {
        let mail = &self.mail;
        let keys = mail
            .dkim
            .iter()
            .map(|key| format!("{}._domainkey.{}", key.selector, key.domain));
        let canary = mail.canary.as_ref();
        named([
            ("mail.from", Shown::text(&mail.from)),
            ("mail.reply_to", Shown::maybe(mail.reply_to.as_ref())),
            ("mail.bounces", Shown::maybe(mail.bounces.as_ref())),
            (
                "mail.mailbox",
                mail.mailbox
                    .as_ref()
                    .map_or(Shown::Unset, |url| Shown::url(url.expose())),
            ),
            (
                "mail.canary.address",
                Shown::maybe(canary.map(|canary| canary.address.as_str())),
            ),
            (
                "mail.canary.mailbox",
                canary.map_or(Shown::Unset, |canary| Shown::url(canary.mailbox.expose())),
            ),
            (
                "mail.canary.within",
                canary.map_or(Shown::Unset, |canary| span(canary.within)),
            ),
            ("mail.alarm.bounces", share(mail.alarm.bounces)),
            ("mail.alarm.complaints", share(mail.alarm.complaints)),
            ("mail.alarm.letters", Shown::text(&mail.alarm.letters)),
            ("mail.dkim", words(&keys.collect::<Vec<_>>().join(", "))),
        ])
    }

    fn of_the_rest(&self) -> Vec<(String, Shown)> {
        let (hooks, oidc) = (&self.hooks, self.access.oidc.as_ref());
        let networks = self.ingest.allow.iter();
        let networks: Vec<String> = networks
            .map(|(address, bits)| format!("{address}/{bits}"))
            .collect();
        let second_factor = match self.access.second_factor {
            SecondFactor::Off => "off",
            SecondFactor::Owners => "owners",
            SecondFactor::All => "all",
        };
        let format = match self.log.format {
            LogFormat::Pretty => "pretty",
            LogFormat::Json => "json",
        };
        named([
            ("hooks.ses", Shown::maybe(hooks.ses.as_ref())),
            ("hooks.sendgrid", Shown::maybe(hooks.sendgrid.as_ref())),
            ("hooks.postmark", Shown::secret(hooks.postmark.as_ref())),
            ("hooks.mailgun", Shown::secret(hooks.mailgun.as_ref())),
            ("hooks.generic", Shown::secret(hooks.generic.as_ref())),
            ("access.second_factor", Shown::text(second_factor)),
            (
                "access.oidc.issuer",
                Shown::maybe(oidc.map(|oidc| &oidc.issuer)),
            ),
            (
                "access.oidc.client_id",
                Shown::maybe(oidc.map(|oidc| &oidc.client_id)),
            ),
            (
                "access.oidc.client_secret",
                Shown::secret(oidc.and_then(|oidc| oidc.client_secret.as_ref())),
            ),
            (
                "access.oidc.name",
                Shown::maybe(oidc.map(|oidc| &oidc.name)),
            ),
            ("ingest.allow", words(&networks.join(", "))),
            (
                "ingest.back_fill",
                self.ingest.back_fill.map_or(Shown::text("off"), span),
            ),
            ("feed.hub", Shown::maybe(self.feed.hub.as_ref())),
            ("retain.letters", span(self.retain.letters)),
            ("retain.attempts", span(self.retain.attempts)),
            ("retain.unconfirmed", span(self.retain.unconfirmed)),
            ("log.format", Shown::text(format)),
            (
                "log.level",
                Shown::text(&self.log.level.as_str().to_lowercase()),
            ),
        ])
    }
}

fn of_relay(relay: &Relay) -> [(&'static str, Shown); 6] {
    let domains = relay
        .domains
        .iter()
        .map(|(domain, most)| format!("{domain} = {most}"));
    [
        (
            "url",
            match &relay.to {
                Destination::Folder(folder) => Shown::Text(format!("file:{}", folder.display())),
                Destination::Server(url) => Shown::url(url.expose()),
            },
        ),
        ("connections", Shown::text(&relay.connections)),
        ("per_second", Shown::maybe(relay.per_second)),
        ("domains", words(&domains.collect::<Vec<_>>().join(", "))),
        ("weight", Shown::text(&relay.weight)),
        ("warm_up", Shown::maybe(relay.warm_up)),
    ]
}

fn named<const N: usize>(settings: [(&str, Shown); N]) -> Vec<(String, Shown)> {
    let settings = settings.into_iter();
    settings
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn words(text: &str) -> Shown {
    Shown::maybe((!text.is_empty()).then_some(text))
}

fn share(hundredths: Option<u32>) -> Shown {
    hundredths.map_or(Shown::text("off"), |hundredths| {
        Shown::Text(format!("{}%", f64::from(hundredths) / 100.0))
    })
}

/// The largest unit that it's a whole number of.
fn span(span: TimeDelta) -> Shown {
    let seconds = span.num_seconds();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let unit = units.into_iter().find(|(_, unit)| seconds % unit == 0);
    let (name, unit) = unit.unwrap_or(("s", 1));
    Shown::Text(format!("{}{name}", seconds / unit))
}
