//! `POST /hooks/{provider}`: what mail providers tell of letters that they took.
//!
//! Each provider proves who it is in its own way ([`ses`], [`sendgrid`], [`postmark`], [`mailgun`],
//! [`generic`]); one that isn't set up, or can't prove it, is answered as if there were no such
//! page, or 401. A report counts once, however often it is sent, so providers may try again.

mod generic;
mod mailgun;
mod postmark;
mod sendgrid;
mod ses;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::app::App;
use crate::delivery::bounce;
use crate::delivery::bounce::Taken;
use crate::delivery::returns::About;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::delivery::returns::address;
use crate::delivery::returns::status;
use crate::web::error::Error;

/// Bytes of one call: providers gather events.
pub(super) const MOST_BODY: usize = 1024 * 1024;
/// Events in one call.
const MOST_EVENTS: usize = 10_000;

/// What a call asks for.
enum Asked {
    /// To take these reports in.
    Reports(Vec<Report>),
    /// To take this mail in, as `visnyk bounce` would.
    Mail(Vec<u8>),
    /// Nothing that we keep.
    Nothing,
}

/// Why a call is not answered.
#[derive(Debug)]
enum Refusal {
    /// It doesn't prove who it is.
    Unproven(&'static str),
    /// It can't be read.
    Unreadable(String),
    /// We couldn't do our part; it may be sent again.
    Later(String),
}

/// `POST /hooks/{provider}`.
pub(super) async fn hook(
    State(app): State<App>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let hooks = &app.settings.hooks;
    let asked = match (provider.as_str(), hooks) {
        ("ses", hooks) if let Some(topic) = &hooks.ses => ses::read(&app, topic, &body).await,
        ("sendgrid", hooks) if let Some(key) = &hooks.sendgrid => {
            sendgrid::read(&app, key, &headers, &body)
        }
        ("postmark", hooks) if let Some(login) = &hooks.postmark => {
            postmark::read(&app, login.expose(), &headers, &body)
        }
        ("mailgun", hooks) if let Some(key) = &hooks.mailgun => {
            mailgun::read(&app, key.expose(), &body)
        }
        ("generic", hooks) if let Some(key) = &hooks.generic => {
            generic::read(&app, key.expose(), &headers, &body)
        }
        _ => return Err(Error::NotFound),
    };
    match asked {
        Ok(asked) => Ok(Json(take_in(&app, asked).await?).into_response()),
        Err(refusal) => Ok(refuse(&provider, refusal)),
    }
}

/// What became of a call's reports, in their order.
#[derive(serde::Serialize)]
struct Answer {
    taken: Vec<Taken>,
}

async fn take_in(app: &App, asked: Asked) -> Result<Answer, Error> {
    let mut taken = Vec::new();
    match asked {
        Asked::Nothing => {}
        Asked::Mail(bytes) => {
            let one = bounce::take_mail(app, &bytes, None).await;
            taken.push(one.map_err(Error::trouble)?);
        }
        Asked::Reports(reports) => {
            for report in reports.iter().take(MOST_EVENTS) {
                taken.push(bounce::take_in(app, report).await?);
            }
        }
    }
    Ok(Answer { taken })
}

fn refuse(provider: &str, refusal: Refusal) -> Response {
    let (status, words) = match refusal {
        Refusal::Unproven(words) => (StatusCode::UNAUTHORIZED, words.to_owned()),
        Refusal::Unreadable(words) => (StatusCode::BAD_REQUEST, words),
        Refusal::Later(words) => (StatusCode::SERVICE_UNAVAILABLE, words),
    };
    tracing::warn!(provider, status = status.as_u16(), words, "hook.refused");
    (status, Json(serde_json::json!({ "problem": words }))).into_response()
}

/// What a report is about: the letter that something in it proves, else the address it names. The
/// provider has proved itself, so its word is enough.
fn about<'a>(
    app: &App,
    ids: impl IntoIterator<Item = Option<&'a str>>,
    email: Option<&str>,
) -> Option<About> {
    let letter = ids.into_iter().flatten().find_map(|id| {
        address::letter(id, &app.secret).or_else(|| address::letter_of_message(id, &app.secret))
    });
    letter
        .map(About::Letter)
        .or_else(|| Some(About::Address(email?.parse().ok()?)))
}

/// The text at a path in JSON.
fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|problem| {
        Refusal::Unreadable(format!("expected JSON, but got something else: {problem}"))
    })
}

/// Whether the call brings this secret: as a bearer token, or as `user:password` of basic
/// authentication.
fn brings(headers: &HeaderMap, secret: &str) -> bool {
    let Some(said) = headers
        .get(AUTHORIZATION)
        .and_then(|said| said.to_str().ok())
    else {
        return false;
    };
    let bearer = format!("Bearer {secret}");
    let basic = format!("Basic {}", STANDARD.encode(secret));
    [bearer, basic].iter().any(|ours| {
        bool::from(subtle::ConstantTimeEq::ct_eq(
            ours.as_bytes(),
            said.as_bytes(),
        ))
    })
}

/// A kind by what a provider calls it, refined by the status where that says more: providers call
/// "permanent" what is only our reputation.
fn refined(permanent: bool, status: Option<&str>, code: Option<i64>) -> Kind {
    match (permanent, status::kind(status, code)) {
        (_, Kind::Policy) => Kind::Policy,
        (true, Kind::Soft) if status.is_none() && code.is_none() => Kind::Hard,
        (true, kind) => kind,
        (false, _) => Kind::Soft,
    }
}
