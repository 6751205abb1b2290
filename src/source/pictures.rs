//! Fetching the pictures of articles, so that pages and letters show our own: no reader's browser
//! or mail program ever calls a source.
//!
//! Past the same guard as every document: a picture's address is a stranger's.

use std::collections::BTreeMap;
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
use crate::source::site::Site;
use crate::source::site::breathe;
use crate::source::site::leave;
use crate::store;
use crate::store::picture::Wanting;

/// Articles looked at in one round: few, so that what comes meanwhile doesn't wait for them.
const A_ROUND: i64 = 6;
/// Pictures of one article.
const MOST: usize = 30;
/// A picture whose site is being asked, or wants to be left alone, is looked at again after so long.
const SOON: TimeDelta = TimeDelta::minutes(1);
/// A picture that can't be had is asked for again after so long…
const PATIENCE: TimeDelta = TimeDelta::minutes(30);
/// …while the article is younger than this.
const WORTH_ASKING: TimeDelta = TimeDelta::hours(6);

/// Fetches what is due, the newest articles first. Gives how many pictures were added.
pub async fn hold_due(app: &App) -> anyhow::Result<usize> {
    let mut added = 0;
    while !app.stop.is_cancelled() {
        let due = store::picture::due(&mut app.db.read().await?, app.now(), A_ROUND).await?;
        if due.is_empty() {
            break;
        }
        added += hold_some(app, due).await?;
    }
    Ok(added)
}

/// The pictures of one site one after another, sites side by side.
async fn hold_some(app: &App, due: Vec<Wanting>) -> anyhow::Result<usize> {
    let mut lanes = BTreeMap::<String, Vec<Wanting>>::new();
    for article in due {
        lanes.entry(site_of(&article)).or_default().push(article);
    }
    let mut sites = JoinSet::new();
    for lane in lanes.into_values() {
        sites.spawn(hold_all(app.clone(), lane));
    }
    let mut added = 0;
    while let Some(of_site) = sites.join_next().await {
        added += of_site??;
    }
    Ok(added)
}

/// Where the first picture is that isn't held.
fn site_of(article: &Wanting) -> String {
    let addresses = picture::addresses(&article.media, &article.html);
    let mut missing = addresses
        .iter()
        .filter(|address| !article.pictures.contains_key(*address));
    let first = missing.next().and_then(|address| address.parse().ok());
    first.map_or_else(String::new, |url: SourceUrl| url.host())
}

async fn hold_all(app: App, articles: Vec<Wanting>) -> anyhow::Result<usize> {
    let mut added = 0;
    for article in articles {
        if app.stop.is_cancelled() {
            break;
        }
        added += hold(&app, article).await?;
    }
    Ok(added)
}

async fn hold(app: &App, article: Wanting) -> anyhow::Result<usize> {
    let mut pictures = Pictures::new();
    let (mut added, mut missing, mut busy) = (0, false, false);
    let addresses = picture::addresses(&article.media, &article.html);
    for address in addresses.into_iter().take(MOST) {
        if let Some(held) = article.pictures.get(&address) {
            pictures.insert(address, held.clone());
            continue;
        }
        match in_turn(app, &address).await {
            Ok(Some(held)) => {
                pictures.insert(address, held);
                added += 1;
            }
            Ok(None) => busy = true,
            Err(problem) => {
                missing = true;
                let problem = format!("{problem:#}");
                tracing::info!(article = article.id.0, problem, "picture.missed");
            }
        }
    }
    let now = app.now();
    let again = if busy {
        Some(now + SOON)
    } else {
        let worth = missing && now - article.published_at < WORTH_ASKING;
        worth.then(|| now + PATIENCE)
    };
    let mut tx = app.db.begin().await?;
    store::picture::set(&mut tx, article.id, &pictures, again).await?;
    tx.commit().await?;
    Ok(added)
}

/// `None` if somebody else is asking its site, or that wants to be left alone.
async fn in_turn(app: &App, address: &str) -> anyhow::Result<Option<Held>> {
    let url: SourceUrl = address.parse()?;
    let host = url.host();
    let Some(site) = Site::take(app, host.clone()).await? else {
        return Ok(None);
    };
    let held = fetch(app, &url, address).await;
    site.give_back(app).await?;
    breathe(&host).await;
    held.map(Some)
}

async fn fetch(app: &App, url: &SourceUrl, address: &str) -> anyhow::Result<Held> {
    let key = app.secret.mac("picture", address);
    let request = Request {
        url,
        validators: None,
        accept: Accept::Picture,
        now: app.now(),
    };
    let fetched = app.fetcher.get(&request).await;
    if let Err(problem) = &fetched {
        leave(app, url, problem).await?;
    }
    let Fetched::Document(document) = fetched? else {
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
