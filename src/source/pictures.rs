//! Fetching the pictures of articles, so that pages and letters show our own: no reader's browser
//! or mail program ever calls a source.
//!
//! Past the same guard as every document: a picture's address is a stranger's.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use chrono::TimeDelta;
use tokio::task::JoinSet;

use crate::app::App;
use crate::article::picture;
use crate::article::picture::Held;
use crate::article::picture::Pictures;
use crate::article::picture::WIDTHS;
use crate::source::SourceUrl;
use crate::source::fetch::Accept;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::store;
use crate::store::picture::Wanting;

/// Articles looked at in one round.
const A_ROUND: i64 = 20;
/// Articles looked at side by side.
const AT_ONCE: usize = 2;
/// Pictures of one article.
const MOST: usize = 30;
/// A picture that can't be had is asked for again after so long…
const PATIENCE: TimeDelta = TimeDelta::minutes(30);
/// …while the article is younger than this.
const WORTH_ASKING: TimeDelta = TimeDelta::hours(6);

/// Fetches what is due, the newest articles first. Gives how many pictures were added.
pub async fn hold_due(app: &App) -> anyhow::Result<usize> {
    let due = store::picture::due(&mut app.db.read().await?, app.now(), A_ROUND).await?;
    let mut articles = JoinSet::new();
    let mut added = 0;
    for article in due {
        if app.stop.is_cancelled() {
            break;
        }
        if articles.len() >= AT_ONCE {
            added += articles
                .join_next()
                .await
                .transpose()?
                .transpose()?
                .unwrap_or_default();
        }
        articles.spawn(hold(app.clone(), article));
    }
    while let Some(of_article) = articles.join_next().await {
        added += of_article??;
    }
    Ok(added)
}

async fn hold(app: App, article: Wanting) -> anyhow::Result<usize> {
    let mut pictures = Pictures::new();
    let (mut added, mut missing) = (0, 0);
    for address in picture::addresses(&article.media, &article.html)
        .into_iter()
        .take(MOST)
    {
        if let Some(held) = article.pictures.get(&address) {
            pictures.insert(address, held.clone());
            continue;
        }
        match fetch(&app, &address).await {
            Ok(held) => {
                pictures.insert(address, held);
                added += 1;
            }
            Err(problem) => {
                missing += 1;
                tracing::info!(
                    article = article.id.0,
                    problem = format!("{problem:#}"),
                    "picture.missed"
                );
            }
        }
    }
    let now = app.now();
    let again = missing > 0 && now - article.published_at < WORTH_ASKING;
    let mut tx = app.db.begin().await?;
    store::picture::set(
        &mut tx,
        article.id,
        &pictures,
        again.then(|| now + PATIENCE),
    )
    .await?;
    tx.commit().await?;
    Ok(added)
}

async fn fetch(app: &App, address: &str) -> anyhow::Result<Held> {
    let key = app.secret.mac("picture", address);
    let url: SourceUrl = address.parse()?;
    let request = Request {
        url: &url,
        validators: None,
        accept: Accept::Picture,
        now: app.now(),
    };
    let Fetched::Document(document) = app.fetcher.get(&request).await? else {
        anyhow::bail!("expected a picture, but got none");
    };
    let folder = app.settings.data.join("pictures");
    let task = move || -> anyhow::Result<Held> {
        let drawn = picture::draw(&document.bytes)?;
        let held = Held {
            key,
            width: drawn.width,
            height: drawn.height,
        };
        fs::create_dir_all(&folder)?;
        for (width, file) in WIDTHS.into_iter().zip(&drawn.files) {
            let path = folder.join(held.file(width));
            write(&path, file).with_context(|| format!("`{}`", path.display()))?;
        }
        Ok(held)
    };
    tokio::task::spawn_blocking(task).await?
}

/// Whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&draft, bytes)?;
    fs::rename(&draft, path)
}
