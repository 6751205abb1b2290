//! Feeds as their readers fetch them.

mod deltas;
mod documents;
mod history;
mod processes;
mod readers;
mod schema;
mod short;
mod support;
mod validators;
mod views;
