//! The binary, as a shell runs it.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

/// The command with a data folder and nothing else from the environment.
pub(crate) struct Visnyk {
    data: PathBuf,
}

/// What came of a command.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that runs; dropping it is a kill -9.
pub(crate) struct Running {
    child: Child,
    lock: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Watches the lock file for its name.
    pub(crate) fn wait_until_it_has_the_lock(&self) {
        let ours = self.pid().to_string();
        for _ in 0..600 {
            let owner = std::fs::read_to_string(&self.lock).unwrap_or_default();
            if owner.trim() == ours {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("expected pid {ours} in {}", self.lock.display());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Visnyk {
    pub(crate) fn at(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
        }
    }

    /// The command, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_visnyk"));
        command
            .args(arguments)
            .env_clear()
            .env("VISNYK_DATA", &self.data);
        // A `visnyk.toml` in the checkout is nobody's business here.
        command.current_dir(std::env::temp_dir());
        command
    }

    /// The command, running until the answer is dropped.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.start_into(arguments, Stdio::null())
    }

    /// The same, and where it says what it says.
    pub(crate) fn start_into(&self, arguments: &[&str], stdout: Stdio) -> Running {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::null());
        Running {
            child: command.spawn().unwrap(),
            lock: self.data.join("visnyk.lock"),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[], "")
    }

    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
        stdin: &str,
    ) -> Done {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that doesn't read its stdin may have ended by now.
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}
