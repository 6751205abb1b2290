//! Return addresses that tell which letter came back (VERP): `b+{letter}.{mac}@{mail.bounces}`.
//!
//! The signature is over the letter's number, so nobody can make a bounce up. Mail servers may
//! change the case of what stands before the `@`, so it doesn't count.

use subtle::ConstantTimeEq;

use crate::access::Secret;
use crate::letter::LetterId;
use crate::letter::LetterPurpose;

const BEGINNING: &str = "b+";

/// Where this letter comes back to.
pub fn of(letter: LetterId, domain: &str, secret: &Secret) -> String {
    format!("{BEGINNING}{letter}.{}@{domain}", mac(letter, secret))
}

/// The letter that an address was made for, if we made it.
pub fn letter(address: &str, secret: &Secret) -> Option<LetterId> {
    let address = address.trim().trim_matches(['<', '>']).to_ascii_lowercase();
    let local = address
        .rsplit_once('@')
        .map_or(&*address, |(local, _)| local);
    let (number, theirs) = local.strip_prefix(BEGINNING)?.split_once('.')?;
    let letter = LetterId(number.parse().ok()?);
    let ours = mac(letter, secret);
    bool::from(ours.as_bytes().ct_eq(theirs.as_bytes())).then_some(letter)
}

fn mac(letter: LetterId, secret: &Secret) -> String {
    secret
        .mac("return", &letter.to_string())
        .to_ascii_lowercase()
}

/// The letter that a Message-ID was made for, if we made it: what reports without a return address
/// of ours still quote.
pub fn letter_of_message(id: &str, secret: &Secret) -> Option<LetterId> {
    let local = id.trim().trim_matches(['<', '>']).rsplit_once('@')?.0;
    let (named, theirs) = local.rsplit_once('.')?;
    let (purpose, number) = named.split_once('.')?;
    purpose.parse::<LetterPurpose>().ok()?;
    let letter = LetterId(number.parse().ok()?);
    let ours = secret.mac("message-id", named);
    bool::from(ours.as_bytes().ct_eq(theirs.as_bytes())).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_letter_in_any_case() {
        let secret = Secret::new("one");
        let address = of(LetterId(42), "bounces.example.org", &secret);
        assert!(address.split_once('@').unwrap().0.len() <= 64, "{address}");
        assert_eq!(letter(&address, &secret), Some(LetterId(42)));
        let shouted = format!("<{}>", address.to_uppercase());
        assert_eq!(letter(&shouted, &secret), Some(LetterId(42)));
    }

    #[test]
    fn nobody_else_can_make_one() {
        let secret = Secret::new("one");
        let address = of(LetterId(42), "bounces.example.org", &secret);
        let other = of(LetterId(42), "bounces.example.org", &Secret::new("two"));
        for forged in [
            other.as_str(),
            &address.replace("b+42", "b+43"),
            "b+42.@bounces.example.org",
            "b+42@bounces.example.org",
            "news@example.org",
            "",
            "b+ї.x@example.org",
        ] {
            assert_eq!(letter(forged, &secret), None, "{forged}");
        }
    }
}
