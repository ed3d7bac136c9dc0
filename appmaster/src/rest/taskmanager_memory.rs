//! A worker's memory in JSON: by category, and in the terms of Flink's pages.

use selvedge_runtime::gateway::proto::{MemoryConfiguration, MemoryUse};
use selvedge_runtime::metrics::FlinkMemory;
use serde_json::{Value, json};

/// What each category takes and may take, in bytes; the categories sum up to the process. `reserve` is one category:
/// metaspace, overhead and framework memory, which without a JVM are pages of the binary, stacks, allocator slack and the
/// worker's own heap.
pub(super) fn by_category(size: &MemoryConfiguration, used: &MemoryUse) -> Value {
    let categories = FlinkMemory::new(*size, *used).categories().into_iter();
    let mut shown: Value = categories
        .map(|(name, used, size)| (name.to_lowercase(), json!({"used": used, "size": size})))
        .collect();
    shown["reserve"]["framework"] = used.framework.into();
    shown["reserve"]["code"] = used.code.into();
    shown["reserve"]["slack"] = used.slack.into();
    shown["virtual"] = used.virtual_size.into();
    shown
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

    const SIZE: MemoryConfiguration = MemoryConfiguration {
        framework_heap: 16,
        task_heap: 64,
        framework_off_heap: 8,
        task_off_heap: 4,
        network: 65_536,
        managed: 80,
        jvm_metaspace: 32,
        jvm_overhead: 2,
        total_flink: 65_708,
        total_process: 65_742,
    };
    const USED: MemoryUse = MemoryUse {
        managed: 50,
        network: 40_000,
        task: 10,
        framework: 5,
        code: 12,
        slack: 8,
        process: 40_085,
        virtual_size: 400,
    };

    #[test]
    fn categories_are_shown_with_what_they_take_and_may_take() {
        let of = |used: u64, size: u64| json!({"used": used, "size": size});
        let mut expected = json!({
            "managed": of(50, 80), "network": of(40_000, 65_536), "task": of(10, 68), "reserve": of(25, 58),
            "process": of(40_085, 65_742), "virtual": 400,
        });
        expected["reserve"]["framework"] = 5.into();
        expected["reserve"]["code"] = 12.into();
        expected["reserve"]["slack"] = 8.into();
        assert_eq!(by_category(&SIZE, &USED), expected);
    }

    #[test]
    fn flinks_pages_find_their_figures() {
        let metrics = metrics(&SIZE, &USED);
        for (name, value) in [
            ("heapUsed", 15),
            ("heapMax", 80),
            ("nonHeapUsed", 20),
            ("directMax", 65_548),
            ("nettyShuffleMemorySegmentsTotal", 2),
            ("nettyShuffleMemorySegmentsUsed", 2),
            ("nettyShuffleMemorySegmentsAvailable", 0),
        ] {
            assert_eq!(metrics[name], value, "{name}");
        }
        assert_eq!(metrics["garbageCollectors"], json!([]));
    }
}
