//! `move`: out of the one file, onto a server that several machines share.

use std::process::ExitCode;
use std::sync::Arc;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use serde_json::json;
use url::Url;

use crate::app::App;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::clock::SystemClock;
use crate::store::Db;
use crate::store::moving;

/// Move everything to PostgreSQL. Every row is copied in one unit of work, then counted on both
/// sides. Letters wait meanwhile, and are sent by whoever serves the new database; the old one
/// refuses to be written from then on, and a server on it ends.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Move {
    /// An empty database, e.g. `postgres://visnyk@db.example.org/visnyk`; a password may come from
    /// PGPASSWORD.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Have the old database go on. What came into the new one since stays there.
    #[arg(long)]
    back: bool,
}

impl Move {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self.to {
            Some(to) => move_to(&to, common).await,
            None => move_back(common).await,
        }
    }
}

async fn move_to(to: &str, common: &Common) -> Result<ExitCode, Failure> {
    let named = nameable(to)?;
    let app = open(common.settings()?, Arc::new(SystemClock)).await?;
    let new = Db::open(to).await?;
    new.bring_up_to_date().await?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg} {elapsed}") {
        bar.set_style(style);
    }
    let told = |table: &str, rows| bar.set_message(format!("{table}: {rows}"));
    let counts = moving::move_all(&app.db, &new, (&named, app.now()), told).await?;
    bar.finish_and_clear();
    let (tables, rows) = (counts.len(), counts.values().sum::<i64>());
    let shown = json!({ "to": named, "rows": rows, "tables": counts });
    common
        .out()
        .give(&shown, |_| moved_in_words(&app, &named, tables, rows));
    new.close().await;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

fn moved_in_words(app: &App, to: &str, tables: usize, rows: i64) -> String {
    let data = app.settings.data.display();
    format!(
        "moved {rows} rows of {tables} tables to {to}, the same number on both sides\n\n\
         next: set `database_url` to it, keep {data}/secret and {data}/pictures where they are, and start `visnyk serve`\n\
         back: `visnyk move --back` has the old database go on"
    )
}

async fn move_back(common: &Common) -> Result<ExitCode, Failure> {
    let settings = common.settings()?;
    let db = Db::open(settings.database_url.expose()).await?;
    db.bring_up_to_date().await?;
    let was = moving::move_back(&db).await?;
    db.close().await;
    if !was {
        return Err(Failure::new(
            Exit::Data,
            "this database was never moved, so there's nothing to take back",
        ));
    }
    common.out().give(&json!({ "back": true }), |_| {
        "this database goes on: stop whatever serves the other one before you start it".to_owned()
    });
    Ok(ExitCode::SUCCESS)
}

/// The address as it may be shown and kept: without its password.
fn nameable(url: &str) -> Result<String, Failure> {
    let wrong = || {
        Failure::new(
            Exit::Usage,
            format!(
                "expected `postgres://USER@HOST/DATABASE`, but got `{}`",
                url.split('@').next_back().unwrap_or_default()
            ),
        )
    };
    let mut named = Url::parse(url).map_err(|_| wrong())?;
    if !matches!(named.scheme(), "postgres" | "postgresql") {
        return Err(wrong());
    }
    named.set_password(None).map_err(|()| wrong())?;
    Ok(named.into())
}
