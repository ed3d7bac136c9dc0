//! Clients that go away.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::support::{Cluster, Endless, STAGING, application_of, kill_application};
use crate::folder::Folder;
use crate::jobs::{self, blackhole, job, numbers, vertex};

#[tokio::test]
async fn an_application_ends_with_its_killed_client_where_that_is_wished() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let tied = [
        "-sae",
        "-Dclient.heartbeat.interval=200 ms",
        "-Dclient.heartbeat.timeout=20 s",
    ];
    let endless = Endless::start(&cluster, &folder, &tied).await;
    endless.running.kill();
    let report = cluster.ended(&endless.application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    cluster.assert_nothing_left(&endless.application).await;
}

#[tokio::test]
async fn a_client_that_comes_back_late_reads_the_result_from_yarns_diagnostics() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex(
            "all",
            &[numbers("make", Some(500), Some(100.0)), blackhole("drop")],
        )],
        &[],
    ));
    let mut running = cluster.run(1).arg(job).start();
    let application = application_of(&mut running).await;
    let runs = |said: &str| said.contains("tracking URL").then_some(());
    running.until_says("that the master runs", BOUND, runs).await;
    let client = Pid::from_raw(running.pid()).unwrap();
    kill_process(client, Signal::STOP).unwrap();
    // The master waits for its client, and goes.
    cluster.ended(&application).await;
    kill_process(client, Signal::CONT).unwrap();
    let outcome = running.ended_within(BOUND).await.ended_with(0);
    outcome.assert_says(&["FINISHED", "drop.records: 500"]);
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
async fn a_second_ctrl_c_ends_the_client_though_the_master_does_not_answer() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let Endless {
        mut running,
        application,
        ..
    } = Endless::start(&cluster, &folder, &[]).await;
    let processes = cluster.bed.container_processes(&application).unwrap();
    let master = processes.iter().find(|one| one.container.ends_with("_000001")).unwrap();
    let master = Pid::from_raw(master.pid).unwrap();
    kill_process_group(master, Signal::STOP).unwrap();
    running.interrupt();
    let offers = |said: &str| said.contains("Ctrl-C again leaves at once").then_some(());
    running.until_says("what a second Ctrl-C does", BOUND, offers).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    outcome.assert_does_not_say(&["CANCELED"]).assert_no_stack();
    kill_process_group(master, Signal::CONT).unwrap();
    kill_application(&cluster, &application).await;
    cluster.ended(&application).await;
    // Whoever leaves so, and kills the application, leaves this.
    let staged = format!("{STAGING}/{application}");
    cluster.hdfs().delete(&staged).await.unwrap();
}

#[tokio::test]
async fn what_killed_clients_and_masters_have_left_is_deleted_by_the_next_client() {
    const DAY: u64 = 24 * 3_600_000;
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let endless = Endless::start(&cluster, &folder, &[]).await;
    let hdfs = cluster.hdfs();
    let own = format!("{STAGING}/{}", endless.application);
    let now = hdfs.status(&own).await.unwrap().unwrap().modification_time;
    // Ids that the ResourceManager has given to nobody.
    let (stem, _) = endless.application.rsplit_once('_').unwrap();
    let [old, new] = ["9998", "9999"].map(|number| format!("{STAGING}/{stem}_{number}"));
    for (directory, modified) in [(&old, now - 2 * DAY), (&new, now)] {
        hdfs.mkdir(directory, "700").await.unwrap();
        hdfs.put(&format!("{directory}/config.yaml"), "a: 1").await.unwrap();
        hdfs.set_modified(directory, modified).await.unwrap();
    }
    hdfs.set_modified(&own, now - 2 * DAY).await.unwrap();

    let small = [vertex("all", &[numbers("make", Some(10), None), blackhole("drop")])];
    let other = Folder::new();
    cluster
        .run(1)
        .arg(other.job(&job(&small, &[])))
        .run()
        .await
        .ended_with(0);
    let is_swept = || async {
        match hdfs.status(&old).await {
            Ok(None) => Ok(()),
            found => Err(format!("{found:?}")),
        }
    };
    wait::until("the leftover to be deleted", BOUND, is_swept)
        .await
        .unwrap();
    assert!(hdfs.status(&new).await.unwrap().is_some(), "its client may be at it");
    assert!(hdfs.status(&own).await.unwrap().is_some(), "its application runs");
    hdfs.delete(&new).await.unwrap();
    endless.end(&cluster).await;
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
