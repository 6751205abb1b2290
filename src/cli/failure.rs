//! How a command ends when it can't do what it was asked: an exit code and one line that says what
//! to do.

use std::io::Write;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::store::StoreError;
use crate::store::lock::LockError;

/// Exit codes of sysexits(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// The call is wrong.
    Usage = 64,
    /// What was given can't be read.
    Data = 65,
    /// What was named isn't there.
    NoInput = 66,
    /// Something we need doesn't answer.
    Unavailable = 69,
    /// Our fault.
    Internal = 70,
    /// A file can't be made.
    CantCreate = 73,
    /// Somebody else has it; try again.
    TryAgain = 75,
    /// The settings are wrong.
    Config = 78,
}

impl Exit {
    /// As the process ends with it.
    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// Why a command didn't do it.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure in words.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// What should never happen.
    pub(super) fn ours(problem: impl std::fmt::Display) -> Self {
        Self::new(Exit::Internal, problem.to_string())
    }

    /// What was asked for by number or name isn't there.
    pub(super) fn missing(what: &str, name: impl std::fmt::Display, see: &str) -> Self {
        Self::new(
            Exit::NoInput,
            format!("there is no {what} `{name}`; `visnyk {see}` shows what there is"),
        )
    }

    /// Says it on stderr, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        // Nobody reads stderr: the code still tells.
        writeln!(std::io::stderr(), "visnyk: {}", self.message).ok();
        self.exit.code()
    }
}

impl From<ConfigError> for Failure {
    fn from(problem: ConfigError) -> Self {
        Self::new(Exit::Config, problem.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(problem: StoreError) -> Self {
        Self::new(exit_of(&problem), problem.to_string())
    }
}

fn exit_of(problem: &StoreError) -> Exit {
    match problem {
        problem if problem.is_busy() => Exit::TryAgain,
        StoreError::Url(_) | StoreError::Migrate(_) | StoreError::Moved { .. } => Exit::Config,
        StoreError::Moving(_) => Exit::Data,
        StoreError::Copy(_) => Exit::CantCreate,
        StoreError::Broken { .. } => Exit::Internal,
        StoreError::Database(_) => Exit::Unavailable,
    }
}

impl From<LockError> for Failure {
    fn from(problem: LockError) -> Self {
        let exit = match problem {
            LockError::InUse(_) => Exit::TryAgain,
            LockError::Io(_) => Exit::CantCreate,
        };
        Self::new(exit, problem.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(problem: anyhow::Error) -> Self {
        let exit = problem
            .chain()
            .find_map(|cause| {
                let store = cause.downcast_ref::<StoreError>().map(exit_of);
                store.or_else(|| {
                    cause
                        .downcast_ref::<crate::templates::TemplateError>()
                        .map(|_| Exit::Config)
                })
            })
            .or_else(|| {
                problem
                    .downcast_ref::<std::io::Error>()
                    .map(|_| Exit::CantCreate)
            })
            .unwrap_or(Exit::Internal);
        Self::new(exit, format!("{problem:#}"))
    }
}
