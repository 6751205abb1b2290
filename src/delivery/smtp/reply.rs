//! What a relay's reply means: its code and words out of lettre, and the verdict on the letter.
//!
//! The rule of blame: what a relay says before it heard whom the letter is for can't be the
//! letter's fault, so it defers even when it is "permanent" (an expired password, a closed
//! account, a policy about our address). From `RCPT` on, 5xx refuses; the enhanced code
//! (RFC 3463) tells whose fault it is, and where there is none the code does.

use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use crate::delivery::Blame;
use crate::delivery::Outcome;
use crate::delivery::Phase;

/// One whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// 200–559: the codes that lettre reads; anything else is no reply.
    pub(super) code: u16,
    /// Its lines, joined by spaces.
    pub(super) text: String,
}

impl Reply {
    /// The reply that lettre read, positive or negative.
    ///
    /// # Errors
    /// Words for a reply that didn't come, or wasn't one.
    pub(super) fn read(result: Result<Response, Error>) -> Result<Self, String> {
        match result {
            Ok(response) => Ok(Self {
                code: response.code().into(),
                text: response.message().collect::<Vec<_>>().join(" "),
            }),
            Err(error) => match error.status() {
                Some(code) => Ok(Self {
                    code: code.into(),
                    text: error.source().map(ToString::to_string).unwrap_or_default(),
                }),
                None => Err(in_words(&error)),
            },
        }
    }

    /// Whether this is what lets the dialogue go on after `phase`. lettre counts any 2xx and 3xx.
    pub(super) fn suits(&self, phase: Phase) -> bool {
        match phase {
            Phase::Data => self.code == 354,
            _ => self.code / 100 == 2,
        }
    }

    /// The enhanced status code at the head of the text, if it agrees with the code (RFC 2034).
    pub(super) fn enhanced(&self) -> Option<&str> {
        let word = self.text.split_whitespace().next()?;
        let parts: Vec<&str> = word.split('.').collect();
        let [class, subject, detail] = parts.as_slice() else {
            return None;
        };
        let number =
            |part: &str| part.len() <= 3 && part.parse::<u16>().is_ok() && !part.starts_with('+');
        let agrees = class.parse() == Ok(self.code / 100);
        (agrees && number(subject) && number(detail)).then_some(word)
    }

    /// What a reply that doesn't suit means for the letter.
    pub(super) fn verdict(&self, phase: Phase) -> Outcome {
        match (self.code / 100, phase) {
            (5, Phase::Mail) if self.blame(phase) == Blame::Letter => {
                Outcome::Refused(Blame::Letter)
            }
            (5, Phase::Rcpt | Phase::Data | Phase::EndOfData) => {
                Outcome::Refused(self.blame(phase))
            }
            // Neither yes nor no, after the whole letter went.
            (2 | 3, Phase::EndOfData) => Outcome::Uncertain,
            _ => Outcome::Deferred,
        }
    }

    fn blame(&self, phase: Phase) -> Blame {
        let enhanced = self
            .enhanced()
            .and_then(|code| code.split_once('.'))
            .map(|(_, rest)| rest);
        match enhanced {
            // Sender's addresses are ours.
            Some("1.7" | "1.8") => Blame::Host,
            Some("2.3" | "3.4") => Blame::Letter,
            Some(code) if code.starts_with("1.") || code.starts_with("2.") => Blame::Recipient,
            Some(code) if code.starts_with("6.") => Blame::Letter,
            Some(code) if !code.starts_with("0.") => Blame::Host,
            _ => match (phase, self.code) {
                (Phase::Rcpt, 550..=553) => Blame::Recipient,
                (_, 552) => Blame::Letter,
                _ => Blame::Host,
            },
        }
    }
}

/// An error of lettre's in words.
pub(super) fn in_words(error: &Error) -> String {
    let words = error.to_string();
    if words.contains("incomplete response") {
        return "expected a reply, but the connection was closed".to_owned();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply {
            code,
            text: text.to_owned(),
        }
    }

    #[test]
    fn an_enhanced_code_counts_only_when_it_agrees_with_the_code() {
        assert_eq!(reply(550, "5.1.1 no such").enhanced(), Some("5.1.1"));
        assert_eq!(reply(550, "5.7.515 denied").enhanced(), Some("5.7.515"));
        for text in [
            "4.1.1 no",
            "5.1 no",
            "5.1.1.1 no",
            "5.+1.1 no",
            "no 5.1.1",
            "",
        ] {
            assert_eq!(reply(550, text).enhanced(), None, "{text}");
        }
    }

    #[test]
    fn only_words_about_the_address_blame_the_reader() {
        let blames = |phase, code, text| reply(code, text).verdict(phase);
        let recipient = Outcome::Refused(Blame::Recipient);
        assert_eq!(blames(Phase::Rcpt, 550, "5.1.1 no such user"), recipient);
        assert_eq!(blames(Phase::Rcpt, 550, "5.1.10 null MX"), recipient);
        assert_eq!(blames(Phase::Rcpt, 552, "5.2.2 full"), recipient);
        assert_eq!(blames(Phase::Rcpt, 551, "moved"), recipient);
        let host = Outcome::Refused(Blame::Host);
        assert_eq!(blames(Phase::Rcpt, 550, "5.7.1 not wanted here"), host);
        assert_eq!(blames(Phase::Rcpt, 553, "5.1.8 sender's domain"), host);
        assert_eq!(blames(Phase::Rcpt, 554, "blocked"), host);
        assert_eq!(blames(Phase::EndOfData, 550, "spam"), host);
        let letter = Outcome::Refused(Blame::Letter);
        assert_eq!(blames(Phase::EndOfData, 554, "5.6.0 malformed"), letter);
        assert_eq!(blames(Phase::Mail, 552, "5.3.4 too big"), letter);
    }

    #[test]
    fn before_the_recipient_is_named_nothing_refuses_a_letter_but_its_size() {
        for phase in [
            Phase::Banner,
            Phase::Ehlo,
            Phase::StartTls,
            Phase::Auth,
            Phase::Mail,
        ] {
            assert_eq!(
                reply(550, "5.7.1 go away").verdict(phase),
                Outcome::Deferred
            );
        }
        assert_eq!(
            reply(535, "5.7.8 password").verdict(Phase::Auth),
            Outcome::Deferred
        );
    }

    #[test]
    fn a_reply_to_the_end_that_is_neither_yes_nor_no_leaves_doubt() {
        assert!(!reply(354, "go on").suits(Phase::EndOfData));
        assert_eq!(
            reply(354, "go on").verdict(Phase::EndOfData),
            Outcome::Uncertain
        );
        assert_eq!(
            reply(451, "later").verdict(Phase::EndOfData),
            Outcome::Deferred
        );
    }
}
