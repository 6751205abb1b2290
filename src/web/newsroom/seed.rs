//! The text of the portal's page, taken apart at its own landmarks. In goes plain text as a
//! browser copies it, out come the news it holds. Never fails: what isn't found stays empty.

use serde::Serialize;

const TEXT: &str = include_str!("press-release.uk.txt");

/// All that the page holds.
#[derive(Debug, Serialize)]
pub(super) struct Seed {
    /// The one article given in full.
    pub(super) press_release: News,
    /// «Новина за темою»: headlines and dates.
    pub(super) related: Vec<News>,
    /// «Останні новини»: headlines and dates.
    pub(super) latest: Vec<News>,
    /// Whose site it is.
    pub(super) owner: String,
    /// Postal address.
    pub(super) address: String,
    /// Telephone number.
    pub(super) telephone: String,
    /// What the site says of its licence.
    pub(super) terms: String,
}

/// One piece of news; all but the first three fields are empty where only a headline is known.
#[derive(Debug, Default, Serialize)]
pub(super) struct News {
    /// Last segment of its address.
    pub(super) slug: String,
    pub(super) title: String,
    /// As the page shows it.
    pub(super) date: String,
    pub(super) departments: Vec<String>,
    pub(super) paragraphs: Vec<String>,
    pub(super) tags: Vec<String>,
    /// Of the pictures, in order.
    pub(super) captions: Vec<String>,
}

impl Seed {
    /// The seed that is part of the program.
    pub(super) fn embedded() -> Self {
        let lines: Vec<&str> = TEXT
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let related = between(&lines, "Новина за темою", "Arrow slider next");
        let latest = between(
            &lines,
            "Більше новин",
            "Надсилаємо насвіжіший дайджест новин",
        );
        let mut press_release = press_release(between(&lines, "Новини", "Поділитись"));
        press_release.tags = owned(between(&lines, "Теги", "Новина за темою"));
        press_release.captions = captions(related);
        let next = |landmark| after(&lines, landmark).first().copied().unwrap_or_default();
        Self {
            press_release,
            related: headlines(related),
            latest: headlines(latest),
            owner: next("Підпишіться, щоб отримувати листи.").to_owned(),
            address: next("Адреса:").to_owned(),
            telephone: next("Телефон").to_owned(),
            terms: next("ОВА").to_owned(),
        }
    }

    /// Everything, in the order of a listing.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &News> {
        let newest = self.latest.iter().chain([&self.press_release]);
        newest.chain(&self.related)
    }
}

/// Headline, date, departments with bullets, the headline again, paragraphs.
fn press_release(lines: &[&str]) -> News {
    let [title, date, rest @ ..] = lines else {
        return News::default();
    };
    let bulleted = |line: &&str| line.strip_prefix('•').map(|name| name.trim().to_owned());
    let departments: Vec<String> = rest.iter().map_while(bulleted).collect();
    let paragraphs = rest.iter().skip(departments.len());
    News {
        slug: "rehionalnyi-ofis".to_owned(),
        title: (*title).to_owned(),
        date: (*date).to_owned(),
        paragraphs: paragraphs
            .filter(|line| *line != title)
            .map(|line| (*line).to_owned())
            .collect(),
        departments,
        ..News::default()
    }
}

/// Headlines, each followed by its date. The date and the place on the page make the address,
/// since one headline occurs on two dates.
fn headlines(lines: &[&str]) -> Vec<News> {
    let pairs = lines.chunks_exact(2).map_while(|pair| match pair {
        [title, date] if is_day(date) => Some((title, date)),
        _ => None,
    });
    (1..)
        .zip(pairs)
        .map(|(n, (title, date))| News {
            slug: format!("{}-{n}", date.rsplit('/').collect::<Vec<_>>().join("-")),
            title: once(title).to_owned(),
            date: (*date).to_owned(),
            ..News::default()
        })
        .collect()
}

/// What follows the last date: the captions, each of them twice.
fn captions(lines: &[&str]) -> Vec<String> {
    let start = lines
        .iter()
        .rposition(|line| is_day(line))
        .map_or(0, |at| at + 1);
    let mut captions = owned(lines.get(start..).unwrap_or_default());
    captions.dedup();
    captions
}

/// `18/12/2025`
fn is_day(line: &str) -> bool {
    line.split('/').count() == 3 && line.chars().all(|c| c == '/' || c.is_ascii_digit())
}

/// A line that says the same thing twice, a space between, said once.
fn once(line: &str) -> &str {
    line.match_indices(' ')
        .filter_map(|(at, _)| line.split_at_checked(at))
        .find(|(first, second)| *first == second.trim_start())
        .map_or(line, |(first, _)| first)
}

fn after<'a>(lines: &'a [&'a str], landmark: &str) -> &'a [&'a str] {
    let start = lines.iter().position(|line| *line == landmark);
    start.and_then(|at| lines.get(at + 1..)).unwrap_or_default()
}

fn between<'a>(lines: &'a [&'a str], landmark: &str, end: &str) -> &'a [&'a str] {
    let rest = after(lines, landmark);
    let length = rest.iter().position(|line| *line == end);
    length.and_then(|length| rest.get(..length)).unwrap_or(rest)
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_said_twice_is_kept_once() {
        assert_eq!(
            once("Саміт перших леді Саміт перших леді"),
            "Саміт перших леді"
        );
        assert_eq!(once("так так так"), "так так так");
        assert_eq!(once("один"), "один");
        let seed = Seed::embedded();
        assert!(seed.latest[0].title.ends_with("щорічну підсумкову зустріч"));
        assert_eq!(seed.latest[0].title.matches("Глобальна").count(), 1);
    }

    #[test]
    fn addresses_come_from_date_and_place() {
        let seed = Seed::embedded();
        let slugs: Vec<_> = seed.newest_first().map(|news| news.slug.as_str()).collect();
        assert_eq!(slugs[0], "2025-12-18-1");
        assert_eq!(slugs[9], "rehionalnyi-ofis");
        assert_eq!(slugs[12], "2023-06-26-3");
    }

    #[test]
    fn the_footer_is_the_portals_own() {
        let seed = Seed::embedded();
        assert_eq!(seed.owner, "ПОЛТАВСЬКА ОБЛАСНА ВІЙСЬКОВА АДМІНІСТРАЦІЯ");
        assert_eq!(seed.telephone, "+380 (532) 56-02-90");
        assert!(
            seed.terms
                .starts_with("Весь контент доступний за ліцензією Creative Commons")
        );
    }
}
