//! Handing letters over.

pub(crate) mod bounce;
mod ledger;
mod smtp;
pub(crate) mod smtp_sink;
mod worker;
