//! A page's tree and what it states in, the date of its article out: what is stated to machines
//! comes first, and what people see completes and confirms it.

mod addressed;
mod byline;
mod headed;
mod posted;

use chrono::{DateTime, FixedOffset};
use ego_tree::NodeId;
use scraper::ElementRef;
use url::Url;

use crate::source::Draft;
use crate::source::dom::LINE;
use crate::source::dom::first;
use crate::source::dom::words;
use crate::source::page::dating::addressed::day_in;
use crate::source::page::dating::headed::headline;
use crate::source::page::dating::posted::Posted;
use crate::source::page::dating::posted::Sought;
use crate::source::page::dating::posted::changed_date;
use crate::source::page::dating::posted::near_date;
use crate::source::page::dating::posted::visible_date;
use crate::source::page::stated::as_seen;
use crate::source::page::stated::in_programs;
use crate::source::page::stated::on_day;
use crate::source::page::structured::Structured;
use crate::source::read::How;

/// What tells a date while the tree is whole, noise and all.
pub(super) struct Dates {
    headline: Option<NodeId>,
    /// The day in the address.
    day: Option<DateTime<FixedOffset>>,
    near: Option<Posted>,
    /// By programs on the page.
    told: Option<DateTime<FixedOffset>>,
    /// Of the last change, as people see it; not sought where that of publication is stated.
    pub(super) changed: Option<DateTime<FixedOffset>>,
}

impl Dates {
    pub(super) fn of(
        root: ElementRef<'_>,
        heading: Option<NodeId>,
        draft: &Draft,
        how: &How<'_>,
    ) -> Self {
        let tab = first(root, "title").map(|title| words(title, LINE));
        let titles = [draft.title.as_str(), tab.as_deref().unwrap_or_default()];
        let address = draft.url.as_deref().and_then(|url| Url::parse(url).ok());
        let mut dates = Self {
            headline: headline(root, heading, &titles),
            day: address.and_then(|url| day_in(&url, how)),
            near: None,
            told: None,
            changed: None,
        };
        let sought = dates.sought(root, how);
        let near = near_date(&sought);
        if draft.published.is_none() {
            let changed = changed_date(&sought).map(|(_, date)| date);
            (dates.told, dates.changed) = (in_programs(root, how), changed);
        }
        Self { near, ..dates }
    }

    /// The date that people see on the page without its noise, else what stands in its stead.
    pub(super) fn seen(
        &self,
        root: ElementRef<'_>,
        said: &Structured,
        how: &How<'_>,
    ) -> Option<Posted> {
        let found = visible_date(&self.sought(root, how), self.near, said.dated);
        found.or_else(|| Some((None, self.told?)))
    }

    /// What the page states, as what people see confirms it: of two statements the one on the day
    /// that is seen, and an evening in UTC on the day of the place.
    pub(super) fn checked(&self, said: &Structured) -> Option<DateTime<FixedOffset>> {
        let stated = said.published?;
        let by_address = self.day.map(|day| on_day(stated, day));
        let Some((_, near)) = self.near else {
            return by_address.or(Some(stated));
        };
        let stated = by_address.unwrap_or_else(|| as_seen(stated, near));
        let on = |moment: &DateTime<FixedOffset>| moment.date_naive() == near.date_naive();
        let other = said.otherwise.filter(|other| on(other) && !on(&stated));
        other.or(Some(stated))
    }

