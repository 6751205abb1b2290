//! A database of its own for each test, on SQLite or on PostgreSQL.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Connection;
use sqlx::Executor;
use sqlx::SqlSafeStr;
use tempfile::TempDir;
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

impl TestDb {
    /// Makes one. PostgreSQL's server is named by `VISNYK_TEST_POSTGRES`, as `.ci/run` starts it.
    pub(crate) async fn make(kind: Kind) -> Self {
        let (url, folder) = match kind {
            Kind::Sqlite => {
                let folder = memory_folder();
                (
                    format!("sqlite://{}/visnyk.db", folder.path().display()),
                    Some(folder),
                )
            }
            Kind::Postgres => (make_postgres().await, None),
        };
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        Self {
            db,
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

async fn make_postgres() -> String {
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
    let make = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(make.into_sql_str()).await.unwrap();
    server_url.set_path(&name);
    server_url.into()
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
