//! One SMTP session with a relay, driven through lettre's connection (RFC 5321, 2920, 3207, 4954).
//!
//! A [`Relay`] and [`Timeouts`] go in, a [`Session`] comes out; letters go in, outcomes come out.
//! Every step has its time limit, every reply is counted, and at the least doubt about what the
//! next reply would answer the session is no longer usable. It never tries again by itself.
//!
//! Why not lettre's `send` and pool: they have no limits after the connect, no `TCP_NODELAY` (which
//! stalls every letter 40 ms), take any 3xx for success, can't tell "not handed over" from
//! "perhaps handed over", and put a half-used connection back when a send is cancelled.

mod dialogue;
mod relay;
mod reply;
mod wire;

pub use self::relay::BadRelay;
pub use self::relay::Encryption;
pub use self::relay::Login;
pub use self::relay::Relay;
pub use self::relay::Trust;
pub(in crate::delivery) use self::relay::decoded;

use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::extension::Extension;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::delivery::Attempt;
use crate::delivery::Envelope;
use crate::delivery::Outcome;
use crate::delivery::Phase;
use crate::delivery::one_line;
use crate::delivery::smtp::dialogue::SURPLUS;
use crate::delivery::smtp::reply::Reply;
use crate::delivery::smtp::wire::Socket;
use crate::delivery::smtp::wire::Wire;

/// How long we wait at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Resolving the name and opening the connection.
    pub connect: Duration,
    /// A handshake; banner and EHLO together; AUTH; MAIL; RCPT; RSET.
    pub reply: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// Writing the whole letter.
    pub body: Duration,
    /// The answer to its end, counted from when `body` ran out. A short one makes duplicates
    /// (RFC 1047): the relay is still working, and will have the letter twice.
    pub end_of_data: Duration,
    /// QUIT, and NOOP after a rest.
    pub farewell: Duration,
}

/// RFC 5321 §4.5.3.2, but a minute instead of five for short replies.
impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            reply: Duration::from_mins(1),
            data: Duration::from_mins(2),
            body: Duration::from_mins(3),
            end_of_data: Duration::from_mins(10),
            farewell: Duration::from_secs(5),
        }
    }
}

/// An open, greeted, encrypted and authenticated connection.
pub struct Session {
    connection: AsyncSmtpConnection,
    wire: Wire,
    /// Replies we asked for, the banner included; what the wire counts beyond them is surplus.
    asked: usize,
    host: String,
    limits: Timeouts,
    pipelining: bool,
    /// The largest letter in bytes, where the relay says.
    size: Option<usize>,
    encrypted: bool,
    usable: bool,
    /// A letter's text went, and its end didn't yet: since when.
    begun: Option<Instant>,
    /// What was announced together with the letter before; its answers aren't read yet.
    announced: Option<Announced>,
}

/// A letter as its announcement tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Announced {
    envelope: Envelope,
    size: usize,
}

impl Session {
    /// Connects, greets, encrypts and authenticates as `relay` says.
    ///
    /// # Errors
    /// The attempt, at `Connect` … `Auth`: a fault of the host or ours, so any letter that waits
    /// for this session is [`Outcome::Deferred`].
    pub async fn open(relay: &Relay, limits: &Timeouts, trust: &Trust) -> Result<Self, Attempt> {
        let tcp = connect(relay, limits).await;
        let tcp = tcp.map_err(|words| failed(Phase::Connect, relay, words))?;
        let mut session = if relay.encryption == Encryption::Implicit {
            let tls = encrypt(tcp, relay, limits, trust).await;
            let tls = tls.map_err(|words| failed(Phase::Connect, relay, words))?;
            Self::greet(tls, b"", relay, limits).await?
        } else {
            Self::greet_plainly(tcp, relay, limits, trust).await?
        };
        session.learn_abilities(&relay.hello).await?;
        session.authenticate(relay).await?;
        session.usable = true;
        Ok(session)
    }

    /// Whether another letter may go over this session. If not, drop it.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Hands one letter over. `letter` is its final bytes: 7-bit, lines ending in CRLF.
    ///
    /// Dropping the future half-way leaves the session unusable; one that is unusable defers.
    pub async fn hand_over(&mut self, envelope: &Envelope, letter: &[u8]) -> (Outcome, Attempt) {
        self.hand_over_before(envelope, letter, None).await
    }

    /// The same, when it's known which letter is `next` over this session: where the relay takes
    /// it so, that one is announced with this one's end. If it then isn't the next, the session is
    /// no longer usable.
    pub async fn hand_over_before(
        &mut self,
        envelope: &Envelope,
        letter: &[u8],
        next: Option<(&Envelope, &[u8])>,
    ) -> (Outcome, Attempt) {
        match self.begin(envelope, letter).await {
            Ok(()) => self.end(next).await,
            Err(told) => told,
        }
    }

