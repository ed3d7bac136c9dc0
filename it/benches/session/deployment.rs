//! A real deployment: 400 tasks with 40,000 channels on two workers.

use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::JobId;
use selvedge_it::bench::{ByHand, all_to_all};
use selvedge_it::figure::{Samples, Table, runs};
use tokio::time::Instant;

const SETTINGS: &str = "taskmanager.numberOfTaskSlots: 110\ntaskmanager.memory.process.size: 3g\n\
                        taskmanager.memory.network.min: 1g\ntaskmanager.memory.network.max: 1g\n";

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let cluster = ByHand::start(SETTINGS).await?;
    let workers = vec![cluster.worker("one"), cluster.worker("two")];
    cluster.until_workers(2).await?;
    let mut ids = StdRng::seed_from_u64(2);
    for (what, parallelism, at_most, flink) in [
        ("100 tasks to all RUNNING, 2 workers", 50, None, "1.3–2.0"),
        (
            "400 tasks (40,000 channels) to all RUNNING, 2 workers",
            200,
            Some(0.5),
            "4.7–7.2",
        ),
    ] {
        let graph = all_to_all(parallelism)?;
        let mut took = Samples::default();
        for run in 0..=runs() {
            let job = JobId::random(&mut ids);
            let begun = Instant::now();
            cluster.rest.submit(job, &graph).await?;
            let running = cluster.until_running(job, u64::from(parallelism) * 2, 0).await?;
            // The first run opens the connections between the workers.
            if run > 0 {
                took.push_seconds(running - begun);
            }
            cluster.cancel(job).await?;
        }
        table.add(what, "s", took, at_most, flink);
    }
    cluster.stop(workers).await
}
