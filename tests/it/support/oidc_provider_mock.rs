//! oidc-provider-mock, somebody else's provider of `OpenID` Connect, in a process of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

/// The provider. It ends when this is dropped.
pub(crate) struct OidcProviderMock {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    process: Child,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl OidcProviderMock {
    /// One that knows us, and where it sends people back to.
    pub(crate) fn start(callback: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/support/oidc_provider_mock_peer.py");
        let mut process = Command::new("python3")
            .arg(script)
            .arg(callback)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = process.stdin.take().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let about = line(&mut said);
        let text = |name: &str| about[name].as_str().unwrap().to_owned();
        Self {
            issuer: text("issuer"),
            client_id: text("id"),
            client_secret: text("secret"),
            process,
            asked,
            said,
        }
    }

    /// Where somebody goes who was sent there and agrees, or, if nobody, says no.
    pub(crate) fn agree(&mut self, there: &str, who: Option<&str>) -> String {
        writeln!(self.asked, "{}", json!({ "there": there, "who": who })).unwrap();
        line(&mut self.said).as_str().unwrap().to_owned()
    }
}

fn line(said: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(
        !line.is_empty(),
        "is oidc-provider-mock installed for python3?"
    );
    serde_json::from_str(&line).unwrap()
}

impl Drop for OidcProviderMock {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
