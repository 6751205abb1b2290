//! Settings: defaults, then what owners [chose](Choice) in the console, then `visnyk.toml`, then
//! `VISNYK_*` variables, then `--data`.
//!
//! In come the text of a file and the environment; out come [`Settings`], in which every value
//! is checked, or a [`ConfigError`] that tells every problem at once. Settings are read once, in
//! `main`, and handed on by value: nothing else asks the environment, and nothing here opens a
//! database, a key file or a connection.

mod access;
mod choice;
mod given;
mod mail;
mod problem;
mod section;
mod shown;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use chrono_tz::Tz;

pub use crate::config::access::{Access, Oidc};
pub use crate::config::choice::{Choice, Chosen, NoChoice};
pub use crate::config::mail::{Alarm, Canary, DkimKey, Mail, Relay};
pub use crate::config::problem::{ConfigError, Origin, Problem};
pub use crate::config::shown::Shown;
pub use crate::config::value::{
    BadValue, Destination, LogFormat, Mailbox, Role, SecondFactor, Secret, Span,
};

use crate::config::given::Given;
use crate::config::section::Section;

/// The file that is read when `--config` names no other, if it is there.
const FILE: &str = "visnyk.toml";

// What is so until somebody says otherwise.
const NAME: &str = "Вісник";
const LANGUAGE: &str = "uk";
const ZONE: Tz = Tz::Europe__Kyiv;

/// Everything an operator can set. The README has the table of keys.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the database, the secret, the outbox, the ballast and the lock.
    pub data: PathBuf,
    /// `sqlite://PATH` or `postgres://…`; it may hold a password.
    pub database_url: Secret<String>,
    /// Where the web server listens.
    pub listen: SocketAddr,
    /// `http(s)://host[:port]` without a slash at its end: every link starts with it.
    pub base_url: String,
    /// What signed links are keyed with; without it, the one kept in `{data}/secret`.
    pub secret: Option<Secret<String>>,
    /// The newsroom.
    pub site: Site,
    /// Letters: who sends them, and through what.
    pub mail: Mail,
    /// How people who look after lists prove who they are.
    pub access: Access,
    /// What the reading of sources may do.
    pub ingest: Ingest,
    /// What becomes of feeds.
    pub feed: Feed,
    /// Who may tell of bounces and complaints.
    pub hooks: Hooks,
    /// What this process does; never empty.
    pub roles: BTreeSet<Role>,
    /// Folder whose files stand in for the embedded templates.
    pub templates: Option<PathBuf>,
    /// How long records are kept.
    pub retain: Retain,
    /// The log.
    pub log: Log,
    /// What owners could choose if the operator hadn't said it.
    pub said_by_operator: BTreeSet<Choice>,
}

/// The newsroom as readers know it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name, in its own language.
    pub name: String,
    /// One sentence on what it publishes; may be empty.
    pub description: String,
    /// `uk` or `en`: the language of pages, and of articles that don't tell theirs.
    pub language: String,
    /// The zone of dates that don't tell theirs, and of pages.
    pub zone: Tz,
    /// Licence of the articles that don't tell theirs: a name or an address.
    pub licence: Option<String>,
    /// Postal address, for the foot of letters.
    pub address: Option<String>,
    /// What people call when it can't wait, for the foot of pages and letters.
    pub hotline: Option<String>,
    /// Other ways to reach the newsroom, for the same place; `None` if nobody said.
    pub contacts: Option<Vec<Contact>>,
}

/// One way to reach the newsroom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// What to call it, if not by its kind.
    pub name: Option<String>,
    /// A telephone number, an address of mail or of the web, or anything else.
    pub text: String,
}

/// Limits of reading sources.
#[derive(Debug, Clone)]
pub struct Ingest {
    /// Networks (address, prefix length) that sources may be in although they aren't public.
    pub allow: Vec<(IpAddr, u8)>,
    /// Items older than this at a source's first poll aren't mailed; `None` mails any age.
    pub back_fill: Option<TimeDelta>,
}

/// What providers prove themselves by at `/hooks/{provider}`. Those that aren't set are closed.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// Amazon SES: the ARN of its SNS topic.
    pub ses: Option<String>,
    /// `SendGrid`: the public key of its signed event webhook.
    pub sendgrid: Option<String>,
    /// Postmark: the `user:password` in the address of its webhook.
    pub postmark: Option<Secret<String>>,
    /// Mailgun: the signing key of its webhooks.
    pub mailgun: Option<Secret<String>>,
    /// Anybody with this bearer token.
    pub generic: Option<Secret<String>>,
}

/// What becomes of feeds.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Address of an outside WebSub hub that feeds name, and that is told of changes; without it
    /// feeds name our own.
    pub hub: Option<String>,
}

/// How long records are kept after their last use.
#[derive(Debug, Clone)]
pub struct Retain {
    /// Letters that were delivered or given up.
    pub letters: TimeDelta,
    /// The tries at handing them over.
    pub attempts: TimeDelta,
    /// Subscribers who never confirmed.
    pub unconfirmed: TimeDelta,
}

/// The log on stderr.
#[derive(Debug, Clone)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least grave event that is told.
    pub level: tracing::Level,
}

/// The environment as [`Settings::load`] takes it. Names that aren't UTF-8 are none of ours.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    })
}

impl Settings {
    /// Reads `config` (or `visnyk.toml` here, if there is one), then `environment` over it;
    /// `data`, from the command line, wins over both.
    pub fn load(
        config: Option<&Path>,
        data: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let path = config.unwrap_or(Path::new(FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(Some((path, &text)), data, environment),
            Err(error) if config.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Self::read(None, data, environment)
            }
            Err(error) => Err(ConfigError::unreadable(path, &error)),
        }
    }

