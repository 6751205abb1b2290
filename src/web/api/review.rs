//! A digest's review: what it holds, how it's arranged, what it will look like, and skipping it.

use axum::Json;
use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::key::Scope;
use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::audience::EmailAddress;
use crate::delivery::write;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::render;
use crate::digest::render::Choices;
use crate::digest::review;
use crate::locale::Language;
use crate::store;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::DigestsRead;
use crate::web::api::caller::DigestsWrite;
use crate::web::api::digests::find;
use crate::web::api::digests::moved;
use crate::web::api::field::Introduction;
use crate::web::api::field::Text;
use crate::web::api::field::Within;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::json;
use crate::web::api::shape::word;

/// Articles that a digest is arranged of at most.
const MOST: usize = 2_000;

/// How a digest is put together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Arrangement)]
pub(super) struct Arranged {
    /// What an editor says first; may be empty.
    introduction: String,
    /// In order, for the reader who gets the most.
    articles: Vec<InDigest>,
    /// Left out by an editor.
    dropped: Vec<InDigest>,
}

/// An article of a digest.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArticleInDigest)]
pub(super) struct InDigest {
    #[schema(example = 7)]
    id: i64,
    title: String,
}

/// How a digest is to be put together; what isn't named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewArrangement)]
pub(super) struct Arranging {
    introduction: Option<Introduction>,
    /// The numbers of articles that come first, in this order.
    order: Option<Articles>,
    /// The numbers of articles to leave out.
    dropped: Option<Articles>,
}

/// Numbers of articles.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<Within<1, 9_007_199_254_740_991>>")]
pub(super) struct Articles(Vec<ArticleId>);

impl TryFrom<Vec<Within<1, 9_007_199_254_740_991>>> for Articles {
    type Error = String;
    fn try_from(all: Vec<Within<1, 9_007_199_254_740_991>>) -> Result<Self, String> {
        let count = all.len();
        if count > MOST {
            return Err(format!("expected at most {MOST}, but got {count}"));
        }
        Ok(Self(all.into_iter().map(|id| ArticleId(id.0)).collect()))
    }
}

impl utoipa::PartialSchema for Articles {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new()
            .items(<Within<1, 9_007_199_254_740_991> as utoipa::PartialSchema>::schema())
            .max_items(Some(MOST))
            .into()
    }
}

impl ToSchema for Articles {
    fn name() -> std::borrow::Cow<'static, str> {
        "Articles".into()
    }
}

/// A digest as it would be sent, to nobody in particular.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DigestPreview)]
pub(super) struct Preview {
    subject: String,
    html: String,
    text: String,
}

/// How a digest is put together.
#[utoipa::path(get, path = "/digests/{id}/arrangement", tag = "digests", security(("key" = ["digests:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = Arranged, description = "It"), Problems))]
pub(super) async fn get(
    _: Allowed<DigestsRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Json<Arranged>, Problem> {
    let digest = find(&mut app.db.read().await?, id).await?;
    Ok(Json(arranged(&app, digest).await?))
}

async fn arranged(app: &App, digest: Digest) -> Result<Arranged, Problem> {
    let list = store::list::get(&mut app.db.read().await?, digest.list_id).await?;
    let (articles, dropped) = render::articles(app, &digest, &list).await?;
    let shown = |articles: Vec<Article>| {
        let shown = articles.into_iter().map(|article| InDigest {
            id: article.id.0,
            title: article.title,
        });
        shown.collect()
    };
    Ok(Arranged {
        introduction: digest.introduction,
        articles: shown(articles),
        dropped: shown(dropped),
    })
}

/// Put a held digest together otherwise, before any letter of it is made.
#[utoipa::path(patch, path = "/digests/{id}/arrangement", tag = "digests", security(("key" = ["digests:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    request_body = Arranging,
    responses((status = 200, body = Arranged, description = "As it is now"), Problems))]
