//! The text of a date in, tokens and what they mean out: numbers, signs, months, zones, units and
//! the small words around them, in Ukrainian and English. What they mean together is
//! [`date`](super::date)'s.

/// What a word means in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// 1 to 12.
    Month(u32),
    /// Seconds east of Greenwich.
    Zone(i32),
    /// Whether it is afternoon: "pm".
    HalfOfDay(bool),
    /// «сьогодні» is 0, «вчора» is 1.
    DaysBack(u64),
    /// «годин» in «3 години тому».
    Unit(Unit),
    /// «тому».
    Ago,
    /// «щойно».
    Now,
    /// «о» before a clock time.
    At,
    /// The "T" of RFC 3339.
    T,
    /// A weekday, «р.», «опубліковано»: adds nothing.
    Filler,
    /// «рік»: «2023 рік», «рік тому».
    Year,
    /// Nothing that belongs in a date.
    Unknown,
}

/// A measure of time. Days and months follow the calendar, so they aren't seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// This many seconds.
    Seconds(i64),
    /// This many days.
    Days(u32),
    /// This many months.
    Months(u32),
}

/// A part of a date's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A number, and with how many digits it was written.
    Number(u64, usize),
    /// A word, by its meaning.
    Word(Meaning),
    /// Any other character; all dashes are `-`.
    Sign(char),
}

/// The tokens of a text; what stands in brackets is left out: it repeats the zone in other words.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(&first) = letters.peek() {
        if first.is_ascii_digit() {
            let digits: String = run(&mut letters, |c| c.is_ascii_digit());
            tokens.push(Token::Number(
                digits.parse().unwrap_or(u64::MAX),
                digits.len(),
            ));
        } else if first.is_alphabetic() {
            let word = run(&mut letters, |c| {
                c.is_alphabetic() || matches!(c, '\'' | '’' | 'ʼ')
            });
            tokens.push(Token::Word(meaning(&word)));
        } else {
            letters.next();
            if first == '(' || first == '[' {
                run(&mut letters, |c| !matches!(c, ')' | ']'));
                letters.next();
            } else if first == ',' && letters.peek().is_some_and(|next| next.is_whitespace()) {
                // It parts a clock time from a day, where without the space it parts off a
                // fraction.
            } else if !first.is_whitespace() && !first.is_control() {
                let minus = matches!(first, '−' | '–' | '‐' | '‑' | '—');
                tokens.push(Token::Sign(if minus { '-' } else { first }));
            }
        }
    }
    tokens
}

fn run(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    belongs: impl Fn(char) -> bool,
) -> String {
    std::iter::from_fn(|| letters.next_if(|c| belongs(*c))).collect()
}

/// RFC 5322 §4.3: two digits are 1950 to 2049, three count from 1900.
pub(super) fn full_year(year: u64, digits: usize) -> u64 {
    match digits {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        _ => year,
    }
}

/// Words of each month: nominative, genitive, locative and short forms, Ukrainian and English
/// first; then those of the neighbours, whose pages are sources too.
const MONTHS: [&str; 12] = [
    "january jan січень січня січні січ \
     январь января янв januar jänner januari janvier janv enero ene gennaio janeiro styczeń stycznia",
    "february feb febr лютий лютого лютому лют \
     февраль февраля фев февр februar februari février févr fév febrero febbraio fevereiro luty lutego",
    "march mar березень березня березні бер берез \
     март марта märz maerz mrz maart mars marzo março marzec marca",
    "april apr квітень квітня квітні кві квіт \
     апрель апреля апр avril avr abril abr aprile kwiecień kwietnia",
    "may травень травня травні тра трав \
     май мая mai mei mayo maggio maio maj maja",
    "june jun червень червня червні чер черв \
     июнь июня июн juni juin junio giugno junho czerwiec czerwca",
    "july jul липень липня липні лип \
     июль июля июл juli juillet juil julio luglio julho lipiec lipca",
    "august aug серпень серпня серпні сер серп \
     август августа авг augustus août aout agosto sierpień sierpnia",
    "september sep sept вересень вересня вересні вер верес \
     сентябрь сентября сен сент septembre septiembre settembre setembro wrzesień września",
    "october oct жовтень жовтня жовтні жов жовт \
     октябрь октября окт oktober okt octobre octubre ottobre outubro październik października",
    "november nov листопад листопада листопаді лис лист \
     ноябрь ноября ноя нояб novembre noviembre novembro listopad listopada",
    "december dec грудень грудня грудні гру груд \
     декабрь декабря дек dezember dez décembre déc diciembre dic dicembre dezembro grudzień grudnia",
];

