//! Articles: read, pushed in, edited, withdrawn and put back.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::Response;
use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Media;
use crate::article::Seq;
use crate::article::clean;
use crate::article::intake;
use crate::article::merge;
use crate::article::merge::MergeError;
use crate::source::Draft;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::store;
use crate::store::Tx;
use crate::store::article::Rewrite;
use crate::store::article::View;
use crate::store::source::NewSource;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::ArticlesRead;
use crate::web::api::caller::ArticlesWrite;
use crate::web::api::field::Guid;
use crate::web::api::field::Headline;
use crate::web::api::field::Html;
use crate::web::api::field::Mime;
use crate::web::api::field::Moment;
use crate::web::api::field::Names;
use crate::web::api::field::Plain;
use crate::web::api::field::Tag;
use crate::web::api::field::Text;
use crate::web::api::field::WebAddress;
use crate::web::api::field::Within;
use crate::web::api::field::few;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::Seen;
use crate::web::api::shape::json;
use crate::web::api::shape::made;
use crate::web::api::shape::one;
use crate::web::api::topics::TopicShown;

/// An article.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Article)]
pub(super) struct ArticleShown {
    /// Our number for it.
    #[schema(example = 7)]
    id: i64,
    /// Its place in the order of publication.
    seq: i64,
    /// 1 at first, one more for each edit.
    revision: i64,
    /// Whether it was taken off.
    withdrawn: bool,
    #[schema(example = "Село Степове відкрило спортивний майданчик")]
    title: String,
    summary: String,
    /// The body, cleaned.
    html: String,
    /// The body as plain text.
    text: String,
    /// Where its source shows it.
    url: Option<String>,
    /// As its source dates it.
    #[schema(format = DateTime, example = "2023-06-26T17:07:00+03:00")]
    published: Option<String>,
    /// When it was published here.
    #[schema(format = DateTime)]
    published_at: String,
    /// When it last changed here.
    #[schema(format = DateTime)]
    changed_at: String,
    authors: Vec<String>,
    topics: Vec<TopicShown>,
    media: Vec<MediaShown>,
    /// BCP 47.
    language: String,
    licence: Option<String>,
    /// The name of its source.
    source: Option<String>,
}

/// A picture, a sound or a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Media)]
pub(super) struct MediaShown {
    /// Where it is.
    url: String,
    /// Its MIME type.
    #[serde(rename = "type")]
    mime: Option<String>,
    /// Bytes.
    length: Option<u64>,
    /// Pixels.
    width: Option<u32>,
    /// Pixels.
    height: Option<u32>,
    /// What it shows, in words.
    caption: Option<String>,
}

/// A picture, a sound or a file to be pushed in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMedia {
    /// Where it is.
    url: WebAddress,
    /// Its MIME type.
    #[serde(rename = "type")]
    mime: Option<Mime>,
    /// Bytes.
    length: Option<Within<0, 1_000_000_000_000>>,
    /// Pixels.
    width: Option<Within<1, 100_000>>,
    /// Pixels.
    height: Option<Within<1, 100_000>>,
    /// What it shows, in words.
    caption: Option<Plain>,
}

few! {
    /// Pictures, sounds and files.
    Pictures of NewMedia;
}

/// An article to be pushed in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewArticle {
    title: Headline,
    summary: Option<Plain>,
    /// The body; it's cleaned.
    html: Option<Html>,
    /// Where it's shown, if it's shown elsewhere.
    url: Option<WebAddress>,
    /// What identifies it from now on: pushed again, it's an edit. Without it, the address, else
    /// headline and day.
    guid: Option<Guid>,
    /// When it was published elsewhere. What is older than `ingest.back_fill` isn't mailed.
    published: Option<Moment>,
    #[serde(default)]
    authors: Names,
    /// Names of who issued it.
    #[serde(default)]
    departments: Names,
    /// Names of what it's about.
    #[serde(default)]
    topics: Names,
    #[serde(default)]
    media: Pictures,
    language: Option<Tag>,
    /// The address of its licence.
    licence: Option<WebAddress>,
}

/// What is to change; what isn't named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditedArticle {
    title: Option<Headline>,
    summary: Option<Plain>,
    /// The body; it's cleaned.
    html: Option<Html>,
}

/// The latest articles, the newest first.
#[utoipa::path(get, path = "/articles", tag = "articles", security(("key" = ["articles:read"])),
    params(
        ("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given"),
        ("source" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Only this source's"),
    ),
    responses((status = 200, description = "A page of them", body = Vec<ArticleShown>,
        headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<ArticlesRead>,
    State(app): State<App>,
    part: Part,
    uri: Uri,
) -> Result<Response, Problem> {
    let source = shape::id(uri.query().unwrap_or_default(), "source")?;
    let view = source.map_or(View::Everything, |id| View::Source(SourceId(id)));
    let at = source.map_or("/articles".to_owned(), |id| {
        format!("/articles?source={id}")
    });
    let mut tx = app.db.read().await?;
    let rows =
        store::article::page(&mut tx, view, part.after.map(Seq), part.with_one_more()).await?;
    let place = |article: &Article| format!("after={}", article.seq.0);
    Ok(part.page(&app, &at, rows, place, |article| shown(article, false)))
}

/// Push an article in: it's cleaned, dated and known again like any other. What is known already is
/// edited, or left as it is.
#[utoipa::path(post, path = "/articles", tag = "articles", security(("key" = ["articles:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = NewArticle,
    responses((status = 201, description = "It's new", body = ArticleShown, headers(("location" = String), ("etag" = String))),
        (status = 200, description = "It was known: edited, or as it was", body = ArticleShown, headers(("etag" = String))), Problems))]
