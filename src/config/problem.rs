//! What is wrong with the settings: where it stands, which key it is, what was expected.
//!
//! Problems are collected, never thrown one by one, and never show a password or a secret.

use std::fmt;
use std::path::{Path, PathBuf};

/// Every problem of one reading; `main` prints it and exits with 78 (`EX_CONFIG`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of their origins; never empty.
    pub problems: Vec<Problem>,
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the value comes from.
    pub origin: Origin,
    /// The key with its sections, such as `mail.relay[0].url`; empty if it isn't about one key.
    pub key: String,
    /// What was expected, and what came.
    pub message: String,
}

/// Where a value comes from. Problems are told in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A settings file as a whole.
    File(PathBuf),
    /// A place in a settings file; line and column count from one, columns in characters.
    Place(PathBuf, usize, usize),
    /// The environment variable of this name.
    Environment(String),
    /// An argument of the command.
    CommandLine,
}

impl ConfigError {
    /// The settings file at `path` can't be read at all.
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let problem = Problem {
            origin: Origin::File(path.to_owned()),
            key: String::new(),
            message: format!("expected a readable settings file in UTF-8, but got: {error}"),
        };
        Self {
            problems: vec![problem],
        }
    }
}

impl Origin {
    /// The place of byte `offset` of `text`, which was read from `path`.
    pub(super) fn place(path: &Path, text: &str, offset: usize) -> Self {
        let before = text.char_indices().take_while(|(at, _)| *at < offset);
        let (line, column) = before.fold((1, 1), |(line, column), (_, letter)| match letter {
            '\n' => (line + 1, 1),
            _ => (line, column + 1),
        });
        Self::Place(path.to_owned(), line, column)
    }
}

/// One line a problem.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Place(path, line, column) => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
