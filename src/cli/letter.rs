//! `letter`: the ledger.

use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Subcommand;

use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::letter::LetterState;
use crate::store;

/// How many `list` shows.
const LATEST: i64 = 100;
/// How long a letter that's tried again is worth sending.
const WORTH_SENDING: TimeDelta = TimeDelta::hours(48);

/// The ledger.
#[derive(Debug, Subcommand)]
pub(super) enum Letter {
    /// The latest letters.
    List {
        /// Only of this digest.
        #[arg(long)]
        digest: Option<i64>,
        /// Only in this state, e.g. refused.
        #[arg(long)]
        state: Option<LetterState>,
    },
    /// One letter, and every try at handing it over.
    Show {
        /// Its number.
        id: i64,
    },
    /// Queue again what failed or was refused, and nothing else.
    Retry {
        /// Of this digest.
        #[arg(long)]
        digest: i64,
    },
}

impl Letter {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List { digest, state } => list(common, digest.map(DigestId), state).await?,
            Self::Show { id } => show(common, LetterId(id)).await?,
            Self::Retry { digest } => retry(common, DigestId(digest)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(
    common: &Common,
    digest: Option<DigestId>,
    state: Option<LetterState>,
) -> Result<(), Failure> {
    let app = common.open().await?;
    let letters =
        store::letter::page(&mut app.db.read().await?, None, digest, state, LATEST).await?;
    common.out().give(&letters, |letters| {
        let rows: Vec<Vec<String>> = letters
            .iter()
            .map(|letter| {
                vec![
                    letter.id.to_string(),
                    letter.purpose.as_str().to_owned(),
                    out::letter_state(letter.state).to_owned(),
                    letter.email.clone(),
                    letter.made_at.to_string(),
                ]
            })
            .collect();
        out::table(
            &["id", "purpose", "state", "to", "made"],
            &rows,
            "there are no such letters",
        )
    });
    Ok(())
}

async fn show(common: &Common, id: LetterId) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.read().await?;
    let letter = store::letter::find(&mut tx, id).await?;
    let letter = letter.ok_or_else(|| Failure::missing("letter", id, "letter list"))?;
    let attempts = store::attempt::of_letter(&mut tx, id).await?;
    let bounces = store::bounce::of_letter(&mut tx, id).await?;
    let shown = serde_json::json!({ "letter": letter, "attempts": attempts, "bounces": bounces });
    common.out().give(&shown, |_| {
        let head = format!(
            "letter {id}: {} to {}\nstate: {}, tried {} times, repeated {} times",
            letter.purpose.as_str(),
            letter.email,
            out::letter_state(letter.state),
            letter.tries,
            letter.resends,
        );
        let tries = attempts.iter().map(|attempt| {
            let code = attempt
                .code
                .map(|code| format!("{code} "))
                .unwrap_or_default();
            format!(
                "{}  {}  at {} with {}: {code}{}",
                attempt.at, attempt.outcome, attempt.phase, attempt.host, attempt.text
            )
        });
        let back = bounces.iter().map(|bounce| {
            let status = bounce.status.as_deref().unwrap_or("no status");
            format!(
                "{}  came back ({}, {status}) by {}: {}",
                bounce.at, bounce.kind, bounce.origin, bounce.text
            )
        });
        std::iter::once(head)
            .chain(tries)
            .chain(back)
            .collect::<Vec<_>>()
            .join("\n")
    });
    Ok(())
}

async fn retry(common: &Common, digest: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let found = store::digest::find(&mut tx, digest).await?;
    found
        .ok_or_else(|| Failure::new(Exit::NoInput, format!("there is no digest `{}`", digest.0)))?;
    let queued = store::letter::retry(&mut tx, digest, now, now + WORTH_SENDING).await?;
    tx.commit().await?;
    common
        .out()
        .give(&serde_json::json!({ "queued": queued }), |_| {
            format!("queued again: {}", out::count(queued, "letter", "letters"))
        });
    Ok(())
}
