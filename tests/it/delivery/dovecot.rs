//! The mailbox that letters come back to, kept by a real IMAP server.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use chrono::TimeDelta;
use tempfile::TempDir;
use visnyk::delivery::bounce;
use visnyk::delivery::returns::address;
use visnyk::delivery::silence::Why;
use visnyk::delivery::smtp::Trust;
use visnyk::letter::LetterState;
use visnyk::store;

use crate::delivery::bounce::report;
use crate::delivery::canary::look;
use crate::delivery::canary::silent;
use crate::delivery::canary::told;
use crate::delivery::canary::with_canary;
use crate::support::app::TestApp;
use crate::support::database::Kind;
use crate::support::database::TestDb;

/// A Dovecot of our own on loopback; it ends with this.
struct Dovecot {
    server: Child,
    folder: TempDir,
    port: u16,
}

impl Dovecot {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let own = folder.path().display().to_string();
        let user = std::env::consts::OS; // any name will do: it's only this mailbox's
        fs::write(
            folder.path().join("users"),
            format!("{user}:{{plain}}ї%40 password:65534:65534::{own}/home::\n"),
        )
        .unwrap();
        let settings = format!(
            "base_dir = {own}/run\nstate_dir = {own}/state\nlog_path = {own}/log\nprotocols = imap\nssl = no\n\
             disable_plaintext_auth = no\ndefault_internal_user = nobody\ndefault_internal_group = nogroup\n\
             default_login_user = nobody\nmail_location = maildir:{own}/mail\nmail_uid = 65534\nmail_gid = 65534\n\
             passdb {{\n  driver = passwd-file\n  args = {own}/users\n}}\n\
             userdb {{\n  driver = passwd-file\n  args = {own}/users\n}}\n\
             service imap-login {{\n  chroot =\n  inet_listener imap {{\n    address = 127.0.0.1\n    port = {port}\n  }}\n\
             \x20 inet_listener imaps {{\n    port = 0\n  }}\n}}\nservice anvil {{\n  chroot =\n}}\n\
             namespace inbox {{\n  inbox = yes\n}}\n"
        );
        fs::write(folder.path().join("dovecot.conf"), settings).unwrap();
        let server = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(folder.path().join("dovecot.conf"))
            .stdout(Stdio::null())
            .spawn()
            .expect("dovecot is installed");
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self {
            server,
            folder,
            port,
        }
    }

    fn url(&self) -> String {
        let user = std::env::consts::OS;
        format!(
            "imap://{user}:%D1%97%2540%20password@127.0.0.1:{}/INBOX",
            self.port
        )
    }

    /// Puts a mail into the mailbox, as a delivery agent does.
    fn deliver(&self, name: &str, mail: &str) {
        let mailbox = self.folder.path().join("mail");
        for part in ["", "cur", "new", "tmp"] {
            let part = mailbox.join(part);
            fs::create_dir_all(&part).unwrap();
            own(&part);
        }
        let file = mailbox.join("new").join(name);
        fs::write(&file, mail).unwrap();
        own(&file);
    }
}

fn own(path: &Path) {
    std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.server);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.server.wait().ok();
    }
}

#[tokio::test]
#[ignore = "needs Dovecot, as root"]
async fn what_came_into_the_mailbox_is_read_once_and_left_there() {
    let dovecot = Dovecot::start().await;
    let url = dovecot.url();
    let settings = [("VISNYK_MAIL__MAILBOX", url.as_str())];
    let app = TestApp::on(Kind::Sqlite, settings).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 2).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    assert_eq!(app.count(LetterState::Accepted).await, 2);
    let letter = app.ledger().await[0].id;
    let to = address::of(letter, "bounces.example.org", &app.secret);
    dovecot.deliver("1.a.b", &report(&to, "failed", "5.1.1", "550 no such user"));
    dovecot.deliver(
        "2.a.b",
        "From: a@example.net\r\nSubject: hello\r\n\r\nNot a bounce.\r\n",
    );
    let trust = Trust::only(Vec::new()).unwrap();
    assert_eq!(bounce::take_mailbox(&app, &trust).await.unwrap(), 2);
    let mut tx = app.db.read().await.unwrap();
    let suppressed = store::subscriber::suppressions(&mut tx).await.unwrap();
    drop(tx);
    assert_eq!(suppressed, [("bounce".to_owned(), 1)]);
    assert_eq!(bounce::take_mailbox(&app, &trust).await.unwrap(), 0);
    let kept: usize = ["cur", "new"]
        .iter()
        .map(|part| {
            fs::read_dir(dovecot.folder.path().join("mail").join(part))
                .unwrap()
                .count()
        })
        .sum();
    assert_eq!(kept, 2, "nothing is taken away");
    app.finish().await;
}

#[tokio::test]
#[ignore = "needs Dovecot, as root"]
async fn the_canary_is_heard_when_its_letter_comes_and_missed_when_it_doesnt() {
    let dovecot = Dovecot::start().await;
    let (app, list) = with_canary(TestDb::make(Kind::Sqlite).await, &dovecot.url()).await;
    let mut came = Vec::new();
    for title in ["Новина-1", "Новина-2"] {
        app.queue_digest(&list, title).await;
        app.send().await;
        let mut letters = app.letters();
        letters.retain(|kept| kept.envelope.to == "reader0@example.net");
        came.push(String::from_utf8(letters.remove(0).letter).unwrap());
        if title == "Новина-1" {
            dovecot.deliver("1.a.b", &came[0]);
            assert_eq!(look(&app).await, 0);
        }
        app.wait(TimeDelta::hours(3));
    }
    assert_eq!(look(&app).await, 1);
    assert_eq!(silent(&app).await, [Why::Lost]);
    assert_eq!(told(&app).await.len(), 1);
    dovecot.deliver("2.a.b", &came[1]);
    assert_eq!(look(&app).await, 0);
    assert!(silent(&app).await.is_empty());
    assert!(told(&app).await.is_empty());
    app.finish().await;
}
