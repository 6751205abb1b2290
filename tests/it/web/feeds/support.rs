//! A newsroom with a few articles, and somebody who fetches its feeds.

use std::convert::Infallible;

use axum::body::Body;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::Request;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use http_body_util::BodyExt;
use tower::Service;
use tower::ServiceExt;
use visnyk::article::ArticleId;
use visnyk::article::TopicKind;
use visnyk::article::clean::clean;
use visnyk::audience::list::TopicId;
use visnyk::source::Selectors;
use visnyk::source::SourceId;
use visnyk::source::SourceKind;
use visnyk::store;
use visnyk::store::article::Mailing;
use visnyk::store::article::NewArticle;
use visnyk::store::source::NewSource;
use visnyk::web::Front;

use crate::support::app::TestApp;
use crate::support::database::TestDb;

/// A Visnyk with a source and two topics, and its web.
pub(super) struct Newsroom {
    pub(super) app: TestApp,
    pub(super) source: SourceId,
    /// A department, then a tag.
    pub(super) topics: [TopicId; 2],
    front: Front,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Fetched {
    pub(super) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Newsroom {
    pub(super) async fn over(database: TestDb) -> Self {
        Self::of(TestApp::over(database, []).await).await
    }

    pub(super) async fn of(app: TestApp) -> Self {
        let mut tx = app.db.begin().await.unwrap();
        let source = NewSource {
            url: "https://poda.example/news".parse().unwrap(),
            kind: SourceKind::Feed,
            name: "Полтавська ОВА".to_owned(),
            selectors: Selectors::default(),
            every: TimeDelta::minutes(15),
        };
        let source = store::source::add(&mut tx, &source, app.now())
            .await
            .unwrap()
            .unwrap();
        let department =
            store::topic::keep(&mut tx, TopicKind::Department, "Департамент економіки").await;
        let tag = store::topic::keep(&mut tx, TopicKind::Topic, "економіка").await;
        tx.commit().await.unwrap();
        Self {
            front: Front::new(app.app.clone()),
            app,
            source,
            topics: [department.unwrap().unwrap(), tag.unwrap().unwrap()],
        }
    }

    /// The web of another process on the same database.
    pub(super) fn another_process(&self) -> Front {
        Front::new(self.app.app.clone())
    }

    /// An article with every topic.
    pub(super) fn article(&self, title: &str) -> NewArticle {
        NewArticle {
            title: title.to_owned(),
            summary: "Коротко про головне.".to_owned(),
            html: clean("<p>Офіс діятиме при облвійськадміністрації.</p>", None),
            text: "Офіс діятиме при облвійськадміністрації.".to_owned(),
            url: None,
            published: None,
            authors: Vec::new(),
            media: Vec::new(),
            language: "uk".to_owned(),
            licence: None,
            fingerprint: title.to_owned(),
            topics: self.topics.to_vec(),
        }
    }

    pub(super) async fn publish(&self, title: &str) -> ArticleId {
        let article = (self.article(title), Mailing::Digest);
        let mut tx = self.app.db.begin().await.unwrap();
        let published =
            store::article::publish(&mut tx, &[article], self.source, self.app.now()).await;
        tx.commit().await.unwrap();
        published.unwrap()[0]
    }

    pub(super) async fn edit(&self, id: ArticleId, article: &NewArticle) {
        let mut tx = self.app.db.begin().await.unwrap();
        store::article::edit(&mut tx, id, article, self.app.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub(super) async fn set_withdrawn(&self, id: ArticleId, withdrawn: bool) {
        let mut tx = self.app.db.begin().await.unwrap();
        let now = self.app.now();
        store::article::set_withdrawn(&mut tx, id, withdrawn, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub(super) fn wait(&self, milliseconds: i64) {
        self.app.wait(TimeDelta::milliseconds(milliseconds));
    }

    pub(super) async fn get(&self, path: &str) -> Fetched {
        self.fetch("GET", path, &[]).await
    }

    pub(super) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Fetched {
        self.fetch("GET", path, headers).await
    }

    pub(super) async fn fetch(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Fetched {
        fetch(&self.front, method, path, headers).await
    }
}

pub(super) async fn fetch<S>(
    front: &S,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Fetched
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone,
{
    let request = request(method, path, headers);
    Fetched::of(front.clone().oneshot(request).await.unwrap()).await
}

pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}
