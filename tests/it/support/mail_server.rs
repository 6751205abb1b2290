//! An SMTP server that misbehaves on cue.
//!
//! It keeps what it accepts, at the moment it accepts it and before it says so, and otherwise does
//! what the script says at the n-th time a stage is reached: say something else, say it badly, stop
//! listening, go away, or stand still until the test has done what it wants to do at that moment.

use std::collections::HashMap;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use rcgen::CertificateParams;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Where in a session a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Banner,
    Ehlo,
    StartTls,
    /// In place of the handshake.
    Handshake,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the first kilobyte of the letter.
    Body,
    /// After the letter's end came.
    End,
    /// After the letter was kept, before that is said.
    Kept,
    Rset,
    Noop,
    /// Anything else, QUIT too.
    Other,
}

/// What happens after a fault's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
    Silence,
    Endless,
}

/// What the server does in place of its ordinary reply.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    says: Vec<u8>,
    accepts: bool,
    then: Then,
}

impl Fault {
    /// Says these bytes, which need be no reply, and goes on.
    pub(crate) fn raw(says: &[u8]) -> Self {
        Self {
            says: says.to_vec(),
            accepts: false,
            then: Then::GoOn,
        }
    }

    /// Gives this reply, of one line or more, and goes on.
    pub(crate) fn reply(says: &str) -> Self {
        Self::raw(format!("{says}\r\n").as_bytes())
    }

    /// Closes without a word.
    pub(crate) fn close() -> Self {
        Self::raw(b"").then_close()
    }

    /// Neither says nor reads anything more, and keeps the connection.
    pub(crate) fn silence() -> Self {
        Self::raw(b"").then_silence()
    }

    /// A line that never ends.
    pub(crate) fn endless() -> Self {
        Self {
            then: Then::Endless,
            ..Self::raw(b"250-")
        }
    }

    pub(crate) fn then_close(self) -> Self {
        let then = Then::Close;
        Self { then, ..self }
    }

    pub(crate) fn then_silence(self) -> Self {
        let then = Then::Silence;
        Self { then, ..self }
    }

    /// Keeps the letter first: at [`Stage::End`] only.
    pub(crate) fn accepting(self) -> Self {
        let accepts = true;
        Self { accepts, ..self }
    }
}

/// A letter that the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) letter: Vec<u8>,
}

/// How the server is to be.
#[derive(Default)]
pub(crate) struct Script {
    faults: HashMap<(Stage, usize), Fault>,
    holds: HashSet<(Stage, usize)>,
    /// What EHLO announces, besides STARTTLS.
    announces: Vec<&'static str>,
    certificate: Option<Certificate>,
    implicit: bool,
    /// Every close is a reset.
    resets: bool,
}

impl Script {
    /// Announces these, e.g. `PIPELINING`.
    pub(crate) fn announcing(mut self, abilities: &[&'static str]) -> Self {
        self.announces.extend(abilities);
        self
    }

    /// At the `nth` time (from 1) that `stage` is reached, by any session.
    pub(crate) fn fault(mut self, stage: Stage, nth: usize, fault: Fault) -> Self {
        self.faults.insert((stage, nth), fault);
        self
    }

    /// Stands still at the `nth` time that `stage` is reached, until it's [told](MailServer::go_on).
    pub(crate) fn hold(mut self, stage: Stage, nth: usize) -> Self {
        self.holds.insert((stage, nth));
        self
    }

    /// Offers STARTTLS, or speaks TLS from the start.
    pub(crate) fn certified(mut self, certificate: &Certificate, implicit: bool) -> Self {
        self.certificate = Some(certificate.clone());
        self.implicit = implicit;
        self
    }

    /// Closes by RST.
    pub(crate) fn resetting(mut self) -> Self {
        self.resets = true;
        self
    }

    /// Starts listening on loopback. Everything ends when the server is dropped.
    pub(crate) async fn start(self) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: self,
            record: Mutex::default(),
            held: Semaphore::new(0),
            told: Semaphore::new(0),
        });
        let mut tasks = JoinSet::new();
        let host = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                host.record().connections += 1;
                let host = Arc::clone(&host);
                sessions.spawn(async move {
                    // A client that goes away is part of the play.
                    drop(host.receive(tcp).await);
                });
            }
        });
        MailServer {
            address,
            shared,
            _tasks: tasks,
        }
    }
}