    fn sought<'a>(&self, root: ElementRef<'a>, how: &'a How<'a>) -> Sought<'a> {
        Sought {
            root,
            headline: self.headline,
            day: self.day,
            how,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Kyiv;

    use super::*;
    use crate::clock::Stamp;
    use crate::source::Selectors;
    use crate::source::SourceKind;
    use crate::source::page;

    fn read_at(address: &str, text: &str) -> (Option<String>, Option<String>) {
        let how = How {
            kind: SourceKind::Page,
            selectors: &Selectors::default(),
            zone: Kyiv,
            now: Stamp(1_800_000_000_000),
        };
        let reading = page::read(text, Url::parse(address).ok().as_ref(), &how);
        let draft = &reading.drafts[0];
        let text = |date: Option<DateTime<FixedOffset>>| date.map(|date| date.to_rfc3339());
        (text(draft.published), text(draft.updated))
    }

    fn published(head: &str, body: &str) -> Option<String> {
        let text =
            format!("<title>Новий міст | Місто</title>{head}<body><h1>Новий міст</h1>{body}");
        read_at("https://example.org/1", &text).0
    }

    const PUBLISHED: &str =
        "<meta property=article:published_time content='2023-06-25T22:07:00+00:00'>";

    #[test]
    fn a_moment_in_utc_is_told_by_the_clocks_of_the_place() {
        for (body, expected) in [
            ("", "2023-06-25T22:07:00+00:00"),
            (
                "<meta name=sailthru.date content='2023-06-26 01:07:00'>",
                "2023-06-26T01:07:00+03:00",
            ),
            (
                "<p>Слова.<p><time datetime='2023-06-25T17:07:00-05:00'>учора</time>",
                "2023-06-25T17:07:00-05:00",
            ),
            ("<p class=date>26 червня 2023", "2023-06-26T01:07:00+03:00"),
            ("<p>26 червня 2023 о 01:07", "2023-06-26T01:07:00+03:00"),
            ("<p>24 червня 2023", "2023-06-25T22:07:00+00:00"),
            ("<p>26 червня 2023 о 09:31", "2023-06-25T22:07:00+00:00"),
        ] {
            assert_eq!(
                published(PUBLISHED, body).as_deref(),
                Some(expected),
                "{body}"
            );
        }
        let text = format!("{PUBLISHED}<h1>Новий міст</h1>");
        let (found, _) = read_at("https://example.org/2023/06/26/mist", &text);
        assert_eq!(found.as_deref(), Some("2023-06-26T01:07:00+03:00"));
    }

    #[test]
    fn of_two_statements_the_one_that_is_seen_counts() {
        let json = r#"<script type="application/ld+json">
            {"@type": "NewsArticle", "datePublished": "2023-06-20T10:00:00+03:00"}</script>"#;
        let head = format!("{PUBLISHED}{json}");
        for (body, expected) in [
            ("", "2023-06-20T10:00:00+03:00"),
            ("<p>25.06.2023", "2023-06-25T22:07:00+00:00"),
            ("<p>20.06.2023", "2023-06-20T10:00:00+03:00"),
            ("<p>Оновлено 25.06.2023", "2023-06-20T10:00:00+03:00"),
        ] {
            assert_eq!(published(&head, body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn a_date_without_a_name_gives_way_to_one_near_the_headline() {
        let head = "<meta name=date content='2023-06-27'>";
        for (body, day) in [("<p>Слова.", "2023-06-27"), ("<p>26.06.2023", "2023-06-26")] {
            let found = published(head, body).unwrap_or_default();
            assert!(found.starts_with(day), "{body}: {found}");
        }
    }

    #[test]
    fn what_programs_are_given_tells_a_date_if_it_is_one() {
        for (script, expected) in [
            (
                r#"{"article": {"publishedAt": "2023-06-26T17:07:00+03:00"}}"#,
                true,
            ),
            (
                r"var page = {publish_date: '2023-06-26T17:07:00+03:00'}",
                true,
            ),
            (
                r#"push("{\"publishedAt\":\"2023-06-26T17:07:00+03:00\"}")"#,
                true,
            ),
            (
                r#"[{"pubDate": "2023-06-26"}, {"pubDate": "2023-06-27"}]"#,
                false,
            ),
            (r#"{"unpublishedAt": "2023-06-26T17:07:00+03:00"}"#, false),
        ] {
            let found = published(&format!("<script>{script}</script>"), "<p>Слова.");
            let date = expected.then_some("2023-06-26T17:07:00+03:00");
            assert_eq!(found.as_deref(), date, "{script}");
        }
    }

    #[test]
    fn json_ld_that_cannot_be_read_still_tells_the_date() {
        let head = r#"<script type="application/ld+json">{"@type": "NewsArticle",
            "headline": "Новий "міст"", "datePublished" : "2023-06-26T17:07:00+03:00"}</script>"#;
        let found = published(head, "<p class=date>1 січня 2022");
        assert_eq!(found.as_deref(), Some("2023-06-26T17:07:00+03:00"));
    }

    #[test]
    fn the_last_change_stands_in_for_a_date_that_nothing_tells() {
        for text in [
            "<h1>Новий міст</h1><p>Слова.<footer>Оновлено 26.06.2023 о 17:07</footer>",
            "<h1>Новий міст</h1><p>This page was last edited on 26 June 2023, at 17:07.",
            "<meta property=og:updated_time content='2023-06-26 17:07'><h1>Новий міст</h1>",
        ] {
            let (found, updated) = read_at("https://example.org/1", text);
            assert_eq!(
                found.as_deref(),
                Some("2023-06-26T17:07:00+03:00"),
                "{text}"
            );
            assert_eq!(found, updated);
        }
        let text = "<h1>Новий міст</h1><p>© 2010–2024 Місто. Updated on 26 June 2023";
        assert_eq!(read_at("https://example.org/1", text).0, None);
    }

    #[test]
    fn a_listing_knows_better_than_a_last_change() {
        let text = "<h1>Новий міст</h1><p>Слова.<footer>Оновлено 26.06.2023</footer>";
        let how = How {
            kind: SourceKind::Page,
            selectors: &Selectors::default(),
            zone: Kyiv,
            now: Stamp(1_800_000_000_000),
        };
        let listed = Draft {
            published: DateTime::parse_from_rfc3339("2023-06-20T10:00:00+03:00").ok(),
            ..Draft::default()
        };
        let whole = page::complete(listed.clone(), &page::read(text, None, &how));
        assert_eq!(whole.published, listed.published);
    }
}
