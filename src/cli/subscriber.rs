//! `subscriber`: people who get letters.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Subcommand;

use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::forget;
use crate::audience::import::Terms;
use crate::audience::import::choice;
use crate::audience::import::columns::Program;
use crate::audience::list::Cadence;
use crate::audience::list::Hour;
use crate::audience::list::List;
use crate::audience::pace::Days;
use crate::audience::sign_up;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::TopicChoice;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::import;
use crate::cli::list;
use crate::digest::DigestId;
use crate::locale::Language;
use crate::store;

/// People who get letters.
#[derive(Debug, Subcommand)]
pub(super) enum Subscriber {
    /// Add somebody to a list: they get the letter with the link, unless their consent is on
    /// record.
    Add {
        /// Their address.
        email: EmailAddress,
        /// The list's slug.
        #[arg(long, value_name = "SLUG")]
        list: String,
        /// What to call them.
        #[arg(long, default_value = "")]
        name: String,
        /// How often [default: the list's first].
        #[arg(long, value_enum)]
        cadence: Option<Cadence>,
        /// On which days, for weekdays, e.g. mon,thu [default: the list's].
        #[arg(long)]
        days: Option<Days>,
        /// When, 0 to 23 [default: the list's].
        #[arg(long)]
        hour: Option<Hour>,
        /// Their zone [default: the list's].
        #[arg(long)]
        zone: Option<Tz>,
        /// uk or en [default: the list's].
        #[arg(long)]
        language: Option<Language>,
        /// Only these topics, by name or slug.
        #[arg(long, value_delimiter = ',')]
        topics: Vec<String>,
        /// Where their consent is on record; they join at once.
        #[arg(long, value_name = "TEXT")]
        consent: Option<String>,
    },
    /// Add everybody in a table: ours, or what listmonk, Mailchimp, Buttondown or Ghost export.
    ///
    /// Commas, semicolons or tabs, in UTF-8, UTF-16 or windows-1251. Whoever unsubscribed there, or
    /// never confirmed, is left out; whose letters came back there, or who is blocked there, isn't
    /// written to from now on.
    Import {
        /// The file; only a column of addresses must be there.
        file: PathBuf,
        /// The list's slug.
        #[arg(long, value_name = "SLUG")]
        list: String,
        /// The program that wrote it [default: guessed from its columns].
        #[arg(long, value_enum)]
        from: Option<Program>,
        /// What the file calls our columns, where the guess is wrong, e.g. `email=address,topics=TAGS`; a
        /// dash for none.
        #[arg(long, value_name = "OURS=THEIRS", value_delimiter = ',')]
        map: Vec<String>,
        /// Write the lines that weren't taken to this file, each with the reason.
        #[arg(long, value_name = "FILE")]
        rejected: Option<PathBuf>,
        /// Where their consent is on record.
        #[arg(long, value_name = "TEXT", default_value = "imported")]
        consent: String,
        /// Say what would happen, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Why somebody gets digests, or didn't get one.
    Why {
        /// Their address.
        email: EmailAddress,
        /// About this digest only.
        #[arg(long, value_name = "ID")]
        digest: Option<i64>,
    },
    /// Everybody who has a list, as CSV.
    Export {
        /// Only of this list.
        #[arg(long, value_name = "SLUG")]
        list: Option<String>,
    },
    /// Who somebody is, what they get, what they agreed to, what they were sent.
    Show {
        /// Their address.
        email: EmailAddress,
    },
    /// Forget somebody: the address leaves the database, and can't be signed up again.
    Forget {
        /// Their address.
        email: EmailAddress,
    },
}

impl Subscriber {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add {
                email,
                list,
                name,
                cadence,
                days,
                hour,
                zone,
                language,
                topics,
                consent,
            } => {
                let app = common.open().await?;
                let list = list::find(&app, &list).await?;
                let mut wish = default_wish(&list, email);
                wish.name = name;
                wish.cadence = cadence.unwrap_or(wish.cadence);
                wish.days = days;
                wish.hour = hour;
                wish.zone = zone.unwrap_or(wish.zone);
                wish.language = language.unwrap_or(wish.language);
                wish.topics = choice(&app, &topics).await?;
                add(common, &app, &list, wish, consent).await?;
            }
            Self::Import {
                file,
                list,
                from,
                map,
                rejected,
                consent,
                dry_run,
            } => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let terms = Terms {
                    origin: format!("import {name}"),
                    consent,
                    file: name.into_owned(),
                    program: from,
                    columns: import::renamed(&map)?,
                    dry_run,
                };
                let files = (file.as_path(), rejected.as_deref());
                return import::import_file(common, &list, files, &terms).await;
            }
            Self::Why { email, digest } => {
                super::why::why(common, &email, digest.map(DigestId)).await?;
            }
            Self::Export { list } => super::export::export(common, list.as_deref()).await?,
            Self::Show { email } => show(common, &email).await?,
            Self::Forget { email } => forget(common, &email).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn default_wish(list: &List, email: EmailAddress) -> Wish {
    Wish {
        email,
        name: String::new(),
        language: list.language,
        zone: list.zone,
        cadence: list.cadences.first().copied().unwrap_or(Cadence::Daily),
        days: None,
        hour: None,
        topics: TopicChoice::default(),
        origin: "command line".to_owned(),
        wording: String::new(),
    }
}

async fn add(
    common: &Common,
    app: &App,
    list: &List,
    mut wish: Wish,
    consent: Option<String>,
) -> Result<(), Failure> {
    let shown = |state: &str| serde_json::json!({ "list": list.slug, "state": state });
    let Some(consent) = consent else {
        sign_up::ask(app, list, &wish).await?;
        common.out().give(&shown("asked"), |_| {
            "the letter with the link to confirm is queued".to_owned()
        });
        return Ok(());
    };
    wish.wording = consent;
    match sign_up::enrol(app, list, &wish).await? {
        Some(_) => common.out().give(&shown("active"), |_| {
            format!("they get `{}` from now on", list.slug)
        }),
        None => common.out().give(&shown("known"), |_| {
            format!("they have `{}` already; nothing changed", list.slug)
        }),
    }
    Ok(())
}

async fn forget(common: &Common, email: &EmailAddress) -> Result<(), Failure> {
    let app = common.open().await?;
    let evidence = ("command line", "visnyk subscriber forget");
    let known = forget::forget_address(&app, email, evidence).await?;
    let shown = serde_json::json!({ "known": known, "suppressed": true });
    common.out().give(&shown, |_| {
        if known {
            "forgotten: the address is gone, and can't be signed up again".to_owned()
        } else {
            "nobody has this address; it can't be signed up from now on".to_owned()
        }
    });
    Ok(())
}

async fn show(common: &Common, email: &EmailAddress) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.read().await?;
    let subscriber = store::subscriber::find_by_email(&mut tx, email).await?;
    let subscriber = subscriber
        .ok_or_else(|| Failure::new(Exit::NoInput, format!("nobody has the address `{email}`")))?;
    let mut lines = vec![format!(
        "{} ({}, {})",
        subscriber.email,
        subscriber.language.as_str(),
        subscriber.zone
    )];
    let mut subscriptions = Vec::new();
    for subscription in store::subscription::of_subscriber(&mut tx, subscriber.id).await? {
        let list = store::list::get(&mut tx, subscription.list_id).await?;
        let (state, cadence) = (subscription.state, subscription.rhythm.cadence);
        lines.push(format!("list {}: {}, {cadence}", list.slug, state.as_str()));
        subscriptions
            .push(serde_json::json!({ "list": list.slug, "state": state, "cadence": cadence }));
    }
    let mut consents = Vec::new();
    for consent in store::consent::of_subscriber(&mut tx, subscriber.id).await? {
        lines.push(format!(
            "{}  {}  {}",
            consent.at,
            consent.act.as_str(),
            consent.origin
        ));
        consents.push(serde_json::json!({
            "at": consent.at.to_string(), "act": consent.act.as_str(), "origin": consent.origin, "wording": consent.wording,
        }));
    }
    let shown = serde_json::json!({
        "email": subscriber.email.as_str(),
        "name": subscriber.name,
        "language": subscriber.language.as_str(),
        "zone": subscriber.zone.name(),
        "subscriptions": subscriptions,
        "consents": consents,
    });
    common.out().give(&shown, |_| lines.join("\n"));
    Ok(())
}
