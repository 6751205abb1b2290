//! Whether two stories are one: names that sources give them, and what they say. Pure.
//!
//! A name proves more than a likeness: what a source calls by a name it has used is the same
//! article, whatever it says now. Only what comes under an unknown name is compared by its words,
//! and there doubt keeps stories apart: a duplicate is a nuisance, a merged story is lost.

use std::collections::BTreeSet;

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;
use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;
use chrono::Timelike;
use similar::Algorithm;
use similar::capture_diff_slices;
use similar::get_diff_ratio;
use url::Url;

use crate::article::tracking::without_tracking;

/// How many hashes of a text are kept: of two texts that share four fifths, at least one agrees in
/// 998 cases of 1,000.
const SKETCH: usize = 4;
/// Words that are hashed together.
const SHINGLE: usize = 3;
/// Words of a text that are compared.
const COMPARED: usize = 1200;
/// A text of fewer words tells too little.
const TELLING: usize = 25;
/// Two sources bring one story within this time.
const TOGETHER: TimeDelta = TimeDelta::days(3);

/// An address or identifier without what doesn't tell articles apart: scheme, `www.`, the default
/// port, a slash at the end, tracking parameters.
pub(crate) fn key(name: &str) -> String {
    let name = name.trim();
    let Ok(mut url) = Url::parse(name) else {
        return name.to_owned();
    };
    let Some(host) = url.host_str().map(|host| host.trim_start_matches("www.")) else {
        return name.to_owned();
    };
    if !matches!(url.scheme(), "http" | "https") {
        return name.to_owned();
    }
    let host = host.trim_end_matches('.').to_owned();
    without_tracking(&mut url);
    let port = url.port().filter(|port| !matches!(port, 80 | 443));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    let query = url.query().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let fragment = url.fragment().filter(|fragment| !fragment.is_empty());
    let fragment = fragment.map(|part| format!("#{part}")).unwrap_or_default();
    format!("//{host}{port}{path}{query}{fragment}")
}

/// Whether a key of an address leads to something within a site, and not to its front page.
pub(crate) fn leads_to_a_page(key: &str) -> bool {
    let rest = key.trim_start_matches("//");
    rest.split_once(['/', '?'])
        .is_some_and(|(_, page)| !page.is_empty())
}

/// What of a story is compared.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    title: Words,
    text: Words,
    published: Option<DateTime<FixedOffset>>,
}

impl Story {
    pub(crate) fn of(title: &str, text: &str, published: Option<DateTime<FixedOffset>>) -> Self {
        Self {
            title: Words::of(title, usize::MAX),
            text: Words::of(text, COMPARED),
            published,
        }
    }

    /// Hashes by which stories that may be the same are found. They are stored, and must come out
    /// the same for ever.
    pub(crate) fn marks(&self) -> Vec<i64> {
        let mut told = Vec::new();
        let shingles = self.text.shingles();
        let mut marks = least(shingles.map(|shingle| mark(&mut told, "text", shingle)));
        if self.title.count() > 0 {
            marks.push(mark(&mut told, "title", self.title.line.as_bytes()));
        }
        if let Some(at) = self.moment() {
            marks.push(mark(&mut told, "at", at.to_string().as_bytes()));
        }
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    /// The millisecond, if it's more than a day.
    fn moment(&self) -> Option<i64> {
        let date = self.published?;
        let midnight = date.num_seconds_from_midnight() == 0;
        (!midnight).then(|| date.timestamp_millis())
    }

    /// Whether a source that no longer uses its old name for `known` means it by this one.
    pub(crate) fn is_renamed(&self, known: &Self) -> bool {
        let dated = self.published.is_some() || known.published.is_some();
        let same_date = dated && self.published == known.published;
        let same_moment = self.moment().is_some() && self.moment() == known.moment();
        let same_title = !self.title.line.is_empty() && self.title == known.title;
        if self.tells() && known.tells() {
            let alike = || ratio(&self.text, &known.text);
            return (same_title && same_date && alike() >= 0.7)
                || (same_title && !dated && alike() >= 0.9)
                || (same_moment
                    && numbers(&self.title) == numbers(&known.title)
                    && alike() >= 0.8);
        }
        let same_text = self.text == known.text;
        let close = || self.title_ratio(known) >= 0.8;
        same_moment
            && (same_title
                || (same_text && close() && numbers(&self.title) == numbers(&known.title)))
    }

    /// Whether what another source brings is this story.
    pub(crate) fn is_told_by(&self, other: &Self) -> bool {
        if let (Some(here), Some(there)) = (self.published, other.published)
            && (here - there).abs() > TOGETHER
        {
            return false;
        }
        if numbers(&self.title) != numbers(&other.title) {
            return false;
        }
        let same_title = self.title.count() >= 4 && self.title == other.title;
        if self.tells() && other.tells() {
            let close = same_title || self.title_ratio(other) >= 0.75;
            let same_numbers = nearly(&numbers(&self.text), &numbers(&other.text));
            return (close && same_numbers && ratio(&self.text, &other.text) >= 0.85)
                || (same_title && is_part(&self.text, &other.text));
        }
        same_title
            && self.title.count() >= 6
            && self.moment().is_some()
            && self.moment() == other.moment()
    }

    /// Whether two stories under one address are told alike enough to be one.
    pub(crate) fn is_close_to(&self, other: &Self) -> bool {
        self.title_ratio(other) >= 0.5 || ratio(&self.text, &other.text) >= 0.6
    }

    /// From 0 to 1: how much of the titles' words is the same.
    pub(crate) fn title_ratio(&self, other: &Self) -> f32 {
        ratio(&self.title, &other.title)
    }

    fn tells(&self) -> bool {
        self.text.count() >= TELLING
    }
}

/// Words in lower case; signs are no part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    /// A blank between each two.
    line: String,
    /// Where each begins, and where one more would.
    begin: Vec<usize>,
}

