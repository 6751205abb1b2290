//! The catalogue of words: every sentence that people read, in each language.
//!
//! In come `words/uk.toml` and `words/en.toml`: a key with dots and a text, or a table of plural
//! forms (`{ one = …, few = …, many = … }`). Placeholders are names in braces: `{count}`,
//! `{site}`. Out come sentences. A key that one language lacks, a form too few or a placeholder
//! that differs is found when the words are loaded, never while a letter is written.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::locale::Language;
use crate::locale::Plural;

/// Something wrong in a file of templates or words, with where it is.
pub type Problem = String;

/// One entry of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// The same whatever the count.
    Plain(String),
    /// By plural category.
    Counted(BTreeMap<&'static str, String>),
}

/// All words of all languages.
#[derive(Debug, Clone, Default)]
pub struct Words(BTreeMap<Language, BTreeMap<String, Word>>);

impl Words {
    /// Takes in one file of words; a key that is there already is replaced, so that an
    /// operator's file need hold only what it changes.
    pub fn add(&mut self, language: Language, file: &str, text: &str) -> Result<(), Vec<Problem>> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let before = text.get(..error.span().map_or(0, |span| span.start));
            let line = before.unwrap_or_default().matches('\n').count() + 1;
            vec![format!("{file}:{line}: {}", error.message())]
        })?;
        let mut problems = Vec::new();
        let known = self.0.entry(language).or_default();
        flatten(String::new(), table, &mut |key, word| match word {
            Ok(word) => {
                known.insert(key, word);
            }
            Err(got) => problems.push(format!(
                "{file}: expected text or plural forms at `{key}`, but got {got}"
            )),
        });
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// What is wrong with the catalogue as a whole: keys that a language lacks, plural forms
    /// too few, placeholders that differ.
    pub fn problems(&self) -> Vec<Problem> {
        let every: BTreeSet<&String> = self.0.values().flat_map(BTreeMap::keys).collect();
        let mut problems = Vec::new();
        for language in Language::all() {
            let file = format!("words/{language}.toml");
            for key in &every {
                match self.find(language, key) {
                    None => problems.push(format!("{file}: expected the key `{key}`, which another language has, but it isn't there")),
                    Some(Word::Counted(forms)) => {
                        for form in Plural::of(language).iter().map(|form| form.as_str()) {
                            if !forms.contains_key(form) {
                                problems.push(format!("{file}: expected the form `{form}` at `{key}`, but it isn't there"));
                            }
                        }
                    }
                    Some(Word::Plain(_)) => {}
                }
            }
        }
        problems.extend(every.iter().filter_map(|key| self.differing(key)));
        problems
    }

    /// A problem if the languages disagree on the placeholders of `key`.
    fn differing(&self, key: &str) -> Option<Problem> {
        let mut sets = Language::all()
            .into_iter()
            .filter_map(|language| self.find(language, key))
            .map(Word::placeholders);
        let first = sets.next()?;
        sets.any(|other| other != first).then(|| {
            format!(
                "words: expected the same placeholders at `{key}` in each language, but they differ"
            )
        })
    }

    fn find(&self, language: Language, key: &str) -> Option<&Word> {
        self.0.get(&language)?.get(key)
    }

    /// Whether there is such a key, or a family of keys that starts with it: `cadence` stands
    /// for `cadence.daily` and its like.
    pub fn knows(&self, key: &str) -> bool {
        let family = format!("{key}.");
        self.0
            .values()
            .flat_map(BTreeMap::keys)
            .any(|known| known == key || known.starts_with(&family))
    }

    /// The sentence at `key`, its placeholders filled from `fill`. A counted word takes its form
    /// from `count`. The error says in words which key or placeholder is missing.
    pub fn say(
        &self,
        language: Language,
        key: &str,
        count: Option<u64>,
        fill: &[(&str, String)],
    ) -> Result<String, String> {
        let word = self
            .find(language, key)
            .ok_or_else(|| format!("expected a key of the words, but got `{key}`"))?;
        let text = match (word, count) {
            (Word::Plain(text), _) => Some(text),
            (Word::Counted(forms), Some(count)) => forms.get(language.plural(count).as_str()),
            (Word::Counted(_), None) => None,
        };
        let text = text.ok_or_else(|| format!("expected `count` for the words at `{key}`"))?;
        let mut pieces = text.split('{');
        let mut said = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
            match (name, count, fill.iter().find(|(known, _)| *known == name)) {
                (_, _, Some((_, value))) => said.push_str(value),
                ("count", Some(count), _) => said.push_str(&language.number(count)),
                _ => return Err(format!("expected `{name}` for the words at `{key}`")),
            }
            said.push_str(rest);
        }
        Ok(said)
    }
}

