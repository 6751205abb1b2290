//! Everything that speaks SQL, on SQLite and on PostgreSQL.
//!
//! [`Db`] opens one of the two; [`Tx`] is one unit of work on it. A statement is a [`Sql`], named
//! at the head of its file by `statements!`, and run by `run!` or `change!`; most texts serve both
//! databases. [`Db::prepare_all`] has the database check every one.

pub mod address;
pub mod archive;
pub mod article;
pub mod asking;
pub mod attempt;
pub mod audit;
pub mod bounce;
pub mod canary;
pub mod consent;
pub mod counter;
pub mod critical;
pub mod digest;
pub mod edition;
pub mod feed_reader;
pub mod first_steps;
pub mod held;
pub mod history;
pub mod hub;
pub mod identity;
pub mod import;
pub mod installation;
pub mod key;
pub mod ledger;
pub mod letter;
pub mod list;
pub mod lock;
pub mod moving;
pub mod narrowing;
pub mod origin;
pub mod owed;
pub mod person;
pub mod picture;
pub mod plan;
pub mod push;
pub mod relay;
pub mod retain;
pub mod rhythm;
pub mod search;
pub mod session;
pub mod source;
pub mod subscriber;
pub mod subscription;
pub mod template;
pub mod topic;
pub mod upload;
pub mod user;
pub mod webhook;

use std::str::FromStr;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    Connection, Executor, PgPool, Postgres, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool,
    Transaction,
};

use crate::clock::Stamp;

/// What can go wrong between us and the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no, or didn't answer.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what we would never have written.
    #[error("expected a sound value in `{table}.{column}` of row {id}, but got: {problem}")]
    Broken {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row.
        id: i64,
        /// What is wrong with it.
        problem: String,
    },
    /// A copy isn't whole.
    #[error("expected a whole copy, but SQLite says of it: {0}")]
    Copy(String),
    /// It can't be moved, or not so.
    #[error("{0}")]
    Moving(String),
    /// It was moved, and takes nothing in any more.
    #[error(
        "this database was moved to {to} on {since}: set `database_url` to that, or take it back with `visnyk move --back`"
    )]
    Moved {
        /// Where to, without a password.
        to: String,
        /// When.
        since: Stamp,
    },
    /// The address of the database isn't one.
    #[error("expected `sqlite://FILE` or `postgres://…` as database_url, but got `{0}`")]
    Url(String),
}

impl StoreError {
    /// Whether the same call may well succeed in a moment.
    pub fn is_busy(&self) -> bool {
        let Self::Database(problem) = self else {
            return false;
        };
        match problem {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
            sqlx::Error::Database(problem) => {
                let code = problem.code().unwrap_or_default();
                matches!(
                    code.as_ref(),
                    "5" | "261"
                        | "517"
                        | "13"
                        | "40001"
                        | "40P01"
                        | "55P03"
                        | "53300"
                        | "57P01"
                        | "57P02"
                        | "57P03"
                )
            }
            _ => false,
        }
    }
}

/// What every function of this module gives.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The database we run on.
#[derive(Debug, Clone)]
pub enum Db {
    /// One file: one connection writes, others read.
    Sqlite {
        /// The only connection that writes.
        write: SqlitePool,
        /// Connections that see the last commit.
        read: SqlitePool,
    },
    /// A server that speaks PostgreSQL's protocol.
    Postgres(PgPool),
}

/// One unit of work. What isn't committed never happened.
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// A statement's name, its text, and the lines of its plan.
pub type Explained = (&'static str, &'static str, Vec<String>);

/// A statement: one text for both databases, or one for each.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

impl Sql {
    /// A statement that reads the same on both.
    pub const fn both(text: &'static str) -> Self {
        Self {
            sqlite: text,
            postgres: text,
        }
    }
}

/// Names the statements of one file and lists them, so that each can be prepared on both databases.
macro_rules! statements {
    ($($(#[$about:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$about])* const $name: $crate::store::Sql = $sql;)*
        /// Every statement of this file, by name.
        pub(crate) const STATEMENTS: &[(&str, $crate::store::Sql)] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}

/// Runs a statement in a unit of work: `run!(tx, FIND, query_as(id), fetch_optional)`.
macro_rules! run {
    ($tx:expr, $sql:expr, $kind:ident($($arg:expr),* $(,)?), $how:ident) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => sqlx::$kind($sql.sqlite)$(.bind($arg))*.$how(&mut **tx).await,
            $crate::store::Tx::Postgres(tx) => sqlx::$kind($sql.postgres)$(.bind($arg))*.$how(&mut **tx).await,
        }
    };
}

/// Runs a statement that changes rows, and says how many: `change!(tx, ACCEPT, (id, fence))`.
macro_rules! change {
    ($tx:expr, $sql:expr, ($($arg:expr),* $(,)?)) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) =>
                sqlx::query($sql.sqlite)$(.bind($arg))*.execute(&mut **tx).await.map(|done| done.rows_affected()),
            $crate::store::Tx::Postgres(tx) =>
                sqlx::query($sql.postgres)$(.bind($arg))*.execute(&mut **tx).await.map(|done| done.rows_affected()),
        }
    };
}
pub(crate) use {change, run, statements};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The last migration that was applied; the table is the migrator's own.
const APPLIED: Sql = Sql::both("SELECT MAX(version) FROM _sqlx_migrations WHERE success");

