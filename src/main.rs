//! The `visnyk` command.

fn main() {}
