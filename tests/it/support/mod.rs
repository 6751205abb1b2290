//! What several tests need: databases of their own, stand-ins for the world outside, and a whole
//! Visnyk in a box.

pub(crate) mod app;
pub(crate) mod chromium;
pub(crate) mod command;
pub(crate) mod database;
pub(crate) mod flask_websub;
pub(crate) mod mail_server;
pub(crate) mod oidc_provider_mock;
pub(crate) mod origin;
pub(crate) mod peer;
pub(crate) mod provider;
