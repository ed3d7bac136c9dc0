//! What each part of a slot's share of the network memory is for.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use selvedge_core::{AllocationId, MemorySize};

use super::error::ExchangeError;
use super::send_pool::SendPool;
use super::usage::NetworkUse;

/// The least credit with which a channel is opened.
pub const MIN_CHANNEL_CREDIT: u64 = 8 << 10;
/// The most: more makes one channel no faster and keeps a slot's later tasks short.
pub const MAX_CHANNEL_CREDIT: u64 = 512 << 10;

/// Up to which size a channel's small batches are joined where there is room.
const MAX_COALESCE: u64 = 32 << 10;

/// What of each slot's share is given out. Half of a share is granted to producers, a quarter is for small batches that
/// wait to be joined, and a quarter for what is handed over to connections.
#[derive(Debug)]
pub struct NetworkBudget {
    share: u64,
    /// Of slots of another size than the default.
    shares: BTreeMap<AllocationId, u64>,
    usage: Arc<NetworkUse>,
    granted: BTreeMap<AllocationId, u64>,
    joining: BTreeMap<AllocationId, u64>,
    sending: BTreeMap<AllocationId, Weak<SendPool>>,
}

/// What the output channels of tasks in one slot may take.
#[derive(Debug, Clone)]
pub struct OutputGrant {
    /// Of each channel's small batches, in bytes; 0: none waits to be joined.
    pub coalesce_bytes: u64,
    /// For messages that are handed over to connections; all tasks of the slot share it.
    pub pool: Arc<SendPool>,
}

impl NetworkBudget {
    /// Shares `network_memory` equally among `slots`. What is taken of the pools is written to `usage`.
    pub fn new(network_memory: MemorySize, slots: u32, usage: Arc<NetworkUse>) -> Self {
        Self {
            share: network_memory.bytes() / u64::from(slots.max(1)),
            shares: BTreeMap::new(),
            usage,
            granted: BTreeMap::new(),
            joining: BTreeMap::new(),
            sending: BTreeMap::new(),
        }
    }

    /// This slot has so much network memory.
    pub fn set_share(&mut self, slot: AllocationId, memory: MemorySize) {
        self.shares.insert(slot, memory.bytes());
    }

    /// The slot has ended: its share is the default again.
    pub fn forget_share(&mut self, slot: AllocationId) {
        self.shares.remove(&slot);
    }

    fn share_of(&self, slot: AllocationId) -> u64 {
        self.shares.get(&slot).copied().unwrap_or(self.share)
    }

    /// Takes room for small batches of this many output channels of tasks in one slot.
    pub fn grant_output(&mut self, slot: AllocationId, channels: usize) -> OutputGrant {
        let (count, share) = (channels as u64, self.share_of(slot));
        let joining = self.joining.entry(slot).or_default();
        let available = (share / 4).saturating_sub(*joining);
        let coalesce_bytes = available.checked_div(count).unwrap_or(0).min(MAX_COALESCE);
        *joining += coalesce_bytes * count;
        let pool = self.sending.get(&slot).and_then(Weak::upgrade);
        let pool = pool.unwrap_or_else(|| SendPool::new(share / 4, self.usage.clone()));
        // Slots come and go with jobs: those of the past are not kept.
        self.sending.retain(|_, pool| pool.strong_count() > 0);
        self.sending.insert(slot, Arc::downgrade(&pool));
        OutputGrant { coalesce_bytes, pool }
    }

    /// Takes back what the output channels of a task had.
    pub fn release_output(&mut self, slot: AllocationId, bytes: u64) {
        give_back(&mut self.joining, slot, bytes);
    }

    /// Takes credit for this many input channels of tasks in one slot; the answer is the window of each.
    pub fn grant(&mut self, slot: AllocationId, channels: usize) -> Result<u64, ExchangeError> {
        let count = channels as u64;
        let available = (self.share_of(slot) / 2).saturating_sub(self.granted.get(&slot).copied().unwrap_or(0));
        if count == 0 {
            return Ok(0);
        }
        let window = (available / count).min(MAX_CHANNEL_CREDIT);
        if window < MIN_CHANNEL_CREDIT {
            return Err(ExchangeError::InsufficientMemory {
                channels,
                required: count * MIN_CHANNEL_CREDIT,
                available,
            });
        }
        *self.granted.entry(slot).or_default() += window * count;
        Ok(window)
    }

