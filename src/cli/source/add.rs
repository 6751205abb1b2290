//! `source add`: an address in, a source out. What the address is, it works out itself unless it's
//! told.

use serde_json::json;

use crate::app::App;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::config::Span;
use crate::source::Selectors;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::discover::Found;
use crate::source::discover::Taste;
use crate::source::discover::Wanted;
use crate::store;
use crate::store::source::NewSource;

/// Add a source.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// The address of a feed, of a page that announces one, of a list of articles, or of a sitemap.
    url: SourceUrl,
    /// How to read it; unless this or a selector is given, the address is asked what it is.
    #[arg(long, value_enum, default_value_t)]
    kind: SourceKind,
    /// What to call it [default: what it calls itself, or its host].
    #[arg(long)]
    name: Option<String>,
    /// How long to wait between polls.
    #[arg(long, default_value = "15m")]
    every: Span,
    #[command(flatten)]
    selectors: Selectors,
}

impl Add {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let app = common.open().await?;
        refuse_known(&app, &self.url).await?;
        let asked = self.url.clone();
        let wanted = Wanted {
            url: self.url,
            name: self.name,
            kind: self.kind,
            selectors: self.selectors,
            every: self.every.0,
        };
        let (new, found) = wanted.settled(&app).await?;
        if new.url != asked {
            refuse_known(&app, &new.url).await?;
        }
        let id = keep(&app, &new).await?;
        let shown = json!({
            "id": id, "url": new.url, "name": new.name, "kind": new.kind, "found": found,
        });
        common
            .out()
            .give(&shown, |_| in_words(id, &new, found.as_ref()));
        app.db.close().await;
        Ok(())
    }
}

async fn refuse_known(app: &App, url: &SourceUrl) -> Result<(), Failure> {
    let sources = store::source::all(&mut app.db.read().await?).await?;
    match sources.into_iter().find(|source| source.url == *url) {
        Some(source) => Err(known(url, Some(source.id))),
        None => Ok(()),
    }
}

async fn keep(app: &App, new: &NewSource) -> Result<SourceId, Failure> {
    let mut tx = app.db.begin().await?;
    let id = store::source::add(&mut tx, new, app.now()).await?;
    tx.commit().await?;
    id.ok_or_else(|| known(&new.url, None))
}

fn known(url: &SourceUrl, id: Option<SourceId>) -> Failure {
    let see = id.map_or_else(
        || "see `visnyk source list`".to_owned(),
        |id| format!("see `visnyk source show {}`", id.0),
    );
    Failure::new(Exit::Data, format!("`{url}` is a source already; {see}"))
}

fn in_words(id: SourceId, new: &NewSource, found: Option<&Found>) -> String {
    let mut lines = vec![format!("source {} added: {}", id.0, new.name)];
    if let Some(found) = found {
        let articles = i64::try_from(found.articles).unwrap_or(i64::MAX);
        if found.kind != SourceKind::Auto {
            lines.push(format!(
                "{} at {}, {} now",
                kind_in_words(found.kind),
                found.url,
                out::count(articles, "article", "articles")
            ));
        }
        lines.extend(found.newest.iter().map(in_a_line));
        if let Some(selectors) = &found.selectors {
            lines.push("to have it in hand, say where things stand:".to_owned());
            lines.push(format!(
                "  visnyk read {} --kind listing{}",
                found.url,
                options(selectors)
            ));
        }
        if let Some(problem) = &found.problem {
            lines.push(format!("note: {problem}"));
        }
        if !found.others.is_empty() {
            lines.push("other feeds that the page announces:".to_owned());
            let others = found.others.iter();
            lines.extend(others.map(|other| format!("  visnyk source add {other} --kind feed")));
        }
    }
    lines.push(format!(
        "if `visnyk serve` isn't running: visnyk source poll {}",
        id.0
    ));
    lines.join("\n")
}

fn in_a_line(taste: &Taste) -> String {
    let date = taste
        .published
        .map(|date| date.format("%Y-%m-%d  ").to_string());
    format!("  {}{}", date.unwrap_or_default(), taste.title)
}

/// The selectors as options for a shell.
fn options(selectors: &Selectors) -> String {
    let named = [
        ("item", &selectors.item),
        ("title", &selectors.title),
        ("date", &selectors.date),
    ];
    let given = named.into_iter().filter_map(|(name, css)| {
        let css = css.as_deref()?.replace('\'', "'\\''");
        Some(format!(" --{name} '{css}'"))
    });
    given.collect()
}

fn kind_in_words(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Auto => "something",
        SourceKind::Feed => "a feed",
        SourceKind::Listing => "a list of articles",
        SourceKind::Page => "one article",
        SourceKind::Sitemap => "a sitemap",
    }
}