/// A key and a certificate that it signed itself.
#[derive(Clone)]
pub(crate) struct Certificate {
    /// What a client that believes it trusts.
    pub(crate) root: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// For a host name or an address; expired in 1999 or good for long.
    pub(crate) fn of(name: &str, expired: bool) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_after = rcgen::date_time_ymd(1999, 12, 31);
        }
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![root.clone()], key)
            .unwrap();
        let config = Arc::new(config);
        Self { root, config }
    }

    /// Whoever talks TLS with it.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// The running server.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    /// What was accepted so far.
    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        self.shared.record().accepted.clone()
    }

    /// Every command that came, in order.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.record().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.record().connections
    }

    /// Waits until a session stands still.
    pub(crate) async fn held(&self) {
        self.shared.held.acquire().await.unwrap().forget();
    }

    /// Lets one that stands still go on.
    pub(crate) fn go_on(&self) {
        self.shared.told.add_permits(1);
    }
}

#[derive(Default)]
struct Record {
    accepted: Vec<Accepted>,
    commands: Vec<String>,
    connections: usize,
    reached: HashMap<Stage, usize>,
}

impl Record {
    /// Counts once more, from 1.
    fn times(&mut self, stage: Stage) -> usize {
        let times = self.reached.entry(stage).or_default();
        *times += 1;
        *times
    }
}

struct Shared {
    script: Script,
    record: Mutex<Record>,
    /// Sessions that have come to stand still.
    held: Semaphore,
    /// How many of them may go on.
    told: Semaphore,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type Line = BufReader<Box<dyn Stream>>;

/// What was named since the last letter.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Option<String>,
}

