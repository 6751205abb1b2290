//! Articles: the latest, one by one: edited, taken off, put back.

use axum::extract::Path;
use axum::response::Response;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::article::clean;
use crate::article::merge;
use crate::article::merge::MergeError;
use crate::store;
use crate::store::article::Rewrite;
use crate::store::article::View;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Empty;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::A_PAGE;
use crate::web::admin::desk::Editor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::limit;
use crate::web::admin::session::Anyone;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// `/admin/articles?before=`.
pub(in crate::web) async fn all(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let before = visit.asked_for("before").and_then(|seq| seq.parse().ok());
    let mut tx = visit.app.db.read().await?;
    let view = View::Everything;
    let mut articles =
        store::article::page(&mut tx, view, before.map(Seq), limit(A_PAGE + 1)).await?;
    let more = articles.len() > A_PAGE;
    articles.truncate(A_PAGE);
    let last = articles
        .last()
        .filter(|_| more)
        .map(|article| article.seq.0);
    let table = Table {
        title: "",
        columns: vec!["headline", "date", "source", "topics"],
        rows: articles
            .into_iter()
            .map(|article| row(&visit, article))
            .collect(),
    };
    let page = Board {
        title: "articles",
        empty: Some(Empty::then(
            "empty_articles",
            "sources",
            visit.app.url("/admin/sources"),
        )),
        parts: vec![Part::Table(table)],
        next: last.map(|last| visit.app.url(&format!("/admin/articles?before={last}"))),
        ..Board::default()
    };
    board(&visit, &user, page)
}

fn row(visit: &Visit, article: Article) -> Vec<Cell> {
    let place = visit.app.url(&format!("/admin/articles/{}", article.id));
    let topics: Vec<String> = article.topics.into_iter().map(|topic| topic.name).collect();
    vec![
        Cell::link(article.title, place),
        Cell::text(moment(visit, article.published_at)),
        Cell::text(article.source.map(|source| source.name).unwrap_or_default()),
        Cell::text(topics.join(", ")),
    ]
}

/// `/admin/articles/{id}`.
pub(in crate::web) async fn one(
    visit: Visit,
    Anyone(user): Anyone,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let (article, withdrawn) = find(&visit.app, id).await?;
    board(&visit, &user, page_of(&visit, article, withdrawn))
}

async fn find(app: &App, id: i64) -> Result<(Article, bool), Error> {
    let found = store::article::find(&mut app.db.read().await?, ArticleId(id)).await?;
    found.ok_or(Error::NotFound)
}

fn page_of(visit: &Visit, article: Article, withdrawn: bool) -> Board {
    let at = format!("/admin/articles/{}", article.id);
    let (state, verb) = if withdrawn {
        ("withdrawn", "publish")
    } else {
        ("published", "withdraw")
    };
    let facts = vec![
        ("state", Cell::word(state)),
        ("date", Cell::text(moment(visit, article.published_at))),
        ("revision", Cell::text(article.revision.to_string())),
        (
            "source",
            Cell::text(article.source.map(|source| source.name).unwrap_or_default()),
        ),
    ];
    let form = Form {
        title: "edit",
        action: at.clone(),
        get: false,
        fields: vec![
            must(field("title", "headline", "text", article.title.clone())),
            field("summary", "summary", "long", article.summary),
            field("html", "html", "long", article.html.as_str()),
        ],
        buttons: vec![("save", "save")],
    };
    Board {
        title: "articles",
        about: Some(article.title),
        links: vec![("look", visit.app.url(&format!("/articles/{}", article.id)))],
        parts: vec![
            Part::Facts(Facts { title: "", facts }),
            Part::Buttons(Buttons {
                buttons: vec![(format!("{at}/{verb}"), verb)],
            }),
            Part::Form(form),
        ],
        below: if withdrawn {
            Vec::new()
        } else {
            vec![Part::Form(merging(&at, ""))]
        },
        ..Board::default()
    }
}

