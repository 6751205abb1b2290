//! Handing letters over.

mod ledger;
mod smtp;
pub(crate) mod smtp_sink;
mod worker;
