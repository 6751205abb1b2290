//! What dateparser makes of a date in Ukrainian words, and what we do.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use chrono::DateTime;
use chrono::Datelike;
use chrono::FixedOffset;
use chrono::NaiveDate;
use chrono_tz::Europe::Kyiv;
use visnyk::article::date;

/// What «вчора» counts from, on a Kyiv wall.
const NOW: &str = "2026-11-23T12:30:00";

const GENITIVE: [&str; 12] = [
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
const NOMINATIVE: [&str; 12] = [
    "січень",
    "лютий",
    "березень",
    "квітень",
    "травень",
    "червень",
    "липень",
    "серпень",
    "вересень",
    "жовтень",
    "листопад",
    "грудень",
];
const SHORT: [&str; 12] = [
    "січ", "лют", "бер", "кві", "тра", "чер", "лип", "сер", "вер", "жов", "лис", "гру",
];
const WEEKDAYS: [(&str, &str); 7] = [
    ("понеділок", "Пн"),
    ("вівторок", "Вт"),
    ("середа", "Ср"),
    ("четвер", "Чт"),
    ("п'ятниця", "Пт"),
    ("субота", "Сб"),
    ("неділя", "Нд"),
];

/// Days of three and a half years, each in some of the manners in which Ukrainian pages write dates.
fn generated() -> Vec<String> {
    let mut texts = Vec::new();
    let first = NaiveDate::from_ymd_opt(2022, 1, 1).unwrap();
    for (n, date) in first.iter_days().step_by(8).take(156).enumerate() {
        let (day, month, year) = (date.day(), date.month0() as usize, date.year());
        let (hour, minute) = (4 + n % 20, n * 7 % 60);
        let time = format!("{hour:02}:{minute:02}");
        let (genitive, nominative, short) = (GENITIVE[month], NOMINATIVE[month], SHORT[month]);
        let (weekday, brief) = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
        let number = month + 1;
        texts.extend([
            format!("{day} {genitive} {year}, {time}"),
            format!("{day} {genitive} {year}"),
            format!("{day} {genitive} {year} р."),
            format!("{day} {genitive} {year} року"),
            format!("{day} {genitive} {year} р. о {time}"),
            format!("{day} {genitive} {year} о {time}"),
            format!("{day} {genitive} {year} року, {time}:30"),
            format!("{weekday} {day:02}.{number:02}.{year}"),
            format!("{day} {nominative} {year} {time}"),
            format!("{day} {short} {year} {time}"),
            format!("{day} {short}. {year}"),
            format!("{brief}, {day} {short} {year} {time}:00 +0300"),
            format!("{weekday}, {day} {genitive} {year}, {time}"),
            format!("{time}, {day} {genitive} {year}"),
            format!("{day:02}.{number:02}.{year} {time}"),
            format!("{day:02}.{number:02}.{year}"),
            format!("{day:02}/{number:02}/{year} {time}"),
            format!("{year}-{number:02}-{day:02} {time}"),
        ]);
    }
    texts.extend(relative());
    texts
}

fn relative() -> Vec<String> {
    let mut texts = Vec::new();
    for n in 1..=29_u32 {
        let form = |one: &str, few: &str, many: &str| {
            let word = match (n % 10, n % 100) {
                (_, 11..=14) => many,
                (1, _) => one,
                (2..=4, _) => few,
                _ => many,
            };
            format!("{n} {word} тому")
        };
        texts.extend([
            form("хвилину", "хвилини", "хвилин"),
            form("годину", "години", "годин"),
            form("день", "дні", "днів"),
            form("тиждень", "тижні", "тижнів"),
            form("місяць", "місяці", "місяців"),
            form("рік", "роки", "років"),
        ]);
    }
    for hour in 0..24 {
        texts.extend([
            format!("сьогодні о {hour:02}:15"),
            format!("вчора, {hour:02}:07"),
            format!("вчора о {hour:02}:07"),
        ]);
    }
    texts.extend(
        [
            "сьогодні",
            "вчора",
            "позавчора",
            "30 лют 2024",
            "31.06.2023",
        ]
        .map(str::to_owned),
    );
    texts
}

fn theirs(texts: &[String]) -> Vec<Option<DateTime<FixedOffset>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/source/oracle/dates.py");
    let mut python = Command::new("python3")
        .arg(script)
        .arg(NOW)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let questions = texts.join("\n");
    let mut stdin = python.stdin.take().unwrap();
    let asking = std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
    let said = python.wait_with_output().unwrap();
    let asked = asking.join().unwrap();
    assert!(
        said.status.success() && asked.is_ok(),
        "is dateparser installed for python3?"
    );
    let said = String::from_utf8(said.stdout).unwrap();
    let date = |line: &str| (!line.is_empty()).then(|| line.parse().unwrap());
    said.lines().map(date).collect()
}

#[test]
#[ignore = "needs dateparser"]
fn ukrainian_dates_are_read_as_dateparser_reads_them() {
    let now: DateTime<FixedOffset> = format!("{NOW}+02:00").parse().unwrap();
    let texts = generated();
    assert!(texts.len() >= 2_000);
    let answers = theirs(&texts);
    assert_eq!(texts.len(), answers.len());
    let (mut same, mut differences) = (0, String::new());
    for (text, theirs) in texts.iter().zip(&answers) {
        let ours = date::read(text, Kyiv, now.into());
        // «вчора» alone is a day, and so its midnight; dateparser gives it the present's hour.
        let is_day = !text.contains(|c: char| c.is_ascii_digit());
        let day = |date: &Option<DateTime<FixedOffset>>| date.map(|date| date.date_naive());
        if ours == *theirs || (is_day && day(&ours) == day(theirs)) {
            same += 1;
        } else {
            writeln!(differences, "{text}: {ours:?}, {theirs:?}").unwrap();
        }
    }
    println!("{same} of {} dates\n{differences}", texts.len());
    assert!(
        same * 1000 >= texts.len() * 999,
        "{same} of {}\n{differences}",
        texts.len()
    );
}
