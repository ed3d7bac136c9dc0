//! What a slot or a worker holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Quantity;
use crate::MemorySize;

/// What a slot or a worker holds (Flink 1.20 `ResourceProfile`, where it is known and finite): CPU in cores, memory by use,
/// other resources by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResourceProfile {
    /// CPU cores; a fraction is allowed.
    pub cpu_cores: Quantity,
    /// What tasks may take for objects of their own.
    pub task_heap: MemorySize,
    /// Native memory of tasks.
    pub task_off_heap: MemorySize,
    /// What operators and state take from the managed budget.
    pub managed: MemorySize,
    /// Buffers of the exchange.
    pub network: MemorySize,
    /// Other resources by name (`gpu`). A resource of amount 0 is left away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extended: BTreeMap<String, Quantity>,
}

impl ResourceProfile {
    /// Nothing of anything.
    pub const ZERO: Self = Self {
        cpu_cores: Quantity::ZERO,
        task_heap: MemorySize::from_bytes(0),
        task_off_heap: MemorySize::from_bytes(0),
        managed: MemorySize::from_bytes(0),
        network: MemorySize::from_bytes(0),
        extended: BTreeMap::new(),
    };

    /// Whether a slot with `self` can host what `required` asks for: no part of `self` is less.
    pub fn covers(&self, required: &Self) -> bool {
        let extended = |(name, amount): (&String, &Quantity)| self.amount(name) >= *amount;
        self.cpu_cores >= required.cpu_cores
            && self
                .memory()
                .iter()
                .zip(required.memory())
                .all(|(own, other)| *own >= other)
            && required.extended.iter().all(extended)
    }

    /// All memory.
    pub fn total_memory(&self) -> MemorySize {
        let sizes = self.memory();
        MemorySize::from_bytes(sizes.iter().fold(0, |sum, size| size.bytes().saturating_add(sum)))
    }

    /// How much there is of an extended resource.
    pub fn amount(&self, name: &str) -> Quantity {
        self.extended.get(name).copied().unwrap_or_default()
    }

    /// Both together; `None` where that is more than a size can be.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        self.combine(other, |own, other| own.checked_add(other), Quantity::checked_add)
    }

    /// What is left; `None` where `self` does not cover `other`.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.combine(other, |own, other| own.checked_sub(other), Quantity::checked_sub)
    }

    /// So many times as much; `None` where that is more than a size can be.
    pub fn checked_mul(&self, factor: u32) -> Option<Self> {
        let bytes = u64::from(factor);
        self.map(|size| size.checked_mul(bytes), |quantity| quantity.checked_mul(factor))
    }

    /// One of `slots` equal parts: bytes are cut to whole ones, decimals to eight. 0 slots count as one.
    #[must_use]
    pub fn divided_by(&self, slots: u32) -> Self {
        let parts = u64::from(slots.max(1));
        self.map(|size| Some(size / parts), |quantity| Some(quantity.divided_by(slots)))
            .unwrap_or(Self::ZERO)
    }

    fn memory(&self) -> [MemorySize; 4] {
        [self.task_heap, self.task_off_heap, self.managed, self.network]
    }

    fn map(&self, size: impl Fn(u64) -> Option<u64>, quantity: impl Fn(Quantity) -> Option<Quantity>) -> Option<Self> {
        self.combine(&Self::ZERO, |own, _| size(own), |own, _| quantity(own))
    }

    fn combine(
        &self,
        other: &Self,
        size: impl Fn(u64, u64) -> Option<u64>,
        quantity: impl Fn(Quantity, Quantity) -> Option<Quantity>,
    ) -> Option<Self> {
        let size = |own: MemorySize, other: MemorySize| {
            let bytes = size(own.bytes(), other.bytes()).map(MemorySize::from_bytes)?;
            (bytes <= MemorySize::MAX).then_some(bytes)
        };
        let mut extended = BTreeMap::new();
        for name in self.extended.keys().chain(other.extended.keys()) {
            let amount = quantity(self.amount(name), other.amount(name))?;
            if !amount.is_zero() {
                extended.insert(name.clone(), amount);
            }
        }
        Some(Self {
            cpu_cores: quantity(self.cpu_cores, other.cpu_cores)?,
            task_heap: size(self.task_heap, other.task_heap)?,
            task_off_heap: size(self.task_off_heap, other.task_off_heap)?,
            managed: size(self.managed, other.managed)?,
            network: size(self.network, other.network)?,
            extended,
        })
    }
}
