//! The rules of the house, read from the sources themselves.
//!
//! Modules lie in bands, and a module uses its own band and those below:
//!
//! words (pure) → adapters → app → flows → doors (web, schedule) → commands (cli) → main
//!
//! `cli` lies above the other edges because `serve` starts them; beside that, edges don't use
//! each other. Some names belong to one folder ([`KEPT`]). Sizes are only warned of: run with
//! `--nocapture` to see. Unit tests may use what they like.

use std::fmt;
use std::fs;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Band {
    Words,
    Adapters,
    App,
    Flows,
    Doors,
    Commands,
    Main,
}

use Band::{Adapters, App, Commands, Doors, Flows, Main, Words};

/// A module lies where its longest prefix here lies.
const BANDS: &[(&str, Band)] = &[
    ("clock", Words),
    ("locale", Words),
    ("config", Words),
    ("access", Words),
    ("article", Words),
    ("source", Words),
    ("feed", Words),
    ("audience", Words),
    ("digest", Words),
    ("letter", Words),
    ("delivery", Words),
    ("webhook", Words),
    ("store", Adapters),
    ("templates", Adapters),
    ("source::fetch", Adapters),
    ("access::oidc", Adapters),
    ("delivery::smtp", Adapters),
    ("delivery::mailer", Adapters),
    ("delivery::inbox", Adapters),
    ("delivery::records", Adapters),
    ("app", App),
    ("callback", Flows),
    ("article::intake", Flows),
    ("article::merge", Flows),
    ("source::discover", Flows),
    ("source::pictures", Flows),
    ("source::poll", Flows),
    ("source::site", Flows),
    ("source::websub", Flows),
    ("feed::directory", Flows),
    ("feed::document", Flows),
    ("feed::hub", Flows),
    ("feed::subject", Flows),
    ("audience::private_feed", Flows),
    ("audience::sign_up", Flows),
    ("audience::import", Flows),
    ("audience::forget", Flows),
    ("audience::preferences", Flows),
    ("letter::template", Flows),
    ("digest::compile", Flows),
    ("digest::latest", Flows),
    ("digest::render", Flows),
    ("digest::retain", Flows),
    ("digest::review", Flows),
    ("delivery::courier", Flows),
    ("delivery::ways", Flows),
    ("delivery::ledger", Flows),
    ("delivery::write", Flows),
    ("delivery::worker", Flows),
    ("delivery::bounce", Flows),
    ("delivery::canary", Flows),
    ("digest::sent", Flows),
    ("webhook::post", Flows),
    ("doctor", Flows),
    ("choice", Flows),
    ("web", Doors),
    ("schedule", Doors),
    ("cli", Commands),
    ("main", Main),
    ("lib", Main),
];

/// What only some modules may name, those modules, and what is no offence anywhere.
const KEPT: &[(&str, &[&str], &[&str])] = &[
    ("sqlx::", &["store"], &["sqlx::Type"]), // the derive that stores a newtype as its inside
    ("axum", &["web"], &[]),
    ("lettre::", &["delivery::smtp", "letter"], &[]),
    ("SafeHtml::stored(", &["store"], &[]),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "helpers", "common", "services", "manager"];

/// The most lines a file should have, its tests apart.
const LINES: usize = 400;

/// A file below `src`.
struct Source {
    /// Such as `source::fetch`.
    module: String,
    /// Below the crate's root, with slashes.
    path: String,
    text: String,
}

