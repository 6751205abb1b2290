//! What feedparser makes of a document, and what we do: whether it is a feed, how many articles
//! it holds, and of each the headline, the link, the identifier and the date.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use scraper::Html;
use serde::Deserialize;
use url::Url;
use visnyk::clock::Stamp;
use visnyk::source::Draft;
use visnyk::source::Reading;
use visnyk::source::Selectors;
use visnyk::source::SourceKind;
use visnyk::source::read;

/// A hundredth of what must agree at least, of each thing compared.
const ENOUGH: usize = 97;

/// A document that both are asked about.
struct Asked {
    path: PathBuf,
    bytes: Vec<u8>,
    content_type: Option<String>,
    base: Url,
}

#[derive(Debug, Deserialize)]
struct Answer {
    version: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    title: String,
    link: Option<String>,
    id: Option<String>,
    date: Option<i64>,
}

/// How often the two said the same, of how many times.
#[derive(Default)]
struct Agreement {
    same: usize,
    all: usize,
    differences: Vec<String>,
}

impl Agreement {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, path: &Path, ours: &T, theirs: &T) {
        self.all += 1;
        if ours == theirs {
            self.same += 1;
        } else {
            let line = format!("{}\t{ours:?}\t{theirs:?}", path.display());
            self.differences.push(line);
        }
    }
}

/// Where `.ci/run` has unpacked the packages.
fn corpus(name: &str) -> PathBuf {
    let all = std::env::var_os("VISNYK_TEST_FEEDS");
    let all = all.expect("VISNYK_TEST_FEEDS names the folder of unpacked packages, see .ci/run");
    Path::new(&all).join(name)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the package is unpacked");
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| end == "xml" || end == "json")
        {
            found.push(path);
        }
    }
}

fn asked(folder: &Path) -> Vec<Asked> {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    paths.sort();
    let asked = paths.into_iter().map(|path| {
        let bytes = std::fs::read(&path).unwrap();
        let within = path.strip_prefix(folder).unwrap().to_string_lossy();
        let base = Url::parse("http://127.0.0.1:8097/tests/").unwrap();
        Asked {
            base: base.join(&within).unwrap(),
            content_type: told_type(&bytes),
            bytes,
            path,
        }
    });
    asked.collect()
}

/// feedparser's files name the header that they are to be read with in their first comment.
fn told_type(bytes: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(bytes.get(..bytes.len().min(2000))?).into_owned();
    let line = start
        .lines()
        .find_map(|line| line.trim().strip_prefix("Header:"))?;
    let (name, value) = line.split_once(':')?;
    name.trim()
        .eq_ignore_ascii_case("content-type")
        .then(|| value.trim().to_owned())
}

fn ours(asked: &Asked) -> Reading {
    let document = read::Document {
        bytes: &asked.bytes,
        content_type: asked.content_type.as_deref(),
        base: Some(&asked.base),
    };
    let how = read::How {
        kind: SourceKind::Auto,
        selectors: &Selectors::default(),
        zone: chrono_tz::UTC,
        now: Stamp(1_800_000_000_000),
    };
    read::read(&document, &how)
}

fn theirs(asked: &[Asked]) -> Vec<Answer> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/source/oracle/feeds.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let questions = asked.iter().map(|one| {
        let (path, base) = (&one.path, one.base.as_str());
        let content_type = &one.content_type;
        let question =
            serde_json::json!({ "path": path, "content_type": content_type, "base": base });
        question.to_string() + "\n"
    });
    let questions: String = questions.collect();
    let mut stdin = python.stdin.take().unwrap();
    let asking = std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
    let said = python.wait_with_output().unwrap();
    asking.join().unwrap().unwrap();
    assert!(
        said.status.success(),
        "is feedparser installed for python3?"
    );
    let lines = said.stdout.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// Without differences in white space: neither side's is what the document has.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Addresses as the URL standard writes them; feedparser leaves them as the document does, and