    /// Hands over all of a letter but its end: the relay can't have it until [`Session::end`], and
    /// a session that is dropped before leaves it with nothing.
    ///
    /// # Errors
    /// What came of it, if it's over already.
    pub async fn begin(
        &mut self,
        envelope: &Envelope,
        letter: &[u8],
    ) -> Result<(), (Outcome, Attempt)> {
        let size = letter.len();
        let announced = self.announced.take();
        let unexpected =
            |announced: &Announced| announced.envelope != *envelope || announced.size != size;
        if !self.usable || announced.as_ref().is_some_and(unexpected) {
            self.usable = false;
            let words = "expected a usable session, but got one in doubt".to_owned();
            return Err((Outcome::Deferred, self.tried(Phase::Connect, &Err(words))));
        }
        let text = match self.admit(envelope, letter) {
            Ok(text) => text,
            Err((phase, blame, words)) => {
                self.usable = announced.is_none();
                return Err((Outcome::Refused(blame), self.tried(phase, &Err(words))));
            }
        };
        self.usable = false;
        match announced {
            Some(_) => self.hear_announced(None).await,
            None if self.pipelining => self.announce_at_once(envelope, size).await,
            None => self.announce_in_turn(envelope, size).await,
        }?;
        self.write_text(&text).await?;
        self.begun = Some(Instant::now());
        Ok(())
    }

    /// Ends the letter that was begun, and hears what came of it. The `next` one may be announced
    /// with it, as [`Session::hand_over_before`] does.
    pub async fn end(&mut self, next: Option<(&Envelope, &[u8])>) -> (Outcome, Attempt) {
        if self.begun.take().is_none() {
            let words = "expected a letter that was begun, but got none".to_owned();
            return (Outcome::Deferred, self.tried(Phase::Connect, &Err(words)));
        }
        self.send_end(self.may_announce(next)).await
    }

    /// How long a letter has been begun and not ended.
    pub fn begun(&self) -> Option<Duration> {
        self.begun.map(|begun| begun.elapsed())
    }

    fn may_announce(&self, next: Option<(&Envelope, &[u8])>) -> Option<Announced> {
        let (envelope, letter) = next.filter(|_| self.pipelining)?;
        let size = letter.len();
        self.fit(envelope, size).ok()?;
        let envelope = envelope.clone();
        Some(Announced { envelope, size })
    }

    /// Whether a letter was announced that didn't follow yet.
    pub fn has_announced(&self) -> bool {
        self.announced.is_some()
    }

    /// Whether the relay still answers, by NOOP. For a session that rested a while.
    pub async fn is_alive(&mut self) -> bool {
        let limit = self.limits.farewell;
        if self.usable {
            self.usable = false;
            let reply = self.ask("NOOP\r\n", limit).await;
            self.usable = reply.is_ok_and(|reply| reply.code / 100 == 2);
        }
        self.usable
    }

    /// Says goodbye, briefly; not while a letter is announced or begun, for it would be taken for
    /// its text.
    pub async fn quit(mut self) {
        if self.announced.is_some() || self.begun.is_some() {
            return;
        }
        let limit = self.limits.farewell;
        // Whatever the answer is, the connection ends here.
        drop(self.ask("QUIT\r\n", limit).await);
    }

    /// Begins in plain text, and in TLS anew if `relay` says so.
    async fn greet_plainly(
        tcp: TcpStream,
        relay: &Relay,
        limits: &Timeouts,
        trust: &Trust,
    ) -> Result<Self, Attempt> {
        let fail = |words| failed(Phase::StartTls, relay, words);
        let tcp = Arc::new(tcp);
        let socket = Socket::Plain(Arc::clone(&tcp));
        let session = Self::greet(socket, b"", relay, limits).await?;
        if !session.must_encrypt(relay)? {
            return Ok(session);
        }
        session.ask_for_tls().await?;
        let tcp = Arc::into_inner(tcp).ok_or_else(|| fail("the socket is in use".to_owned()))?;
        let tls = encrypt(tcp, relay, limits, trust).await.map_err(fail)?;
        // The banner came before TLS; lettre waits for one.
        Self::greet(tls, b"220 encrypted\r\n", relay, limits).await
    }

