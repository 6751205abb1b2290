//! A database of its own for each test, on SQLite or on PostgreSQL.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Connection;
use sqlx::Executor;
use sqlx::SqlSafeStr;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use visnyk::store::Db;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// An empty, migrated database.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

/// A migrated SQLite file, which each test copies.
static SQLITE: OnceCell<Vec<u8>> = OnceCell::const_new();
/// The name of a migrated database on PostgreSQL, which each test copies.
static POSTGRES: OnceCell<String> = OnceCell::const_new();

impl TestDb {
    /// Makes one. PostgreSQL's server is named by `VISNYK_TEST_POSTGRES`, as `.ci/run` starts it.
    pub(crate) async fn make(kind: Kind) -> Self {
        let (url, folder) = match kind {
            Kind::Sqlite => {
                let migrated = SQLITE.get_or_init(migrated_sqlite).await;
                let folder = memory_folder();
                std::fs::write(folder.path().join("visnyk.db"), migrated).unwrap();
                (sqlite_url(&folder), Some(folder))
            }
            Kind::Postgres => {
                let template = POSTGRES.get_or_init(migrated_postgres).await;
                let (_, url) = make_postgres(&format!("TEMPLATE {template}")).await;
                (url, None)
            }
        };
        Self {
            db: Db::open(&url).await.unwrap(),
            url,
            _folder: folder,
        }
    }

    /// The same once more, with connections of its own. A SQLite file goes with the first.
    pub(crate) async fn again(&self) -> Self {
        Self {
            db: Db::open(&self.url).await.unwrap(),
            url: self.url.clone(),
            _folder: None,
        }
    }
}

/// In memory where the machine has that: thousands of commits needn't wait for a disk.
fn memory_folder() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

fn sqlite_url(folder: &TempDir) -> String {
    format!("sqlite://{}/visnyk.db", folder.path().display())
}

async fn migrated_sqlite() -> Vec<u8> {
    let folder = memory_folder();
    let db = Db::open(&sqlite_url(&folder)).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    std::fs::read(folder.path().join("visnyk.db")).unwrap()
}

async fn migrated_postgres() -> String {
    let (name, url) = make_postgres("").await;
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    name
}

/// A new database's name and address; `like` says what it's a copy of.
async fn make_postgres(like: &str) -> (String, String) {
    static MADE: AtomicU64 = AtomicU64::new(0);
    #[expect(clippy::disallowed_methods, reason = "where the test's server is, only the environment knows")]
    let server = std::env::var("VISNYK_TEST_POSTGRES")
        .expect("VISNYK_TEST_POSTGRES names a PostgreSQL server, e.g. postgres://postgres@127.0.0.1:5432/postgres");
    let name = format!(
        "visnyk_{}_{}",
        std::process::id(),
        MADE.fetch_add(1, Ordering::Relaxed)
    );
    let mut server_url = url::Url::parse(&server).unwrap();
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the name is our own")]
    let make = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} {like}"));
    connection.execute(make.into_sql_str()).await.unwrap();
    server_url.set_path(&name);
    (name, server_url.into())
}

/// Makes a test of each function on both databases: `on_both! { name }` runs `async fn name(db:
/// TestDb)`.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::database::TestDb::make($crate::support::database::Kind::Sqlite).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL"]
            async fn $name() {
                super::$name($crate::support::database::TestDb::make($crate::support::database::Kind::Postgres).await).await;
            })*
        }
    };
}
pub(crate) use on_both;
