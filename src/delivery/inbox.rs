//! A mailbox, read over IMAP (RFC 9051): the one that letters come back to, or the canary's.
//!
//! A URL goes in, whole mails come out, or whether one is there. Every step has its time limit. Nothing is ever deleted or
//! moved: a mailbox belongs to people.

use std::fmt::Debug;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use async_imap::Client;
use async_imap::Session;
use async_imap::types::Uid;
use futures_util::TryStreamExt;
use rustls::pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::delivery::smtp::Trust;
use crate::delivery::smtp::decoded;

/// For each step; a fetched mail may be 20 MB.
const PATIENCE: Duration = Duration::from_mins(1);

trait Stream: AsyncRead + AsyncWrite + Unpin + Debug + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Debug + Send> Stream for S {}

/// A mailbox that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't {what} the mailbox: {why}")]
pub struct NoInbox {
    what: &'static str,
    why: String,
}

/// An open mailbox.
pub struct Inbox {
    session: Session<Box<dyn Stream>>,
}

impl Inbox {
    /// Opens the mailbox that a URL such as `imaps://user:password@host/INBOX` names.
    ///
    /// # Errors
    /// The server can't be reached, isn't trusted, or doesn't know us.
    pub async fn open(url: &Url, trust: &Trust) -> Result<Self, NoInbox> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let encrypted = url.scheme() == "imaps";
        let port = url.port().unwrap_or(if encrypted { 993 } else { 143 });
        let tcp = within("reach", TcpStream::connect((host, port))).await?;
        let stream: Box<dyn Stream> = if encrypted {
            let tls = TlsConnector::from(trust.config());
            let encrypting = async {
                let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
                tls.connect(name, tcp).await
            };
            Box::new(within("speak encrypted with", encrypting).await?)
        } else {
            Box::new(tcp)
        };
        let mut client = Client::new(stream);
        let greeting = within("be greeted by", client.read_response()).await?;
        greeting.ok_or_else(|| NoInbox {
            what: "be greeted by",
            why: "it hung up".to_owned(),
        })?;
        let user = decoded(url.username());
        let password = decoded(url.password().unwrap_or_default());
        let signing_in = async {
            let session = client.login(&user, &password).await;
            session.map_err(|(problem, _)| problem)
        };
        let mut session = within("sign in to", signing_in).await?;
        let folder = decoded(url.path().trim_start_matches('/'));
        let folder = if folder.is_empty() { "INBOX" } else { &folder };
        within("open the folder of", session.select(folder)).await?;
        Ok(Self { session })
    }

    /// At most `most` mails that nobody has seen, the oldest first.
    pub async fn unseen(&mut self, most: usize) -> Result<Vec<Uid>, NoInbox> {
        let found = within("search", self.session.uid_search("UNSEEN UNDELETED")).await?;
        let mut found: Vec<Uid> = found.into_iter().collect();
        found.sort_unstable();
        found.truncate(most);
        Ok(found)
    }

    /// Whether a mail is there whose Message-ID has this in it: letters, digits, `.`, `-`, `_` and `@`.
    pub async fn has(&mut self, id: &str) -> Result<bool, NoInbox> {
        let query = format!("HEADER Message-ID \"{id}\"");
        let found = within("search", self.session.uid_search(query)).await?;
        Ok(!found.is_empty())
    }

    /// One mail, whole, without marking it. None if somebody took it away meanwhile.
    pub async fn fetch(&mut self, mail: Uid) -> Result<Option<Vec<u8>>, NoInbox> {
        let fetching = async {
            let stream = self
                .session
                .uid_fetch(mail.to_string(), "BODY.PEEK[]")
                .await?;
            stream.try_collect::<Vec<_>>().await
        };
        let fetched = within("fetch a mail from", fetching).await?;
        Ok(fetched
            .iter()
            .find_map(|part| part.body().map(<[u8]>::to_vec)))
    }

    /// Marks a mail as seen.
    pub async fn mark_seen(&mut self, mail: Uid) -> Result<(), NoInbox> {
        let marking = async {
            let stream = self
                .session
                .uid_store(mail.to_string(), r"+FLAGS.SILENT (\Seen)")
                .await?;
            stream.try_collect::<Vec<_>>().await
        };
        within("mark a mail of", marking).await?;
        Ok(())
    }

    /// Says goodbye; a server that doesn't answer is left as it is.
    pub async fn close(mut self) {
        within("say goodbye to", self.session.logout()).await.ok();
    }
}

async fn within<T, E: Display>(
    what: &'static str,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, NoInbox> {
    let no = |why| NoInbox { what, why };
    match tokio::time::timeout(PATIENCE, step).await {
        Ok(done) => done.map_err(|problem| no(problem.to_string())),
        Err(_) => Err(no("it took too long".to_owned())),
    }
}
