//! A process's memory in the terms of Flink's metrics and pages.

use super::MetricGroup;
use crate::gateway::proto::{MemoryConfiguration, MemoryUse};

/// The unit in which Flink shows network memory (`taskmanager.memory.segment-size`'s default).
const SEGMENT: u64 = 32 << 10;

/// What a process takes and may take, in bytes. The heap is what tasks and the process itself hold of it, non-heap what
/// metaspace and overhead stand for (pages of the binary, stacks, allocator slack), and direct memory the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlinkMemory {
    size: MemoryConfiguration,
    used: MemoryUse,
}

impl FlinkMemory {
    /// Of a process with these sizes that takes so much.
    pub const fn new(size: MemoryConfiguration, used: MemoryUse) -> Self {
        Self { size, used }
    }

    /// The heap in use.
    pub const fn heap_used(&self) -> u64 {
        self.used.framework + self.used.task
    }

    /// The most that the heap is for.
    pub const fn heap_max(&self) -> u64 {
        self.size.framework_heap + self.size.task_heap
    }

    /// Memory outside the heap.
    pub const fn non_heap_used(&self) -> u64 {
        self.used.code + self.used.slack
    }

    /// The most of it.
    pub const fn non_heap_max(&self) -> u64 {
        self.size.jvm_metaspace + self.size.jvm_overhead
    }

    /// Memory of the exchange.
    pub const fn direct_used(&self) -> u64 {
        self.used.network
    }

    /// The most of it, with what is kept for the framework and for tasks.
    pub const fn direct_max(&self) -> u64 {
        self.size.framework_off_heap + self.size.task_off_heap + self.size.network
    }

    /// How many network buffers there are.
    pub const fn segments(&self) -> u64 {
        self.size.network / SEGMENT
    }

    /// How many of them are in use.
    pub const fn segments_used(&self) -> u64 {
        self.used.network.div_ceil(SEGMENT)
    }

    /// How many are not.
    pub const fn segments_free(&self) -> u64 {
        self.segments().saturating_sub(self.segments_used())
    }

    /// Network memory that is not in use.
    pub const fn network_free(&self) -> u64 {
        self.size.network.saturating_sub(self.used.network)
    }

    /// How much of the network memory is in use, in percent.
    pub const fn network_percent(&self) -> u64 {
        match self.size.network {
            0 => 0,
            size => self.used.network.saturating_mul(100) / size,
        }
    }

    /// What metaspace, overhead and framework memory stand for together, in use.
    pub const fn reserve_used(&self) -> u64 {
        self.used.framework + self.used.code + self.used.slack
    }

    /// The most of it.
    pub const fn reserve_size(&self) -> u64 {
        self.size.framework_heap + self.size.framework_off_heap + self.size.jvm_metaspace + self.size.jvm_overhead
    }

    /// What each category takes and may take: by name, `used` and `size`.
    pub const fn categories(&self) -> [(&'static str, u64, u64); 5] {
        [
            ("Managed", self.used.managed, self.size.managed),
            ("Network", self.used.network, self.size.network),
            ("Task", self.used.task, self.size.task_heap + self.size.task_off_heap),
            ("Reserve", self.reserve_used(), self.reserve_size()),
            ("Process", self.used.process, self.size.total_process),
        ]
    }
}

type Figure = (&'static [&'static str], fn(&FlinkMemory) -> u64);

/// `Status.JVM.Memory.*`, for a process that is its owner's alone.
const JVM: &[Figure] = &[
    (&["Heap", "Used"], FlinkMemory::heap_used),
    (&["Heap", "Committed"], FlinkMemory::heap_used),
    (&["Heap", "Max"], FlinkMemory::heap_max),
    (&["NonHeap", "Used"], FlinkMemory::non_heap_used),
    (&["NonHeap", "Committed"], FlinkMemory::non_heap_used),
    (&["NonHeap", "Max"], FlinkMemory::non_heap_max),
    (&["Metaspace", "Used"], |memory| memory.used.code),
    (&["Metaspace", "Committed"], |memory| memory.used.code),
    (&["Metaspace", "Max"], |memory| memory.size.jvm_metaspace),
    (&["Direct", "Count"], FlinkMemory::segments_used),
    (&["Direct", "MemoryUsed"], FlinkMemory::direct_used),
    (&["Direct", "TotalCapacity"], FlinkMemory::direct_max),
    (&["Mapped", "Count"], |_| 0),
    (&["Mapped", "MemoryUsed"], |_| 0),
    (&["Mapped", "TotalCapacity"], |_| 0),
];

/// `Status.*` of a worker: managed memory and the exchange's.
const WORKER: &[Figure] = &[
    (&["Flink", "Memory", "Managed", "Used"], |memory| memory.used.managed),
    (&["Flink", "Memory", "Managed", "Total"], |memory| memory.size.managed),
    (&["Shuffle", "Netty", "TotalMemorySegments"], FlinkMemory::segments),
    (&["Shuffle", "Netty", "UsedMemorySegments"], FlinkMemory::segments_used),
    (
        &["Shuffle", "Netty", "AvailableMemorySegments"],
        FlinkMemory::segments_free,
    ),
    (&["Shuffle", "Netty", "TotalMemory"], |memory| memory.size.network),
    (&["Shuffle", "Netty", "UsedMemory"], FlinkMemory::direct_used),
    (&["Shuffle", "Netty", "AvailableMemory"], FlinkMemory::network_free),
    (
        &["Shuffle", "Netty", "RequestedMemoryUsage"],
        FlinkMemory::network_percent,
    ),
];

