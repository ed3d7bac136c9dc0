//! The memory and CPU of a worker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arithmetic::{RangeFractionOptions, saturating_sum, sum};
use super::error::{MemoryError, MemoryProblem, ProcessKind};
use super::flink_memory::Parts;
use super::metaspace_and_overhead::{Basis, MetaspaceAndOverhead, ProcessOptions};
use crate::config::Declaration;
use crate::config::options::{taskmanager, yarn};
use crate::resource::{ExternalResources, Quantity, ResourceProfile, WorkerResourceSpec};
use crate::{Configuration, MemorySize};

/// What a worker is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskExecutorProcessSpec {
    /// CPU cores; a fraction is allowed.
    pub cpu_cores: Quantity,
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
    /// How much it has of each external resource, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_resources: BTreeMap<String, u64>,
}

const OPTIONS: ProcessOptions = ProcessOptions {
    parts: &[taskmanager::TASK_HEAP, taskmanager::MANAGED_MEMORY],
    total_flink: taskmanager::TOTAL_FLINK_MEMORY,
    total_process: taskmanager::TOTAL_PROCESS_MEMORY,
    heap_mb: taskmanager::HEAP_MB,
    metaspace: taskmanager::JVM_METASPACE,
    overhead: RangeFractionOptions {
        min: taskmanager::JVM_OVERHEAD_MIN,
        max: taskmanager::JVM_OVERHEAD_MAX,
        fraction: taskmanager::JVM_OVERHEAD_FRACTION,
    },
};

impl TaskExecutorProcessSpec {
    /// Derives the spec from what is configured.
    pub fn derive(configuration: &Configuration) -> Result<Self, MemoryError> {
        derive(configuration).map_err(in_worker)
    }

    /// The process for a worker that the ResourceManager asks for: framework memory comes from the configuration, metaspace
    /// and overhead are derived for the whole.
    pub fn for_worker(configuration: &Configuration, worker: &WorkerResourceSpec) -> Result<Self, MemoryError> {
        for_worker(configuration, worker).map_err(in_worker)
    }

