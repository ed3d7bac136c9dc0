//! The parts of a worker's total Flink memory.

use super::arithmetic::{RangeFraction, RangeFractionOptions, multiply, read_fraction, rest, sum};
use super::error::MemoryProblem;
use crate::config::ConfigError;
use crate::config::options::taskmanager;
use crate::{Configuration, MemorySize};

const NETWORK: RangeFractionOptions = RangeFractionOptions {
    min: taskmanager::NETWORK_MIN,
    max: taskmanager::NETWORK_MAX,
    fraction: taskmanager::NETWORK_FRACTION,
};

/// Flink's least page, and the largest power of two below 2³¹.
const SEGMENT_RANGE: std::ops::RangeInclusive<u64> = 4096..=1 << 30;

/// The parts that are configured or have a default; the others follow.
pub(super) struct Parts {
    pub(super) framework_heap: MemorySize,
    pub(super) framework_off_heap: MemorySize,
    pub(super) task_off_heap: MemorySize,
}

/// The parts of total Flink memory, once all are known.
pub(super) struct FlinkMemory {
    fixed: MemorySize,
    pub(super) task_heap: MemorySize,
    pub(super) network: MemorySize,
    pub(super) managed: MemorySize,
}

impl FlinkMemory {
    pub(super) fn total(&self) -> Result<MemorySize, MemoryProblem> {
        sum([self.fixed, self.task_heap, self.network, self.managed])
    }
}

impl Parts {
    pub(super) fn read(configuration: &Configuration) -> Result<Self, MemoryProblem> {
        Ok(Self {
            framework_heap: configuration.get(&taskmanager::FRAMEWORK_HEAP)?,
            framework_off_heap: configuration.get(&taskmanager::FRAMEWORK_OFF_HEAP)?,
            task_off_heap: configuration.get(&taskmanager::TASK_OFF_HEAP)?,
        })
    }

    fn fixed(&self) -> Result<MemorySize, MemoryProblem> {
        sum([self.framework_heap, self.framework_off_heap, self.task_off_heap])
    }

    /// Task heap and managed memory are set; the network follows.
    pub(super) fn derive_from_parts(&self, configuration: &Configuration) -> Result<FlinkMemory, MemoryProblem> {
        let task_heap = configuration.get(&taskmanager::TASK_HEAP)?;
        let managed = configuration.get(&taskmanager::MANAGED_MEMORY)?;
        if let Some(total) = configuration.find(&taskmanager::TOTAL_FLINK_MEMORY)? {
            let memory = self.with_task_heap(configuration, total, task_heap, managed)?;
            return self.check_sum(memory, total);
        }
        let network = match legacy_network(configuration)? {
            Some(network) => network,
            None => {
                let others = sum([self.fixed()?, task_heap, managed])?;
                RangeFraction::read(configuration, &NETWORK)?.beside(others)?
            }
        };
        Ok(FlinkMemory {
            fixed: self.fixed()?,
            task_heap,
            network,
            managed,
        })
    }

    /// The total is known; managed memory is set or a fraction of it.
    pub(super) fn derive_from_total(
        &self,
        configuration: &Configuration,
        total: MemorySize,
    ) -> Result<FlinkMemory, MemoryProblem> {
        let managed = match configuration.find(&taskmanager::MANAGED_MEMORY)? {
            Some(managed) => managed,
            None => multiply(total, read_fraction(configuration, &taskmanager::MANAGED_FRACTION)?)?,
        };
        let memory = match configuration.find(&taskmanager::TASK_HEAP)? {
            Some(task_heap) => self.with_task_heap(configuration, total, task_heap, managed)?,
            None => self.with_network(configuration, total, managed)?,
        };
        self.check_sum(memory, total)
    }

    /// Everything but the network is known.
    fn with_task_heap(
        &self,
        configuration: &Configuration,
        total: MemorySize,
        task_heap: MemorySize,
        managed: MemorySize,
    ) -> Result<FlinkMemory, MemoryProblem> {
        let fixed = self.fixed()?;
        let network =
            rest(total, sum([fixed, task_heap, managed])?).ok_or_else(|| MemoryProblem::PartsExceedFlink {
                parts: self.named([("task heap", task_heap), ("managed memory", managed)]),
                total,
            })?;
        check_network(configuration, total, task_heap, network)?;
        Ok(FlinkMemory {
            fixed,
            task_heap,
            network,
            managed,
        })
    }

