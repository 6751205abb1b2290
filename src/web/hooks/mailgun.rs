//! Mailgun's webhooks: signed with HMAC-SHA256 over timestamp and token, by the signing key in
//! `hooks.mailgun`.

use aws_lc_rs::hmac;
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

pub(super) fn read(app: &App, key: &str, body: &[u8]) -> Result<Asked, Refusal> {
    let value = json(body)?;
    if !is_signed(&value, key) {
        return Err(Refusal::Unproven(
            "expected a signature by the key of `hooks.mailgun`",
        ));
    }
    let event = value.get("event-data").unwrap_or(&Value::Null);
    let status = text(event, "/delivery-status/enhanced-code").filter(|code| !code.is_empty());
    let code = event
        .pointer("/delivery-status/code")
        .and_then(Value::as_i64);
    let kind = match text(event, "/event") {
        Some("complained") => Kind::Complaint,
        Some("failed") => refined(text(event, "/severity") == Some("permanent"), status, code),
        _ => return Ok(Asked::Nothing),
    };
    let ids = [
        text(event, "/envelope/sender"),
        text(event, "/message/headers/message-id"),
    ];
    let about = about(app, ids, text(event, "/recipient"))
        .ok_or_else(|| Refusal::Unreadable("expected `recipient`, but got none".to_owned()))?;
    let words = text(event, "/delivery-status/message").or_else(|| text(event, "/reason"));
    Ok(Asked::Reports(vec![Report {
        key: format!("mailgun:{}", text(event, "/id").unwrap_or_default()),
        about,
        kind,
        status: status.map(str::to_owned),
        text: words.unwrap_or_default().to_owned(),
        origin: "mailgun",
    }]))
}

fn is_signed(value: &Value, key: &str) -> bool {
    let part = |name| text(value, name).unwrap_or_default();
    let said = format!(
        "{}{}",
        part("/signature/timestamp"),
        part("/signature/token")
    );
    let tag = unhex(part("/signature/signature"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    !said.is_empty() && tag.is_some_and(|tag| hmac::verify(&key, said.as_bytes(), &tag).is_ok())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok())
        .collect()
}