/// A rule that a line breaks.
#[derive(Debug, PartialEq, Eq)]
struct Offence {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let module = path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = module.trim_end_matches("/mod").replace('/', "::");
        Self {
            module,
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Numbered lines without comments and without the unit tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()));
        let lines = lines.take_while(|(_, line)| !line.starts_with("mod tests"));
        lines.filter(|(_, line)| !line.starts_with("//"))
    }

    /// The modules of this crate that a line names, from the root.
    fn uses(&self, line: &str) -> Vec<String> {
        let mut named: Vec<String> = line.split("crate::").skip(1).map(path_at_start).collect();
        if let Some((_, path)) = line.split_once("use super::") {
            let mut above = self.module.rsplit_once("::").map_or("", |(above, _)| above);
            let mut path = path;
            while let Some(rest) = path.strip_prefix("super::") {
                above = above.rsplit_once("::").map_or("", |(above, _)| above);
                path = rest;
            }
            let named_above = format!("{above}::{}", path_at_start(path));
            named.push(named_above.trim_start_matches("::").to_owned());
        }
        named
    }

    fn lies_in(&self, modules: &[&str]) -> bool {
        modules.iter().any(|module| is_within(&self.module, module))
    }

    fn offences(&self) -> Vec<Offence> {
        let Some(band) = band(&self.module) else {
            let message = format!("expected a band for `{}`, but got none", self.module);
            return vec![self.offence(1, message)];
        };
        let mut offences = Vec::new();
        if let Some(name) = self
            .module
            .split("::")
            .find(|name| EMPTY_NAMES.contains(name))
        {
            offences.push(self.offence(
                1,
                format!("expected a noun of the domain, but got `{name}`"),
            ));
        }
        for (line, code) in self.code() {
            let told = self
                .upward(band, code)
                .into_iter()
                .chain(self.misplaced(code));
            offences.extend(told.map(|message| self.offence(line, message)));
        }
        offences
    }

    fn upward(&self, band: Band, code: &str) -> Vec<String> {
        if code.contains("use crate::{") {
            return vec!["expected one path a line, but got braces after `crate::`".into()];
        }
        let tell = |used: String| {
            let theirs = self::band(&used)?;
            let edges = band == Doors && theirs == Doors && folder(&self.module) != folder(&used);
            (theirs > band || edges).then(|| {
                let module = &self.module;
                format!("expected `{module}` ({band:?}) to use what is below, but got `{used}` ({theirs:?})")
            })
        };
        self.uses(code).into_iter().filter_map(tell).collect()
    }

    fn misplaced(&self, code: &str) -> Vec<String> {
        let tell = |(name, modules, harmless): &(&str, &[&str], &[&str])| {
            let harmless = harmless
                .iter()
                .fold(code.to_owned(), |code, name| code.replace(name, ""));
            (harmless.contains(name) && !self.lies_in(modules)).then(|| {
                format!(
                    "expected `{name}` only in {modules:?}, but got it in `{}`",
                    self.module
                )
            })
        };
        KEPT.iter().filter_map(tell).collect()
    }

    fn offence(&self, line: usize, message: String) -> Offence {
        Offence {
            path: self.path.clone(),
            line,
            message,
        }
    }
}

