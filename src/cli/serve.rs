//! `serve`, `tick`, `send`: the flows that run.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::access::reach::Reach;
use crate::app::App;
use crate::audience::import::upload;
use crate::audience::preferences;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::out;
use crate::cli::start_log;
use crate::clock::Clock;
use crate::clock::Stamp;
use crate::clock::SystemClock;
use crate::clock::TestClock;
use crate::config::Role;
use crate::config::Settings;
use crate::delivery::bounce;
use crate::delivery::canary;
use crate::delivery::smtp::Trust;
use crate::delivery::worker;
use crate::delivery::worker::Until;
use crate::digest::compile;
use crate::digest::retain;
use crate::digest::sent;
use crate::feed::hub;
use crate::schedule;
use crate::source::pictures;
use crate::source::poll;
use crate::source::websub;
use crate::store;
use crate::store::Db;
use crate::store::lock::Lock;
use crate::web;
use crate::webhook::post;

/// How long open connections and letters on their way may take to end.
const DRAIN: Duration = Duration::from_secs(30);

/// Do once whatever is due.
#[derive(Debug, clap::Args)]
pub(super) struct Tick {
    /// Take this for the present moment, e.g. 2026-11-23T08:00:00+02:00.
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

/// Only deliver letters.
#[derive(Debug, clap::Args)]
pub(super) struct Send {
    /// End when nothing is queued, on its way or deferred.
    #[arg(long)]
    until_empty: bool,
}

/// Runs until SIGTERM or ctrl-C.
pub(super) async fn serve(common: &Common) -> Result<ExitCode, Failure> {
    let mut settings = common.settings()?;
    start_log(&settings, tracing::Level::TRACE);
    let listener = listen(&mut settings).await?;
    let _lock = lock(&settings)?;
    let app = open(settings, Arc::new(SystemClock)).await?;
    stop_on_signals(&app);
    common.out().say(format!(
        "Visnyk is at {} (data in {})",
        app.settings.base_url,
        app.settings.data.display()
    ));
    if store::user::all(&mut app.db.read().await?)
        .await?
        .is_empty()
    {
        common
            .out()
            .say("Nobody can sign in yet: visnyk user add EMAIL --role owner");
    }
    Box::pin(run(&app, listener)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Takes the address that `listen` names; a port of 0 is any that's free, and links follow.
pub(super) async fn listen(settings: &mut Settings) -> Result<TcpListener, Failure> {
    let address = settings.listen;
    let taken = |problem| {
        Failure::new(
            Exit::Unavailable,
            format!(
                "can't listen at {address}: {problem}; free it, or set `listen` to another address"
            ),
        )
    };
    let listener = TcpListener::bind(address).await.map_err(taken)?;
    settings.listen_at(listener.local_addr().map_err(taken)?);
    Ok(listener)
}

/// One process at a time takes letters from a SQLite file. PostgreSQL leases them to many.
pub(super) fn lock(settings: &Settings) -> Result<Option<Lock>, Failure> {
    if !settings.database_url.expose().starts_with("sqlite:") {
        return Ok(None);
    }
    std::fs::create_dir_all(&settings.data).map_err(|problem| {
        Failure::new(
            Exit::CantCreate,
            format!("{}: {problem}", settings.data.display()),
        )
    })?;
    Ok(Some(Lock::take(&settings.data.join("visnyk.lock"))?))
}

/// Everything that `roles` name, until the app stops; what is open may end first.
pub(super) async fn run(app: &App, listener: TcpListener) -> Result<(), Failure> {
    let roles = &app.settings.roles;
    let web = async {
        if roles.contains(&Role::Web) {
            web::serve(app.clone(), listener).await?;
        }
        anyhow::Ok(())
    };
    let clock = schedule::run(app);
    let sending = async {
        if roles.contains(&Role::Send) {
            worker::run(app, Until::Stopped).await?;
        }
        anyhow::Ok(())
    };
    // One that fails ends the others in good order.
    let all = async { tokio::join!(ending(app, web), ending(app, clock), ending(app, sending)) };
    let drained = async {
        app.stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let (web, clock, sending) = tokio::select! {
        ended = all => ended,
        () = drained => return Err(Failure::new(Exit::TryAgain, "something didn't end in time; no letter is lost")),
    };
    app.tasks.close();
    app.tasks.wait().await;
    app.db.close().await;
    web.and(clock).and(sending)?;
    Ok(())
}

async fn ending(app: &App, part: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let ended = part.await;
    if ended.is_err() {
        app.stop.cancel();
    }
    ended
}

/// The first SIGTERM or ctrl-C drains; the second ends at once, with the promises of a kill -9.
/// Asked for before anybody is told that we are there.
pub(super) fn stop_on_signals(app: &App) {
    let stop = app.stop.clone();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else {
        return;
    };
    // Not among the app's tasks: shutdown must not wait for a signal that never comes.
    #[expect(clippy::disallowed_methods, reason = "it ends with the process")]
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                break;
            }
            stop.cancel();
        }
        #[expect(clippy::exit, reason = "a second signal means now")]
        std::process::exit(0);
    });
}