impl Words {
    /// So many at most.
    fn of(text: &str, most: usize) -> Self {
        let mut line = String::with_capacity(text.len().min(most.saturating_mul(16)));
        let mut begin = vec![0];
        let words = text.split(|sign| !is_of_a_word(sign));
        for word in words.filter(|word| !word.is_empty()).take(most) {
            if !line.is_empty() {
                line.push(' ');
            }
            lower(word, &mut line);
            begin.push(line.len() + 1);
        }
        Self { line, begin }
    }

    fn count(&self) -> usize {
        self.begin.len() - 1
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.line.split(' ').filter(|word| !word.is_empty())
    }

    /// Each few that follow one another, with the blanks between them.
    fn shingles(&self) -> impl Iterator<Item = &[u8]> {
        let windows = self.begin.windows(SHINGLE + 1);
        windows.filter_map(|begin| {
            let (from, next) = (*begin.first()?, *begin.last()?);
            self.line.as_bytes().get(from..next - 1)
        })
    }
}

/// Of what most of our texts consist is told without a look into Unicode's tables, which takes
/// longer than all the rest.
fn is_of_a_word(sign: char) -> bool {
    matches!(sign, 'Ѐ'..='џ') || sign.is_alphanumeric()
}

/// As [`str::to_lowercase`] has it.
fn lower(word: &str, line: &mut String) {
    if word.contains('Σ') {
        line.push_str(&word.to_lowercase()); // the only letter whose place matters
        return;
    }
    for sign in word.chars() {
        match sign {
            'а'..='џ' => line.push(sign),
            _ => line.extend(sign.to_lowercase()),
        }
    }
}

fn ratio(one: &Words, other: &Words) -> f32 {
    let longest = one.count().max(other.count());
    // What is half as long can't be alike; comparing it would take longest.
    if longest == 0 || one.count().min(other.count()) * 5 < longest * 2 {
        return 0.0;
    }
    let (one, other): (Vec<&str>, Vec<&str>) = (one.iter().collect(), other.iter().collect());
    let ops = capture_diff_slices(Algorithm::Myers, &one, &other);
    get_diff_ratio(&ops, one.len(), other.len())
}

/// Whether the shorter text is a beginning, or most of it a part, of the longer one.
fn is_part(one: &Words, other: &Words) -> bool {
    let (short, long) = if one.count() < other.count() {
        (one, other)
    } else {
        (other, one)
    };
    let short: BTreeSet<&[u8]> = short.shingles().collect();
    let long: BTreeSet<&[u8]> = long.shingles().collect();
    let shared = short.intersection(&long).count();
    !short.is_empty() && shared * 10 >= short.len() * 9
}

/// The words that hold digits: «5 червня» and «6 червня» are two stories.
fn numbers(words: &Words) -> Vec<&str> {
    let holds_digits = |word: &&str| word.contains(char::is_numeric);
    words.iter().filter(holds_digits).collect()
}

