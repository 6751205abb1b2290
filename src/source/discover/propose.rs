//! Selectors by which a list could be read: what was worked out, written down so that a person can
//! put it right.
//!
//! A page in, selectors out: the row that repeats, and within it the headline and the date where
//! one way of saying it fits nearly all. What reads the page otherwise than without it isn't
//! proposed.

use std::collections::HashMap;

use scraper::ElementRef;
use scraper::Html;
use scraper::Selector;
use url::Url;

use crate::app::App;
use crate::article::html::document;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::SourceKind;
use crate::source::decode::decode;
use crate::source::dom::LINE;
use crate::source::dom::all;
use crate::source::dom::date_of;
use crate::source::dom::words;
use crate::source::fetch::Document;
use crate::source::listing;
use crate::source::read::How;
use crate::source::repeated::repeated;
use crate::source::repeated::step;

/// Where headlines stand.
const TITLES: &str = "h1, h2, h3, h4, h5, h6, [class*='title'], [class*='headline']";
/// Where dates stand.
const DATES: &str = "time, [class]";

/// Selectors for a page that is a list.
pub(super) async fn selectors(app: &App, page: &Document) -> anyhow::Result<Option<Selectors>> {
    let (bytes, content_type) = (page.bytes.clone(), page.content_type.clone());
    let base = Url::parse(page.final_url.as_str())?;
    let (zone, now) = (app.settings.site.zone, app.now());
    let proposed = tokio::task::spawn_blocking(move || {
        let how = How {
            kind: SourceKind::Listing,
            selectors: &Selectors::default(),
            zone,
            now,
        };
        let text = decode(&bytes, content_type.as_deref()).text;
        propose(&text, &base, &how)
    });
    Ok(proposed.await?)
}

fn propose(text: &str, base: &Url, how: &How<'_>) -> Option<Selectors> {
    let html = document(text);
    let mut proposed = Selectors {
        item: Some(repeated(&html, how)?),
        ..Selectors::default()
    };
    let read = |selectors: &Selectors| {
        let how = How { selectors, ..*how };
        listing::read(text, Some(base), &how)
    };
    let plain = read(&proposed);
    let titled = |element: ElementRef<'_>| {
        let text = words(element, LINE);
        plain.drafts.iter().any(|draft| draft.title == text)
    };
    let dated = |element: ElementRef<'_>| {
        let date = date_of(element, how);
        date.is_some() && plain.drafts.iter().any(|draft| draft.published == date)
    };
    let title = usual(&html, &proposed, TITLES, titled, &plain);
    let with_title = Selectors {
        title,
        ..proposed.clone()
    };
    if is_as(&plain, &read(&with_title)) {
        proposed = with_title;
    }
    let date = usual(&html, &proposed, DATES, dated, &plain);
    let with_date = Selectors {
        date,
        ..proposed.clone()
    };
    if is_as(&plain, &read(&with_date)) {
        proposed = with_date;
    }
    Some(proposed)
}

/// How the elements that fit are called in nearly all items.
fn usual(
    html: &Html,
    within: &Selectors,
    css: &str,
    fits: impl Fn(ElementRef<'_>) -> bool,
    plain: &Reading,
) -> Option<String> {
    let item = Selector::parse(within.item.as_deref()?).ok()?;
    let mut names = HashMap::<String, usize>::new();
    for item in html.select(&item).take(500) {
        let first = all(item, css).into_iter().find(|element| fits(*element));
        if let Some(first) = first {
            *names.entry(step(first, false)).or_default() += 1;
        }
    }
    let (name, times) = names
        .into_iter()
        .max_by_key(|(name, times)| (*times, name.len()))?;
    (times * 5 >= plain.drafts.len() * 4).then_some(name)
}

/// Whether two readings tell the same articles.
fn is_as(plain: &Reading, other: &Reading) -> bool {
    let told = |draft: &Draft| (draft.title.clone(), draft.url.clone(), draft.published);
    plain
        .drafts
        .iter()
        .map(told)
        .eq(other.drafts.iter().map(told))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;

    use super::*;
    use crate::clock::Stamp;

    fn proposed(text: &str) -> Option<Selectors> {
        let how = How {
            kind: SourceKind::Listing,
            selectors: &Selectors::default(),
            zone: Kyiv,
            now: Stamp(1_800_000_000_000),
        };
        propose(text, &Url::parse("https://ova.example/").unwrap(), &how)
    }

    #[test]
    fn a_list_gets_selectors_that_read_it_as_without_them() {
        let found = proposed(include_str!("../../../tests/fixtures/pages/listing.html")).unwrap();
        assert_eq!(found.item.as_deref(), Some("div.cards > article.card"));
        assert_eq!(found.title.as_deref(), Some("h3"));
        assert!(found.date.is_some(), "{found:?}");
        assert_eq!(proposed("<p>Нічого"), None);
    }

    #[test]
    fn what_is_said_in_many_ways_is_left_to_be_worked_out() {
        let rows: Vec<String> = (1..9)
            .map(|n| {
                let name = if n % 2 == 0 { "h2" } else { "h4" };
                format!("<li class=row><{name}><a href='/{n}'>Довгий заголовок номер {n} про область</a></{name}>")
            })
            .collect();
        let found = proposed(&format!("<ul class=list>{}</ul>", rows.concat())).unwrap();
        assert_eq!(found.title, None, "{found:?}");
        assert_eq!(found.date, None);
    }
}
