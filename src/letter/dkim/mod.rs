//! DKIM (RFC 6376, RFC 8463): a letter's final bytes in, the same bytes with signatures before
//! them out.
//!
//! Relaxed/relaxed, one signature a key, RSA-2048 and up or Ed25519, all by aws-lc-rs. Signed are
//! the headers of [`SIGNED`] that the letter has, and `From` once more than it occurs, so that a
//! second one can't be slipped in. `t=` is given, so the same letter is signed to the same bytes
//! at every try. Content-Type is left out: relays rewrite it. Never asks a clock or the network.

mod key;

pub use self::key::Algorithm;
pub use self::key::BadKey;
pub use self::key::NewKey;
pub use self::key::Record;
pub use self::key::new_key;

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::letter::dkim::key::Secret;
use crate::letter::dkim::key::fit_name;
use crate::letter::dkim::key::read_key;

/// The headers a signature covers, in the order they're named.
pub const SIGNED: [&str; 10] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
];

/// How many base64 characters of a signature stand on one line.
const FOLD: usize = 72;

/// A key with the names it is published under.
pub struct Signer {
    domain: String,
    selector: String,
    secret: Secret,
    record: Record,
}

/// The key stays out of logs.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}._domainkey.{})", self.selector, self.domain)
    }
}

impl Signer {
    /// A signer for `domain` (`d=`) and `selector` (`s=`) with a private key in PEM.
    ///
    /// # Errors
    /// [`BadKey`], in words for the settings.
    pub fn new(domain: &str, selector: &str, pem: &str) -> Result<Self, BadKey> {
        for name in [domain, selector] {
            fit_name(name)?;
        }
        let secret = read_key(pem)?;
        Ok(Self {
            record: Record::of(&secret, domain, selector)?,
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            secret,
        })
    }

    /// Whether a signature takes as long as many other steps of a letter together.
    pub fn is_slow(&self) -> bool {
        matches!(self.secret, Secret::Rsa(_))
    }

    /// The domain that answers for what it signs (`d=`).
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What must be published for its signatures to be worth anything.
    pub fn record(&self) -> &Record {
        &self.record
    }

    fn algorithm(&self) -> &'static str {
        match self.secret {
            Secret::Rsa(_) => "rsa-sha256",
            Secret::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The signature header for a digested letter, with its line end.
    fn header(&self, digested: &Digested, seconds: i64) -> Result<String, BadKey> {
        let head = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={seconds};\r\n\tbh={};\r\n\th={};\r\n\tb=",
            self.algorithm(),
            self.domain,
            self.selector,
            digested.body_hash,
            digested.names,
        );
        let mut covered = digested.headers.clone();
        relax_header(&head, &mut covered);
        let signature = STANDARD.encode(self.sign(covered.as_bytes())?);
        let lines: Vec<&str> = signature
            .as_bytes()
            .chunks(FOLD)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        Ok(format!("{head}{}\r\n", lines.join("\r\n\t")))
    }