/// Whether one holds all of the other, in order, and at most two more: an addition, as edits make.
fn nearly(one: &[&str], other: &[&str]) -> bool {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let mut rest = long.iter();
    long.len() - short.len() <= 2 && short.iter().all(|word| rest.any(|other| other == word))
}

/// The smallest few, each once.
fn least(marks: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut least = Vec::with_capacity(SKETCH + 1);
    for mark in marks {
        if let Err(place) = least.binary_search(&mark)
            && place < SKETCH
        {
            least.insert(place, mark);
            least.truncate(SKETCH);
        }
    }
    least
}

/// `told` is what the hash is taken of; whoever makes many keeps it.
fn mark(told: &mut Vec<u8>, kind: &str, text: &[u8]) -> i64 {
    told.clear();
    told.extend_from_slice(kind.as_bytes());
    told.push(0x1f);
    told.extend_from_slice(text);
    let hash = digest(&SHA256, told);
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(text).ok()
    }

    #[test]
    fn names_that_mean_one_page_have_one_key() {
        let same = [
            "http://example.org/news/1",
            "https://example.org/news/1/",
            "https://www.example.org:443/news/1?utm_source=rss&fbclid=x",
            "HTTPS://EXAMPLE.org/news/1",
        ];
        for name in same {
            assert_eq!(key(name), "//example.org/news/1");
        }
        for name in [
            "tag:example.org,2023:1",
            "12",
            "mailto:a@b.example",
            "Новина",
        ] {
            assert_eq!(key(name), name);
        }
        assert_ne!(
            key("https://example.org/?id=1"),
            key("https://example.org/?id=2")
        );
        assert_ne!(key("https://example.org/#1"), key("https://example.org/#2"));
        assert!(!leads_to_a_page(&key("https://example.org/")));
        assert!(leads_to_a_page(&key("https://example.org/?id=1")));
    }

    fn told(number: usize) -> String {
        let words = (0..60).map(|word| format!("слово{}", word * number % 97));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_title_on_two_dates_is_two_stories() {
        let text = told(3);
        let june = Story::of("Корисні новини", &text, at("2023-06-26T00:00:00+03:00"));
        let december = Story::of("Корисні новини", &text, at("2025-12-18T00:00:00+02:00"));
        assert!(!june.is_renamed(&december) && !june.is_told_by(&december));
        assert!(june.is_renamed(&june.clone()));
    }

    #[test]
    fn titles_that_differ_in_a_number_are_two_stories() {
        let date = at("2026-06-01T10:00:00Z");
        let text = told(5);
        let first = Story::of("Зведення за 5 червня у нашій області", &text, date);
        let second = Story::of("Зведення за 6 червня у нашій області", &text, date);
        assert!(!first.is_told_by(&second) && !first.is_renamed(&second));
    }

    #[test]
    fn alike_texts_share_a_mark() {
        let text = told(7);
        let edited = text.replacen("слово7 ", "інше ", 1);
        let one = Story::of("Перша", &text, None).marks();
        let other = Story::of("Друга", &edited, None).marks();
        assert!(one.iter().any(|mark| other.contains(mark)));
    }

    /// The values that stand in databases.
    #[test]
    fn marks_stay_what_they_were() {
        let text = "У Києві — «Ґанок-2026»: ЇЖА, чай\u{301} і ΛΌΓΟΣ ΣΟΦΊΑΣ; İstanbul, Straße № 5!";
        let marks = Story::of("Їжа: 5 ΣΟΦΌΣ", text, at("2026-06-01T10:00:00Z")).marks();
        let stored = [
            -9_068_888_880_188_539_036,
            -8_240_541_091_755_940_398,
            -4_516_184_750_873_534_682,
            -4_186_798_599_423_770_951,
            -2_830_495_722_498_037_523,
            -1_826_434_873_152_559_642,
        ];
        assert_eq!(marks, stored);
    }

    #[test]
    fn words_are_lowered_as_the_standard_library_does() {
        let all: String = ('\0'..=char::MAX)
            .flat_map(|sign| ['Σ', sign, 'ω', ' '])
            .collect();
        let apart: String = ('\0'..=char::MAX)
            .flat_map(|sign| ['ж', sign, ' '])
            .collect();
        for text in [all, apart] {
            let words: Vec<String> = text
                .split(|sign: char| !sign.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect();
            let told = Words::of(&text, usize::MAX);
            assert_eq!(told.line, words.join(" "));
            assert_eq!(told.count(), words.len());
        }
    }
}
