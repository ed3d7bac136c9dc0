//! Exit statuses of containers, and what they mean in plain words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a container ended: the exit code of its process, or a negative number by which YARN says why it had none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerExitStatus(pub i32);

impl ContainerExitStatus {
    /// The process ended well.
    pub const SUCCESS: Self = Self(0);
    /// There was never an exit code: the container still runs, or its files could not be localized.
    pub const INVALID: Self = Self(-1000);
    /// Released by the application, expired unused, or its node was lost.
    pub const ABORTED: Self = Self(-100);
    /// Too many disks of the node have failed or are full.
    pub const DISKS_FAILED: Self = Self(-101);
    /// Taken by the scheduler for another application.
    pub const PREEMPTED: Self = Self(-102);
    /// Killed by the NodeManager: too much virtual memory.
    pub const KILLED_EXCEEDED_VMEM: Self = Self(-103);
    /// Killed by the NodeManager: too much physical memory.
    pub const KILLED_EXCEEDED_PMEM: Self = Self(-104);
    /// Stopped by its own ApplicationMaster.
    pub const KILLED_BY_APPMASTER: Self = Self(-105);
    /// Killed by the ResourceManager.
    pub const KILLED_BY_RESOURCEMANAGER: Self = Self(-106);
    /// Killed because its application ended.
    pub const KILLED_AFTER_APP_COMPLETION: Self = Self(-107);
    /// Killed by the node's scheduler in favour of guaranteed containers.
    pub const KILLED_BY_CONTAINER_SCHEDULER: Self = Self(-108);
    /// Killed by the NodeManager: its logs grew too large.
    pub const KILLED_FOR_EXCESS_LOGS: Self = Self(-109);
    /// The process had 137: SIGKILL, often by the kernel when memory ran out.
    pub const FORCE_KILLED: Self = Self(137);
    /// The process had 143: SIGTERM.
    pub const TERMINATED: Self = Self(143);
    /// A restarted NodeManager no longer found the container.
    pub const LOST: Self = Self(154);

    /// Whether the end says something about the application itself. Ends by preemption, lost nodes, bad disks and the
    /// like should not count against it.
    pub fn is_fault_of_application(self) -> bool {
        !matches!(
            self,
            Self::SUCCESS
                | Self::ABORTED
                | Self::DISKS_FAILED
                | Self::PREEMPTED
                | Self::KILLED_BY_RESOURCEMANAGER
                | Self::KILLED_AFTER_APP_COMPLETION
                | Self::KILLED_BY_CONTAINER_SCHEDULER
        )
    }

    /// What happened, in plain words, with the remedy where there is one.
    pub fn explanation(self) -> String {
        let text = match self {
            Self::SUCCESS => "the process ended well",
            Self::INVALID => {
                "it has no exit code: it still runs, or its files could not be localized (see the diagnostics)"
            }
            Self::ABORTED => "it was released or expired unused, or its node was lost",
            Self::DISKS_FAILED => "too many disks of the node have failed or are full",
            Self::PREEMPTED => "the scheduler took its resources for another application",
            Self::KILLED_EXCEEDED_VMEM => {
                "the NodeManager killed it because it used more virtual memory than allowed (container memory times \
                 yarn.nodemanager.vmem-pmem-ratio): ask for more memory"
            }
            Self::KILLED_EXCEEDED_PMEM => {
                "the NodeManager killed it because it used more memory than the container has: ask for more memory"
            }
            Self::KILLED_BY_APPMASTER => "its ApplicationMaster stopped it",
            Self::KILLED_BY_RESOURCEMANAGER => "the ResourceManager killed it",
            Self::KILLED_AFTER_APP_COMPLETION => "it was killed because its application had ended",
            Self::KILLED_BY_CONTAINER_SCHEDULER => "the node's scheduler killed it in favour of guaranteed containers",
            Self::KILLED_FOR_EXCESS_LOGS => "the NodeManager killed it because its logs grew too large",
            Self::LOST => "the NodeManager restarted and no longer found it",
            Self(126) => "the command could not be executed (exit code 126): is the file executable on this platform?",
            Self(127) => "the command was not found (exit code 127): is the file among the local resources?",
            Self::FORCE_KILLED => {
                "the process was killed by SIGKILL (exit code 137), often by the kernel because memory ran out"
            }
            Self::TERMINATED => "the process was ended by SIGTERM (exit code 143)",
            Self(code @ 129..=192) => {
                return format!("the process was ended by signal {} (exit code {code})", code - 128);
            }
            Self(code) if code > 0 => return format!("the process ended with exit code {code}"),
            Self(code) => return format!("YARN ended it with the unknown status {code}"),
        };
        text.to_owned()
    }
}

impl From<i32> for ContainerExitStatus {
    fn from(code: i32) -> Self {
        Self(code)
    }
}

impl fmt::Display for ContainerExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::ContainerExitStatus as Status;

    #[test]
    fn statuses_are_explained() {
        let table = [
            (Status::KILLED_EXCEEDED_PMEM, "ask for more memory"),
            (Status(137), "SIGKILL"),
            (Status(139), "signal 11 (exit code 139)"),
            (Status(3), "exit code 3"),
            (Status(-55), "unknown status -55"),
            (Status(127), "not found"),
            (Status::LOST, "NodeManager restarted"),
        ];
        for (status, words) in table {
            assert!(
                status.explanation().contains(words),
                "{status}: {}",
                status.explanation()
            );
        }
    }

    #[test]
    fn only_faults_of_the_application_count_against_it() {
        for status in [-104, 1, 137, -1000, 154, -109] {
            assert!(Status(status).is_fault_of_application(), "{status}");
        }
        for status in [0, -100, -101, -102, -106, -107, -108] {
            assert!(!Status(status).is_fault_of_application(), "{status}");
        }
    }
}