/// Registers the memory of a process at its root group, under `Status.JVM.Memory`.
pub(super) fn register_jvm(root: &MetricGroup, read: impl Fn() -> FlinkMemory + Clone + Send + Sync + 'static) {
    register(&root.child("Status").child("JVM").child("Memory"), JVM, read);
}

impl MetricGroup {
    /// Registers a worker's memory at its root group: `Status.Flink.Memory.*`, `Status.Shuffle.Netty.*`, and what each
    /// category takes and may take under `Status.Selvedge.Memory.<category>.{Used,Size}`.
    pub fn worker_memory(&self, read: impl Fn() -> FlinkMemory + Clone + Send + Sync + 'static) {
        let status = self.child("Status");
        register(&status, WORKER, read.clone());
        let categories = status.child("Selvedge").child("Memory");
        for (index, (name, ..)) in FlinkMemory::default().categories().into_iter().enumerate() {
            let category = categories.child(name);
            let used = read.clone();
            category.gauge("Used", move || used().categories()[index].1);
            let size = read.clone();
            category.gauge("Size", move || size().categories()[index].2);
        }
        categories.gauge("VirtualSize", move || read().used.virtual_size);
    }
}

fn register(
    group: &MetricGroup,
    figures: &'static [Figure],
    read: impl Fn() -> FlinkMemory + Clone + Send + Sync + 'static,
) {
    for (path, figure) in figures {
        let (name, groups) = path.split_last().expect("a figure has a name");
        let group = groups.iter().fold(group.clone(), |group, name| group.child(name));
        let read = read.clone();
        group.gauge(name, move || figure(&read()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::{MetricRegistry, Scope};

    const MIB: u64 = 1 << 20;

    fn memory() -> FlinkMemory {
        let size = MemoryConfiguration {
            framework_heap: 16 * MIB,
            task_heap: 64 * MIB,
            framework_off_heap: 16 * MIB,
            task_off_heap: 0,
            network: 16 * MIB,
            managed: 80 * MIB,
            jvm_metaspace: 32 * MIB,
            jvm_overhead: 32 * MIB,
            total_flink: 192 * MIB,
            total_process: 256 * MIB,
        };
        let used = MemoryUse {
            managed: 50 * MIB,
            network: 3 * MIB + 1,
            task: 10 * MIB,
            framework: 5 * MIB,
            code: 12 * MIB,
            slack: 8 * MIB,
            process: 88 * MIB + 1,
            virtual_size: 400 * MIB,
        };
        FlinkMemory::new(size, used)
    }

    #[test]
    fn the_categories_sum_up_to_the_process() {
        let [categories @ .., (_, process, total)] = memory().categories();
        assert_eq!(categories.iter().map(|(_, used, _)| used).sum::<u64>(), process);
        assert_eq!(categories.iter().map(|(.., size)| size).sum::<u64>(), total);
    }

    #[test]
    fn memory_has_flinks_names_and_the_categories_ours() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        let group = registry.group(&Scope::job_manager("node"));
        register_jvm(&group, memory);
        group.worker_memory(memory);
        let readings = registry.read().into_iter();
        let values: BTreeMap<_, _> = readings
            .map(|one| (one.scope.name_of(&one.name), one.value.as_number().unwrap() as u64))
            .collect();
        for (name, value) in [
            ("Status.JVM.Memory.Heap.Used", 15 * MIB),
            ("Status.JVM.Memory.Heap.Max", 80 * MIB),
            ("Status.JVM.Memory.NonHeap.Used", 20 * MIB),
            ("Status.JVM.Memory.Metaspace.Used", 12 * MIB),
            ("Status.JVM.Memory.Direct.MemoryUsed", 3 * MIB + 1),
            ("Status.Flink.Memory.Managed.Used", 50 * MIB),
            ("Status.Flink.Memory.Managed.Total", 80 * MIB),
            ("Status.Shuffle.Netty.TotalMemorySegments", 512),
            ("Status.Shuffle.Netty.UsedMemorySegments", 97),
            ("Status.Shuffle.Netty.AvailableMemorySegments", 415),
            ("Status.Shuffle.Netty.RequestedMemoryUsage", 18),
            ("Status.Selvedge.Memory.Reserve.Used", 25 * MIB),
            ("Status.Selvedge.Memory.Task.Size", 64 * MIB),
            ("Status.Selvedge.Memory.Process.Used", 88 * MIB + 1),
            ("Status.Selvedge.Memory.VirtualSize", 400 * MIB),
        ] {
            assert_eq!(values.get(name), Some(&value), "{name}");
        }
    }
}
