//! The stream that lettre reads and writes: a socket, plain or in TLS, that is careful for it.
//!
//! lettre's reader is strict where servers are sloppy and trusting where they may be hostile: a
//! line that ends in LF alone hangs it, a byte that isn't UTF-8 hides a refusal behind a network
//! error, and a line without end fills the memory. So what comes in is repaired (LF becomes CRLF,
//! bytes beyond ASCII become `?`) and bounded; and both directions are counted, because only the
//! counts tell whether a letter's end was sent and whether an answer came that nobody asked for.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// What went over a [`Wire`] so far, readable while lettre owns the wire.
#[derive(Debug, Default)]
pub(super) struct Tally {
    written: AtomicUsize,
    replies: AtomicUsize,
}

impl Tally {
    /// Bytes that were handed to the socket, or to TLS in front of it.
    pub(super) fn written(&self) -> usize {
        self.written.load(Ordering::Acquire)
    }

    /// Whole replies that came in, read by lettre or not yet.
    pub(super) fn replies(&self) -> usize {
        self.replies.load(Ordering::Acquire)
    }
}

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

/// See the module.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    tally: Arc<Tally>,
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
    pub(super) fn new(socket: Socket, first: &[u8]) -> (Self, Arc<Tally>) {
        let tally = Arc::new(Tally::default());
        let mut wire = Self {
            socket,
            tally: Arc::clone(&tally),
            repaired: Vec::with_capacity(CHUNK),
            taken: 0,
            line: Line::default(),
            reply_bytes: 0,
            reply_lines: 0,
        };
        wire.repair(first);
        (wire, tally)
    }

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
            self.tally.replies.fetch_add(1, Ordering::Release);
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
        self.repair(chunk.filled());
        Poll::Ready(Ok(()))
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.taken == this.repaired.len() {
            this.repaired.clear();
            this.taken = 0;
            ready!(this.poll_chunk(cx))?;
        }
        let rest = this.repaired.get(this.taken..).unwrap_or_default();
        let part = rest.get(..out.remaining()).unwrap_or(rest);
        out.put_slice(part);
        this.taken += part.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(match &mut self.socket {
            Socket::Plain(tcp) => poll_write(tcp, cx, bytes),
            Socket::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        })?;
        self.tally.written.fetch_add(count, Ordering::Release);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            // The socket closes when its last owner lets go of it.
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.tcp().peer_addr()
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
        let (mut wire, tally) = Wire::new(Socket::Plain(Arc::new(tcp)), first.as_bytes());
        let mut text = String::new();
        let talk = async {
            for chunk in chunks {
                server.write_all(chunk).await.unwrap();
            }
            drop(server);
        };
        let ((), result) = tokio::join!(talk, wire.read_to_string(&mut text));
        (result.map(|_| text), tally.replies())
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
