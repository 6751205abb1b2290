//! Feeds as their readers fetch them.

mod deltas;
mod documents;
mod history;
mod readers;
mod short;
mod support;
mod validators;
mod views;
