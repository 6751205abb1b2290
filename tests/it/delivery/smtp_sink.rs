//! Two hundred letters to a foreign server, Postfix's `smtp-sink`, read back by a foreign parser.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::time::Duration;

use mail_parser::MessageParser;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use visnyk::delivery::Envelope;
use visnyk::delivery::Outcome;
use visnyk::delivery::mailer::Mailer;

pub(crate) struct Sink {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Starts a sink that keeps one file a letter in `folder`, and waits until it listens.
pub(crate) async fn sink(folder: &Path) -> Sink {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut command = Command::new("smtp-sink");
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        // It won't run as root, and the folder must then be nobody's too.
        std::fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
        command.args(["-u", "nobody"]);
    }
    command.arg("-d").arg(folder.join("letter."));
    let process = command.args([&address.to_string(), "100"]).spawn().unwrap();
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while TcpStream::connect(address).await.is_err() {
        beat.tick().await;
    }
    Sink { process, address }
}

fn letter(number: usize) -> String {
    let text = format!(".Новина {number}\r\n..\r\n.\r\nкрапка на початку рядка\r\n");
    let quoted: String = text
        .bytes()
        .map(|byte| match byte {
            b'\r' | b'\n' | b'.' => char::from(byte).to_string(),
            _ => format!("={byte:02X}"),
        })
        .collect();
    format!(
        "From: news@example.org\r\nTo: reader{number}@example.org\r\nSubject: No {number}\r\n\
         Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\
         \r\n{quoted}"
    )
}

async fn send(mailer: Mailer, numbers: impl Iterator<Item = usize>) {
    let mut connection = mailer.connection();
    for number in numbers {
        let envelope = Envelope {
            from: "bounces@example.org".to_owned(),
            to: format!("reader{number}@example.org"),
        };
        let letter = letter(number);
        let told = connection
            .hand_over("a", (&envelope, letter.as_bytes()), None)
            .await;
        assert_eq!(told.0, Outcome::Accepted, "{told:?}");
    }
    connection.close().await;
}

/// The letters that the sink kept, by recipient: its own headers cut off, line ends as sent.
pub(crate) fn kept(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts
        .map(|text| {
            let (head, letter) = text.split_once("(UTC)\n").unwrap();
            let recipient = head.split_once("X-Rcpt-Args: <").unwrap().1;
            let recipient = recipient.split_once('>').unwrap().0.to_owned();
            let letter = letter.strip_suffix('\n').unwrap().replace('\n', "\r\n");
            (recipient, letter)
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs Postfix tools"]
async fn two_hundred_letters_arrive_whole_at_a_foreign_server() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink(folder.path()).await;
    let relay = format!("smtp://{}", sink.address).parse().unwrap();
    let mailer = Mailer::smtp(relay).unwrap();
    let mut tasks = JoinSet::new();
    for first in 0..4 {
        tasks.spawn(send(mailer.clone(), (first..200).step_by(4)));
    }
    tasks.join_all().await;
    let letters = kept(folder.path());
    assert_eq!(letters.len(), 200);
    for number in 0..200 {
        let bytes = &letters[&format!("reader{number}@example.org")];
        assert_eq!(*bytes, letter(number));
        let parsed = MessageParser::default().parse(bytes).unwrap();
        assert_eq!(parsed.subject(), Some(format!("No {number}").as_str()));
        let text = parsed.body_text(0).unwrap();
        assert!(
            text.starts_with(&format!(".Новина {number}\r\n..\r\n.\r\nкрапка")),
            "{text}"
        );
    }
}
