//! The door letters leave by: to a relay, into a folder, or into memory.
//!
//! A [`Mailer`] is shared; each of the worker's tasks takes one [`Connection`] from it and keeps
//! it. So there is no pool: the number of tasks *is* the number of sessions, a session never
//! changes hands, and one in doubt is dropped where the doubt arose.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::Attempt;
use crate::delivery::Blame;
use crate::delivery::Envelope;
use crate::delivery::Outcome;
use crate::delivery::Phase;
use crate::delivery::one_line;
use crate::delivery::smtp::Relay;
use crate::delivery::smtp::Session;
use crate::delivery::smtp::Timeouts;
use crate::delivery::smtp::Trust;

/// A session that rested longer is asked whether it still lives; one that waited longer for a
/// letter's end is left.
const REST: Duration = Duration::from_secs(30);
/// A session is closed after so many letters, so that relays behind one name share the load.
const LETTERS_A_SESSION: u32 = 1000;

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Mailer {
    /// To a relay.
    Smtp(Arc<Route>),
    /// Into a folder, one `.eml` file a letter.
    File(PathBuf),
    /// Into memory, for tests.
    Memory(Memory),
}

/// How to reach a relay.
#[derive(Debug)]
pub struct Route {
    /// Which.
    pub relay: Relay,
    /// How patiently.
    pub limits: Timeouts,
    /// Whose certificates count.
    pub trust: Trust,
}

/// Letters that were "sent" in a test, shared by all clones.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Kept>>>);

/// One letter in a [`Memory`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name the letter was handed over under.
    pub name: String,
    /// From whom, to whom.
    pub envelope: Envelope,
    /// The letter.
    pub letter: Vec<u8>,
}

impl Memory {
    /// Takes out everything that was sent so far, in order.
    pub fn take(&self) -> Vec<Kept> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, kept: Kept) {
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(kept);
    }
}

impl Mailer {
    /// Where it leads, as the ledger tells it.
    pub fn name(&self) -> String {
        match self {
            Self::Smtp(route) => route.relay.address(),
            Self::File(folder) => folder.display().to_string(),
            Self::Memory(_) => "memory".to_owned(),
        }
    }

    /// To `relay`, with the patience of [`Timeouts::default`] and the machine's certificates.
    ///
    /// # Errors
    /// As [`Trust::native`].
    pub fn smtp(relay: Relay) -> Result<Self, rustls::Error> {
        Ok(Self::Smtp(Arc::new(Route {
            relay,
            limits: Timeouts::default(),
            trust: Trust::native()?,
        })))
    }

    /// A connection for one task. Nothing is opened until its first letter.
    pub fn connection(&self) -> Connection {
        Connection {
            mailer: self.clone(),
            open: None,
        }
    }
}

/// A session and how it was used.
struct Open {
    session: Session,
    letters: u32,
    last: Instant,
}

/// A finished letter: whom it's from and to, and its bytes.
pub type Parcel<'a> = (&'a Envelope, &'a [u8]);

/// One task's way to a [`Mailer`]; opens, checks and recycles its session as needed.
pub struct Connection {
    mailer: Mailer,
    open: Option<Open>,
}

impl Connection {
    /// Hands one letter over. `name` is the letter's own (letters, digits, `.`, `_`, `-`): a folder
    /// keeps it as `{name}.eml`, so a letter handed over twice is there once. The letter that this
    /// connection takes `next`, if it's known, may be announced together with this one's end.
    ///
    /// Dropping the future half-way costs the session, never a wrong answer later.
    pub async fn hand_over(
        &mut self,
        name: &str,
        letter: Parcel<'_>,
        next: Option<Parcel<'_>>,
    ) -> (Outcome, Attempt) {
        match self.begin(letter).await {
            Ok(()) => self.end(name, letter, next).await,
            Err(told) => told,
        }
    }

    /// Hands over as much of a letter as may go without anybody having it: to a relay, all but its
    /// end. [`Connection::end`] follows, or [`Connection::close`].
    ///
    /// # Errors
    /// What came of it, if it's over already.
    pub async fn begin(&mut self, letter: Parcel<'_>) -> Result<(), (Outcome, Attempt)> {
        match &self.mailer {
            Mailer::Smtp(route) => {
                let route = Arc::clone(route);
                self.begin_with_relay(&route, letter).await
            }
            Mailer::File(_) | Mailer::Memory(_) => Ok(()),
        }
    }

    /// Ends the letter that was begun, as [`Connection::hand_over`] does.
    pub async fn end(
        &mut self,
        name: &str,
        letter: Parcel<'_>,
        next: Option<Parcel<'_>>,
    ) -> (Outcome, Attempt) {
        match &self.mailer {
            Mailer::Smtp(route) => {
                let route = Arc::clone(route);
                self.end_with_relay(&route, letter, next).await
            }
            Mailer::File(folder) => put_into(folder.clone(), name, letter.1.to_vec()).await,
            Mailer::Memory(memory) => {
                memory.keep(Kept {
                    name: name.to_owned(),
                    envelope: letter.0.clone(),
                    letter: letter.1.to_vec(),
                });
                kept("memory", "kept")
            }
        }
    }