/// takes an Atom id of any scheme for a link.
fn normal(link: Option<&str>) -> Option<String> {
    let url = Url::parse(link?.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

fn date(draft: &Draft) -> Option<i64> {
    draft
        .published
        .or(draft.updated)
        .map(|date| date.timestamp())
}

fn assert_agrees(folder: &Path) {
    let asked = asked(folder);
    assert!(asked.len() > 50, "{} holds no documents", folder.display());
    let answers = theirs(&asked);
    assert_eq!(asked.len(), answers.len());
    let names = ["readable", "entries", "titles", "links", "ids", "dates"];
    let mut said = names.map(|_| Agreement::default());
    let [readable, entries, titles, links, ids, dates] = &mut said;
    for (asked, answer) in asked.iter().zip(&answers) {
        let path = asked.path.strip_prefix(folder).unwrap();
        let reading = ours(asked);
        let is_feed = answer.version.is_some() || !answer.entries.is_empty();
        if !is_feed {
            continue;
        }
        readable.compare(path, &reading.kind.is_some(), &is_feed);
        entries.compare(path, &reading.drafts.len(), &answer.entries.len());
        if reading.drafts.len() != answer.entries.len() {
            continue;
        }
        for (draft, entry) in reading.drafts.iter().zip(&answer.entries) {
            titles.compare(path, &folded(&draft.title), &folded(&entry.title));
            links.compare(path, &draft.url, &normal(entry.link.as_deref()));
            let id = entry.id.as_deref().map(folded).filter(|id| !id.is_empty());
            ids.compare(path, &draft.guid.as_deref().map(folded), &id);
            dates.compare(path, &date(draft), &entry.date);
        }
    }
    report(&names, &said);
}

/// Says all figures, and fails if one is too low.
fn report(names: &[&str], said: &[Agreement]) {
    let mut told = String::new();
    for (name, agreement) in names.iter().zip(said) {
        let (same, all) = (agreement.same, agreement.all);
        writeln!(told, "{name}: {same} of {all}").unwrap();
        for difference in &agreement.differences {
            writeln!(told, "    {difference}").unwrap();
        }
    }
    println!("{told}");
    for agreement in said {
        assert!(agreement.same * 100 >= agreement.all * ENOUGH, "{told}");
    }
}

#[test]
#[ignore = "needs feedparser"]
fn feedparsers_own_documents_are_read_as_feedparser_reads_them() {
    assert_agrees(&corpus("feedparser"));
}

#[test]
#[ignore = "needs feedparser"]
fn feed_rs_documents_are_read_as_feedparser_reads_them() {
    assert_agrees(&corpus("feed-rs"));
}

/// What could run, load or overlay something, of what stands in cleaned HTML.
fn executable(html: &str) -> Vec<String> {
    const ELEMENTS: [&str; 23] = [
        "applet", "base", "button", "embed", "form", "frame", "frameset", "iframe", "input",
        "link", "math", "meta", "noscript", "object", "option", "portal", "script", "select",
        "style", "svg", "template", "textarea", "xml",
    ];
    let mut found = Vec::new();
    for element in Html::parse_fragment(html)
        .root_element()
        .descendent_elements()
    {
        let name = element.value().name();
        if ELEMENTS.contains(&name) {
            found.push(format!("<{name}>"));
        }
        for (attribute, value) in element.value().attrs() {
            let value: String = value.chars().filter(|c| *c > ' ').collect();
            let value = value.to_lowercase();
            let scheme = value.split_once(':').map(|(scheme, _)| scheme.to_owned());
            let leads = matches!(attribute, "href" | "src" | "cite" | "srcset" | "poster");
            let sound = [
                "http", "https", "mailto", "tel", "ftp", "magnet", "geo", "xmpp",
            ];
            let unsound = leads
                && scheme.is_some_and(|scheme| {
                    scheme.chars().all(|c| c.is_ascii_alphanumeric())
                        && !sound.contains(&scheme.as_str())
                });
            let runs = attribute.starts_with("on")
                || matches!(
                    attribute,
                    "style" | "srcdoc" | "action" | "formaction" | "background" | "id" | "name"
                );
            if unsound || runs || value.contains("javascript:") || value.contains("expression(") {
                found.push(format!("{attribute}={value}"));
            }
        }
    }
    found
}

#[test]
#[ignore = "needs feedparser"]
fn nothing_executable_is_left_of_feedparsers_traps() {
    let asked = asked(&corpus("feedparser"));
    let traps = |one: &&Asked| one.path.to_string_lossy().contains("/sanitize/");
    assert_eq!(asked.iter().filter(traps).count(), 745);
    let mut bodies = 0;
    for one in &asked {
        for draft in ours(one).drafts {
            let found = executable(draft.html.as_str());
            assert!(
                found.is_empty(),
                "{}: {found:?}\n{:?}",
                one.path.display(),
                draft.html
            );
            bodies += usize::from(!draft.html.is_empty());
        }
    }
    assert!(bodies > 300, "{bodies} bodies were read");
    assert_eq!(
        executable("<p onclick=x()><a href=' JavaScript:x'>"),
        ["onclick=x()", "href=javascript:x"]
    );
}
