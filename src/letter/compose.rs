//! What a letter says and to whom, in; the envelope and the bytes that go over the wire, out.
//!
//! The same letter gives the same bytes at every try: Message-ID, Date and boundary come from the
//! letter, never from the clock or from chance, so that receivers can tell a repeat (RFC 5322, RFC
//! 2045, RFC 2369, RFC 2919, RFC 8058).

use std::str::FromStr;
use std::time::Duration;
use std::time::SystemTime;

use lettre::Address;
use lettre::message::Mailbox as LettreMailbox;
use lettre::message::Message;
use lettre::message::MessageBuilder;
use lettre::message::MultiPart;
use lettre::message::MultiPartKind;
use lettre::message::SinglePart;
use lettre::message::header::ContentTransferEncoding;
use lettre::message::header::ContentType;
use lettre::message::header::HeaderName;
use lettre::message::header::HeaderValue;

use crate::access::Secret;
use crate::article::clean::one_line;
use crate::audience::EmailAddress;
use crate::clock::Stamp;
use crate::config::Mailbox;
use crate::delivery::Envelope;
use crate::letter::LetterId;
use crate::letter::LetterPurpose;
use crate::letter::dkim;
use crate::letter::dkim::Signer;
use crate::locale::Language;

/// The longest text of one header, in characters.
const LINE: usize = 200;

/// A letter, written and addressed.
#[derive(Debug)]
pub struct Draft<'a> {
    /// Which letter.
    pub id: LetterId,
    /// What it's for.
    pub purpose: LetterPurpose,
    /// Its `Date`, in whole seconds; the same at every try.
    pub date: Stamp,
    /// Who it's from.
    pub from: &'a Mailbox,
    /// Where answers go, if not there.
    pub reply_to: Option<&'a Mailbox>,
    /// Where a letter that can't be delivered comes back to.
    pub returns: &'a str,
    /// Who it's to.
    pub to: &'a EmailAddress,
    /// The language it's written in.
    pub language: Language,
    /// One line.
    pub subject: &'a str,
    /// A whole document.
    pub html: &'a str,
    /// The same in plain text.
    pub text: &'a str,
    /// The list it belongs to.
    pub list: Option<ListHeaders>,
}

/// What mail programs show as buttons, and group letters by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHeaders {
    /// As people read it.
    pub name: String,
    /// Its slug with the host: unique in the world (RFC 2919).
    pub id: String,
    /// The list's page.
    pub help: String,
    /// Its past digests.
    pub archive: String,
    /// One POST to this ends the subscription (RFC 8058).
    pub leave: Option<String>,
    /// A letter to this does the same, for programs that only know mail.
    pub leave_by_mail: Option<String>,
    /// For receivers' complaint statistics: digest, list, purpose.
    pub feedback: String,
}

/// A letter that can be handed over.
#[derive(Debug)]
pub struct Composed {
    /// From and to, as servers see it.
    pub envelope: Envelope,
    /// RFC 5322, CRLF line ends, 7-bit, signed.
    pub bytes: Vec<u8>,
}

/// Why a letter can't be built. It fails alone.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An address that mail can't be sent from or to.
    #[error("expected an address that mail servers take, but got `{0}`")]
    Address(String),
    /// Headers or body can't be put together.
    #[error("the letter can't be put together: {0}")]
    Build(String),
    /// It can't be signed.
    #[error("the letter can't be signed: {0}")]
    Sign(#[from] dkim::BadKey),
}

/// Builds and signs a letter. `signers` give one signature each.
pub fn compose(
    draft: &Draft<'_>,
    signers: &[Signer],
    secret: &Secret,
) -> Result<Composed, ComposeError> {
    let mut builder = Message::builder()
        .from(mailbox(draft.from)?)
        .to(LettreMailbox::new(None, address(draft.to.as_str())?))
        .subject(one_line(draft.subject, LINE))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(draft.date.seconds().unsigned_abs()))
        .message_id(Some(message_id(draft, secret)));
    if let Some(reply_to) = draft.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    for (name, value) in headers(draft) {
        builder = with_header(builder, name, &value)?;
    }
    let message = builder
        .multipart(body(draft, secret))
        .map_err(|problem| ComposeError::Build(problem.to_string()))?;
    let bytes = dkim::sign(signers, draft.date.seconds(), &message.formatted())?;
    let envelope = Envelope {
        from: draft.returns.to_owned(),
        to: draft.to.as_str().to_owned(),
    };
    Ok(Composed { envelope, bytes })
}

/// `<digest.17.x9…@example.org>`: the letter's own, and not to be guessed.
fn message_id(draft: &Draft<'_>, secret: &Secret) -> String {
    let local = format!("{}.{}", draft.purpose.as_str(), draft.id);
    format!(
        "<{local}.{}@{}>",
        secret.mac("message-id", &local),
        draft.from.domain()
    )
}

/// Both parts in base64: Cyrillic is smaller so than quoted, and no line can be too long.
fn body(draft: &Draft<'_>, secret: &Secret) -> MultiPart {
    let part = |kind: ContentType, text: &str| {
        SinglePart::builder()
            .header(kind)
            .header(ContentTransferEncoding::Base64)
            .body(
                text.replace("\r\n", "\n")
                    .replace('\r', "\n")
                    .replace('\n', "\r\n"),
            )
    };
    let boundary = secret.mac("boundary", &draft.id.to_string());
    MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("visnyk-{boundary}"))
        .singlepart(part(ContentType::TEXT_PLAIN, draft.text))
        .singlepart(part(ContentType::TEXT_HTML, draft.html))
}

