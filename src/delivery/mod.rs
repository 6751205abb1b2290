//! Handing letters over, and the words for what came of it.
//!
//! [`mailer`] is the door: a letter's finished bytes and an [`Envelope`] go in, an [`Outcome`] and
//! the [`Attempt`] that led to it come out. [`smtp`] speaks to a relay. Nothing here knows a
//! database, composes a letter, or decides when to try again.

pub mod bounce;
pub mod canary;
mod courier;
pub mod inbox;
pub mod ledger;
pub mod mailer;
pub mod records;
pub mod returns;
pub mod silence;
pub mod smtp;
mod throttle;
mod ways;
pub mod worker;
pub mod write;

use std::fmt;

/// Whom a letter is from and to, as the relay hears it (RFC 5321 `MAIL` and `RCPT`); never shown
/// to the reader. Domains are in their ASCII form.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where a letter that can't be delivered comes back to; empty is the null sender `<>`.
    pub from: String,
    /// The reader's address.
    pub to: String,
}

/// Addresses stay out of logs.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope(…)")
    }
}

/// What became of a letter in one attempt. Why is in the [`Attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The relay answered the end of the letter with 2xx: it is the relay's now.
    Accepted,
    /// Certainly not handed over, and nothing says it can't be: try again later.
    Deferred,
    /// Certainly not handed over, and the same letter won't be at another try.
    Refused(Blame),
    /// The whole letter may have been handed over, and no answer came: probably delivered.
    Uncertain,
}

/// Whose fault a refusal is. Only the first says anything about the reader's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The address: no such mailbox, disabled, full. A bounce by any other way would say the same.
    Recipient,
    /// The letter: too big, badly formed.
    Letter,
    /// The relay's policy towards us, or its confusion: an operator should look.
    Host,
}

/// How far an attempt got. In the order of an SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Resolving the name, opening the TCP connection, or TLS before anything else.
    Connect,
    /// Waiting for the relay's first line.
    Banner,
    /// Saying who we are.
    Ehlo,
    /// Turning the connection into TLS.
    StartTls,
    /// Proving who we are.
    Auth,
    /// Naming the sender.
    Mail,
    /// Naming the recipient.
    Rcpt,
    /// Asking to send the letter.
    Data,
    /// Sending it; the end wasn't sent yet.
    Body,
    /// The end was sent, perhaps; its answer is what counts.
    EndOfData,
}

impl Phase {
    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Banner => "banner",
            Self::Ehlo => "ehlo",
            Self::StartTls => "starttls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Body => "body",
            Self::EndOfData => "end_of_data",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One try at handing a letter over: how far it got and what was said, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The step whose answer decided.
    pub phase: Phase,
    /// Whom we spoke to: `host:port`, or the outbox's path.
    pub host: String,
    /// The reply's code, 200–559; none when there was no reply.
    pub code: Option<u16>,
    /// The enhanced status code (RFC 3463), such as `5.1.1`, when the reply began with one that
    /// agrees with its code.
    pub enhanced: Option<String>,
    /// The reply's text, or what went wrong in our words: one line, at most 500 characters, no
    /// control characters. Relays like to repeat the address in it, so it is for the ledger and
    /// never for the log.
    pub text: String,
}

/// One line of at most 500 characters, without control characters: what a stranger's server says
/// goes to the ledger and to an operator's terminal.
fn one_line(text: &str) -> String {
    let visible = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = visible.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_become_one_short_line() {
        assert_eq!(
            one_line(" no\u{1b}[31m such\r\n\0user  here "),
            "no [31m such user here"
        );
        assert_eq!(one_line(&"ї".repeat(900)).chars().count(), 500);
    }

    #[test]
    fn an_envelope_keeps_its_addresses_to_itself() {
        let envelope = Envelope {
            from: String::new(),
            to: "reader@example.org".to_owned(),
        };
        assert!(!format!("{envelope:?}").contains("reader"));
    }
}