    /// Ends the session politely, if there is one.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.session.quit().await;
        }
    }

    async fn begin_with_relay(
        &mut self,
        route: &Route,
        letter: Parcel<'_>,
    ) -> Result<(), (Outcome, Attempt)> {
        if let Some(mut open) = self.rested().await {
            let Err(told) = open.session.begin(letter.0, letter.1).await else {
                self.open = Some(open);
                return Ok(());
            };
            let closed = matches!(told.1.code, None | Some(421));
            let early = told.1.phase == Phase::Mail || told.1.phase == Phase::Connect;
            let gone = !open.session.is_usable() && early && closed;
            self.put_back(open).await;
            if !gone {
                return Err(told);
            }
            // The relay had closed the session since the last letter, which says nothing of this
            // one: it gets a new session at once.
        }
        let session = Session::open(&route.relay, &route.limits, &route.trust).await;
        let mut open = Open {
            session: session.map_err(|attempt| (Outcome::Deferred, attempt))?,
            letters: 0,
            last: Instant::now(),
        };
        match open.session.begin(letter.0, letter.1).await {
            Ok(()) => {
                self.open = Some(open);
                Ok(())
            }
            Err(told) => {
                self.put_back(open).await;
                Err(told)
            }
        }
    }

    /// A relay that was made to wait for the end is left, and the letter begins anew with another
    /// session. The last letter of a session announces no other.
    async fn end_with_relay(
        &mut self,
        route: &Route,
        letter: Parcel<'_>,
        next: Option<Parcel<'_>>,
    ) -> (Outcome, Attempt) {
        let waited = self.open.as_ref().and_then(|open| open.session.begun());
        if waited.is_none_or(|waited| waited > REST) {
            self.open = None;
            if let Err(told) = self.begin_with_relay(route, letter).await {
                return told;
            }
        }
        let Some(mut open) = self.open.take() else {
            let words = "expected a session, but got none";
            return told(Outcome::Deferred, &route.relay.address(), words);
        };
        let next = next.filter(|_| open.letters + 1 < LETTERS_A_SESSION);
        let told = open.session.end(next).await;
        self.put_back(open).await;
        told
    }

    /// The session of the letter before, unless it died of old age.
    async fn rested(&mut self) -> Option<Open> {
        let mut open = self.open.take()?;
        let fresh = open.last.elapsed() < REST || open.session.has_announced();
        let alive = fresh || open.session.is_alive().await;
        alive.then_some(open)
    }

    async fn put_back(&mut self, mut open: Open) {
        open.letters += 1;
        open.last = Instant::now();
        if !open.session.is_usable() {
            return;
        }
        if open.letters < LETTERS_A_SESSION {
            self.open = Some(open);
        } else {
            open.session.quit().await;
        }
    }
}

async fn put_into(folder: PathBuf, name: &str, letter: Vec<u8>) -> (Outcome, Attempt) {
    let host = folder.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let words =
            format!("expected a name of letters, digits, `.`, `_` and `-`, but got `{name}`");
        return told(Outcome::Refused(Blame::Letter), &host, &words);
    }
    let file = format!("{name}.eml");
    let shown = file.clone();
    let writing = tokio::task::spawn_blocking(move || write_durably(&folder, &file, &letter));
    match writing.await.unwrap_or_else(|error| Err(error.into())) {
        Ok(()) => kept(&host, &shown),
        Err(error) => told(Outcome::Deferred, &host, &error.to_string()),
    }
}

/// After this the whole file is there, whatever happens to the machine; before, none of it.
fn write_durably(folder: &Path, name: &str, letter: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{name}.part"));
    let mut file = File::create(&draft)?;
    file.write_all(letter)?;
    file.sync_all()?;
    std::fs::rename(&draft, folder.join(name))?;
    File::open(folder)?.sync_all()
}

fn kept(host: &str, words: &str) -> (Outcome, Attempt) {
    let (outcome, attempt) = told(Outcome::Accepted, host, words);
    let phase = Phase::EndOfData;
    (outcome, Attempt { phase, ..attempt })
}

fn told(outcome: Outcome, host: &str, words: &str) -> (Outcome, Attempt) {
    let attempt = Attempt {
        phase: Phase::Body,
        host: host.to_owned(),
        code: None,
        enhanced: None,
        text: one_line(words),
    };
    (outcome, attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            from: "news@example.org".to_owned(),
            to: "reader@example.org".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_letter_handed_over_twice_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = folder.path().join("outbox");
        let mut connection = Mailer::File(outbox.clone()).connection();
        for letter in [b"one\r\n".as_slice(), b"two\r\n"] {
            let (outcome, attempt) = connection
                .hand_over("letter-7", (&envelope(), letter), None)
                .await;
            assert_eq!(outcome, Outcome::Accepted, "{attempt:?}");
        }
        let names: Vec<_> = std::fs::read_dir(&outbox)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["letter-7.eml"]);
        assert_eq!(
            std::fs::read(outbox.join("letter-7.eml")).unwrap(),
            b"two\r\n"
        );
    }

    #[tokio::test]
    async fn a_name_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = Mailer::File(folder.path().to_owned()).connection();
        for name in ["../x", "", ".hidden", "a/b", "ї"] {
            let (outcome, _) = connection.hand_over(name, (&envelope(), b""), None).await;
            assert_eq!(outcome, Outcome::Refused(Blame::Letter), "{name}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_defers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut connection = Mailer::File(file).connection();
        let (outcome, attempt) = connection.hand_over("a", (&envelope(), b""), None).await;
        assert_eq!((outcome, attempt.phase), (Outcome::Deferred, Phase::Body));
    }

    #[tokio::test]
    async fn memory_keeps_letters_in_order() {
        let memory = Memory::default();
        let mut connection = Mailer::Memory(memory.clone()).connection();
        for name in ["a", "b"] {
            assert_eq!(
                connection
                    .hand_over(name, (&envelope(), b"x"), None)
                    .await
                    .0,
                Outcome::Accepted
            );
        }
        let names: Vec<_> = memory.take().into_iter().map(|kept| kept.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(memory.take().is_empty());
    }
}
