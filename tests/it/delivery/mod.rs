//! Handing letters over.

mod smtp;
pub(crate) mod smtp_sink;
