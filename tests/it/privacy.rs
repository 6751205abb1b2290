//! The privacy page against the database: whatever column holds something about people is told of
//! there, or this fails.

use std::collections::BTreeSet;

use visnyk::audience::held::Held;

use crate::store::columns;
use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::web::Browser;

/// Tables that hold nothing about people: news, where they come from, what is sent to whomever, and
/// programs. A new table belongs here, or to [`Held::columns`].
const OF_NOBODY: &[&str] = &[
    "api_key",
    "article",
    "article_topic",
    "counter",
    "digest",
    "digest_article",
    "edition",
    "feed_reader",
    "held",
    "hub_subscription",
    "hub_topic",
    "hub_wish",
    "installation",
    "list",
    "mark",
    "origin",
    "outside_hub",
    "relay",
    "revision",
    "rhythm",
    "silence",
    "site",
    "source",
    "source_push",
    "topic",
    "webhook",
];

/// Columns that only say which row belongs to which, or which answer a program had.
const OF_ROWS: &[&str] = &[
    "canary_letter.seen_at",
    "critical.article_id",
    "critical.digest_id",
    "critical.list_id",
    "reply.at",
    "reply.headers",
    "reply.key_id",
    "reply.name",
    "reply.request",
    "reply.status",
];

fn is_number_of_a_row(column: &str) -> bool {
    let name = column.split_once('.').unwrap().1;
    name == "id" || name.ends_with("_id")
}

#[tokio::test]
async fn every_column_about_people_is_told_of_on_the_privacy_page() {
    let test = TestDb::make(Kind::Sqlite).await;
    let stored: BTreeSet<String> = columns(&test.db)
        .await
        .into_iter()
        .map(|column| column.trim_end_matches('?').to_owned())
        .collect();
    let told: BTreeSet<&str> = Held::ALL
        .iter()
        .flat_map(|held| held.columns())
        .copied()
        .collect();
    let untold: Vec<&String> = stored
        .iter()
        .filter(|column| {
            let table = column.split_once('.').unwrap().0;
            !(OF_NOBODY.contains(&table)
                || OF_ROWS.contains(&column.as_str())
                || is_number_of_a_row(column)
                || told.contains(column.as_str()))
        })
        .collect();
    assert!(
        untold.is_empty(),
        "expected the privacy page to tell of {untold:?}"
    );
    let gone: Vec<&&str> = told
        .iter()
        .filter(|column| !stored.contains(**column))
        .collect();
    assert!(
        gone.is_empty(),
        "expected columns that there are, but got {gone:?}"
    );
}

#[tokio::test]
async fn the_privacy_page_says_each_thing_once_and_how_long() {
    let app = TestApp::new().await;
    let page = Browser::of(&app)
        .with("accept-language", "uk")
        .get("/privacy")
        .await
        .body;
    assert_eq!(
        page.matches("<li>").count(),
        Held::ALL.len() + footer_items(&page),
        "{page}"
    );
    for days in ["90 днів", "30 днів", "7 днів"] {
        assert!(page.contains(days), "{days} in {page}");
    }
}

/// Items of the menus around the page.
fn footer_items(page: &str) -> usize {
    let (before, rest) = page.split_once("<main").unwrap();
    let after = rest.split_once("</main>").unwrap().1;
    before.matches("<li>").count() + after.matches("<li>").count()
}
