//! The memory and CPU of a worker.

use serde::{Deserialize, Serialize};

use super::arithmetic::{RangeFraction, RangeFractionOptions, multiply, read_fraction, rest, sum};
use super::error::{MemoryError, MemoryProblem, ProcessKind};
use super::metaspace_and_overhead::{Basis, MetaspaceAndOverhead, ProcessOptions};
use crate::config::ConfigError;
use crate::config::options::{taskmanager, yarn};
use crate::resource::ResourceProfile;
use crate::{Configuration, MemorySize};

/// What a worker is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TaskExecutorProcessSpec {
    /// CPU cores; a fraction is allowed.
    pub cpu_cores: f64,
    /// The worker's own objects.
    pub framework_heap: MemorySize,
    /// Objects of tasks.
    pub task_heap: MemorySize,
    /// The worker's own native memory.
    pub framework_off_heap: MemorySize,
    /// Native memory of tasks.
    pub task_off_heap: MemorySize,
    /// Buffers of the exchange.
    pub network: MemorySize,
    /// What operators and state take from a budget.
    pub managed: MemorySize,
    /// Code; the name is Flink's.
    pub jvm_metaspace: MemorySize,
    /// Stacks and native allocations; the name is Flink's.
    pub jvm_overhead: MemorySize,
    /// How many slots it has; at least 1.
    pub number_of_slots: u32,
}

const OPTIONS: ProcessOptions = ProcessOptions {
    parts: &[taskmanager::TASK_HEAP, taskmanager::MANAGED_MEMORY],
    total_flink: taskmanager::TOTAL_FLINK_MEMORY,
    total_process: taskmanager::TOTAL_PROCESS_MEMORY,
    metaspace: taskmanager::JVM_METASPACE,
    overhead: RangeFractionOptions {
        min: taskmanager::JVM_OVERHEAD_MIN,
        max: taskmanager::JVM_OVERHEAD_MAX,
        fraction: taskmanager::JVM_OVERHEAD_FRACTION,
    },
};

const NETWORK: RangeFractionOptions = RangeFractionOptions {
    min: taskmanager::NETWORK_MIN,
    max: taskmanager::NETWORK_MAX,
    fraction: taskmanager::NETWORK_FRACTION,
};

impl TaskExecutorProcessSpec {
    /// Derives the spec from what is configured.
    pub fn derive(configuration: &Configuration) -> Result<Self, MemoryError> {
        let derived = match OPTIONS.basis(configuration) {
            Ok(basis) => derive(configuration, basis),
            Err(problem) => Err(problem),
        };
        derived.map_err(|problem| MemoryError {
            process: ProcessKind::TaskManager,
            problem,
        })
    }

    /// The memory without metaspace and overhead.
    pub fn total_flink(&self) -> MemorySize {
        sum([
            self.framework_heap,
            self.framework_off_heap,
            self.task_heap,
            self.task_off_heap,
            self.network,
            self.managed,
        ])
    }

    /// All memory: the size of the container.
    pub fn total_process(&self) -> MemorySize {
        sum([self.total_flink(), self.jvm_metaspace, self.jvm_overhead])
    }

    /// What one slot holds: everything but the framework's parts, divided by the slots and cut to whole bytes.
    pub fn slot_profile(&self) -> ResourceProfile {
        let slots = self.number_of_slots.max(1);
        let part = |size: MemorySize| MemorySize::from_bytes(size.bytes() / u64::from(slots));
        let total = self.total_profile();
        ResourceProfile {
            cpu_cores: total.cpu_cores / f64::from(slots),
            task_heap: part(total.task_heap),
            task_off_heap: part(total.task_off_heap),
            managed: part(total.managed),
            network: part(total.network),
        }
    }

    /// What all slots hold together, as a worker registers it.
    pub fn total_profile(&self) -> ResourceProfile {
        ResourceProfile {
            cpu_cores: self.cpu_cores,
            task_heap: self.task_heap,
            task_off_heap: self.task_off_heap,
            managed: self.managed,
            network: self.network,
        }
    }

    /// The virtual cores that are asked of YARN.
    pub fn vcores(&self) -> u32 {
        // Saturates; the cores are positive.
        let cores = self.cpu_cores.ceil() as u32;
        cores.max(1)
    }

    /// The settings that make a worker derive exactly this spec.
    pub fn to_dynamic_properties(&self) -> Vec<(String, String)> {
        let sizes = [
            (taskmanager::FRAMEWORK_HEAP.key(), self.framework_heap),
            (taskmanager::FRAMEWORK_OFF_HEAP.key(), self.framework_off_heap),
            (taskmanager::TASK_HEAP.key(), self.task_heap),
            (taskmanager::TASK_OFF_HEAP.key(), self.task_off_heap),
            (taskmanager::NETWORK_MIN.key(), self.network),
            (taskmanager::NETWORK_MAX.key(), self.network),
            (taskmanager::MANAGED_MEMORY.key(), self.managed),
            (taskmanager::JVM_METASPACE.key(), self.jvm_metaspace),
            (taskmanager::JVM_OVERHEAD_MIN.key(), self.jvm_overhead),
            (taskmanager::JVM_OVERHEAD_MAX.key(), self.jvm_overhead),
        ];
        let cores = (taskmanager::CPU_CORES.key().to_owned(), format!("{:?}", self.cpu_cores));
        let slots = (
            taskmanager::NUMBER_OF_TASK_SLOTS.key().to_owned(),
            self.number_of_slots.to_string(),
        );
        let none = ("external-resources".to_owned(), "none".to_owned());
        let sizes = sizes.map(|(key, size)| (key.to_owned(), format!("{}b", size.bytes())));
        std::iter::once(cores).chain(sizes).chain([slots, none]).collect()
    }
}

