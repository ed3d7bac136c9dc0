//! How a container ended, pure: in words that need no knowledge of YARN's numbers, with what can be done about it.

use yarn_common::exit_status::ContainerExitStatus as Status;
use yarn_common::id::NodeId;
use yarn_rpc::types::ContainerStatus;

/// A container that ended, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    pub(super) status: &'a ContainerStatus,
    pub(super) node: &'a NodeId,
    /// What YARN granted.
    pub(super) memory_mb: u64,
    /// Where the application runs.
    pub(super) queue: &'a str,
    /// What is wrong with the node, as YARN told it.
    pub(super) node_trouble: Option<&'a str>,
}

/// What stands before YARN's own words.
pub(super) const YARN_SAYS: &str = "YARN says: ";

/// What happened, and what to do about it.
type Told = (String, String);

impl Ending<'_> {
    /// For the user: where, how, why, what to do, and YARN's own words.
    pub(super) fn cause(&self) -> String {
        let Self { status, node, .. } = self;
        let (what, remedy) = self.told();
        let mut cause = format!(
            "container {} on node {node} ended with exit status {}: {what}",
            status.id, status.exit_status
        );
        if let Some(trouble) = self.node_trouble {
            cause.push_str(&format!(" (YARN says that the node is {trouble})"));
        }
        cause.push_str(&format!("; {remedy}"));
        let diagnostics = on_one_line(&status.diagnostics);
        if !diagnostics.is_empty() {
            cause.push_str(&format!("; {YARN_SAYS}{diagnostics}"));
        }
        cause
    }

    /// Whether the last lines of its log can say more: its process ran, and its node is there.
    pub(super) fn has_last_words(&self) -> bool {
        let ran = self.status.exit_status.0 >= 0 && self.status.exit_status != Status::LOST;
        let is_killed = matches!(
            self.status.exit_status,
            Status::KILLED_EXCEEDED_PMEM | Status::KILLED_EXCEEDED_VMEM | Status::KILLED_FOR_EXCESS_LOGS
        );
        (ran || is_killed) && self.node_trouble.is_none()
    }

    /// Whether a worker that never registered and ended so speaks against its node: nobody took it away, and the cluster did
    /// not lose it.
    pub(super) fn is_against_node(&self) -> bool {
        let status = self.status.exit_status;
        let taken = matches!(
            status,
            Status::KILLED_BY_APPMASTER | Status::ABORTED | Status::PREEMPTED | Status::KILLED_BY_RESOURCEMANAGER
        );
        !taken && (status.is_fault_of_application() || status == Status::DISKS_FAILED)
    }

    fn told(&self) -> Told {
        let status = self.status.exit_status;
        match status {
            Status::KILLED_EXCEEDED_PMEM | Status::KILLED_EXCEEDED_VMEM => self.too_much_memory(),
            Status::PREEMPTED => self.preemption(),
            Status::ABORTED => self.aborted(),
            Status(code) if code >= 0 && status != Status::LOST => self.exited(code),
            _ => self.taken_away(),
        }
    }

    fn too_much_memory(&self) -> Told {
        let (memory_mb, key) = (self.memory_mb, "taskmanager.memory.process.size");
        if self.status.exit_status == Status::KILLED_EXCEEDED_VMEM {
            return told(
                &format!(
                    "the NodeManager killed it because it used more virtual memory than allowed, which is its {memory_mb} \
                     MiB times yarn.nodemanager.vmem-pmem-ratio"
                ),
                &format!("raise {key} or that ratio, or set yarn.nodemanager.vmem-check-enabled to false on the nodes"),
            );
        }
        told(
            &format!(
                "the NodeManager killed it because it used more memory than the container has, which is {memory_mb} MiB"
            ),
            &format!("raise {key}, or leave more of it uncounted with taskmanager.memory.jvm-overhead.min"),
        )
    }

    fn preemption(&self) -> Told {
        told(
            &format!(
                "preempted: the scheduler took its resources for another application, because the queue {} uses more than \
                 it is guaranteed",
                self.queue
            ),
            "run in a queue with a larger guarantee (yarn.application.queue), or with fewer or smaller workers",
        )
    }

    fn aborted(&self) -> Told {
        let (said, host) = (self.status.diagnostics.to_lowercase(), self.node.host());
        if said.contains("lost") || self.node_trouble.is_some() {
            return told(
                "its node was lost: the NodeManager ended, is unhealthy, or has not reported to the ResourceManager for too long",
                &format!(
                    "look at the NodeManager of {host} (yarn node -status {}); one that is only restarted keeps its \
                     containers with yarn.nodemanager.recovery.enabled",
                    self.node
                ),
            );
        }
        if said.contains("expired") {
            return told(
                "it expired, because nobody started it within \
                 yarn.resourcemanager.rm.container-allocation.expiry-interval-ms",
                &format!("see whether {host} can be reached and is not overloaded"),
            );
        }
        told(
            "it was released by its application, or its node was lost",
            &format!("look at the logs of the ResourceManager and of the NodeManager of {host}"),
        )
    }

    /// Ends that YARN decided upon.
    fn taken_away(&self) -> Told {
        let host = self.node.host();
        match self.status.exit_status {
            Status::DISKS_FAILED => told(
                "too many disks of its node have failed or are full",
                &format!("free or repair yarn.nodemanager.local-dirs and yarn.nodemanager.log-dirs of {host}"),
            ),
            Status::INVALID => told(
                "it never ran, because its node could not fetch its files or prepare it",
                &format!("see whether {host} reaches the staging directory and has room for local files"),
            ),
            Status::KILLED_BY_APPMASTER => told(
                "it was stopped in the name of its ApplicationMaster",
                "look at the ApplicationMaster's log",
            ),
            Status::KILLED_BY_RESOURCEMANAGER => told(
                "the ResourceManager had it killed, as it does with containers that it does not know after a restart",
                "set yarn.resourcemanager.work-preserving-recovery.enabled on the cluster, or look at the \
                 ResourceManager's log",
            ),
            Status::KILLED_AFTER_APP_COMPLETION => told(
                "it was killed because YARN counts the application as ended",
                "see what YARN says of the application (yarn application -status)",
            ),
            Status::KILLED_BY_CONTAINER_SCHEDULER => told(
                "the scheduler of its node killed it in favour of guaranteed containers",
                "ask for guaranteed containers, or look at the load of the node",
            ),
            Status::KILLED_FOR_EXCESS_LOGS => told(
                "the NodeManager killed it because its logs grew too large",
                "write less with env.log.level, or raise yarn.nodemanager.container-log-monitor.dir-size-limit-bytes",
            ),
            Status::LOST => told(
                "its NodeManager restarted and did not find it any more",
                &format!(
                    "set yarn.nodemanager.recovery.enabled on the nodes, or look at the NodeManager's log of {host}"
                ),
            ),
            status => told(
                &format!("YARN ended it with the unknown status {status}"),
                "see what YARN says",
            ),
        }
    }

    /// Ends of the process, by its exit code.
    fn exited(&self, code: i32) -> Told {
        let (host, log) = (self.node.host(), "the last lines of its log tell more");
        match code {
            0 => told("the process ended well, although the application goes on", log),
            1 => told(
                "the process could not start (exit code 1): settings, memory, directories or files do not fit",
                log,
            ),
            31 => told("the process failed (exit code 31)", log),
            124 => told(
                "the process did not end in time (exit code 124)",
                "raise cluster.services.shutdown-timeout, or see what keeps it",
            ),
            126 => told(
                "its command could not be executed (exit code 126)",
                &format!("see whether {host} has the platform that the program was built for"),
            ),
            127 => told(
                "its command was not found (exit code 127)",
                &format!("see whether {host} could unpack the program"),
            ),
            134 => told(
                "the process aborted itself (exit code 134), as it does when it gets no more memory or a stack is full",
                "raise taskmanager.memory.process.size",
            ),
            137 => told(
                "the process was killed by SIGKILL (exit code 137): by the kernel because the node or the container's \
                 cgroup had no memory left, or by hand",
                &format!(
                    "look for 'Out of memory' in the kernel's log of {host} (dmesg); if it is there, raise \
                     taskmanager.memory.process.size or free memory on the node"
                ),
            ),
            143 => told(
                "the process was ended by SIGTERM (exit code 143): by its NodeManager, as when that is stopped, or by hand",
                &format!("look at the NodeManager's log of {host}"),
            ),
            255 => told(
                "the process, or what started it, broke (exit code 255)",
                &format!("look at what the container wrote (prelaunch.err), and at the container-executor of {host}"),
            ),
            129..=192 => told(
                &format!("the process was ended by signal {} (exit code {code})", code - 128),
                log,
            ),
            _ => told(&format!("the process ended with exit code {code}"), log),
        }
    }
}

fn told(what: &str, remedy: &str) -> Told {
    (what.to_owned(), remedy.to_owned())
}

/// A line of another's text: what would steer a terminal is blank.
pub(super) fn printable(line: &str) -> String {
    let blank = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
    line.chars().map(blank).collect()
}

/// YARN's words without time stamps, repetitions, stack traces and lists of processes.
fn on_one_line(diagnostics: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in diagnostics.lines() {
        let line = match line.split_once(']') {
            Some((stamp, rest)) if stamp.starts_with('[') => rest,
            _ => line,
        };
        let line = line.trim();
        let is_noise = ["at ", "|-", "Dump of the process-tree"]
            .iter()
            .any(|start| line.starts_with(start));
        if !line.is_empty() && !is_noise && !lines.contains(&line) {
            lines.push(line);
        }
    }
    printable(&lines.join(" | "))
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