    /// As [`Settings::load`], with the file's path and text in hand.
    pub fn read(
        file: Option<(&Path, &str)>,
        data: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut given = match file {
            Some((path, text)) => given::from_file(path, text, &mut problems),
            None => BTreeMap::new(),
        };
        given::add_environment(&mut given, environment);
        if let Some(data) = data {
            // A path that isn't UTF-8 can't be written in a database URL: it's refused below.
            let folder = data.to_str().unwrap_or("\0").to_owned();
            given.insert("data".into(), Given::text(folder, Origin::CommandLine));
        }
        let is_said = |choice: &Choice| given::has(&given, choice.key());
        let said_by_operator = Choice::ALL.into_iter().filter(is_said).collect();
        let settings = Section::top(given, &mut problems, Self::from_section);
        let settings = Self {
            said_by_operator,
            ..settings
        };
        if problems.is_empty() {
            Ok(settings)
        } else {
            problems.sort_by(|a, b| a.origin.cmp(&b.origin));
            Err(ConfigError { problems })
        }
    }

    /// Listens at `listen` from now on, as when port 0 became a real one. A `base_url` that was
    /// made from the old address follows.
    pub fn listen_at(&mut self, listen: SocketAddr) {
        if self.base_url == origin_of(self.listen) {
            self.base_url = origin_of(listen);
        }
        self.listen = listen;
    }

    fn from_section(top: &mut Section<'_>) -> Self {
        let data = top.text("data", value::path);
        let data = data.unwrap_or_else(|| PathBuf::from("./visnyk-data"));
        let listen = top.text("listen", value::listen);
        let listen = listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        let base_url = top.text("base_url", value::base_url);
        let database_url = top.text("database_url", value::database_url);
        let secret = top.text("secret", value::secret);
        let site = top.section("site", Site::from_section);
        let mail = top.section("mail", |mail| Mail::from_section(mail, &data));
        let access = top.section("access", Access::from_section);
        let ingest = top.section("ingest", Ingest::from_section);
        let feed = top.section("feed", Feed::from_section);
        let hooks = top.section("hooks", Hooks::from_section);
        let roles = top.list("roles", value::role);
        let templates = top.text("templates", value::path);
        let retain = top.section("retain", Retain::from_section);
        let log = top.section("log", Log::from_section);
        let database_url = database_url.map(|url| url.replace("{data}", &in_url(&data)));
        Self {
            base_url: base_url.unwrap_or_else(|| origin_of(listen)),
            database_url: Secret::new(
                database_url.unwrap_or_else(|| format!("sqlite://{}/visnyk.db", in_url(&data))),
            ),
            roles: roles.map_or_else(|| Role::ALL.into(), BTreeSet::from_iter),
            data,
            listen,
            secret,
            site,
            mail,
            access,
            ingest,
            feed,
            hooks,
            templates,
            retain,
            log,
            said_by_operator: BTreeSet::new(),
        }
    }
}

/// A path inside a database URL, whose `?` starts the options and whose `%` starts an escape.
fn in_url(path: &Path) -> String {
    let path = path.to_string_lossy();
    path.replace('%', "%25").replace('?', "%3F")
}

fn origin_of(listen: SocketAddr) -> String {
    format!("http://{listen}")
}

impl Site {
    fn from_section(site: &mut Section<'_>) -> Self {
        Self {
            name: site.text("name", value::line).unwrap_or(NAME.into()),
            description: site.text("description", value::line).unwrap_or_default(),
            language: site
                .text("language", value::language)
                .unwrap_or(LANGUAGE.into()),
            zone: site.text("zone", value::zone).unwrap_or(ZONE),
            licence: site.text("licence", value::line),
            address: site.text("address", value::line),
            hotline: site.text("hotline", value::line),
            contacts: site.tables("contacts", Some("text"), Contact::from_section),
        }
    }
}

impl Contact {
    fn from_section(contact: &mut Section<'_>) -> Option<Self> {
        let name = contact.text("name", value::line);
        let text = contact.required("text", value::line);
        Some(Self { name, text: text? })
    }
}

impl Ingest {
    fn from_section(ingest: &mut Section<'_>) -> Self {
        Self {
            allow: ingest.list("allow", value::network).unwrap_or_default(),
            back_fill: ingest
                .text("back_fill", value::span_or_off)
                .unwrap_or(Some(TimeDelta::days(30))),
        }
    }
}

impl Hooks {
    fn from_section(hooks: &mut Section<'_>) -> Self {
        Self {
            ses: hooks.text("ses", value::line),
            sendgrid: hooks.text("sendgrid", value::line),
            postmark: hooks.text("postmark", value::secret),
            mailgun: hooks.text("mailgun", value::secret),
            generic: hooks.text("generic", value::secret),
        }
    }
}

impl Feed {
    fn from_section(feed: &mut Section<'_>) -> Self {
        Self {
            hub: feed.text("hub", value::web_address),
        }
    }
}

impl Retain {
    fn from_section(retain: &mut Section<'_>) -> Self {
        let mut days = |key, default| {
            let span = retain.text(key, value::span);
            span.unwrap_or(TimeDelta::days(default))
        };
        Self {
            letters: days("letters", 90),
            attempts: days("attempts", 30),
            unconfirmed: days("unconfirmed", 7),
        }
    }
}

impl Log {
    fn from_section(log: &mut Section<'_>) -> Self {
        Self {
            format: log.text("format", value::log_format).unwrap_or_default(),
            level: log
                .text("level", value::log_level)
                .unwrap_or(tracing::Level::INFO),
        }
    }
}

#[cfg(test)]
mod tests;
