//! `demo`: the main job from end to end, with nothing to configure and nothing beyond loopback.
//!
//! A sample newsroom is started in this process and added as a source; everything after that is the
//! ordinary path: sign-up by letter and button, poll, feeds, digests, delivery into a folder.

mod summary;
mod walk;

use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::access::Role;
use crate::app::App;
use crate::cli::Common;
use crate::cli::demo::summary::Summary;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::serve;
use crate::cli::start_log;
use crate::clock::SystemClock;
use crate::config;
use crate::config::Settings;
use crate::store;
use crate::web;
use crate::web::newsroom;

/// Show the main job from end to end.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Do it, print what was done, and end.
    #[arg(long)]
    once: bool,
    /// Where to serve [default: 127.0.0.1:8080, or any free port].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Settings of the sample newsroom, unless the environment says otherwise.
const SETTINGS: [(&str, &str); 10] = [
    ("VISNYK_SITE__NAME", "Вісник Полтавщини"),
    (
        "VISNYK_SITE__DESCRIPTION",
        "Новини Полтавської обласної військової адміністрації: приклад із відкритих даних",
    ),
    ("VISNYK_SITE__LICENCE", newsroom::LICENCE),
    (
        "VISNYK_SITE__ADDRESS",
        "36014, Полтава, вулиця Соборності, 45",
    ),
    ("VISNYK_SITE__HOTLINE", "112"),
    ("VISNYK_SITE__CONTACTS", "+380 (532) 56-02-90"),
    (
        "VISNYK_MAIL__FROM",
        "Вісник Полтавщини <news@visnyk.example>",
    ),
    ("VISNYK_INGEST__BACK_FILL", "off"),
    ("VISNYK_INGEST__ALLOW", "127.0.0.0/8"),
    ("VISNYK_LISTEN", "127.0.0.1:8080"),
];

impl Demo {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let data = fresh_folder(common.data.clone().or_else(data_in_environment))?;
        let mut settings = self.settings(common, &data)?;
        start_log(&settings, tracing::Level::WARN);
        let listener = self.listen(&mut settings).await?;
        let _lock = serve::lock(&settings)?;
        let app = open(settings, Arc::new(SystemClock)).await?;
        let newsroom = start_newsroom(&app).await?;
        // Connections are taken from here on, and answered once everything is there.
        let walked = walk::walk(&app, &newsroom).await?;
        let mut summary = Summary::of(&app, walked, newsroom).await?;
        if self.once {
            app.tasks.spawn(web_task(app.clone(), listener));
            summary.keep_feeds(&app).await?;
            app.stop.cancel();
            app.tasks.close();
            app.tasks.wait().await;
            app.db.close().await;
            common.out().give(&summary, Summary::in_words);
            return Ok(ExitCode::SUCCESS);
        }
        serve::stop_on_signals(&app);
        let sign_in = owner_link(&app).await?;
        common.out().give(&summary, Summary::in_words);
        common.out().say(format!(
            "admin     {sign_in}\n\nctrl-C ends it; `visnyk serve --data {}` goes on from here",
            data.display()
        ));
        Box::pin(serve::run(&app, listener)).await?;
        Ok(ExitCode::SUCCESS)
    }

    fn settings(&self, common: &Common, data: &Path) -> Result<Settings, Failure> {
        let given: Vec<(String, String)> = config::environment().collect();
        let has = |name: &str| given.iter().any(|(given, _)| given == name);
        let ours = SETTINGS.iter().filter(|(name, _)| !has(name));
        let mut all: Vec<(String, String)> = ours
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        all.extend(given.iter().cloned());
        let mut settings = Settings::load(common.config.as_deref(), Some(data), all)?;
        settings.ingest.allow.push((Ipv4Addr::LOCALHOST.into(), 32));
        if let Some(listen) = self.listen {
            settings.listen_at(listen);
        } else if self.once && !has("VISNYK_LISTEN") {
            settings.listen_at((Ipv4Addr::LOCALHOST, 0).into());
        }
        Ok(settings)
    }

    /// The usual address, or when that is taken and nobody asked for it, any other.
    async fn listen(&self, settings: &mut Settings) -> Result<TcpListener, Failure> {
        match serve::listen(settings).await {
            Err(_) if self.listen.is_none() => {
                settings.listen_at((Ipv4Addr::LOCALHOST, 0).into());
                serve::listen(settings).await
            }
            listened => listened,
        }
    }
}

fn data_in_environment() -> Option<PathBuf> {
    let mut environment = config::environment();
    environment.find_map(|(name, value)| {
        (name == "VISNYK_DATA" && !value.is_empty()).then(|| value.into())
    })
}

/// The folder named, which must not be there yet, or one of our own.
fn fresh_folder(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let own = || std::env::temp_dir().join(format!("visnyk-demo-{}", std::process::id()));
    let folder = named.unwrap_or_else(own);
    if folder.exists() {
        let words = format!(
            "`{}` is there already; name a folder that isn't, with --data",
            folder.display()
        );
        return Err(Failure::new(Exit::CantCreate, words));
    }
    fs::create_dir_all(&folder).map_err(|problem| {
        Failure::new(
            Exit::CantCreate,
            format!("`{}` can't be made: {problem}", folder.display()),
        )
    })?;
    Ok(folder)
}

async fn start_newsroom(app: &App) -> Result<String, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(anyhow::Error::from)?;
    let address = listener.local_addr().map_err(anyhow::Error::from)?;
    app.tasks.spawn(newsroom::serve(listener, app.stop.clone()));
    Ok(format!("http://{address}/news"))
}

async fn web_task(app: App, listener: TcpListener) {
    if let Err(problem) = web::serve(app, listener).await {
        tracing::error!(%problem, "web.failed");
    }
}

async fn owner_link(app: &App) -> Result<String, Failure> {
    let email = "owner@example.org".parse().map_err(Failure::ours)?;
    let mut tx = app.db.begin().await?;
    let id = store::user::add(&mut tx, &email, Role::Owner, app.now()).await?;
    tx.commit().await?;
    let id = id.ok_or_else(|| Failure::ours("the owner was added before"))?;
    Ok(web::admin::sign_in_link(app, id).await?)
}
