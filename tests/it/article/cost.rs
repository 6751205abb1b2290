//! What taking in costs: nothing is written of what stands as it stood.

use visnyk::source::Draft;
use visnyk::store::Db;

use super::identity::story;
use crate::support::app::TestApp;

/// Rows that the only connection that writes has changed so far.
async fn changes(app: &TestApp) -> i64 {
    let Db::Sqlite { write, .. } = &app.db else {
        panic!("only SQLite counts them");
    };
    let count = sqlx::query_scalar("SELECT total_changes()");
    count.fetch_one(write).await.unwrap()
}

async fn cost(app: &TestApp, drafts: Vec<Draft>) -> i64 {
    let source = app.source().await;
    let before = changes(app).await;
    app.take_in(&source, drafts).await;
    changes(app).await - before
}

#[tokio::test]
async fn a_document_with_nothing_new_writes_no_row_however_long_it_is() {
    let app = TestApp::new().await;
    app.source().await;
    let all = || (0..400).rev().map(story).collect::<Vec<_>>();
    cost(&app, all()).await;
    assert_eq!(cost(&app, all()).await, 0);
}

#[tokio::test]
async fn rows_written_grow_with_what_is_new_and_not_with_what_is_there() {
    let app = TestApp::new().await;
    app.source().await;
    cost(&app, vec![story(0)]).await;
    let some = |from: usize| {
        let new = (from..from + 100).rev();
        new.chain([0]).map(story).collect::<Vec<_>>()
    };
    let first = cost(&app, some(1)).await;
    for from in [101, 201, 301, 401] {
        let later = cost(&app, some(from)).await;
        assert!(later < first + first / 2, "{later} rows after {first}");
    }
}
