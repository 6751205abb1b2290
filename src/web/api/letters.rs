//! Letters: the ledger of who was sent what, and what came of it.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::Response;
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::letter::LetterState;
use crate::store;
use crate::store::attempt::AttemptRecord;
use crate::store::letter::LetterRecord;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::LettersRead;
use crate::web::api::caller::LettersWrite;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Part;
use crate::web::api::shape::id;
use crate::web::api::shape::one;
use crate::web::api::shape::word;

/// How long a letter that is queued again is worth sending.
const WORTH_SENDING: TimeDelta = TimeDelta::hours(48);

/// One message to one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Letter)]
pub(super) struct LetterShown {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "digest")]
    purpose: &'static str,
    /// `uncertain` is probably delivered: it was handed over without an answer.
    #[schema(example = "accepted")]
    state: &'static str,
    digest: Option<i64>,
    /// To whom; empty once they were erased.
    email: String,
    #[schema(format = DateTime)]
    made_at: String,
    /// When it's tried next, while it waits.
    #[schema(format = DateTime)]
    due_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    tries: i64,
    /// How often it went out again after a doubt.
    resends: i64,
}

/// One message, and every try at handing it over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LetterInFull {
    #[serde(flatten)]
    letter: LetterShown,
    attempts: Vec<AttemptShown>,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(super) struct AttemptShown {
    #[schema(format = DateTime)]
    at: String,
    outcome: String,
    /// How far it came.
    phase: String,
    host: String,
    code: Option<i64>,
    enhanced: Option<String>,
    /// What the server said.
    text: String,
}

/// Queued again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retried {
    /// How many.
    queued: u64,
}

/// The latest letters, the newest first.
#[utoipa::path(get, path = "/letters", tag = "letters", security(("key" = ["letters:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given"),
        ("digest" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Only this digest's"),
        ("state" = Option<StateWord>, Query, description = "Only those that stand there")),
    responses((status = 200, description = "A page of them", body = Vec<LetterShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<LettersRead>,
    State(app): State<App>,
    part: Part,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = uri.query().unwrap_or_default();
    let digest = id(query, "digest")?.map(DigestId);
    let state = word(query, "state")?
        .map(|word| word.parse::<LetterState>())
        .transpose();
    let state =
        state.map_err(|problem| Problem::new(StatusCode::BAD_REQUEST, problem.to_string()))?;
    let narrowed = [
        digest.map(|digest| format!("digest={}", digest.0)),
        state.map(|state| format!("state={}", state.as_str())),
    ];
    let narrowed: Vec<String> = narrowed.into_iter().flatten().collect();
    let at = if narrowed.is_empty() {
        "/letters".to_owned()
    } else {
        format!("/letters?{}", narrowed.join("&"))
    };
    let mut tx = app.db.read().await?;
    let before = part.after.map(LetterId);
    let rows = store::letter::page(&mut tx, before, digest, state, part.with_one_more()).await?;
    let place = |letter: &LetterRecord| format!("after={}", letter.id.0);
    Ok(part.page(&app, &at, rows, place, shown))
}

/// How a letter stands.
#[derive(ToSchema)]
#[schema(as = LetterState, rename_all = "lowercase")]
#[expect(dead_code, reason = "it's read by the API's description")]
pub(super) enum StateWord {
    Queued,
    Leased,
    Handing,
    Accepted,
    Deferred,
    Refused,
    Uncertain,
    Failed,
    Cancelled,
}

/// One letter, and every try at handing it over.
#[utoipa::path(get, path = "/letters/{id}", tag = "letters", security(("key" = ["letters:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = LetterInFull, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<LettersRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let letter = store::letter::find(&mut tx, LetterId(id)).await?;
    let letter = letter.ok_or_else(|| Problem::missing("letter", id))?;
    let attempts = store::attempt::of_letter(&mut tx, letter.id).await?;
    let full = LetterInFull {
        letter: shown(letter),
        attempts: attempts.into_iter().map(attempt).collect(),
    };
    one(StatusCode::OK, &full)
}

/// Queue again what a digest couldn't deliver.
#[utoipa::path(post, path = "/digests/{id}/retry", tag = "letters", security(("key" = ["letters:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = Retried, description = "How many"), Problems))]
pub(super) async fn retry(
    caller: Allowed<LettersWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let digest = store::digest::find(&mut tx, DigestId(id)).await?;
    let digest = digest.ok_or_else(|| Problem::missing("digest", id))?;
    let now = app.now();
    let queued = store::letter::retry(&mut tx, digest.id, now, now + WORTH_SENDING).await?;
    let mut change = caller.change("letter.retry", format!("digest {id}"));
    change.became = format!("{{\"queued\":{queued}}}");
    store::audit::record(&mut tx, &change, now).await?;
    tx.commit().await?;
    app.letters_waiting.notify_one();
    one(StatusCode::OK, &Retried { queued })
}

fn shown(letter: LetterRecord) -> LetterShown {
    LetterShown {
        id: letter.id.0,
        purpose: letter.purpose.as_str(),
        state: letter.state.as_str(),
        digest: letter.digest_id.map(|id| id.0),
        email: letter.email,
        made_at: letter.made_at.to_string(),
        due_at: letter.due_at.to_string(),
        finished_at: letter.finished_at.map(|at| at.to_string()),
        tries: letter.tries,
        resends: letter.resends,
    }
}

fn attempt(attempt: AttemptRecord) -> AttemptShown {
    AttemptShown {
        at: attempt.at.to_string(),
        outcome: attempt.outcome,
        phase: attempt.phase,
        host: attempt.host,
        code: attempt.code,
        enhanced: attempt.enhanced,
        text: attempt.text,
    }
}
