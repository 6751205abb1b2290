//! Digests: who gets what, once.

mod history;
mod plan;
mod review;
mod rhythm;
