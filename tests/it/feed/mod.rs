//! Feeds as readers get them: the formats, and what no text may do to them.
mod formats;
mod hub;
mod nasty;
mod support;
