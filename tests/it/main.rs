//! Tests that go through the library and the binary from outside. Read `way.rs` first.
#![cfg(test)]
#![expect(clippy::too_many_lines, reason = "a story is told in one go")]

mod support;

mod way;
mod welcome;
mod words;

mod architecture;
mod article;
mod audience;
mod cli;
mod crash;
mod delivery;
mod demo;
mod digest;
mod feed;
mod followed;
mod fuzz;
mod letter;
mod mail_programs;
mod moving;
mod privacy;
mod search;
mod security;
mod source;
mod splice;
mod store;
mod templates;
mod verified;
mod web;
mod webhook;
