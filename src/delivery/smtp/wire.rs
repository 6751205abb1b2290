//! The stream that lettre reads and writes: a socket, plain or in TLS, that is careful for it.
//!
//! lettre's reader is strict where servers are sloppy and trusting where they may be hostile: a
//! line that ends in LF alone hangs it, a byte that isn't UTF-8 hides a refusal behind a network
//! error, and a line without end fills the memory. So what comes in is repaired (LF becomes CRLF,
//! bytes beyond ASCII become `?`) and bounded; and both directions are counted, because only the
//! counts tell whether a letter's end was sent and whether an answer came that nobody asked for.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The longest reply we read, in bytes; RFC 5321 promises lines of 512.
const MOST_BYTES: usize = 8 * 1024;
/// The same in lines: lettre parses a reply anew at each, which costs time by the square.
const MOST_LINES: usize = 100;
/// How much is taken from the socket at once.
const CHUNK: usize = 4096;

/// A socket, bare or in TLS.
#[derive(Debug)]
pub(super) enum Socket {
    /// As TCP gives it; shared, because lettre doesn't give it back when TLS is to begin on it.
    Plain(Arc<TcpStream>),
    /// Encrypted, the certificate checked.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }
}

/// Where in a line of a reply the last byte stood.
#[derive(Debug, Default)]
struct Line {
    /// Bytes of this line so far.
    length: usize,
    /// Whether the byte after the code was a hyphen: more lines follow.
    goes_on: bool,
    /// Whether the last byte was CR.
    after_cr: bool,
}

/// See the module. Clones are the same wire: lettre has one, and the session another.
#[derive(Debug, Clone)]
pub(super) struct Wire(Arc<Mutex<Ends>>);

#[derive(Debug)]
struct Ends {
    socket: Socket,
    /// Bytes that were handed to the socket, or to TLS in front of it.
    written: usize,
    /// Whole replies that came in, read by lettre or not yet.
    replies: usize,
    /// The other side has hung up.
    is_closed: bool,
    /// Repaired bytes that the reader hasn't taken yet; those before `taken` are gone.
    repaired: Vec<u8>,
    taken: usize,
    line: Line,
    /// Bytes and lines since the last reply ended.
    reply_bytes: usize,
    reply_lines: usize,
}

impl Wire {
    /// A wire whose reader finds `first` before what the socket gives: a greeting that was already
    /// read, ending in CRLF, or nothing.
    pub(super) fn new(socket: Socket, first: &[u8]) -> Self {
        let mut ends = Ends {
            socket,
            written: 0,
            replies: 0,
            is_closed: false,
            repaired: Vec::with_capacity(CHUNK),
            taken: 0,
            line: Line::default(),
            reply_bytes: 0,
            reply_lines: 0,
        };
        ends.repair(first);
        Self(Arc::new(Mutex::new(ends)))
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that were handed to the socket, or to TLS in front of it.
    pub(super) fn written(&self) -> usize {
        self.ends().written
    }

    /// Whole replies that came in, read by lettre or not yet.
    pub(super) fn replies(&self) -> usize {
        self.ends().replies
    }

    /// Writes without reading an answer.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = poll_fn(|cx| self.ends().poll_write(cx, rest)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        poll_fn(|cx| self.ends().poll_flush(cx)).await
    }

    /// Takes in what has come by now, without waiting. Whether the other side has hung up.
    pub(super) async fn is_closed(&self) -> bool {
        poll_fn(|cx| {
            let mut ends = self.ends();
            let closed = match ends.poll_chunk(cx) {
                Poll::Ready(Ok(())) => ends.is_closed,
                Poll::Ready(Err(_)) => true,
                Poll::Pending => false,
            };
            drop(ends);
            Poll::Ready(closed)
        })
        .await
    }
}

impl Ends {
    fn repair(&mut self, incoming: &[u8]) {
        for &byte in incoming {
            if self.is_endless() {
                return;
            }
            self.reply_bytes += 1;
            if byte == b'\n' {
                self.end_line();
                continue;
            }
            self.line.length += 1;
            if self.line.length == 4 {
                self.line.goes_on = byte == b'-';
            }
            self.line.after_cr = byte == b'\r';
            self.repaired
                .push(if byte.is_ascii() { byte } else { b'?' });
        }
    }

    fn is_endless(&self) -> bool {
        self.reply_bytes > MOST_BYTES || self.reply_lines > MOST_LINES
    }

    fn end_line(&mut self) {
        if !self.line.after_cr {
            self.repaired.push(b'\r');
        }
        self.repaired.push(b'\n');
        self.reply_lines += 1;
        if !self.line.goes_on {
            self.reply_bytes = 0;
            self.reply_lines = 0;
            self.replies += 1;
        }
        self.line = Line::default();
    }

    /// Takes one chunk from the socket; nothing at its end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_endless() {
            let words = "expected a reply of reasonable length, but got no end of it";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, words)));
        }
        let mut space = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut space);
        ready!(match &mut self.socket {
            Socket::Plain(tcp) => poll_read(tcp, cx, &mut chunk),
            Socket::Tls(tls) => Pin::new(tls).poll_read(cx, &mut chunk),
        })?;
        self.is_closed = chunk.filled().is_empty();
        self.repair(chunk.filled());
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(match &mut self.socket {
            Socket::Plain(tcp) => poll_write(tcp, cx, bytes),
            Socket::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        })?;
        self.written += count;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }
}

fn poll_read(tcp: &TcpStream, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    loop {
        ready!(tcp.poll_read_ready(cx))?;
        match tcp.try_read(out.initialize_unfilled()) {
            Ok(count) => {
                out.advance(count);
                return Poll::Ready(Ok(()));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

fn poll_write(tcp: &TcpStream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        match tcp.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut held = self.ends();
        let ends = &mut *held;
        if ends.taken == ends.repaired.len() {
            ends.repaired.clear();
            ends.taken = 0;
            ready!(ends.poll_chunk(cx))?;
        }
        let rest = ends.repaired.get(ends.taken..).unwrap_or_default();
        let part = rest.get(..out.remaining()).unwrap_or(rest);
        out.put_slice(part);
        ends.taken += part.len();
        drop(held);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.ends().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ends().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.ends().socket {
            // The socket closes when its last owner lets go of it.
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ends().socket.tcp().peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What the reader finds, to the end or the error, and how many replies were counted.
    async fn read(first: &str, chunks: &[&[u8]]) -> (io::Result<String>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tcp = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut wire = Wire::new(Socket::Plain(Arc::new(tcp)), first.as_bytes());
        let mut text = String::new();
        let talk = async {
            for chunk in chunks {
                server.write_all(chunk).await.unwrap();
            }
            drop(server);
        };
        let ((), result) = tokio::join!(talk, wire.read_to_string(&mut text));
        (result.map(|_| text), wire.replies())
    }

    #[tokio::test]
    async fn sloppy_replies_come_out_as_lettre_reads_them() {
        let (text, replies) =
            read("220 x\r\n", &[b"250-a\n25", b"0 b\xd1\x97\r", b"\n354 c"]).await;
        assert_eq!(text.unwrap(), "220 x\r\n250-a\r\n250 b??\r\n354 c");
        assert_eq!(replies, 2);
    }

    #[tokio::test]
    async fn a_reply_without_end_is_an_error_and_one_before_it_counts() {
        for endless in [b"x".repeat(9000), b"250-x\r\n".repeat(101)] {
            let (text, replies) = read("", &[b"220 x\r\n", &endless]).await;
            assert_eq!(text.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(replies, 1);
        }
    }
}
