//! The values of settings: how each kind is written, and what it becomes.
//!
//! Every parser takes a text without spaces around it and gives a checked value or a
//! [`BadValue`]. A text that may hold a password is never repeated in an error.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use chrono::TimeDelta;
use chrono_tz::Tz;
use url::{Host, Url};

use crate::audience::EmailAddress;

/// A value that isn't what its key takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, but got {got}")]
pub struct BadValue {
    expected: &'static str,
    got: String,
}

impl BadValue {
    pub(super) fn new(expected: &'static str, got: &str) -> Self {
        let got = match got {
            "" => "nothing".to_owned(),
            _ => format!("`{got}`"),
        };
        Self { expected, got }
    }
}

/// A value that `Debug` doesn't show, so that no log line and no failed test does either.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Guards `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that uses it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a process does; several processes can share the work on one PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Serves pages, feeds and the API.
    Web,
    /// Polls sources and plans digests.
    Ingest,
    /// Hands letters over.
    Send,
}

impl Role {
    /// All of them: what a process does unless told otherwise.
    pub const ALL: [Self; 3] = [Self::Web, Self::Ingest, Self::Send];
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Who must prove themselves by a second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nobody; whoever wants to may.
    #[default]
    Off,
    /// Owners.
    Owners,
    /// Everybody in the console.
    All,
}

/// An address with or without the name of its owner: `name@host` or `Name <name@host>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name that mail programs show, unquoted.
    pub name: Option<String>,
    /// The address, its host in ASCII form; that may be a bare name such as `localhost`.
    pub address: String,
}

impl FromStr for Mailbox {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        mailbox(text)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

impl Mailbox {
    /// The part of the address after the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, host)| host)
    }
}

/// Where a relay takes letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder that gets one `.eml` file a letter.
    Folder(PathBuf),
    /// An `smtp` or `smtps` URL with a host; `tls` (`required`, `opportunistic` or `none`) is
    /// all that its query may hold. User and password are percent-encoded.
    Server(Secret<Url>),
}

/// A length of time as people write it: `90s`, `15m`, `12h`, `30d` or `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub TimeDelta);

impl FromStr for Span {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let bad = || BadValue::new("a length of time such as `15m`, `12h` or `30d`", text);
        let mut letters = text.chars();
        let unit: i64 = match letters.next_back().ok_or_else(bad)? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(bad()),
        };
        let digits = letters.as_str();
        // Rust's own numbers may start with a plus; these don't.
        if !digits.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(bad());
        }
        let count: u32 = digits.parse().map_err(|_| bad())?;
        let span = TimeDelta::try_seconds(i64::from(count) * unit);
        span.filter(|span| *span <= LONGEST)
            .map(Self)
            .ok_or_else(bad)
    }
}

/// A hundred years: more is a slip of the pen, and would carry dates out of chrono's range.
const LONGEST: TimeDelta = TimeDelta::days(36_525);

pub(super) fn span(text: &str) -> Result<TimeDelta, BadValue> {
    text.parse().map(|Span(span)| span)
}

/// `off` lifts the limit.
pub(super) fn span_or_off(text: &str) -> Result<Option<TimeDelta>, BadValue> {
    match text {
        "off" => Ok(None),
        _ => span(text).map(Some),
    }
}

/// Hundredths of a per cent; `off` lifts the limit.
pub(super) fn share_or_off(text: &str) -> Result<Option<u32>, BadValue> {
    if text == "off" {
        return Ok(None);
    }
    let bad = || BadValue::new("a share such as `5%` or `0.3%`, or `off`", text);
    let number = text.strip_suffix('%').ok_or_else(bad)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = format!("{whole}{part:0<2}");
    let is_plain = !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain || part.is_empty() || part.len() > 2 {
        return Err(bad());
    }
    let share: u32 = digits.parse().map_err(|_| bad())?;
    (1..=10_000)
        .contains(&share)
        .then_some(Some(share))
        .ok_or_else(bad)
}