fn derive(configuration: &Configuration, basis: Basis) -> Result<TaskExecutorProcessSpec, MemoryProblem> {
    let parts = Parts::read(configuration)?;
    let (flink, outer) = match basis {
        Basis::Parts => (parts.derive_from_parts(configuration)?, None),
        Basis::TotalFlink(total) => (parts.derive_from_total(configuration, total)?, None),
        Basis::TotalProcess(total, outer) => (parts.derive_from_total(configuration, total)?, Some(outer)),
    };
    let MetaspaceAndOverhead { metaspace, overhead } = match outer {
        Some(outer) => outer,
        None => OPTIONS.beside_flink(configuration, flink.total())?,
    };
    let number_of_slots = read_slots(configuration)?;
    Ok(TaskExecutorProcessSpec {
        cpu_cores: read_cpu_cores(configuration, number_of_slots)?,
        framework_heap: parts.framework_heap,
        task_heap: flink.task_heap,
        framework_off_heap: parts.framework_off_heap,
        task_off_heap: parts.task_off_heap,
        network: flink.network,
        managed: flink.managed,
        jvm_metaspace: metaspace,
        jvm_overhead: overhead,
        number_of_slots,
    })
}

fn read_slots(configuration: &Configuration) -> Result<u32, MemoryProblem> {
    match configuration.get(&taskmanager::NUMBER_OF_TASK_SLOTS)? {
        0 => Err(MemoryProblem::Option(ConfigError::Invalid {
            key: taskmanager::NUMBER_OF_TASK_SLOTS.key().to_owned(),
            reason: "'0' slots can run nothing; write 1 or more".to_owned(),
        })),
        slots => Ok(slots),
    }
}

fn read_cpu_cores(configuration: &Configuration, slots: u32) -> Result<f64, MemoryProblem> {
    let Some(cores) = configuration.find(&taskmanager::CPU_CORES)? else {
        let vcores = configuration.get(&yarn::CONTAINERS_VCORES)?;
        return Ok(if vcores > 0 {
            f64::from(vcores)
        } else {
            f64::from(slots)
        });
    };
    if cores > 0.0 && cores.is_finite() {
        return Ok(cores);
    }
    Err(MemoryProblem::Option(ConfigError::Invalid {
        key: taskmanager::CPU_CORES.key().to_owned(),
        reason: format!("'{cores}' is not a positive number of cores"),
    }))
}

/// The parts that are configured or have a default; the others follow.
struct Parts {
    framework_heap: MemorySize,
    framework_off_heap: MemorySize,
    task_off_heap: MemorySize,
}

/// The parts of total Flink memory, once all are known.
struct FlinkMemory {
    fixed: MemorySize,
    task_heap: MemorySize,
    network: MemorySize,
    managed: MemorySize,
}

impl FlinkMemory {
    fn total(&self) -> MemorySize {
        sum([self.fixed, self.task_heap, self.network, self.managed])
    }
}

impl Parts {
    fn read(configuration: &Configuration) -> Result<Self, MemoryProblem> {
        Ok(Self {
            framework_heap: configuration.get(&taskmanager::FRAMEWORK_HEAP)?,
            framework_off_heap: configuration.get(&taskmanager::FRAMEWORK_OFF_HEAP)?,
            task_off_heap: configuration.get(&taskmanager::TASK_OFF_HEAP)?,
        })
    }

    fn fixed(&self) -> MemorySize {
        sum([self.framework_heap, self.framework_off_heap, self.task_off_heap])
    }

    /// Task heap and managed memory are set; the network follows.
    fn derive_from_parts(&self, configuration: &Configuration) -> Result<FlinkMemory, MemoryProblem> {
        let task_heap = configuration.get(&taskmanager::TASK_HEAP)?;
        let managed = configuration.get(&taskmanager::MANAGED_MEMORY)?;
        if let Some(total) = configuration.find(&taskmanager::TOTAL_FLINK_MEMORY)? {
            let memory = self.with_task_heap(configuration, total, task_heap, managed)?;
            return self.check_sum(memory, total);
        }
        let network = match legacy_network(configuration)? {
            Some(network) => network,
            None => RangeFraction::read(configuration, &NETWORK)?.beside(sum([self.fixed(), task_heap, managed])),
        };
        Ok(FlinkMemory {
            fixed: self.fixed(),
            task_heap,
            network,
            managed,
        })
    }

    /// The total is known; managed memory is set or a fraction of it.
    fn derive_from_total(
        &self,
        configuration: &Configuration,
        total: MemorySize,
    ) -> Result<FlinkMemory, MemoryProblem> {
        let managed = match configuration.find(&taskmanager::MANAGED_MEMORY)? {
            Some(managed) => managed,
            None => multiply(total, read_fraction(configuration, &taskmanager::MANAGED_FRACTION)?),
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
        let fixed = self.fixed();
        let network = rest(total, sum([fixed, task_heap, managed])).ok_or_else(|| MemoryProblem::PartsExceedFlink {
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
            None => RangeFraction::read(configuration, &NETWORK)?.of(total),
        };
        let fixed = self.fixed();
        let task_heap = rest(total, sum([fixed, managed, network])).ok_or_else(|| MemoryProblem::PartsExceedFlink {
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

    fn check_sum(&self, memory: FlinkMemory, total: MemorySize) -> Result<FlinkMemory, MemoryProblem> {
        if memory.total() == total {
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
    let Some(buffers) = configuration
        .find(&taskmanager::NETWORK_NUM_BUFFERS)?
        .filter(|_| !newer)
    else {
        return Ok(None);
    };
    let segment = configuration.get(&taskmanager::SEGMENT_SIZE)?;
    Ok(Some(MemorySize::from_bytes(buffers.saturating_mul(segment.bytes()))))
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