    /// Takes back what a task of the slot had.
    pub fn release(&mut self, slot: AllocationId, bytes: u64) {
        give_back(&mut self.granted, slot, bytes);
    }
}

fn give_back(taken: &mut BTreeMap<AllocationId, u64>, slot: AllocationId, bytes: u64) {
    if let Some(held) = taken.get_mut(&slot) {
        *held = held.saturating_sub(bytes);
        if *held == 0 {
            taken.remove(&slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(memory: u64, slots: u32) -> NetworkBudget {
        NetworkBudget::new(MemorySize::from_bytes(memory), slots, Arc::default())
    }

    fn slot(byte: u8) -> AllocationId {
        AllocationId::from_bytes([byte; 16])
    }

    #[test]
    fn a_slot_without_enough_memory_is_told_what_to_raise() {
        let mut budget = budget(64 << 10, 2);
        let error = budget.grant(slot(1), 3).unwrap_err().to_string();
        assert!(error.contains("3 input channels need at least 24576 bytes"), "{error}");
        assert!(error.contains("taskmanager.memory.network.min"), "{error}");
        assert_eq!(budget.grant(slot(1), 2).unwrap(), 8 << 10);
        assert!(budget.grant(slot(1), 1).is_err());
        budget.release(slot(1), 16 << 10);
        assert_eq!(budget.grant(slot(1), 1).unwrap(), 16 << 10);
    }

    #[test]
    fn a_slot_of_its_own_size_has_that_share_until_it_ends() {
        let mut budget = budget(64 << 10, 2);
        budget.set_share(slot(1), MemorySize::from_bytes(128 << 10));
        assert_eq!(budget.grant(slot(1), 2).unwrap(), 32 << 10);
        assert_eq!(budget.grant(slot(2), 2).unwrap(), 8 << 10);
        assert_eq!(budget.grant_output(slot(1), 1).coalesce_bytes, 32 << 10);
        budget.release(slot(1), 64 << 10);
        budget.forget_share(slot(1));
        assert_eq!(budget.grant(slot(1), 2).unwrap(), 8 << 10);
    }

    #[test]
    fn many_output_channels_have_little_room_each_and_one_pool() {
        let mut budget = budget(256 << 10, 1);
        let few = budget.grant_output(slot(1), 1);
        let many = budget.grant_output(slot(1), 8);
        assert_eq!((few.coalesce_bytes, many.coalesce_bytes), (32 << 10, 4 << 10));
        assert!(Arc::ptr_eq(&few.pool, &many.pool));
        assert_eq!(budget.grant_output(slot(1), 5).coalesce_bytes, 0, "nothing is left");
        assert_eq!(budget.grant_output(slot(1), 0).coalesce_bytes, 0);
        budget.release_output(slot(1), 32 << 10);
        assert_eq!(budget.grant_output(slot(1), 1).coalesce_bytes, 32 << 10);
        let elsewhere = budget.grant_output(slot(2), 1);
        assert!(!Arc::ptr_eq(&few.pool, &elsewhere.pool));
    }

    proptest! {
        #[test]
        fn credits_never_exceed_the_share(
            memory in 0u64..1 << 30,
            requests in prop::collection::vec((0u8..4, 0usize..64), 0..20),
        ) {
            let mut budget = budget(memory, 4);
            let (mut granted, mut joining) = (0, 0);
            for (index, channels) in requests {
                if let Ok(window) = budget.grant(slot(index), channels) {
                    granted += window * channels as u64;
                }
                joining += budget.grant_output(slot(index), channels).coalesce_bytes * channels as u64;
            }
            prop_assert!(granted <= memory / 2);
            prop_assert!(joining <= memory / 4);
        }
    }
}
