//! Reading the world, well-behaved and otherwise.

mod discover;
mod fetch;
mod hostile;
mod oracle;
mod pictures;
mod poll;
mod websub;