/// How many connections read, and how many a PostgreSQL process opens.
const CONNECTIONS: u32 = 8;

impl Db {
    /// Opens the database at `url`, making a SQLite file that isn't there yet. Migrates nothing.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("sqlite:") {
            Self::open_sqlite(url).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            // A process that freezes inside a unit of work would hold its rows from all others.
            let options = PgConnectOptions::from_str(url)?
                .options([("idle_in_transaction_session_timeout", "30s")]);
            let pool = PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(Duration::from_secs(10))
                .connect_with(options)
                .await?;
            Ok(Self::Postgres(pool))
        } else {
            Err(StoreError::Url(
                url.split('@').next_back().unwrap_or_default().to_owned(),
            ))
        }
    }

    /// `synchronous=FULL`: what was answered to a person, or recorded of a server's reply, survives
    /// a power cut.
    async fn open_sqlite(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("secure_delete", "ON");
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(30))
            .test_before_acquire(false) // there is no network to fail
            .connect_with(options.clone().pragma("cache_size", "-8000")) // KiB, where planning writes
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self::Sqlite { write, read })
    }

    /// Brings the schema up to date; each step is a transaction of its own. Gives the newest
    /// version.
    pub async fn migrate(&self) -> Result<i64> {
        let migrations = match self {
            Self::Sqlite { write, .. } => {
                SQLITE.run(write).await?;
                &SQLITE
            }
            Self::Postgres(pool) => {
                POSTGRES.run(pool).await?;
                &POSTGRES
            }
        };
        Ok(migrations
            .iter()
            .map(|step| step.version)
            .max()
            .unwrap_or_default())
    }

    /// Brings the schema up to date, unless it is. Of several processes that start together one
    /// does it, and the others wait a few seconds for it.
    pub async fn bring_up_to_date(&self) -> Result<()> {
        if self.is_current().await.unwrap_or(false) {
            return Ok(());
        }
        let Err(problem) = self.migrate().await else {
            return Ok(());
        };
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.is_current().await.unwrap_or(false) {
                return Ok(());
            }
        }
        Err(problem)
    }

    /// Whether the schema is the one this program knows.
    pub async fn is_current(&self) -> Result<bool> {
        let mut tx = self.read().await?;
        let applied: Option<i64> = run!(&mut tx, APPLIED, query_scalar(), fetch_one)?;
        let newest = SQLITE.iter().map(|step| step.version).max();
        Ok(applied == newest)
    }

    /// A unit of work that may write. On SQLite it holds the writer from the start: a transaction
    /// that begins by reading and then writes fails at once whenever another wrote in between.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A unit of work that only reads, and waits for no writer.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Has the database prepare every statement, so that a wrong name fails here and not at three
    /// in the morning. Gives how many there are, or the first that fails.
    pub async fn prepare_all(&self) -> std::result::Result<usize, String> {
        let all = all_statements();
        for (name, sql) in &all {
            let prepared = match self {
                Self::Sqlite { write, .. } => {
                    write.prepare(sql.sqlite.into_sql_str()).await.map(drop)
                }
                Self::Postgres(pool) => pool.prepare(sql.postgres.into_sql_str()).await.map(drop),
            };
            prepared.map_err(|problem| format!("{name}: {problem}"))?;
        }
        Ok(all.len())
    }

    /// How SQLite goes about each statement: its name, its text, and the lines of its plan. PostgreSQL
    /// decides by what the tables hold.
    ///
    /// # Errors
    /// The first statement that can't be prepared.
    #[expect(
        clippy::disallowed_methods,
        reason = "a constant of this store, with two words before it"
    )]
    pub async fn explain_all(&self) -> Result<Vec<Explained>> {
        let Self::Sqlite { read, .. } = self else {
            return Ok(Vec::new());
        };
        let mut explained = Vec::new();
        for (name, sql) in all_statements() {
            let asked = format!("EXPLAIN QUERY PLAN {}", sql.sqlite);
            let asked = AssertSqlSafe(asked);
            let lines = sqlx::query_as(asked).fetch_all(read).await?;
            let lines = lines
                .into_iter()
                .map(|(.., line): (i64, i64, i64, String)| line);
            explained.push((name, sql.sqlite, lines.collect()));
        }
        Ok(explained)
    }

    /// Copies a SQLite database to a new file while it's in use. Does nothing on PostgreSQL, which
    /// has `pg_dump`.
    pub async fn copy_to(&self, file: &str) -> Result<()> {
        if let Self::Sqlite { write, .. } = self {
            sqlx::query("VACUUM INTO $1")
                .bind(file)
                .execute(write)
                .await?;
        }
        Ok(())
    }

    /// Opens such a copy as a restore would find it, without changing it, and has SQLite look through all of it.
    /// Gives how many subscribers it has.
    ///
    /// # Errors
    /// [`StoreError::Copy`] if it isn't whole, or has rows that point nowhere.
    pub async fn check_copy(file: &str) -> Result<i64> {
        let options = SqliteConnectOptions::new().filename(file);
        let mut copy = SqliteConnection::connect_with(&options.immutable(true)).await?;
        let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
            .fetch_one(&mut copy)
            .await?;
        if found != "ok" {
            return Err(StoreError::Copy(found));
        }
        let lost: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pragma_foreign_key_check")
            .fetch_one(&mut copy)
            .await?;
        if lost > 0 {
            return Err(StoreError::Copy(format!("{lost} rows point nowhere")));
        }
        let subscribers = sqlx::query_scalar("SELECT COUNT(*) FROM subscriber")
            .fetch_one(&mut copy)
            .await?;
        copy.close().await?;
        Ok(subscribers)
    }

    /// Leaves nothing of what was deleted in a SQLite file: not between the rows, where pages were
    /// split, and not in the log. PostgreSQL clears its pages by itself (autovacuum).
    pub async fn scrub(&self) -> Result<()> {
        let Self::Sqlite { write, .. } = self else {
            return Ok(());
        };
        sqlx::query("VACUUM").execute(write).await?;
        for _ in 0..100 {
            // A reader that is still looking at the log keeps it from being cut short.
            let (busy, ..): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(write)
                .await?;
            if busy == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Closes every connection; on SQLite the log is folded into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

fn all_statements() -> Vec<(&'static str, Sql)> {
    [
        address::STATEMENTS,
        archive::STATEMENTS,
        article::STATEMENTS,
        asking::STATEMENTS,
        attempt::STATEMENTS,
        bounce::STATEMENTS,
        canary::STATEMENTS,
        audit::STATEMENTS,
        consent::STATEMENTS,
        counter::STATEMENTS,
        critical::STATEMENTS,
        digest::STATEMENTS,
        edition::STATEMENTS,
        feed_reader::STATEMENTS,
        first_steps::STATEMENTS,
        held::STATEMENTS,
        hub::STATEMENTS,
        history::STATEMENTS,
        identity::STATEMENTS,
        import::STATEMENTS,
        installation::STATEMENTS,
        key::STATEMENTS,
        ledger::STATEMENTS,
        letter::STATEMENTS,
        list::STATEMENTS,
        narrowing::STATEMENTS,
        origin::STATEMENTS,
        owed::STATEMENTS,
        person::STATEMENTS,
        picture::STATEMENTS,
        plan::STATEMENTS,
        push::STATEMENTS,
        relay::STATEMENTS,
        retain::STATEMENTS,
        rhythm::STATEMENTS,
        search::STATEMENTS,
        session::STATEMENTS,
        source::STATEMENTS,
        subscriber::STATEMENTS,
        subscription::STATEMENTS,
        template::STATEMENTS,
        topic::STATEMENTS,
        upload::STATEMENTS,
        user::STATEMENTS,
        webhook::STATEMENTS,
    ]
    .concat()
}

impl Tx {
    /// Makes it so.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A unit of work on SQLite that is known from its `BEGIN` to its `COMMIT`, and goes to the connection's
/// thread at once. If it isn't heard that all of it was done, the connection is closed, and with it
/// whatever it began.
struct Errand(PoolConnection<Sqlite>, bool);

impl Errand {
    async fn begin(write: &SqlitePool) -> Result<Self> {
        Ok(Self(write.acquire().await?, false))
    }

    fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }

    /// All was done.
    fn end(mut self) {
        self.1 = true;
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if !self.1 {
            self.0.close_on_drop();
        }
    }
}

/// Parses a value that we wrote; what doesn't parse is a broken row.
fn parsed<T>(text: &str, table: &'static str, column: &'static str, id: i64) -> Result<T>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|problem: T::Err| broken(table, column, id, &problem))
}

/// Reads back JSON that we wrote.
fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    id: i64,
) -> Result<T> {
    serde_json::from_str(text).map_err(|problem| broken(table, column, id, &problem))
}

fn broken(
    table: &'static str,
    column: &'static str,
    id: i64,
    problem: &dyn std::fmt::Display,
) -> StoreError {
    StoreError::Broken {
        table,
        column,
        id,
        problem: problem.to_string(),
    }
}

/// JSON of what we keep as JSON: lists of numbers, names and media, which always can be written.
fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}
