//! A document that many will ask for in; the same bytes in four codings with their validators
//! out, and the answer to a conditional request (RFC 9110 §8.8, §12.5.3, §13).
//!
//! A snapshot is made once per change and never altered; no request compresses. It knows nothing
//! of HTTP libraries: header values come in as text, an [`Answer`] goes out. A validator that can't
//! be read matches nothing. It never asks the time.

use std::io;
use std::io::Write;

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::NaiveDateTime;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::clock::Stamp;

/// Some 10 ms each for a feed of 220 KB; gzip 9 and brotli 9 take 70 ms together for a few
/// hundredths less, and a publish may render hundreds of feeds.
const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: i32 = 5;
const ZSTD_LEVEL: i32 = 9;

/// How a representation is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// The word for `Content-Encoding`; `None` for the bytes as they are.
    pub fn content_coding(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    fn is_called(self, name: &str) -> bool {
        let own = self.content_coding().unwrap_or("identity");
        let old = self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip");
        own.eq_ignore_ascii_case(name) || old
    }

    fn encode(self, plain: &Bytes) -> io::Result<Bytes> {
        match self {
            Self::Identity => Ok(plain.clone()),
            Self::Gzip => gzip(plain).map(Bytes::from),
            Self::Brotli => brotli(plain).map(Bytes::from),
            Self::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL).map(Bytes::from),
        }
    }
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder.write_all(plain)?;
    encoder.finish()
}

fn brotli(mut plain: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut plain, &mut coded, &parameters)?;
    Ok(coded)
}

/// The document in one coding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representation {
    /// How it is coded.
    pub encoding: Encoding,
    /// Strong, in its quotation marks: from these very bytes, so a newer compressor makes a new
    /// tag.
    pub etag: String,
    /// The body.
    pub bytes: Bytes,
}

impl Representation {
    fn new(encoding: Encoding, plain: &Bytes) -> io::Result<Self> {
        let bytes = encoding.encode(plain)?;
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes));
        let suffix = encoding.content_coding().map(|word| format!("-{word}"));
        let etag = format!("\"{hash}{}\"", suffix.unwrap_or_default());
        Ok(Self {
            encoding,
            etag,
            bytes,
        })
    }
}

/// A document, ready for anyone who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `Content-Type`.
    pub media_type: &'static str,
    last_modified: i64,
    /// Whether another document was served under the same second.
    shares_its_second: bool,
    /// The store's version that it was read at; 0 if that doesn't matter.
    version: i64,
    /// The versions at which what it holds last changed, in no order.
    changes: Vec<i64>,
    identity: Representation,
    compressed: [Representation; 3],
}

/// What a GET or HEAD asks on condition. Header values as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// One value for each `If-None-Match` line.
    pub if_none_match: Vec<&'a str>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a str>,
    /// `Accept-Encoding`; several lines joined by commas.
    pub accept_encoding: Option<&'a str>,
}