/// A file or folder; whether it exists shows when it's used.
pub(super) fn path(text: &str) -> Result<PathBuf, BadValue> {
    if text.is_empty() || text.contains('\0') {
        return Err(BadValue::new(
            "a path in UTF-8",
            &text.escape_debug().to_string(),
        ));
    }
    Ok(PathBuf::from(text))
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, BadValue> {
    let bad = |_| BadValue::new("an address and port such as `127.0.0.1:8080`", text);
    text.parse().map_err(bad)
}

/// A prefix path is refused: cookies, `/robots.txt` and well-known addresses live at the root,
/// so two sites below one host would get into each other's way.
pub(super) fn base_url(text: &str) -> Result<String, BadValue> {
    let bad = || BadValue::new("`http(s)://host[:port]` with no path", text);
    let url = Url::parse(text).map_err(|_| bad())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous {
        return Err(bad());
    }
    Ok(url.origin().ascii_serialization())
}

pub(super) fn database_url(text: &str) -> Result<String, BadValue> {
    let schemes = ["sqlite:", "postgres://", "postgresql://"];
    if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
        let (scheme, _) = text.split_once(':').unwrap_or(("no scheme", ""));
        return Err(BadValue::new("`sqlite://PATH` or `postgres://…`", scheme));
    }
    Ok(text.to_owned())
}

/// An address on the web.
pub(super) fn web_address(text: &str) -> Result<String, BadValue> {
    let bad = || BadValue::new("an address such as `https://hub.example.org/`", text);
    let url = Url::parse(text).map_err(|_| bad())?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_web && anonymous && url.fragment().is_none() {
        Ok(url.into())
    } else {
        Err(bad())
    }
}

/// Anyone who guesses the secret can sign links, so short ones are refused.
pub(super) fn secret(text: &str) -> Result<Secret<String>, BadValue> {
    let length = text.chars().count();
    if length < 16 {
        return Err(BadValue {
            expected: "a secret of at least 16 characters",
            got: format!("{length}"),
        });
    }
    Ok(Secret::new(text.to_owned()))
}

/// What somebody else chose for us to prove ourselves by: any line, never told again.
pub(super) fn password(text: &str) -> Result<Secret<String>, BadValue> {
    line(text).map(Secret::new).map_err(|_| BadValue {
        expected: "a secret on one line",
        got: "something else".to_owned(),
    })
}

