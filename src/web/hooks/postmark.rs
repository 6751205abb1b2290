//! Postmark's bounce and spam-complaint webhooks: `hooks.postmark` is the `user:password` that is
//! part of the address they are given.

use axum::http::HeaderMap;
use serde_json::Value;

use crate::app::App;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::web::hooks::Asked;
use crate::web::hooks::Refusal;
use crate::web::hooks::about;
use crate::web::hooks::brings;
use crate::web::hooks::json;
use crate::web::hooks::text;

pub(super) fn read(
    app: &App,
    login: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Asked, Refusal> {
    if !brings(headers, login) {
        return Err(Refusal::Unproven(
            "expected the user and password of `hooks.postmark`",
        ));
    }
    let event = json(body)?;
    let kind = match (text(&event, "/RecordType"), text(&event, "/Type")) {
        (Some("SpamComplaint"), _) | (_, Some("SpamComplaint")) => Kind::Complaint,
        (Some("Bounce"), Some("HardBounce" | "BadEmailAddress")) => Kind::Hard,
        (Some("Bounce"), Some("SpamNotification" | "Blocked" | "DMARCPolicy")) => Kind::Policy,
        (Some("Bounce"), Some("SoftBounce" | "Transient" | "DnsError" | "Undeliverable")) => {
            Kind::Soft
        }
        _ => return Ok(Asked::Nothing),
    };
    let ids = [text(&event, "/Metadata/message_id")];
    let about = about(app, ids, text(&event, "/Email"))
        .ok_or_else(|| Refusal::Unreadable("expected `Email`, but got none".to_owned()))?;
    let id = event.get("ID").map(Value::to_string).unwrap_or_default();
    let words = text(&event, "/Details").or_else(|| text(&event, "/Description"));
    Ok(Asked::Reports(vec![Report {
        key: format!("postmark:{}:{id}", kind.as_str()),
        about,
        kind,
        status: None,
        text: words.unwrap_or_default().to_owned(),
        origin: "postmark",
    }]))
}
