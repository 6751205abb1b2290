//! Letters' templates: read, tried, saved, and rolled back.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::letter::LetterPurpose;
use crate::letter::LetterTemplate;
use crate::letter::template;
use crate::letter::template::Trial;
use crate::locale::Language;
use crate::store;
use crate::store::template::AsOf;
use crate::store::template::Version;
use crate::templates::board::Fault;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::TemplatesRead;
use crate::web::api::caller::TemplatesWrite;
use crate::web::api::field::TemplateText;
use crate::web::api::field::Text;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Seen;
use crate::web::api::shape::one;

/// Versions that are shown.
const SHOWN: i64 = 100;

/// A template of a letter, and whether somebody changed it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub(super) struct TemplateShown {
    /// What the letter is for.
    #[schema(example = "digest")]
    letter: &'static str,
    /// `subject.txt`, `body.html` or `body.txt`.
    #[schema(example = "subject.txt")]
    part: &'static str,
    /// Whether it's as it was shipped.
    shipped: bool,
    /// The number of the version in force; null if nobody ever saved one.
    version: Option<i64>,
    #[schema(format = DateTime)]
    made_at: Option<String>,
    made_by: Option<String>,
}

/// A template with what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateWithText)]
pub(super) struct WithText {
    #[serde(flatten)]
    template: TemplateShown,
    text: String,
}

/// One version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
pub(super) struct VersionShown {
    number: i64,
    /// What it says; null for what was shipped.
    text: Option<String>,
    #[schema(format = DateTime)]
    made_at: String,
    made_by: String,
}

/// What a template is to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewText {
    text: TemplateText,
}

/// What a text would come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplatePreview)]
pub(super) struct Preview {
    /// What is wrong with it; only without any can it be saved.
    faults: Vec<String>,
    /// What the letter looks like with it.
    letters: Vec<LetterShown>,
}

/// A letter, to nobody in particular.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SampleLetter)]
pub(super) struct LetterShown {
    #[schema(example = "uk")]
    language: &'static str,
    subject: String,
    html: String,
    text: String,
}

/// Every template, letter by letter.
#[utoipa::path(get, path = "/templates", tag = "templates", security(("key" = ["templates:read"])),
    responses((status = 200, description = "All of them", body = Vec<TemplateShown>), Problems))]
pub(super) async fn all(
    _: Allowed<TemplatesRead>,
    State(app): State<App>,
) -> Result<Json<Vec<TemplateShown>>, Problem> {
    let mut tx = app.db.read().await?;
    let versions = store::template::in_force(&mut tx, AsOf::NOW).await?;
    let all = LetterTemplate::all().map(|template| {
        let version = versions.iter().find(|one| one.template() == template);
        shown(template, version)
    });
    Ok(Json(all.collect()))
}

fn shown(template: LetterTemplate, version: Option<&Version>) -> TemplateShown {
    TemplateShown {
        letter: template.purpose.as_str(),
        part: template.part.as_str(),
        shipped: version.is_none_or(|version| version.text.is_none()),
        version: version.and_then(|version| version.number),
        made_at: version.map(|version| version.made_at.to_string()),
        made_by: version.map(|version| version.made_by.clone()),
    }
}

/// One template, as it's in force.
#[utoipa::path(get, path = "/templates/{letter}/{part}", tag = "templates", security(("key" = ["templates:read"])),
    params(("letter" = String, Path, min_length = 1, example = "digest"), ("part" = String, Path, min_length = 1, example = "subject.txt")),
    responses((status = 200, body = WithText, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<TemplatesRead>,
    State(app): State<App>,
    Named(template): Named,
) -> Result<Response, Problem> {
    one(StatusCode::OK, &with_text(&app, template).await?)
}

/// The template that the path names, if there is one: known before the body is read.
pub(super) struct Named(LetterTemplate);

#[derive(Deserialize)]
struct Names {
    letter: String,
    part: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(Names { letter, part }) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::missing("template", "of this name"))?;
        let missing = || Problem::missing("template", format!("{letter}/{part}"));
        let found = LetterTemplate::named(&letter, &part);
        found.map(Self).ok_or_else(missing)
    }
}

async fn with_text(app: &App, template: LetterTemplate) -> Result<WithText, Problem> {
    let mut tx = app.db.read().await?;
    let newest = store::template::versions(&mut tx, template, 1).await?.pop();
    let saved = newest.as_ref().and_then(|version| version.text.clone());
    Ok(WithText {
        template: shown(template, newest.as_ref()),
        text: saved.unwrap_or_else(|| template::shipped(app, template)),
    })
}

/// See what a text would come to; nothing is saved.
#[utoipa::path(post, path = "/templates/{letter}/{part}/preview", tag = "templates", security(("key" = ["templates:read"])),
    params(("letter" = String, Path, min_length = 1, example = "digest"), ("part" = String, Path, min_length = 1, example = "subject.txt")),
    request_body = NewText,
    responses((status = 200, body = Preview, description = "What is wrong with it, and what letters look like with it"), Problems))]
pub(super) async fn preview(
    _: Allowed<TemplatesRead>,
    State(app): State<App>,
    Named(template): Named,
    Body(new): Body<NewText>,
) -> Result<Json<Preview>, Problem> {
    let trial = template::try_on(&app, (template, &typed(&new)), AsOf::NOW).await?;
    let letters = [Language::Uk, Language::En].into_iter();
    let letters = letters.filter_map(|language| letter(&trial, template.purpose, language));
    Ok(Json(Preview {
        letters: letters.collect(),
        faults: faults(&app, &trial)?,
    }))
}

