//! `suppression`: addresses that must not be written to. Only their keyed hashes are kept, so they
//! can be asked for by address, never listed.

use std::process::ExitCode;

use clap::Subcommand;

use crate::audience::EmailAddress;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::store;
use crate::store::subscriber::Suppression as Reason;

/// Addresses that must not be written to.
#[derive(Debug, Subcommand)]
pub(super) enum Suppression {
    /// How many there are, by reason.
    List,
    /// Write to an address no more.
    Add {
        /// The address.
        email: EmailAddress,
    },
    /// Let an address be written to again.
    Remove {
        /// The address.
        email: EmailAddress,
    },
}

impl Suppression {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let app = common.open().await?;
        match self {
            Self::List => {
                let counts = store::subscriber::suppressions(&mut app.db.read().await?).await?;
                let shown: Vec<serde_json::Value> = counts
                    .iter()
                    .map(|(reason, addresses)| serde_json::json!({ "reason": reason, "addresses": addresses }))
                    .collect();
                common.out().give(&shown, |_| {
                    let lines = counts
                        .iter()
                        .map(|(reason, addresses)| format!("{reason}: {addresses}\n"));
                    let lines: String = lines.collect();
                    if lines.is_empty() {
                        "no address is suppressed".to_owned()
                    } else {
                        lines
                    }
                });
            }
            Self::Add { email } => {
                let mut tx = app.db.begin().await?;
                store::subscriber::suppress(&mut tx, &email, Reason::Admin, &app.secret, app.now())
                    .await?;
                tx.commit().await?;
                common
                    .out()
                    .give(&serde_json::json!({ "suppressed": true }), |_| {
                        format!("nothing is sent to {email} any more")
                    });
            }
            Self::Remove { email } => {
                let mut tx = app.db.begin().await?;
                let was = store::subscriber::unsuppress(&mut tx, &email, &app.secret).await?;
                tx.commit().await?;
                if !was {
                    return Err(Failure::new(
                        Exit::NoInput,
                        format!("{email} isn't suppressed"),
                    ));
                }
                common
                    .out()
                    .give(&serde_json::json!({ "suppressed": false }), |_| {
                        format!("{email} may be written to again")
                    });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
