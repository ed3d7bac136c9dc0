//! How a command ends.

use std::error::Error;
use std::process::ExitCode;

use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::connector::report;

use super::exit::{ExitKind, kind_of};
use super::interrupt::Interruption;

/// How a command ended, and so the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did what was asked.
    Done,
    /// The job FAILED. What happened has been said.
    Failed,
    /// The job, or its application, was cancelled by somebody else. So has this.
    Canceled,
    /// The user interrupted it.
    Interrupted(Interruption),
    /// A role has ended with this exit code, which YARN and the master read.
    Role(u8),
}

impl Ended {
    /// As what the command has waited for.
    pub(super) const fn of(status: ApplicationStatus) -> Self {
        match status {
            ApplicationStatus::Succeeded => Self::Done,
            ApplicationStatus::Canceled => Self::Canceled,
            ApplicationStatus::Failed | ApplicationStatus::Unknown => Self::Failed,
        }
    }

    /// The exit code of the process.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => ExitKind::Done.code(),
            Self::Failed => ExitKind::Failed.code(),
            Self::Canceled => ExitKind::Canceled.code(),
            Self::Interrupted(interruption) => interruption.kind().code(),
            Self::Role(code) => code,
        }
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(ended.code())
    }
}

/// A command that failed.
#[derive(Debug)]
pub struct CommandError {
    message: String,
    kind: ExitKind,
}

impl CommandError {
    /// A failure that is described as a whole.
    pub(crate) fn new(kind: ExitKind, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind,
        }
    }

    /// What was given cannot be used.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ExitKind::Input, message)
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(error: &(dyn Error + 'static)) -> Self {
        Self::new(ExitKind::Usage, report(error))
    }

    /// The same with something else that may be done.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message.push_str(", ");
        self.message.push_str(more);
        self
    }

    /// The same of a master or a worker that did not start, whose exit codes are others.
    pub(crate) fn of_role(self) -> Self {
        let kind = match self.kind {
            ExitKind::Usage => ExitKind::Usage,
            _ => ExitKind::Failed,
        };
        Self { kind, ..self }
    }

    /// What is printed after `error: `: the message and its causes, on one line each where they have several.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What kind of end it is.
    pub const fn kind(&self) -> ExitKind {
        self.kind
    }
}

impl<E: Error + 'static> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::new(kind_of(&error), report(&error))
    }
}
