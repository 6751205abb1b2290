//! Reading the world, well-behaved and otherwise.

mod behaviours;
mod broken_feeds;
mod discover;
mod fetch;
mod hostile;
mod oracle;
mod pictures;
mod poll;
mod simulation;
mod websub;
