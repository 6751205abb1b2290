//! Who changed what.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::store;
use crate::store::audit::Recorded;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::AuditRead;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Part;
use crate::web::api::shape::word;

/// One change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangeShown {
    #[schema(example = 1)]
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    /// Who: a user, a key, the command line.
    #[schema(example = "key newsroom")]
    actor: String,
    #[schema(example = "article.edit")]
    action: String,
    #[schema(example = "article 7")]
    subject: String,
    /// As it was, as JSON; may be empty.
    was: String,
    /// As it became, as JSON; may be empty.
    became: String,
}

/// The log of every change, the newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", security(("key" = ["audit:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given"),
        ("subject" = Option<String>, Query, pattern = "^[a-z]{1,20} [A-Za-z0-9_./-]{1,60}$", description = "Only changes of this: `article 7`")),
    responses((status = 200, description = "A page of it", body = Vec<ChangeShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<AuditRead>,
    State(app): State<App>,
    part: Part,
    uri: Uri,
) -> Result<Response, Problem> {
    let subject = word(uri.query().unwrap_or_default(), "subject")?;
    if !subject.as_deref().is_none_or(is_subject) {
        let words = "expected `subject` to be a kind and a name, such as `article 7`";
        return Err(Problem::new(StatusCode::BAD_REQUEST, words));
    }
    let mut tx = app.db.read().await?;
    let most = part.with_one_more();
    let rows = store::audit::page(&mut tx, subject.as_deref(), part.after, most).await?;
    let at = subject.map_or("/audit".to_owned(), |subject| {
        let query: String = url::form_urlencoded::byte_serialize(subject.as_bytes()).collect();
        format!("/audit?subject={query}")
    });
    let place = |change: &Recorded| format!("after={}", change.id);
    Ok(part.page(&app, &at, rows, place, shown))
}

fn is_subject(text: &str) -> bool {
    let Some((kind, name)) = text.split_once(' ') else {
        return false;
    };
    let named = |sign: u8| sign.is_ascii_alphanumeric() || b"_./-".contains(&sign);
    (1..=20).contains(&kind.len())
        && kind.bytes().all(|sign| sign.is_ascii_lowercase())
        && (1..=60).contains(&name.len())
        && name.bytes().all(named)
}

fn shown(change: Recorded) -> ChangeShown {
    ChangeShown {
        id: change.id,
        at: change.at.to_string(),
        actor: change.actor,
        action: change.action,
        subject: change.subject,
        was: change.was,
        became: change.became,
    }
}
