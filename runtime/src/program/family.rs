//! The processes of a program: itself, and what it has started where they are a group.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

/// Killed when it is dropped.
#[derive(Debug)]
pub(super) struct Family {
    leader: Option<Pid>,
    is_group: bool,
}

impl Family {
    pub(super) fn of(child: &Child, is_group: bool) -> Self {
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self { leader, is_group }
    }

    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// The leader has ended: kills what is left of its group. Its own id may be another process's soon.
    pub(super) fn kill_rest(&mut self) {
        if self.is_group {
            self.signal(Signal::KILL);
        }
        self.leader = None;
    }

    fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader else { return };
        // A process that has ended is what is wanted.
        let _ = match self.is_group {
            true => kill_process_group(leader, signal),
            false => kill_process(leader, signal),
        };
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.kill();
    }
}
