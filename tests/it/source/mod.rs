//! Reading the world, well-behaved and otherwise.

mod fetch;
mod oracle;
mod pictures;
mod poll;
mod websub;
