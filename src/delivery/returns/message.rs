//! Mail from the mailbox that letters come back to, read for what it says.
//!
//! Understood are delivery reports (RFC 3464), complaints (RFC 5965), the plain bounces of servers
//! that know neither, and letters whose subject is `leave …`. Whatever it is, it must name the
//! letter by something that only we could have signed; the rest is [`Mail::Other`]. Nothing is
//! looked up here.

use mail_parser::Message;
use mail_parser::MessageParser;
use mail_parser::MimeHeaders;
use mail_parser::PartType;

use crate::access::Secret;
use crate::audience::consent;
use crate::delivery::one_line;
use crate::delivery::returns::About;
use crate::delivery::returns::Kind;
use crate::delivery::returns::Report;
use crate::delivery::returns::address;
use crate::delivery::returns::status;
use crate::letter::LetterId;

/// The most of a mail that is looked at, in bytes; what comes back may quote a whole letter.
const MOST: usize = 2 * 1024 * 1024;
/// Headers in which mail servers note whom a mail was delivered for.
const DELIVERED_FOR: [&str; 6] = [
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Delivered-To",
    "To",
];

/// What a mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// A letter of ours came back, or somebody complained.
    Report(Report),
    /// Somebody leaves: the token of their leave-link.
    Leave(String),
    /// Neither; why.
    Other(&'static str),
}

/// Reads one mail. `recipient` is whom the mail server delivered it for, if it says so.
pub fn read(bytes: &[u8], recipient: Option<&str>, secret: &Secret) -> Mail {
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    let Some(mail) = MessageParser::default().parse(bytes) else {
        return Mail::Other("expected a mail, but got something without headers");
    };
    if let Some(token) = leave(&mail) {
        return Mail::Leave(token);
    }
    let said = complaint(&mail)
        .or_else(|| delivery_report(&mail))
        .or_else(|| plain_bounce(&mail));
    let said = match said {
        Some(Said::Of(kind, status, text)) => (kind, status, text),
        Some(Said::Nothing(why)) => return Mail::Other(why),
        None => return Mail::Other("expected a report, but got another kind of mail"),
    };
    let Some(letter) = letter(&mail, bytes, recipient, secret) else {
        return Mail::Other("expected a report of a letter of ours, but got one that names none");
    };
    let (kind, status, text) = said;
    Mail::Report(Report {
        key: format!("mail:{}", consent::hash(&String::from_utf8_lossy(bytes))),
        about: About::Letter(letter),
        kind,
        status,
        text: one_line(&text),
        origin: "mail",
    })
}

