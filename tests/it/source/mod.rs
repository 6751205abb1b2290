//! Reading the world, well-behaved and otherwise.

mod fetch;
mod poll;
