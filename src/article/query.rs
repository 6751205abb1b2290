//! What somebody typed into the search box in, the words to look for out.
//!
//! An article must have every word. A word stands for all that begin like it, and a Ukrainian one
//! first loses its ending: «новини» finds «новина» and «новинами». That is cruder than a dictionary,
//! and needs none. Nothing in a [`Query`] means anything to a database: its words are letters and
//! digits.

use std::fmt;

/// The most words that are looked for; the rest is overlooked.
const MOST_WORDS: usize = 12;
/// The most letters of a word.
const MOST_LETTERS: usize = 40;
/// A beginning shorter than this says too little.
const LEAST_STEM: usize = 4;

/// Endings of nouns, adjectives and verbs, the longest first.
const ENDINGS: [&str; 52] = [
    "ься", "ами", "ями", "ові", "еві", "єві", "ого", "ому", "ими", "іми", "ють", "уть", "ить",
    "ять", "ать", "ої", "ою", "ею", "єю", "ах", "ях", "ам", "ям", "ом", "ем", "єм", "ів", "їв",
    "ий", "ій", "їй", "их", "іх", "им", "ім", "ую", "юю", "ти", "ла", "ло", "ли", "а", "я", "о",
    "е", "є", "у", "ю", "и", "і", "ї", "ь",
];

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query(Vec<String>);

impl Query {
    /// Reads what was typed, whatever it is; `None` if there is no word in it.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !is_apostrophe(*c)).collect();
        let lower = text.to_lowercase();
        let words = lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(MOST_WORDS)
            .map(beginning);
        let words: Vec<String> = words.collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// How the words begin, in lower case.
    pub fn beginnings(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// They, and the stress mark, are left out of the index too.
fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '`' | '\u{301}')
}

fn beginning(word: &str) -> String {
    let word: String = word.chars().take(MOST_LETTERS).collect();
    let is_ukrainian = word.chars().all(|c| ('а'..='ґ').contains(&c));
    let stem = |ending: &&str| {
        word.strip_suffix(*ending)
            .filter(|stem| stem.chars().count() >= LEAST_STEM)
    };
    let stem = ENDINGS.iter().find_map(stem).filter(|_| is_ukrainian);
    stem.map(str::to_owned).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> String {
        Query::parse(text).map_or_else(String::new, |query| query.to_string())
    }

    #[test]
    fn a_ukrainian_word_loses_its_ending_and_keeps_its_beginning() {
        let cases = [
            ("Новини", "новин"),
            ("новинами", "новин"),
            ("області", "област"),
            ("область", "област"),
            ("Полтаві", "полтав"),
            ("офіс", "офіс"),
            ("ЗСУ", "зсу"),
            ("міста", "міст"),
            ("office", "office"),
            ("п'ять пʼять п’ять", "пять пять пять"),
            ("військово-цивільна", "військов цивільн"),
        ];
        for (typed, expected) in cases {
            assert_eq!(words(typed), expected);
        }
    }

    #[test]
    fn what_holds_no_word_is_no_query() {
        for text in ["", "  ", "\"*", "' OR --", "%;()", "🌻"] {
            assert_eq!(words(text), words(&text.replace("OR", "or")), "{text}");
        }
        assert_eq!(Query::parse("\"* () -- %"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_the_words_are_letters_and_digits(text in "\\PC{0,300}") {
            if let Some(query) = Query::parse(&text) {
                prop_assert!(query.beginnings().len() <= MOST_WORDS);
                for word in query.beginnings() {
                    prop_assert!(!word.is_empty() && word.chars().all(char::is_alphanumeric));
                }
            }
        }
    }
}
