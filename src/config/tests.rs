//! The settings as an operator meets them: a file, an environment, and what is told of both.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = variables
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()));
    owned.collect()
}

fn read(file: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let file = Some((Path::new("visnyk.toml"), file));
    Settings::read(file, None, environment(variables))
}

fn told(file: &str, variables: &[(&str, &str)]) -> String {
    read(file, variables).unwrap_err().to_string()
}

#[test]
fn nothing_needs_to_be_set() {
    let settings = read("", &[]).unwrap();
    assert_eq!(settings.data, Path::new("./visnyk-data"));
    assert_eq!(
        settings.database_url.expose(),
        "sqlite://./visnyk-data/visnyk.db"
    );
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.base_url, "http://127.0.0.1:8080");
    assert_eq!(settings.secret, None);
    assert_eq!(settings.site.language, "uk");
    assert_eq!(settings.site.zone, Tz::Europe__Kyiv);
    assert_eq!(settings.mail.from.address, "visnyk@localhost");
    let [relay] = settings.mail.relays.as_slice() else {
        panic!("expected one relay, but got {:?}", settings.mail.relays);
    };
    assert_eq!(relay.to, Destination::Folder("./visnyk-data/outbox".into()));
    assert_eq!(settings.ingest.back_fill, Some(TimeDelta::days(30)));
    assert_eq!(settings.roles, BTreeSet::from(Role::ALL));
    assert_eq!(settings.retain.letters, TimeDelta::days(90));
    assert_eq!(settings.retain.attempts, TimeDelta::days(30));
    assert_eq!(settings.retain.unconfirmed, TimeDelta::days(7));
    assert_eq!(settings.log.format, LogFormat::Pretty);
}

const EVERY_KEY: &str = r#"
data = "/var/lib/visnyk"
database_url = "postgres://visnyk:hush@db.example/visnyk"
listen = "0.0.0.0:80"
base_url = "https://news.example/"
secret = "correct horse battery staple"
roles = ["web", "send"]
templates = "/etc/visnyk/templates"

[site]
name = "Вісник області"
description = "Новини адміністрації"
language = "en"
zone = "Europe/Warsaw"
licence = "CC BY 4.0"
address = "площа Ринок, 1"

[mail]
from = "Вісник <news@news.example>"
reply_to = "press@news.example"
bounces = "bounces.news.example"
dkim = [{ domain = "news.example", selector = "ed2026", key_file = "/etc/visnyk/dkim.pem" }]

[mail.alarm]
bounces = "2.5%"
complaints = "off"
letters = 1000

[[mail.relay]]
url = "smtp://me:hush@relay.example:587?tls=required"
connections = 16
per_second = 100
domains = { "GMAIL.com" = 5, "пошта.укр" = 2 }
weight = 3
warm_up = 200

[[mail.relay]]
url = "file:{data}/spare"

[access.oidc]
issuer = "https://id.example/realms/news"
client_id = "visnyk"
client_secret = "hush"
name = "Кабінет"

[ingest]
allow = ["10.0.0.0/8", "::1"]
back_fill = "off"

[retain]
letters = "1w"
attempts = "2d"
unconfirmed = "12h"

[log]
format = "json"
level = "debug"
"#;

