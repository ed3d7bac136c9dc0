//! A node whose room grows and shrinks, and a job under the adaptive scheduler that follows.

use selvedge_it::bed::{Bed, BedOptions};

use super::super::session::stop;
use super::super::support::{Cluster, numbers_in, yarn_admin};
use super::{ROWS, session, stream, until_exactly};
use crate::folder::Folder;

const MASTER_MB: u32 = 1600;
const WORKER_MB: u32 = 1728;
const VCORES: u32 = 8;
/// What a job is told that has lost a worker so.
const PREEMPTED: &str = "took its resources";

/// What a node has that holds the master and so many workers.
const fn room(workers: u32) -> u32 {
    MASTER_MB + workers * WORKER_MB
}

/// One node, with room for the master and one worker.
async fn small_cluster() -> Cluster {
    let options = BedOptions {
        node_memory_mb: room(1),
        node_vcores: VCORES,
        ..BedOptions::default()
    };
    Cluster::of(Bed::start(options.with_one_quick_node()).await.unwrap()).await
}

/// The node has room for the master and so many workers from now on. What is too much there is preempted at once, the
/// youngest first.
async fn make_room(cluster: &Cluster, workers: u32) {
    let node = &cluster.bed.node_managers()[0].node_id;
    let (memory, vcores) = (room(workers).to_string(), VCORES.to_string());
    let overcommitted_for = "0";
    yarn_admin(
        &cluster.bed,
        &["-updateNodeResource", node, &memory, &vcores, overcommitted_for],
    )
    .await;
}

#[tokio::test]
async fn a_job_starts_with_one_of_four_workers_grows_to_four_shrinks_to_two_and_ends_right() {
    let cluster = small_cluster().await;
    let folder = Folder::new();
    let options = [
        "-Djobmanager.scheduler=Adaptive",
        "-Djobmanager.adaptive-scheduler.resource-stabilization-timeout=500 ms",
        "-Djobmanager.adaptive-scheduler.executing.resource-stabilization-timeout=500 ms",
        "-Djobmanager.adaptive-scheduler.scaling-interval.min=0 ms",
        "-Dresourcemanager.taskmanager-timeout=4 s",
    ];
    let master = session(&cluster, &folder, &format!("{WORKER_MB}m"), &options).await;
    let application = master.application.clone();
    let output = "/user/alice/rescaled";
    let job = master
        .submit_job(stream(&format!("{}{output}", cluster.bed.hdfs_uri()), 4))
        .await;
    master.until_runs_with(job, 1).await;
    until_exactly(&cluster, &application, 1).await;
    make_room(&cluster, 4).await;
    master.until_runs_with(job, 4).await;
    until_exactly(&cluster, &application, 4).await;
    let told = master.exceptions(job).await;
    assert!(!told.contains(PREEMPTED), "nothing was lost so far: {told}");
    make_room(&cluster, 2).await;
    master.until_runs_with(job, 2).await;
    until_exactly(&cluster, &application, 2).await;
    let told = master.exceptions(job).await;
    assert!(told.contains(PREEMPTED), "{told}");
    master.until_is(job, "FINISHED").await;
    assert_eq!(
        numbers_in(&cluster.hdfs(), output).await,
        (0..ROWS).collect::<Vec<_>>(),
        "each once"
    );
    // The two that there was no room for are wanted no more.
    until_exactly(&cluster, &application, 0).await;
    make_room(&cluster, 4).await;
    until_exactly(&cluster, &application, 0).await;
    stop(&cluster, &folder, &application).await;
}
