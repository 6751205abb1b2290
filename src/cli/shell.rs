//! `completions`, `man`: what shells and `man` know of the command, made from the command itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// Which.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Write manual pages.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Into this folder, which is made if it isn't there.
    folder: PathBuf,
}

impl Completions {
    pub(super) fn run(&self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "visnyk", &mut script);
        out::line(String::from_utf8_lossy(&script).trim_end());
        ExitCode::SUCCESS
    }
}

impl Man {
    pub(super) fn run(&self, common: &Common) -> Result<ExitCode, Failure> {
        let shown = self.folder.display();
        let problem = |problem| Failure::new(Exit::CantCreate, format!("`{shown}`: {problem}"));
        std::fs::create_dir_all(&self.folder).map_err(problem)?;
        clap_mangen::generate_to(Cli::command(), &self.folder).map_err(problem)?;
        let told = serde_json::json!({ "folder": shown.to_string() });
        common.out().give(&told, |_| {
            format!("manual pages are in {shown}: man {shown}/visnyk.1")
        });
        Ok(ExitCode::SUCCESS)
    }
}
