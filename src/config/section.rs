//! One section of the settings while it is read: each key is taken out once, by name and
//! parser, and what nobody took is unknown.
//!
//! So the keys that are asked for are the only list of keys there is; nothing can be readable
//! and unknown at once. A key that isn't there is `None`; one that can't be understood is
//! `None` too, and a [`Problem`].

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::config::given::{Given, Table, Value};
use crate::config::problem::{Origin, Problem};
use crate::config::value::BadValue;

/// A section that is being read.
pub(super) struct Section<'a> {
    /// What hasn't been taken yet.
    given: Table,
    /// `mail.relay[0]`, or nothing for the whole.
    path: String,
    /// Keys that were asked for, for the suggestions.
    known: Vec<&'static str>,
    /// Where it comes from, to tell of a key that is missing.
    origin: Option<Origin>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Section<'a> {
    /// Reads the whole tree by `read`, then tells of unknown keys.
    pub(super) fn top<T>(
        given: Table,
        problems: &'a mut Vec<Problem>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        Section::inner(given, String::new(), None, problems, read)
    }

    fn inner<T>(
        given: Table,
        path: String,
        origin: Option<Origin>,
        problems: &'a mut Vec<Problem>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut section = Self {
            given,
            path,
            known: Vec::new(),
            origin,
            problems,
        };
        let value = read(&mut section);
        section.tell_unknown();
        value
    }

    /// The section under `key`; an empty one if it isn't there.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let path = self.path_of(key);
        let (table, origin) = match self.take(key) {
            None => (Table::new(), None),
            Some(Given { value, origin }) => match value {
                Value::Table(table) => (table, Some(origin)),
                other => {
                    self.tell(&path, origin, format!("expected a table, but got {other}"));
                    (Table::new(), None)
                }
            },
        };
        Section::inner(table, path, origin, self.problems, read)
    }

    /// The tables under `key`, `None` if it isn't there. A text stands for as many tables as it
    /// has commas, each with that text for its key `sole`, if there is such a key.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        sole: Option<&str>,
        mut read: impl FnMut(&mut Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let path = self.path_of(key);
        let given = self.take(key)?;
        let items = self.items(&path, given, "a list of tables")?;
        let mut read_all = Vec::new();
        for (number, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{number}]");
            let table = match (item.value, sole) {
                (Value::Table(table), _) => table,
                (Value::Text(text), Some(sole)) => {
                    Table::from([(sole.to_owned(), Given::text(text, item.origin.clone()))])
                }
                (other, _) => {
                    let message = format!("expected a table, but got {other}");
                    self.tell(&path, item.origin, message);
                    continue;
                }
            };
            let value = Section::inner(table, path, Some(item.origin), self.problems, &mut read);
            read_all.extend(value);
        }
        Some(read_all)
    }

    /// The text under `key`, as `parse` understands it.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, BadValue>,
    ) -> Option<T> {
        let path = self.path_of(key);
        let given = self.take(key)?;
        self.parsed(&path, given, parse)
    }

    /// As [`Section::text`], for a key that this section can't do without.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, BadValue>,
    ) -> Option<T> {
        if !self.given.contains_key(key)
            && let Some(origin) = self.origin.clone()
        {
            let message = "expected a value, but got none".to_owned();
            self.tell(&self.path_of(key), origin, message);
        }
        self.text(key, parse)
    }

    /// The texts under `key`, of which there must be at least one.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, BadValue>,
    ) -> Option<Vec<T>> {
        let path = self.path_of(key);
        let given = self.take(key)?;
        let items = self.items(&path, given, "a list of texts")?;
        let parsed = items.into_iter().enumerate().filter_map(|(number, item)| {
            let path = format!("{path}[{number}]");
            self.parsed(&path, item, &parse)
        });
        Some(parsed.collect())
    }

    /// The whole number under `key`, within `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let path = self.path_of(key);
        let given = self.take(key)?;
        self.counted(&path, given, &range)
    }

    /// Every key that is left with its whole number: for sections whose keys are the
    /// operator's own words, as `parse` understands them.
    pub(super) fn numbers(
        &mut self,
        parse: impl Fn(&str) -> Result<String, BadValue>,
        range: &RangeInclusive<u32>,
    ) -> BTreeMap<String, u32> {
        let entries = std::mem::take(&mut self.given).into_iter();
        let numbers = entries.filter_map(|(key, given)| {
            let path = self.path_of(&key);
            let origin = given.origin.clone();
            let number = self.counted(&path, given, range);
            let told = parse(&key).map_err(|error| self.tell(&path, origin, error.to_string()));
            told.ok().zip(number)
        });
        numbers.collect()
    }

    fn take(&mut self, key: &'static str) -> Option<Given> {
        self.known.push(key);
        self.given.remove(key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// A list's items; a text is a list with commas, which is how the environment gives one.
    fn items(&mut self, path: &str, given: Given, expected: &str) -> Option<Vec<Given>> {
        let Given { value, origin } = given;
        let items: Vec<Given> = match value {
            Value::List(items) => items,
            Value::Text(text) => {
                let texts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                let items = texts.map(|text| Given::text(text.to_owned(), origin.clone()));
                items.collect()
            }
            other => {
                let message = format!("expected {expected}, but got {other}");
                self.tell(path, origin, message);
                return None;
            }
        };
        if items.is_empty() {
            let message = format!("expected {expected}, but got an empty one");
            self.tell(path, origin, message);
            return None;
        }
        Some(items)
    }

    fn parsed<T>(
        &mut self,
        path: &str,
        given: Given,
        parse: impl FnOnce(&str) -> Result<T, BadValue>,
    ) -> Option<T> {
        let parsed = match given.value {
            Value::Text(text) => parse(text.trim()).map_err(|error| error.to_string()),
            other => Err(format!("expected a text in quotes, but got {other}")),
        };
        let told = parsed.map_err(|message| self.tell(path, given.origin, message));
        told.ok()
    }

    fn counted(&mut self, path: &str, given: Given, range: &RangeInclusive<u32>) -> Option<u32> {
        let number = match (&given.value, &given.origin) {
            (Value::Number(digits), _) | (Value::Text(digits), Origin::Environment(_)) => {
                digits.trim().parse().ok()
            }
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.clone().into_inner();
            let got = match given.value {
                Value::Number(text) | Value::Text(text) => format!("`{text}`"),
                other => other.to_string(),
            };
            let message = format!("expected a whole number from {least} to {most}, but got {got}");
            self.tell(path, given.origin, message);
        }
        number
    }

    fn tell(&mut self, path: &str, origin: Origin, message: String) {
        self.problems.push(Problem {
            origin,
            key: path.to_owned(),
            message,
        });
    }

    fn tell_unknown(mut self) {
        for (key, given) in std::mem::take(&mut self.given) {
            let message = unknown(&key, &self.known);
            self.tell(&self.path_of(&key), given.origin, message);
        }
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    let all: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    let expected = match all.as_slice() {
        [] => "no key here".to_owned(),
        _ => format!("one of {}", all.join(", ")),
    };
    let closest = known.iter().min_by_key(|known| distance(key, known));
    let close = closest.filter(|known| distance(key, known) <= key.chars().count().div_ceil(3));
    let hint = close.map_or(String::new(), |known| format!("; did you mean `{known}`?"));
    format!("expected {expected}, but got `{key}`{hint}")
}

/// Letters to add, drop or change to get from `a` to `b` (Levenshtein), a row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for letter in a.chars() {
        let mut diagonal = row[0];
        row[0] += 1;
        for (column, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_between_words_counts_letters() {
        for (a, b, letters) in [
            ("", "", 0),
            ("data", "data", 0),
            ("", "abc", 3),
            ("mial", "mail", 2),
            ("base_ur", "base_url", 1),
            ("kitten", "sitting", 3),
            ("мова", "мови", 1),
        ] {
            assert_eq!(distance(a, b), letters, "{a} → {b}");
            assert_eq!(distance(b, a), letters, "{b} → {a}");
        }
    }

    #[test]
    fn only_a_close_word_is_suggested() {
        assert!(unknown("listne", &["data", "listen"]).ends_with("did you mean `listen`?"));
        assert!(!unknown("colour", &["data", "listen"]).contains("did you mean"));
    }
}
