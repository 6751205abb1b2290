//! Stdout: words for people, or JSON.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::letter::LetterState;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    /// JSON instead of words.
    pub(super) json: bool,
}

impl Out {
    /// The answer: as JSON, or in the words that `words` makes of it.
    pub(super) fn give<T: Serialize>(self, answer: &T, words: impl FnOnce(&T) -> String) {
        if self.json {
            let json = serde_json::to_string_pretty(answer).unwrap_or_default();
            line(&json);
        } else {
            line(words(answer).trim_end());
        }
    }

    /// A line for people only: how it's going, what to do next.
    pub(super) fn say(self, words: impl Display) {
        if !self.json {
            line(&words.to_string());
        }
    }
}

/// Writes a line; a reader that has gone away is no fault of ours.
pub(super) fn line(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// A table in plain text: columns as wide as their widest cell, two blanks between.
pub(super) fn table(head: &[&str], rows: &[Vec<String>], if_empty: &str) -> String {
    if rows.is_empty() {
        return if_empty.to_owned();
    }
    let width = |text: &str| text.chars().count();
    let widest = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell));
        cells
            .chain(head.get(column).map(|name| width(name)))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let print = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, wide)| {
            let pad = wide.saturating_sub(width(cell));
            format!("{cell}{}", " ".repeat(pad))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let body = rows
        .iter()
        .map(|row| print(row.iter().map(String::as_str).collect()));
    std::iter::once(print(head.to_vec()))
        .chain(body)
        .collect::<Vec<_>>()
        .join("\n")
}

/// `1 source`, `2 sources`.
pub(super) fn count(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// People read "probably delivered", not "uncertain".
pub(super) fn letter_state(state: LetterState) -> &'static str {
    match state {
        LetterState::Uncertain => "probably delivered",
        LetterState::Handing => "being handed over",
        LetterState::Leased => "about to be handed over",
        LetterState::Deferred => "deferred by its server",
        LetterState::Refused => "refused by its server",
        LetterState::Accepted => "accepted by its server",
        LetterState::Paused => "stopped until its digest is released",
        other => other.as_str(),
    }
}