/// What to answer. Both kinds go with `ETag`, `Last-Modified` and `Vary: Accept-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// 304, with the validators of what would have been sent.
    NotModified(&'a Representation),
    /// 200, with the body.
    Full(&'a Representation),
}

impl Snapshot {
    /// Makes every coding; about 30 ms for 220 KB, so off the async threads. Fails only if a
    /// compressor does. `last_modified` is when the content changed; HTTP sees whole seconds.
    pub fn new(
        bytes: impl Into<Bytes>,
        media_type: &'static str,
        last_modified: Stamp,
    ) -> io::Result<Self> {
        let plain = bytes.into();
        let coded = |encoding| Representation::new(encoding, &plain);
        Ok(Self {
            media_type,
            last_modified: last_modified.seconds(),
            shares_its_second: false,
            version: 0,
            changes: Vec::new(),
            identity: coded(Encoding::Identity)?,
            compressed: [
                coded(Encoding::Brotli)?,
                coded(Encoding::Zstd)?,
                coded(Encoding::Gzip)?,
            ],
        })
    }

    /// The same document with another date; no coding is made again.
    #[must_use]
    pub fn redated(&self, last_modified: Stamp) -> Self {
        Self {
            last_modified: last_modified.seconds(),
            shares_its_second: false,
            ..self.clone()
        }
    }

    /// Puts the store's version, and `look`, a word for the settings, into every tag, after a dot: a
    /// client that shows a tag tells by that which changes it has seen (RFC 3229), whichever process
    /// it asks and whatever was restarted in between. The tags' meaning stays with what stands before
    /// the dot.
    #[must_use]
    pub fn marked(mut self, version: i64, look: &str) -> Self {
        for one in std::iter::once(&mut self.identity).chain(&mut self.compressed) {
            let bare = one.etag.trim_matches('"');
            one.etag = format!("\"{bare}.{version}.{look}\"");
        }
        self
    }

    /// Notes the store's version that it was read at, and those at which its entries last changed.
    #[must_use]
    pub fn read_at(mut self, version: i64, changes: Vec<i64>) -> Self {
        self.version = version;
        self.changes = changes;
        self
    }

    /// The store's version that it was read at.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// How many entries it has that can be told apart.
    pub fn entries(&self) -> usize {
        self.changes.len()
    }

    /// How many of its entries a client lacks that shows these tags, and the tag that says so; `None`
    /// if no tag tells. `look` as for [`Self::marked`]: what was made under other settings has to be
    /// sent anew.
    pub fn lacking<'a>(&self, if_none_match: &[&'a str], look: &str) -> Option<(usize, &'a str)> {
        let tags = if_none_match.iter().flat_map(|field| tags(field));
        let (version, tag) = tags
            .filter_map(|tag| Some((seen(tag, look)?, tag)))
            .filter(|(version, _)| *version <= self.version)
            .max()?;
        let lacking = self.changes.iter().filter(|change| **change > version);
        Some((lacking.count(), tag))
    }

    /// The snapshot in its place after `previous`, of the same address: Last-Modified stays if
    /// nothing changed, and never goes backward, though the newest article may be withdrawn.
    #[must_use]
    pub fn after(mut self, previous: &Self) -> Self {
        if self.identity.bytes == previous.identity.bytes {
            self.last_modified = previous.last_modified;
            self.shares_its_second = previous.shares_its_second;
            return self.called_like(previous);
        }
        self.shares_its_second = self.last_modified <= previous.last_modified;
        self.last_modified = self.last_modified.max(previous.last_modified);
        self
    }

    /// The same under the tags of `previous`, whose bytes it has: a tag stays as long as they do.
    #[must_use]
    pub fn called_like(mut self, previous: &Self) -> Self {
        self.identity = previous.identity.clone();
        self.compressed.clone_from(&previous.compressed);
        self
    }

    /// The moment for `Last-Modified`, in whole seconds.
    pub fn last_modified(&self) -> Stamp {
        Stamp(self.last_modified.saturating_mul(1000))
    }

    /// `Last-Modified` as a header value (IMF-fixdate).
    pub fn last_modified_header(&self) -> String {
        let moment = self.last_modified().utc();
        moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Every coding, uncoded first.
    pub fn representations(&self) -> impl Iterator<Item = &Representation> {
        std::iter::once(&self.identity).chain(&self.compressed)
    }

    /// The coding that the client likes best, the smallest among equals. Without the header, or
    /// with none of ours in it, the bytes as they are; that holds even where the client forbids
    /// them, since a body is of more use to a reader than 406.
    pub fn choose(&self, accept_encoding: Option<&str>) -> &Representation {
        let wishes = accept_encoding.map(wishes).unwrap_or_default();
        self.representations()
            .filter_map(|one| Some((weight(&wishes, one.encoding)?, one)))
            .filter(|(weight, _)| *weight > 0)
            .min_by_key(|(weight, one)| (std::cmp::Reverse(*weight), one.bytes.len()))
            .map_or(&self.identity, |(_, one)| one)
    }

    /// The answer to a GET or HEAD.
    ///
    /// If-None-Match goes before If-Modified-Since, and is compared with the tag of the
    /// representation that would be sent, never with its siblings': a cache between us and
    /// readers may ask with the tag of a gzip body on behalf of a reader who doesn't take gzip,
    /// and a 304 would make it hand over that body. The price is one full answer to a reader
    /// that changes its mind about compression.
    pub fn answer(&self, conditions: &Conditions<'_>) -> Answer<'_> {
        let selected = self.choose(conditions.accept_encoding);
        let fresh = if conditions.if_none_match.is_empty() {
            conditions
                .if_modified_since
                .and_then(http_date)
                .is_some_and(|since| self.is_unchanged_since(since))
        } else {
            let mut fields = conditions.if_none_match.iter();
            fields.any(|field| matches_tag(field, &selected.etag))
        };
        if fresh {
            Answer::NotModified(selected)
        } else {
            Answer::Full(selected)
        }
    }

    /// A date says nothing of two changes within its second, so one that was shared proves
    /// nothing.
    fn is_unchanged_since(&self, since: i64) -> bool {
        self.last_modified < since || (self.last_modified == since && !self.shares_its_second)
    }
}

/// `Accept-Encoding` as (coding, weight in thousandths). Members that can't be read are left out.
fn wishes(header: &str) -> Vec<(&str, u16)> {
    header.split(',').filter_map(wish).collect()
}

fn wish(member: &str) -> Option<(&str, u16)> {
    let (coding, parameter) = match member.split_once(';') {
        Some((coding, parameter)) => (coding, Some(parameter)),
        None => (member, None),
    };
    let weight = parameter.map_or(Some(1000), quality)?;
    let coding = coding.trim();
    (!coding.is_empty()).then_some((coding, weight))
}

/// `q=0.5` in thousandths: one digit, at most three after the point, not above 1 (§12.4.2).
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    let (whole, part) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let known = name.trim().eq_ignore_ascii_case("q") && matches!(whole, "0" | "1") && digits;
    let thousandths: u16 = format!("{whole}{part:0<3}").parse().ok()?;
    (known && thousandths <= 1000).then_some(thousandths)
}

