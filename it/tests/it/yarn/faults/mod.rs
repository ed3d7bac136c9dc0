//! What befalls workers, nodes and ResourceManagers while jobs run on YARN. After each fault YARN counts exactly the containers
//! that are needed, or that there is room for, and what was to go on runs.

mod adaptive;
mod failover;
mod forgetful;
mod keys;
mod master;
mod nodes;
mod preemption;
mod workers;

use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::session::{command, id_in};
use super::support::Cluster;
use crate::folder::Folder;
use crate::jobs::{file_sink, job, numbers, rebalance, vertex};
use master::Master;

/// A resource that the cluster knows, and each node has some of.
pub(crate) const LOOM: &str = "example.org/loom";
pub(crate) const LOOMS: u64 = 100;

static BED: OnceCell<Bed> = OnceCell::const_new();

/// Two nodes, two queues, a resource of the cluster's own, and containers of any size, whose memory is looked at often.
pub(crate) async fn cluster() -> Cluster {
    let start = || async {
        let mut options = BedOptions {
            node_memory_mb: 12_288,
            node_vcores: 64,
            minimum_allocation_mb: 16,
            ..BedOptions::default()
        };
        for (key, value) in [
            // A small container's address space says nothing of its memory.
            ("yarn.nodemanager.vmem-check-enabled", "false"),
            ("yarn.nodemanager.resource-monitor.interval-ms", "500"),
        ] {
            options.yarn_site.insert(key.to_owned(), value.to_owned());
        }
        let options = options.with_quick_heartbeats().with_two_queues();
        Bed::start(options.with_node_resource(LOOM, LOOMS)).await.unwrap()
    };
    Cluster::on(BED.get_or_init(start).await).await
}

/// A session with workers of one slot; its master.
async fn session(cluster: &Cluster, folder: &Folder, worker: &str, options: &[&str]) -> Master {
    let session = command(cluster, folder, "yarn-session").args(["-d", "-jm", "1600", "-tm", worker]);
    let restarts = [
        "-Drestart-strategy.type=fixed-delay",
        "-Drestart-strategy.fixed-delay.attempts=1000",
        "-Drestart-strategy.fixed-delay.delay=100 ms",
    ];
    let session = session.args(restarts).args(options.iter().copied());
    let application = id_in(&session.run().await.ended_with(0));
    Master::of(cluster, &application).await
}

/// So many numbers a [`stream`] writes.
const ROWS: u64 = 3_000;
/// However many write them: they begin anew when the job is restarted or rescaled, and last for longer than a fault.
const ROWS_PER_SECOND: f64 = 75.0;

/// Numbers into files, as a stream of this parallelism.
fn stream(output: &str, parallelism: u32) -> Value {
    let mut graph = job(
        &[
            vertex("numbers", &[numbers("make", Some(ROWS), Some(ROWS_PER_SECOND))]),
            vertex("files", &[file_sink("write", output, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    );
    for vertex in graph["vertices"].as_array_mut().unwrap() {
        vertex["parallelism"] = json!(parallelism);
    }
    graph["configuration"] = json!({"execution.runtime-mode": "STREAMING"});
    graph
}

/// How often YARN must count the same in a row: for longer than everybody's heartbeats.
const IN_A_ROW: u32 = 20;

/// Waits until the application has exactly so many workers, by YARN's count and by the processes that there are, and no other
/// for a while.
async fn until_exactly(cluster: &Cluster, application: &str, workers: usize) {
    let expected = workers + 1;
    let mut in_a_row = 0;
    let mut seen = |counted: Option<u64>, processes: usize| {
        let is_right = counted == Some(expected as u64) && processes == expected;
        in_a_row = if is_right { in_a_row + 1 } else { 0 };
        if in_a_row == IN_A_ROW {
            Ok(())
        } else {
            Err(format!("YARN counts {counted:?}, {processes} have a process"))
        }
    };
    let what = format!("{application} to have exactly {expected} containers");
    let deadline = tokio::time::Instant::now() + BOUND;
    loop {
        let report = cluster.report(application).await.unwrap();
        let processes = cluster.bed.container_processes(application).unwrap().len();
        match seen(report["runningContainers"].as_u64(), processes) {
            Ok(()) => return,
            Err(seen) => assert!(tokio::time::Instant::now() < deadline, "waited for {what}: {seen}"),
        }
        wait::pause().await;
    }
}
