//! The two languages Visnyk speaks: which one a person wants, their plural rules (CLDR), their
//! numbers, and their dates in words.
//!
//! In come whole numbers and dates that already stand in the reader's zone; out come texts.
//! Nothing here knows a zone, reads a file or formats sentences: those are words of the
//! catalogue (`templates/words/`).

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Timelike, Weekday};
use serde::{Deserialize, Serialize};

/// A language of letters and pages.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Ukrainian.
    #[default]
    Uk,
    /// English.
    En,
}

/// Why a text is no [`Language`].
#[derive(Debug, thiserror::Error)]
#[error("expected one of `uk`, `en`, but got `{0}`")]
pub struct BadLanguage(String);

impl Language {
    /// Every language, the first home's own first.
    pub const fn all() -> [Self; 2] {
        [Self::Uk, Self::En]
    }

    /// The BCP 47 tag: also the word in the database, in `?l=` and in `lang=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uk => "uk",
            Self::En => "en",
        }
    }

    /// What the language calls itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Uk => "Українська",
            Self::En => "English",
        }
    }

    /// The language a browser prefers, by its Accept-Language header (RFC 9110 §12.5.4): the
    /// highest quality wins, then the earlier. `None` if it asks for neither of ours, so that
    /// the site's own language can step in.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(u32, Self)> = None;
        for range in header.split(',').take(50) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::of_tag) else {
                continue;
            };
            let quality = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1000, thousandths);
            if quality > best.map_or(0, |(most, _)| most) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// By the primary subtag: `uk-UA` is Ukrainian.
    pub fn of_tag(tag: &str) -> Option<Self> {
        tag.split('-').next()?.to_ascii_lowercase().parse().ok()
    }

    /// The CLDR plural category of a whole number.
    pub const fn plural(self, count: u64) -> Plural {
        match self {
            Self::En if count == 1 => Plural::One,
            Self::En => Plural::Other,
            Self::Uk => match (count % 10, count % 100) {
                (_, 11..=14) => Plural::Many,
                (1, _) => Plural::One,
                (2..=4, _) => Plural::Few,
                _ => Plural::Many,
            },
        }
    }

    /// A whole number with its thousands grouped: «12 345» (no-break spaces, from five digits on),
    /// "12,345".
    pub fn number(self, number: u64) -> String {
        let (mark, from) = match self {
            Self::Uk => ('\u{a0}', 5),
            Self::En => (',', 4),
        };
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() * 2);
        for (place, digit) in digits.chars().enumerate() {
            let left = digits.len() - place;
            if place > 0 && left.is_multiple_of(3) && digits.len() >= from {
                text.push(mark);
            }
            text.push(digit);
        }
        text
    }

    /// «26 червня 2023 р.», "26 June 2023".
    pub fn date(self, day: &impl Datelike) -> String {
        match self {
            Self::Uk => format!("{} {} р.", self.day(day), day.year()),
            Self::En => format!("{} {}", self.day(day), day.year()),
        }
    }

    /// «26 червня 2023 р., 17:07», "26 June 2023, 17:07". Midnight sharp is a day alone, whose hour
    /// nobody told.
    pub fn date_time(self, moment: &(impl Datelike + Timelike)) -> String {
        let (hour, minute) = (moment.hour(), moment.minute());
        if moment.num_seconds_from_midnight() == 0 {
            return self.date(moment);
        }
        format!("{}, {hour:02}:{minute:02}", self.date(moment))
    }

    /// Without the year: «26 червня», "26 June".
    pub fn day(self, day: &impl Datelike) -> String {
        format!("{} {}", day.day(), self.month_of(day))
    }

    /// With the weekday: «понеділок, 26 червня 2023 р.», "Monday, 26 June 2023".
    pub fn long_date(self, day: &impl Datelike) -> String {
        format!("{}, {}", self.weekday(day.weekday()), self.date(day))
    }

    /// From the first day to the last, both included, saying no word twice: «26 червня 2023 р.»,
    /// «21–26 червня 2023 р.», «28 червня – 4 липня 2023 р.»,
    /// «30 грудня 2023 р. – 5 січня 2024 р.».
    pub fn range(self, first: &impl Datelike, last: &impl Datelike) -> String {
        let until = self.date(last);
        if first.num_days_from_ce() == last.num_days_from_ce() {
            until
        } else if first.year() != last.year() {
            format!("{} – {until}", self.date(first))
        } else if first.month() != last.month() {
            format!("{} – {until}", self.day(first))
        } else {
            format!("{}–{until}", first.day())
        }
    }

    /// The weekday's name, in the case in which a sentence names it: «понеділок», "Monday".
    pub const fn weekday(self, day: Weekday) -> &'static str {
        let names = match self {
            Self::Uk => UK_WEEKDAYS,
            Self::En => EN_WEEKDAYS,
        };
        names[day as usize]
    }

    /// The month's name as it stands in a date: «червня», "June".
    fn month_of(self, day: &impl Datelike) -> &'static str {
        let names = match self {
            Self::Uk => UK_MONTHS,
            Self::En => EN_MONTHS,
        };
        names.get(day.month0() as usize).copied().unwrap_or("?")
    }
}

/// A quality value (`0.8`) in thousandths; what can't be read counts as 0.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), fraction.parse::<u32>()) {
        (Ok(whole), Ok(fraction)) => (whole.min(1) * 1000 + fraction).min(1000),
        _ => 0,
    }
}

