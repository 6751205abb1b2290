//! The lock file beside a SQLite database: one process at a time takes letters from it.
//!
//! The kernel lets go of the lock when the process ends, however it ends; the file stays, and says
//! who had it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Held while this process owns the database; letting it drop lets go.
#[derive(Debug)]
pub struct Lock {
    /// Kept open: the lock lives as long as it does.
    _file: File,
}

/// Why the lock can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the data is in use by pid {0}; stop that process, or give this one another --data")]
    InUse(String),
    /// The file can't be opened or written.
    #[error("the lock file can't be used: {0}")]
    Io(#[from] io::Error),
}

impl Lock {
    /// Takes the lock at `path`, or says at once who has it.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(problem) if problem == rustix::io::Errno::WOULDBLOCK => {
                let mut owner = String::new();
                file.read_to_string(&mut owner)?;
                return Err(LockError::InUse(owner.trim().to_owned()));
            }
            Err(problem) => return Err(io::Error::from(problem).into()),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}
