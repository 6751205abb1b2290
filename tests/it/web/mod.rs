//! The web edge for people, asked as a browser asks: through the router, without sockets.

mod account;
mod admin;
pub(crate) mod api;
mod archive;
mod attacks;
mod bound;
mod by_script;
pub(crate) mod desk;
mod feeds;
mod first_steps;
mod flood;
mod guard;
mod hooks;
mod import;
mod in_chromium;
mod listen;
mod newcomer;
mod oidc;
mod pages;
mod preferences;
mod reader;
mod schemathesis;
mod settings;
mod sign_up;
mod sources;
mod templates;

use std::iter;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::LOCATION;
use chrono::TimeDelta;
use http_body_util::BodyExt;
use mail_parser::MessageParser;
use tower::ServiceExt;
use visnyk::article::ArticleId;
use visnyk::article::TopicKind;
use visnyk::article::clean;
use visnyk::delivery::mailer::Kept;
use visnyk::source::Selectors;
use visnyk::source::SourceId;
use visnyk::source::SourceKind;
use visnyk::store;
use visnyk::store::Db;
use visnyk::store::Tx;
use visnyk::store::article::Mailing;
use visnyk::store::article::NewArticle;
use visnyk::store::source::NewSource;
use visnyk::web;

use crate::support::app::TestApp;

/// Somebody with a browser. Its requests come by a proxy on this machine, from the address given.
pub(crate) struct Browser {
    router: Router,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn of(app: &TestApp) -> Self {
        Self {
            router: web::router(app.app.clone()),
            headers: Vec::new(),
        }
    }

    /// The same browser, which sends this header along too.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name, value.to_owned()));
        Self {
            router: self.router.clone(),
            headers,
        }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, String::new()).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.ask(Method::HEAD, path, String::new()).await
    }

    /// Posts a form.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let form = self.with("content-type", "application/x-www-form-urlencoded");
        form.ask(Method::POST, path, body.to_owned()).await
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub(crate) fn is_page(&self) -> bool {
        self.header(CONTENT_TYPE.as_str()).starts_with("text/html") && self.body.contains("</html>")
    }
}

/// The first address in a letter that begins with `https://news.example.org{path}`, as a path.
pub(crate) fn link_in(letter: &Kept, path: &str) -> String {
    let letter = MessageParser::default().parse(&letter.letter).unwrap();
    let text = letter.body_text(0).unwrap();
    let start = format!("https://news.example.org{path}");
    let link = text
        .split_whitespace()
        .find(|word| word.starts_with(&start));
    let link = link.unwrap_or_else(|| panic!("expected a link to {path}, but got {text}"));
    link.strip_prefix("https://news.example.org")
        .unwrap()
        .to_owned()
}

/// Everything that the database says about people and their letters, as text.
pub(crate) async fn state(app: &TestApp) -> String {
    const ALL: &str = "SELECT 'subscriber ' || id || email || name || language || zone || state FROM subscriber
        UNION ALL SELECT 'subscription ' || id || rhythm_id || topics_key || cursor_seq || state FROM subscription
        UNION ALL SELECT 'consent ' || id || act || at || origin || wording FROM consent
        UNION ALL SELECT 'letter ' || id || purpose || state FROM letter
        UNION ALL SELECT 'session ' || token_hash || purpose FROM session
        UNION ALL SELECT 'user ' || id || email || role || COALESCE(password, '') FROM \"user\"
        UNION ALL SELECT 'identity ' || user_id || issuer || subject FROM identity
        UNION ALL SELECT 'suppression ' || address_mac FROM suppression
        UNION ALL SELECT 'source ' || id || url || state FROM source
        UNION ALL SELECT 'article ' || id || title || state FROM article
        UNION ALL SELECT 'list ' || id || slug || name FROM list
        UNION ALL SELECT 'key ' || id || name || state FROM api_key
        UNION ALL SELECT 'change ' || id || action || subject FROM audit ORDER BY 1";
    let rows: Vec<String> = match &app.db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(ALL).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(ALL).fetch_all(pool).await.unwrap(),
    };
    rows.join("\n")
}

/// Makes a test of each function on both databases: `async fn name(app: TestApp)`.
macro_rules! in_a_box {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::app::TestApp::on($crate::support::database::Kind::Sqlite, []).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL"]
            async fn $name() {
                super::$name($crate::support::app::TestApp::on($crate::support::database::Kind::Postgres, []).await).await;
            })*
        }
    };
}
pub(crate) use in_a_box;

/// Publishes an article on these tags, under one department.
pub(crate) async fn publish(app: &TestApp, title: &str, html: &str, tags: &[&str]) -> ArticleId {
    let mut tx = app.db.begin().await.unwrap();
    let source = source(app, &mut tx).await;
    let mut topics = Vec::new();
    let department = (TopicKind::Department, "Департамент цифрового розвитку");
    for (kind, name) in
        iter::once(department).chain(tags.iter().map(|tag| (TopicKind::Topic, *tag)))
    {
        topics.extend(store::topic::keep(&mut tx, kind, name).await.unwrap());
    }
    let html = clean::clean(html, None);
    let new = NewArticle {
        title: title.to_owned(),
        summary: String::new(),
        text: clean::plain_text(&html),
        html,
        url: None,
        published: None,
        authors: Vec::new(),
        media: Vec::new(),
        language: "uk".to_owned(),
        licence: None,
        fingerprint: title.to_owned(),
        topics,
    };
    let published =
        store::article::publish(&mut tx, &[(new, Mailing::Digest)], source, app.now()).await;
    tx.commit().await.unwrap();
    published.unwrap()[0]
}

async fn source(app: &TestApp, tx: &mut Tx) -> SourceId {
    let new = NewSource {
        url: "https://source.example.org/".parse().unwrap(),
        kind: SourceKind::Feed,
        name: "Джерело".to_owned(),
        selectors: Selectors::default(),
        every: TimeDelta::days(1),
    };
    if let Some(id) = store::source::add(tx, &new, app.now()).await.unwrap() {
        return id;
    }
    store::source::all(tx).await.unwrap()[0].id
}
