//! Proof of who somebody is, or of what a link may do.
//!
//! A [`SignedLink`] is bound to one purpose: what lets a reader leave can't confirm, and what
//! confirms can't read preferences. Nothing here is looked up; the database never sees a token,
//! only its [`TokenHash`].

pub mod key;
pub mod oidc;
pub mod reach;
pub mod totp;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;

use crate::access::reach::Reach;
use crate::audience::EmailAddress;
use crate::clock::Stamp;
use crate::config::SecondFactor;

/// How long a mailed link lets a user in.
pub const MAILED_LINK_WORKS: TimeDelta = TimeDelta::hours(1);

/// The installation's secret: everything signed comes from it.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret that these words stand for.
    pub fn new(words: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, words.trim().as_bytes()))
    }

    /// Reads the secret at `path`, or makes one there (mode 0600, 32 random bytes) if there is
    /// none. Of several processes that start together, the first to finish makes it, and all read
    /// it whole.
    pub fn at(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(words) => return Ok(Self::new(&words)),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => return Err(problem),
        }
        let draft = path.with_extension(Token::random().0);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(Token::random().0.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match linked {
            Err(problem) if problem.kind() != io::ErrorKind::AlreadyExists => Err(problem),
            _ => Ok(Self::new(&fs::read_to_string(path)?)),
        }
    }

    /// A keyed hash of `text` for one `use_`: 22 characters of base64url (128 bits).
    pub fn mac(&self, use_: &str, text: &str) -> String {
        let whole = URL_SAFE_NO_PAD.encode(self.derive(use_, text));
        whole.chars().take(22).collect()
    }

    /// A key of its own for one `use_` of `text`: 32 bytes that only this secret gives.
    pub fn derive(&self, use_: &str, text: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(use_.as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }

    /// What an address is suppressed under, so that it need not be kept.
    pub fn address_mac(&self, address: &EmailAddress) -> String {
        self.mac("address", &address.key())
    }

    /// What letters to a mailbox are counted under.
    pub fn mailbox_mac(&self, address: &EmailAddress) -> String {
        self.mac("mailbox", &address.mailbox())
    }
}

/// What a link may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Confirm one subscription. Ends with the wait for confirmation.
    Confirm,
    /// End one subscription. Never expires.
    Leave,
    /// Read and change one subscriber's choices. Never expires.
    Preferences,
    /// Read one subscription as a feed. Ends when its owner says so.
    Feed,
    /// Take an address for another. Ends with the wait for confirmation.
    Address,
    /// Erase one subscriber. Works for a day.
    Erasure,
    /// Shows when a form was served.
    Form,
    /// Let a user in once, to set a new password. Works for an hour.
    Password,
    /// Bring a source's news: the address that its hub pushes to. Never expires.
    Push,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Leave => "leave",
            Self::Preferences => "preferences",
            Self::Feed => "feed",
            Self::Address => "address",
            Self::Erasure => "erasure",
            Self::Form => "form",
            Self::Password => "password",
            Self::Push => "push",
        }
    }
}

/// A link's token: whom or what it's about, when it was made, and the signature over both and the
/// purpose. As text `{number}.{made}.{mac}`, made in base 36 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLink {
    /// The subscription's or subscriber's number; 0 for forms.
    pub number: i64,
    /// When it was made, in whole seconds. Stands still for links in letters, so that they are the
    /// same each time.
    pub made: Stamp,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLink {
    /// It isn't ours, is cut short, or is for another purpose.
    #[error("expected a link from one of our letters, but got one that isn't whole or isn't ours")]
    Forged,
    /// It was ours.
    #[error("expected a link of the last days, but got one that has expired")]
    Expired,
}

impl SignedLink {
    /// The token that goes into the address.
    pub fn sign(&self, purpose: Purpose, secret: &Secret) -> String {
        let body = format!("{}.{}", self.number, self.made.seconds());
        let mac = secret.mac(purpose.as_str(), &body);
        format!("{body}.{mac}")
    }

    /// What a token says, if it's ours and for this purpose.
    pub fn open(token: &str, purpose: Purpose, secret: &Secret) -> Result<Self, BadLink> {
        let (body, mac) = token.rsplit_once('.').ok_or(BadLink::Forged)?;
        let (number, made) = body.split_once('.').ok_or(BadLink::Forged)?;
        let ours = secret.mac(purpose.as_str(), body);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(
            ours.as_bytes(),
            mac.as_bytes(),
        )) {
            return Err(BadLink::Forged);
        }
        let seconds: i64 = made.parse().map_err(|_| BadLink::Forged)?;
        let number = number.parse().map_err(|_| BadLink::Forged)?;
        Ok(Self {
            number,
            made: Stamp(seconds.saturating_mul(1000)),
        })
    }

    /// The same, unless it was made longer than `life` ago.
    pub fn within(self, life: TimeDelta, now: Stamp) -> Result<Self, BadLink> {
        if now - self.made <= life {
            Ok(self)
        } else {
            Err(BadLink::Expired)
        }
    }
}

