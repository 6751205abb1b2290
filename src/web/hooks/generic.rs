//! Anybody with the secret `hooks.generic`: their own relay's script, or a provider without a door
//! of its own. JSON `{kind, letter | message_id | email, status, text, id}`, one or a list; or a
//! whole mail as `message/rfc822`.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::app::App;
use crate::audience::consent;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::delivery::returns::status;
use crate::web::hooks::Asked;
use crate::web::hooks::Refusal;
use crate::web::hooks::about;
use crate::web::hooks::brings;
use crate::web::hooks::json;
use crate::web::hooks::text;

pub(super) fn read(
    app: &App,
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Asked, Refusal> {
    if !brings(headers, secret) {
        return Err(Refusal::Unproven(
            "expected `Authorization: Bearer` with the secret of `hooks.generic`",
        ));
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("message/rfc822")) {
        return Ok(Asked::Mail(body.to_vec()));
    }
    let value = json(body)?;
    let events = match &value {
        Value::Array(events) => events.as_slice(),
        one => std::slice::from_ref(one),
    };
    let reports: Result<Vec<Report>, Refusal> =
        events.iter().map(|event| report(app, event)).collect();
    Ok(Asked::Reports(reports?))
}

fn report(app: &App, event: &Value) -> Result<Report, Refusal> {
    let status = text(event, "/status");
    let kind = match text(event, "/kind") {
        Some("hard") => Kind::Hard,
        Some("soft") => Kind::Soft,
        Some("policy") => Kind::Policy,
        Some("complaint") => Kind::Complaint,
        None if status.is_some() => status::kind(status, None),
        other => {
            let got = other.unwrap_or("none");
            return Err(Refusal::Unreadable(format!(
                "expected `kind` to be `hard`, `soft`, `policy` or `complaint`, but got `{got}`"
            )));
        }
    };
    let ids = [text(event, "/return_path"), text(event, "/message_id")];
    let about = about(app, ids, text(event, "/email")).ok_or_else(|| {
        Refusal::Unreadable(
            "expected `message_id` or `return_path` of a letter of ours, or `email`".to_owned(),
        )
    })?;
    let key = text(event, "/id").map_or_else(|| consent::hash(&event.to_string()), str::to_owned);
    Ok(Report {
        key: format!("generic:{key}"),
        about,
        kind,
        status: status.map(str::to_owned),
        text: text(event, "/text").unwrap_or_default().to_owned(),
        origin: "generic",
    })
}
