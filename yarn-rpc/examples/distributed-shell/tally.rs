//! How many containers are wanted, have been granted, and have ended how: decides what is asked for and how it ends.

use std::collections::BTreeSet;

use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::ContainerId;
use yarn_rpc::types::ContainerStatus;

#[derive(Debug)]
pub(crate) struct Tally {
    total: u32,
    wanted: u32,
    running: BTreeSet<ContainerId>,
    allocated: u32,
    completed: u32,
    failed: u32,
    given_up: bool,
}

impl Tally {
    /// `adopted` run already: an earlier ApplicationMaster has started them.
    pub(crate) fn new(total: u32, adopted: impl IntoIterator<Item = ContainerId>) -> Self {
        let running: BTreeSet<_> = adopted.into_iter().collect();
        let adopted = u32::try_from(running.len()).unwrap_or(u32::MAX);
        Self {
            total,
            wanted: total.saturating_sub(adopted),
            running,
            allocated: adopted,
            completed: 0,
            failed: 0,
            given_up: false,
        }
    }

    /// Whether the granted container, or one of an earlier ApplicationMaster that was found late, takes a wanted one's
    /// place; one that nobody waits for is to be released.
    pub(crate) fn granted(&mut self, container: ContainerId) -> bool {
        if self.wanted == 0 {
            return false;
        }
        self.wanted -= 1;
        self.allocated += 1;
        self.running.insert(container);
        true
    }

    /// The NodeManager did not take the container.
    pub(crate) fn not_started(&mut self, container: ContainerId) {
        if self.running.remove(&container) {
            self.completed += 1;
            self.failed += 1;
        }
    }

    /// Returns whether another container is wanted for it: one that the cluster lost counts as never granted.
    ///
    /// A status may come of containers that were released: these are not counted.
    pub(crate) fn ended(&mut self, status: &ContainerStatus) -> bool {
        if !self.running.remove(&status.id) {
            return false;
        }
        if status.exit_status == ContainerExitStatus::SUCCESS {
            self.completed += 1;
        } else if status.exit_status.is_fault_of_application() {
            self.completed += 1;
            self.failed += 1;
        } else {
            self.allocated -= 1;
            self.wanted += 1;
            return true;
        }
        false
    }

    /// The rest is not waited for.
    pub(crate) fn give_up(&mut self) {
        self.given_up = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.given_up || self.completed >= self.total
    }

    pub(crate) fn is_success(&self) -> bool {
        self.completed >= self.total && self.failed == 0
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
