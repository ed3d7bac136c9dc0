//! A NodeManager that keeps nothing of its containers is killed, and started again while a job runs there.

use selvedge_it::bed::{Bed, BedOptions, Daemon, is_alive};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::super::session::stop;
use super::super::support::{Cluster, numbers_in};
use super::{ROWS, session, stream, until_exactly};
use crate::folder::Folder;

/// Two nodes: that of the master has room for one worker, the other one for two.
async fn forgetful_nodes() -> Cluster {
    let options = BedOptions {
        node_memory_mb: 2700,
        ..BedOptions::default()
    };
    let options = options.with_quick_heartbeats().without_node_manager_recovery();
    Cluster::of(Bed::start(options).await.unwrap()).await
}

#[tokio::test]
async fn the_workers_of_a_nodemanager_that_has_forgotten_them_are_replaced_and_end_by_themselves() {
    let cluster = forgetful_nodes().await;
    let folder = Folder::new();
    let options = ["-Dheartbeat.interval=1 s", "-Dheartbeat.timeout=30 s"];
    let master = session(&cluster, &folder, "1000m", &options).await;
    let application = master.application.clone();
    let output = "/user/alice/forgotten";
    let job = master
        .submit_job(stream(&format!("{}{output}", cluster.bed.hdfs_uri()), 3))
        .await;
    master.until_runs(job).await;
    let elsewhere = 1 - cluster.master_node(&application).await;
    let mut forgotten = cluster.workers(&application, 3).await;
    forgotten.retain(|worker| worker.node_manager == elsewhere);
    assert_eq!(forgotten.len(), 2, "{forgotten:?}");
    cluster.bed.kill(Daemon::NodeManager(elsewhere)).await.unwrap();
    assert!(forgotten.iter().all(|worker| is_alive(worker.pid)), "{forgotten:?}");
    cluster.bed.restart(Daemon::NodeManager(elsewhere)).await.unwrap();
    master.until_restarted(job, 0).await;
    until_exactly(&cluster, &application, 3).await;
    let told = master.exceptions(job).await;
    let node = &cluster.bed.node_managers()[elsewhere];
    for part in [
        "YARN says: Container released on a *lost* node",
        "yarn.nodemanager.recovery.enabled",
        &format!(
            "on node {} ended with exit status -100: its node was lost",
            node.node_id
        ),
        &format!("look at the NodeManager of {}", node.host),
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Nobody on their node can end them: they hear from their master that it has given them up.
    let ended = || {
        let alive: Vec<_> = forgotten.iter().filter(|worker| is_alive(worker.pid)).collect();
        std::future::ready(if alive.is_empty() {
            Ok(())
        } else {
            Err(format!("{alive:?}"))
        })
    };
    wait::until("the forgotten workers to end", BOUND, ended).await.unwrap();
    master.until_is(job, "FINISHED").await;
    assert_eq!(
        numbers_in(&cluster.hdfs(), output).await,
        (0..ROWS).collect::<Vec<_>>(),
        "each once"
    );
    stop(&cluster, &folder, &application).await;
}
