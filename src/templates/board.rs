//! A page of the console that is made of tables, facts and forms. Its template is
//! `pages/admin/board.html.j2`.
//!
//! The words are names of sentences below `desk.`, so that the catalogue alone says them; what
//! people wrote is `Text`.

use serde::Serialize;

use crate::templates::pages::pages;

pages! {
    Board => "admin/board",
}

/// Tables, facts and forms, one below the other.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Board {
    /// The heading: the name of a sentence.
    pub title: &'static str,
    /// What it's about, as its owner named it.
    pub about: Option<String>,
    /// What was done, or couldn't be: the name of a sentence.
    pub done: Option<&'static str>,
    /// What is wrong, in words.
    pub problem: Option<String>,
    /// Where else to go: a sentence's name and an address.
    pub links: Vec<(&'static str, String)>,
    /// What its own table, which has no title, says instead of rows.
    pub empty: Option<Empty>,
    /// In order.
    pub parts: Vec<Part>,
    /// What its form would give, shown as it's typed where scripts run; `None` on a page whose form
    /// shows nothing.
    pub caught: Option<Vec<Part>>,
    /// What comes below that, in order.
    pub below: Vec<Part>,
    /// The next page.
    pub next: Option<String>,
}

/// A sentence about a table without rows, and what to do about it.
#[derive(Debug, Clone, Serialize)]
pub struct Empty {
    /// The name of a sentence.
    pub words: &'static str,
    /// What comes next: the name of a sentence,
    pub next: &'static str,
    /// and where.
    pub url: String,
}

impl Empty {
    /// Nothing, and what comes next.
    pub fn then(words: &'static str, next: &'static str, url: String) -> Self {
        Self { words, next, url }
    }
}

/// One part of a board.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "part", rename_all = "lowercase")]
pub enum Part {
    /// A table.
    Table(Table),
    /// Names and values.
    Facts(Facts),
    /// A form.
    Form(Form),
    /// Bars, with their table.
    Chart(Chart),
    /// A picture for a phone's camera.
    Picture(Picture),
    /// Buttons, each a form of its own.
    Buttons(Buttons),
    /// What is wrong with a template.
    Faults(Faults),
    /// A letter as it would look.
    Letter(Letter),
}

/// A table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// The name of a sentence; empty if the page's heading says it.
    pub title: &'static str,
    /// Names of sentences.
    pub columns: Vec<&'static str>,
    /// In order.
    pub rows: Vec<Vec<Cell>>,
}

/// What a cell or a fact shows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cell {
    /// As it's shown.
    pub text: String,
    /// The name of a sentence that says it instead.
    pub word: Option<&'static str>,
    /// Where it leads.
    pub href: Option<String>,
    /// A button that posts here: its sentence is `word`.
    pub post: Option<String>,
    /// Whether the text is a program's: shown line by line.
    pub code: bool,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A sentence.
    pub fn word(word: &'static str) -> Self {
        Self {
            word: Some(word),
            ..Self::default()
        }
    }

    /// A text that leads somewhere.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            href: Some(href.into()),
            ..Self::text(text)
        }
    }

    /// A sentence that leads somewhere.
    pub fn way(word: &'static str, href: impl Into<String>) -> Self {
        Self {
            href: Some(href.into()),
            ..Self::word(word)
        }
    }

    /// Lines of a program.
    pub fn code(text: impl Into<String>) -> Self {
        Self {
            code: true,
            ..Self::text(text)
        }
    }

    /// A button.
    pub fn button(word: &'static str, post: impl Into<String>) -> Self {
        Self {
            post: Some(post.into()),
            ..Self::word(word)
        }
    }
}

/// Names and values.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facts {
    /// The name of a sentence; empty for none.
    pub title: &'static str,
    /// Names of sentences, and what they are.
    pub facts: Vec<(&'static str, Cell)>,
}

/// A form.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Form {
    /// The name of a sentence; empty for none.
    pub title: &'static str,
    /// Where it leads.
    pub action: String,
    /// Whether it only asks.
    pub get: bool,
    /// In order.
    pub fields: Vec<FormField>,
    /// What its buttons say, and the value of `step` that each sends.
    pub buttons: Vec<(&'static str, &'static str)>,
}

/// A field.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FormField {
    /// As it's sent.
    pub name: &'static str,
    /// The name of a sentence.
    pub label: &'static str,
    /// `text`, `email`, `url`, `number`, `password`, `long`, `code`, `choice`, `ticks`, `hidden`.
    pub kind: &'static str,
    /// As filled in.
    pub value: String,
    /// Whether it must be filled in.
    pub must: bool,
    /// Values to choose from, with the sentence that says each; empty to say it as it is.
    pub choices: Vec<(String, &'static str)>,
    /// Boxes of `ticks`, which are sent by its name.
    pub ticks: Vec<Tick>,
}

/// A box to tick.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tick {
    /// As it's sent.
    pub value: String,
    /// As it's shown.
    pub text: String,
    /// The name of a sentence that says it instead.
    pub word: Option<&'static str>,
    /// Whether it's ticked.
    pub on: bool,
}

/// A picture of dark squares (QR).
#[derive(Debug, Clone, Default, Serialize)]
pub struct Picture {
    /// What it is: the name of a sentence.
    pub title: &'static str,
    /// Squares on each side.
    pub size: i32,
    /// The dark ones, as an SVG path.
    pub path: String,
}

/// Buttons, each a form of its own.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Buttons {
    /// Where each posts, and what it says.
    pub buttons: Vec<(String, &'static str)>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Faults {
    /// In the order of being found.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// In which line, from 1, if it's about one.
    pub line: Option<usize>,
    /// That line.
    pub text: String,
    /// The name of a sentence below `template_fault.`.
    pub kind: &'static str,
    /// What the engine says, if it's the engine that says so.
    pub said: String,
}

/// A letter as it would look, in a frame that runs nothing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Letter {
    /// The name of a sentence.
    pub title: &'static str,
    /// The language that it's in.
    pub language: &'static str,
    /// Its subject,
    pub subject: String,
    /// what most people see,
    pub html: String,
    /// and the same in plain text.
    pub text: String,
}

/// Bars, with their table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Chart {
    /// The name of a sentence.
    pub title: &'static str,
    /// What the first column is: the name of a sentence.
    pub what: &'static str,
    /// In order.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How many.
    pub count: i64,
    /// From 0 to 100.
    pub height: i64,
}

impl Chart {
    /// Bars as high as their numbers, the highest 100.
    pub fn of(
        title: &'static str,
        what: &'static str,
        counts: impl IntoIterator<Item = (String, i64)>,
    ) -> Self {
        let counts: Vec<(String, i64)> = counts.into_iter().collect();
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let bars = counts.into_iter().map(|(label, count)| Bar {
            label,
            count,
            height: count.saturating_mul(100) / most.max(1),
        });
        Self {
            title,
            what,
            bars: bars.collect(),
        }
    }
}