/// Which article this one is a double of.
fn merging(at: &str, into: &str) -> Form {
    Form {
        title: "merge",
        action: format!("{at}/merge"),
        fields: vec![must(field("into", "merge_into", "text", into))],
        buttons: vec![("give_way", "merge")],
        ..Form::default()
    }
}

/// The number that is typed, or that an article's address here ends with.
fn number(typed: &str) -> Option<ArticleId> {
    let last = typed.trim().trim_end_matches('/').rsplit('/').next();
    last?.parse().ok().map(ArticleId)
}

/// `POST /admin/articles/{id}/merge`: it gives way to the article that tells the same.
pub(in crate::web) async fn merge(
    visit: Visit,
    Editor(user): Editor,
    Path(id): Path<i64>,
    fields: Fields,
) -> Result<Response, Error> {
    let (article, withdrawn) = find(&visit.app, id).await?;
    let typed = fields.one("into");
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    let merged = match number(typed) {
        Some(into) => merge::merge(&mut tx, article.id, into, now)
            .await
            .map(|()| into),
        None => Err(MergeError::Missing(ArticleId(0))),
    };
    let into = match merged {
        Ok(into) => into,
        Err(MergeError::Store(problem)) => return Err(problem.into()),
        Err(_) => {
            drop(tx);
            let mut page = page_of(&visit, article, withdrawn);
            page.below = vec![Part::Form(merging(&format!("/admin/articles/{id}"), typed))];
            page.problem = Some(visit.say("desk.bad_merge")?);
            return refused(&visit, &user, page);
        }
    };
    let what = ("article.merge", format!("article {id}"));
    let became = serde_json::json!({ "into": into }).to_string();
    note(&mut tx, &user, what, (String::new(), became), now).await?;
    tx.commit().await?;
    Ok(back(&format!("/admin/articles/{id}"), "saved"))
}

/// `POST /admin/articles/{id}`: the old wording stays as a revision.
pub(in crate::web) async fn edit(
    visit: Visit,
    Editor(user): Editor,
    Path(id): Path<i64>,
    fields: Fields,
) -> Result<Response, Error> {
    let (was, withdrawn) = find(&visit.app, id).await?;
    let title = clean::one_line(fields.one("title"), 500);
    if title.is_empty() {
        let mut page = page_of(&visit, was, withdrawn);
        page.problem = Some(visit.say("desk.bad_headline")?);
        return refused(&visit, &user, page);
    }
    let html = clean::clean(fields.one("html"), None);
    let rewrite = Rewrite {
        title: Some(title.clone()),
        summary: Some(
            fields
                .one("summary")
                .chars()
                .filter(|sign| *sign != '\0')
                .take(2000)
                .collect(),
        ),
        text: Some(clean::plain_text(&html)),
        html: Some(html),
    };
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    store::article::rewrite(&mut tx, was.id, &rewrite, now).await?;
    let said = |title: &str| serde_json::json!({ "title": title }).to_string();
    let what = ("article.edit", format!("article {id}"));
    note(&mut tx, &user, what, (said(&was.title), said(&title)), now).await?;
    tx.commit().await?;
    Ok(back(&format!("/admin/articles/{id}"), "saved"))
}

/// `POST /admin/articles/{id}/{verb}`: withdraw, publish.
pub(in crate::web) async fn act(
    visit: Visit,
    Editor(user): Editor,
    Path((id, verb)): Path<(i64, String)>,
) -> Result<Response, Error> {
    let (action, withdrawn) = match verb.as_str() {
        "withdraw" => ("article.withdraw", true),
        "publish" => ("article.publish", false),
        _ => return Err(Error::NotFound),
    };
    find(&visit.app, id).await?;
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    if store::article::set_withdrawn(&mut tx, ArticleId(id), withdrawn, now).await? {
        let what = (action, format!("article {id}"));
        note(&mut tx, &user, what, (String::new(), String::new()), now).await?;
    }
    tx.commit().await?;
    Ok(back(&format!("/admin/articles/{id}"), "saved"))
}
