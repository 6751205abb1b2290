//! A second proof beside the password: six digits that a phone shows anew every half minute (RFC
//! 6238), and recovery codes for a phone that is lost.
//!
//! In come the installation's secret and a salt, out come a key that only both together give, and
//! the half minute that a code belongs to. The key itself is never kept: a copy of the database
//! makes nobody's codes. (Refused: the key sealed in the database, which needs a cipher and a
//! secret just the same.) That a code is taken only once is the store's to see to.

use totp_rs::Builder;
use totp_rs::TotpError;

use crate::access::Secret;
use crate::access::Token;
use crate::access::TokenHash;
use crate::clock::Stamp;

/// Bytes of a key, as RFC 4226 asks for.
const KEY: usize = 20;
/// How many recovery codes somebody gets.
const RECOVERY: usize = 10;
/// Letters of a recovery code, beside its dashes.
const RECOVERY_LETTERS: usize = 12;

/// What somebody's phone and we both know.
#[derive(Debug)]
pub struct Totp(totp_rs::Totp);

impl Totp {
    /// The key of one user's salt. `site` and `account` are what the phone shows beside the code.
    pub fn of(
        secret: &Secret,
        (user, salt): (i64, &str),
        (site, account): (&str, &str),
    ) -> Result<Self, TotpError> {
        let whole = secret.derive("totp", &format!("{user} {salt}"));
        let key: Vec<u8> = whole.into_iter().take(KEY).collect();
        let plain = |text: &str| text.replace(':', " ");
        let totp = Builder::new()
            .with_secret(key)
            .with_issuer(Some(plain(site)))
            .with_account_name(plain(account))
            .build()?;
        Ok(Self(totp))
    }

    /// Which half minute this code is of, if it's of this one or one beside it.
    pub fn step(&self, code: &str, now: Stamp) -> Option<i64> {
        let digits: String = code.chars().filter(|one| !one.is_whitespace()).collect();
        let seconds = u64::try_from(now.seconds()).ok()?;
        let step = self.0.check(&digits, seconds)?;
        i64::try_from(step).ok()
    }

    /// The code of this half minute.
    pub fn code(&self, now: Stamp) -> String {
        let seconds = u64::try_from(now.seconds()).unwrap_or_default();
        self.0.generate(seconds).to_string()
    }

    /// What a phone's camera reads: an `otpauth:` address.
    pub fn address(&self) -> Result<String, TotpError> {
        self.0.to_url()
    }

    /// The key as people type it, where there's no camera: base32.
    pub fn typed(&self) -> String {
        self.0.secret().to_base32()
    }
}

/// A code that stands in for the phone, once.
#[derive(Debug, Clone)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// As many new ones as somebody gets.
    pub fn some() -> Vec<Self> {
        (0..RECOVERY).map(|_| Self::random()).collect()
    }

    fn random() -> Self {
        let token = Token::random();
        Self::shown(&token.as_str().replace(['-', '_'], ""))
    }

    /// The code that somebody showed, however they wrote it.
    pub fn shown(text: &str) -> Self {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        let letters = letters.take(RECOVERY_LETTERS);
        Self(letters.map(|one| one.to_ascii_lowercase()).collect())
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        Token::shown(&self.0).hash()
    }
}

impl std::fmt::Display for RecoveryCode {
    /// `abcd-efgh-1234`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, letter) in self.0.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totp(salt: &str) -> Totp {
        let secret = Secret::new("one");
        Totp::of(&secret, (7, salt), ("Вісник: Полтава", "a@example.org")).unwrap()
    }

    #[test]
    fn a_code_is_good_for_its_half_minute_and_those_beside_it() {
        let now = Stamp(1_795_000_000_000);
        let code = totp("salt").code(now);
        assert_eq!(code.len(), 6);
        let at = |seconds: i64| totp("salt").step(&code, Stamp(now.0 + seconds * 1000));
        let step = at(0).unwrap();
        assert_eq!(step, now.seconds() / 30);
        assert_eq!((at(30), at(-30)), (Some(step), Some(step)));
        assert_eq!((at(90), at(-90)), (None, None));
        let spaced: String = code.chars().flat_map(|one| [one, ' ']).collect();
        assert_eq!(totp("salt").step(&spaced, now), Some(step));
        assert_eq!(totp("pepper").step(&code, now), None);
        assert!(totp("salt").step("", now).is_none() && totp("salt").step("один", now).is_none());
    }

    #[test]
    fn a_phone_is_told_the_key_and_whose_it_is() {
        let address = totp("salt").address().unwrap();
        assert!(address.starts_with("otpauth://totp/"), "{address}");
        assert!(address.contains(&totp("salt").typed()), "{address}");
        assert_eq!(totp("salt").typed().len(), 32);
    }

    #[test]
    fn a_recovery_code_is_known_again_however_it_is_typed() {
        let codes = RecoveryCode::some();
        assert_eq!(codes.len(), RECOVERY);
        for code in codes {
            let shown = code.to_string();
            assert_eq!(shown.len(), 14, "{shown}");
            let typed = shown.to_uppercase().replace('-', " ");
            assert_eq!(RecoveryCode::shown(&typed).hash(), code.hash());
        }
    }
}
