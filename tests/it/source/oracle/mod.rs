//! Others' answers to the same questions. `.ci/run` brings the programs and what they are asked
//! about, all of it published packages, pinned; nothing of it is kept here.

mod dates;
mod feeds;
