//! Handing letters over.

pub(crate) mod bounce;
mod dovecot;
mod ledger;
mod smtp;
pub(crate) mod smtp_sink;
mod worker;
