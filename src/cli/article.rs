//! `article`: what was taken in.

use std::process::ExitCode;

use clap::Subcommand;

use crate::access::Role;
use crate::app::App;
use crate::article::ArticleId;
use crate::article::intake;
use crate::article::intake::change;
use crate::article::intake::change::Change;
use crate::article::merge;
use crate::article::merge::MergeError;
use crate::audience::EmailAddress;
use crate::audience::list::List;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::clock::Stamp;
use crate::digest::review;
use crate::digest::review::Called;
use crate::source::SourceId;
use crate::store;
use crate::store::article::View;

/// How many `list` shows.
const LATEST: i64 = 50;

/// What was taken in.
#[derive(Debug, Subcommand)]
pub(super) enum Article {
    /// The latest articles.
    List {
        /// Of this source alone.
        #[arg(long, value_name = "ID")]
        source: Option<i64>,
        /// Those that came at once in too great a number and wait for a person.
        #[arg(long, requires = "source")]
        held: bool,
    },
    /// One article, and what its edits changed.
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
    /// Put a withdrawn article back, or publish what is held of a source.
    Publish {
        /// Its number.
        #[arg(required_unless_present = "held")]
        id: Option<i64>,
        /// The source whose articles wait.
        #[arg(long, value_name = "ID", requires = "held")]
        source: Option<i64>,
        /// All that wait.
        #[arg(long, requires = "source", conflicts_with = "id")]
        held: bool,
        /// On pages and in feeds only, in no letter.
        #[arg(long, requires = "held")]
        unmailed: bool,
    },
    /// Drop what is held of a source; the next poll doesn't bring it again.
    Drop {
        /// The source whose articles wait.
        #[arg(long, value_name = "ID")]
        source: i64,
        /// All that wait.
        #[arg(long, required = true)]
        held: bool,
    },
    /// Take an article off every page, feed and digest to come.
    Withdraw {
        /// Its number.
        id: i64,
    },
    /// Withdraw an article that is the same story as another; its page leads there.
    Merge {
        /// Its number.
        id: i64,
        /// The number of the article that stays.
        #[arg(long, value_name = "ID")]
        into: i64,
    },
}

impl Article {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List {
                source: Some(source),
                held: true,
            } => list_held(common, SourceId(source)).await?,
            Self::List { source, .. } => list(common, source.map(SourceId)).await?,
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
            Self::Publish { id: Some(id), .. } => {
                set_withdrawn(common, ArticleId(id), false).await?;
            }
            Self::Publish {
                source, unmailed, ..
            } => publish_held(common, SourceId(source.unwrap_or_default()), !unmailed).await?,
            Self::Drop { source, .. } => drop_held(common, SourceId(source)).await?,
            Self::Withdraw { id } => set_withdrawn(common, ArticleId(id), true).await?,
            Self::Merge { id, into } => merge(common, ArticleId(id), ArticleId(into)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(common: &Common, source: Option<SourceId>) -> Result<(), Failure> {
    let app = common.open().await?;
    let view = source.map_or(View::Everything, View::Source);
    let articles = store::article::page(&mut app.db.read().await?, view, None, LATEST).await?;
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

async fn list_held(common: &Common, source: SourceId) -> Result<(), Failure> {
    let app = common.open().await?;
    let held = store::held::page(&mut app.db.read().await?, source, 0, i64::MAX).await?;
    let shown: Vec<serde_json::Value> = held
        .iter()
        .map(|one| serde_json::json!({ "title": one.title, "held_at": one.held_at.to_string() }))
        .collect();
    common.out().give(&shown, |_| {
        let since = |at: Stamp| at.utc().format("%Y-%m-%d %H:%M:%SZ").to_string();
        let rows: Vec<Vec<String>> = held
            .iter()
            .map(|one| vec![since(one.held_at), one.title.clone()])
            .collect();
        out::table(
            &["held since", "title"],
            &rows,
            "nothing of this source is held",
        )
    });
    Ok(())
}

async fn publish_held(common: &Common, id: SourceId, mailed: bool) -> Result<(), Failure> {
    let app = common.open().await?;
    let source = store::source::find(&mut app.db.read().await?, id).await?;
    let source = source.ok_or_else(|| Failure::missing("source", id.0, "source list"))?;
    let taken = intake::publish_held(&app, &source, mailed).await?;
    common.out().give(&taken, |taken| {
        let mail = if mailed { "" } else { ", in no letter" };
        format!(
            "{} published{mail}",
            out::count(as_count(taken.new), "article", "articles")
        )
    });
    Ok(())
}

async fn drop_held(common: &Common, id: SourceId) -> Result<(), Failure> {
    let app = common.open().await?;
    let dropped = intake::drop_held(&app, id).await?;
    common
        .out()
        .give(&serde_json::json!({ "dropped": dropped }), |_| {
            format!("{} dropped", out::count(dropped, "article", "articles"))
        });
    Ok(())
}

fn as_count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

async fn show(common: &Common, id: ArticleId) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.read().await?;
    let found = store::article::find(&mut tx, id).await?;
    let (article, withdrawn) =
        found.ok_or_else(|| Failure::missing("article", id, "article list"))?;
    let revisions = store::article::revisions(&mut tx, id).await?;
    let edits = change::history(&article, &revisions);
    let mut json = shown(&article, withdrawn);
    if let Some(object) = json.as_object_mut() {
        object.insert("edits".to_owned(), serde_json::json!(edits));
    }
    common.out().give(&json, |_| {
        let state = if withdrawn { "withdrawn" } else { "published" };
        let url = article
            .url
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let told = format!(
            "{}\n{} · revision {} · {state}\n{url}\n\n{}",
            article.title,
            article.date().to_rfc3339(),
            article.revision,
            article.text
        );
        told + &edits.iter().rev().map(edit).collect::<String>()
    });
    Ok(())
}

/// What one edit changed, as `[-old-]{+new+}`.
fn edit(edit: &Change) -> String {
    let at = edit.at.utc().format("%Y-%m-%d %H:%M:%SZ");
    let title = change::plain(&edit.title);
    let text = change::plain(&edit.text);
    format!("\n\nrevision {} · {at}\n{title}\n{text}", edit.revision)
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

async fn merge(common: &Common, double: ArticleId, into: ArticleId) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.begin().await?;
    let merged = merge::merge(&mut tx, double, into, app.now()).await;
    merged.map_err(|problem| match problem {
        MergeError::Store(problem) => problem.into(),
        other => Failure::new(Exit::Data, other.to_string()),
    })?;
    tx.commit().await?;
    let shown = serde_json::json!({ "id": double, "state": "withdrawn", "same_as": into });
    common.out().give(&shown, |_| {
        format!("article {double} is withdrawn; its page leads to article {into}")
    });
    Ok(())
}
