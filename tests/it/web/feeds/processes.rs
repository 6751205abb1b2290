//! Two whole apps on one database, each with a clock, connections and snapshots of its own.

use axum::http::Method;
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::Value;
use serde_json::json;
use visnyk::access::key::Scope;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::api::script;

on_both! {
    what_one_app_changes_the_other_serves_at_its_next_look,
}

const FEEDS: [&str; 6] = [
    "/feed.atom",
    "/feed.rss?full=0",
    "/topics/ekonomika/feed.json",
    "/feed.atom?topic=ekonomika&lang=uk",
    "/search/feed.rss?q=%D0%BC%D1%96%D1%81%D1%82", // міст
    "/sources/1/feed.json",
];

/// Milliseconds for which a look at the counter holds.
const LOOK: i64 = 50;

/// Two machines behind one address.
struct Pair {
    here: TestApp,
    there: TestApp,
    script: Browser,
    reader: Browser,
}

impl Pair {
    async fn on(database: TestDb) -> Self {
        let there = TestApp::over(database.again().await, []).await;
        let here = TestApp::over(database, []).await;
        Self {
            script: script(&here, "owner", Scope::ALL).await,
            reader: Browser::of(&there),
            here,
            there,
        }
    }

    fn wait(&self, milliseconds: i64) {
        for app in [&self.here, &self.there] {
            app.wait(TimeDelta::milliseconds(milliseconds));
        }
    }

    async fn change(&self, method: &Method, path: &str, body: &Value) {
        let path = format!("/api/v1{path}");
        let done = self.script.ask(method.clone(), &path, body.to_string());
        let done = done.await;
        assert!(done.status.is_success(), "{done:?}");
    }

    /// Each feed from there.
    async fn feeds(&self) -> Vec<Answer> {
        let mut all = Vec::new();
        for path in FEEDS {
            let answer = self.reader.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            all.push(answer);
        }
        all
    }

    /// What is answered there to whoever shows the tag; and the date, alone and with the tag, if the
    /// feed has one.
    async fn asked_again(&self, path: &str, held: &Answer) -> Vec<Answer> {
        let tag = self.reader.with("if-none-match", held.header("etag"));
        let mut all = vec![tag.get(path).await];
        let date = held.header("last-modified");
        if !date.is_empty() {
            for browser in [&self.reader, &tag] {
                let dated = browser.with("if-modified-since", date);
                all.push(dated.get(path).await);
            }
        }
        all
    }
}

fn changes() -> [(&'static str, Method, &'static str, Value); 5] {
    let pushed = |guid: &str, title: &str, licence: Option<&str>| {
        json!({
            "guid": guid, "title": title, "topics": ["економіка"], "language": "uk", "licence": licence,
            "html": "<p>Тут буде міст.</p>",
        })
    };
    let nothing = json!({});
    let licensed = pushed("2", "Ще один міст", Some("https://licence.example/1"));
    [
        (
            "publish",
            Method::POST,
            "/articles",
            pushed("2", "Ще один міст", None),
        ),
        ("license", Method::POST, "/articles", licensed),
        (
            "edit",
            Method::PATCH,
            "/articles/1",
            json!({ "title": "Міст, якого не буде" }),
        ),
        (
            "withdraw",
            Method::POST,
            "/articles/1/withdraw",
            nothing.clone(),
        ),
        ("restore", Method::POST, "/articles/1/publish", nothing),
    ]
}

async fn what_one_app_changes_the_other_serves_at_its_next_look(database: TestDb) {
    let pair = Pair::on(database).await;
    let first =
        json!({ "guid": "1", "title": "Перший міст", "topics": ["економіка"], "language": "uk" });
    pair.change(&Method::POST, "/articles", &first).await;
    for (what, method, path, body) in changes() {
        pair.wait(5_000);
        let held = pair.feeds().await;
        pair.wait(LOOK - 1);
        pair.change(&method, path, &body).await;
        for (path, held) in FEEDS.iter().zip(&held) {
            let case = format!("{what}, {path}");
            // Whoever made the change sees it.
            let here = pair.script.get(path).await;
            assert_ne!(here.body, held.body, "{case}");
            // The other may not know yet; then it says what it said.
            assert_eq!(pair.reader.get(path).await.body, held.body, "{case}");
            for answer in pair.asked_again(path, held).await {
                assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{case}");
            }
        }
        pair.wait(1);
        for (path, held) in FEEDS.iter().zip(&held) {
            let case = format!("{what}, {path}");
            let here = pair.script.get(path).await;
            for answer in pair.asked_again(path, held).await {
                assert_eq!(answer.status, StatusCode::OK, "{case}");
                assert_eq!(answer.body, here.body, "{case}");
            }
            // A reader may be led to either from one poll to the next.
            let tag = pair.reader.with("if-none-match", here.header("etag"));
            let known = tag.get(path).await;
            assert_eq!(known.status, StatusCode::NOT_MODIFIED, "{case}");
        }
    }
}