    /// Everything but the task heap is known.
    fn with_network(
        &self,
        configuration: &Configuration,
        total: MemorySize,
        managed: MemorySize,
    ) -> Result<FlinkMemory, MemoryProblem> {
        let network = match legacy_network(configuration)? {
            Some(network) => network,
            None => RangeFraction::read(configuration, &NETWORK)?.of(total)?,
        };
        let fixed = self.fixed()?;
        let task_heap = rest(total, sum([fixed, managed, network])?).ok_or_else(|| MemoryProblem::NoTaskHeapLeft {
            parts: self.named([("managed memory", managed), ("network memory", network)]),
            total,
        })?;
        Ok(FlinkMemory {
            fixed,
            task_heap,
            network,
            managed,
        })
    }

    /// Flink's own last check (E6). It cannot fail: of the parts that count, all but one are read or computed, and that one is
    /// `total` less their sum, without rounding (network memory in [`Self::with_task_heap`], the task heap in
    /// [`Self::with_network`]; a negative rest is E2 or E3). It stands here, as in Flink, against a part that someone adds to
    /// one side only; a property test looks for a set of options that gets here.
    fn check_sum(&self, memory: FlinkMemory, total: MemorySize) -> Result<FlinkMemory, MemoryProblem> {
        if memory.total()? == total {
            return Ok(memory);
        }
        let parts = [
            ("task heap", memory.task_heap),
            ("network memory", memory.network),
            ("managed memory", memory.managed),
        ];
        Err(MemoryProblem::SumMismatch {
            parts: self.named(parts),
            total,
        })
    }

    fn named<const N: usize>(&self, others: [(&'static str, MemorySize); N]) -> Vec<(&'static str, MemorySize)> {
        let own = [
            ("framework heap", self.framework_heap),
            ("framework off-heap memory", self.framework_off_heap),
            ("task off-heap memory", self.task_off_heap),
        ];
        own.into_iter().chain(others).collect()
    }
}

/// The network's size by number of buffers; minimum, maximum and fraction win where one of them is set.
fn legacy_network(configuration: &Configuration) -> Result<Option<MemorySize>, MemoryProblem> {
    let newer = configuration.contains(&taskmanager::NETWORK_MIN)
        || configuration.contains(&taskmanager::NETWORK_MAX)
        || configuration.contains(&taskmanager::NETWORK_FRACTION);
    if newer || !configuration.contains(&taskmanager::NETWORK_NUM_BUFFERS) {
        return Ok(None);
    }
    let buffers = configuration.get(&taskmanager::NETWORK_NUM_BUFFERS)?;
    let segment = read_segment(configuration)?;
    let buffers = u64::try_from(buffers).map_err(|_| ConfigError::Invalid {
        key: taskmanager::NETWORK_NUM_BUFFERS.key().to_owned(),
        reason: format!("'{buffers}' buffers are less than none"),
    })?;
    let bytes = buffers.saturating_mul(segment.bytes());
    Ok(Some(sum([MemorySize::from_bytes(bytes)])?))
}

/// The size of a network buffer.
fn read_segment(configuration: &Configuration) -> Result<MemorySize, MemoryProblem> {
    let segment = configuration.get(&taskmanager::SEGMENT_SIZE)?;
    match segment.bytes().is_power_of_two() && SEGMENT_RANGE.contains(&segment.bytes()) {
        true => Ok(segment),
        false => Err(MemoryProblem::SegmentSize {
            segment,
            key: taskmanager::SEGMENT_SIZE.key(),
        }),
    }
}

fn check_network(
    configuration: &Configuration,
    total: MemorySize,
    task_heap: MemorySize,
    network: MemorySize,
) -> Result<(), MemoryProblem> {
    if let Some(configured) = legacy_network(configuration)? {
        return match configured == network {
            true => Ok(()),
            false => Err(MemoryProblem::NetworkBuffersMismatch {
                network,
                configured,
                buffers_key: taskmanager::NETWORK_NUM_BUFFERS.key(),
                segment_key: taskmanager::SEGMENT_SIZE.key(),
            }),
        };
    }
    let range = RangeFraction::read(configuration, &NETWORK)?;
    match range.contains(network) {
        true => Ok(()),
        false => Err(MemoryProblem::NetworkOutOfRange {
            total,
            task_heap,
            network,
            min: range.min,
            min_key: NETWORK.min.key(),
            max: range.max,
            max_key: NETWORK.max.key(),
        }),
    }
}
