//! Masters that YARN starts again, and one that stays where YARN itself is started again.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};
use selvedge_it::bed::{Bed, BedOptions, ContainerProcess, Daemon, ZooKeeper, is_alive};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::nodes;
use crate::folder::Folder;
use crate::jobs::{blackhole, file_sink, job, numbers, rebalance, vertex};
use crate::yarn::application::{printing, run_application};
use crate::yarn::support::{
    Cluster, STAGING, application_in, application_of, files_in, kill_master, numbers_in, own_process,
};

fn ids(processes: &[ContainerProcess]) -> BTreeSet<(&str, i32)> {
    processes.iter().map(|one| (one.container.as_str(), one.pid)).collect()
}

/// Settings of an application whose master is started a second time, and finds in ZooKeeper what the first has left.
fn two_attempts(zookeeper: &ZooKeeper) -> [String; 4] {
    [
        "-Dhigh-availability.type=zookeeper".to_owned(),
        "-Dyarn.application-attempts=2".to_owned(),
        format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.quorum()),
        "-Dhigh-availability.zookeeper.client.session-timeout=4 s".to_owned(),
    ]
}

#[tokio::test]
async fn workers_outlive_the_resource_manager_and_then_the_master_whose_leadership_the_second_attempt_takes_over() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let bed = Bed::start(BedOptions::default().with_one_quick_node()).await.unwrap();
    let cluster = Cluster::of(bed).await;
    let folder = Folder::new();
    let endless = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", None, Some(100.0))]),
            vertex("drop", &[blackhole("drop-all")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let started = cluster
        .run(1)
        .arg("-d")
        .args(two_attempts(&zookeeper))
        .arg("-Dresourcemanager.previous-worker.recovery.timeout=1 min")
        .arg(endless)
        .run()
        .await
        .ended_with(0);
    let application = application_in(&started.said()).unwrap();
    let job = cluster.running_job(&application).await;
    let client = nodes::connect(zookeeper.quorum()).await;
    let workers = cluster.workers(&application, 1).await;
    let path = format!("/flink/{application}");
    let before = nodes::leader(&client, &path, "rest_server").await.unwrap().0;

    // From now on the ResourceManager knows the containers from their NodeManager only.
    let processes = cluster.bed.container_processes(&application).unwrap();
    cluster.bed.restart(Daemon::ResourceManager).await.unwrap();
    let registered = || async {
        match cluster.report(&application).await?["state"].as_str() {
            Some("RUNNING") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait::until("the master to register again", BOUND, registered)
        .await
        .unwrap();
    assert_eq!(cluster.running_job(&application).await, job);
    let present = cluster.bed.container_processes(&application).unwrap();
    assert_eq!(ids(&present), ids(&processes), "the same master and worker");

    let master = processes
        .iter()
        .find(|one| one.container.ends_with("_01_000001"))
        .unwrap();
    kill_process(Pid::from_raw(master.pid).unwrap(), Signal::KILL).unwrap();

    let look = || async {
        match nodes::leader(&client, &path, "rest_server").await {
            Some((leader, _)) if leader.session != before.session => Ok(leader),
            other => Err(format!("{other:?}")),
        }
    };
    wait::until("the second attempt to lead", BOUND, look).await.unwrap();
    assert_eq!(
        cluster.running_job(&application).await,
        job,
        "the same job, by the same id"
    );
    let mut after = cluster.bed.container_processes(&application).unwrap();
    after.retain(|one| !one.container.ends_with("_000001"));
    assert_eq!(ids(&after), ids(&workers), "the same worker, and no other");
    let report = cluster.report(&application).await.unwrap();
    assert_eq!(report["finalStatus"], "UNDEFINED");
    cluster
        .proxied(&application, &format!("/jobs/{job}/yarn-cancel"))
        .await
        .unwrap();
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
    assert_eq!(
        nodes::below(&client, &path).await,
        [""; 0],
        "the cluster's end leaves nothing in ZooKeeper"
    );
}

#[tokio::test]
async fn the_second_attempt_of_an_application_runs_its_program_again_with_the_same_job_and_writes_its_output_once() {
    const ROWS: u64 = 1500;
    let zookeeper = ZooKeeper::start().await.unwrap();
    let cluster = Cluster::shared().await;
    let (hdfs, folder) = (cluster.hdfs(), Folder::new());
    let output = "/user/alice/twice-run";
    hdfs.delete(output).await.unwrap();
    // Fifteen seconds.
    let graph = job(
        &[
            vertex("numbers", &[numbers("make", Some(ROWS), Some(100.0))]),
            vertex("files", &[file_sink("write", output, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    );
    let ran = folder.path("ran");
    let lines = format!("echo \"$CONTAINER_ID\" >>{}\n{}", ran.display(), printing(&graph));
    let mut running = run_application(&cluster)
        .args(two_attempts(&zookeeper))
        .arg(folder.program("again.sh", &lines))
        .start();
    let application = application_of(&mut running).await;
    let job = cluster.running_job(&application).await;
    kill_master(&cluster, &application, "01").await;
    running
        .ended_within(BOUND)
        .await
        .ended_with(0)
        .assert_says(&["the application has ended", "FINISHED", &job])
        .assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    assert!(report["diagnostics"].as_str().unwrap().contains(&job), "{report}");
    let attempts = std::fs::read_to_string(&ran).unwrap();
    let attempts: Vec<_> = attempts.lines().map(|container| container.contains("_01_")).collect();
    assert_eq!(attempts, [true, false], "the program ran in each of two masters");
    assert_eq!(numbers_in(&hdfs, output).await, (0..ROWS).collect::<Vec<_>>());
    cluster.assert_nothing_left(&application).await;
    let client = nodes::connect(zookeeper.quorum()).await;
    assert_eq!(nodes::below(&client, &format!("/flink/{application}")).await, [""; 0]);
}

/// Tells the present master to end, as a NodeManager does; returns when its node has seen how it ended.
async fn terminate_master(cluster: &Cluster, application: &str) -> String {
    let container = cluster.master_container(application).await.unwrap();
    let processes = cluster.bed.container_processes(application).unwrap();
    let leader = processes.iter().find(|one| one.container == container).unwrap();
    // Not the shell around it, with which it would be killed.
    let master = own_process(leader.pid);
    kill_process(master, Signal::TERM).unwrap();
    let node = Daemon::NodeManager(leader.node_manager);
    let told = format!("Exit code from container {container} is : 143");
    let ended = || async {
        let log = cluster.bed.daemon_log(node).map_err(|error| error.to_string())?;
        match log.contains(&told) && !is_alive(leader.pid) {
            true => Ok(()),
            false => Err(format!("no '{told}' in the log of {node}")),
        }
    };
    wait::until("the master to end", BOUND, ended).await.unwrap();
    container
}

#[tokio::test]
async fn a_master_that_is_told_to_end_leaves_staging_to_the_second_attempt_and_the_output_is_there_once() {
    const ROWS: u64 = 1000;
    let zookeeper = ZooKeeper::start().await.unwrap();
    let cluster = Cluster::shared().await;
    let (hdfs, folder) = (cluster.hdfs(), Folder::new());
    let output = "/user/alice/told-to-end";
    hdfs.delete(output).await.unwrap();
    // Ten seconds.
    let graph = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(ROWS), Some(100.0))]),
            vertex("files", &[file_sink("write", output, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    ));
    let run = cluster.run(1).arg("-d").args(two_attempts(&zookeeper)).arg(graph);
    let started = run.run().await.ended_with(0);
    let application = application_in(&started.said()).unwrap();
    let job = cluster.running_job(&application).await;
    let staging = format!("{STAGING}/{application}");
    let staged = files_in(&hdfs, &staging).await;
    assert!(!staged.is_empty());

    let first = terminate_master(&cluster, &application).await;
    assert_eq!(files_in(&hdfs, &staging).await, staged, "nothing is deleted");
    let logs = cluster.bed.container_logs(&application).unwrap();
    let log = logs
        .iter()
        .find(|log| log.container == first && log.file == "jobmanager.log");
    let log = log.unwrap().text().unwrap();
    for told in [
        "SIGTERM: this process ends",
        "the staging directory stays: another attempt may follow",
    ] {
        assert!(log.contains(told), "'{told}': {log}");
    }

    let look = || async {
        match cluster.master_container(&application).await? {
            second if second != first => Ok(()),
            present => Err(present),
        }
    };
    wait::until("the second attempt", BOUND, look).await.unwrap();
    assert_eq!(
        cluster.running_job(&application).await,
        job,
        "the same job, by the same id"
    );
    assert_eq!(
        files_in(&hdfs, &staging).await,
        staged,
        "the second attempt starts from it"
    );
    let report = cluster.ended(&application).await;
    assert_eq!(
        (&report["state"], &report["finalStatus"]),
        (&"FINISHED".into(), &"SUCCEEDED".into()),
        "{report}"
    );
    assert_eq!(numbers_in(&hdfs, output).await, (0..ROWS).collect::<Vec<_>>());
    cluster.assert_nothing_left(&application).await;
    let client = nodes::connect(zookeeper.quorum()).await;
    assert_eq!(nodes::below(&client, &format!("/flink/{application}")).await, [""; 0]);
}