    fn sign(&self, covered: &[u8]) -> Result<Vec<u8>, BadKey> {
        let broken = |error: aws_lc_rs::error::Unspecified| BadKey::Broken(error.to_string());
        match &self.secret {
            Secret::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    covered,
                    &mut signature,
                )
                .map_err(broken)?;
                Ok(signature)
            }
            // RFC 8463 §3: what Ed25519 signs is the hash.
            Secret::Ed25519(key) => {
                let hash = digest::digest(&digest::SHA256, covered);
                let signature = key.try_sign(hash.as_ref()).map_err(broken)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// A letter of `head` (header fields, each with its line end) and `body`, with one signature a key
/// before them. `seconds` is `t=`, since 1970.
///
/// # Errors
/// [`BadKey::Broken`] when the library fails.
pub fn sign(signers: &[Signer], seconds: i64, head: &str, body: &[u8]) -> Result<Vec<u8>, BadKey> {
    let length = head.len() + body.len() + 2;
    let mut letter = Vec::with_capacity(length + 1024 * signers.len());
    if !signers.is_empty() {
        let digested = Digested::of(head, body);
        for signer in signers {
            letter.extend_from_slice(signer.header(&digested, seconds)?.as_bytes());
        }
    }
    letter.extend_from_slice(head.as_bytes());
    letter.extend_from_slice(b"\r\n");
    letter.extend_from_slice(body);
    Ok(letter)
}

/// What all signatures of one letter share.
struct Digested {
    body_hash: String,
    /// `h=`, folded after each five names.
    names: String,
    /// The covered headers, relaxed, each with its line end.
    headers: String,
}

impl Digested {
    fn of(head: &str, body: &[u8]) -> Self {
        let fields = fields(head);
        let mut names = Vec::new();
        let mut headers = String::new();
        for name in SIGNED {
            // Of several, the last stands first (RFC 6376 §5.4.2).
            for field in fields.iter().rev() {
                if field
                    .split(':')
                    .next()
                    .unwrap_or_default()
                    .trim_end()
                    .eq_ignore_ascii_case(name)
                {
                    names.push(name);
                    relax_header(field, &mut headers);
                    headers.push_str("\r\n");
                }
            }
        }
        // Once more than there are: one that is added later breaks the signature.
        names.push("from");
        let lines: Vec<String> = names.chunks(5).map(|names| names.join(":")).collect();
        Self {
            body_hash: body_hash(body),
            names: lines.join(":\r\n\t "),
            headers,
        }
    }
}

/// Header fields, each with its continuation lines.
fn fields(head: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let (mut begun, mut end) = (0, 0);
    for line in head.split_inclusive("\r\n") {
        if !line.starts_with([' ', '\t']) {
            fields.extend(head.get(begun..end).filter(|field| !field.is_empty()));
            begun = end;
        }
        end += line.len();
    }
    fields.extend(head.get(begun..end).filter(|field| !field.is_empty()));
    fields
}

/// RFC 6376 §3.4.2, without the line end: name in lower case, unfolded, runs of space to one.
fn relax_header(field: &str, out: &mut String) {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    out.push_str(&name.trim_end().to_ascii_lowercase());
    out.push(':');
    let mut words = value
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty());
    out.push_str(words.next().unwrap_or_default());
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
}

/// RFC 6376 §3.4.4, hashed: runs of space to one, none at a line's end, no empty lines at the end.
fn body_hash(body: &[u8]) -> String {
    if is_relaxed(body) {
        return STANDARD.encode(digest::digest(&digest::SHA256, body));
    }
    let mut relaxed = Vec::with_capacity(body.len() + 2);
    let mut end = 0;
    for line in lines(body) {
        let start = relaxed.len();
        relax_line(line, &mut relaxed);
        let is_empty = relaxed.len() == start;
        relaxed.extend_from_slice(b"\r\n");
        if !is_empty {
            end = relaxed.len();
        }
    }
    relaxed.truncate(end);
    STANDARD.encode(digest::digest(&digest::SHA256, &relaxed))
}

/// Whether relaxing would change nothing, as with our own letters: most of a body is base64, and
/// what spaces there are stand alone.
fn is_relaxed(body: &[u8]) -> bool {
    let alone = memchr::memchr_iter(b' ', body).all(|at| {
        let next = body.get(at + 1).copied().unwrap_or(b' ');
        !matches!(next, b' ' | b'\r' | b'\n')
    });
    alone
        && memchr::memchr(b'\t', body).is_none()
        && body.ends_with(b"\r\n")
        && !body.ends_with(b"\r\n\r\n")
        && body != b"\r\n"
}

/// Lines without their CRLF.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
}