#[test]
fn every_key_can_be_set_in_the_file() {
    let settings = read(EVERY_KEY, &[]).unwrap();

    assert_eq!(settings.base_url, "https://news.example");
    assert_eq!(settings.roles, BTreeSet::from([Role::Web, Role::Send]));
    assert_eq!(settings.site.zone, Tz::Europe__Warsaw);
    assert_eq!(settings.mail.from.name.as_deref(), Some("Вісник"));
    let alarm = settings.mail.alarm;
    assert_eq!(
        (alarm.bounces, alarm.complaints, alarm.letters),
        (Some(250), None, 1_000)
    );
    assert_eq!(settings.mail.dkim[0].selector, "ed2026");
    let [first, spare] = settings.mail.relays.as_slice() else {
        panic!("expected two relays, but got {:?}", settings.mail.relays);
    };
    assert_eq!(
        (first.connections, first.per_second, first.weight),
        (16, Some(100), 3)
    );
    assert_eq!(
        first.domains,
        BTreeMap::from([
            ("gmail.com".to_owned(), 5),
            ("xn--80a1acn3a.xn--j1amh".to_owned(), 2)
        ])
    );
    assert_eq!(first.warm_up, Some(200));
    assert_eq!(
        spare.to,
        Destination::Folder("/var/lib/visnyk/spare".into())
    );
    let oidc = settings.access.oidc.clone().unwrap();
    assert_eq!(oidc.issuer, "https://id.example/realms/news");
    assert_eq!(
        (oidc.client_id.as_str(), oidc.name.as_str()),
        ("visnyk", "Кабінет")
    );
    assert_eq!(settings.ingest.allow.len(), 2);
    assert_eq!(settings.ingest.back_fill, None);
    assert_eq!(settings.retain.unconfirmed, TimeDelta::hours(12));
    assert_eq!(settings.log.level, tracing::Level::DEBUG);
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let file =
        "data = \"file\"\nlisten = \"127.0.0.1:1\"\n[site]\nname = \"File\"\nlanguage = \"en\"\n";
    let variables = [
        ("VISNYK_DATA", "variable"),
        ("VISNYK_SITE__NAME", "Variable"),
        ("VISNYK_ROLES", "web, send"),
        ("VISNYK_MAIL__RELAY", "smtp://a.example,file:spare"),
        ("VISNYK_SECRET", ""),
        ("VISNYK_TEST_POSTGRES", "postgres://localhost"),
        ("VISNYK_SERVICE_HOST", "10.0.0.1"),
        ("HOME", "/root"),
    ];
    let data = Some(Path::new("argument"));
    let file = Some((Path::new("visnyk.toml"), file));
    let settings = Settings::read(file, data, environment(&variables)).unwrap();
    assert_eq!(settings.data, Path::new("argument"));
    assert_eq!(settings.listen.port(), 1);
    assert_eq!(settings.site.name, "Variable");
    assert_eq!(settings.site.language, "en");
    assert_eq!(settings.roles, BTreeSet::from([Role::Web, Role::Send]));
    assert_eq!(settings.mail.relays.len(), 2);
    assert_eq!(settings.secret, None);
}