impl Word {
    fn placeholders(&self) -> BTreeSet<&str> {
        let texts: Vec<&String> = match self {
            Self::Plain(text) => vec![text],
            Self::Counted(forms) => forms.values().collect(),
        };
        texts
            .into_iter()
            .flat_map(|text| text.split('{').skip(1))
            .filter_map(|piece| Some(piece.split_once('}')?.0))
            .collect()
    }
}

/// Walks nested tables and hands out each leaf with its dotted key.
fn flatten(
    prefix: String,
    table: toml::Table,
    leaf: &mut impl FnMut(String, Result<Word, &'static str>),
) {
    if let Some(forms) = plural_forms(&table) {
        leaf(prefix, Ok(Word::Counted(forms)));
        return;
    }
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::String(text) => leaf(key, Ok(Word::Plain(text))),
            toml::Value::Table(table) => flatten(key, table, leaf),
            other => leaf(key, Err(other.type_str())),
        }
    }
}

/// The forms, if the table is one of plural forms: nothing but category names and texts.
fn plural_forms(table: &toml::Table) -> Option<BTreeMap<&'static str, String>> {
    let categories = [Plural::One, Plural::Few, Plural::Many, Plural::Other];
    if table.is_empty() {
        return None;
    }
    table
        .iter()
        .map(|(name, value)| {
            let category = categories.iter().find(|known| known.as_str() == name)?;
            Some((category.as_str(), value.as_str()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(uk: &str, en: &str) -> Words {
        let mut words = Words::default();
        words.add(Language::Uk, "words/uk.toml", uk).unwrap();
        words.add(Language::En, "words/en.toml", en).unwrap();
        words
    }

    #[test]
    fn a_count_chooses_the_form() {
        let words = words(
            "n = { one = '{count} новина', few = '{count} новини', many = '{count} новин' }",
            "n = { one = '{count} article', other = '{count} articles' }",
        );
        assert!(words.problems().is_empty(), "{:?}", words.problems());
        let uk = |count| words.say(Language::Uk, "n", Some(count), &[]).unwrap();
        let said = [0, 1, 2, 5, 11, 21, 22, 25, 101, 111, 121].map(uk);
        assert_eq!(
            said.join(", "),
            "0 новин, 1 новина, 2 новини, 5 новин, 11 новин, 21 новина, 22 новини, 25 новин, \
             101 новина, 111 новин, 121 новина"
        );
        let en = |count| words.say(Language::En, "n", Some(count), &[]).unwrap();
        assert_eq!([0, 1, 2].map(en), ["0 articles", "1 article", "2 articles"]);
    }

    #[test]
    fn every_problem_is_told_with_its_key() {
        let words = words(
            "a = 'так {site}'\nb.c = 'є'\nn = { one = '1', few = '2' }",
            "a = 'yes'\nn = { one = '1', other = '2' }",
        );
        let problems = words.problems().join("\n");
        for part in [
            "en.toml: expected the key `b.c`",
            "`many` at `n`",
            "placeholders at `a`",
        ] {
            assert!(problems.contains(part), "{part} in {problems}");
        }
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let mut words = Words::default();
        let problems = words
            .add(Language::Uk, "words/uk.toml", "a = 'б'\nb = \n")
            .unwrap_err();
        assert!(problems[0].starts_with("words/uk.toml:2: "), "{problems:?}");
        let problems = words
            .add(Language::Uk, "words/uk.toml", "a = 5")
            .unwrap_err();
        assert!(
            problems[0].contains("at `a`, but got integer"),
            "{problems:?}"
        );
    }

    #[test]
    fn what_is_filled_in_is_never_read_as_a_placeholder() {
        let words = words("a = '{site}!'", "a = '{site}!'");
        let said = words.say(Language::Uk, "a", None, &[("site", "{count}".into())]);
        assert_eq!(said.unwrap(), "{count}!");
        let missing = words.say(Language::Uk, "a", None, &[]).unwrap_err();
        assert_eq!(missing, "expected `site` for the words at `a`");
    }
}