fn relax_line(line: &[u8], out: &mut Vec<u8>) {
    // Most lines are base64.
    if !line.contains(&b' ') && !line.contains(&b'\t') {
        out.extend_from_slice(line);
        return;
    }
    let mut space = false;
    for &byte in line {
        if matches!(byte, b' ' | b'\t') {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) {
            out.push(b' ');
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8463, appendix A.2.
    const RFC_8463: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";

    /// The letter of RFC 8463, appendix A.
    const LETTER: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
        \r\n\
        Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

    fn signed(signers: &[Signer], seconds: i64) -> Vec<u8> {
        let (head, body) = LETTER.split_once("\r\n\r\n").unwrap();
        sign(signers, seconds, &format!("{head}\r\n"), body.as_bytes()).unwrap()
    }

    fn relaxed(field: &str) -> String {
        let mut out = String::new();
        relax_header(field, &mut out);
        out
    }

    #[test]
    fn headers_and_bodies_relax_as_in_rfc_6376() {
        assert_eq!(relaxed("A: X\r\n"), "a:X");
        assert_eq!(relaxed("B : Y\t\r\n\tZ  \r\n"), "b:Y Z");
        assert_eq!(
            body_hash(b" C \r\nD \t E\r\n\r\n\r\n"),
            body_hash(b" C\r\nD E")
        );
        let nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(
            (body_hash(b""), body_hash(b"\r\n\r\n")),
            (nothing.into(), nothing.into())
        );
    }

    #[test]
    fn the_body_of_rfc_8463_has_the_hash_it_has_there() {
        let (head, body) = LETTER.split_once("\r\n\r\n").unwrap();
        let digested = Digested::of(head, body.as_bytes());
        assert_eq!(
            digested.body_hash,
            "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
        );
        assert_eq!(
            digested.names,
            "from:to:subject:date:message-id:\r\n\t from"
        );
    }

    #[test]
    fn a_letter_is_signed_as_a_foreign_verifier_accepted_it() {
        let signer = Signer::new("football.example.com", "brisbane", RFC_8463).unwrap();
        let letter = signed(&[signer], 1_528_637_909);
        let expected = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com;\r\n\
            \ts=brisbane; t=1528637909;\r\n\
            \tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n\
            \th=from:to:subject:date:message-id:\r\n\t from;\r\n\
            \tb=gzlCP8PtfEHdljkExWEGqOljUzpVf0F1l5roNI0aGJiKtDegrGVaSaYEk7/6fYIHu/G5QAYG\r\n\
            \t51AqP/Pgw7K2AA==\r\n";
        assert_eq!(
            String::from_utf8(letter).unwrap(),
            format!("{expected}{LETTER}")
        );
    }

    #[test]
    fn each_key_signs_once_and_the_same_bytes_every_time() {
        let rsa = new_key("example.org", "r", Algorithm::Rsa).unwrap();
        let signers = [
            Signer::new("example.org", "r", &rsa.pem).unwrap(),
            Signer::new("example.org", "e", RFC_8463).unwrap(),
        ];
        let first = signed(&signers, 1);
        assert_eq!(signed(&signers, 1), first);
        let text = String::from_utf8(first).unwrap();
        assert_eq!(text.matches("DKIM-Signature: ").count(), 2);
        assert!(text.ends_with(LETTER) && text.lines().all(|line| line.len() <= 100));
        assert_eq!(signed(&[], 1), LETTER.as_bytes());
    }

    #[test]
    fn every_header_that_counts_is_covered_in_its_place_from_the_bottom_up() {
        let head = "List-Unsubscribe:\r\n <https://x.org>,\r\n <mailto:x@x.org>\r\nFrom: a\r\nX-Other: b\r\nFROM : c\r\n";
        let digested = Digested::of(head, b"body");
        assert_eq!(digested.names, "from:from:list-unsubscribe:from");
        let lists = "list-unsubscribe:<https://x.org>, <mailto:x@x.org>\r\n";
        assert_eq!(digested.headers, format!("from:c\r\nfrom:a\r\n{lists}"));
    }

    #[test]
    fn a_signer_shows_its_name_and_not_its_key() {
        let signer = Signer::new("example.org", "e", RFC_8463).unwrap();
        assert_eq!(format!("{signer:?}"), "Signer(e._domainkey.example.org)");
        assert!(Signer::new("example.org", "e; x=1", RFC_8463).is_err());
    }
}
