//! What was done and where to look: in words, as JSON, and as files.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;

use crate::app::App;
use crate::cli::demo::walk::Walked;
use crate::cli::failure::Failure;
use crate::delivery::write;
use crate::digest::DigestId;
use crate::source::fetch::Accept;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::store;
use crate::templates::Rendered;

/// What was done and where to look.
#[derive(Debug, serde::Serialize)]
pub(super) struct Summary {
    sources: Counted,
    articles: Counted,
    feeds: Counted,
    subscribers: Counted,
    letters: Letters,
    data: PathBuf,
    home: String,
}

/// How many, and where each is.
#[derive(Debug, serde::Serialize)]
struct Counted {
    count: usize,
    paths: Vec<String>,
}

/// The digest letters, and the others that went out on the way.
#[derive(Debug, serde::Serialize)]
struct Letters {
    count: usize,
    folder: PathBuf,
    paths: Vec<String>,
    others: usize,
}

impl Summary {
    /// Sums up a walk, with feeds by their addresses.
    pub(super) async fn of(app: &App, walked: Walked, newsroom: String) -> Result<Self, Failure> {
        Ok(Self {
            sources: Counted {
                count: 1,
                paths: vec![newsroom],
            },
            articles: Counted {
                count: walked.articles,
                paths: vec![app.url("/")],
            },
            feeds: feeds(app).await?,
            subscribers: Counted {
                count: walked.readers,
                paths: vec![app.url("/admin/subscribers")],
            },
            letters: letters(app, &walked.digests).await?,
            data: app.settings.data.clone(),
            home: app.url("/"),
        })
    }

    /// Fetches every feed from our own web server, which must be up, and keeps it as a file.
    pub(super) async fn keep_feeds(&mut self, app: &App) -> Result<(), Failure> {
        let folder = self.data.join("feeds");
        fs::create_dir_all(&folder).map_err(anyhow::Error::from)?;
        for path in &mut self.feeds.paths {
            let own = path.trim_start_matches(&app.settings.base_url).to_owned();
            let file = folder.join(own.trim_start_matches('/').replace('/', "-"));
            fs::write(&file, fetch(app, &own).await?).map_err(anyhow::Error::from)?;
            *path = file.display().to_string();
        }
        Ok(())
    }

    /// For people.
    pub(super) fn in_words(&self) -> String {
        let Self {
            articles,
            feeds,
            subscribers,
            letters,
            data,
            home,
            ..
        } = self;
        format!(
            "From the sample newsroom {} articles became {} feeds, and {} digest letters to {} readers\n\
             (with {} more letters to confirm and to welcome). Text: Полтавська ОВА, CC BY 4.0.\n\n\
             home      {home}\n\
             feeds     {home}feeds\n\
             letters   {} (as sent)\n          {} (for the browser)",
            articles.count,
            feeds.count,
            letters.count,
            subscribers.count,
            letters.others,
            letters.folder.display(),
            data.join("letters").display(),
        )
    }
}

/// Every feed in every format.
async fn feeds(app: &App) -> Result<Counted, Failure> {
    let topics = store::topic::in_use(&mut app.db.read().await?).await?;
    let below = topics
        .iter()
        .map(|(_, topic, _)| format!("/{}/{}", topic.kind.path(), topic.slug));
    let paths: Vec<String> = std::iter::once(String::new())
        .chain(below)
        .flat_map(|path| {
            ["rss", "atom", "json"].map(|format| app.url(&format!("{path}/feed.{format}")))
        })
        .collect();
    Ok(Counted {
        count: paths.len(),
        paths,
    })
}

/// As a reader would.
async fn fetch(app: &App, path: &str) -> Result<Bytes, Failure> {
    let port = app.settings.listen.port();
    let url = format!("http://127.0.0.1:{port}{path}")
        .parse()
        .map_err(Failure::ours)?;
    let request = Request {
        url: &url,
        validators: None,
        accept: Accept::Source,
        now: app.now(),
    };
    match app.fetcher.get(&request).await {
        Ok(Fetched::Document(document)) => Ok(document.bytes),
        Ok(Fetched::NotModified { .. }) => Err(Failure::ours("expected a feed, but got 304")),
        Err(problem) => Err(Failure::ours(format!("{path}: {problem}"))),
    }
}

/// The digest letters as files, each edition also as a page that a browser shows.
async fn letters(app: &App, digests: &[DigestId]) -> Result<Letters, Failure> {
    let folder = app.settings.data.join("outbox");
    let pages = app.settings.data.join("letters");
    fs::create_dir_all(&pages).map_err(anyhow::Error::from)?;
    let mut tx = app.db.read().await?;
    let mut paths = Vec::new();
    for digest in digests {
        for edition in store::edition::of_digest(&mut tx, *digest).await? {
            let rendered = Rendered {
                subject: edition.subject,
                html: edition.html,
                text: edition.text,
            };
            let page = pages.join(format!("digest-{}-{}.html", digest.0, edition.id.0));
            fs::write(page, write::sample(app, rendered).html).map_err(anyhow::Error::from)?;
        }
        for letter in store::letter::page(&mut tx, None, Some(*digest), None, 100).await? {
            paths.push(
                folder
                    .join(format!("digest-{}.eml", letter.id))
                    .display()
                    .to_string(),
            );
        }
    }
    let all: i64 = store::ledger::counts(&mut tx)
        .await?
        .into_iter()
        .map(|(_, letters)| letters)
        .sum();
    let others = usize::try_from(all)
        .unwrap_or_default()
        .saturating_sub(paths.len());
    Ok(Letters {
        count: paths.len(),
        folder,
        paths,
        others,
    })
}
