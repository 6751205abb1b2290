//! A foreign tester asks a served API whatever its description allows, and what it doesn't.

use std::fs;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use visnyk::access::key::Scope;

use crate::support::command::Visnyk;

/// Whatever else a sound request may be answered: a version that was changed meanwhile.
const RULES: &str = "[checks.positive_data_acceptance]
expected-statuses = [\"2xx\", 401, 403, 404, 409, 412, 429]
";

/// What the tester is told to ask, at the least.
const REQUESTS: u64 = 5_000;

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
#[ignore = "needs schemathesis"]
fn the_api_answers_as_its_description_says() {
    let folder = tempfile::tempdir().unwrap();
    let visnyk = Visnyk::at(&folder.path().join("data"));
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let made = visnyk.run(&[
        "key",
        "add",
        "tester",
        "--json",
        "--scope",
        &scopes.join(","),
    ]);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let served = visnyk
        .command(&["serve"])
        .env("VISNYK_LISTEN", address.to_string())
        .env("VISNYK_ROLES", "web") // it asks no strangers' sites for news
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _served = Served(served.unwrap());
    let reached = (0..600).any(|_| {
        std::thread::park_timeout(Duration::from_millis(50));
        TcpStream::connect(address).is_ok()
    });
    assert!(reached, "nobody listens at {address}");

    let (description, rules) = (
        folder.path().join("openapi.json"),
        folder.path().join("rules.toml"),
    );
    fs::write(&description, visnyk.run(&["openapi"]).stdout).unwrap();
    fs::write(&rules, RULES).unwrap();
    let asked = Command::new("schemathesis")
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(&rules)
        .arg("run")
        .arg(&description)
        .args([
            "--url",
            &format!("http://{address}"),
            "--checks",
            "all",
            "--no-color",
        ])
        .args([
            "--max-examples",
            "45",
            "--seed",
            "20261123",
            // CPython 3.11 counts how deep its parser is for all threads together, and two that parse
            // at once now and then end in a SystemError.
            "--workers",
            "1",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--request-timeout",
            "30",
        ])
        .args([
            "--generation-database",
            "none",
            "--no-shrink",
            "--continue-on-failure",
        ])
        .arg("--header")
        .arg(format!(
            "Authorization: Bearer {}",
            made["key"].as_str().unwrap()
        ))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&asked.stdout);
    assert!(
        asked.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    let count = told
        .lines()
        .find_map(|line| line.trim().split_once(" generated")?.0.parse::<u64>().ok());
    assert!(count.is_some_and(|count| count >= REQUESTS), "{told}");
}
