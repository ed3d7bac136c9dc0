//! How a command ends.

use std::error::Error;
use std::process::ExitCode;

use selvedge_runtime::connector::report;

use super::interrupt::Interruption;

/// How a command ended, and so the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did what was asked: 0.
    Done,
    /// The job FAILED, or was cancelled by somebody else: 1. What happened has been said.
    Failed,
    /// The user interrupted it: 130 for Ctrl-C, 143 for SIGTERM.
    Interrupted(Interruption),
    /// A role has ended with this exit code, which YARN and the master read.
    Role(u8),
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Done => Self::SUCCESS,
            Ended::Failed => Self::FAILURE,
            Ended::Interrupted(interruption) => Self::from(interruption.exit_code()),
            Ended::Role(code) => Self::from(code),
        }
    }
}

/// A command that failed: exit code 1, or 2 where the command line is wrong.
#[derive(Debug)]
pub struct CommandError {
    message: String,
    usage: bool,
}

impl CommandError {
    /// A failure that is described as a whole.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            usage: false,
        }
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(error: &(dyn Error + 'static)) -> Self {
        Self {
            message: report(error),
            usage: true,
        }
    }

    /// The same with something else that may be done.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message.push_str(", ");
        self.message.push_str(more);
        self
    }

    /// What is printed after `error: `: the message and its causes, on one line each where they have several.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}

impl<E: Error + 'static> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::new(report(&error))
    }
}
