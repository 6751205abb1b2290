//! A short line of a page in, the date in it out: amid other words, at an edge, before a report.

use chrono::{DateTime, FixedOffset};

use crate::article::date;
use crate::source::read::How;

/// Words of the longest date.
const DATE: usize = 9;

/// How texts begin that say when an article was published.
const BEGINNINGS: &[&str] = &[
    "дата",
    "оприлюднено",
    "опубліковано",
    "розміщено",
    "опубликовано",
    "додано",
    "створено",
    "publish",
    "posted",
    "date",
    "created",
    "written",
    "released",
    "veröffentlicht",
    "erstellt",
    "datum",
    "geschrieben",
    "eingestellt",
    "dieser artikel",
    "dieser beitrag",
    "stand",
    "publié",
    "mis en ligne",
    "mise en ligne",
    "paru",
    "publicado",
    "publicada",
    "pubblicato",
    "pubblicata",
    "opublikowano",
    "opublikowane",
    "dodano",
    "gepubliceerd",
    "geplaatst",
    "publicerad",
    "publisert",
    "udgivet",
    "publikováno",
    "zveřejněno",
];

/// Words that say that an article was changed, as they begin.
const CHANGED: &[&str] = &[
    "оновлен",
    "змінен",
    "відредагован",
    "обновлен",
    "изменен",
    "updat",
    "modif",
    "edited",
    "changed",
    "revised",
    "aktualis",
    "geändert",
    "bearbeitet",
    "actualiz",
    "aggiornat",
    "zaktualizowan",
    "aktualizacja",
    "bijgewerkt",
    "uppdatera",
    "oppdater",
    "opdater",
];

/// Signs that part a date from other words.
const SIGNS: &[char] = &['|', '•', '·', '–', '—', '-', ',', '/', '('];

/// Whether it begins with words that say when an article was published.
pub(super) fn begins_so(line: &str) -> bool {
    let line = line.to_lowercase();
    BEGINNINGS.iter().any(|words| line.starts_with(words))
}

/// Whether the word says that something was changed.
pub(super) fn tells_change(word: &str) -> bool {
    let word = word.trim_start_matches('(').to_lowercase();
    CHANGED.iter().any(|beginning| word.starts_with(beginning))
}

/// Whether it is the line of a copyright.
fn is_copyright(line: &str) -> bool {
    line.contains(['©', '℗']) || line.to_lowercase().contains("copyright")
}

/// The first date amid words: of publication, or of the last change.
pub(super) fn date_amid(
    line: &str,
    of_change: bool,
    how: &How<'_>,
) -> Option<DateTime<FixedOffset>> {
    let words = parts(line);
    let mut from = if is_copyright(line) { words.len() } else { 0 };
    while from < words.len() {
        let Some((length, date)) = date_from(&words, from, how) else {
            from += 1;
            continue;
        };
        let around = words.get(from.saturating_sub(2)..from + length);
        let mut around = around.unwrap_or_default().iter();
        if around.any(|word| tells_change(word)) == of_change {
            return Some(date);
        }
        from += length;
    }
    None
}

fn parts(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| *word != "|").collect()
}

/// The longest date that begins with the word, and how many words it is.
fn date_from(words: &[&str], from: usize, how: &How<'_>) -> Option<(usize, DateTime<FixedOffset>)> {
    let most = DATE.min(words.len() - from);
    (1..=most).rev().find_map(|length| {
        let span = words.get(from..from + length)?;
        if length > 1 && span.last().is_some_and(|word| tells_change(word)) {
            return None;
        }
        let text = span.join(" ");
        let text = text.trim_matches(['(', ')', '[', ']', ',', '.', ';', ':', '»', '›']);
        Some((length, date::read(text, how.zone, how.now)?))
    })
}

/// A date with which a line begins or ends, parted from its other words by a sign.
pub(super) fn date_at_edge(line: &str, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let places = || line.char_indices().filter(|(_, c)| SIGNS.contains(c));
    let read = |text: Option<&str>| date::read(text?, how.zone, how.now);
    let first = places().rev().find_map(|(at, _)| read(line.get(..at)));
    first.or_else(|| places().find_map(|(at, c)| read(line.get(at + c.len_utf8()..))))
}

/// A date and a clock time with which a line begins, whatever follows: prose doesn't begin so.
pub(super) fn date_before(line: &str, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let words = parts(line);
    if !line.starts_with(|c: char| c.is_ascii_digit()) || words.iter().any(|w| tells_change(w)) {
        return None;
    }
    let (length, date) = date_from(&words, 0, how)?;
    let clock = words.get(..length)?.iter().any(|word| word.contains(':'));
    clock.then_some(date)
}

/// The date before a report, after its place or in brackets: «Полтава, 26 червня 2023 р. – …».
pub(super) fn dateline(beginning: &str, how: &How<'_>) -> Option<DateTime<FixedOffset>> {
    let ends = [" – ", " — ", " - ", " -- ", " | ", "). ", ") ", " / "];
    let ends = ends
        .iter()
        .filter_map(|end| Some((beginning.find(end)?, end)));
    let (at, end) = ends.min()?;
    let head = beginning.get(..at)?;
    let (place, text) = match head.rsplit_once('(') {
        Some(parted) if end.starts_with(')') => parted,
        _ if end.starts_with(')') => return None,
        _ => head.split_once(", ").or_else(|| head.split_once(" vom "))?,
    };
    let few = place.split_whitespace().count() <= 3 && !place.ends_with(['.', '!', '?']);
    let named = place.is_empty() || place.starts_with(char::is_uppercase);
    date::read(text, how.zone, how.now).filter(|_| few && named)
}