/// What the client gives a coding: by its name, else by `*`. `None` if it said nothing of it,
/// which leaves the bytes as they are for the last resort.
fn weight(wishes: &[(&str, u16)], encoding: Encoding) -> Option<u16> {
    let named = wishes.iter().find(|(name, _)| encoding.is_called(name));
    let any = || wishes.iter().find(|(name, _)| *name == "*");
    named.or_else(any).map(|(_, weight)| *weight)
}

/// Whether an `If-None-Match` value holds the tag, by weak comparison. What follows the first
/// member that can't be read is not looked at.
fn matches_tag(field: &str, etag: &str) -> bool {
    if field.trim() == "*" {
        return true;
    }
    let own = unmarked(etag.trim_matches('"'));
    tags(field).any(|tag| unmarked(tag) == own)
}

/// The opaque parts of the tags in an `If-None-Match` value.
fn tags(field: &str) -> impl Iterator<Item = &str> {
    let mut rest = field;
    std::iter::from_fn(move || {
        let (tag, after) = next_tag(rest)?;
        rest = after;
        Some(tag)
    })
}

/// A tag without what [`Snapshot::marked`] added: the same bytes may have been read at several
/// versions.
fn unmarked(tag: &str) -> &str {
    tag.split_once('.').map_or(tag, |(bare, _)| bare)
}

/// The version in a tag's mark, if it was made under the same settings.
fn seen(tag: &str, look: &str) -> Option<i64> {
    let (_, mark) = tag.split_once('.')?;
    let (version, made_under) = mark.split_once('.')?;
    version.parse().ok().filter(|_| made_under == look)
}

