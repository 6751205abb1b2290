//! Connections in, requests to the [`Front`] out; HTTP/1.1 alone, as proxies speak it.
//!
//! `axum::serve` would do the same but for the patience: it lets anybody hold any number of
//! connections open for ever, with nothing said or half a request.

use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::web::Front;

/// How long a connection may wait for the end of a request's head, and so how long it may be idle.
const SILENCE: Duration = Duration::from_mins(1);
/// How long open requests may go on after the stop.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long until the next try when the system has no more connections to give.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Answers on `listener` until `app.stop`, then until open requests are done, or for 10 more
/// seconds.
pub async fn serve(app: App, listener: TcpListener) -> anyhow::Result<()> {
    serve_within(SILENCE, app, listener).await
}

/// The same with another patience.
pub async fn serve_within(
    silence: Duration,
    app: App,
    listener: TcpListener,
) -> anyhow::Result<()> {
    let front = Front::new(app.clone());
    let mut open = JoinSet::new();
    while let Some(accepted) = app.stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((connection, peer)) => {
                let front = front.for_peer(peer);
                open.spawn(talk(connection, front, silence, app.stop.clone()));
            }
            Err(problem) => wait_after(&problem).await,
        }
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    let all_done = async { while open.join_next().await.is_some() {} };
    // Whoever isn't done by then is cut off as `open` goes.
    tokio::time::timeout(LAST_WORDS, all_done).await.ok();
    Ok(())
}

/// A connection that was given up before it was taken is no trouble; all else is.
async fn wait_after(problem: &std::io::Error) {
    let is_theirs = matches!(
        problem.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    );
    if !is_theirs {
        tracing::error!(problem = problem.to_string(), "connection.not_accepted");
        tokio::time::sleep(A_MOMENT).await;
    }
}

/// Answers one connection's requests; at the stop, only the one that is open.
async fn talk(connection: TcpStream, front: Front, silence: Duration, stop: CancellationToken) {
    // Otherwise the end of a large answer waits for the reader to confirm what came before.
    connection.set_nodelay(true).ok();
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(silence);
    let service = TowerToHyperService::new(front);
    let mut conversation = pin!(http.serve_connection(TokioIo::new(connection), service));
    // What goes wrong is the other side's going away: nobody is left to be told.
    if let Some(done) = stop.run_until_cancelled(conversation.as_mut()).await {
        done.ok();
    } else {
        conversation.as_mut().graceful_shutdown();
        conversation.await.ok();
    }
}
