//! Status codes (RFC 3463) and reply codes (RFC 5321), read for what they say of an address.

use crate::delivery::returns::Kind;

/// What a status, or a bare reply code, says. `X.7.X` is policy and never the reader's fault; what
/// is unclear counts as soft, for many of it say what one doesn't.
pub fn kind(status: Option<&str>, code: Option<i64>) -> Kind {
    let Some((class, subject, detail)) = status.and_then(parts) else {
        return by_code(code);
    };
    match (class, subject, detail) {
        // Policy; too big, or in a form that the server doesn't take: the letter's fault.
        (_, 7, _) | (5, 2, 3) | (5, 3, 4) | (5, 6, _) => Kind::Policy,
        // No such mailbox, host or name; moved away; syntax; closed for good.
        (5, 1, 0..=4 | 6 | 10) | (5, 2, 1) => Kind::Hard,
        _ => Kind::Soft,
    }
}

fn by_code(code: Option<i64>) -> Kind {
    match code {
        Some(550 | 551 | 553) => Kind::Hard,
        Some(554) => Kind::Policy,
        _ => Kind::Soft,
    }
}

/// The three numbers of a status: `5.1.1`.
pub(super) fn parts(status: &str) -> Option<(u8, u16, u16)> {
    let mut numbers = status.trim().split('.');
    let class = numbers.next()?.parse().ok()?;
    let subject = numbers.next()?.parse().ok()?;
    let detail = numbers.next()?.parse().ok()?;
    let whole = numbers.next().is_none() && matches!(class, 2 | 4 | 5);
    (whole && subject <= 999 && detail <= 999).then_some((class, subject, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_is_nobodys_is_hard() {
        for (status, said) in [
            ("5.1.1", Kind::Hard),
            ("5.1.2", Kind::Hard),
            ("5.1.10", Kind::Hard),
            ("5.2.1", Kind::Hard),
            ("5.2.2", Kind::Soft),
            ("4.2.2", Kind::Soft),
            ("4.4.7", Kind::Soft),
            ("5.4.1", Kind::Soft),
            ("5.0.0", Kind::Soft),
            ("5.7.1", Kind::Policy),
            ("5.7.515", Kind::Policy),
            ("5.2.3", Kind::Policy),
            ("5.6.0", Kind::Policy),
        ] {
            assert_eq!(kind(Some(status), None), said, "{status}");
        }
        assert_eq!(kind(None, Some(550)), Kind::Hard);
        assert_eq!(kind(Some("nonsense"), Some(554)), Kind::Policy);
        assert_eq!(kind(None, None), Kind::Soft);
    }
}
