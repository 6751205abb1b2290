//! Feeds as their readers fetch them.

mod documents;
mod history;
mod support;
mod validators;
