//! Amazon SES by way of SNS: signed by a certificate that SNS serves, and only from the topic that
//! `hooks.ses` names, since anybody can have a topic of their own.

use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use aws_lc_rs::signature::RsaParameters;
use aws_lc_rs::signature::UnparsedPublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use url::Url;

use crate::app::App;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::source::fetch::Accept;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::web::hooks::Asked;
use crate::web::hooks::Refusal;
use crate::web::hooks::about;
use crate::web::hooks::json;
use crate::web::hooks::refined;
use crate::web::hooks::text;

pub(super) async fn read(app: &App, topic: &str, body: &[u8]) -> Result<Asked, Refusal> {
    let note = json(body)?;
    if text(&note, "/TopicArn") != Some(topic) {
        return Err(Refusal::Unproven("expected the topic of `hooks.ses`"));
    }
    let certificate = certificate(app, &note).await?;
    if is_signed(&note, &certificate).is_none() {
        return Err(Refusal::Unproven("expected a signature by SNS"));
    }
    match text(&note, "/Type") {
        Some("Notification") => {
            let message = text(&note, "/Message").unwrap_or_default();
            let event = json(message.as_bytes())?;
            Ok(Asked::Reports(reports(app, &note, &event)))
        }
        Some("SubscriptionConfirmation") => {
            let url = amazons(text(&note, "/SubscribeURL"))?;
            get(app, url).await?;
            Ok(Asked::Nothing)
        }
        _ => Ok(Asked::Nothing),
    }
}

/// An address of SNS itself: what else would be fetched is whatever the caller likes.
fn amazons(url: Option<&str>) -> Result<Url, Refusal> {
    let url = url.and_then(|url| Url::parse(url).ok());
    url.filter(is_amazons)
        .ok_or(Refusal::Unproven("expected an address of SNS"))
}

