//! `bounce`: mail that came back, one on stdin, as a mail server's pipe gives it. A mail that is no
//! report of ours is no error: the mail server must not bounce it in turn.

use std::io::Read;
use std::process::ExitCode;

use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::delivery::bounce;
use crate::delivery::bounce::Taken;

/// The most bytes of a mail that are read; the rest only quotes the letter.
const MOST: u64 = 4 * 1024 * 1024;

/// Take in mail that came back: a bounce, a complaint, or a letter that says "leave".
#[derive(Debug, clap::Args)]
pub(super) struct Bounce {
    /// Whom the mail was delivered for, e.g. Postfix's `${recipient}`.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
}

impl Bounce {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let mut mail = Vec::new();
        let mut stdin = std::io::stdin().lock();
        let read = stdin.by_ref().take(MOST).read_to_end(&mut mail);
        read.and_then(|_| std::io::copy(&mut stdin, &mut std::io::sink()))
            .map_err(|problem| Failure::new(Exit::NoInput, format!("stdin: {problem}")))?;
        if mail.trim_ascii().is_empty() {
            return Err(Failure::new(
                Exit::NoInput,
                "expected a mail on stdin, but got nothing: visnyk bounce < message",
            ));
        }
        let app = common.open().await?;
        let taken = bounce::take_mail(&app, &mail, self.to.as_deref()).await?;
        app.db.close().await;
        common
            .out()
            .give(&serde_json::json!({ "taken": taken }), |_| {
                in_words(taken).to_owned()
            });
        Ok(ExitCode::SUCCESS)
    }
}

fn in_words(taken: Taken) -> &'static str {
    match taken {
        Taken::Recorded => "noted in the ledger",
        Taken::Suppressed => "noted, and nothing is sent to that address any more",
        Taken::Known => "known already: nothing to do",
        Taken::Nobody => "nobody we know any more: nothing to do",
        Taken::Left => "the reader has left",
        Taken::Ignored => "no report of a letter of ours: nothing was done",
    }
}
