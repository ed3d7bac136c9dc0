//! How a slot's share of the network memory becomes credits: pure.

use std::collections::BTreeMap;

use selvedge_core::{AllocationId, MemorySize};

use super::error::ExchangeError;

/// The least credit with which a channel is opened.
pub const MIN_CHANNEL_CREDIT: u64 = 8 << 10;
/// The most: more makes one channel no faster and keeps a slot's later tasks short.
pub const MAX_CHANNEL_CREDIT: u64 = 512 << 10;

/// What of each slot's share is given out. Half of a share is granted to producers; the other half is for what the slot's
/// own tasks have on its way out.
#[derive(Debug)]
pub struct NetworkBudget {
    grantable: u64,
    granted: BTreeMap<AllocationId, u64>,
}

impl NetworkBudget {
    /// Shares `network_memory` equally among `slots`.
    pub fn new(network_memory: MemorySize, slots: u32) -> Self {
        Self {
            grantable: network_memory.bytes() / u64::from(slots.max(1)) / 2,
            granted: BTreeMap::new(),
        }
    }

    /// Takes credit for this many input channels of tasks in one slot; the answer is the window of each.
    pub fn grant(&mut self, slot: AllocationId, channels: usize) -> Result<u64, ExchangeError> {
        let count = channels as u64;
        let available = self
            .grantable
            .saturating_sub(self.granted.get(&slot).copied().unwrap_or(0));
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
        if let Some(granted) = self.granted.get_mut(&slot) {
            *granted = granted.saturating_sub(bytes);
            if *granted == 0 {
                self.granted.remove(&slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(byte: u8) -> AllocationId {
        AllocationId::from_bytes([byte; 16])
    }

    #[test]
    fn a_slot_without_enough_memory_is_told_what_to_raise() {
        let mut budget = NetworkBudget::new(MemorySize::from_bytes(64 << 10), 2);
        let error = budget.grant(slot(1), 3).unwrap_err().to_string();
        assert!(error.contains("3 input channels need at least 24576 bytes"), "{error}");
        assert!(error.contains("taskmanager.memory.network.min"), "{error}");
        assert_eq!(budget.grant(slot(1), 2).unwrap(), 8 << 10);
        assert!(budget.grant(slot(1), 1).is_err());
        budget.release(slot(1), 16 << 10);
        assert_eq!(budget.grant(slot(1), 1).unwrap(), 16 << 10);
    }

    proptest! {
        #[test]
        fn credits_never_exceed_the_share(
            memory in 0u64..1 << 30,
            requests in prop::collection::vec((0u8..4, 0usize..64), 0..20),
        ) {
            let mut budget = NetworkBudget::new(MemorySize::from_bytes(memory), 4);
            let mut granted = 0;
            for (index, channels) in requests {
                if let Ok(window) = budget.grant(slot(index), channels) {
                    granted += window * channels as u64;
                }
            }
            prop_assert!(granted <= memory / 2);
        }
    }
}
