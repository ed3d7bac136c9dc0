//! A worker's memory in JSON: by category, and in the terms of Flink's pages.

use selvedge_runtime::gateway::proto::{MemoryConfiguration, MemoryUse};
use selvedge_runtime::metrics::FlinkMemory;
use serde_json::{Value, json};

/// What each category takes and may take, in bytes; the categories sum up to the process. `reserve` is one category:
/// metaspace, overhead and framework memory, which without a JVM are pages of the binary, stacks, allocator slack and the
/// worker's own heap.
pub(super) fn by_category(size: &MemoryConfiguration, used: &MemoryUse) -> Value {
    let of = |used: u64, size: u64| json!({"used": used, "size": size});
    let memory = FlinkMemory::new(*size, *used);
    let mut reserve = of(memory.reserve_used(), memory.reserve_size());
    reserve["framework"] = used.framework.into();
    reserve["code"] = used.code.into();
    reserve["slack"] = used.slack.into();
    json!({
        "managed": of(used.managed, size.managed),
        "network": of(used.network, size.network),
        "task": of(used.task, size.task_heap + size.task_off_heap),
        "reserve": reserve,
        "process": of(used.process, size.total_process),
        "virtual": used.virtual_size,
    })
}

/// Flink's `metrics` of a worker; nothing is mapped and nothing collects garbage.
pub(super) fn metrics(size: &MemoryConfiguration, used: &MemoryUse) -> Value {
    let memory = FlinkMemory::new(*size, *used);
    json!({
        "heapUsed": memory.heap_used(),
        "heapCommitted": memory.heap_used(),
        "heapMax": memory.heap_max(),
        "nonHeapUsed": memory.non_heap_used(),
        "nonHeapCommitted": memory.non_heap_used(),
        "nonHeapMax": memory.non_heap_max(),
        "directCount": memory.segments_used(),
        "directUsed": memory.direct_used(),
        "directMax": memory.direct_max(),
        "mappedCount": 0,
        "mappedUsed": 0,
        "mappedMax": 0,
        "memorySegmentsAvailable": memory.segments_free(),
        "memorySegmentsTotal": memory.segments(),
        "nettyShuffleMemorySegmentsAvailable": memory.segments_free(),
        "nettyShuffleMemorySegmentsUsed": memory.segments_used(),
        "nettyShuffleMemorySegmentsTotal": memory.segments(),
        "nettyShuffleMemoryAvailable": memory.network_free(),
        "nettyShuffleMemoryUsed": memory.direct_used(),
        "nettyShuffleMemoryTotal": size.network,
        "garbageCollectors": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn size() -> MemoryConfiguration {
        MemoryConfiguration {
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
        }
    }

    fn used() -> MemoryUse {
        MemoryUse {
            managed: 50 * MIB,
            network: 3 * MIB + 1,
            task: 10 * MIB,
            framework: 5 * MIB,
            code: 12 * MIB,
            slack: 8 * MIB,
            process: 88 * MIB + 1,
            virtual_size: 400 * MIB,
        }
    }

    #[test]
    fn the_categories_sum_up_to_the_process() {
        let shown = by_category(&size(), &used());
        let sum = |field: &str| {
            let categories = ["managed", "network", "task", "reserve"].iter();
            categories.map(|name| shown[name][field].as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!(sum("used"), used().process);
        assert_eq!(sum("size"), size().total_process);
        assert_eq!(shown["reserve"]["used"], 25 * MIB);
    }

    #[test]
    fn flinks_pages_find_their_figures() {
        let metrics = metrics(&size(), &used());
        assert_eq!(
            (&metrics["heapUsed"], &metrics["heapMax"]),
            (&json!(15 * MIB), &json!(80 * MIB))
        );
        assert_eq!(metrics["nonHeapUsed"], 20 * MIB);
        assert_eq!(metrics["nettyShuffleMemorySegmentsTotal"], 512);
        assert_eq!(metrics["nettyShuffleMemorySegmentsUsed"], 97);
        assert_eq!(metrics["nettyShuffleMemorySegmentsAvailable"], 415);
        assert_eq!(metrics["garbageCollectors"], json!([]));
    }
}