fn folder(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

fn is_within(module: &str, whole: &str) -> bool {
    let rest = module.strip_prefix(whole);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn band(module: &str) -> Option<Band> {
    let holds = BANDS.iter().filter(|(prefix, _)| is_within(module, prefix));
    let longest = holds.max_by_key(|(prefix, _)| prefix.len());
    longest.map(|(_, band)| *band)
}

/// `a::b` out of `a::b::{c, d};` and the like.
fn path_at_start(text: &str) -> String {
    let end = |letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | ':');
    let path = text.split(end).next().unwrap_or_default();
    path.trim_end_matches(':').to_owned()
}

fn offences(sources: &[Source]) -> Vec<Offence> {
    sources.iter().flat_map(Source::offences).collect()
}

/// Every Rust file below `src`, in order, without the files that hold only unit tests.
fn house() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("src")];
    let mut sources = Vec::new();
    while let Some(path) = paths.pop() {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        if path.is_dir() {
            paths.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            sources.push(Source::new(name, &fs::read_to_string(&path).unwrap()));
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

#[test]
fn the_house_keeps_its_rules() {
    let house = house();
    assert!(house.iter().any(|source| source.module == "clock"));
    for source in &house {
        let tests = source
            .text
            .lines()
            .position(|line| line.starts_with("mod tests"));
        let lines = tests.unwrap_or_else(|| source.text.lines().count());
        if lines > LINES {
            println!(
                "warning: {}: expected at most {LINES} lines, but got {lines}",
                source.path
            );
        }
    }
    let told: Vec<String> = offences(&house).iter().map(Offence::to_string).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

/// The offences of one planted file, as lines and messages.
fn planted(path: &str, text: &str) -> Vec<(usize, String)> {
    let told = offences(&[Source::new(path, text)]).into_iter();
    told.map(|offence| (offence.line, offence.message))
        .collect()
}

#[test]
fn an_upward_use_is_caught() {
    let text = "//! Words.\n\nuse crate::clock::Stamp;\nuse crate::store::Tx;\n";
    let told = planted("src/digest/window.rs", text);
    let message = "expected `digest::window` (Words) to use what is below, \
                   but got `store::Tx` (Adapters)";
    assert_eq!(told, [(4, message.to_owned())]);
}

#[test]
fn every_way_of_writing_an_upward_use_is_caught() {
    for (path, line) in [
        ("src/store/article.rs", "use crate::app::App;"),
        ("src/store/article.rs", "pub(crate) use crate::web::Page;"),
        ("src/article/mod.rs", "fn poll(app: &crate::app::App) {}"),
        ("src/source/mod.rs", "use crate::source::fetch::Fetcher;"),
        ("src/source/listing.rs", "use super::fetch::Fetcher;"),
        ("src/source/read/page.rs", "use super::super::poll::poll;"),
        ("src/app.rs", "use crate::digest::compile;"),
        ("src/digest/compile.rs", "use crate::web::error::Error;"),
        ("src/clock.rs", "use crate::{app, store};"),
        ("src/web/home.rs", "use crate::schedule;"),
        ("src/web/home.rs", "use crate::cli;"),
    ] {
        assert_eq!(planted(path, line).len(), 1, "{path}: {line}");
    }
}

#[test]
fn a_name_out_of_its_folder_is_caught() {
    for (path, line) in [
        ("src/digest/compile.rs", "sqlx::query(\"SELECT 1\");"),
        (
            "src/audience/mod.rs",
            "#[derive(sqlx::Type, sqlx::FromRow)]",
        ),
        ("src/app.rs", "use axum::Router;"),
        ("src/cli/serve.rs", "use axum_extra::extract::CookieJar;"),
        ("src/delivery/worker.rs", "use lettre::Message;"),
        ("src/feed/mod.rs", "let html = SafeHtml::stored(text);"),
        ("src/utils.rs", ""),
        ("src/web/helpers/mod.rs", ""),
    ] {
        assert_eq!(planted(path, line).len(), 1, "{path}: {line}");
    }
}

#[test]
fn what_the_rules_allow_is_not_told() {
    for (path, line) in [
        (
            "src/store/article.rs",
            "sqlx::query(ADD); SafeHtml::stored(html);",
        ),
        ("src/clock.rs", "#[derive(Debug, sqlx::Type)]"),
        ("src/web/mod.rs", "use axum::Router;"),
        (
            "src/delivery/smtp/pool.rs",
            "use lettre::address::Envelope;",
        ),
        ("src/letter/compose.rs", "use lettre::Message;"),
        ("src/source/poll.rs", "use crate::article::intake;"),
        ("src/source/poll.rs", "use crate::source::fetch::Fetcher;"),
        ("src/cli/serve.rs", "use crate::web;"),
        ("src/clock.rs", "// use crate::app::App;"),
        ("src/clock.rs", "mod tests {\n    use crate::app::App;\n}"),
        ("src/main.rs", "use crate::cli;"),
    ] {
        assert_eq!(planted(path, line), [], "{path}: {line}");
    }
}

#[test]
fn a_module_takes_the_band_of_its_longest_prefix() {
    assert_eq!(band("source::listing::rows"), Some(Words));
    assert_eq!(band("source::fetch::address"), Some(Adapters));
    assert_eq!(band("sources"), None);
    assert!(
        planted("src/kitchen.rs", "")[0]
            .1
            .contains("expected a band")
    );
}
