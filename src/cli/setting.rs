//! `setting`: what is in force, and what owners choose of it.

use std::process::ExitCode;

use clap::Subcommand;

use crate::choice;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::config::Choice;
use crate::config::Shown;
use crate::store::audit::Change;

/// Settings, and those of them that owners choose.
#[derive(Debug, Subcommand)]
pub(super) enum Setting {
    /// Every setting in force, without the secrets.
    List,
    /// Choose one, as in the console: what runs goes by it within seconds.
    Set {
        /// Its key in visnyk.toml.
        key: Choice,
        /// What it's to be.
        value: String,
    },
    /// Take a choice back.
    Unset {
        /// Its key in visnyk.toml.
        key: Choice,
    },
}

impl Setting {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List => list(common).await?,
            Self::Set { key, value } => set(common, key, value.trim()).await?,
            Self::Unset { key } => set(common, key, "").await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let settings = app.settings.in_force();
    let owners = |key: &str| key.parse().is_ok_and(|choice| app.settings.leaves(choice));
    let shown: Vec<serde_json::Value> = settings
        .iter()
        .map(|(key, value)| {
            let text = match value {
                Shown::Text(text) => Some(text),
                Shown::Secret | Shown::Unset => None,
            };
            serde_json::json!({
                "key": key, "value": text, "secret": *value == Shown::Secret, "owners_choose": owners(key),
            })
        })
        .collect();
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Shown::Text(text) => text.clone(),
                Shown::Secret => "(set, not shown)".to_owned(),
                Shown::Unset => "(not set)".to_owned(),
            };
            let by = if owners(key) {
                "visnyk setting set"
            } else {
                ""
            };
            vec![key.clone(), value, by.to_owned()]
        })
        .collect();
    common.out().give(&shown, |_| {
        out::table(&["setting", "value", "change it by"], &rows, "")
    });
    Ok(())
}

async fn set(common: &Common, choice: Choice, value: &str) -> Result<(), Failure> {
    let app = common.open().await?;
    let by = Change::at_command_line("settings.choose", "settings".to_owned(), String::new());
    let chosen = choice::choose(&app, by, &[(choice, value.to_owned())]).await?;
    if let Err(refused) = chosen {
        let words: Vec<String> = refused
            .into_iter()
            .map(|refused| format!("{}: {}", refused.choice.key(), refused.problem))
            .collect();
        return Err(Failure::new(Exit::Data, words.join("; ")));
    }
    let (key, said) = (choice.key(), choice.said(&app.current().settings));
    let shown = serde_json::json!({ "key": key, "value": said });
    common.out().give(&shown, |_| match said.as_str() {
        "" => format!("{key} isn't set any more"),
        said => format!("{key} is {said}"),
    });
    Ok(())
}