    async fn greet(
        socket: Socket,
        first: &[u8],
        relay: &Relay,
        limits: &Timeouts,
    ) -> Result<Self, Attempt> {
        let encrypted = matches!(socket, Socket::Tls(_));
        let wire = Wire::new(socket, first);
        let name = ClientId::Domain(relay.hello.clone());
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &name);
        let host = relay.address();
        let words = match timeout(limits.reply, greeting).await {
            Ok(Ok(connection)) => {
                return Ok(Self {
                    connection,
                    wire,
                    asked: 2,
                    host,
                    limits: *limits,
                    pipelining: false,
                    size: None,
                    encrypted,
                    usable: false,
                    begun: None,
                    announced: None,
                });
            }
            Ok(Err(error)) => Reply::read(Err(error)),
            Err(_) => Err(too_late(limits.reply)),
        };
        let greeted = wire.written() > 0;
        let phase = if greeted { Phase::Ehlo } else { Phase::Banner };
        Err(attempt(phase, &host, &words))
    }

    fn must_encrypt(&self, relay: &Relay) -> Result<bool, Attempt> {
        let info = self.connection.server_info();
        match (relay.encryption, info.supports_feature(Extension::StartTls)) {
            (Encryption::None | Encryption::Implicit, _) | (Encryption::Opportunistic, false) => {
                Ok(false)
            }
            (_, true) => Ok(true),
            (Encryption::Required, false) => {
                let words = "expected STARTTLS to be offered, but it isn't".to_owned();
                Err(self.tried(Phase::StartTls, &Err(words)))
            }
        }
    }

    /// Ends the plain session, and with it lettre's hold on the socket.
    async fn ask_for_tls(mut self) -> Result<(), Attempt> {
        let limit = self.limits.reply;
        let reply = self.ask("STARTTLS\r\n", limit).await;
        // Bytes after the 220 came in plain text from who knows whom: none may count as said in
        // TLS.
        let reply = if self.has_surplus() {
            Err(SURPLUS.to_owned())
        } else {
            reply
        };
        if reply.as_ref().is_ok_and(|reply| reply.code == 220) {
            return Ok(());
        }
        Err(self.tried(Phase::StartTls, &reply))
    }

    /// lettre keeps neither PIPELINING nor SIZE from its own EHLO, so we ask again.
    async fn learn_abilities(&mut self, name: &str) -> Result<(), Attempt> {
        let limit = self.limits.reply;
        self.asked += 1;
        let asking = self.connection.command(format!("EHLO {name}\r\n"));
        let response = match timeout(limit, asking).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.tried(Phase::Ehlo, &Reply::read(Err(error)))),
            Err(_) => return Err(self.tried(Phase::Ehlo, &Err(too_late(limit)))),
        };
        for line in response.message() {
            let mut words = line.split_whitespace();
            match words
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase()
                .as_str()
            {
                "PIPELINING" => self.pipelining = true,
                "SIZE" => self.size = words.next().and_then(|size| size.parse().ok()),
                _ => {}
            }
        }
        // 0 means "no fixed limit" (RFC 1870).
        self.size = self.size.filter(|size| *size > 0);
        Ok(())
    }

    async fn authenticate(&mut self, relay: &Relay) -> Result<(), Attempt> {
        let Some(login) = &relay.login else {
            return Ok(());
        };
        if relay.encryption == Encryption::Opportunistic && !self.encrypted {
            let words = "expected TLS before a password is sent, but it isn't offered".to_owned();
            return Err(self.tried(Phase::Auth, &Err(words)));
        }
        let credentials = Credentials::new(login.user.clone(), login.password.clone());
        let limit = self.limits.reply;
        let proving = self
            .connection
            .auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
        let reply = match timeout(limit, proving).await {
            Ok(result) => Reply::read(result),
            Err(_) => Err(too_late(limit)),
        };
        // How many replies AUTH took depends on the mechanism.
        self.asked = self.wire.replies();
        if reply.as_ref().is_ok_and(|reply| reply.code == 235) {
            return Ok(());
        }
        Err(self.tried(Phase::Auth, &reply))
    }
}

async fn connect(relay: &Relay, limits: &Timeouts) -> Result<TcpStream, String> {
    let connecting = TcpStream::connect((relay.host.as_str(), relay.port));
    let tcp = match timeout(limits.connect, connecting).await {
        Ok(result) => result.map_err(|error| error.to_string())?,
        Err(_) => return Err(too_late(limits.connect)),
    };
    // Nagle's algorithm and delayed acknowledgement together stall every letter 40 ms.
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(tcp)
}

async fn encrypt(
    tcp: TcpStream,
    relay: &Relay,
    limits: &Timeouts,
    trust: &Trust,
) -> Result<Socket, String> {
    let name = ServerName::try_from(relay.host.clone()).map_err(|error| error.to_string())?;
    let handshake = TlsConnector::from(trust.config()).connect(name, tcp);
    match timeout(limits.reply, handshake).await {
        Ok(Ok(tls)) => Ok(Socket::Tls(Box::new(tls))),
        Ok(Err(error)) => Err(format!("TLS failed: {error}")),
        Err(_) => Err(too_late(limits.reply)),
    }
}

fn too_late(limit: Duration) -> String {
    format!("expected an answer within {limit:?}, but got none")
}

fn failed(phase: Phase, relay: &Relay, words: String) -> Attempt {
    attempt(phase, &relay.address(), &Err(words))
}

fn attempt(phase: Phase, host: &str, reply: &Result<Reply, String>) -> Attempt {
    let (code, enhanced, text) = match reply {
        Ok(reply) => (Some(reply.code), reply.enhanced(), &reply.text),
        Err(words) => (None, None, words),
    };
    Attempt {
        phase,
        host: host.to_owned(),
        code,
        enhanced: enhanced.map(str::to_owned),
        text: one_line(text),
    }
}
