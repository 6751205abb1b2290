//! `article`: what was taken in.

use std::process::ExitCode;

use clap::Subcommand;

use crate::access::Role;
use crate::app::App;
use crate::article::ArticleId;
use crate::audience::EmailAddress;
use crate::audience::list::List;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::digest::review;
use crate::digest::review::Called;
use crate::store;
use crate::store::article::View;

/// How many `list` shows.
const LATEST: i64 = 50;

/// What was taken in.
#[derive(Debug, Subcommand)]
pub(super) enum Article {
    /// The latest articles.
    List,
    /// One article.
    Show {
        /// Its number.
        id: i64,
    },
    /// Call an article critical for a list: once a second person does the same, it goes out at
    /// once to every cadence.
    Critical {
        /// Its number.
        id: i64,
        /// The list's slug.
        #[arg(long, value_name = "SLUG")]
        list: String,
        /// Who says so: a user who is an owner or an editor.
        #[arg(long, value_name = "EMAIL")]
        by: EmailAddress,
        /// Take it back, as long as nobody else has said so.
        #[arg(long)]
        recall: bool,
    },
    /// Put a withdrawn article back.
    Publish {
        /// Its number.
        id: i64,
    },
    /// Take an article off every page, feed and digest to come.
    Withdraw {
        /// Its number.
        id: i64,
    },
}

impl Article {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List => list(common).await?,
            Self::Show { id } => show(common, ArticleId(id)).await?,
            Self::Critical {
                id,
                list,
                by,
                recall,
            } => {
                let app = common.open().await?;
                let list = super::list::find(&app, &list).await?;
                let article = ArticleId(id);
                if recall {
                    take_back(common, &app, article, &list).await?;
                } else {
                    call_critical(common, &app, article, (&list, &by)).await?;
                }
            }
            Self::Publish { id } => set_withdrawn(common, ArticleId(id), false).await?,
            Self::Withdraw { id } => set_withdrawn(common, ArticleId(id), true).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let articles =
        store::article::page(&mut app.db.read().await?, View::Everything, None, LATEST).await?;
    let shown: Vec<serde_json::Value> = articles
        .iter()
        .map(|article| shown(article, false))
        .collect();
    common.out().give(&shown, |_| {
        let rows: Vec<Vec<String>> = articles
            .iter()
            .map(|article| {
                vec![
                    article.id.to_string(),
                    article.date().format("%Y-%m-%d").to_string(),
                    article.title.clone(),
                ]
            })
            .collect();
        out::table(
            &["id", "date", "title"],
            &rows,
            "there are no articles yet: visnyk source add URL",
        )
    });
    Ok(())
}

async fn show(common: &Common, id: ArticleId) -> Result<(), Failure> {
    let app = common.open().await?;
    let found = store::article::find(&mut app.db.read().await?, id).await?;
    let (article, withdrawn) =
        found.ok_or_else(|| Failure::missing("article", id, "article list"))?;
    common.out().give(&shown(&article, withdrawn), |_| {
        let state = if withdrawn { "withdrawn" } else { "published" };
        let url = article
            .url
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        format!(
            "{}\n{} · revision {} · {state}\n{url}\n\n{}",
            article.title,
            article.date().to_rfc3339(),
            article.revision,
            article.text
        )
    });
    Ok(())
}

fn shown(article: &crate::article::Article, withdrawn: bool) -> serde_json::Value {
    serde_json::json!({
        "id": article.id,
        "seq": article.seq,
        "revision": article.revision,
        "withdrawn": withdrawn,
        "title": article.title,
        "summary": article.summary,
        "html": article.html,
        "text": article.text,
        "url": article.url,
        "published": article.published.map(|date| date.to_rfc3339()),
        "published_at": article.published_at.to_string(),
        "changed_at": article.changed_at.to_string(),
        "authors": article.authors,
        "topics": article.topics,
        "media": article.media,
        "language": article.language,
        "licence": article.licence,
    })
}

/// Only people who may decide, and two of them.
async fn call_critical(
    common: &Common,
    app: &App,
    id: ArticleId,
    (list, by): (&List, &EmailAddress),
) -> Result<(), Failure> {
    let mut tx = app.db.read().await?;
    let found = store::article::find(&mut tx, id).await?;
    let (_, withdrawn) = found.ok_or_else(|| Failure::missing("article", id, "article list"))?;
    let user = store::user::find(&mut tx, by).await?;
    drop(tx);
    if withdrawn {
        let words =
            format!("article {id} is withdrawn; `visnyk article publish {id}` puts it back");
        return Err(Failure::new(Exit::Data, words));
    }
    if user.is_none_or(|(user, _)| user.role == Role::Viewer) {
        let words = format!("`{by}` is no owner or editor; `visnyk user list` shows who is");
        return Err(Failure::new(Exit::NoInput, words));
    }
    let called = review::call_critical(app, list, id, &by.key()).await?;
    let (state, words) = match called {
        Called::Asked => (
            "asked",
            format!(
                "article {id} is critical for `{}` once another person says so: visnyk article critical {id} --list {} --by …",
                list.slug, list.slug
            ),
        ),
        Called::Sent(digest, letters) => (
            "sent",
            format!(
                "article {id} goes out at once as digest {}: {}",
                digest.0,
                out::count(letters, "letter", "letters")
            ),
        ),
        Called::SamePerson => {
            let words = format!("`{by}` has said so already; it takes another person");
            return Err(Failure::new(Exit::Data, words));
        }
        Called::Known => {
            let words = format!("article {id} went out as critical before");
            return Err(Failure::new(Exit::Data, words));
        }
    };
    let shown = serde_json::json!({ "article": id, "list": list.slug, "state": state });
    common.out().give(&shown, |_| words);
    Ok(())
}

async fn take_back(common: &Common, app: &App, id: ArticleId, list: &List) -> Result<(), Failure> {
    if !review::recall(app, id, list.id).await? {
        let words = format!("nobody waits for a second person about article {id}");
        return Err(Failure::new(Exit::Data, words));
    }
    let shown = serde_json::json!({ "article": id, "list": list.slug, "state": "recalled" });
    common.out().give(&shown, |_| {
        format!("article {id} is not called critical any more")
    });
    Ok(())
}

async fn set_withdrawn(common: &Common, id: ArticleId, withdrawn: bool) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.begin().await?;
    let found = store::article::find(&mut tx, id).await?;
    found.ok_or_else(|| Failure::missing("article", id, "article list"))?;
    store::article::set_withdrawn(&mut tx, id, withdrawn, app.now()).await?;
    tx.commit().await?;
    let word = if withdrawn { "withdrawn" } else { "published" };
    common
        .out()
        .give(&serde_json::json!({ "id": id, "state": word }), |_| {
            format!("article {id} is {word}")
        });
    Ok(())
}
