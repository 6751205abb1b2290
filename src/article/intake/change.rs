//! What an edit changed, word by word or line by line.

use serde::Serialize;
use similar::ChangeTag;
use similar::TextDiff;

use crate::article::Article;
use crate::article::clean;
use crate::article::clean::SafeHtml;
use crate::store::article::Revision;

/// Texts beyond so many bytes are compared by their beginnings.
const COMPARED: usize = 60_000;

/// A stretch of text, and whether an edit kept it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// What the edit did to it.
    pub edit: Edit,
    /// The words, with the space after them.
    pub text: String,
}

/// What an edit did to a stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Edit {
    /// It stands as it stood.
    Kept,
    /// It's gone.
    Removed,
    /// It's new.
    Added,
}

/// What one edit changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The revision that the edit made.
    pub revision: i64,
    /// When.
    pub at: crate::clock::Stamp,
    /// The title, the old one and the new one in one.
    pub title: Vec<Stretch>,
    /// The text, likewise; the summary if there is no text.
    pub text: Vec<Stretch>,
}

/// Every edit of an article, the oldest first.
pub fn history(article: &Article, revisions: &[Revision]) -> Vec<Change> {
    let now = (
        article.title.as_str(),
        said(&article.html, &article.summary),
    );
    let said_before = revisions
        .iter()
        .map(|old| (old.title.as_str(), said(&old.html, &old.summary)));
    let told: Vec<(&str, String)> = said_before.chain([now]).collect();
    let edits = told.windows(2).zip(revisions);
    edits
        .filter_map(|(pair, old)| {
            let [before, after] = pair else { return None };
            Some(Change {
                revision: old.number + 1,
                at: old.replaced_at,
                title: between(before.0, after.0),
                text: between(&before.1, &after.1),
            })
        })
        .collect()
}

fn said(html: &SafeHtml, summary: &str) -> String {
    if html.is_empty() {
        summary.to_owned()
    } else {
        clean::plain_text(html).trim().to_owned()
    }
}

/// What became of the lines of one text in another, as `diff -u` tells it.
pub fn by_line(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(beginning(before), beginning(after));
    let mut told = diff.unified_diff();
    told.context_radius(1).missing_newline_hint(false);
    told.to_string()
}

/// What became of the words of one text in another.
pub fn between(before: &str, after: &str) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let diff = TextDiff::from_words(beginning(before), beginning(after));
    for change in diff.iter_all_changes() {
        let edit = match change.tag() {
            ChangeTag::Equal => Edit::Kept,
            ChangeTag::Delete => Edit::Removed,
            ChangeTag::Insert => Edit::Added,
        };
        match stretches.last_mut() {
            Some(last) if last.edit == edit => last.text.push_str(change.value()),
            _ => stretches.push(Stretch {
                edit,
                text: change.value().to_owned(),
            }),
        }
    }
    stretches
}

fn beginning(text: &str) -> &str {
    let end = text.floor_char_boundary(COMPARED.min(text.len()));
    text.get(..end).unwrap_or(text)
}

/// The same on one line of plain text: `Рада [-ухвалила-] {+схвалила+} бюджет`, with what was kept
/// shortened to its ends.
pub fn plain(stretches: &[Stretch]) -> String {
    let shown = stretches.iter().map(|stretch| {
        let text = stretch.text.trim_end();
        let space = stretch.text.get(text.len()..).unwrap_or_default();
        match stretch.edit {
            Edit::Kept => format!("{}{space}", ends(text)),
            Edit::Removed => format!("[-{text}-]{space}"),
            Edit::Added => format!("{{+{text}+}}{space}"),
        }
    });
    shown.collect()
}

/// The first and the last words of a long stretch.
fn ends(text: &str) -> String {
    const WORDS: usize = 8;
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() <= 2 * WORDS + 1 {
        return text.to_owned();
    }
    let (first, rest) = words.split_at(WORDS);
    let last = rest.get(rest.len() - WORDS..).unwrap_or_default();
    format!("{} … {}", first.join(" "), last.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_told_line_by_line() {
        let told = by_line("а\nб\nв\nг", "а\nб\nґ\nг");
        assert_eq!(told, "@@ -2,3 +2,3 @@\n б\n-в\n+ґ\n г\n");
        assert_eq!(by_line("те саме", "те саме"), "");
    }

    #[test]
    fn an_edit_is_told_word_by_word() {
        let change = between("Рада ухвалила бюджет", "Рада схвалила бюджет міста");
        assert_eq!(
            plain(&change),
            "Рада [-ухвалила-]{+схвалила+} бюджет{+ міста+}"
        );
        assert!(
            between("те саме", "те саме")
                .iter()
                .all(|one| one.edit == Edit::Kept)
        );
    }
}
