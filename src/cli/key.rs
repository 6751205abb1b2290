//! `key`: keys for scripts.

use std::process::ExitCode;

use clap::Subcommand;

use crate::access::key::KeyText;
use crate::access::key::Scope;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::store;
use crate::store::audit::Change;

/// Keys for scripts.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key, and print it once.
    Add {
        /// What to call it; the audit log names it so.
        name: String,
        /// What it may do: articles:read, articles:write and so on; `GET /api` lists all.
        #[arg(long, value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
    },
    /// Every key there is or was.
    List,
    /// Let a key open nothing any more.
    Revoke {
        /// Its name.
        name: String,
    },
}

impl Key {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add { name, scope } => add(common, name.trim(), scope).await?,
            Self::List => list(common).await?,
            Self::Revoke { name } => revoke(common, &name).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(common: &Common, name: &str, mut scopes: Vec<Scope>) -> Result<(), Failure> {
    let length = name.chars().count();
    if !(1..=60).contains(&length) || name.chars().any(char::is_control) {
        let words = format!("expected a name of 1 to 60 characters, but got {length}");
        return Err(Failure::new(Exit::Usage, words));
    }
    scopes.sort_unstable();
    scopes.dedup();
    let app = common.open().await?;
    let key = KeyText::random();
    let mut tx = app.db.begin().await?;
    let id = store::key::add(&mut tx, name, &key.hash(), &scopes, app.now()).await?;
    let Some(id) = id else {
        let words = format!("there is, or was, a key `{name}`; choose another name");
        return Err(Failure::new(Exit::Data, words));
    };
    let became = serde_json::json!({ "name": name, "scopes": scopes }).to_string();
    let change = Change::at_command_line("key.add", format!("key {id}"), became);
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    let shown = serde_json::json!({ "name": name, "key": key.as_str(), "scopes": scopes });
    common.out().give(&shown, |_| {
        format!(
            "{}\nit's shown this once; send it as `Authorization: Bearer …` to {}",
            key.as_str(),
            app.url("/api/v1/")
        )
    });
    Ok(())
}

async fn list(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let keys = store::key::all(&mut app.db.read().await?).await?;
    let shown: Vec<serde_json::Value> = keys
        .iter()
        .map(|listed| {
            serde_json::json!({
                "name": listed.key.name,
                "scopes": listed.key.scopes,
                "active": listed.active,
                "created_at": listed.created_at.to_string(),
                "used_at": listed.used_at.map(|at| at.to_string()),
            })
        })
        .collect();
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|listed| {
            let scopes: Vec<&str> = listed
                .key
                .scopes
                .iter()
                .map(|scope| scope.as_str())
                .collect();
            let state = if listed.active { "active" } else { "revoked" };
            let used = listed.used_at.map(|at| at.to_string());
            vec![
                listed.key.name.clone(),
                state.to_owned(),
                used.unwrap_or_else(|| "never".to_owned()),
                scopes.join(", "),
            ]
        })
        .collect();
    let none = "there are no keys yet: visnyk key add NAME --scope articles:write";
    common.out().give(&shown, |_| {
        out::table(&["name", "state", "last used", "scopes"], &rows, none)
    });
    Ok(())
}

async fn revoke(common: &Common, name: &str) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.begin().await?;
    let all = store::key::all(&mut tx).await?;
    let good = |listed: &store::key::Listed| listed.active && listed.key.name == name;
    let listed = all.into_iter().find(good);
    let listed = listed.ok_or_else(|| Failure::missing("good key", name, "key list"))?;
    store::key::revoke(&mut tx, name).await?;
    let subject = format!("key {}", listed.key.id);
    let change = Change::at_command_line("key.revoke", subject, String::new());
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    common
        .out()
        .give(&serde_json::json!({ "revoked": name }), |_| {
            format!("the key `{name}` opens nothing any more")
        });
    Ok(())
}
