//! Messages that a proxy and we might read differently, as bytes; and bodies that never come.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tower::ServiceExt;
use visnyk::web;

use crate::support::app::TestApp;

/// Each hides `GET /hidden` in what some servers take for a body. If we answer that, somebody else's
/// request can be made for them.
pub(super) const MESSAGES: &[(&str, &str)] = &[
    (
        "a length and chunks",
        "POST /link HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunks and a length",
        "POST /link HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    ),
    (
        "two lengths",
        "POST /link HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 60\r\n\r\n",
    ),
    (
        "a length of two",
        "POST /link HTTP/1.1\r\nhost: a\r\ncontent-length: 0, 60\r\n\r\n",
    ),
    (
        "a length below nothing",
        "POST /link HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    ),
    (
        "a length with a sign",
        "POST /link HTTP/1.1\r\nhost: a\r\ncontent-length: +0\r\n\r\n",
    ),
    (
        "a length beyond numbers",
        "POST /link HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
    ),
    (
        "an encoding that isn't one",
        "POST /link HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a space before the colon",
        "POST /link HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a folded header",
        "POST /link HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a chunk of letters",
        "POST /link HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n\r\n",
    ),
    (
        "an endless chunk",
        "POST /link HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
    ),
    (
        "a nothing in a header",
        "GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
    ),
    ("no method", " / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("another version", "GET / HTTP/9.9\r\nhost: a\r\n\r\n"),
    ("no version", "GET /\r\n\r\n"),
];

#[tokio::test]
async fn no_message_hides_another() {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(web::serve_within(
        Duration::from_millis(200),
        app.app.clone(),
        listener,
    ));
    let mut wrong = Vec::new();
    for (name, message) in MESSAGES {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let hidden =
            format!("{message}GET /robots.txt HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        connection.write_all(hidden.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        // Whoever is hung up on while still speaking sees the connection reset.
        drop(connection.read_to_end(&mut said).await);
        let said = String::from_utf8_lossy(&said).into_owned();
        if said.contains("Sitemap:") || said.contains("HTTP/1.1 5") {
            wrong.push(format!("{name}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    app.app.stop.cancel();
    server.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn whoever_posts_too_slowly_is_told_so() {
    let app = TestApp::new().await;
    let router = web::router_within(Duration::from_millis(50), app.app.clone());
    for path in ["/link", "/hub", "/lists/all/subscribe", "/admin/sign-in"] {
        let never = futures_util::stream::pending::<Result<&[u8], std::io::Error>>();
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from_stream(never))
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT, "{path}");
    }
}