    /// The memory without metaspace and overhead.
    pub fn total_flink(&self) -> MemorySize {
        saturating_sum([
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
        saturating_sum([self.total_flink(), self.jvm_metaspace, self.jvm_overhead])
    }

    /// What one slot holds: everything but the framework's parts, divided by the slots and cut to whole bytes.
    pub fn slot_profile(&self) -> ResourceProfile {
        WorkerResourceSpec::from(self).slot_profile()
    }

    /// What all slots hold together, as a worker registers it.
    pub fn total_profile(&self) -> ResourceProfile {
        WorkerResourceSpec::from(self).total
    }

    /// The virtual cores that are asked of YARN: whole ones, at least 1.
    pub fn vcores(&self) -> u32 {
        u32::try_from(self.cpu_cores.ceil()).unwrap_or(u32::MAX).max(1)
    }

    /// The same with as many cores as [`Self::vcores`]: YARN gives no part of a core.
    #[must_use]
    pub fn with_whole_cores(mut self) -> Self {
        self.cpu_cores = Quantity::from_whole(self.vcores().into());
        self
    }

    /// How many buffers of `segment` the network memory makes.
    pub fn network_buffers(&self, segment: MemorySize) -> u64 {
        self.network.bytes() / segment.bytes().max(1)
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
        let cores = (
            taskmanager::CPU_CORES.key().to_owned(),
            format!("{:?}", self.cpu_cores.to_f64()),
        );
        let slots = (
            taskmanager::NUMBER_OF_TASK_SLOTS.key().to_owned(),
            self.number_of_slots.to_string(),
        );
        let sizes = sizes.map(|(key, size)| (key.to_owned(), format!("{}b", size.bytes())));
        let external = ExternalResources::to_properties(&self.external_resources);
        std::iter::once(cores)
            .chain(sizes)
            .chain([slots])
            .chain(external)
            .collect()
    }
}

fn in_worker(problem: MemoryProblem) -> MemoryError {
    MemoryError {
        process: ProcessKind::TaskManager,
        problem,
    }
}

fn derive(configuration: &Configuration) -> Result<TaskExecutorProcessSpec, MemoryProblem> {
    let configuration = &*OPTIONS.without_older_forms(configuration)?;
    let basis = OPTIONS.basis(configuration)?;
    let parts = Parts::read(configuration)?;
    let (flink, outer) = match basis {
        Basis::Parts => (parts.derive_from_parts(configuration)?, None),
        Basis::TotalFlink(total) => (parts.derive_from_total(configuration, total)?, None),
        Basis::TotalProcess(total, outer) => (parts.derive_from_total(configuration, total)?, Some(outer)),
    };
    let MetaspaceAndOverhead { metaspace, overhead } = match outer {
        Some(outer) => outer,
        None => OPTIONS.beside_flink(configuration, flink.total()?)?,
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
        external_resources: ExternalResources::read(configuration)?.amounts,
    })
}

fn for_worker(
    configuration: &Configuration,
    worker: &WorkerResourceSpec,
) -> Result<TaskExecutorProcessSpec, MemoryProblem> {
    let configuration = &*OPTIONS.without_older_forms(configuration)?;
    let framework_heap = configuration.get(&taskmanager::FRAMEWORK_HEAP)?;
    let framework_off_heap = configuration.get(&taskmanager::FRAMEWORK_OFF_HEAP)?;
    let total = &worker.total;
    let flink = sum([framework_heap, framework_off_heap, total.total_memory()])?;
    let MetaspaceAndOverhead { metaspace, overhead } = OPTIONS.beside_flink(configuration, flink)?;
    let extended = total.extended.iter();
    Ok(TaskExecutorProcessSpec {
        cpu_cores: total.cpu_cores,
        framework_heap,
        task_heap: total.task_heap,
        framework_off_heap,
        task_off_heap: total.task_off_heap,
        network: total.network,
        managed: total.managed,
        jvm_metaspace: metaspace,
        jvm_overhead: overhead,
        number_of_slots: worker.number_of_slots,
        external_resources: extended.map(|(name, amount)| (name.clone(), amount.floor())).collect(),
    })
}

fn read_slots(configuration: &Configuration) -> Result<u32, MemoryProblem> {
    let option = &taskmanager::NUMBER_OF_TASK_SLOTS;
    if let Some(problem) = out_of_range(configuration, option, "1 slot or more") {
        return Err(problem);
    }
    Ok(configuration.get(option)?)
}

/// None, or fewer than none, is a problem of its own kind and no value of the wrong type.
fn out_of_range(configuration: &Configuration, option: &Declaration, remedy: &'static str) -> Option<MemoryProblem> {
    let value = configuration.text(option.key)?;
    option.check_range(value).is_err().then(|| MemoryProblem::NoCpu {
        value: value.to_owned(),
        key: option.key,
        remedy,
    })
}

fn read_cpu_cores(configuration: &Configuration, slots: u32) -> Result<Quantity, MemoryProblem> {
    const REMEDY: &str = "a number such as 0.5 or 2";
    if let Some(problem) = out_of_range(configuration, &taskmanager::CPU_CORES, REMEDY) {
        return Err(problem);
    }
    let Some(cores) = configuration.find(&taskmanager::CPU_CORES)? else {
        let vcores = configuration.get(&yarn::CONTAINERS_VCORES)?;
        let vcores = u32::try_from(vcores).ok().filter(|vcores| *vcores > 0);
        return Ok(Quantity::from_whole(vcores.unwrap_or(slots).into()));
    };
    match Quantity::from_f64(cores) {
        Some(quantity) if cores > 0.0 => Ok(quantity),
        _ => Err(MemoryProblem::NoCpu {
            value: cores.to_string(),
            key: taskmanager::CPU_CORES.key(),
            remedy: REMEDY,
        }),
    }
}