/// 32 random bytes in base64url: a session's cookie or a one-time link.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Panics
    /// Where the system has no random numbers; nothing can be signed there either.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        #[expect(
            clippy::expect_used,
            reason = "the system's generator fails only where nothing can be signed either"
        )]
        rand::fill(&mut bytes).expect("the system has random numbers");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token that somebody showed; whether it opens anything is the store's to say.
    pub fn shown(text: &str) -> Self {
        Self(text.chars().take(100).collect())
    }

    /// What goes into the cookie or the link.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(URL_SAFE_NO_PAD.encode(digest(&SHA256, self.0.as_bytes())))
    }
}

/// What the store keeps of a [`Token`]: it can be recognised, not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password as it's kept: argon2id in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Why a password can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum BadPassword {
    /// Too easy to guess.
    #[error("expected a password of 12 to 200 characters, but got {0}")]
    Length(usize),
    /// The hash itself failed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

impl PasswordHash {
    /// Hashes a new password: some 40 ms of work, so never on an async thread.
    pub fn of(password: &str) -> Result<Self, BadPassword> {
        let length = password.chars().count();
        if !(12..=200).contains(&length) {
            return Err(BadPassword::Length(length));
        }
        let hash = Argon2::default()
            .hash_password(password.as_bytes())
            .map_err(|problem| BadPassword::Hash(problem.to_string()))?;
        Ok(Self(hash.to_string()))
    }

    /// A hash that no password opens, for strangers: checking it takes as long as checking a real
    /// one.
    pub fn nobody() -> Self {
        Self("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into())
    }

    /// Whether this is the password: some 40 ms of work, so never on an async thread.
    pub fn opens(&self, password: &str) -> bool {
        Phc::new(&self.0).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    }

    /// The text that is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hash read back from the store.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See.
    Viewer,
    /// See and change lists, articles and digests; only those of some lists, if an owner says so.
    Editor,
    /// Everything, other users included.
    Owner,
}

impl Role {
    /// The word in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }

    /// Whether the console opens only to a second proof.
    pub fn owes(self, asked: SecondFactor) -> bool {
        match asked {
            SecondFactor::Off => false,
            SecondFactor::Owners => self == Self::Owner,
            SecondFactor::All => true,
        }
    }
}

/// Why a text is no [`Role`].
#[derive(Debug, thiserror::Error)]
#[error("expected `owner`, `editor` or `viewer`, but got `{0}`")]
pub struct BadRole(String);

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        [Self::Viewer, Self::Editor, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| BadRole(text.chars().take(40).collect()))
    }
}

/// A person who looks after lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Our number for them.
    pub id: i64,
    /// What they sign in with.
    pub email: EmailAddress,
    /// What they may do.
    pub role: Role,
    /// With which lists.
    pub reach: Reach,
    /// Whether they also prove themselves by a code of their phone.
    pub has_totp: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_only_what_it_was_made_for() {
        let secret = Secret::new("one");
        let link = SignedLink {
            number: 7,
            made: Stamp(1_000_000),
        };
        let token = link.sign(Purpose::Leave, &secret);
        assert_eq!(SignedLink::open(&token, Purpose::Leave, &secret), Ok(link));
        assert_eq!(
            SignedLink::open(&token, Purpose::Confirm, &secret),
            Err(BadLink::Forged)
        );
        assert_eq!(
            SignedLink::open(&token, Purpose::Leave, &Secret::new("two")),
            Err(BadLink::Forged)
        );
        for cut in 0..token.len() {
            let cut: String = token.chars().take(cut).collect();
            assert_eq!(
                SignedLink::open(&cut, Purpose::Leave, &secret),
                Err(BadLink::Forged)
            );
        }
    }

    #[test]
    fn everybody_who_starts_together_reads_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let macs: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Secret::at(&path).unwrap().mac("use", "text")))
                .collect();
            starting
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect()
        });
        assert_eq!(macs.len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_expires_when_it_is_meant_to() {
        let link = SignedLink {
            number: 7,
            made: Stamp(0),
        };
        assert!(
            link.clone()
                .within(TimeDelta::days(7), Stamp(0) + TimeDelta::days(7))
                .is_ok()
        );
        assert_eq!(
            link.within(TimeDelta::days(7), Stamp(1) + TimeDelta::days(7)),
            Err(BadLink::Expired)
        );
    }

    #[test]
    fn a_password_opens_its_own_hash_and_no_other() {
        let hash = PasswordHash::of("correct horse battery").unwrap();
        assert!(hash.opens("correct horse battery"));
        assert!(!hash.opens("correct horse"));
        assert!(!PasswordHash::nobody().opens(""));
        assert!(PasswordHash::of("short").is_err());
    }
}
