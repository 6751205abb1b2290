//! `SendGrid`'s signed event webhook: ECDSA on P-256 over timestamp and body, by the public key in
//! `hooks.sendgrid` (base64 of its DER).

use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1;
use aws_lc_rs::signature::UnparsedPublicKey;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::app::App;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::web::hooks::Asked;
use crate::web::hooks::Refusal;
use crate::web::hooks::about;
use crate::web::hooks::json;
use crate::web::hooks::refined;
use crate::web::hooks::text;

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

pub(super) fn read(
    app: &App,
    key: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Asked, Refusal> {
    if is_signed(key, headers, body).is_none() {
        return Err(Refusal::Unproven(
            "expected a signature by the key of `hooks.sendgrid`",
        ));
    }
    let Value::Array(events) = json(body)? else {
        return Err(Refusal::Unreadable("expected a list of events".to_owned()));
    };
    let reports = events.iter().filter_map(|event| report(app, event));
    Ok(Asked::Reports(reports.collect()))
}

fn is_signed(key: &str, headers: &HeaderMap, body: &[u8]) -> Option<()> {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, STANDARD.decode(key).ok()?);
    let signature = STANDARD.decode(headers.get(SIGNATURE)?.as_bytes()).ok()?;
    let mut said = headers.get(TIMESTAMP)?.as_bytes().to_vec();
    said.extend_from_slice(body);
    key.verify(&said, &signature).ok()
}

fn report(app: &App, event: &Value) -> Option<Report> {
    let status = text(event, "/status").filter(|status| !status.is_empty());
    let kind = match (text(event, "/event")?, text(event, "/type")) {
        ("spamreport", _) => Kind::Complaint,
        ("bounce", Some("blocked")) => Kind::Policy,
        ("bounce", _) => refined(true, status, None),
        _ => return None,
    };
    let ids = [text(event, "/smtp-id")];
    Some(Report {
        key: format!("sendgrid:{}", text(event, "/sg_event_id")?),
        about: about(app, ids, text(event, "/email"))?,
        kind,
        status: status.map(str::to_owned),
        text: text(event, "/reason").unwrap_or_default().to_owned(),
        origin: "sendgrid",
    })
}