/// Whether the session goes on.
type Goes = io::Result<()>;

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    async fn reach(&self, stage: Stage) -> Option<Fault> {
        let times = self.record().times(stage);
        if self.script.holds.contains(&(stage, times)) {
            self.held.add_permits(1);
            self.told.acquire().await.unwrap().forget();
        }
        self.script.faults.get(&(stage, times)).cloned()
    }

    async fn receive(&self, tcp: TcpStream) -> Goes {
        if self.script.resets {
            tcp.set_zero_linger()?;
        }
        tcp.set_nodelay(true)?;
        let mut line: Line = BufReader::new(Box::new(tcp));
        if self.script.implicit {
            line = self.encrypt(line).await?;
        }
        self.answer(&mut line, Stage::Banner, "220 mail.test ESMTP")
            .await?;
        let mut encrypted = self.script.implicit;
        let mut envelope = Envelope::default();
        loop {
            let command = read_command(&mut line).await?;
            self.record().commands.push(command.clone());
            match verb(&command) {
                "STARTTLS" => {
                    self.answer(&mut line, Stage::StartTls, "220 go on").await?;
                    line = self.encrypt(line).await?;
                    encrypted = true;
                }
                "EHLO" => {
                    let abilities = self.abilities(encrypted);
                    self.answer(&mut line, Stage::Ehlo, &abilities).await?;
                }
                "DATA" => {
                    let ready = envelope.to.is_some();
                    let reply = if ready { "354 go on" } else { "503 RCPT first" };
                    if self.answer(&mut line, Stage::Data, reply).await? {
                        let envelope = std::mem::take(&mut envelope);
                        self.take_letter(&mut line, envelope).await?;
                    }
                }
                _ => self.obey(&mut line, &command, &mut envelope).await?,
            }
        }
    }

    async fn obey(&self, line: &mut Line, command: &str, envelope: &mut Envelope) -> Goes {
        let (stage, ordinary) = match verb(command) {
            "AUTH" => (Stage::Auth, "235 2.7.0 welcome"),
            "MAIL" => (Stage::Mail, "250 2.1.0 sender ok"),
            "RCPT" if envelope.from.is_none() => (Stage::Rcpt, "503 5.5.1 MAIL first"),
            "RCPT" => (Stage::Rcpt, "250 2.1.5 recipient ok"),
            "RSET" => (Stage::Rset, "250 2.0.0 forgotten"),
            "NOOP" => (Stage::Noop, "250 2.0.0 yes?"),
            "QUIT" => (Stage::Other, "221 2.0.0 bye"),
            _ => (Stage::Other, "500 5.5.1 what?"),
        };
        let named = self.answer(line, stage, ordinary).await?;
        match verb(command) {
            "MAIL" => envelope.from = named.then(|| address(command)),
            "RCPT" => envelope.to = named.then(|| address(command)),
            "RSET" => *envelope = Envelope::default(),
            "QUIT" => return Err(io::ErrorKind::ConnectionAborted.into()),
            _ => {}
        }
        Ok(())
    }

    fn abilities(&self, encrypted: bool) -> String {
        let mut abilities = vec!["mail.test"];
        abilities.extend(&self.script.announces);
        if self.script.certificate.is_some() && !encrypted {
            abilities.push("STARTTLS");
        }
        let mut lines = vec!["250".to_owned(); abilities.len()];
        for (line, ability) in lines.iter_mut().zip(&abilities) {
            line.push('-');
            line.push_str(ability);
        }
        lines.push("250 HELP".to_owned());
        lines.join("\r\n")
    }

    async fn encrypt(&self, mut line: Line) -> io::Result<Line> {
        if let Some(fault) = self.reach(Stage::Handshake).await {
            play(&mut line, &fault).await?;
        }
        let Some(certificate) = &self.script.certificate else {
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        let acceptor = certificate.acceptor();
        let tls = acceptor.accept(line.into_inner()).await?;
        Ok(BufReader::new(Box::new(tls)))
    }

    async fn take_letter(&self, line: &mut Line, envelope: Envelope) -> Goes {
        let letter = self.read_letter(line).await?;
        let queued = format!(
            "250 2.0.0 queued for {}",
            envelope.to.as_deref().unwrap_or("nobody")
        );
        let accept = || {
            let (Some(from), Some(to)) = (envelope.from, envelope.to) else {
                return false;
            };
            let accepted = Accepted { from, to, letter };
            self.record().accepted.push(accepted);
            true
        };
        match self.reach(Stage::End).await {
            Some(fault) => {
                if fault.accepts {
                    accept();
                }
                play(line, &fault).await.map(drop)
            }
            None if accept() => {
                self.answer(line, Stage::Kept, &queued).await?;
                Ok(())
            }
            None => say(line, "554 5.5.1 no valid recipients").await,
        }
    }

    async fn read_letter(&self, line: &mut Line) -> io::Result<Vec<u8>> {
        let mut letter = Vec::new();
        let mut struck = false;
        loop {
            let mut text = Vec::new();
            if line.read_until(b'\n', &mut text).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if text == b".\r\n" {
                return Ok(letter);
            }
            letter.extend_from_slice(text.strip_prefix(b".").unwrap_or(&text));
            if letter.len() > 1024 && !struck {
                struck = true;
                if let Some(fault) = self.reach(Stage::Body).await {
                    play(line, &fault).await?;
                }
            }
        }
    }

    /// Gives the ordinary reply, or plays the fault; whether a positive reply was given.
    async fn answer(&self, line: &mut Line, stage: Stage, ordinary: &str) -> io::Result<bool> {
        if let Some(fault) = self.reach(stage).await {
            return play(line, &fault).await;
        }
        say(line, ordinary).await?;
        Ok(ordinary.starts_with(['2', '3']))
    }
}

async fn play(line: &mut Line, fault: &Fault) -> io::Result<bool> {
    line.write_all(&fault.says).await?;
    line.flush().await?;
    match fault.then {
        Then::GoOn => Ok(fault.says.starts_with(b"2") || fault.says.starts_with(b"3")),
        Then::Close => {
            line.shutdown().await?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Then::Silence => std::future::pending().await,
        Then::Endless => loop {
            line.write_all(&[b'x'; 4096]).await?;
        },
    }
}

async fn say(line: &mut Line, words: &str) -> Goes {
    line.write_all(format!("{words}\r\n").as_bytes()).await?;
    line.flush().await
}

async fn read_command(line: &mut Line) -> io::Result<String> {
    let mut text = String::new();
    let mut limited = line.take(4096);
    if limited.read_line(&mut text).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    assert!(
        text.ends_with("\r\n"),
        "expected a command ending in CRLF, but got {text:?}"
    );
    Ok(text.trim_end().to_owned())
}

fn verb(command: &str) -> &str {
    command.split([' ', ':']).next().unwrap_or_default()
}

/// What stands between `<` and `>`.
fn address(command: &str) -> String {
    let inside = command
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}