pub(super) async fn arrange(
    caller: Allowed<DigestsWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    Body(new): Body<Arranging>,
) -> Result<Json<Arranged>, Problem> {
    let was = find(&mut app.db.read().await?, id).await?;
    let made = store::digest::counts(&mut app.db.read().await?, was.id).await?;
    if !made.is_empty() {
        return Err(Problem::conflict("letters of it are made already"));
    }
    let introduction = new.introduction.map(|words| words.as_str().to_owned());
    let digest = Digest {
        introduction: introduction.unwrap_or(was.introduction),
        ranked: new.order.map_or(was.ranked, |articles| articles.0),
        dropped: new.dropped.map_or(was.dropped, |articles| articles.0),
        ..was
    };
    if !review::arrange(&app, &digest).await? {
        return Err(Problem::conflict("it isn't held; hold it first"));
    }
    let arranged = arranged(&app, digest).await?;
    let mut change = caller.change("digest.arrange", format!("digest {id}"));
    change.became = json(&arranged);
    store::audit::record_after(&app.db, &change, app.now()).await?;
    Ok(Json(arranged))
}

/// What a digest will look like: to whoever gets the most of it, or to one reader, which needs
/// `subscribers:read` too.
#[utoipa::path(get, path = "/digests/{id}/preview", tag = "digests", security(("key" = ["digests:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
        ("language" = Option<String>, Query, pattern = "^(uk|en)$", description = "The reader's, or `uk`, unless given"),
        ("reader" = Option<String>, Query, description = "The address of somebody who has the list")),
    responses((status = 200, body = Preview, description = "It"), Problems))]
pub(super) async fn preview(
    caller: Allowed<DigestsRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
    uri: Uri,
) -> Result<Json<Preview>, Problem> {
    let query = uri.query().unwrap_or_default();
    let language = language(word(query, "language")?.as_deref())?;
    let reader = word(query, "reader")?;
    let mut tx = app.db.read().await?;
    let digest = find(&mut tx, id).await?;
    let list = store::list::get(&mut tx, digest.list_id).await?;
    let choices = match reader {
        None => None,
        Some(reader) => {
            caller.must_have(Scope::SubscribersRead)?;
            // What is no address is nobody's.
            let choices = match reader.parse::<EmailAddress>() {
                Ok(email) => render::choices_of(&mut tx, &list, &email).await?,
                Err(_) => None,
            };
            Some(choices.ok_or_else(|| Problem::missing("reader of this list", &reader))?)
        }
    };
    drop(tx);
    let rendered = match choices {
        None => {
            let language = language.unwrap_or(Language::Uk);
            render::preview_of(&app, &digest, &list, language).await?
        }
        Some(choices) => {
            let language = language.unwrap_or(choices.language);
            let choices = Choices {
                language,
                ..choices
            };
            render::preview_for(&app, &digest, &list, &choices).await?
        }
    };
    let rendered = rendered.ok_or_else(|| Problem::conflict("there is nothing in it"))?;
    let sample = write::sample(&app, rendered);
    Ok(Json(Preview {
        subject: sample.subject,
        html: sample.html,
        text: sample.text,
    }))
}

fn language(word: Option<&str>) -> Result<Option<Language>, Problem> {
    match word {
        None => Ok(None),
        Some("uk") => Ok(Some(Language::Uk)),
        Some("en") => Ok(Some(Language::En)),
        Some(_) => {
            let words = "expected `language` to be `uk` or `en`";
            Err(Problem::new(StatusCode::BAD_REQUEST, words))
        }
    }
}

/// Skip a held digest: its readers count as served, without a letter.
#[utoipa::path(post, path = "/digests/{id}/skip", tag = "digests", security(("key" = ["digests:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = super::digests::DigestShown, description = "As it is now"), Problems))]
pub(super) async fn skip(
    caller: Allowed<DigestsWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    find(&mut app.db.read().await?, id).await?;
    if !review::skip(&app, DigestId(id)).await? {
        return Err(Problem::conflict(
            "it isn't held, or letters of it are made already",
        ));
    }
    moved(&caller, &app, "digest.skip", id).await
}
