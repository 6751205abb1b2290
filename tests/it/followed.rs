//! Mail gateways follow every link of a letter before its reader does, often, and nothing may come
//! of it: ten times by GET and by HEAD, on both databases.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use mail_parser::MessageParser;
use scraper::Html;
use scraper::Selector;
use visnyk::access::Role;
use visnyk::audience::list::Review;
use visnyk::audience::sign_up;
use visnyk::delivery::mailer::Kept;
use visnyk::store;
use visnyk::store::Db;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::link_in;

in_a_box! {
    following_every_link_of_every_letter_changes_no_row,
}

const BASE: &str = "https://news.example.org";

async fn following_every_link_of_every_letter_changes_no_row(app: TestApp) {
    let letters = one_of_each(&app).await;
    let purposes: BTreeSet<&str> = letters
        .iter()
        .filter_map(|kept| Some(kept.name.split_once('-')?.0))
        .collect();
    let all = [
        "address", "confirm", "digest", "erasure", "goodbye", "link", "review", "welcome",
    ];
    assert_eq!(purposes, BTreeSet::from(all));
    let links: BTreeSet<String> = letters.iter().flat_map(links).collect();
    assert!(links.len() > 15, "{links:?}");
    let before = dump(&app).await;
    assert!(before.len() > 30, "{before:?}");
    let browser = Browser::of(&app);
    for _ in 0..10 {
        for link in &links {
            let seen = browser.get(link).await;
            assert!(!seen.status.is_server_error(), "{link}: {}", seen.status);
            browser.head(link).await;
        }
    }
    let after = dump(&app).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
}

/// A letter of every purpose, each with its links still good.
async fn one_of_each(app: &TestApp) -> Vec<Kept> {
    let list = app.add_list("all").await;
    let held = app
        .add_list_with("held", |list| list.review = Review::Hold)
        .await;
    add_owner(app).await;
    let mut letters = Vec::new();
    let browser = Browser::of(app);
    sign_up::enrol(app, &held, &TestApp::wish("held@example.net"))
        .await
        .unwrap();
    app.subscribe(&list, &TestApp::wish("olena@example.net"))
        .await;
    app.queue_digest(&list, "Туман").await;
    app.send().await;
    letters.extend(app.letters());
    letters.extend(app.letters());
    let is_digest = |kept: &&Kept| kept.name.starts_with("digest-");
    let page = link_in(letters.iter().find(is_digest).unwrap(), "/preferences/");
    app.publish("Мороз", &[]).await;
    app.wait(TimeDelta::days(1));
    app.tick().await;
    letters.extend(app.letters());
    browser
        .post(&format!("{page}/address"), "email=new%40example.net")
        .await;
    browser.post(&format!("{page}/erasure"), "").await;
    browser.post("/link", "email=olena%40example.net").await;
    sign_up::ask(app, &list, &TestApp::wish("asks@example.net"))
        .await
        .unwrap();
    let leaver = TestApp::wish("leaver@example.net");
    sign_up::enrol(app, &list, &leaver).await.unwrap();
    let standing = app.standing(&list, &leaver.email).await;
    sign_up::leave(app, &standing, "form", "").await.unwrap();
    app.send().await;
    letters.extend(app.letters());
    letters
}

async fn add_owner(app: &TestApp) {
    let mut tx = app.db.begin().await.unwrap();
    let email = "owner@example.org".parse().unwrap();
    store::user::add(&mut tx, &email, Role::Owner, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Every address of ours in both parts and in the headers, as a path.
fn links(kept: &Kept) -> Vec<String> {
    let letter = MessageParser::default().parse(&kept.letter).unwrap();
    let html = Html::parse_document(&letter.body_html(0).unwrap());
    let linked = Selector::parse("[href], [src]").unwrap();
    let mut links: Vec<String> = html
        .select(&linked)
        .flat_map(|element| {
            let value = element.value();
            [value.attr("href"), value.attr("src")]
        })
        .flatten()
        .map(str::to_owned)
        .collect();
    let text = letter.body_text(0).unwrap().into_owned();
    let head = String::from_utf8_lossy(&kept.letter);
    let head = head
        .split("\r\n\r\n")
        .next()
        .unwrap()
        .replace(['<', '>', ','], " ");
    links.extend(
        [text, head]
            .iter()
            .flat_map(|text| text.split_whitespace())
            .map(str::to_owned),
    );
    links
        .into_iter()
        .filter_map(|link| Some(link.strip_prefix(BASE)?.to_owned()))
        .map(|path| {
            if path.is_empty() {
                "/".to_owned()
            } else {
                path
            }
        })
        .collect()
}

/// Every row of every table, as text.
async fn dump(app: &TestApp) -> Vec<String> {
    let mut rows = Vec::new();
    for table in tables(app).await {
        let text = match &app.db {
            Db::Sqlite { read, .. } => {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns: Vec<String> = sqlx::query_scalar(made(columns))
                    .fetch_all(read)
                    .await
                    .unwrap();
                let quoted: Vec<String> = columns
                    .iter()
                    .map(|name| format!("quote(\"{name}\")"))
                    .collect();
                format!(
                    "SELECT {} AS line FROM \"{table}\" ORDER BY line",
                    quoted.join(" || ' ' || ")
                )
            }
            Db::Postgres(_) => format!(
                "SELECT CAST(row_to_json(t) AS TEXT) AS line FROM \"{table}\" t ORDER BY line"
            ),
        };
        let lines: Vec<String> = match &app.db {
            Db::Sqlite { read, .. } => sqlx::query_scalar(made(text)).fetch_all(read).await,
            Db::Postgres(pool) => sqlx::query_scalar(made(text)).fetch_all(pool).await,
        }
        .unwrap();
        rows.extend(lines.into_iter().map(|line| format!("{table}: {line}")));
    }
    rows
}

async fn tables(app: &TestApp) -> Vec<String> {
    match &app.db {
        Db::Sqlite { read, .. } => {
            let all = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'article_search%' ORDER BY name";
            sqlx::query_scalar(all).fetch_all(read).await
        }
        Db::Postgres(pool) => {
            let all = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
            sqlx::query_scalar(all).fetch_all(pool).await
        }
    }
    .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "names of tables come from the database itself"
)]
fn made(text: String) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(text)
}