/// The opaque part of the first tag, and what follows it. Commas may stand inside a tag.
fn next_tag(list: &str) -> Option<(&str, &str)> {
    let member = list.trim_start_matches([' ', '\t', ',']);
    let quoted = member.strip_prefix("W/").unwrap_or(member);
    quoted.strip_prefix('"')?.split_once('"')
}

/// Seconds since the epoch of an HTTP date in any of its three forms (§5.6.7).
fn http_date(text: &str) -> Option<i64> {
    let forms = [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ];
    let read = |form| NaiveDateTime::parse_from_str(text.trim(), form).ok();
    Some(forms.into_iter().find_map(read)?.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "application/atom+xml; charset=utf-8";
    const MOMENT: Stamp = Stamp(1_687_788_420_123);
    const SAME: &str = "Mon, 26 Jun 2023 14:07:00 GMT";
    const LATER: &str = "Mon, 26 Jun 2023 14:07:01 GMT";
    const EARLIER: &str = "Mon, 26 Jun 2023 14:06:59 GMT";

    fn snapshot(text: &str) -> Snapshot {
        Snapshot::new(text.repeat(50).into_bytes(), TYPE, MOMENT).unwrap()
    }

    fn encoding(accept: &str) -> Encoding {
        snapshot("Новини Полтавщини. ")
            .choose(Some(accept))
            .encoding
    }

    fn asks<'a>(tag: &'a [&'a str], since: Option<&'a str>, accept: &'a str) -> Conditions<'a> {
        Conditions {
            if_none_match: tag.to_vec(),
            if_modified_since: since,
            accept_encoding: Some(accept),
        }
    }

    fn is_304(snapshot: &Snapshot, conditions: &Conditions<'_>) -> bool {
        matches!(snapshot.answer(conditions), Answer::NotModified(_))
    }

    #[test]
    fn every_coding_holds_the_same_document() {
        let snapshot = snapshot("Новини Полтавщини. ");
        let plain = snapshot.identity.bytes.clone();
        for one in snapshot.representations() {
            let mut out = Vec::new();
            match one.encoding {
                Encoding::Identity => out.extend(&one.bytes),
                Encoding::Gzip => {
                    let mut decoder = flate2::read::GzDecoder::new(&*one.bytes);
                    decoder.read_to_end(&mut out).unwrap();
                }
                Encoding::Brotli => brotli::BrotliDecompress(&mut &*one.bytes, &mut out).unwrap(),
                Encoding::Zstd => out = zstd::decode_all(&*one.bytes).unwrap(),
            }
            assert!(out == plain, "{:?}", one.encoding);
        }
    }

    #[test]
    fn another_date_is_all_that_redating_changes() {
        let (old, later) = (snapshot("a"), Stamp(MOMENT.0 + 5_000));
        let whole = Snapshot::new("a".repeat(50).into_bytes(), TYPE, later).unwrap();
        assert_eq!(old.redated(later), whole);
    }

    #[test]
    fn tags_differ_by_coding_and_content_and_nothing_else() {
        let (one, same, other) = (snapshot("a"), snapshot("a"), snapshot("b"));
        let tags = |s: &Snapshot| {
            s.representations()
                .map(|r| r.etag.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(tags(&one), tags(&same));
        let all: std::collections::HashSet<_> =
            tags(&one).into_iter().chain(tags(&other)).collect();
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn the_coding_is_the_one_liked_best() {
        let cases = [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZIP;Q=0.1", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("gzip;q=0.5, br;q=0.4, zstd;q=0.1", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("identity;q=1, gzip;q=0.5", Encoding::Identity),
            ("identity;q=0, gzip;q=0.001", Encoding::Gzip),
            ("identity;q=0", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("*;q=0, zstd", Encoding::Zstd),
            ("*, br;q=0, zstd;q=0, identity;q=0", Encoding::Gzip),
            ("deflate, compress", Encoding::Identity),
            ("gzip;q=2, br;q=0.1234, zstd;q=x, ;;;", Encoding::Identity),
            ("gzip;level=9, br ; q = 0.3", Encoding::Brotli),
        ];
        for (accept, expected) in cases {
            assert_eq!(encoding(accept), expected, "{accept}");
        }
    }

    #[test]
    fn among_equals_the_smallest_coding_goes() {
        let snapshot = snapshot("Новини Полтавщини. ");
        let least = snapshot.representations().map(|r| r.bytes.len()).min();
        for accept in ["gzip, deflate, br, zstd", "*"] {
            assert_eq!(Some(snapshot.choose(Some(accept)).bytes.len()), least);
        }
    }

    #[test]
    fn a_known_tag_is_answered_304_in_every_form() {
        let snapshot = snapshot("a");
        let etag = snapshot.choose(Some("gzip")).etag.clone();
        let list = format!(", \"a,b\",\t W/\"x\" ,{etag}");
        for field in [
            etag.clone(),
            format!("W/{etag}"),
            list,
            "*".into(),
            " * ".into(),
        ] {
            assert!(is_304(&snapshot, &asks(&[&field], None, "gzip")), "{field}");
        }
        assert!(is_304(
            &snapshot,
            &asks(&["\"x\"", &etag], Some(EARLIER), "gzip")
        ));
    }

    #[test]
    fn an_unknown_or_broken_tag_is_answered_in_full_whatever_the_date() {
        let snapshot = snapshot("a");
        let bare = snapshot.identity.etag.trim_matches('"').to_owned();
        let open = format!("\"{bare}");
        let lower = format!("w/{}", snapshot.identity.etag);
        for field in [
            "\"\"", "", "\"x\"", &bare, &open, &lower, "W/", "**", "\"x\" *",
        ] {
            assert!(
                !is_304(&snapshot, &asks(&[field], Some(LATER), "")),
                "{field}"
            );
        }
    }

    #[test]
    fn the_tag_of_another_coding_is_answered_in_full() {
        let snapshot = snapshot("a");
        let gzip = snapshot.choose(Some("gzip")).etag.clone();
        assert!(!is_304(&snapshot, &asks(&[&gzip], None, "identity")));
    }

    #[test]
    fn a_marked_tag_tells_what_its_holder_lacks_and_means_what_it_meant() {
        let now = snapshot("b").marked(9, "look").read_at(9, vec![3, 9, 7]);
        let held = snapshot("a").marked(5, "look").read_at(5, vec![3]);
        let tag = &*held.identity.etag;
        let bare = tag.trim_matches('"');
        assert_eq!(now.lacking(&["\"x\"", tag], "look"), Some((2, bare)));
        assert_eq!(now.lacking(&[tag], "other"), None);
        assert_eq!(held.lacking(&[&now.identity.etag], "look"), None);
        for unknown in [
            "",
            "*",
            "\"\"",
            "\"a.b\"",
            "\"a.5\"",
            "\"a.x.look\"",
            "\"a.5.look",
        ] {
            assert_eq!(now.lacking(&[unknown], "look"), None, "{unknown}");
        }
        let same_bytes = snapshot("b").marked(12, "look").read_at(12, vec![3, 9, 7]);
        let tag = &*now.identity.etag;
        assert!(is_304(&same_bytes, &asks(&[tag], None, "")));
        assert!(!is_304(&held, &asks(&[tag], None, "")));
    }

    #[test]
    fn a_date_counts_by_the_second_and_in_all_three_forms() {
        let snapshot = snapshot("a");
        let forms = [
            SAME,
            "Monday, 26-Jun-23 14:07:00 GMT",
            "Mon Jun 26 14:07:00 2023",
            LATER,
        ];
        for since in forms {
            assert!(is_304(&snapshot, &asks(&[], Some(since), "")), "{since}");
        }
        let broken = [
            "",
            "yesterday",
            "26 Jun 2023",
            "Mon, 26 Jun 2023 17:07:00 +0300",
            "0",
        ];
        for since in broken.into_iter().chain([EARLIER]) {
            assert!(!is_304(&snapshot, &asks(&[], Some(since), "")), "{since}");
        }
        assert_eq!(snapshot.last_modified_header(), SAME);
    }

    #[test]
    fn last_modified_never_goes_backward() {
        let old = snapshot("a");
        let mut new = snapshot("b");
        new.last_modified -= 3600;
        assert_eq!(new.after(&old).last_modified_header(), SAME);
    }

    #[test]
    fn two_changes_in_one_second_are_told_apart() {
        let old = snapshot("a");
        let new = snapshot("b").after(&old);
        assert!(is_304(&old, &asks(&[], Some(SAME), "")));
        assert!(!is_304(&new, &asks(&[], Some(SAME), "")));
        assert!(is_304(&new, &asks(&[], Some(LATER), "")));
        assert!(is_304(&new, &asks(&[&new.identity.etag], None, "")));
    }

    #[test]
    fn rendering_the_same_again_changes_nothing() {
        let old = snapshot("a");
        let mut again = snapshot("a");
        again.last_modified += 60;
        assert_eq!(again.after(&old), old);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_headers_are_answered_without_a_panic(
            tag in "[\"W/*, a-z\\PC]{0,20}", since in "\\PC{0,30}", accept in "[gzip*;q=0-9., \\PC]{0,30}",
        ) {
            thread_local!(static SNAPSHOT: Snapshot = snapshot("a"));
            SNAPSHOT.with(|one| {
                let answer = one.answer(&asks(&[&tag], Some(&since), &accept));
                let star = tag.trim() == "*";
                assert_eq!(matches!(answer, Answer::NotModified(_)), star);
            });
        }

        #[test]
        fn only_the_selected_tag_among_any_others_is_304(
            others in proptest::collection::vec("[!#-~а-я]{0,8}", 0..5),
            place in 0_usize..5, weak: bool, present: bool,
            accept in prop::sample::select(vec!["", "gzip", "br", "zstd", "*", "gzip;q=0.3, br;q=0.2"]),
        ) {
            thread_local!(static SNAPSHOT: Snapshot = snapshot("a"));
            SNAPSHOT.with(|one| {
                let selected = one.choose(Some(accept)).etag.clone();
                let mut tags: Vec<String> = others.iter().map(|tag| format!("\"{tag}\"")).collect();
                if present {
                    let tag = if weak { format!("W/{selected}") } else { selected };
                    tags.insert(place.min(tags.len()), tag);
                }
                tags.push("\"last\"".to_owned());
                let answer = one.answer(&asks(&[&tags.join(", ")], Some(LATER), accept));
                assert_eq!(matches!(answer, Answer::NotModified(_)), present);
            });
        }

        /// A reader that keeps both validators through any history of contents and clocks never
        /// gets a stale 304, and always gets one where nothing changed.
        #[test]
        fn no_history_gives_a_stale_304(
            history in proptest::collection::vec((0_u8..3, -2_000_i64..3_000, any::<bool>()), 1..12),
        ) {
            thread_local!(static CONTENTS: [Snapshot; 3] = ["a", "b", "c"].map(snapshot));
            CONTENTS.with(|contents| {
                let mut current: Option<Snapshot> = None;
                let mut held: Option<Snapshot> = None;
                let mut now = MOMENT;
                for (content, step, by_tag) in history {
                    now = Stamp(now.0 + step);
                    let mut next = contents[usize::from(content)].clone();
                    next.last_modified = now.seconds();
                    let next = current.as_ref().map_or(next.clone(), |previous| next.after(previous));
                    if let Some(held) = &held {
                        let since = held.last_modified_header();
                        let tags = [&*held.identity.etag];
                        let conditions = if by_tag { asks(&tags, None, "") } else { asks(&[], Some(&since), "") };
                        let same = held.identity.bytes == next.identity.bytes;
                        let fresh = is_304(&next, &conditions);
                        assert!(same || !fresh, "stale");
                        assert!(!same || !by_tag || fresh, "sent again");
                    }
                    held = Some(next.clone());
                    current = Some(next);
                }
            });
        }
    }
}
