//! A whole installation from SQLite into an empty PostgreSQL database, in one unit of work on each.
//!
//! What comes in are both units of work; what goes out is how many rows each table has, counted on
//! both sides. Rows travel as JSON that SQLite writes and PostgreSQL reads, a batch at a time, so
//! that nothing here knows what a table holds. A database that was left is sealed: it refuses every
//! write, also of a server that still runs on it, so that no letter is sent from both.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;
use sqlx::Postgres;
use sqlx::SqlSafeStr;
use sqlx::SqlStr;
use sqlx::Sqlite;
use sqlx::Transaction;

use crate::clock::Stamp;
use crate::store::Db;
use crate::store::Result;
use crate::store::StoreError;
use crate::store::Tx;
use crate::store::installation;

/// Rows of a batch, and how many bytes of JSON end one early.
const BATCH: usize = 2_000;
const BATCH_BYTES: usize = 4 << 20;

/// Which tables there are; a search index is made by its own database.
const TABLES: &str = "SELECT name FROM pragma_table_list
     WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations'
     ORDER BY name";
const COLUMNS: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
const PARENTS: &str =
    r#"SELECT DISTINCT "table" FROM pragma_foreign_key_list($1) WHERE "table" <> $1"#;

/// Tables that an empty installation has rows in, or that say nothing of whether it's in use.
const FROM_THE_START: [&str; 3] = ["counter", "installation", "audit"];

/// What happens to a table's rows.
const WRITES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// A table and its columns, as the schema names them.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<String>,
}

/// How many rows each table has.
pub type Counts = BTreeMap<String, i64>;

/// Moves everything in `from` to `to`, which has our schema and nothing in it. `told` hears each
/// table's name and how many rows it gave so far. Both commit, or neither: the new database first,
/// and when the old one then can't be sealed, [`StoreError`] says so and both hold the same.
pub async fn move_all(
    from: &Db,
    to: &Db,
    moved: (&str, Stamp),
    told: impl FnMut(&str, u64),
) -> Result<Counts> {
    let (mut left, mut new) = (from.begin().await?, to.begin().await?);
    let (Tx::Sqlite(from), Tx::Postgres(to)) = (&mut left, &mut new) else {
        return Err(StoreError::Moving(
            "expected to move from `sqlite://…` to `postgres://…`; between two PostgreSQL databases pg_dump does it".to_owned(),
        ));
    };
    let tables = tables(from).await?;
    copy(from, to, &tables, told).await?;
    let counts = compare(from, to, &tables).await?;
    installation::set_moved(&mut left, moved.0, moved.1).await?;
    if let Tx::Sqlite(from) = &mut left {
        seal(from, &tables).await?;
    }
    new.commit().await?;
    left.commit().await?;
    Ok(counts)
}

/// Has the database that was left go on. Says whether it was sealed.
pub async fn move_back(from: &Db) -> Result<bool> {
    let mut left = from.begin().await?;
    let Tx::Sqlite(tx) = &mut left else {
        return Ok(false);
    };
    let tables = tables(tx).await?;
    unseal(tx, &tables).await?;
    let was = installation::clear_moved(&mut left).await?;
    left.commit().await?;
    Ok(was)
}

/// All tables, each after those that its rows point to.
async fn tables(from: &mut Transaction<'static, Sqlite>) -> Result<Vec<Table>> {
    let names: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut **from).await?;
    let mut waiting = Vec::new();
    for name in names {
        let columns = sqlx::query_scalar(COLUMNS)
            .bind(&name)
            .fetch_all(&mut **from)
            .await?;
        let parents: Vec<String> = sqlx::query_scalar(PARENTS)
            .bind(&name)
            .fetch_all(&mut **from)
            .await?;
        waiting.push((Table { name, columns }, parents));
    }
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let has_all = |parents: &[String]| {
            let there = |parent: &String| ordered.iter().any(|table| table.name == *parent);
            parents.iter().all(there)
        };
        let (ready, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|(_, parents)| has_all(parents));
        if ready.is_empty() {
            let left: Vec<_> = later.iter().map(|(table, _)| table.name.as_str()).collect();
            return Err(StoreError::Moving(format!(
                "expected tables that can be ordered, but got a circle of {}",
                left.join(", ")
            )));
        }
        ordered.extend(ready.into_iter().map(|(table, _)| table));
        waiting = later;
    }
    Ok(ordered)
}

