//! Which containers this attempt has, so that what a ResourceManager tells twice counts once.

use std::collections::BTreeSet;

use yarn_common::id::ContainerId;

/// How many ended containers are remembered: repetitions come shortly after a failover, not later.
const REMEMBERED: usize = 8192;

/// Containers by what is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    owned: BTreeSet<ContainerId>,
    /// Ended ones. Ids rise, so the first is the oldest.
    ended: BTreeSet<ContainerId>,
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
        if self.ended.len() > REMEMBERED {
            self.ended.pop_first();
        }
        true
    }
}
