//! What the letters of one edition share, made once: their common headers, and both parts in base64
//! up to where the reader's own words begin. A letter then costs its own headers, the last rows of
//! each part, and one copy of the rest.
//!
//! A letter that nobody shares goes the same way, so there is one way to write a letter (RFC 5322,
//! RFC 2045, RFC 2046).

use std::str::FromStr;
use std::time::Duration;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::message::Mailbox as LettreMailbox;
use lettre::message::Mailboxes;
use lettre::message::header::Date;
use lettre::message::header::From;
use lettre::message::header::HeaderName;
use lettre::message::header::HeaderValue;
use lettre::message::header::Headers;
use lettre::message::header::MIME_VERSION_1_0;
use lettre::message::header::ReplyTo;
use lettre::message::header::Subject;

use crate::article::clean::one_line;
use crate::config::Mailbox;
use crate::digest::edition;
use crate::digest::edition::Markup;
use crate::digest::edition::Own;
use crate::letter::compose::ComposeError;
use crate::letter::compose::Shared;

/// The longest text of one header, in characters.
const LINE: usize = 200;
/// Bytes in one row of base64: 76 characters (RFC 2045 §6.8).
const ROW: usize = 57;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stencil {
    /// The common headers, each with its line end.
    pub(super) headers: String,
    boundary: String,
    text: Part,
    /// None for readers who want text alone.
    html: Option<Part>,
}

impl Stencil {
    /// Prepares what is common. `boundary` must not be found in any letter: 22 characters that
    /// nobody can guess.
    ///
    /// # Errors
    /// [`ComposeError`]: an address that mail can't be sent from.
    pub fn new(shared: &Shared<'_>, boundary: &str) -> Result<Self, ComposeError> {
        let boundary = format!("visnyk-{boundary}");
        let mut headers = headers(shared)?.to_string();
        headers.push_str("Content-Type: multipart/alternative;\r\n boundary=\"");
        headers.push_str(&boundary);
        headers.push_str("\"\r\n");
        Ok(Self {
            headers,
            boundary,
            text: Part::new(shared.text, Markup::Text),
            html: shared.html.map(|html| Part::new(html, Markup::Html)),
        })
    }

    /// The body with a reader's own words, after the empty line that ends the headers.
    pub(super) fn write_body(&self, own: &Own<'_>, letter: &mut Vec<u8>) {
        for (kind, part) in self.parts() {
            for piece in ["--", &self.boundary, "\r\nContent-Type: text/", kind] {
                letter.extend_from_slice(piece.as_bytes());
            }
            letter.extend_from_slice(PART);
            part.write(own, letter);
        }
        for piece in ["--", &self.boundary, "--\r\n"] {
            letter.extend_from_slice(piece.as_bytes());
        }
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &Part)> {
        let html = self.html.iter().map(|part| ("html", part));
        std::iter::once(("plain", &self.text)).chain(html)
    }

    /// About how long a letter's body will be, with the reader's own words.
    pub(super) fn length(&self) -> usize {
        let length = |(_, part): (_, &Part)| part.rows.len() + part.rest.len() * 3 / 2;
        self.parts().map(length).sum::<usize>() + 2048
    }
}

/// The end of a part's headers.
const PART: &[u8] = b"; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";

/// One part: base64 throughout, since Cyrillic is smaller so than quoted, and no line can be too
/// long.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// Whole rows of what comes before the first mark.
    rows: Vec<u8>,
    /// The bytes between the last whole row and the first mark: less than a row.
    begun: Vec<u8>,
    /// From the first mark on.
    rest: String,
    markup: Markup,
}

impl Part {
    fn new(text: &str, markup: Markup) -> Self {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.replace('\n', "\r\n");
        let (before, rest) = edition::at_first_mark(&text);
        let whole = before.len() - before.len() % ROW;
        let (whole, begun) = before
            .as_bytes()
            .split_at_checked(whole)
            .unwrap_or_default();
        let mut rows = Vec::new();
        write_rows(whole, &mut rows);
        Self {
            rows,
            begun: begun.to_vec(),
            rest: rest.to_owned(),
            markup,
        }
    }

    fn write(&self, own: &Own<'_>, letter: &mut Vec<u8>) {
        letter.extend_from_slice(&self.rows);
        let mut last = self.begun.clone();
        edition::splice_into(&self.rest, own, self.markup, &mut last);
        write_rows(&last, letter);
    }
}

fn write_rows(bytes: &[u8], out: &mut Vec<u8>) {
    let mut row = [0; ROW.div_ceil(3) * 4];
    for chunk in bytes.chunks(ROW) {
        // The row is as long as the longest chunk needs.
        let length = STANDARD.encode_slice(chunk, &mut row).unwrap_or_default();
        out.extend_from_slice(row.get(..length).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }
}

/// Names come from this function only, values are cleaned here.
fn headers(shared: &Shared<'_>) -> Result<Headers, ComposeError> {
    let mut headers = Headers::new();
    headers.set(From::from(Mailboxes::from(mailbox(shared.from)?)));
    if let Some(reply_to) = shared.reply_to {
        headers.set(ReplyTo::from(Mailboxes::from(mailbox(reply_to)?)));
    }
    headers.set(Subject::from(one_line(shared.subject, LINE)));
    let since_1970 = Duration::from_secs(shared.date.seconds().unsigned_abs());
    headers.set(Date::from(SystemTime::UNIX_EPOCH + since_1970));
    headers.set(MIME_VERSION_1_0);
    add(&mut headers, "Content-Language", shared.language.as_str())?;
    if !shared.is_bulk {
        add(&mut headers, "Auto-Submitted", "auto-generated")?;
    }
    if let Some(list) = &shared.list {
        let id = format!("{} <{}>", phrase(&list.name), list.id);
        add(&mut headers, "List-Id", &id)?;
        add(&mut headers, "List-Help", &format!("<{}>", list.help))?;
        add(&mut headers, "List-Archive", &format!("<{}>", list.archive))?;
        add(&mut headers, "Feedback-ID", &list.feedback)?;
    }
    Ok(headers)
}

fn add(headers: &mut Headers, name: &'static str, value: &str) -> Result<(), ComposeError> {
    let name = HeaderName::new_from_ascii(name.to_owned())
        .map_err(|problem| ComposeError::Build(problem.to_string()))?;
    let clean: String = value.chars().filter(|sign| !sign.is_control()).collect();
    headers.insert_raw(HeaderValue::new(name, clean));
    Ok(())
}

/// A list's name as it may stand before `<…>`: brackets and quotes would end it.
fn phrase(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|sign| !"<>()[]\\\",:;@".contains(*sign))
        .collect();
    one_line(&plain, 80)
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, ComposeError> {
    let name = mailbox
        .name
        .as_deref()
        .map(|name| one_line(name, LINE))
        .filter(|name| !name.is_empty());
    let address = Address::from_str(&mailbox.address)
        .map_err(|_| ComposeError::Address(mailbox.address.clone()))?;
    Ok(LettreMailbox::new(name, address))
}
