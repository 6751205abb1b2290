//! The command line: parse, call a flow, print. Nothing is decided here that the web would decide
//! otherwise.
//!
//! People's words go to stdout, or JSON with `--json`; an error is one clear line on stderr with
//! what to do next, and an exit code of sysexits(3).

mod arrange;
mod article;
mod bounce;
mod check;
mod demo;
mod digest;
mod dkim;
mod export;
mod failure;
mod import;
mod key;
mod letter;
mod list;
mod moving;
mod out;
mod read;
mod serve;
mod setting;
mod shell;
mod source;
mod subscriber;
mod suppression;
mod upkeep;
mod user;
mod why;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::Subcommand;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::app::App;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out::Out;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config;
use crate::config::LogFormat;
use crate::config::Settings;

/// Takes in news, publishes feeds, and sends each subscriber a digest of what is new for them.
#[derive(Debug, Parser)]
#[command(
    name = "visnyk",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// Settings file [default: visnyk.toml here, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, the secret and the outbox [default: ./visnyk-data].
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Print JSON instead of words.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run: web, sources, digests and delivery, by `roles`.
    Serve,
    /// Show the main job from end to end, with nothing to configure.
    Demo(demo::Demo),
    /// Do once whatever is due: poll sources, plan digests. For systemd timers and cron.
    Tick(serve::Tick),
    /// Only deliver letters.
    Send(serve::Send),
    /// Try a source: print what it would give, and store nothing.
    Read(read::Read),
    /// Where news comes from.
    #[command(subcommand)]
    Source(source::Source),
    /// What was taken in.
    #[command(subcommand)]
    Article(article::Article),
    /// Newsletters.
    #[command(subcommand)]
    List(list::List),
    /// People who get letters.
    #[command(subcommand)]
    Subscriber(subscriber::Subscriber),
    /// Runs of lists.
    #[command(subcommand)]
    Digest(digest::Digest),
    /// The ledger: who was sent what, and what came of it.
    #[command(subcommand)]
    Letter(letter::Letter),
    /// Take in mail that came back, from a pipe of the mail server.
    Bounce(bounce::Bounce),
    /// Addresses that must not be written to.
    #[command(subcommand)]
    Suppression(suppression::Suppression),
    /// What is set, and what owners choose of it.
    #[command(subcommand)]
    Setting(setting::Setting),
    /// People who look after lists.
    #[command(subcommand)]
    User(user::User),
    /// Keys for scripts.
    #[command(subcommand)]
    Key(key::Key),
    /// Print the API's description, as OpenAPI 3.1.
    Openapi,
    /// Keys that sign letters.
    #[command(subcommand)]
    Dkim(dkim::Dkim),
    /// The doctor: is everything in order?
    Check(check::Check),
    /// Print what a shell needs to complete this command.
    Completions(shell::Completions),
    /// Write manual pages.
    Man(shell::Man),
    /// Bring the database up to date.
    Migrate,
    /// Copy the database to a file while it's in use.
    Backup(upkeep::Backup),
    /// Move everything to PostgreSQL, and have this database refuse what comes after.
    Move(moving::Move),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => {
            // Help and version are answers; anything else is a mistake in the call.
            let code = if problem.use_stderr() {
                Exit::Usage.code()
            } else {
                ExitCode::SUCCESS
            };
            problem.print().ok();
            return code;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(problem) => {
            return Failure::new(
                Exit::Unavailable,
                format!("no threads to run on: {problem}"),
            )
            .report();
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    // Two TLS providers in one process would panic at the first connection; this is the one.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let common = &cli.common;
    match cli.command {
        Command::Serve => Box::pin(serve::serve(common)).await,
        Command::Demo(demo) => Box::pin(demo.run(common)).await,
        Command::Tick(tick) => tick.run(common).await,
        Command::Send(send) => send.run(common).await,
        Command::Read(read) => read.run(common).await,
        Command::Source(source) => source.run(common).await,
        Command::Article(article) => article.run(common).await,
        Command::List(list) => list.run(common).await,
        Command::Subscriber(subscriber) => subscriber.run(common).await,
        Command::Digest(digest) => digest.run(common).await,
        Command::Letter(letter) => letter.run(common).await,
        Command::Bounce(bounce) => bounce.run(common).await,
        Command::Suppression(suppression) => suppression.run(common).await,
        Command::Setting(setting) => setting.run(common).await,
        Command::User(user) => user.run(common).await,
        Command::Key(key) => key.run(common).await,
        Command::Openapi => upkeep::openapi(common),
        Command::Dkim(dkim) => dkim.run(common),
        Command::Check(check) => check.run(common).await,
        Command::Completions(completions) => Ok(completions.run()),
        Command::Man(man) => man.run(common),
        Command::Migrate => upkeep::migrate(common).await,
        Command::Backup(backup) => backup.run(common).await,
        Command::Move(all) => all.run(common).await,
    }
}

impl Common {
    /// What the settings file, the environment and the arguments say together.
    fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(
            self.config.as_deref(),
            self.data.as_deref(),
            config::environment(),
        )?)
    }

    /// A Visnyk by these settings, with the machine's clock. Warnings and errors go to stderr.
    async fn open(&self) -> Result<App, Failure> {
        let settings = self.settings()?;
        start_log(&settings, tracing::Level::WARN);
        open(settings, Arc::new(SystemClock)).await
    }

    /// The same with the clock at `--now`, if it's given.
    async fn open_at(&self, now: Option<&str>) -> Result<App, Failure> {
        let clock = serve::clock(now)?;
        let settings = self.settings()?;
        start_log(&settings, tracing::Level::WARN);
        open(settings, clock).await
    }

    fn out(&self) -> Out {
        Out { json: self.json }
    }
}

async fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    Ok(App::open(settings, clock).await?)
}

/// Sends log events to stderr: those of `settings.log.level`, but for commands that people type
/// nothing less than `at_least`. What libraries have to say is heard from warnings on.
fn start_log(settings: &Settings, at_least: tracing::Level) {
    let level = settings.log.level.min(at_least);
    let heard = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_default(level.min(tracing::Level::WARN));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.log.format {
        LogFormat::Json => subscriber.json().finish().with(heard).try_init(),
        LogFormat::Pretty => subscriber.finish().with(heard).try_init(),
    };
    // Started before in this process: the first stays.
    started.ok();
}
