//! `migrate`, `backup`: looking after the database. `openapi`: what the API says of itself.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::store::Db;
use crate::web::api;

/// Copy the database while it's in use.
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// Where to; it must not be there yet.
    file: PathBuf,
}

/// Brings the schema up to date. Every other command does so too when it opens the database.
pub(super) async fn migrate(common: &Common) -> Result<ExitCode, Failure> {
    let settings = common.settings()?;
    std::fs::create_dir_all(&settings.data).map_err(|problem| {
        Failure::new(
            Exit::CantCreate,
            format!("{}: {problem}", settings.data.display()),
        )
    })?;
    let db = Db::open(settings.database_url.expose()).await?;
    let version = db.migrate().await?;
    let checked = db
        .prepare_all()
        .await
        .map_err(|problem| Failure::new(Exit::Internal, problem))?;
    db.close().await;
    let shown = serde_json::json!({ "version": version, "statements": checked });
    common
        .out()
        .give(&shown, |_| format!("the database is at version {version}"));
    Ok(ExitCode::SUCCESS)
}

/// Prints the API's description, for the address that the settings name. Opens no database.
pub(super) fn openapi(common: &Common) -> Result<ExitCode, Failure> {
    let settings = common.settings()?;
    let described = api::openapi(&settings.base_url);
    out::line(&serde_json::to_string_pretty(&described).map_err(Failure::ours)?);
    Ok(ExitCode::SUCCESS)
}

impl Backup {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        if self.file.exists() {
            return Err(Failure::new(
                Exit::CantCreate,
                format!(
                    "`{}` is there already; name another file",
                    self.file.display()
                ),
            ));
        }
        let app = common.open().await?;
        if matches!(app.db, Db::Postgres(_)) {
            return Err(Failure::new(
                Exit::Usage,
                "back a PostgreSQL database up with pg_dump; keep the secret beside it",
            ));
        }
        let file = self.file.to_string_lossy();
        app.db.copy_to(&file).await?;
        let subscribers = Db::check_copy(&file).await?;
        let shown = serde_json::json!({ "file": file, "subscribers": subscribers });
        common.out().give(&shown, |_| {
            let secret = app.settings.data.join("secret");
            format!(
                "copied to {file} and read back whole, with {}; keep {} beside it, or old links die",
                out::count(subscribers, "subscriber", "subscribers"),
                secret.display()
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}