pub(super) async fn push(
    caller: Allowed<ArticlesWrite>,
    State(app): State<App>,
    Body(new): Body<NewArticle>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let house = house(&app, &mut tx).await?;
    let draft = draft(new);
    let names = intake::names(&draft);
    let taken = intake::take_in(&app, &mut tx, &house, vec![draft]).await?;
    let known = store::origin::known(&mut tx, house.id, &[names]).await?;
    let known = known.into_iter().find(|known| known.source_id == house.id);
    let id = known.map(|known| known.id).ok_or_else(|| {
        Problem::from(anyhow::anyhow!("an article that was taken in isn't there"))
    })?;
    let article = find(&mut tx, id).await?;
    let is_new = taken.new > 0;
    if is_new || taken.edited > 0 {
        let action = if is_new {
            "article.push"
        } else {
            "article.edit"
        };
        let mut change = caller.change(action, format!("article {id}"));
        change.became = json(&article);
        store::audit::record(&mut tx, &change, app.now()).await?;
    }
    tx.commit().await?;
    if is_new {
        made(&app, &format!("/articles/{id}"), &article)
    } else {
        one(StatusCode::OK, &article)
    }
}

/// The source of what is written here: the site itself. Nobody polls it. That it was never read to
/// its end is on purpose: what is old when it's pushed in is published, not mailed.
async fn house(app: &App, tx: &mut Tx) -> store::Result<Source> {
    let url = app
        .url("/")
        .parse()
        .map_err(|problem| store::StoreError::Url(format!("{problem}")))?;
    let new = NewSource {
        url,
        kind: SourceKind::Feed,
        name: app.site.name.clone(),
        selectors: Selectors::default(),
        every: TimeDelta::days(1),
    };
    let added = store::source::add(tx, &new, app.now()).await?;
    if let Some(id) = added {
        store::source::set_state(tx, id, SourceState::Paused, app.now()).await?;
    }
    store::source::at(tx, &new.url).await
}

fn draft(new: NewArticle) -> Draft {
    let html = new.html.map(String::from).unwrap_or_default();
    let base = new
        .url
        .as_ref()
        .and_then(|url| url::Url::parse(url.as_str()).ok());
    let html = clean::clean(&html, base.as_ref());
    let named = |names: Names| {
        names
            .0
            .iter()
            .map(|name| clean::one_line(name.as_str(), 200))
            .collect()
    };
    let url = new.url.map(String::from);
    let published = new.published.as_ref().and_then(Moment::date);
    let day = published.map(|date: DateTime<FixedOffset>| date.date_naive().to_string());
    let headline = format!("{} {}", day.unwrap_or_default(), new.title.as_str());
    let guid = new.guid.map(String::from).or_else(|| url.clone());
    Draft {
        guid: Some(
            guid.filter(|guid| guid.len() <= 500)
                .unwrap_or_else(|| intake::hash(&[&headline])),
        ),
        url,
        title: clean::one_line(new.title.as_str(), 500),
        summary: new.summary.map(String::from).unwrap_or_default(),
        text: clean::plain_text(&html),
        html,
        published,
        updated: None,
        authors: named(new.authors),
        departments: named(new.departments),
        topics: named(new.topics),
        media: new.media.0.into_iter().map(media).collect(),
        language: new.language.map(String::from),
        licence: new.licence.map(String::from),
    }
}

fn media(new: NewMedia) -> Media {
    let pixels = |number: Within<1, 100_000>| u32::try_from(number.0).ok();
    Media {
        url: new.url.into(),
        mime: new.mime.map(String::from),
        length: new.length.and_then(|number| u64::try_from(number.0).ok()),
        width: new.width.and_then(pixels),
        height: new.height.and_then(pixels),
        caption: new
            .caption
            .map(|caption| clean::one_line(caption.as_str(), 1000)),
    }
}

/// One article, withdrawn or not.
#[utoipa::path(get, path = "/articles/{id}", tag = "articles", security(("key" = ["articles:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = ArticleShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<ArticlesRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    one(StatusCode::OK, &find(&mut tx, ArticleId(id)).await?)
}

async fn find(tx: &mut Tx, id: ArticleId) -> Result<ArticleShown, Problem> {
    let found = store::article::find(tx, id).await?;
    let (article, withdrawn) = found.ok_or_else(|| Problem::missing("article", id))?;
    Ok(shown(article, withdrawn))
}