impl FromStr for Language {
    type Err = BadLanguage;
    fn from_str(text: &str) -> Result<Self, BadLanguage> {
        Self::all()
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or_else(|| BadLanguage(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Language {
    type Error = BadLanguage;
    fn try_from(text: String) -> Result<Self, BadLanguage> {
        text.parse()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A CLDR plural category that whole numbers of our languages fall into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plural {
    /// «1 новина», «21 новина», "1 article".
    One,
    /// «2 новини», «24 новини».
    Few,
    /// «5 новин», «11 новин».
    Many,
    /// "2 articles".
    Other,
}

impl Plural {
    /// The category's name in CLDR and in the catalogue of words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Few => "few",
            Self::Many => "many",
            Self::Other => "other",
        }
    }

    /// The categories whole numbers have in a language: the forms that a word needs.
    pub const fn of(language: Language) -> &'static [Self] {
        match language {
            Language::Uk => &[Self::One, Self::Few, Self::Many],
            Language::En => &[Self::One, Self::Other],
        }
    }
}

const UK_MONTHS: [&str; 12] = [
    "січня",
    "лютого",
    "березня",
    "квітня",
    "травня",
    "червня",
    "липня",
    "серпня",
    "вересня",
    "жовтня",
    "листопада",
    "грудня",
];

const EN_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const UK_WEEKDAYS: [&str; 7] = [
    "понеділок",
    "вівторок",
    "середа",
    "четвер",
    "пʼятниця",
    "субота",
    "неділя",
];

const EN_WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use icu_locale_core::Locale;
    use icu_plurals::PluralCategory;
    use icu_plurals::PluralRules;

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn plural_categories_are_those_of_icu() {
        for language in Language::all() {
            let locale: Locale = language.as_str().parse().unwrap();
            let rules = PluralRules::try_new_cardinal(locale.into()).unwrap();
            for count in (0..=1000).chain([1_000_001, 1_000_011, 9_999_999_999]) {
                let theirs = match rules.category_for(count) {
                    PluralCategory::One => Plural::One,
                    PluralCategory::Few => Plural::Few,
                    PluralCategory::Many => Plural::Many,
                    _ => Plural::Other,
                };
                assert_eq!(language.plural(count), theirs, "{language} {count}");
                assert!(Plural::of(language).contains(&theirs));
            }
        }
    }

    #[test]
    fn dates_are_said_as_people_say_them() {
        let moment = day(2023, 6, 26).and_hms_opt(17, 7, 30).unwrap();
        assert_eq!(Language::Uk.date(&moment), "26 червня 2023 р.");
        assert_eq!(Language::Uk.date_time(&moment), "26 червня 2023 р., 17:07");
        assert_eq!(
            Language::Uk.long_date(&moment),
            "понеділок, 26 червня 2023 р."
        );
        assert_eq!(Language::Uk.day(&moment), "26 червня");
        assert_eq!(Language::En.date(&moment), "26 June 2023");
        assert_eq!(Language::En.date_time(&moment), "26 June 2023, 17:07");
        assert_eq!(Language::En.long_date(&moment), "Monday, 26 June 2023");
    }

    #[test]
    fn ranges_say_no_word_twice() {
        let ranges = [
            (day(2023, 6, 26), day(2023, 6, 26), "26 червня 2023 р."),
            (day(2023, 6, 21), day(2023, 6, 26), "21–26 червня 2023 р."),
            (
                day(2023, 6, 28),
                day(2023, 7, 4),
                "28 червня – 4 липня 2023 р.",
            ),
            (
                day(2023, 12, 30),
                day(2024, 1, 5),
                "30 грудня 2023 р. – 5 січня 2024 р.",
            ),
        ];
        for (first, last, words) in ranges {
            assert_eq!(Language::Uk.range(&first, &last), words);
        }
        let (first, last) = (day(2023, 6, 28), day(2023, 7, 4));
        assert_eq!(Language::En.range(&first, &last), "28 June – 4 July 2023");
    }

    #[test]
    fn thousands_are_grouped_as_each_language_does() {
        assert_eq!(Language::Uk.number(0), "0");
        assert_eq!(Language::Uk.number(1234), "1234");
        assert_eq!(Language::Uk.number(12345), "12\u{a0}345");
        assert_eq!(Language::En.number(1234), "1,234");
        assert_eq!(Language::En.number(1_000_000), "1,000,000");
    }

    #[test]
    fn the_browser_gets_the_language_it_prefers() {
        let accepted = |header| Language::accepted(header);
        assert_eq!(accepted("uk-UA,uk;q=0.9,en;q=0.8"), Some(Language::Uk));
        assert_eq!(accepted("en;q=0.8, uk;q=0.9"), Some(Language::Uk));
        assert_eq!(accepted("de, EN-gb;q=0.5"), Some(Language::En));
        assert_eq!(accepted("en;q=0, uk;q=0.1"), Some(Language::Uk));
        assert_eq!(accepted("en, uk"), Some(Language::En));
        for neither in ["", "de", "*", "uk;q=0", "uk;q=nonsense", ";;;,,,=q"] {
            assert_eq!(accepted(neither), None, "{neither}");
        }
    }

    #[test]
    fn an_unknown_language_is_named_in_the_error() {
        let error = "ru".parse::<Language>().unwrap_err().to_string();
        assert_eq!(error, "expected one of `uk`, `en`, but got `ru`");
    }
}
