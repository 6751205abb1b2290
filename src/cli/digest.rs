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
use crate::cli::arrange;
use crate::cli::arrange::Arrange;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::list;
use crate::cli::out;
use crate::delivery::write;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::compile;
use crate::digest::render;
use crate::digest::review;
use crate::digest::window::Served;
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
    /// One digest: what it holds, and how its letters stand.
    Show {
        /// Its number.
        id: i64,
    },
    /// What a digest would say now.
    Preview {
        /// The list's slug; with --digest, none.
        #[arg(required_unless_present = "digest")]
        list: Option<String>,
        /// This digest as it waits for review, instead of a list's next.
        #[arg(long, value_name = "ID", conflicts_with_all = ["list", "cadence"])]
        digest: Option<i64>,
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
    /// Cut a digest now, for every active subscription of a cadence, whatever its hour; it waits where its
    /// list has digests reviewed.
    Run {
        /// The list's slug.
        list: String,
        /// Whose.
        #[arg(long, value_enum)]
        cadence: Cadence,
        /// As if it were this moment, e.g. 2026-11-23T08:00:00+02:00.
        #[arg(long, value_name = "RFC3339")]
        now: Option<String>,
    },
    /// Put a held digest in order: what comes first, what is left out, what is said first.
    Arrange(Arrange),
    /// Stop a digest until it's released; letters that aren't on their way wait.
    Hold {
        /// Its number.
        id: i64,
    },
    /// Approve a held digest: let it go out.
    Release {
        /// Its number.
        id: i64,
    },
    /// Leave a held digest out: its readers get no letter, and its articles don't come again.
    Skip {
        /// Its number.
        id: i64,
    },
    /// Stop a digest for good: what isn't on its way comes with its readers' next digest.
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
            Self::Show { id } => arrange::show(common, DigestId(id)).await?,
            Self::Preview {
                digest: Some(id),
                reader,
                format,
                ..
            } => preview_of(common, DigestId(id), reader, format).await?,
            Self::Preview {
                list,
                reader,
                cadence,
                format,
                ..
            } => {
                let app = common.open().await?;
                let list = list::find(&app, &list.unwrap_or_default()).await?;
                let cadence = cadence
                    .or_else(|| list.cadences.first().copied())
                    .unwrap_or(Cadence::Daily);
                preview(common, &app, &list, (reader, cadence), format).await?;
            }
            Self::Run { list, cadence, now } => run(common, &list, cadence, now.as_deref()).await?,
            Self::Arrange(how) => how.run(common).await?,
            Self::Hold { id } => hold(common, DigestId(id)).await?,
            Self::Release { id } => release(common, DigestId(id)).await?,
            Self::Skip { id } => skip(common, DigestId(id)).await?,
            Self::Cancel { id } => cancel(common, DigestId(id)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn run(
    common: &Common,
    list: &str,
    cadence: Cadence,
    now: Option<&str>,
) -> Result<(), Failure> {
    let app = common.open_at(now).await?;
    let list = list::find(&app, list).await?;
    let (id, letters) = compile::run_now(&app, &list, cadence).await?;
    let (digest, _) = arrange::find(&app, id).await?;
    let shown = serde_json::json!({ "digest": id, "letters": letters, "state": digest.state });
    common.out().give(&shown, |_| {
        if digest.state == DigestState::Held {
            return format!(
                "digest {} is held for review: `visnyk digest show {}`, then `visnyk digest release {}`",
                id.0, id.0, id.0
            );
        }
        let letters = out::count(letters, "letter", "letters");
        format!(
            "digest {} has {letters}; `visnyk serve` or `visnyk send` delivers",
            id.0
        )
    });
    Ok(())
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
    let choices = match &reader {
        Some(email) => choices(app, list, email).await?,
        None => render::Choices {
            topics: TopicChoice::default(),
            served: Served::up_to(Seq(0)),
            language: list.language,
        },
    };
    let rendered = render::preview(app, list, cadence, &choices).await?;
    print(common, app, (list, choices.language), rendered, format)
}

async fn preview_of(
    common: &Common,
    id: DigestId,
    reader: Option<EmailAddress>,
    format: Format,
) -> Result<(), Failure> {
    let app = common.open().await?;
    let (digest, list) = arrange::find(&app, id).await?;
    let (rendered, language) = if let Some(email) = &reader {
        let choices = choices(&app, &list, email).await?;
        let rendered = render::preview_for(&app, &digest, &list, &choices).await?;
        (rendered, choices.language)
    } else {
        let rendered = render::preview_of(&app, &digest, &list, list.language).await?;
        (rendered, list.language)
    };
    print(common, &app, (&list, language), rendered, format)
}

fn print(
    common: &Common,
    app: &App,
    (list, language): (&List, Language),
    rendered: Option<Rendered>,
    format: Format,
) -> Result<(), Failure> {
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
        Format::Html if !common.json => out::line(html),
        Format::Text if !common.json => out::line(&format!("{subject}\n\n{text}")),
        Format::Html | Format::Text | Format::Json => out::line(
            &serde_json::json!({ "subject": subject, "html": html, "text": text }).to_string(),
        ),
    }
    Ok(())
}

async fn choices(app: &App, list: &List, email: &EmailAddress) -> Result<render::Choices, Failure> {
    let found = render::choices_of(&mut app.db.read().await?, list, email).await?;
    found.ok_or_else(|| {
        let words = format!("`{email}` doesn't have the list `{}`", list.slug);
        Failure::new(Exit::NoInput, words)
    })
}

async fn hold(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    arrange::find(&app, id).await?;
    let Some(waiting) = review::hold(&app, id).await? else {
        let words = format!("digest {} is held or cancelled already", id.0);
        return Err(Failure::new(Exit::Data, words));
    };
    let shown = serde_json::json!({ "held": id, "waiting": waiting });
    common.out().give(&shown, |_| {
        let waiting = out::count(waiting, "letter waits", "letters wait");
        format!(
            "digest {} is held; {waiting} until `visnyk digest release {}`",
            id.0, id.0
        )
    });
    Ok(())
}

fn not_held(id: DigestId) -> Failure {
    Failure::new(
        Exit::Data,
        format!(
            "digest {} isn't held; `visnyk digest list` shows what is",
            id.0
        ),
    )
}

async fn release(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    let (digest, _) = arrange::find(&app, id).await?;
    if digest.not_after.is_some_and(|end| app.now() > end) {
        let words = format!(
            "the news of digest {} is too old to send; `visnyk digest cancel {}` gives its articles to the next one",
            id.0, id.0
        );
        return Err(Failure::new(Exit::Data, words));
    }
    if !review::release(&app, id).await? {
        return Err(not_held(id));
    }
    let letters = compile::plan(&app, id).await?;
    let shown = serde_json::json!({ "digest": id, "letters": letters });
    common.out().give(&shown, |_| {
        let letters = out::count(letters, "new letter", "new letters");
        format!("digest {} goes out: {letters}", id.0)
    });
    Ok(())
}

async fn skip(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    arrange::find(&app, id).await?;
    if !review::skip(&app, id).await? {
        return Err(arrange::not_open(id));
    }
    let shown = serde_json::json!({ "skipped": id });
    common.out().give(&shown, |_| {
        format!("digest {} is skipped: nobody gets it", id.0)
    });
    Ok(())
}

async fn cancel(common: &Common, id: DigestId) -> Result<(), Failure> {
    let app = common.open().await?;
    let stopped = review::cancel(&app, id).await?;
    let stopped = stopped.ok_or_else(|| Failure::missing("digest", id.0, "digest list"))?;
    let shown = serde_json::json!({ "digest": id, "cancelled": stopped });
    common.out().give(&shown, |_| {
        format!(
            "digest {} is cancelled; stopped: {}; their articles come with the next digest",
            id.0,
            out::count(stopped, "letter", "letters")
        )
    });
    Ok(())
}
