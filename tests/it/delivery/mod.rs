//! Handing letters over.

mod alarm;
pub(crate) mod bounce;
mod canary;
mod deep;
mod dovecot;
mod ledger;
mod records;
mod relays;
mod smtp;
pub(crate) mod smtp_sink;
mod worker;