/// Zones by their letters, in minutes east of Greenwich.
const ZONES: &[(&str, i32)] = &[
    ("z ut utc gmt wet", 0),
    ("bst cet west met", 60),
    ("eet cest mest", 120),
    ("eest msk", 180),
    ("nst", -210),
    ("ast edt", -240),
    ("est cdt", -300),
    ("cst mdt", -360),
    ("mst pdt", -420),
    ("pst akdt", -480),
    ("akst hdt", -540),
    ("hst", -600),
    ("ist", 330),
    ("jst kst", 540),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
];

const UNITS: &[(&str, Unit)] = &[
    (
        "секунда секунду секунди секунд секунды сек second seconds sec secs",
        Unit::Seconds(1),
    ),
    (
        "хвилина хвилину хвилини хвилин хв хвил минута минуту минуты минут мин minute minutes min mins",
        Unit::Seconds(60),
    ),
    ("півгодини", Unit::Seconds(1800)),
    (
        "година годину години годин год часа часов hour hours hr hrs",
        Unit::Seconds(3600),
    ),
    (
        "день дня дні днів дней доба добу доби діб day days",
        Unit::Days(1),
    ),
    (
        "тиждень тижня тижні тижнів тиж неделю недели недель week weeks",
        Unit::Days(7),
    ),
    (
        "місяць місяця місяці місяців міс месяц месяца месяцев month months",
        Unit::Months(1),
    ),
    ("роки років лет year years", Unit::Months(12)),
];

/// Weekdays and what stands around dates.
const FILLERS: &str = "\
    monday mon tuesday tue tues wednesday wed thursday thu thur thurs friday fri saturday sat sunday sun \
    понеділок понеділка пн пон вівторок вівторка вт вів середа середу середи ср четвер четверга чт чет \
    п'ятниця п'ятницю п'ятниці пт п'ят субота суботу суботи сб суб неділя неділю неділі нд нед \
    р рр г st nd rd th го е of the on a an \
    опубліковано опублікований оновлено додано створено розміщено дата публікації час published posted updated created date time \
    понедельник вторник среда четверг пятница суббота воскресенье года опубликовано \
    montag dienstag mittwoch donnerstag freitag samstag sonntag uhr um vom den veröffentlicht \
    lundi mardi mercredi jeudi vendredi samedi dimanche le à publié \
    lunes martes miércoles jueves viernes sábado domingo de del publicado \
    lunedì martedì mercoledì giovedì venerdì sabato domenica alle ore pubblicato \
    poniedziałek wtorek środa czwartek piątek sobota niedziela r godz opublikowano";

/// What the lower-case word means.
fn meaning(word: &str) -> Meaning {
    let word = ukrainian(word);
    let among = |list: &str| list.split(' ').any(|known| known == word);
    if let Some(month) = (1..).zip(MONTHS).find(|(_, names)| among(names)) {
        return Meaning::Month(month.0);
    }
    match word.as_str() {
        "о" | "об" | "в" | "у" | "at" => return Meaning::At,
        "t" => return Meaning::T,
        "рік" | "року" => return Meaning::Year,
        "am" | "дп" => return Meaning::HalfOfDay(false),
        "pm" | "пп" => return Meaning::HalfOfDay(true),
        "сьогодні" | "сегодня" | "today" => return Meaning::DaysBack(0),
        "вчора" | "учора" | "вчера" | "yesterday" => return Meaning::DaysBack(1),
        "позавчора" => return Meaning::DaysBack(2),
        "тому" | "назад" | "ago" => return Meaning::Ago,
        "щойно" | "зараз" | "now" => return Meaning::Now,
        "just" => return Meaning::Filler,
        _ => {}
    }
    if let Some((_, unit)) = UNITS.iter().find(|(names, _)| among(names)) {
        return Meaning::Unit(*unit);
    }
    if let Some((_, minutes)) = ZONES.iter().find(|(names, _)| among(names)) {
        return Meaning::Zone(minutes * 60);
    }
    if among(FILLERS) {
        return Meaning::Filler;
    }
    Meaning::Unknown
}

/// The word with one apostrophe, and Ukrainian letters where Latin twins were typed: «сiчня».
fn ukrainian(word: &str) -> String {
    let cyrillic = word.chars().any(|c| ('а'..='ґ').contains(&c));
    let letter = |c: char| match c {
        '’' | 'ʼ' => '\'',
        'i' if cyrillic => 'і',
        'a' if cyrillic => 'а',
        'c' if cyrillic => 'с',
        'e' if cyrillic => 'е',
        'o' if cyrillic => 'о',
        'p' if cyrillic => 'р',
        'x' if cyrillic => 'х',
        'y' if cyrillic => 'у',
        other => other,
    };
    word.chars().map(letter).collect()
}
