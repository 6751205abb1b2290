//! `digest`: runs of lists.

use std::process::ExitCode;

use clap::Subcommand;
use clap::ValueEnum;

use crate::app::App;
use crate::article::Seq;
use crate::audience::EmailAddress;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::subscription::TopicChoice;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::list;
use crate::cli::out;
use crate::delivery::write;
use crate::digest::DigestId;
use crate::digest::compile;
use crate::locale::Language;
use crate::store;
use crate::templates::Rendered;

/// How many `list` shows.
const LATEST: i64 = 30;

/// Runs of lists.
#[derive(Debug, Subcommand)]
pub(super) enum Digest {
    /// The latest digests and how their letters stand.
    List,
    /// What a digest would say now.
    Preview {
        /// The list's slug.
        list: String,
        /// For this subscriber: their topics, their language, what is new for them.
        #[arg(long = "for", value_name = "EMAIL")]
        reader: Option<EmailAddress>,
        /// As a digest of this cadence [default: the list's first].
        #[arg(long, value_enum)]
        cadence: Option<Cadence>,
        /// Which part.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Cut a digest now, for every active subscription of a cadence, whatever its hour.
    Run {
        /// The list's slug.
        list: String,
        /// Whose.
        #[arg(long, value_enum)]
        cadence: Cadence,
    },
    /// Keep a digest whose letters aren't made yet until it's released.
    Hold {
        /// Its number.
        id: i64,
    },
    /// Let a held digest go out.
    Release {
        /// Its number.
        id: i64,
    },
    /// Stop a digest: no letter that isn't on its way goes out.
    Cancel {
        /// Its number.
        id: i64,
    },
}

/// Which part of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The page.
    Html,
    /// The plain text.
    Text,
    /// The letter as it would go over the wire.
    Eml,
    /// All parts.
    Json,
}

impl Digest {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List => show_all(common).await?,
            Self::Preview {
                list,
                reader,
                cadence,
                format,
            } => {
                let app = common.open().await?;
                let list = list::find(&app, &list).await?;
                let cadence = cadence
                    .or_else(|| list.cadences.first().copied())
                    .unwrap_or(Cadence::Daily);
                preview(common, &app, &list, (reader, cadence), format).await?;
            }
            Self::Run { list, cadence } => {
                let app = common.open().await?;
                let list = list::find(&app, &list).await?;
                let (id, letters) = compile::run_now(&app, &list, cadence).await?;
                let shown = serde_json::json!({ "digest": id, "letters": letters });
                common.out().give(&shown, |_| {
                    let letters = out::count(letters, "letter", "letters");
                    format!(
                        "digest {} has {letters}; `visnyk serve` or `visnyk send` delivers",
                        id.0
                    )
                });
            }
            Self::Hold { id } => hold(common, DigestId(id)).await?,
            Self::Release { id } => release(common, DigestId(id)).await?,
            Self::Cancel { id } => cancel(common, DigestId(id)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn show_all(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.read().await?;
    let mut rows = Vec::new();
    let mut all = Vec::new();
    for digest in store::digest::latest(&mut tx, None, LATEST).await? {
        let list = store::list::get(&mut tx, digest.list_id).await?;
        let counts = store::digest::counts(&mut tx, digest.id).await?;
        let words: Vec<String> = counts
            .iter()
            .map(|(state, letters)| format!("{letters} {}", state.as_str()))
            .collect();
        let letters: serde_json::Map<String, serde_json::Value> = counts
            .iter()
            .map(|(state, letters)| (state.as_str().to_owned(), (*letters).into()))
            .collect();
        all.push(serde_json::json!({
            "id": digest.id, "list": list.slug, "cadence": digest.cadence, "period": digest.period_key,
            "cut_at": digest.cut_at.to_string(), "state": digest.state, "letters": letters,
        }));
        rows.push(vec![
            digest.id.0.to_string(),
            list.slug.to_string(),
            digest.period_key,
            digest.state.as_str().to_owned(),
            words.join(", "),
        ]);
    }
    let none = "there are no digests yet; `visnyk digest run LIST --cadence daily` cuts one now";
    common.out().give(&all, |_| {
        out::table(&["id", "list", "period", "state", "letters"], &rows, none)
    });
    Ok(())
}

async fn preview(
    common: &Common,
    app: &App,
    list: &List,
    (reader, cadence): (Option<EmailAddress>, Cadence),
    format: Format,
) -> Result<(), Failure> {
    let (topics, after, language) = match &reader {
        Some(email) => choices(app, list, email).await?,
        None => (TopicChoice::default(), Seq(0), list.language),
    };
    let rendered = compile::preview(app, list, cadence, language, (&topics, after)).await?;
    let Some(rendered) = rendered else {
        common.out().give(&serde_json::Value::Null, |_| {
            "nothing is new: no letter would go out".to_owned()
        });
        return Ok(());
    };
    let sample = write::sample(app, rendered);
    let Rendered {
        subject,
        html,
        text,
    } = &sample;
    match format {
        Format::Eml => {
            let letter = write::sample_letter(app, list, language, &sample)?;
            out::line(&String::from_utf8_lossy(&letter));
        }
        Format::Html => out::line(html),
        Format::Text => out::line(&format!("{subject}\n\n{text}")),
        Format::Json => out::line(
            &serde_json::json!({ "subject": subject, "html": html, "text": text }).to_string(),
        ),
    }
    Ok(())
}

async fn choices(
    app: &App,
    list: &List,
    email: &EmailAddress,
) -> Result<(TopicChoice, Seq, Language), Failure> {
    let mut tx = app.db.read().await?;
    let nobody = || {
        Failure::new(
            Exit::NoInput,
            format!("`{email}` doesn't have the list `{}`", list.slug),
        )
    };
    let subscriber = store::subscriber::find_by_email(&mut tx, email)
        .await?
        .ok_or_else(nobody)?;
    let subscriptions = store::subscription::of_subscriber(&mut tx, subscriber.id).await?;
    let theirs = subscriptions
        .into_iter()
        .find(|subscription| subscription.list_id == list.id)
        .ok_or_else(nobody)?;
    Ok((theirs.topics, theirs.cursor, subscriber.language))
}

async fn hold(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    if !compile::hold(&app, id).await? {
        let words = format!(
            "the letters of digest {} are made, or there is none; `visnyk digest cancel` stops them",
            id.0
        );
        return Err(Failure::new(Exit::Data, words));
    }
    common.out().give(&serde_json::json!({ "held": id }), |_| {
        format!("digest {} is held", id.0)
    });
    Ok(())
}

async fn release(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    if !compile::release(&app, id).await? {
        return Err(Failure::new(
            Exit::Data,
            format!(
                "digest {} isn't held; `visnyk digest list` shows what is",
                id.0
            ),
        ));
    }
    let letters = compile::plan(&app, id).await?;
    let shown = serde_json::json!({ "digest": id, "letters": letters });
    common.out().give(&shown, |_| {
        format!(
            "digest {} goes out: {}",
            id.0,
            out::count(letters, "letter", "letters")
        )
    });
    Ok(())
}

async fn cancel(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    let stopped = compile::cancel(&app, id).await?;
    let stopped = stopped.ok_or_else(|| Failure::missing("digest", id.0, "digest list"))?;
    let shown = serde_json::json!({ "digest": id, "cancelled": stopped });
    common.out().give(&shown, |_| {
        format!(
            "digest {} is cancelled; stopped: {}",
            id.0,
            out::count(stopped, "letter", "letters")
        )
    });
    Ok(())
}
