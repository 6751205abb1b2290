//! What a letter says and to whom, in; the envelope and the bytes that go over the wire, out.
//!
//! The same letter gives the same bytes at every try: Message-ID, Date and boundary come from the
//! letter, never from the clock or from chance, so that receivers can tell a repeat (RFC 5322, RFC
//! 2045, RFC 2369, RFC 2919, RFC 8058).

use std::str::FromStr;

use lettre::Address;

use crate::access::Secret;
use crate::audience::EmailAddress;
use crate::clock::Stamp;
use crate::config::Mailbox;
use crate::delivery::Envelope;
use crate::digest::edition::Own;
use crate::letter::LetterId;
use crate::letter::LetterPurpose;
use crate::letter::dkim;
use crate::letter::dkim::Signer;
use crate::letter::stencil::Stencil;
use crate::locale::Language;

/// What a letter says, before it's known whom to: the same for all readers of an edition.
#[derive(Debug, Clone)]
pub struct Shared<'a> {
    /// Whether it's one of many, which nobody asked for this minute.
    pub is_bulk: bool,
    /// Its `Date`, in whole seconds; the same at every try.
    pub date: Stamp,
    /// Who it's from.
    pub from: &'a Mailbox,
    /// Where answers go, if not there.
    pub reply_to: Option<&'a Mailbox>,
    /// The language it's written in.
    pub language: Language,
    /// One line.
    pub subject: &'a str,
    /// A whole document, with marks where a reader's own words go; none for readers who want text
    /// alone.
    pub html: Option<&'a str>,
    /// The same in plain text.
    pub text: &'a str,
    /// The list it belongs to.
    pub list: Option<ListHeaders>,
}

/// What mail programs group letters by.
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
    /// For receivers' complaint statistics: digest, list, purpose.
    pub feedback: String,
}

/// A letter's own: whom it's to, and what only they get.
#[derive(Debug)]
pub struct Draft<'a> {
    /// Which letter.
    pub id: LetterId,
    /// What it's for.
    pub purpose: LetterPurpose,
    /// Its `Date`, which its signature has too.
    pub date: Stamp,
    /// Whose domain its Message-ID has.
    pub from: &'a Mailbox,
    /// Where a letter that can't be delivered comes back to.
    pub returns: &'a str,
    /// Who it's to.
    pub to: &'a EmailAddress,
    /// What goes where the marks are.
    pub own: Own<'a>,
    /// One POST to this ends the subscription (RFC 8058); mail programs show it as a button.
    pub leave: Option<&'a str>,
    /// A letter to this does the same, for programs that only know mail.
    pub leave_by_mail: Option<&'a str>,
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
#[derive(Debug, Clone, thiserror::Error)]
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

/// Fills a stencil in for one reader, and signs it. `signers` give one signature each.
pub fn compose(
    stencil: &Stencil,
    draft: &Draft<'_>,
    signers: &[Signer],
    secret: &Secret,
) -> Result<Composed, ComposeError> {
    let to = draft.to.as_str();
    Address::from_str(to).map_err(|_| ComposeError::Address(to.to_owned()))?;
    let mut head = stencil.headers.clone();
    write_header("To", to, &mut head);
    write_header("Message-ID", &message_id(draft, secret), &mut head);
    if let Some(leave) = draft.leave {
        let by_mail = draft.leave_by_mail;
        let by_mail = by_mail.map(|address| format!(",\r\n <{address}>"));
        let both = format!("<{leave}>{}", by_mail.unwrap_or_default());
        write_header("List-Unsubscribe", &both, &mut head);
        let one_click = "List-Unsubscribe=One-Click";
        write_header("List-Unsubscribe-Post", one_click, &mut head);
    }
    let mut body = Vec::with_capacity(stencil.length());
    stencil.write_body(&draft.own, &mut body);
    let bytes = dkim::sign(signers, draft.date.seconds(), &head, &body)?;
    let envelope = Envelope {
        from: draft.returns.to_owned(),
        to: to.to_owned(),
    };
    Ok(Composed { envelope, bytes })
}

/// A header whose value is ASCII and ours to the letter.
fn write_header(name: &str, value: &str, head: &mut String) {
    head.push_str(name);
    head.push_str(": ");
    head.push_str(value);
    head.push_str("\r\n");
}

/// `<digest.17.x9…@example.org>`: the letter's own, and not to be guessed.
fn message_id(draft: &Draft<'_>, secret: &Secret) -> String {
    let local = local_id(draft.purpose, draft.id, secret);
    format!("<{local}@{}>", draft.from.domain())
}

/// The part of a letter's Message-ID before the `@`, by which it's found in a mailbox.
pub fn local_id(purpose: LetterPurpose, letter: LetterId, secret: &Secret) -> String {
    let local = format!("{}.{letter}", purpose.as_str());
    format!("{local}.{}", secret.mac("message-id", &local))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn letter(subject: &str, list_name: &str) -> Composed {
        let from: Mailbox = "Вісник Полтавщини <news@example.org>".parse().unwrap();
        let to: EmailAddress = "olena@example.net".parse().unwrap();
        let leave = "https://example.org/leave/7.0.AAAAAAAAAAAAAAAAAAAAAA";
        let shared = Shared {
            is_bulk: true,
            date: Stamp(1_687_788_420_000),
            from: &from,
            reply_to: None,
            language: Language::Uk,
            subject,
            html: Some("<p>На Полтавщині створили офіс</p>"),
            text: "На Полтавщині\nстворили офіс",
            list: Some(ListHeaders {
                name: list_name.to_owned(),
                id: "news.example.org".into(),
                help: "https://example.org/lists/news".into(),
                archive: "https://example.org/archive/news".into(),
                feedback: "1:news:digest:visnyk".into(),
            }),
        };
        let stencil = Stencil::new(&shared, "AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let draft = Draft {
            id: LetterId(17),
            purpose: LetterPurpose::Digest,
            date: shared.date,
            from: &from,
            returns: "news@example.org",
            to: &to,
            own: Own {
                leave,
                preferences: leave,
                address: to.as_str(),
            },
            leave: Some(leave),
            leave_by_mail: Some("mailto:news@example.org?subject=leave%207"),
        };
        compose(&stencil, &draft, &[], &Secret::new("s")).unwrap()
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
