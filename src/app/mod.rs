//! What flows share: the clock, the database, the way out to the web and to mail. No behaviour
//! beyond opening them, and keeping their settings in force.

mod standing;

pub(crate) use self::standing::signed;
pub(crate) use self::standing::signer;

use std::fs;
use std::sync::Arc;
use std::sync::RwLock;

use anyhow::Context;

use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Secret;
use crate::access::oidc::Provider;
use crate::app::standing::Standing;
use crate::clock::Clock;
use crate::clock::Stamp;
use crate::config::Destination;
use crate::config::Settings;
use crate::delivery::mailer::Mailer;
use crate::feed::Links;
use crate::letter::dkim::Signer;
use crate::source::fetch::AddressPolicy;
use crate::source::fetch::Fetcher;
use crate::source::fetch::Recent;
use crate::store::Db;
use crate::store::installation;
use crate::store::installation::Installation;
use crate::templates::Templates;
use crate::templates::cards::Site;
use crate::templates::in_force::InForce;

/// How many sites are asked at the same time.
const SITES_AT_ONCE: usize = 8;

/// One running Visnyk. Clones share everything.
#[derive(Clone)]
pub struct App {
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// The database.
    pub db: Db,
    /// How pages and letters look and speak, unless owners wrote something else.
    pub templates: Arc<Templates>,
    /// What owners wrote over them.
    pub in_force: Arc<InForce>,
    /// The way out to sources.
    pub fetcher: Fetcher,
    /// Who else may say who somebody is.
    pub provider: Option<Arc<Provider>>,
    /// The ways out for letters, the first first.
    pub mailers: Arc<[Mailer]>,
    /// Keys that sign letters.
    pub signers: Arc<[Signer]>,
    /// What the operator set, and owners chose.
    pub settings: Arc<Settings>,
    /// Our own addresses, and the identifiers that outlive them.
    pub links: Arc<Links>,
    /// Since when the settings and the program that documents depend on are what they are.
    pub look_since: Stamp,
    /// The newsroom, as pages and letters name it.
    pub site: Arc<Site>,
    /// What owners chose, as the database has it.
    chosen: Arc<Vec<(String, String)>>,
    /// What is in force instead, since an owner chose something while we ran.
    changed: Arc<RwLock<Option<Standing>>>,
    /// What links are signed with.
    pub secret: Secret,
    /// Rings when there may be letters to send, so that nobody waits for the next look.
    pub letters_waiting: Arc<Notify>,
    /// How many sites are asked at the same time.
    pub polls: Arc<Semaphore>,
    /// Documents that editors looked at a moment ago.
    pub looks: Arc<Recent>,
    /// Everything that runs beside: shutdown waits for it.
    pub tasks: TaskTracker,
    /// Says that it's time to end.
    pub stop: CancellationToken,
}

impl App {
    /// Opens everything that `settings` name, and brings the database up to date. Makes the data
    /// folder and the secret if they aren't there.
    pub async fn open(mut settings: Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        fs::create_dir_all(&settings.data).with_context(|| {
            format!(
                "the data folder `{}` can't be made",
                settings.data.display()
            )
        })?;
        // Parsing templates and certificates takes as long as all the rest: beside it, not before.
        let own = settings.templates.clone();
        let templates = spawn_blocking(move || Templates::load(own.as_deref()));
        let (policy, base_url) = (policy(&settings), settings.base_url.clone());
        let fetcher = spawn_blocking(move || Fetcher::new(policy, &base_url));
        let db = Db::open(settings.database_url.expose()).await?;
        db.bring_up_to_date().await?;
        installation::refuse_moved(&mut db.read().await?).await?;
        let chosen = installation::chosen(&mut db.read().await?).await?;
        standing::apply(&mut settings, &chosen);
        let mut tx = db.begin().await?;
        let installation = standing::installed(&mut tx, &settings, clock.now()).await?;
        tx.commit().await?;
        Ok(Self {
            clock,
            db,
            templates: Arc::new(templates.await??),
            in_force: Arc::default(),
            fetcher: fetcher.await??,
            provider: provider(&settings)?,
            mailers: mailers(&settings)?.into(),
            signers: standing::signers(&settings, &chosen)?.into(),
            secret: secret(&settings)?,
            links: Arc::new(links(&settings, &installation)),
            look_since: installation.look_since,
            site: Arc::new(standing::site(&settings)),
            settings: Arc::new(settings),
            chosen: Arc::new(chosen),
            changed: Arc::default(),
            letters_waiting: Arc::default(),
            polls: Arc::new(Semaphore::new(SITES_AT_ONCE)),
            looks: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// The present moment.
    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Has the database's file cleaned of what was deleted, in the background: people who were
    /// forgotten wait for nothing.
    pub fn scrub_later(&self) {
        let db = self.db.clone();
        self.tasks.spawn(async move {
            if let Err(problem) = db.scrub().await {
                tracing::error!(problem = problem.to_string(), "database.not_scrubbed");
            }
        });
    }

    /// An absolute address on this site; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_url)
    }
}

/// Which addresses may be asked.
fn policy(settings: &Settings) -> AddressPolicy {
    let allowed = settings.ingest.allow.iter().copied();
    AddressPolicy::allowing(allowed.map(Into::into).collect())
}

fn links(settings: &Settings, installation: &Installation) -> Links {
    Links::new(
        &settings.base_url,
        &installation.authority,
        installation.year,
    )
}

fn secret(settings: &Settings) -> anyhow::Result<Secret> {
    if let Some(words) = &settings.secret {
        Ok(Secret::new(words.expose()))
    } else {
        let path = settings.data.join("secret");
        Secret::at(&path)
            .with_context(|| format!("the secret `{}` can't be read or made", path.display()))
    }
}

fn provider(settings: &Settings) -> anyhow::Result<Option<Arc<Provider>>> {
    let oidc = settings.access.oidc.clone();
    let provider = oidc.map(|oidc| Provider::new(oidc, &settings.base_url));
    Ok(provider.transpose()?.map(Arc::new))
}

fn mailers(settings: &Settings) -> anyhow::Result<Vec<Mailer>> {
    let relays = settings.mail.relays.iter().map(|relay| match &relay.to {
        Destination::Folder(folder) => Ok(Mailer::File(folder.clone())),
        Destination::Server(url) => Ok(Mailer::smtp(url.expose().as_str().parse()?)?),
    });
    relays.collect()
}
