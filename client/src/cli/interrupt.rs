//! Ctrl-C and SIGTERM: the first time the job is cancelled, the second time the process ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::ExitKind;

/// How the user, or the system on their behalf, stops the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM: `kill`, or a service manager.
    Terminate,
}

impl Interruption {
    /// How the command ends by it.
    pub const fn kind(self) -> ExitKind {
        match self {
            Self::Interrupt => ExitKind::Interrupted,
            Self::Terminate => ExitKind::Terminated,
        }
    }
}

/// Interruptions of this process, from the moment of its making.
#[derive(Debug)]
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves at the next Ctrl-C or SIGTERM.
    pub(super) async fn next(&mut self) -> Interruption {
        tokio::select! {
            biased;
            Some(()) = self.interrupt.recv() => Interruption::Interrupt,
            Some(()) = self.terminate.recv() => Interruption::Terminate,
            // No more signals can come.
            else => std::future::pending().await,
        }
    }

    /// From now on, Ctrl-C or SIGTERM ends the process.
    pub(super) fn end_process_on_next(mut self) {
        tokio::spawn(async move {
            let interruption = self.next().await;
            std::process::exit(interruption.kind().code().into());
        });
    }
}
