//! The active ResourceManager dies, and then a node for good.

use selvedge_it::bed::{Bed, BedOptions, Daemon, is_alive};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::super::session::stop;
use super::super::support::Cluster;
use super::{Master, session, until_exactly};
use crate::folder::Folder;

/// After so long without a heartbeat a node is lost.
const LOST_AFTER_MS: &str = "30000";

/// Three nodes, of which that of the master has room for one worker.
async fn two_resource_managers() -> Cluster {
    let mut options = BedOptions {
        node_managers: 3,
        node_memory_mb: 3200,
        ..BedOptions::default()
    };
    let expiry = "yarn.nm.liveness-monitor.expiry-interval-ms";
    options.yarn_site.insert(expiry.to_owned(), LOST_AFTER_MS.to_owned());
    let options = options.with_quick_heartbeats().with_two_resource_managers();
    Cluster::of(Bed::start(options).await.unwrap()).await
}

#[tokio::test]
async fn workers_are_asked_for_during_a_fail_over_and_those_of_a_lost_node_are_replaced_on_another() {
    let cluster = two_resource_managers().await;
    let folder = Folder::new();
    let options = ["-Dheartbeat.interval=1 s", "-Dheartbeat.timeout=30 s"];
    let master = session(&cluster, &folder, "1000m", &options).await;
    let first = master.submit(1).await;
    master.until_runs(first).await;
    let before = cluster.workers(&master.application, 1).await;
    let active = cluster.bed.active_resource_manager().await.unwrap();
    cluster.bed.kill(active).await.unwrap();
    let second = master.submit(3).await;
    master.until_runs(second).await;
    assert_ne!(cluster.bed.active_resource_manager().await.unwrap(), active);
    // The one that stands by now sends on to the other.
    cluster.bed.restart(active).await.unwrap();
    until_exactly(&cluster, &master.application, 4).await;
    master.until_runs(first).await;
    assert_eq!((master.restarts(first).await, master.restarts(second).await), (0, 0));
    let workers = cluster.workers(&master.application, 4).await;
    assert!(workers.contains(&before[0]), "{before:?} {workers:?}");
    a_node_is_lost(&cluster, &master).await;
    for job in [first, second] {
        master.until_runs(job).await;
    }
    until_exactly(&cluster, &master.application, 4).await;
    stop(&cluster, &folder, &master.application).await;
}

/// A NodeManager dies and does not come back. Its workers live on, until YARN and with it their master have given them up.
async fn a_node_is_lost(cluster: &Cluster, master: &Master) {
    let containers = cluster.bed.container_processes(&master.application).unwrap();
    let of_master = cluster.master_node(&master.application).await;
    let elsewhere = containers.iter().find(|one| one.node_manager != of_master);
    let orphan = elsewhere.expect("the master's node has room for one");
    cluster
        .bed
        .kill(Daemon::NodeManager(orphan.node_manager))
        .await
        .unwrap();
    let given_up = || async {
        let workers = master.get("/taskmanagers").await?.to_string();
        if workers.contains(&orphan.container) {
            Err(workers)
        } else {
            Ok(())
        }
    };
    wait::until("its worker to be given up", BOUND, given_up).await.unwrap();
    let ended = || std::future::ready(if is_alive(orphan.pid) { Err("it lives") } else { Ok(()) });
    wait::until("the worker to end by itself", BOUND, ended).await.unwrap();
}