/// Text on one line.
pub(super) fn line(text: &str) -> Result<String, BadValue> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(BadValue::new(
            "a line of text",
            &text.escape_debug().to_string(),
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn language(text: &str) -> Result<String, BadValue> {
    match text {
        "uk" | "en" => Ok(text.to_owned()),
        _ => Err(BadValue::new("`uk` or `en`", text)),
    }
}

pub(super) fn zone(text: &str) -> Result<Tz, BadValue> {
    let bad = |_| BadValue::new("a zone of the IANA list such as `Europe/Kyiv`", text);
    text.parse().map_err(bad)
}

pub(super) fn role(text: &str) -> Result<Role, BadValue> {
    match text {
        "web" => Ok(Role::Web),
        "ingest" => Ok(Role::Ingest),
        "send" => Ok(Role::Send),
        _ => Err(BadValue::new("`web`, `ingest` or `send`", text)),
    }
}

pub(super) fn second_factor(text: &str) -> Result<SecondFactor, BadValue> {
    match text {
        "off" => Ok(SecondFactor::Off),
        "owners" => Ok(SecondFactor::Owners),
        "all" => Ok(SecondFactor::All),
        _ => Err(BadValue::new("`off`, `owners` or `all`", text)),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, BadValue> {
    match text {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err(BadValue::new("`pretty` or `json`", text)),
    }
}

pub(super) fn log_level(text: &str) -> Result<tracing::Level, BadValue> {
    match text {
        "error" => Ok(tracing::Level::ERROR),
        "warn" => Ok(tracing::Level::WARN),
        "info" => Ok(tracing::Level::INFO),
        "debug" => Ok(tracing::Level::DEBUG),
        "trace" => Ok(tracing::Level::TRACE),
        _ => {
            let expected = "`error`, `warn`, `info`, `debug` or `trace`";
            Err(BadValue::new(expected, text))
        }
    }
}

/// A network as its first address and prefix length; an address alone is a network of one.
pub(super) fn network(text: &str) -> Result<(IpAddr, u8), BadValue> {
    let bad = || BadValue::new("a network such as `10.0.0.0/8` or `::1`", text);
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(prefix) => prefix.parse().map_err(|_| bad())?,
        None => longest,
    };
    if prefix > longest {
        return Err(bad());
    }
    Ok((address, prefix))
}

/// A host name in its ASCII form and in lower case; a name without dots will do.
pub(super) fn domain(text: &str) -> Result<String, BadValue> {
    let bad = || BadValue::new("a domain such as `example.org`", text);
    let label = |label: &str| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        ends && (1..=63).contains(&label.len()) && label.chars().all(known)
    };
    match Host::parse(text) {
        Ok(Host::Domain(name)) if name.len() <= 253 && name.split('.').all(label) => Ok(name),
        _ => Err(bad()),
    }
}

/// The address of a reader.
pub(super) fn reader(text: &str) -> Result<EmailAddress, BadValue> {
    let address = text.parse();
    address.map_err(|_| BadValue::new("an address such as `reader@example.org`", text))
}

/// `imaps://user:password@host[:port][/folder]`; `imap` sends a password in plain text, so it goes
/// no further than this machine.
pub(super) fn mailbox_url(text: &str) -> Result<Secret<Url>, BadValue> {
    let bad = |got: &str| BadValue {
        expected: "a mailbox such as `imaps://user:password@mail.example.org/INBOX`",
        got: got.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "imaps" => {}
        "imap" if loopback => {}
        "imap" => {
            return Err(bad(
                "`imap` to another machine, which would send the password unencrypted",
            ));
        }
        other => return Err(bad(&format!("`{other}`"))),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("no host"));
    }
    if url.username().is_empty() || url.password().is_none_or(str::is_empty) {
        return Err(bad("no user and password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("something after `?` or `#`"));
    }
    Ok(Secret::new(url))
}

/// What RFC 5322 lets stand unquoted before the `@`, and a [`domain`] after it.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, BadValue> {
    let bad = || {
        BadValue::new(
            "an address: `name@example.org` or `Name <name@example.org>`",
            text,
        )
    };
    let (name, address) = match text.strip_suffix('>').map(|text| text.rsplit_once('<')) {
        Some(Some((name, address))) => (name.trim().trim_matches('"').trim(), address),
        Some(None) => return Err(bad()),
        None => ("", text),
    };
    let (local, host) = address.rsplit_once('@').ok_or_else(bad)?;
    let atext =
        |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter);
    let local_fits = local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(atext));
    let host = domain(host).map_err(|_| bad())?;
    if !local_fits || name.contains(char::is_control) {
        return Err(bad());
    }
    Ok(Mailbox {
        name: (!name.is_empty()).then(|| name.to_owned()),
        address: format!("{local}@{host}"),
    })
}

const RELAY: &str = "`smtp://[user:password@]host[:port][?tls=required|opportunistic|none]`, \
                     `smtps://…` or `file:DIR`";

