//! What goes wrong with YARN: what a real one may do too.

use yarn_common::exit_status::ContainerExitStatus;
use yarn_rpc::proto::yarn::AllocateResponseProto;

use super::answers;
use super::cluster::Cluster;

/// What the scheduler does wrong next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantFault {
    /// One container more than was asked for.
    Surplus,
    /// A container of half the size.
    Undersized,
    /// A container for an ask that nobody made.
    Foreign,
    /// A container on a node that nobody reaches any more.
    Nowhere,
    /// The next grants are told twice in one answer, and again in the next.
    Duplicated,
    /// The next grants are told last first, and later than what happens after them.
    Reordered,
}

impl GrantFault {
    /// It concerns how grants are told, not what is granted.
    const fn is_of_answers(self) -> bool {
        matches!(self, Self::Duplicated | Self::Reordered)
    }
}

/// How a container ends that the application has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its process is killed.
    Killed,
    /// It used more memory than it has.
    OutOfMemory,
    /// Another application gets its place.
    Preempted,
}

impl End {
    fn told(self) -> (i32, &'static str) {
        match self {
            Self::Killed => (
                ContainerExitStatus::FORCE_KILLED.0,
                "Container exited with a non-zero exit code 137",
            ),
            Self::OutOfMemory => (
                ContainerExitStatus::KILLED_EXCEEDED_PMEM.0,
                "Container is running beyond physical memory limits. Killing container.",
            ),
            Self::Preempted => (ContainerExitStatus::PREEMPTED.0, "Container preempted by scheduler"),
        }
    }
}

impl Cluster {
    pub(crate) fn fault_grants(&mut self, fault: GrantFault) {
        self.grant_faults.push(fault);
    }

    pub(crate) fn plant_deafness(&mut self) {
        self.is_deaf = true;
        self.fault_grants(GrantFault::Surplus);
    }

    /// Nothing ever runs on this node.
    pub(crate) fn spoil_node(&mut self, name: &str) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.spoil();
        }
    }

    /// The next answer of a host is lost with its connection: the call was carried out, and its caller does not know.
    pub(crate) fn lose_answer(&mut self, host: &str) {
        *self.lost_answers.entry(host.to_owned()).or_default() += 1;
    }

    /// Whether this answer is lost.
    pub(super) fn loses_answer(&mut self, host: &str) -> bool {
        let left = self.lost_answers.get_mut(host).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }

    pub(super) fn take_grant_fault(&mut self) -> Option<GrantFault> {
        let due = self.grant_faults.iter().rposition(|fault| !fault.is_of_answers())?;
        Some(self.grant_faults.remove(due))
    }

    /// What the next answer to a heartbeat tells.
    pub(super) fn take_news(&mut self) -> AllocateResponseProto {
        let mut news = std::mem::take(&mut self.news);
        let again = std::mem::take(&mut self.held_back);
        let has_grants = !news.allocated_containers.is_empty();
        let due = self
            .grant_faults
            .iter()
            .position(|fault| has_grants && fault.is_of_answers());
        match due.map(|due| self.grant_faults.remove(due)) {
            Some(GrantFault::Duplicated) => {
                self.held_back.allocated_containers = news.allocated_containers.clone();
                news.allocated_containers.extend_from_within(..);
            }
            Some(GrantFault::Reordered) => {
                news.allocated_containers.reverse();
                self.held_back.allocated_containers = std::mem::take(&mut news.allocated_containers);
            }
            _ => {}
        }
        news.allocated_containers.extend(again.allocated_containers);
        news
    }

    /// The process of a container has ended by itself.
    pub(crate) fn exited(&mut self, container: u64, exit_status: i32) {
        for node in self.nodes.values_mut() {
            node.exited(container, exit_status, "Container exited with a non-zero exit code");
        }
    }

    /// A container is ended by others than the application.
    pub(crate) fn ends(&mut self, container: u64, how: End) {
        let (exit_status, diagnostics) = how.told();
        for node in self.nodes.values_mut() {
            node.exited(container, exit_status, diagnostics);
        }
    }

    /// The application is asked to give a container back.
    pub(crate) fn warn_of_preemption(&mut self, container: u64) {
        if let Some(granted) = self.granted.get(&container) {
            self.news.preempt = Some(answers::preemption(granted.attempt, container));
        }
    }

    /// A node is lost: what ran there is told of as lost. Its processes, which are to be ended.
    pub(crate) fn lose_node(&mut self, name: &str) -> Vec<u64> {
        let lost: Vec<_> = self.processes().filter(|(_, node)| *node == name).collect();
        let lost: Vec<_> = lost.into_iter().map(|(number, _)| number).collect();
        if let Some(node) = self.nodes.get_mut(name) {
            for number in &lost {
                let diagnostics = "Container released on a *lost* node";
                node.exited(*number, ContainerExitStatus::ABORTED.0, diagnostics);
            }
        }
        lost
    }

    /// The process of a NodeManager is gone; with recovery what it had started goes on. The processes that are to be ended.
    pub(crate) fn stop_node(&mut self, name: &str, recovers: bool) -> Vec<u64> {
        let ended = if recovers { Vec::new() } else { self.lose_node(name) };
        if let Some(node) = self.nodes.get_mut(name) {
            node.set_up(false);
        }
        ended
    }

    /// The NodeManager is there again.
    pub(crate) fn start_node(&mut self, name: &str) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.set_up(true);
        }
    }
}
