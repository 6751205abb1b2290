//! Tests that go through the library and the binary from outside. Read `way.rs` first.
#![cfg(test)]

mod support;

mod architecture;
mod delivery;
mod feed;
mod source;
mod store;
mod templates;
