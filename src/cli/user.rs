//! `user`: people who look after lists.

use std::process::ExitCode;

use clap::Subcommand;

use crate::access;
use crate::access::Role;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::store;
use crate::store::Tx;
use crate::store::audit::Change;
use crate::web::admin;

/// People who look after lists.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add somebody, and print the link they sign in with once.
    Add {
        /// Their address.
        email: EmailAddress,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Everybody.
    List,
    /// Let somebody sign in no more.
    Disable {
        /// Their address.
        email: EmailAddress,
    },
    /// Print a new link to sign in with once, for somebody who lost their password.
    Reset {
        /// Their address.
        email: EmailAddress,
        /// Ask them for no code any more: their phone is lost, and their recovery codes too.
        #[arg(long)]
        second_factor: bool,
    },
}

impl User {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let app = common.open().await?;
        match self {
            Self::Add { email, role } => add(common, &app, &email, role).await?,
            Self::List => list(common, &app).await?,
            Self::Disable { email } => disable(common, &app, &email).await?,
            Self::Reset {
                email,
                second_factor,
            } => reset(common, &app, &email, second_factor).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(common: &Common, app: &App, email: &EmailAddress, role: Role) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    let id = store::user::add(&mut tx, email, role, app.now()).await?;
    let id = id.ok_or_else(|| {
        let words =
            format!("{email} is a user already; `visnyk user reset {email}` makes a new link");
        Failure::new(Exit::Data, words)
    })?;
    let became = serde_json::json!({ "email": email.as_str(), "role": role });
    note(app, &mut tx, ("user.add", id), became.to_string()).await?;
    tx.commit().await?;
    give_link(common, &admin::sign_in_link(app, id).await?);
    Ok(())
}

async fn list(common: &Common, app: &App) -> Result<(), Failure> {
    let users = store::user::all(&mut app.db.read().await?).await?;
    let shown: Vec<serde_json::Value> = users
        .iter()
        .map(|(user, active)| {
            serde_json::json!({
                "email": user.email.as_str(),
                "role": user.role,
                "active": active,
                "second_factor": user.has_totp,
            })
        })
        .collect();
    let rows: Vec<Vec<String>> = users
        .iter()
        .map(|(user, active)| {
            let state = if *active { "active" } else { "disabled" };
            vec![
                user.email.to_string(),
                user.role.as_str().to_owned(),
                state.to_owned(),
            ]
        })
        .collect();
    let none = "there are no users yet: visnyk user add EMAIL --role owner";
    common.out().give(&shown, |_| {
        out::table(&["email", "role", "state"], &rows, none)
    });
    Ok(())
}

async fn disable(common: &Common, app: &App, email: &EmailAddress) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    let user = find(&mut tx, email).await?;
    store::user::disable(&mut tx, email).await?;
    note(app, &mut tx, ("user.disable", user.id), String::new()).await?;
    tx.commit().await?;
    let shown = serde_json::json!({ "disabled": true });
    common
        .out()
        .give(&shown, |_| format!("{email} can't sign in any more"));
    Ok(())
}

async fn reset(
    common: &Common,
    app: &App,
    email: &EmailAddress,
    second_factor: bool,
) -> Result<(), Failure> {
    let mut tx = app.db.begin().await?;
    let user = find(&mut tx, email).await?;
    if second_factor {
        store::user::clear_totp(&mut tx, user.id).await?;
    }
    let became = serde_json::json!({ "second_factor_off": second_factor });
    note(app, &mut tx, ("user.reset", user.id), became.to_string()).await?;
    tx.commit().await?;
    give_link(common, &admin::sign_in_link(app, user.id).await?);
    Ok(())
}

async fn find(tx: &mut Tx, email: &EmailAddress) -> Result<access::User, Failure> {
    let found = store::user::find(tx, email).await?;
    let (user, _) = found.ok_or_else(|| Failure::missing("user", email, "user list"))?;
    Ok(user)
}

async fn note(
    app: &App,
    tx: &mut Tx,
    (action, id): (&'static str, i64),
    became: String,
) -> store::Result<()> {
    let change = Change::at_command_line(action, format!("user {id}"), became);
    store::audit::record(tx, &change, app.now()).await
}

fn give_link(common: &Common, link: &str) {
    let shown = serde_json::json!({ "sign_in": link });
    common.out().give(&shown, |_| {
        format!("sign in with this link, once, within 24 hours:\n{link}")
    });
}
