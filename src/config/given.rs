//! What was given, before it is understood: a tree of texts, numbers, lists and tables, each
//! with its origin.
//!
//! In come a TOML file and the environment; out comes one tree, in which the environment has
//! replaced what the file said. Broken TOML is told as far as the parser sees, and gives an empty
//! tree; no key is judged here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::config::problem::{Origin, Problem};

/// A section: key → what was given for it.
pub(super) type Table = BTreeMap<String, Given>;

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// As it was written.
    pub(super) value: Value,
    /// The place of its key, or of the value itself inside a list.
    pub(super) origin: Origin,
}

/// A value by its shape alone.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A quoted text, or any variable of the environment.
    Text(String),
    /// An integer in decimal digits.
    Number(String),
    /// A scalar that no key takes, by its name.
    Other(&'static str),
    /// `[…]` or `[[…]]`.
    List(Vec<Given>),
    /// `{…}` or `[…]`.
    Table(Table),
}

impl Given {
    /// A text from `origin`.
    pub(super) fn text(text: String, origin: Origin) -> Self {
        let value = Value::Text(text);
        Self { value, origin }
    }
}

/// The shape alone, since a value in the wrong place may be a password.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Other(shape) => shape,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        })
    }
}

/// The tree of a TOML `text`; what isn't TOML goes to `problems`.
pub(super) fn from_file(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Table {
    // A byte order mark at the start is what editors on Windows leave behind.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let place = |offset| Origin::place(path, text, offset);
    let (document, errors) = DeTable::parse_recoverable(text);
    problems.extend(errors.iter().map(|error| Problem {
        origin: place(error.span().map_or(0, |span| span.start)),
        key: String::new(),
        message: format!("expected TOML, but got: {}", one_line(error.message())),
    }));
    // What could be saved of a broken file would only be misunderstood.
    if errors.is_empty() {
        table(document.into_inner(), &place)
    } else {
        Table::new()
    }
}

/// The parser tells what it would have liked on lines of their own.
fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(", ")
}

fn table(entries: DeTable<'_>, place: &dyn Fn(usize) -> Origin) -> Table {
    let entries = entries.into_iter().map(|(key, entry)| {
        let given = Given {
            value: value(entry.into_inner(), place),
            origin: place(key.span().start),
        };
        (key.into_inner().into_owned(), given)
    });
    entries.collect()
}

fn value(entry: DeValue<'_>, place: &dyn Fn(usize) -> Origin) -> Value {
    match entry {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Value::Number(number.to_string()),
        DeValue::Integer(_) => Value::Other("a number that isn't decimal"),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Boolean(_) => Value::Other("a boolean"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| Given {
                origin: place(item.span().start),
                value: value(item.into_inner(), place),
            });
            Value::List(items.collect())
        }
        DeValue::Table(entries) => Value::Table(table(entries, place)),
    }
}

/// Whether something was given for a key, such as `mail.from`.
pub(super) fn has(tree: &Table, key: &str) -> bool {
    match key.split_once('.') {
        None => tree.contains_key(key),
        Some((section, key)) => tree.get(section).is_some_and(|given| match &given.value {
            Value::Table(table) => has(table, key),
            _ => false,
        }),
    }
}

/// Puts `VISNYK_*` over what is in `tree`: `VISNYK_MAIL__FROM` is `mail.from`.
/// A variable that is empty is as good as unset.
pub(super) fn add_environment(
    tree: &mut Table,
    environment: impl IntoIterator<Item = (String, String)>,
) {
    let mut ours: Vec<_> = environment.into_iter().filter(is_ours).collect();
    ours.sort(); // a section's own variable before those of its keys
    for (name, text) in ours {
        let key = name.trim_start_matches(PREFIX).to_lowercase();
        let path: Vec<&str> = key.split("__").collect();
        insert(tree, &path, Given::text(text, Origin::Environment(name)));
    }
}

const PREFIX: &str = "VISNYK_";

/// Variables that others put there: the tests' own, and those by which Kubernetes and Docker
/// announce a neighbour that is called visnyk.
const FOREIGN: [&str; 3] = ["VISNYK_TEST_", "VISNYK_SERVICE_", "VISNYK_PORT"];

fn is_ours((name, text): &(String, String)) -> bool {
    let foreign = FOREIGN.iter().any(|prefix| name.starts_with(prefix));
    name.starts_with(PREFIX) && !foreign && !text.is_empty()
}

/// Where the way to the key is barred by a value that is no table, that value is the problem,
/// and it is told when its section is read.
fn insert(tree: &mut Table, path: &[&str], given: Given) {
    match path {
        [] => {}
        [key] => {
            tree.insert((*key).to_owned(), given);
        }
        [section, rest @ ..] => {
            let inner = tree.entry((*section).to_owned()).or_insert_with(|| Given {
                value: Value::Table(Table::new()),
                origin: given.origin.clone(),
            });
            if let Value::Table(inner) = &mut inner.value {
                insert(inner, rest, given);
            }
        }
    }
}
