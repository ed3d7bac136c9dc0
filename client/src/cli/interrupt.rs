//! Ctrl-C: the first time the job is cancelled, the second time the process ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::INTERRUPTED;

/// Interrupts of this process, from the moment of its making.
#[derive(Debug)]
pub(super) struct Interrupts(Signal);

impl Interrupts {
    pub(super) fn listen() -> std::io::Result<Self> {
        signal(SignalKind::interrupt()).map(Self)
    }

    /// Resolves at the next Ctrl-C.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // No more signals can come.
            std::future::pending::<()>().await;
        }
    }

    /// From now on, Ctrl-C ends the process.
    pub(super) fn end_process_on_next(mut self) {
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(INTERRUPTED.into());
        });
    }
}
