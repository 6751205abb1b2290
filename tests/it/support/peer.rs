//! Another program on the web: it answers as it's told, and writes down what it was sent.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// One request that came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// A field of the query, or of the form that was posted; empty if there is none.
    pub(crate) fn field(&self, name: &str) -> String {
        let query = self.uri.query().unwrap_or_default();
        fields(query.as_bytes())
            .remove(name)
            .or_else(|| fields(&self.body).remove(name))
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn fields(text: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

type Reply = Arc<dyn Fn(&Came) -> Response + Send + Sync>;

#[derive(Clone)]
struct Shared {
    reply: Arc<Mutex<Reply>>,
    came: Arc<Mutex<Vec<Came>>>,
}

/// A server on loopback. It ends when it is dropped.
pub(crate) struct Peer {
    pub(crate) url: String,
    shared: Shared,
    _running: JoinSet<std::io::Result<()>>,
}

impl Peer {
    /// One that answers so.
    pub(crate) async fn answering(
        reply: impl Fn(&Came) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared {
            reply: Arc::new(Mutex::new(Arc::new(reply))),
            came: Arc::default(),
        };
        let routes = Router::new().fallback(take).with_state(shared.clone());
        let mut running = JoinSet::new();
        running.spawn(axum::serve(listener, routes).into_future());
        Self {
            url,
            shared,
            _running: running,
        }
    }

    /// A subscriber that agrees with every wish and takes every push.
    pub(crate) async fn subscriber() -> Self {
        Self::answering(agree).await
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, reply: impl Fn(&Came) -> Response + Send + Sync + 'static) {
        *self.shared.reply.lock().unwrap() = Arc::new(reply);
    }

    /// What came since the last time.
    pub(crate) fn came(&self) -> Vec<Came> {
        std::mem::take(&mut self.shared.came.lock().unwrap())
    }
}

/// Repeats a challenge; takes everything else.
pub(crate) fn agree(came: &Came) -> Response {
    came.field("hub.challenge").into_response()
}

/// An answer of nothing but its status.
pub(crate) fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}

async fn take(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let came = Came {
        method,
        uri,
        headers,
        body,
    };
    let reply = Arc::clone(&shared.reply.lock().unwrap());
    let response = reply(&came);
    shared.came.lock().unwrap().push(came);
    response
}