fn is_amazons(url: &Url) -> bool {
    let host = url.domain().unwrap_or_default();
    let region = host
        .strip_prefix("sns.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let plain = |region: &str| {
        !region.is_empty()
            && region
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    url.scheme() == "https" && url.port().is_none() && region.is_some_and(plain)
}

async fn get(app: &App, url: Url) -> Result<Vec<u8>, Refusal> {
    let url = url
        .as_str()
        .parse()
        .map_err(|_| Refusal::Unproven("expected an address of SNS"))?;
    let request = Request {
        url: &url,
        validators: None,
        accept: Accept::Page,
        now: app.now(),
    };
    match app.fetcher.get(&request).await {
        Ok(Fetched::Document(document)) => Ok(document.bytes.to_vec()),
        Ok(_) => Err(Refusal::Later("SNS gave no document".to_owned())),
        Err(problem) => Err(Refusal::Later(format!("SNS could not be asked: {problem}"))),
    }
}

async fn certificate(app: &App, note: &Value) -> Result<Vec<u8>, Refusal> {
    let url = text(note, "/SigningCertURL").or_else(|| text(note, "/SigningCertUrl"));
    get(app, amazons(url)?).await
}

/// The fields that are signed, in their order, each as name and value on a line of its own.
fn signed_text(note: &Value) -> String {
    let fields: &[&str] = match text(note, "/Type") {
        Some("Notification") => &[
            "Message",
            "MessageId",
            "Subject",
            "Timestamp",
            "TopicArn",
            "Type",
        ],
        _ => &[
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ],
    };
    let line = |name: &&str| {
        let value = note.get(*name)?.as_str()?;
        Some(format!("{name}\n{value}\n"))
    };
    fields.iter().filter_map(line).collect()
}

fn is_signed(note: &Value, certificate: &[u8]) -> Option<()> {
    let algorithm: &RsaParameters = match text(note, "/SignatureVersion")? {
        "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "2" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return None,
    };
    let certificate = CertificateDer::from_pem_slice(certificate).ok()?;
    let certificate = webpki::EndEntityCert::try_from(&certificate).ok()?;
    let key = UnparsedPublicKey::new(algorithm, certificate.subject_public_key_info());
    let signature = STANDARD.decode(text(note, "/Signature")?).ok()?;
    key.verify(signed_text(note).as_bytes(), &signature).ok()
}

fn reports(app: &App, note: &Value, event: &Value) -> Vec<Report> {
    let id = text(note, "/MessageId").unwrap_or_default();
    let kind = text(event, "/notificationType").or_else(|| text(event, "/eventType"));
    let (people, complaint) = match kind {
        Some("Bounce") => (event.pointer("/bounce/bouncedRecipients"), false),
        Some("Complaint") => (event.pointer("/complaint/complainedRecipients"), true),
        _ => return Vec::new(),
    };
    let people = people.and_then(Value::as_array).map(Vec::as_slice);
    let mut reports = Vec::new();
    for (place, person) in people.unwrap_or_default().iter().enumerate() {
        let status = text(person, "/status");
        let kind = if complaint {
            Kind::Complaint
        } else {
            bounced(event, status)
        };
        let header = |name: &str| header(event, name);
        let ids = [
            text(event, "/mail/source"),
            header("Message-ID"),
            text(event, "/mail/commonHeaders/messageId"),
        ];
        let Some(about) = about(app, ids, text(person, "/emailAddress")) else {
            continue;
        };
        reports.push(Report {
            key: format!("ses:{id}:{place}"),
            about,
            kind,
            status: status.map(str::to_owned),
            text: text(person, "/diagnosticCode")
                .unwrap_or_default()
                .to_owned(),
            origin: "ses",
        });
    }
    reports
}

fn bounced(event: &Value, status: Option<&str>) -> Kind {
    match (
        text(event, "/bounce/bounceType"),
        text(event, "/bounce/bounceSubType"),
    ) {
        (_, Some("ContentRejected" | "AttachmentRejected" | "MessageTooLarge")) => Kind::Policy,
        (Some("Permanent"), _) => refined(true, status, None),
        _ => Kind::Soft,
    }
}

fn header<'a>(event: &'a Value, name: &str) -> Option<&'a str> {
    let headers = event.pointer("/mail/headers")?.as_array()?;
    let found = headers
        .iter()
        .find(|header| text(header, "/name").is_some_and(|said| said.eq_ignore_ascii_case(name)))?;
    text(found, "/value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sns_itself_is_asked() {
        let is = |url: &str| is_amazons(&Url::parse(url).unwrap());
        assert!(is("https://sns.eu-central-1.amazonaws.com/cert.pem"));
        for other in [
            "http://sns.eu-central-1.amazonaws.com/cert.pem",
            "https://sns.eu-central-1.amazonaws.com.evil.example/cert.pem",
            "https://evil.example/sns.eu-central-1.amazonaws.com/cert.pem",
            "https://sns.evil.example#.amazonaws.com",
            "https://sns.a.b.amazonaws.com/cert.pem",
            "https://sns.eu-central-1.amazonaws.com:8443/cert.pem",
            "https://s3.amazonaws.com/cert.pem",
        ] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn what_sns_signed_is_read_and_nothing_else() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let signer = aws_lc_rs::signature::RsaKeyPair::from_pkcs8(pair.serialized_der()).unwrap();
        let mut note = serde_json::json!({
            "Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-central-1:1:t",
            "SignatureVersion": "2", "Timestamp": "2026-06-01T12:00:00.000Z", "Message": "{}",
        });
        let random = aws_lc_rs::rand::SystemRandom::new();
        let mut signature = vec![0; signer.public_modulus_len()];
        let text = "Message\n{}\nMessageId\n1\nTimestamp\n2026-06-01T12:00:00.000Z\nTopicArn\n\
                    arn:aws:sns:eu-central-1:1:t\nType\nNotification\n";
        signer
            .sign(
                &aws_lc_rs::signature::RSA_PKCS1_SHA256,
                &random,
                text.as_bytes(),
                &mut signature,
            )
            .unwrap();
        note["Signature"] = STANDARD.encode(&signature).into();
        let pem = certificate.pem();
        assert!(is_signed(&note, pem.as_bytes()).is_some());
        note["Message"] = "{\"forged\":true}".into();
        assert!(is_signed(&note, pem.as_bytes()).is_none());
    }
}
