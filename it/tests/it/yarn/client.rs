//! Clients that go away.

use selvedge_it::cli::BOUND;

use super::support::{Cluster, application_in, application_of};
use crate::folder::Folder;
use crate::jobs::{self, blackhole, job, numbers, vertex};

#[tokio::test]
async fn the_application_of_a_killed_client_goes_on_to_its_end_and_leaves_no_staging() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    // Six seconds.
    let job = folder.job(&job(
        &[vertex(
            "all",
            &[numbers("make", Some(600), Some(100.0)), blackhole("drop")],
        )],
        &[],
    ));
    let mut running = cluster.run(1).arg(job).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    running.kill();
    let report = cluster.ended(&application).await;
    assert_eq!(
        (&report["state"], &report["finalStatus"]),
        (&"FINISHED".into(), &"SUCCEEDED".into()),
        "{report}"
    );
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn ctrl_c_cancels_the_job_leaves_no_output_and_exits_130() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    cluster.hdfs().delete("/user/alice/cancelled").await.unwrap();
    let job = folder.job(&jobs::endless_files("/user/alice/cancelled"));
    let mut running = cluster.run(2).arg(job).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
    assert_eq!(cluster.hdfs().status("/user/alice/cancelled").await.unwrap(), None);
}

#[tokio::test]
async fn ctrl_c_while_the_application_waits_for_the_cluster_leaves_nothing() {
    let cluster = Cluster::shared().await;
    let fillers = super::support::Fillers::start(&cluster).await;
    let folder = Folder::new();
    let job = folder.job(&jobs::endless_files("/user/alice/cancelled-early"));
    let mut running = cluster.run(1).arg(job).start();
    let application = application_of(&mut running).await;
    let is_accepted = |said: &str| said.contains("ACCEPTED").then_some(());
    running.until_says("ACCEPTED", BOUND, is_accepted).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["state"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
    fillers.release(&cluster).await;
}

#[tokio::test]
async fn a_detached_client_returns_at_once_and_the_application_goes_on() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(10), None), blackhole("drop")])],
        &[],
    ));
    let outcome = cluster.run(1).arg("-d").arg(job).run().await.ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
}
