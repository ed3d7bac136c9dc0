//! What the master's process takes.

use std::sync::Arc;

use selvedge_core::{Configuration, JobManagerProcessSpec};
use selvedge_runtime::clock::Clock;
use selvedge_runtime::gateway::proto::{MemoryConfiguration, MemoryUse};
use selvedge_runtime::memory::HeapReading;
use selvedge_runtime::metrics::{FlinkMemory, MetricGroup, Recent, register_process};
use selvedge_runtime::process;

/// Registers it in the master's group.
pub(crate) fn register(group: &MetricGroup, configuration: &Configuration, clock: Arc<dyn Clock>) {
    let size = size(configuration);
    let memory = Recent::new(clock, move || FlinkMemory::new(size, used()));
    register_process(group, &memory);
}

/// The sizes as configured; nothing where none are, as on the local target they need not be.
fn size(configuration: &Configuration) -> MemoryConfiguration {
    let Ok(spec) = JobManagerProcessSpec::derive(configuration) else {
        return MemoryConfiguration::default();
    };
    MemoryConfiguration {
        framework_heap: spec.heap.bytes(),
        framework_off_heap: spec.off_heap.bytes(),
        jvm_metaspace: spec.jvm_metaspace.bytes(),
        jvm_overhead: spec.jvm_overhead.bytes(),
        total_flink: spec.total_flink().bytes(),
        total_process: spec.total_process().bytes(),
        ..MemoryConfiguration::default()
    }
}

fn used() -> MemoryUse {
    let heap = HeapReading::now().unwrap_or_default().in_use;
    match process::memory() {
        Ok(memory) => MemoryUse {
            framework: heap,
            code: memory.pss.saturating_sub(memory.anonymous),
            slack: memory.anonymous.saturating_sub(heap),
            process: memory.pss,
            virtual_size: memory.virtual_size,
            ..MemoryUse::default()
        },
        Err(error) => {
            tracing::debug!("the memory of this process is not known: {error}");
            MemoryUse::default()
        }
    }
}
