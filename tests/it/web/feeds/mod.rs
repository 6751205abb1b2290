//! Feeds as their readers fetch them.

mod deltas;
mod documents;
mod history;
mod support;
mod validators;
mod views;