/// What a report says, or why it says nothing.
enum Said {
    Of(Kind, Option<String>, String),
    Nothing(&'static str),
}

fn leave(mail: &Message<'_>) -> Option<String> {
    let mut words = mail.subject()?.split_whitespace();
    let asks = words.next()?.eq_ignore_ascii_case("leave");
    let token = words.next().filter(|_| asks && words.next().is_none())?;
    Some(token.to_owned())
}

/// RFC 5965: a part `message/feedback-report`. `not-spam` takes a complaint back.
fn complaint(mail: &Message<'_>) -> Option<Said> {
    let report = part(mail, "feedback-report")?;
    let kind = field(&report, "feedback-type").unwrap_or_default();
    Some(match kind.to_ascii_lowercase().as_str() {
        "not-spam" => Said::Nothing("the reader says that it is not spam"),
        "auth-failure" | "dmarc" => Said::Nothing("a report about signatures"),
        _ => {
            let text = format!("feedback-type: {kind}");
            Said::Of(Kind::Complaint, None, text)
        }
    })
}

/// RFC 3464: a part `message/delivery-status` with a group of fields a recipient. Letters go to one
/// person, so the first that failed is the one.
fn delivery_report(mail: &Message<'_>) -> Option<Said> {
    let report = part(mail, "delivery-status")?;
    let groups = report.split("\n\n");
    let mut delayed = false;
    for group in groups {
        let action = field(group, "action").unwrap_or_default();
        delayed |= action.eq_ignore_ascii_case("delayed");
        if !action.eq_ignore_ascii_case("failed") {
            continue;
        }
        let diagnostic = field(group, "diagnostic-code").unwrap_or_default();
        let given = field(group, "status").filter(|status| status::parts(status).is_some());
        // A bare 5.0.0 says nothing; the server's own words may.
        let vague = |status: &String| matches!(status.as_str(), "5.0.0" | "4.0.0");
        let status = given
            .clone()
            .filter(|status| !vague(status))
            .or_else(|| spoken_status(&diagnostic))
            .or(given);
        let kind = status::kind(status.as_deref(), spoken_code(&diagnostic));
        return Some(Said::Of(kind, status, diagnostic));
    }
    Some(Said::Nothing(if delayed {
        "the letter is only delayed"
    } else {
        "the letter did not fail"
    }))
}

/// A bounce of a server that knows no reports: from the mailer daemon, with a status in its words.
fn plain_bounce(mail: &Message<'_>) -> Option<Said> {
    let from = mail.from()?.first()?.address()?.to_ascii_lowercase();
    let daemon = ["mailer-daemon@", "postmaster@"]
        .iter()
        .any(|name| from.starts_with(name));
    let text = mail.body_text(0).filter(|_| daemon)?;
    let line = text
        .lines()
        .find(|line| spoken_status(line).is_some() || spoken_code(line).is_some())?;
    let status = spoken_status(line);
    let kind = status::kind(status.as_deref(), spoken_code(line));
    Some(Said::Of(kind, status, line.to_owned()))
}

/// The letter that the mail is about: by the address it came to, or by the Message-ID it quotes.
fn letter(
    mail: &Message<'_>,
    bytes: &[u8],
    recipient: Option<&str>,
    secret: &Secret,
) -> Option<LetterId> {
    let noted = mail
        .headers_raw()
        .filter(|(name, _)| {
            DELIVERED_FOR
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
        .flat_map(|(_, value)| value.split([',', ' ', '<', '>', '\t', '\r', '\n']));
    let by_address = recipient
        .into_iter()
        .chain(noted)
        .find_map(|address| address::letter(address, secret));
    by_address.or_else(|| {
        // The part that quotes the letter or its headers may be in any of five forms; a Message-ID
        // that we signed is enough, wherever it stands.
        let text = String::from_utf8_lossy(bytes);
        let ids = text.split('<').skip(1);
        let quoted = ids.filter_map(|rest| rest.split('>').next());
        quoted
            .take(10_000)
            .find_map(|id| address::letter_of_message(id, secret))
            .or_else(|| quoted_in_parts(mail, secret))
    })
}

/// Where the quoting part is in base64 or quoted-printable.
fn quoted_in_parts(mail: &Message<'_>, secret: &Secret) -> Option<LetterId> {
    mail.parts.iter().find_map(|part| {
        let text = String::from_utf8_lossy(part.contents()).into_owned();
        text.split('<')
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .take(10_000)
            .find_map(|id| address::letter_of_message(id, secret))
    })
}

/// The text of the part `message/{subtype}`, with `\n` for line ends.
fn part(mail: &Message<'_>, subtype: &str) -> Option<String> {
    let found = mail.parts.iter().find(|part| {
        part.content_type().is_some_and(|kind| {
            kind.ctype().eq_ignore_ascii_case("message")
                && kind
                    .subtype()
                    .is_some_and(|said| said.eq_ignore_ascii_case(subtype))
        })
    })?;
    let bytes = match &found.body {
        PartType::Message(inner) => inner.raw_message(),
        _ => found.contents(),
    };
    Some(String::from_utf8_lossy(bytes).replace("\r\n", "\n"))
}

/// The value of a field in a block of header lines, unfolded, without its type (`smtp; …`).
fn field(block: &str, name: &str) -> Option<String> {
    let mut lines = block.lines().skip_while(|line| {
        line.split_once(':')
            .is_none_or(|(said, _)| !said.trim().eq_ignore_ascii_case(name))
    });
    let (_, first) = lines.next()?.split_once(':')?;
    let folded = lines.take_while(|line| line.starts_with([' ', '\t']));
    let value: Vec<&str> = std::iter::once(first)
        .chain(folded)
        .map(str::trim)
        .collect();
    let value = value.join(" ");
    let value = match value.split_once(';') {
        Some((kind, rest)) if kind.trim().eq_ignore_ascii_case("smtp") => rest.trim(),
        _ => value.trim(),
    };
    Some(value.to_owned())
}

/// The first status code (RFC 3463) in a server's words.
fn spoken_status(words: &str) -> Option<String> {
    let bare = |word: &str| {
        let edge = |c: char| !c.is_ascii_digit();
        word.trim_matches(edge).to_owned()
    };
    words
        .split_whitespace()
        .flat_map(|word| word.split(['-', '(', ')', '#', ':', ',']))
        .map(bare)
        .find(|word| matches!(status::parts(word), Some((4 | 5, ..))))
}

/// The first reply code (RFC 5321) in a server's words.
fn spoken_code(words: &str) -> Option<i64> {
    words
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .filter(|word| word.len() == 3)
        .find_map(|word| word.parse().ok().filter(|code| (400..600).contains(code)))
}
