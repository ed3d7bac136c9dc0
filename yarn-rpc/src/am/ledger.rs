//! Which containers this attempt has, so that what a ResourceManager tells twice counts once.

use std::collections::{BTreeSet, VecDeque};

use yarn_common::id::ContainerId;

/// How many ended containers are remembered: repetitions come shortly after a failover, not later.
const REMEMBERED: usize = 8192;

/// Containers by what is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    owned: BTreeSet<ContainerId>,
    ended: BTreeSet<ContainerId>,
    /// The same, the oldest first.
    in_order: VecDeque<ContainerId>,
}

impl Ledger {
    /// A container of an earlier attempt is ours.
    pub(super) fn adopt(&mut self, container: ContainerId) {
        self.owned.insert(container);
    }

    /// A container was granted; false if it was before.
    pub(super) fn granted(&mut self, container: ContainerId) -> bool {
        !self.ended.contains(&container) && self.owned.insert(container)
    }

    /// A container has ended; false if that was known.
    pub(super) fn ended(&mut self, container: ContainerId) -> bool {
        self.owned.remove(&container);
        if !self.ended.insert(container) {
            return false;
        }
        self.in_order.push_back(container);
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        true
    }
}
