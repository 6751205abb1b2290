//! `user`: people who look after lists.

use std::process::ExitCode;

use clap::Subcommand;

use crate::access::Role;
use crate::audience::EmailAddress;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::store;
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
    },
}

impl User {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let app = common.open().await?;
        match self {
            Self::Add { email, role } => {
                let mut tx = app.db.begin().await?;
                let id = store::user::add(&mut tx, &email, role, app.now()).await?;
                tx.commit().await?;
                let id = id.ok_or_else(|| {
                    Failure::new(Exit::Data, format!("{email} is a user already; `visnyk user reset {email}` makes a new link"))
                })?;
                give_link(common, &admin::sign_in_link(&app, id).await?);
            }
            Self::List => {
                let users = store::user::all(&mut app.db.read().await?).await?;
                let shown: Vec<serde_json::Value> = users
                    .iter()
                    .map(|(user, active)| serde_json::json!({ "email": user.email.as_str(), "role": user.role, "active": active }))
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
            }
            Self::Disable { email } => {
                let mut tx = app.db.begin().await?;
                let found = store::user::disable(&mut tx, &email).await?;
                tx.commit().await?;
                if !found {
                    return Err(Failure::missing("user", email, "user list"));
                }
                common
                    .out()
                    .give(&serde_json::json!({ "disabled": true }), |_| {
                        format!("{email} can't sign in any more")
                    });
            }
            Self::Reset { email } => {
                let found = store::user::find(&mut app.db.read().await?, &email).await?;
                let (user, _) =
                    found.ok_or_else(|| Failure::missing("user", &email, "user list"))?;
                give_link(common, &admin::sign_in_link(&app, user.id).await?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn give_link(common: &Common, link: &str) {
    let shown = serde_json::json!({ "sign_in": link });
    common.out().give(&shown, |_| {
        format!("sign in with this link, once, within 24 hours:\n{link}")
    });
}
