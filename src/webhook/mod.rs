//! Webhooks: programs elsewhere that are told what happens here, by signed requests as
//! [Standard Webhooks](https://www.standardwebhooks.com) has them.
//!
//! An event is noted in the same transaction as what it tells of (`store::webhook::tell`), and
//! [posted](mod@post) from there until the program takes it. Events name things by number and never people by
//! address: whoever may know more asks the API.

pub mod post;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::access::Token;
use crate::clock::Stamp;
use crate::source::SourceUrl;

/// A webhook's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct WebhookId(pub i64);

macro_rules! events {
    ($($(#[$about:meta])* $name:ident = $word:literal,)*) => {
        /// What a program is told of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Event {
            $($(#[$about])* $name,)*
            /// That somebody tries the webhook out: told whatever it asked for.
            Test,
        }

        impl Event {
            /// Every event that a webhook can ask for.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Test => "webhook.test",
                }
            }
        }
    };
}

events! {
    /// A reader gets a list from now on; not told of those that a file brings.
    Confirmed = "subscriber.confirmed",
    /// A reader gets it no more.
    Left = "subscriber.left",
    /// The last letter of a digest has come to rest.
    Sent = "digest.sent",
    /// A server refused a letter, at once or later.
    Refused = "letter.refused",
    /// A source couldn't be read three times in a row, or says that it's gone.
    Failing = "source.failing",
    /// A digest that was due didn't come to the canary.
    Silent = "canary.silent",
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no [`Event`].
#[derive(Debug, thiserror::Error)]
#[error("expected one of {}, but got `{got}`", words())]
pub struct BadEvent {
    got: String,
}

/// Every event's name, for whoever is to choose.
pub fn words() -> String {
    let words: Vec<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
    words.join(", ")
}

impl FromStr for Event {
    type Err = BadEvent;
    fn from_str(text: &str) -> Result<Self, BadEvent> {
        let named = Self::ALL.iter().find(|event| event.as_str() == text);
        named.copied().ok_or_else(|| BadEvent {
            got: text.chars().take(40).collect(),
        })
    }
}

/// Webhooks that an installation has at most.
pub const MOST: i64 = 50;
/// Why there is no room for another.
pub const TOO_MANY: &str = "expected fewer than 50 webhooks; remove one first";

/// A program that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which.
    pub id: WebhookId,
    /// Where it's posted to.
    pub url: SourceUrl,
    /// What it's told of.
    pub events: Vec<Event>,
    /// Whether it's told; it isn't any more once it has answered 410.
    pub is_active: bool,
    /// Since when.
    pub made_at: Stamp,
}

/// What signs the requests to one webhook: `whsec_`, and 256 random bits as 43 characters in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

/// What every secret begins with.
const MARK: &str = "whsec_";

impl SigningSecret {
    /// A new one.
    pub fn random() -> Self {
        Self(format!(
            "{MARK}{}",
            STANDARD.encode(Token::random().as_str())
        ))
    }

    /// The one that was kept.
    pub fn kept(text: String) -> Self {
        Self(text)
    }

    /// As its owner gives it to the program that checks it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The field `webhook-signature` of a message: `v1,` and the HMAC-SHA-256 of its id, the second of the try
    /// and its body.
    pub fn sign(&self, id: &str, at: Stamp, body: &str) -> String {
        let bytes = self.0.strip_prefix(MARK).unwrap_or(&self.0);
        let bytes = STANDARD.decode(bytes).unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let signed = format!("{id}.{}.{body}", at.seconds());
        let mac = hmac::sign(&key, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(mac))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        // The example of the Standard Webhooks' own libraries.
        let secret = SigningSecret::kept("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signed = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Stamp(1_614_265_330_000),
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_event_is_read_as_it_is_written() {
        for event in Event::ALL {
            assert_eq!(event.to_string().parse::<Event>().unwrap(), *event);
        }
        assert!("webhook.test".parse::<Event>().is_err());
    }
}
