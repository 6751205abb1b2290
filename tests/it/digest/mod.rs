//! Digests: who gets what, once.

mod history;
mod plan;
mod rhythm;
