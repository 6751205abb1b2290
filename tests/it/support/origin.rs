//! A web server that misbehaves to order. It speaks TCP rather than HTTP, so it can do what no
//! HTTP library would: lie about lengths, stop in mid-header, never end. It writes down what
//! it was asked.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use visnyk::source::SourceUrl;

/// One thing the server does on a connection, after it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes these bytes at once.
    Send(Vec<u8>),
    /// Writes these bytes one by one, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Writes these bytes again and again, as fast as the other side takes them.
    Forever(Vec<u8>),
    /// Says nothing more, and keeps the connection.
    Silence,
    /// Takes a moment, and then one off the number of requests in hand.
    Count(Arc<AtomicUsize>),
}

/// What the server does for one request. Afterwards it closes the connection.
pub(crate) type Reply = Vec<Step>;

/// What the server was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) path: String,
    /// Names in lower case, values as they came.
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    /// The header's value, if it was sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.as_str())
    }
}

/// An answer with a true `Content-Length`.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let length = body.len().to_string();
    let headers = [headers, &[("Content-Length", &length)]].concat();
    vec![head(status, &headers), Step::Send(body.to_vec())]
}

/// The start of an answer, up to the empty line.
pub(crate) fn head(status: &str, headers: &[(&str, &str)]) -> Step {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("strings take everything");
    }
    Step::Send(format!("{text}Connection: close\r\n\r\n").into_bytes())
}

/// A redirect to `location`.
pub(crate) fn redirect(code: u16, location: &str) -> Reply {
    answer(&format!("{code} Elsewhere"), &[("Location", location)], "")
}

/// A server on loopback. It ends when it is dropped.
pub(crate) struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _running: JoinSet<Infallible>,
}

impl Origin {
    /// A server that does the same for every request.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::routed("127.0.0.1", move |_| reply.clone()).await
    }

    /// A server on `ip` that looks at what it is asked.
    pub(crate) async fn routed<F>(ip: &str, reply: F) -> Self
    where
        F: Fn(&Asked) -> Reply + Send + Sync + 'static,
    {
        Self::wrapped(ip, reply, |stream| async { Some(stream) }).await
    }

    /// The same, with something such as TLS between TCP and HTTP; `None` drops the connection.
    pub(crate) async fn wrapped<F, W, S, T>(ip: &str, reply: F, wrap: W) -> Self
    where
        F: Fn(&Asked) -> Reply + Send + Sync + 'static,
        W: Fn(TcpStream) -> S + Send + Sync + 'static,
        S: Future<Output = Option<T>> + Send + 'static,
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&asked), Arc::new(reply));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (log, reply, stream) = (Arc::clone(&log), Arc::clone(&reply), wrap(stream));
                connections.spawn(async move {
                    if let Some(stream) = stream.await {
                        serve(stream, &log, &*reply).await;
                    }
                });
            }
        });
        Self {
            address,
            asked,
            _running: running,
        }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address of a path, as text.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> SourceUrl {
        self.at(path).parse().expect("a source's address")
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

/// One connection: a request, its reply, the end. Whoever hangs up early has seen enough.
async fn serve<T>(stream: T, log: &Mutex<Vec<Asked>>, reply: &(dyn Fn(&Asked) -> Reply + Sync))
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    let steps = reply(&asked);
    log.lock().expect("nobody panics with it").push(asked);
    for step in steps {
        if perform(&mut stream, step).await.is_err() {
            return;
        }
    }
    let _closed = stream.shutdown().await;
}

async fn perform<T: AsyncWrite + Unpin>(stream: &mut T, step: Step) -> std::io::Result<()> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes).await?,
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                tokio::time::sleep(pause).await;
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
            }
        }
        Step::Forever(bytes) => loop {
            stream.write_all(&bytes).await?;
        },
        Step::Silence => std::future::pending().await,
        Step::Count(in_hand) => {
            tokio::time::sleep(Duration::from_millis(1)).await;
            in_hand.fetch_sub(1, Ordering::SeqCst);
        }
    }
    stream.flush().await
}

async fn read<T: AsyncRead + Unpin>(stream: &mut BufReader<T>) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await.ok()?;
        let line = String::from_utf8_lossy(&line);
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return Some(Asked { path, headers });
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}
