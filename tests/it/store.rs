//! The store, on both databases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sqlx::Row;
use tempfile::TempDir;
use visnyk::store::Db;

use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    every_statement_can_be_prepared,
    migrating_twice_changes_nothing,
}

async fn every_statement_can_be_prepared(test: TestDb) {
    let prepared = test.db.prepare_all().await.unwrap();
    assert!(prepared > 80, "only {prepared} statements are listed");
}

/// Tables that grow with readers, letters and years.
const GROWING: [&str; 5] = ["subscriber", "subscription", "letter", "attempt", "consent"];

/// What a statement calls a table by another name: `FROM letter l`.
fn table_of<'a>(name: &'a str, sql: &'a str) -> &'a str {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let named = words.windows(3).find(|three| {
        matches!(three[0], "FROM" | "JOIN" | "UPDATE")
            && three[2].trim_matches([',', ')', '(']) == name
    });
    named.map_or(name, |three| three[1])
}

/// What may be read from end to end, and why.
const WHOLE: [(&str, &str); 8] = [
    ("first_steps::REACHED", "stops at the first"),
    ("retain::CLEAR_ATTEMPTS", "once a day, from the oldest on"),
    (
        "ledger::OF_NO_DIGEST",
        "for /metrics, an index of these alone",
    ),
    ("letter::COUNT_UNFINISHED", "an index of what waits alone"),
    (
        "letter::COUNT_UNFINISHED_WITHIN",
        "an index of what waits alone",
    ),
    ("letter::TAKE_BACK", "an index of what is held alone"),
    ("subscriber::COUNT", "only tests ask"),
    ("subscription::COUNT", "stops after so many"),
];

/// Whether a plan's line is of a check that runs only while a constraint is broken that may be mended
/// later, and none may: what inserts a parent looks for children that lacked it.
fn is_never_run(name: &str, sql: &str) -> bool {
    sql.starts_with("INSERT")
        && !sql
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == name)
}

/// However many readers and letters there are. SQLite plans without looking at what the tables hold.
#[tokio::test]
async fn no_statement_reads_all_readers_or_letters() {
    let test = TestDb::make(Kind::Sqlite).await;
    let mut whole = BTreeSet::new();
    let explained = test.db.explain_all().await.unwrap();
    assert!(explained.len() > 80, "{}", explained.len());
    for (statement, sql, lines) in explained {
        for scan in lines.iter().filter_map(|line| line.strip_prefix("SCAN ")) {
            let name = scan.split(' ').next().unwrap();
            let may = WHOLE
                .iter()
                .any(|(may, _)| statement.ends_with(&format!("::{may}")));
            if GROWING.contains(&table_of(name, sql)) && !may && !is_never_run(name, sql) {
                whole.insert(format!("{statement}: {scan}"));
            }
        }
    }
    assert!(whole.is_empty(), "{whole:#?}");
}

#[tokio::test]
async fn a_copy_that_is_not_whole_is_found_out() {
    let app = TestApp::new().await;
    let list = app.add_list("news").await;
    app.enrol(&list, 300).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("copy.db");
    let name = file.to_str().unwrap();
    app.db.copy_to(name).await.unwrap();
    let before = fs::read(&file).unwrap();
    assert_eq!(Db::check_copy(name).await.unwrap(), 300);
    assert_eq!(fs::read(&file).unwrap(), before, "it's left as it was");
    let mut bytes = before;
    for page in bytes.chunks_mut(4096).skip(2) {
        page[..64].fill(0);
    }
    fs::write(&file, bytes).unwrap();
    assert!(Db::check_copy(name).await.is_err());
}

async fn migrating_twice_changes_nothing(test: TestDb) {
    let first = test.db.migrate().await.unwrap();
    assert_eq!(first, test.db.migrate().await.unwrap());
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn both_databases_have_the_same_tables_and_columns() {
    let sqlite = TestDb::make(Kind::Sqlite).await;
    let postgres = TestDb::make(Kind::Postgres).await;
    assert_eq!(columns(&sqlite.db).await, columns(&postgres.db).await);
}

/// Two branches may take the same number, and no merge would mind.
#[test]
fn every_migration_has_a_number_of_its_own() {
    for database in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("migrations")
            .join(database);
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut numbers: Vec<String> = names
            .map(|name| name.split('_').next().unwrap().to_owned())
            .collect();
        numbers.sort();
        let all = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "{database}: {numbers:?}");
    }
}

/// Every column as `table.column`, `?` after those that may be null. What articles are searched by is
/// each database's own affair.
pub(crate) async fn columns(db: &Db) -> BTreeSet<String> {
    let rows: Vec<String> = match db {
        Db::Sqlite { read, .. } => {
            let text = "SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN '' ELSE '?' END
                        FROM sqlite_master m JOIN pragma_table_info(m.name) c
                        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'article_search%'";
            let rows = sqlx::query(text).fetch_all(read).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
        Db::Postgres(pool) => {
            let text = "SELECT table_name || '.' || column_name || CASE WHEN is_nullable = 'NO' THEN '' ELSE '?' END
                        FROM information_schema.columns WHERE table_schema = 'public' AND data_type <> 'tsvector'";
            let rows = sqlx::query(text).fetch_all(pool).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    };
    rows.into_iter()
        .filter(|column| !column.starts_with("_sqlx"))
        .collect()
}