fn typed(new: &NewText) -> String {
    new.text.as_str().replace("\r\n", "\n")
}

fn letter(trial: &Trial, purpose: LetterPurpose, language: Language) -> Option<LetterShown> {
    let shown = trial.first(purpose, language)?;
    let (subject, text) = shown.text.clone()?;
    Some(LetterShown {
        language: language.as_str(),
        subject,
        html: shown.html.clone(),
        text,
    })
}

fn faults(app: &App, trial: &Trial) -> anyhow::Result<Vec<String>> {
    let say = |key: &str, fill: &[(&str, String)]| {
        let key = format!("template_fault.{key}");
        let said = app.templates.say(Language::En, &key, None, fill);
        said.map_err(anyhow::Error::msg)
    };
    let said = |fault: &Fault| {
        let words = say(fault.kind, &[("said", fault.said.clone())])?;
        let Some(line) = fault.line else {
            return Ok(words);
        };
        Ok(format!(
            "{} {words}",
            say("line", &[("line", line.to_string())])?
        ))
    };
    trial.faults.iter().map(said).collect()
}

/// Have a template say this from now on. Letters and editions that are made already stay as they are.
#[utoipa::path(put, path = "/templates/{letter}/{part}", tag = "templates", security(("key" = ["templates:write"])),
    params(("letter" = String, Path, min_length = 1, example = "digest"), ("part" = String, Path, min_length = 1, example = "subject.txt"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = NewText,
    responses((status = 200, body = WithText, description = "As it is now", headers(("etag" = String))), Problems))]
pub(super) async fn save(
    caller: Allowed<TemplatesWrite>,
    State(app): State<App>,
    Named(template): Named,
    seen: Seen,
    Body(new): Body<NewText>,
) -> Result<Response, Problem> {
    seen.still(&with_text(&app, template).await?)?;
    let text = typed(&new);
    must_be_sound(&app, template, &text).await?;
    template::keep(&app, template, (Some(&text), None), &caller.name()).await?;
    one(StatusCode::OK, &with_text(&app, template).await?)
}

async fn must_be_sound(app: &App, template: LetterTemplate, text: &str) -> Result<(), Problem> {
    let trial = template::try_on(app, (template, text), AsOf::NOW).await?;
    match faults(app, &trial)?.as_slice() {
        [] => Ok(()),
        faults => Err(Problem::conflict(faults.join("; "))),
    }
}

/// Have a template say again what it was shipped with.
#[utoipa::path(delete, path = "/templates/{letter}/{part}", tag = "templates", security(("key" = ["templates:write"])),
    params(("letter" = String, Path, min_length = 1, example = "digest"), ("part" = String, Path, min_length = 1, example = "subject.txt")),
    responses((status = 204, description = "It's as it was shipped"), Problems))]
pub(super) async fn drop(
    caller: Allowed<TemplatesWrite>,
    State(app): State<App>,
    Named(template): Named,
) -> Result<StatusCode, Problem> {
    if !with_text(&app, template).await?.template.shipped {
        template::keep(&app, template, (None, Some("shipped")), &caller.name()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The latest hundred versions of a template, the newest first.
#[utoipa::path(get, path = "/templates/{letter}/{part}/versions", tag = "templates", security(("key" = ["templates:read"])),
    params(("letter" = String, Path, min_length = 1, example = "digest"), ("part" = String, Path, min_length = 1, example = "subject.txt")),
    responses((status = 200, description = "They", body = Vec<VersionShown>), Problems))]
pub(super) async fn versions(
    _: Allowed<TemplatesRead>,
    State(app): State<App>,
    Named(template): Named,
) -> Result<Json<Vec<VersionShown>>, Problem> {
    let mut tx = app.db.read().await?;
    let versions = store::template::versions(&mut tx, template, SHOWN).await?;
    let versions = versions.into_iter().map(|version| VersionShown {
        number: version.number.unwrap_or_default(),
        text: version.text,
        made_at: version.made_at.to_string(),
        made_by: version.made_by,
    });
    Ok(Json(versions.collect()))
}

/// Have a template say once more what it said as of a version.
#[utoipa::path(post, path = "/templates/{letter}/{part}/versions/{number}/restore", tag = "templates", security(("key" = ["templates:write"])),
    params(("letter" = String, Path, min_length = 1, example = "digest"), ("part" = String, Path, min_length = 1, example = "subject.txt"),
        ("number" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = WithText, description = "As it is now", headers(("etag" = String))), Problems))]
pub(super) async fn restore(
    caller: Allowed<TemplatesWrite>,
    State(app): State<App>,
    Named(template): Named,
    Path((_, _, number)): Path<(String, String, i64)>,
) -> Result<Response, Problem> {
    let found = store::template::find_version(&mut app.db.read().await?, template, number).await?;
    let version = found.ok_or_else(|| Problem::missing("version", number))?;
    if let Some(text) = &version.text {
        must_be_sound(&app, template, text).await?;
    }
    let (text, again) = (version.text.as_deref(), number.to_string());
    template::keep(&app, template, (text, Some(&again)), &caller.name()).await?;
    one(StatusCode::OK, &with_text(&app, template).await?)
}
