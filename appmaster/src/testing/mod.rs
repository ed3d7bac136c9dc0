//! What several tests need: a job, connectors that note what is asked of them, and workers that answer as real ones do.

pub(crate) mod checker;
pub(crate) mod connectors;
pub(crate) mod http;
pub(crate) mod idle_worker;
pub(crate) mod worker;

use std::sync::Arc;

use selvedge_core::JobGraph;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::ResourceProfile;
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::rpc::{ApplicationSecret, PortRange};
use serde_json::json;

use crate::dispatcher::DispatcherMode;
use crate::entrypoint::ClusterConfig;
use crate::local::LocalDriver;
use connectors::{NotingConnectors, StructureChecker};
use worker::Workers;

/// A session in this process with such workers.
pub(crate) fn session_of(workers: Arc<Workers>, settings: &[(&str, &str)]) -> ClusterConfig {
    let mut configuration = selvedge_core::config::shipped();
    for (key, value) in settings {
        configuration.set_text(*key, *value);
    }
    ClusterConfig {
        configuration,
        mode: DispatcherMode::Session,
        secret: ApplicationSecret::from_bytes(&[7; 32]).unwrap(),
        host: "127.0.0.1".into(),
        bind_host: "127.0.0.1".into(),
        rest_bind_ports: PortRange::any(),
        rpc_ports: PortRange::any(),
        driver: Arc::new(LocalDriver::new(workers)),
        cluster_id: None,
        file_systems: FileSystems::local_only(),
        connectors: Arc::new(NotingConnectors::default()),
        checker: Arc::new(StructureChecker),
        clock: Arc::new(SystemClock),
        seed: 1,
        log_file: None,
    }
}

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