#[test]
fn all_problems_are_told_at_once_with_their_places() {
    let file = r#"
listne = "127.0.0.1:8080"
base_url = "news.example"
roles = ["web", "cook"]
[site]
zone = "Europe/Lemberg"
name = 5
[mail]
from = "nobody"
[[mail.relay]]
url = "ftp://me:hush@relay.example"
connections = 0
wieght = 2
[[mail.relay]]
weight = 2
[retain]
letters = "forever"
[colour]
red = 1
"#;
    let variables = [
        ("VISNYK_INGEST__ALLOW", "10.0.0.0/33"),
        ("VISNYK_BASEURL", "x"),
    ];
    insta::assert_snapshot!(told(file, &variables), @r"
    visnyk.toml:2:1: listne: expected one of `data`, `listen`, `base_url`, `database_url`, `secret`, `site`, `mail`, `access`, `ingest`, `feed`, `hooks`, `roles`, `templates`, `retain`, `log`, but got `listne`; did you mean `listen`?
    visnyk.toml:3:1: base_url: expected `http(s)://host[:port]` with no path, but got `news.example`
    visnyk.toml:4:17: roles[1]: expected `web`, `ingest` or `send`, but got `cook`
    visnyk.toml:6:1: site.zone: expected a zone of the IANA list such as `Europe/Kyiv`, but got `Europe/Lemberg`
    visnyk.toml:7:1: site.name: expected a text in quotes, but got a number
    visnyk.toml:9:1: mail.from: expected an address: `name@example.org` or `Name <name@example.org>`, but got `nobody`
    visnyk.toml:11:1: mail.relay[0].url: expected `smtp://[user:password@]host[:port][?tls=required|opportunistic|none]`, `smtps://…` or `file:DIR`, but got `ftp`
    visnyk.toml:12:1: mail.relay[0].connections: expected a whole number from 1 to 1000, but got `0`
    visnyk.toml:13:1: mail.relay[0].wieght: expected one of `url`, `connections`, `per_second`, `domains`, `weight`, `warm_up`, but got `wieght`; did you mean `weight`?
    visnyk.toml:14:1: mail.relay[1].url: expected a value, but got none
    visnyk.toml:17:1: retain.letters: expected a length of time such as `15m`, `12h` or `30d`, but got `forever`
    visnyk.toml:18:2: colour: expected one of `data`, `listen`, `base_url`, `database_url`, `secret`, `site`, `mail`, `access`, `ingest`, `feed`, `hooks`, `roles`, `templates`, `retain`, `log`, but got `colour`
    VISNYK_BASEURL: baseurl: expected one of `data`, `listen`, `base_url`, `database_url`, `secret`, `site`, `mail`, `access`, `ingest`, `feed`, `hooks`, `roles`, `templates`, `retain`, `log`, but got `baseurl`; did you mean `base_url`?
    VISNYK_INGEST__ALLOW: ingest.allow[0]: expected a network such as `10.0.0.0/8` or `::1`, but got `10.0.0.0/33`
    ");
}

#[test]
fn every_setting_of_the_readme_is_shown_and_no_secret() {
    let shown = read(EVERY_KEY, &[]).unwrap().in_force();
    let names: BTreeSet<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
    let readme = include_str!("../../README.md");
    let table = readme.split("| key | default | |").nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let cells = table.lines().filter(|line| line.starts_with("| `"));
    let cells = cells.filter_map(|row| row.split('|').nth(1));
    let keys: Vec<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys.into_iter().filter(|key| !key.starts_with('[')) {
        assert!(names.contains(key), "{key} of {names:?}");
    }
    let told = format!("{shown:?}");
    assert!(
        !told.contains("hush") && !told.contains("correct horse"),
        "{told}"
    );
    let value = |name: &str| shown.iter().find(|one| one.0 == name).map(|one| &one.1);
    assert_eq!(
        value("database_url"),
        Some(&Shown::Text("postgres://db.example/visnyk".into()))
    );
    assert_eq!(
        value("mail.alarm.bounces"),
        Some(&Shown::Text("2.5%".into()))
    );
}

#[test]
fn a_provider_is_named_as_it_names_itself_and_without_tls_is_on_this_machine() {
    let issuer = |issuer: &str| {
        let file = format!("[access.oidc]\nissuer = '{issuer}'\nclient_id = 'visnyk'\n");
        Some(read(&file, &[]).ok()?.access.oidc.unwrap())
    };
    for good in [
        "https://id.example",
        "https://id.example/",
        "https://id.example:8443/realms/a",
        "http://127.0.0.1:9400",
    ] {
        assert_eq!(issuer(good).unwrap().issuer, good);
    }
    let oidc = issuer("https://id.example/realms/a").unwrap();
    assert_eq!(
        (oidc.name.as_str(), oidc.client_secret),
        ("id.example", None)
    );
    for bad in [
        "id.example",
        "http://id.example",
        "ftp://id.example",
        "https://me@id.example",
        "https://id.example/?a",
        "https://id.example/#a",
        "",
    ] {
        assert!(issuer(bad).is_none(), "{bad}");
    }
    let told = told(
        "[access.oidc]\nclient_secret = 'hush\\thush'\nnaem = 'x'\n",
        &[],
    );
    for part in [
        "issuer: expected a value",
        "client_id: expected a value",
        "did you mean `name`",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("hush"), "{told}");
    assert!(read("", &[]).unwrap().access.oidc.is_none());
}

#[test]
fn broken_toml_is_told_by_line_beside_a_bad_variable() {
    let file = "listen = 1.2.3\n\n[site\nname = 'Новини'\ncolour = 'red'";
    let told = told(file, &[("VISNYK_ROLES", "cook")]);
    let places: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let expected = ["visnyk.toml:1:13:", "visnyk.toml:3:6:", "VISNYK_ROLES:"];
    assert_eq!(places, expected, "{told}");
}

#[test]
fn columns_count_letters_and_a_byte_order_mark_does_no_harm() {
    let told = told(
        "\u{feff}mail = { from = 'Вісник <a@b.example>', bonces = 'b' }",
        &[],
    );
    assert!(
        told.starts_with("visnyk.toml:1:41: mail.bonces: "),
        "{told}"
    );
}

#[test]
fn a_value_in_the_place_of_a_section_is_told_once() {
    let told = told(
        "mail = 'smtp://me:hush@relay.example'",
        &[("VISNYK_MAIL__FROM", "a@b")],
    );
    assert_eq!(
        told,
        "visnyk.toml:1:1: mail: expected a table, but got a text"
    );
}

#[test]
fn a_list_without_items_is_refused() {
    for file in ["roles = []", "mail.relay = []", "ingest.allow = ' , '"] {
        assert!(told(file, &[]).contains("but got an empty one"), "{file}");
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let error = Settings::load(Some(&missing), None, [])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing.toml: expected a readable settings file"),
        "{error}"
    );
    let there = folder.path().join("there.toml");
    std::fs::write(&there, "site.name = 'Є'").unwrap();
    let settings = Settings::load(Some(&there), None, []).unwrap();
    assert_eq!(settings.site.name, "Є");
}

#[test]
fn the_base_url_follows_the_listener_unless_it_was_set() {
    let port = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut settings = read("", &[]).unwrap();
    settings.listen_at(port(4000));
    assert_eq!(settings.base_url, "http://127.0.0.1:4000");
    let mut settings = read("base_url = 'https://news.example'", &[]).unwrap();
    settings.listen_at(port(4000));
    assert_eq!(settings.base_url, "https://news.example");
}

#[test]
fn odd_letters_of_the_data_folder_are_escaped_in_the_database_url() {
    let settings = Settings::read(None, Some(Path::new("/srv/100%?")), []).unwrap();
    assert_eq!(
        settings.database_url.expose(),
        "sqlite:///srv/100%25%3F/visnyk.db"
    );
}

#[test]
fn a_data_folder_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt;

    let odd = std::ffi::OsStr::from_bytes(b"data-\xff");
    let error = Settings::read(None, Some(Path::new(odd)), []).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("command line: data: expected a path in UTF-8")
    );
}

#[test]
fn contacts_are_tables_or_in_the_environment_texts_alone() {
    let contact = |name: Option<&str>, text: &str| Contact {
        name: name.map(str::to_owned),
        text: text.to_owned(),
    };
    let file = "[site]\nhotline = \"112\"\ncontacts = [{ name = \"Приймальня\", text = \"+380 532 56-02-90\" }, { text = \"a@b.ua\" }]\n";
    let site = read(file, &[]).unwrap().site;
    assert_eq!(site.hotline.as_deref(), Some("112"));
    let both = [
        contact(Some("Приймальня"), "+380 532 56-02-90"),
        contact(None, "a@b.ua"),
    ];
    assert_eq!(site.contacts, Some(both.into()));
    let site = read("", &[("VISNYK_SITE__CONTACTS", "112, a@b.ua")]);
    let both = [contact(None, "112"), contact(None, "a@b.ua")];
    assert_eq!(site.unwrap().site.contacts, Some(both.into()));
    let told = told(
        "[site]\ncontacts = [{ name = \"x\", phone = \"1\" }]\n",
        &[],
    );
    assert!(
        told.contains("site.contacts[0].text: expected a value"),
        "{told}"
    );
    assert!(told.contains("site.contacts[0].phone"), "{told}");
}
