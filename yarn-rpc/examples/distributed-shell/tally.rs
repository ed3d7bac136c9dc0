//! How many containers are wanted, have been granted, and have ended how: decides what is asked for and how it ends.

use std::collections::{BTreeMap, VecDeque};

use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::ContainerId;
use yarn_rpc::types::ContainerStatus;

/// One command that is to run: how often it was tried before.
type Tries = u32;

#[derive(Debug)]
pub(crate) struct Tally {
    total: u32,
    max_retries: u32,
    wanted: VecDeque<Tries>,
    running: BTreeMap<ContainerId, Tries>,
    allocated: u32,
    completed: u32,
    failed: u32,
}

impl Tally {
    /// `adopted` run already: an earlier ApplicationMaster has started them.
    pub(crate) fn new(total: u32, max_retries: u32, adopted: impl IntoIterator<Item = ContainerId>) -> Self {
        let running: BTreeMap<_, _> = adopted.into_iter().map(|container| (container, 0)).collect();
        let adopted = u32::try_from(running.len()).unwrap_or(u32::MAX);
        let missing = total.saturating_sub(adopted);
        Self {
            total,
            max_retries,
            wanted: (0..missing).map(|_| 0).collect(),
            running,
            allocated: adopted,
            completed: 0,
            failed: 0,
        }
    }

    /// How many containers to ask for.
    pub(crate) fn wanted(&self) -> u32 {
        u32::try_from(self.wanted.len()).unwrap_or(u32::MAX)
    }

    /// Whether the granted container is to be started; one that nobody waits for is to be released.
    pub(crate) fn granted(&mut self, container: ContainerId) -> bool {
        let Some(tries) = self.wanted.pop_front() else {
            return false;
        };
        self.allocated += 1;
        self.running.insert(container, tries);
        true
    }

    /// The NodeManager did not take the container.
    pub(crate) fn not_started(&mut self, container: ContainerId) {
        if self.running.remove(&container).is_some() {
            self.completed += 1;
            self.failed += 1;
        }
    }

    /// A status may come twice, and of containers that were released: these are not counted.
    pub(crate) fn ended(&mut self, status: &ContainerStatus) {
        let Some(tries) = self.running.remove(&status.id) else {
            return;
        };
        match status.exit_status {
            ContainerExitStatus::SUCCESS => self.completed += 1,
            // Lost by the cluster: it counts as never granted.
            lost if !lost.is_fault_of_application() => {
                self.allocated -= 1;
                self.wanted.push_back(tries);
            }
            _ if tries < self.max_retries => {
                self.allocated -= 1;
                self.wanted.push_back(tries + 1);
            }
            _ => {
                self.completed += 1;
                self.failed += 1;
            }
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.completed >= self.total
    }

    pub(crate) fn is_success(&self) -> bool {
        self.is_done() && self.failed == 0
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a progress bar's precision")]
    pub(crate) fn progress(&self) -> f32 {
        self.completed as f32 / self.total as f32
    }

    /// In Hadoop's words; nothing after success.
    pub(crate) fn message(&self) -> String {
        if self.is_success() {
            return String::new();
        }
        format!(
            "Application Failure: desired = {}, completed = {}, allocated = {}, failed = {}",
            self.total, self.completed, self.allocated, self.failed
        )
    }
}