/// The URL may hold a password, so errors name only the part that is wrong.
pub(super) fn destination(text: &str) -> Result<Destination, BadValue> {
    if let Some(folder) = text.strip_prefix("file:") {
        // `file:///var/outbox` is the long way to write `file:/var/outbox`.
        let folder = folder.strip_prefix("//").unwrap_or(folder);
        return path(folder).map(Destination::Folder);
    }
    let bad = |got: &str| BadValue {
        expected: RELAY,
        got: got.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "smtp" | "smtps") {
        return Err(bad(&format!("`{}`", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("no host"));
    }
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(bad("a path or fragment after the host"));
    }
    if url.query_pairs().count() > 1 {
        return Err(bad("more than `tls` after the `?`"));
    }
    for (key, value) in url.query_pairs() {
        match (url.scheme(), &*key, &*value) {
            (_, "tls", "required") | ("smtp", "tls", "opportunistic" | "none") => {}
            // A `?` in a password that isn't escaped ends up here: this isn't repeated either.
            _ => return Err(bad("something else after the `?`")),
        }
    }
    Ok(Destination::Server(Secret::new(url)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_are_read_in_their_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("0d", 0),
        ] {
            assert_eq!(span(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn a_span_without_a_number_or_a_unit_is_refused() {
        for text in [
            "",
            "d",
            "30",
            "-1d",
            "+1d",
            "1.5h",
            "30 d",
            "30д",
            "99999999999d",
            "4294967295w",
        ] {
            let error = span(text).unwrap_err().to_string();
            assert!(
                error.starts_with("expected a length of time"),
                "{text}: {error}"
            );
        }
        assert_eq!(span_or_off("off"), Ok(None));
    }

    #[test]
    fn base_url_is_an_origin() {
        assert_eq!(
            base_url("https://news.example/").unwrap(),
            "https://news.example"
        );
        assert_eq!(base_url("http://[::1]:8080").unwrap(), "http://[::1]:8080");
        assert_eq!(
            base_url("https://новини.укр").unwrap(),
            "https://xn--b1amarcd.xn--j1amh"
        );
        for text in [
            "news.example",
            "ftp://news.example",
            "https://a.example/news",
            "https://a.example/?a",
            "https://a.example/#a",
            "https://me:pw@a.example",
            "https://",
            "/news",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_have_a_prefix_that_fits() {
        assert_eq!(
            network("127.0.0.0/8").unwrap(),
            ("127.0.0.0".parse().unwrap(), 8)
        );
        assert_eq!(network("::1").unwrap(), ("::1".parse().unwrap(), 128));
        for text in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "localhost",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mailbox_may_have_a_name() {
        let named = mailbox("Вісник області <news@oda.example>").unwrap();
        assert_eq!(named.name.as_deref(), Some("Вісник області"));
        assert_eq!(named.address, "news@oda.example");
        assert_eq!(mailbox("visnyk@localhost").unwrap().name, None);
        let ukrainian = mailbox("news@Новини.укр").unwrap();
        assert_eq!(ukrainian.address, "news@xn--b1amarcd.xn--j1amh");
        for text in [
            "",
            "news",
            "@example.org",
            "a@10.0.0.1",
            "a@example.org.",
            "a@-example.org",
            "a@",
            "a b@example.org",
            "a@b@c",
            "<>",
            ">",
            "a@b\r\nBcc: c@d",
            "A\r\nBcc: c@d <a@b>",
        ] {
            assert!(mailbox(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn relays_are_folders_or_servers() {
        let folder = |path: &str| Destination::Folder(path.into());
        assert_eq!(destination("file:outbox").unwrap(), folder("outbox"));
        assert_eq!(
            destination("file:///var/outbox").unwrap(),
            folder("/var/outbox")
        );
        for text in [
            "smtp://localhost:25?tls=none",
            "smtp://me:pw@relay.example:587?tls=required",
            "smtps://relay.example",
            "smtp://[::1]:2525/",
        ] {
            assert!(
                matches!(destination(text), Ok(Destination::Server(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bad_relay_is_told_without_its_password() {
        for text in [
            "file:",
            "http://me:hush@relay.example",
            "smtp://me:hush@relay.example/?tls=maybe",
            "smtp://me:25?hush@relay.example",
            "smtp://me:hush@relay.example?port=25",
            "smtp://me:hush@relay.example?tls=required&tls=none",
            "smtps://me:hush@relay.example?tls=none",
            "smtp://me:hush@",
            "smtp://me:hush@relay.example/path",
            "me:hush@relay.example",
            "smtp://me:hush@a:99999",
        ] {
            let error = destination(text).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_are_long_and_are_not_shown() {
        let error = secret("hush-hush").unwrap_err().to_string();
        assert_eq!(
            error,
            "expected a secret of at least 16 characters, but got 9"
        );
        let secret = secret("correct horse battery staple").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,40}|[a-z:/@<>.0-9%]{0,40}") {
            drop((span_or_off(&text), path(&text), listen(&text), base_url(&text), zone(&text)));
            drop((database_url(&text), secret(&text), line(&text), network(&text), domain(&text)));
            drop((mailbox(&text), destination(&text)));
        }
    }
}