/// Copies every row of `tables`, and says each table's name and how many rows it gave so far.
async fn copy(
    from: &mut Transaction<'static, Sqlite>,
    to: &mut Transaction<'static, Postgres>,
    tables: &[Table],
    mut told: impl FnMut(&str, u64),
) -> Result<()> {
    for table in tables {
        refuse_rows(to, table).await?;
    }
    for table in tables.iter().rev() {
        sqlx::query(table.clear()).execute(&mut **to).await?;
    }
    for table in tables {
        let mut rows = sqlx::query_scalar::<_, String>(table.give()).fetch(&mut **from);
        let (mut batch, mut bytes, mut count) = (Vec::new(), 0, 0);
        loop {
            let row = rows.try_next().await?;
            let is_last = row.is_none();
            if let Some(row) = row {
                bytes += row.len();
                batch.push(row);
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES || (is_last && !batch.is_empty()) {
                let json = format!("[{}]", batch.join(","));
                let taken = sqlx::query(table.take()).bind(json).execute(&mut **to);
                count += taken.await?.rows_affected();
                told(&table.name, count);
                batch.clear();
                bytes = 0;
            }
            if is_last {
                break;
            }
        }
        drop(rows);
        if table.columns.iter().any(|column| column == "id") {
            let next = sqlx::query(table.count_on()).bind(quoted(&table.name));
            next.execute(&mut **to).await?;
        }
    }
    Ok(())
}

/// Counts the rows on both sides, and fails at the first table where they differ.
async fn compare(
    from: &mut Transaction<'static, Sqlite>,
    to: &mut Transaction<'static, Postgres>,
    tables: &[Table],
) -> Result<Counts> {
    let mut counts = Counts::new();
    for table in tables {
        let here: i64 = sqlx::query_scalar(table.count())
            .fetch_one(&mut **from)
            .await?;
        let there: i64 = sqlx::query_scalar(table.count())
            .fetch_one(&mut **to)
            .await?;
        if here != there {
            return Err(StoreError::Moving(format!(
                "expected {here} rows in `{}` of the new database, but got {there}",
                table.name
            )));
        }
        counts.insert(table.name.clone(), here);
    }
    Ok(counts)
}

/// From the commit on every write fails, whichever process asks for it.
async fn seal(from: &mut Transaction<'static, Sqlite>, tables: &[Table]) -> Result<()> {
    for table in tables {
        for write in WRITES {
            sqlx::query(table.refuse(write))
                .execute(&mut **from)
                .await?;
        }
    }
    Ok(())
}

/// Takes the seal off.
async fn unseal(from: &mut Transaction<'static, Sqlite>, tables: &[Table]) -> Result<()> {
    for table in tables {
        for write in WRITES {
            sqlx::query(table.allow(write)).execute(&mut **from).await?;
        }
    }
    Ok(())
}

async fn refuse_rows(to: &mut Transaction<'static, Postgres>, table: &Table) -> Result<()> {
    if FROM_THE_START.contains(&table.name.as_str()) {
        return Ok(());
    }
    let there: i64 = sqlx::query_scalar(table.count())
        .fetch_one(&mut **to)
        .await?;
    if there > 0 {
        return Err(StoreError::Moving(format!(
            "expected an empty database, but its table `{}` has {there} rows; name another one, or empty it first",
            table.name
        )));
    }
    Ok(())
}

impl Table {
    fn count(&self) -> SqlStr {
        own(format!("SELECT COUNT(*) FROM {}", quoted(&self.name)))
    }

    fn clear(&self) -> SqlStr {
        own(format!("DELETE FROM {}", quoted(&self.name)))
    }

    /// Each row as a JSON object, out of SQLite.
    fn give(&self) -> SqlStr {
        let pairs = self
            .columns
            .iter()
            .map(|column| format!("'{column}', {}", quoted(column)));
        own(format!(
            "SELECT json_object({}) FROM {}",
            pairs.collect::<Vec<_>>().join(", "),
            quoted(&self.name)
        ))
    }

    /// A list of such objects, into PostgreSQL. The names are said, since some of its columns are
    /// made by itself.
    fn take(&self) -> SqlStr {
        let columns: Vec<_> = self.columns.iter().map(|column| quoted(column)).collect();
        let (table, columns) = (quoted(&self.name), columns.join(", "));
        own(format!(
            "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
             SELECT {columns} FROM json_populate_recordset(NULL::{table}, CAST($1 AS JSON))"
        ))
    }

    /// Has PostgreSQL number on from where SQLite was.
    fn count_on(&self) -> SqlStr {
        own(format!(
            "SELECT setval(pg_get_serial_sequence($1, 'id'), (SELECT MAX(id) FROM {}))",
            quoted(&self.name)
        ))
    }

    fn refuse(&self, write: &str) -> SqlStr {
        let (seal, table) = (self.seal(write), quoted(&self.name));
        own(format!(
            "CREATE TRIGGER {seal} BEFORE {write} ON {table}
             BEGIN SELECT RAISE(ABORT, 'this database was moved; every command tells where to'); END"
        ))
    }

    fn allow(&self, write: &str) -> SqlStr {
        own(format!("DROP TRIGGER IF EXISTS {}", self.seal(write)))
    }

    fn seal(&self, write: &str) -> String {
        quoted(&format!("moved_{}_{write}", self.name))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text of names that our own migrations gave, and of nothing else.
#[expect(
    clippy::disallowed_methods,
    reason = "names of tables come from our own schema, and are quoted; a list of them here would be a second schema"
)]
fn own(text: String) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}
