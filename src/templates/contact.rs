//! Ways to reach the newsroom, as the foot of pages and letters shows them.

use serde::Serialize;
use url::Url;

/// A way to reach the newsroom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// What it is, as far as its text tells.
    pub kind: ContactKind,
    /// In the site's own words, if they have any for it.
    pub name: Option<String>,
    /// As people read it: `112`, `press@example.org`.
    pub text: String,
    /// `tel:`, `mailto:` or web address, if it has one.
    pub url: Option<String>,
}

/// What a contact is: the words `contact.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactKind {
    /// A telephone for what can't wait.
    Hotline,
    /// A telephone.
    Phone,
    /// An address of mail.
    Mail,
    /// An address of the web.
    Web,
    /// Whatever else: a room, a messenger's name.
    Other,
}

impl Contact {
    /// What the text is, is plain from how it's written.
    pub fn new(name: Option<&str>, text: &str) -> Self {
        let (kind, url) = of_text(text);
        Self {
            kind,
            name: name.map(str::to_owned),
            text: text.to_owned(),
            url,
        }
    }

    /// The telephone for what can't wait.
    pub fn hotline(text: &str) -> Self {
        Self {
            kind: ContactKind::Hotline,
            ..Self::new(None, text)
        }
    }
}

fn of_text(text: &str) -> (ContactKind, Option<String>) {
    let is_number = |sign: char| sign.is_ascii_digit() || sign == '+';
    let written = |sign: char| is_number(sign) || " ()-\u{2013}\u{a0}".contains(sign);
    if text.chars().all(written) && text.chars().filter(char::is_ascii_digit).count() > 1 {
        let number: String = text.chars().filter(|sign| is_number(*sign)).collect();
        return (ContactKind::Phone, Some(format!("tel:{number}")));
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            return (ContactKind::Web, Some(url.into()));
        }
        _ => {}
    }
    if text.contains('@') && !text.contains(char::is_whitespace) && !text.starts_with('@') {
        return (ContactKind::Mail, Some(format!("mailto:{text}")));
    }
    (ContactKind::Other, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_contact_is_shows_from_its_text() {
        let read = |text| {
            let contact = Contact::new(None, text);
            (contact.kind, contact.url)
        };
        let some = |kind, url: &str| (kind, Some(url.to_owned()));
        assert_eq!(
            read("+380 (532) 56-02-90"),
            some(ContactKind::Phone, "tel:+380532560290")
        );
        assert_eq!(read("112"), some(ContactKind::Phone, "tel:112"));
        assert_eq!(
            read("press@example.org"),
            some(ContactKind::Mail, "mailto:press@example.org")
        );
        assert_eq!(
            read("https://example.org/"),
            some(ContactKind::Web, "https://example.org/")
        );
        for text in ["кабінет 12", "@visnyk", "javascript:alert(1)", "7"] {
            assert_eq!(read(text), (ContactKind::Other, None), "{text}");
        }
    }
}
