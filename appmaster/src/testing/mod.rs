//! What several tests need: a job, connectors that note what is asked of them, and workers that answer as real ones do.

pub(crate) mod connectors;
pub(crate) mod http;
pub(crate) mod idle_worker;
pub(crate) mod worker;

use selvedge_core::JobGraph;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::ResourceProfile;
use serde_json::json;

/// Two vertices: a generator, and a sink that counts what it gets.
pub(crate) fn word_count(parallelism: u32) -> JobGraph {
    let graph = json!({
        "name": "word count",
        "vertices": [
            {"id": "source", "parallelism": parallelism, "chain": [
                {"id": "generate", "operator": "generator-source", "rows": 100,
                 "fields": [{"name": "word", "generator": {"type": "sequence", "start": 0}}]}]},
            {"id": "sink", "parallelism": parallelism, "chain": [{"id": "drop", "operator": "blackhole-sink"}]},
        ],
        "edges": [{"source": "source", "target": "sink", "partitioner": {"type": "rebalance"},
                   "schema": [{"name": "word", "type": "Int64"}]}],
    });
    serde_json::from_value(graph).unwrap()
}

/// The slots of workers as they are by default.
pub(crate) fn profile() -> ResourceProfile {
    TaskExecutorProcessSpec::derive(&selvedge_core::config::shipped())
        .unwrap()
        .slot_profile()
}
