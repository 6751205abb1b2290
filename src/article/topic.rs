//! Names of topics in, slugs for addresses out.
//!
//! Ukrainian is written in Latin letters by the official table (Cabinet of Ministers, resolution
//! No. 55 of 27 January 2010), so «Енергодар, Єнакієве» becomes `enerhodar-yenakiieve`.

/// The longest slug, in characters: long enough for a department's full name, short enough for a
/// URL.
const LONGEST: usize = 120;

/// The slug of a topic's name: lower-case ASCII letters, digits and single hyphens. Empty if the
/// name has no letter or digit that can be written so.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    let mut starts_word = true;
    let mut before = ' ';
    for letter in name.chars().flat_map(char::to_lowercase) {
        if is_apostrophe(letter) {
            continue;
        }
        let latin = latin(letter, before, starts_word);
        if let Some(latin) = latin {
            slug.push_str(latin);
        } else if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        starts_word = !letter.is_alphanumeric();
        before = letter;
    }
    let short: String = slug.chars().take(LONGEST).collect();
    short.trim_end_matches('-').to_owned()
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | 'ʼ' | '`' | 'ь')
}

/// One Cyrillic letter in Latin ones; `None` if it isn't one the table knows.
fn latin(letter: char, before: char, starts_word: bool) -> Option<&'static str> {
    let pick = |first, later| if starts_word { first } else { later };
    Some(match letter {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' if before == 'з' => "gh",
        'г' => "h",
        'ґ' => "g",
        'д' => "d",
        'е' | 'э' => "e",
        'є' => pick("ye", "ie"),
        'ж' => "zh",
        'з' => "z",
        'и' | 'ы' => "y",
        'і' => "i",
        'ї' => pick("yi", "i"),
        'й' => pick("y", "i"),
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ю' => pick("yu", "iu"),
        'я' => pick("ya", "ia"),
        'ё' => "yo",
        'ъ' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn ukrainian_is_written_by_the_official_table() {
        assert_eq!(
            slug("Згурський, Єнакієве, Їжакевич, Йосипівка"),
            "zghurskyi-yenakiieve-yizhakevych-yosypivka"
        );
        assert_eq!(slug("економіка"), "ekonomika");
        assert_eq!(slug("євроінтеграція"), "yevrointehratsiia");
        assert_eq!(slug("Знам’янка — Стрий!"), "znamianka-stryi");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        assert_eq!(slug("  —  "), "");
        assert_eq!(slug("日本"), "");
    }
}