/// Edit an article: the old wording stays as a revision. What its source says next is taken again
/// only when the source changes it.
#[utoipa::path(patch, path = "/articles/{id}", tag = "articles", security(("key" = ["articles:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = EditedArticle,
    responses((status = 200, body = ArticleShown, description = "As it is now", headers(("etag" = String))), Problems))]
pub(super) async fn edit(
    caller: Allowed<ArticlesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    seen: Seen,
    Body(edited): Body<EditedArticle>,
) -> Result<Response, Problem> {
    let id = ArticleId(id);
    let mut tx = app.db.begin().await?;
    let was = find(&mut tx, id).await?;
    seen.still(&was)?;
    let html = edited.html.map(|html| clean::clean(html.as_str(), None));
    let rewrite = Rewrite {
        title: edited
            .title
            .map(|title| clean::one_line(title.as_str(), 500)),
        summary: edited.summary.map(String::from),
        text: html.as_ref().map(clean::plain_text),
        html,
    };
    store::article::rewrite(&mut tx, id, &rewrite, app.now()).await?;
    let article = find(&mut tx, id).await?;
    let mut change = caller.change("article.edit", format!("article {id}"));
    (change.was, change.became) = (json(&was), json(&article));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    one(StatusCode::OK, &article)
}

/// Take an article off every page, feed and digest to come.
#[utoipa::path(post, path = "/articles/{id}/withdraw", tag = "articles", security(("key" = ["articles:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = ArticleShown, description = "As it is now"), Problems))]
pub(super) async fn withdraw(
    caller: Allowed<ArticlesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    set_withdrawn(&caller, &app, ArticleId(id), true).await
}

/// Put a withdrawn article back.
#[utoipa::path(post, path = "/articles/{id}/publish", tag = "articles", security(("key" = ["articles:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = ArticleShown, description = "As it is now"), Problems))]
pub(super) async fn publish(
    caller: Allowed<ArticlesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    set_withdrawn(&caller, &app, ArticleId(id), false).await
}

/// Which article stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Merging {
    /// Its number.
    into: Within<1, 9_007_199_254_740_991>,
}

/// Say that an article is the same story as another: it's withdrawn, and its page leads to the other.
#[utoipa::path(post, path = "/articles/{id}/merge", tag = "articles", security(("key" = ["articles:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    request_body = Merging,
    responses((status = 200, body = ArticleShown, description = "As it is now"), Problems))]
pub(super) async fn merge(
    caller: Allowed<ArticlesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    Body(merging): Body<Merging>,
) -> Result<Response, Problem> {
    let (double, into) = (ArticleId(id), ArticleId(merging.into.0));
    let mut tx = app.db.begin().await?;
    find(&mut tx, double).await?;
    let merged = merge::merge(&mut tx, double, into, app.now()).await;
    merged.map_err(|problem| match problem {
        MergeError::Store(problem) => problem.into(),
        other => Problem::conflict(other.to_string()),
    })?;
    let mut change = caller.change("article.merge", format!("article {id}"));
    change.became = serde_json::json!({ "into": into }).to_string();
    store::audit::record(&mut tx, &change, app.now()).await?;
    let article = find(&mut tx, double).await?;
    tx.commit().await?;
    one(StatusCode::OK, &article)
}

async fn set_withdrawn(
    caller: &Allowed<ArticlesWrite>,
    app: &App,
    id: ArticleId,
    withdrawn: bool,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    find(&mut tx, id).await?;
    if store::article::set_withdrawn(&mut tx, id, withdrawn, app.now()).await? {
        let action = if withdrawn {
            "article.withdraw"
        } else {
            "article.publish"
        };
        let change = caller.change(action, format!("article {id}"));
        store::audit::record(&mut tx, &change, app.now()).await?;
    }
    let article = find(&mut tx, id).await?;
    tx.commit().await?;
    one(StatusCode::OK, &article)
}

fn shown(article: Article, withdrawn: bool) -> ArticleShown {
    ArticleShown {
        id: article.id.0,
        seq: article.seq.0,
        revision: article.revision,
        withdrawn,
        title: article.title,
        summary: article.summary,
        html: article.html.as_str().to_owned(),
        text: article.text,
        url: article.url.map(|url| url.to_string()),
        published: article.published.map(|date| date.to_rfc3339()),
        published_at: article.published_at.to_string(),
        changed_at: article.changed_at.to_string(),
        authors: article.authors,
        topics: article.topics.into_iter().map(TopicShown::of).collect(),
        media: article.media.into_iter().map(media_shown).collect(),
        language: article.language,
        licence: article.licence,
        source: article.source.map(|source| source.name),
    }
}

fn media_shown(media: Media) -> MediaShown {
    MediaShown {
        url: media.url,
        mime: media.mime,
        length: media.length,
        width: media.width,
        height: media.height,
        caption: media.caption,
    }
}