/// Sources, and the pictures of what they gave.
async fn poll_all(app: &App) -> anyhow::Result<usize> {
    let polls = poll::poll_due(app).await?;
    pictures::hold_due(app).await?;
    Ok(polls)
}

impl Tick {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let clock = clock(self.now.as_deref())?;
        let settings = common.settings()?;
        start_log(&settings, tracing::Level::WARN);
        let app = open(settings, clock).await?;
        preferences::resume_due(&app).await?;
        let ticked = Ticked {
            polls: poll_all(&app).await?,
            letters: compile::compile_due(&app).await?,
        };
        websub::ask_due(&app).await?;
        hub::verify_due(&app).await?;
        hub::push_due(&app).await?;
        hub::tell_outside(&app).await?;
        sent::note_due(&app).await?;
        upload::take_due(&app).await?;
        bounce::take_refusals(&app).await?;
        retain::clear(&app).await?;
        let trust = Trust::native().map_err(anyhow::Error::from)?;
        canary::look(&app, &trust).await?;
        post::post_due(&app).await?;
        // Last, for it may not answer, and then all else is done.
        bounce::take_mailbox(&app, &trust).await?;
        app.db.close().await;
        common.out().give(&ticked, |ticked| {
            let polls = out::count(ticked.polls, "source", "sources");
            format!(
                "{polls} polled, {} queued",
                out::count(ticked.letters, "letter", "letters")
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// The machine's clock, or one that stands at `--now`.
pub(super) fn clock(now: Option<&str>) -> Result<Arc<dyn Clock>, Failure> {
    let Some(now) = now else {
        return Ok(Arc::new(SystemClock));
    };
    let moment = chrono::DateTime::parse_from_rfc3339(now).map_err(|problem| {
        Failure::new(
            Exit::Usage,
            format!("expected --now like 2026-11-23T08:00:00+02:00, but got `{now}`: {problem}"),
        )
    })?;
    Ok(Arc::new(TestClock::at(Stamp::from(moment))))
}

/// What one look found to do.
#[derive(Debug, serde::Serialize)]
struct Ticked {
    /// Sources polled.
    polls: usize,
    /// Letters queued.
    letters: u64,
}

impl Send {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let settings = common.settings()?;
        start_log(&settings, tracing::Level::TRACE);
        let _lock = lock(&settings)?;
        let app = open(settings, Arc::new(SystemClock)).await?;
        stop_on_signals(&app);
        let until = if self.until_empty {
            Until::Empty
        } else {
            Until::Stopped
        };
        worker::run(&app, until).await?;
        let left = store::letter::count_unfinished(&mut app.db.read().await?, &Reach::All).await?;
        if let Db::Sqlite { .. } = app.db {
            app.db.close().await;
        }
        common.out().give(&Sent { left }, |sent| match sent.left {
            0 => "nothing is waiting".to_owned(),
            left => format!("still waiting: {}", out::count(left, "letter", "letters")),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// What `send` leaves.
#[derive(Debug, serde::Serialize)]
struct Sent {
    /// Letters queued, on their way or deferred.
    left: i64,
}
