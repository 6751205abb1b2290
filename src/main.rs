//! The `visnyk` command: a contents page. What each command does is in `cli/`, one file a group.

use std::process::ExitCode;

fn main() -> ExitCode {
    visnyk::cli::main()
}