/// Headers beyond the common ones, in order. Names come from this list only.
fn headers(draft: &Draft<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("Content-Language", draft.language.as_str().to_owned())];
    if draft.purpose != LetterPurpose::Digest {
        headers.push(("Auto-Submitted", "auto-generated".to_owned()));
    }
    let Some(list) = &draft.list else {
        return headers;
    };
    headers.push(("List-Id", format!("{} <{}>", phrase(&list.name), list.id)));
    headers.push(("List-Help", format!("<{}>", list.help)));
    headers.push(("List-Archive", format!("<{}>", list.archive)));
    if let Some(leave) = &list.leave {
        let by_mail = list
            .leave_by_mail
            .iter()
            .map(|address| format!(", <{address}>"));
        headers.push((
            "List-Unsubscribe",
            format!("<{leave}>{}", by_mail.collect::<String>()),
        ));
        headers.push((
            "List-Unsubscribe-Post",
            "List-Unsubscribe=One-Click".to_owned(),
        ));
    }
    headers.push(("Feedback-ID", list.feedback.clone()));
    headers
}

/// A list's name as it may stand before `<…>`: brackets and quotes would end it.
fn phrase(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|sign| !"<>()[]\\\",:;@".contains(*sign))
        .collect();
    one_line(&plain, 80)
}

fn with_header(
    builder: MessageBuilder,
    name: &'static str,
    value: &str,
) -> Result<MessageBuilder, ComposeError> {
    let name = HeaderName::new_from_ascii(name.to_owned())
        .map_err(|problem| ComposeError::Build(problem.to_string()))?;
    let clean: String = value.chars().filter(|sign| !sign.is_control()).collect();
    Ok(builder.raw_header(HeaderValue::new(name, clean)))
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, ComposeError> {
    let name = mailbox
        .name
        .as_deref()
        .map(|name| one_line(name, LINE))
        .filter(|name| !name.is_empty());
    Ok(LettreMailbox::new(name, address(&mailbox.address)?))
}

fn address(text: &str) -> Result<Address, ComposeError> {
    Address::from_str(text).map_err(|_| ComposeError::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn letter(subject: &str, list_name: &str) -> Composed {
        let from: Mailbox = "Вісник Полтавщини <news@example.org>".parse().unwrap();
        let to: EmailAddress = "olena@example.net".parse().unwrap();
        let draft = Draft {
            id: LetterId(17),
            purpose: LetterPurpose::Digest,
            date: Stamp(1_687_788_420_000),
            from: &from,
            reply_to: None,
            returns: "news@example.org",
            to: &to,
            language: Language::Uk,
            subject,
            html: "<p>На Полтавщині створили офіс</p>",
            text: "На Полтавщині\nстворили офіс",
            list: Some(ListHeaders {
                name: list_name.to_owned(),
                id: "news.example.org".into(),
                help: "https://example.org/lists/news".into(),
                archive: "https://example.org/archive/news".into(),
                leave: Some("https://example.org/leave/7.0.AAAAAAAAAAAAAAAAAAAAAA".into()),
                leave_by_mail: Some("mailto:news@example.org?subject=leave%207".into()),
                feedback: "1:news:digest:visnyk".into(),
            }),
        };
        compose(&draft, &[], &Secret::new("s")).unwrap()
    }

    #[test]
    fn a_foreign_parser_reads_back_what_was_written() {
        let composed = letter("5 новин за 26 червня 2023 р.", "Усі новини");
        let read = MessageParser::default().parse(&composed.bytes).unwrap();
        assert_eq!(read.subject(), Some("5 новин за 26 червня 2023 р."));
        assert_eq!(
            read.from().unwrap().first().unwrap().name(),
            Some("Вісник Полтавщини")
        );
        assert_eq!(
            read.body_text(0).unwrap().trim(),
            "На Полтавщині\r\nстворили офіс"
        );
        assert_eq!(
            read.body_html(0).unwrap().trim(),
            "<p>На Полтавщині створили офіс</p>"
        );
        assert_eq!(read.date().unwrap().to_timestamp(), 1_687_788_420);
    }

    #[test]
    fn a_letter_is_the_same_to_the_byte_each_time_and_fit_for_any_server() {
        let bytes = letter("Тема", "Усі новини").bytes;
        assert_eq!(bytes, letter("Тема", "Усі новини").bytes);
        assert!(bytes.is_ascii());
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.split("\r\n")
                .all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
        );
        assert!(
            text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
            "{text}"
        );
        assert!(text.contains("<news.example.org>"), "{text}");
    }

    #[test]
    fn nothing_in_a_name_or_subject_can_make_a_header() {
        let text =
            String::from_utf8(letter("a\r\nBcc: x@example.org", "b\r\nX-Evil: 1 <evil>").bytes)
                .unwrap();
        assert!(
            !text.contains("\r\nBcc:") && !text.contains("\r\nX-Evil:"),
            "{text}"
        );
    }
}
