//! One job in one process.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use selvedge_appmaster::jobmaster::probe::SchedulerProbe;
use selvedge_core::JobGraph;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

/// Slots of a worker.
const SLOTS: u32 = 4;

/// What joins the two vertices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edges {
    AllToAll,
    Pointwise,
}

impl Edges {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AllToAll => "all-to-all",
            Self::Pointwise => "pointwise",
        }
    }
}

impl FromStr for Edges {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::AllToAll, Self::Pointwise];
        let found = all.into_iter().find(|edges| edges.as_str() == text);
        found.ok_or_else(|| anyhow::anyhow!("no edges are called {text}"))
    }
}

impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one process measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) build_ms: f64,
    /// From the JobGraph to the last call, the ExecutionGraph's making included.
    pub(crate) deploy_ms: f64,
    pub(crate) region_ms: f64,
    pub(crate) global_ms: f64,
    /// Bytes.
    pub(crate) peak_memory: u64,
    pub(crate) deployed: usize,
}

impl Sample {
    pub(crate) fn take(tasks: u32, edges: Edges) -> Self {
        let graph = Arc::new(job(tasks, edges));
        let begun = Instant::now();
        let mut probe = SchedulerProbe::new(graph, begun);
        let built = begun.elapsed();
        let sent = probe.schedule_and_deploy(SLOTS, &mut drop);
        let deployed = begun.elapsed();
        probe.run_all();
        let failed = Instant::now();
        let restarted = probe.tasks_to_restart(tasks as usize / 2);
        let region = failed.elapsed();
        assert!(restarted > 1, "{restarted} tasks are restarted");
        let failed = Instant::now();
        probe.fail_globally(&mut drop);
        Self {
            build_ms: milliseconds(built),
            deploy_ms: milliseconds(deployed),
            region_ms: milliseconds(region),
            global_ms: milliseconds(failed.elapsed()),
            peak_memory: peak_memory(),
            deployed: sent.tasks,
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The largest resident size that the process had.
fn peak_memory() -> u64 {
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    status.ok().and_then(|status| status.vmhwm).map_or(0, |kib| kib * 1024)
}

fn job(tasks: u32, edges: Edges) -> JobGraph {
    let partitioner = match edges {
        Edges::AllToAll => json!({"type": "rebalance"}),
        Edges::Pointwise => json!({"type": "forward"}),
    };
    let graph = json!({
        "name": "scheduler",
        "vertices": [
            {"id": "source", "parallelism": tasks, "max_parallelism": 32768, "chain": [
                {"id": "generate", "operator": "generator-source",
                 "fields": [{"name": "n", "generator": {"type": "sequence"}}]}]},
            {"id": "sink", "parallelism": tasks, "max_parallelism": 32768,
             "chain": [{"id": "drop", "operator": "blackhole-sink"}]},
        ],
        "edges": [{"source": "source", "target": "sink", "partitioner": partitioner,
                   "schema": [{"name": "n", "type": "Int64"}]}],
    });
    serde_json::from_value(graph).expect("the job is well formed")
}
