//! Workers of two sizes at once: a slot that the usual worker has no room for gets one of its own.

use std::collections::BTreeSet;

use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};

use super::support::{Cluster, application_of};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

/// The registered workers, once there are as many and none has a slot left.
async fn busy_workers(cluster: &Cluster, application: &str, count: usize) -> Vec<Value> {
    let look = || async {
        let told = cluster.proxied(application, "/taskmanagers").await?;
        let workers = told["taskmanagers"].as_array().cloned().unwrap_or_default();
        match workers.len() == count && workers.iter().all(|worker| worker["freeSlots"] == 0) {
            true => Ok(workers),
            false => Err(format!("{told}")),
        }
    };
    wait::until(&format!("{count} workers with nothing left"), BOUND, look)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_slot_larger_than_the_usual_worker_gets_a_container_of_its_own_size_and_none_too_many() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let mut large = vertex("large", &[blackhole("drop-all")]);
    large["slot_sharing_group"] = json!("heavy");
    let mut two_sizes = job(
        &[vertex("numbers", &[numbers("make", None, Some(100.0))]), large],
        &[rebalance("numbers", "large")],
    );
    two_sizes["slot_sharing_groups"] = json!({"heavy": {"cpu_cores": 1, "task_heap": "800m"}});
    let mut running = cluster.run(2).arg(folder.job(&two_sizes)).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;

    let workers = busy_workers(&cluster, &application, 4).await;
    let heap = |worker: &Value| worker["totalResource"]["taskHeapMemory"].as_u64().unwrap();
    let mut heaps: Vec<_> = workers.iter().map(heap).collect();
    heaps.sort_unstable();
    assert!(heaps[1] < 800 && heaps[2..] == [800, 800], "{workers:?}");
    let ids: BTreeSet<_> = workers.iter().map(|worker| worker["id"].as_str().unwrap()).collect();
    let containers = cluster.workers(&application, 4).await;
    let containers: BTreeSet<_> = containers.iter().map(|one| one.container.as_str()).collect();
    assert_eq!(ids, containers);
    let held = || async {
        let report = cluster.report(&application).await?;
        match report["runningContainers"].as_u64() {
            Some(5) => Ok(()),
            other => Err(format!("{other:?} containers: {report}")),
        }
    };
    wait::until("the master and four workers to be all", BOUND, held)
        .await
        .unwrap();

    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130);
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
}
