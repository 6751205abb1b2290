//! Pages of an import. Templates are `pages/admin/<name>.html.j2`.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Serialize;

use crate::templates::pages::pages;

pages! {
    Import => "admin/import",
    Uploaded => "admin/upload",
}

/// `/admin/subscribers/import`: a table to upload.
#[derive(Debug, Clone, Serialize)]
pub struct Import {
    /// Where the form posts to.
    pub action: String,
    /// Lists to choose from: slug and name.
    pub lists: Vec<(String, String)>,
    /// The slug of the one that is chosen.
    pub list: String,
    /// Rows as they were pasted.
    pub text: String,
    /// Rows of one table.
    pub most_rows: u64,
    /// Megabytes of one table.
    pub most_megabytes: u64,
    /// What was wrong with the last try: the words `import_problem.…`.
    pub problem: Option<&'static str>,
    /// Whether one was thrown away just now.
    pub removed: bool,
    /// What was uploaded before, the newest first.
    pub earlier: Vec<EarlierImport>,
}

/// A table that was uploaded before.
#[derive(Debug, Clone, Serialize)]
pub struct EarlierImport {
    /// Its own page.
    pub url: String,
    /// What the file was called.
    pub file: String,
    /// The list's name.
    pub list: String,
    /// `looked`, `going` or `done`: the words `import_state.…`.
    pub state: String,
    /// When it was uploaded.
    pub at: DateTime<FixedOffset>,
}

/// `/admin/subscribers/import/{id}`: what is in a table, what would happen, how it goes, what it
/// came to.
#[derive(Debug, Clone, Serialize)]
pub struct Uploaded {
    /// Where the forms post to.
    pub action: String,
    /// What the file is called.
    pub file: String,
    /// The list's name.
    pub list: String,
    /// The program that wrote it, if it's a known one.
    pub program: Option<&'static str>,
    /// `looked`, `going` or `done`.
    pub state: String,
    /// What is wrong with the last try: the words `import_problem.…`.
    pub problem: Option<&'static str>,
    /// What each column is.
    pub columns: Vec<ImportColumn>,
    /// What a column may be: the words `import_field.…`.
    pub fields: Vec<&'static str>,
    /// As filled in.
    pub consent: String,
    /// What would happen, or has happened so far.
    pub counts: ImportCounts,
    /// Rows that aren't taken, by reason: the words `import_reason.…`.
    pub reasons: Vec<(&'static str, u64)>,
    /// The first of them.
    pub left: Vec<LeftRow>,
    /// How many rows there are.
    pub size: u64,
    /// How many were looked after.
    pub taken: u64,
    /// Where the rows are that weren't taken.
    pub rejected: Option<String>,
    /// Whether the page comes anew by itself.
    pub comes_anew: bool,
}

/// A column of a table.
#[derive(Debug, Clone, Serialize)]
pub struct ImportColumn {
    /// What the first line calls it.
    pub name: String,
    /// What it is; nothing if it isn't imported.
    pub field: Option<&'static str>,
    /// What it holds.
    pub examples: Vec<String>,
}

/// What comes of the rows of a table.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ImportCounts {
    /// Join.
    pub added: u64,
    /// Had the list, left it, or must not be written to.
    pub known: u64,
    /// Aren't written to from now on.
    pub suppressed: u64,
    /// Left out.
    pub left_out: u64,
    /// No use.
    pub bad: u64,
}

/// A row that isn't taken.
#[derive(Debug, Clone, Serialize)]
pub struct LeftRow {
    /// Its line.
    pub line: u64,
    /// Why: the words `import_why.…`.
    pub reason: &'static str,
    /// What came.
    pub got: String,
}
