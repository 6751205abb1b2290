//! How long connections may be silent, and how they end.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use visnyk::web;

use crate::support::app::TestApp;

const QUESTION: &[u8] = b"GET /robots.txt HTTP/1.1\r\nhost: news.example.org\r\n\r\n";

/// All that the other side says until it hangs up.
async fn listen(connection: &mut TcpStream) -> String {
    let mut said = String::new();
    connection.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn whoever_falls_silent_is_hung_up_on() {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silence = Duration::from_millis(100);
    let mut server = JoinSet::new();
    server.spawn(web::serve_within(silence, app.app.clone(), listener));
    let mut mute = TcpStream::connect(address).await.unwrap();
    let mut halting = TcpStream::connect(address).await.unwrap();
    halting
        .write_all(b"GET / HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(QUESTION).await.unwrap();
    assert_eq!(listen(&mut mute).await, "");
    assert!(!listen(&mut halting).await.contains("200 OK"));
    let answer = listen(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    app.app.stop.cancel();
    server.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn at_the_stop_idle_connections_end_and_no_new_ones_are_taken() {
    let app = TestApp::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(web::serve(app.app.clone(), listener));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(QUESTION).await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    app.app.stop.cancel();
    assert!(listen(&mut idle).await.contains("Sitemap:"));
    server.join_next().await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
