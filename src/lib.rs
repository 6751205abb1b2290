//! Visnyk (Вісник, "the herald"): one binary that takes in news, publishes it as feeds,
//! and sends each subscriber a digest of what is new for them.
//!
//! The way of an article, and of a letter:
//!
//! ```text
//! source ──► article ──► feed                         feed readers poll it
//!               │
//!               └──► digest ──► edition ──► letter ──► delivery      people read it
//!                      ▲
//! subscriber ──► subscription (list × topics × cadence × hour) + consent
//! ```
//!
//! The modules below stand in that order, after what they all share. A function that takes
//! `&App` is a flow: it does I/O and moves state. One that doesn't is pure, or works inside
//! one unit of work (`&mut Tx`).

pub mod access;
pub mod app;
pub mod callback;
pub mod choice;
pub mod clock;
pub mod config;
pub mod locale;
pub mod schedule;
pub mod store;
pub mod templates;

pub mod source;

pub mod article;

pub mod feed;

pub mod audience;

pub mod digest;

pub mod letter;

pub mod delivery;

pub mod webhook;

pub mod doctor;

pub mod web;

pub mod cli;
