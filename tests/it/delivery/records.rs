//! What the doctor finds in the DNS, asked of a real name server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use visnyk::delivery::records::Records;
use visnyk::delivery::records::Sender;
use visnyk::delivery::records::Standing;
use visnyk::letter::dkim;
use visnyk::letter::dkim::Algorithm;
use visnyk::letter::dkim::Signer;

/// dnsmasq, answering from its arguments and asking nobody.
struct NameServer {
    child: Child,
    at: SocketAddr,
}

impl NameServer {
    fn start(records: &[String]) -> Self {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = free.local_addr().unwrap();
        drop(free);
        let child = Command::new("/usr/sbin/dnsmasq")
            .args([
                "--keep-in-foreground",
                "--no-resolv",
                "--no-hosts",
                "--conf-file=/dev/null",
                "--bind-interfaces",
            ])
            .args([
                "--listen-address=127.0.0.1",
                "--user=",
                "--group=",
                "--pid-file=",
            ])
            .args(["--local=/test/", "--local=/0.0.11.in-addr.arpa/"])
            .arg(format!("--port={}", at.port()))
            .args(records)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq, from Debian's dnsmasq-base");
        let mut server = Self { child, at };
        // Whoever tried to take the port to see whether it's taken would keep dnsmasq from it.
        let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wait = Duration::from_millis(25);
        probe.set_read_timeout(Some(wait)).unwrap();
        probe.connect(at).unwrap();
        for _ in 0..400 {
            if server.child.try_wait().unwrap().is_some() {
                return Self::start(records); // somebody else was first
            }
            let asked = probe.send(&[0; 12]).and_then(|_| probe.recv(&mut [0; 512]));
            match asked {
                Err(problem) if problem.kind() == ErrorKind::ConnectionRefused => {
                    std::thread::park_timeout(wait);
                }
                _ => return server,
            }
        }
        panic!("dnsmasq doesn't listen at {at}");
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn sender() -> Sender {
    Sender {
        from: ["news.test".to_owned()].into(),
        envelope: "bounces.news.test".to_owned(),
        takes_bounces: true,
        relays: ["mail.news.test".to_owned()].into(),
    }
}

/// A key that signs, and its record as dnsmasq takes it: in strings of at most 255 bytes.
fn key(algorithm: Algorithm, selector: &str) -> (Signer, String) {
    let key = dkim::new_key("news.test", selector, algorithm).unwrap();
    let signer = Signer::new("news.test", selector, &key.pem).unwrap();
    assert_eq!(signer.record(), &key.record);
    let text = key.record.text.as_bytes().chunks(255);
    let text: Vec<&str> = text
        .map(|part| std::str::from_utf8(part).unwrap())
        .collect();
    (
        signer,
        format!("--txt-record={},{}", key.record.name, text.join(",")),
    )
}

async fn looked_up(records: &[String], signers: &[Signer]) -> Vec<(String, &'static str, String)> {
    let server = NameServer::start(records);
    let asked = Records::asking(Some(server.at)).unwrap();
    let found = asked.look(&sender(), signers).await;
    let found = found.into_iter().map(|(about, standing)| match standing {
        Standing::Good(words) => (about, "good", words),
        Standing::Unknown(words) => (about, "unknown", words),
        Standing::Bad(words) => (about, "bad", words),
    });
    found.collect()
}

#[tokio::test]
#[ignore = "needs dnsmasq"]
async fn records_as_they_should_be_are_found_good() {
    let (rsa, rsa_record) = key(Algorithm::Rsa, "r1");
    let (small, small_record) = key(Algorithm::Ed25519, "e1");
    let records = [
        rsa_record,
        small_record,
        "--txt-record=bounces.news.test,v=spf1 a -all".to_owned(),
        "--txt-record=_dmarc.news.test,v=DMARC1; p=none".to_owned(),
        "--mx-host=bounces.news.test,mail.news.test,10".to_owned(),
        "--host-record=mail.news.test,11.0.0.7".to_owned(),
    ];
    let found = looked_up(&records, &[rsa, small]).await;
    assert!(
        found.iter().all(|(_, state, _)| *state == "good"),
        "{found:#?}"
    );
    let about: Vec<&str> = found.iter().map(|(about, ..)| about.as_str()).collect();
    assert_eq!(
        about,
        [
            "SPF of bounces.news.test",
            "DKIM of r1._domainkey.news.test",
            "DKIM of e1._domainkey.news.test",
            "DMARC of news.test",
            "MX of bounces.news.test",
            "PTR of mail.news.test",
        ]
    );
}

#[tokio::test]
#[ignore = "needs dnsmasq"]
async fn what_is_missing_or_wrong_comes_with_what_to_publish() {
    let (rsa, _) = key(Algorithm::Rsa, "r1");
    let (_, another) = key(Algorithm::Rsa, "r2");
    let records = [
        another.replace("r2._domainkey", "r1._domainkey"),
        "--txt-record=bounces.news.test,v=spf1 +all".to_owned(),
    ];
    let found = looked_up(&records, &[rsa]).await;
    let bad: Vec<&String> = found
        .iter()
        .filter(|(_, state, _)| *state == "bad")
        .map(|(_, _, words)| words)
        .collect();
    let words = [
        "lets everybody send",
        "another key is published",
        "publish _dmarc.news.test.",
        "IN MX 10",
    ];
    assert_eq!(bad.len(), words.len(), "{found:#?}");
    for (bad, words) in bad.iter().zip(words) {
        assert!(bad.contains(words), "{bad}");
    }
    let unsigned = looked_up(&[], &[]).await;
    assert!(
        unsigned
            .iter()
            .any(|(_, _, words)| words.contains("visnyk dkim new news.test")),
        "{unsigned:#?}"
    );
}

#[tokio::test]
async fn a_name_server_that_does_not_answer_proves_nothing() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let asked = Records::asking(Some(silent.local_addr().unwrap())).unwrap();
    let found = asked.look(&sender(), &[]).await;
    assert!(
        matches!(&found[..], [(about, Standing::Unknown(_))] if about == "DNS"),
        "{found:#?}"
    );
}
