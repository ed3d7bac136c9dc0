//! Masters that YARN starts again.

use rustix::process::{Pid, Signal, kill_process};
use selvedge_it::bed::ZooKeeper;
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::nodes;
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};
use crate::yarn::support::{Cluster, application_in};

#[tokio::test]
async fn yarns_second_attempt_takes_over_the_leadership_and_the_workers_of_a_killed_master() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let cluster = Cluster::shared().await;
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
        .args([
            "-d",
            "-Dhigh-availability.type=zookeeper",
            "-Dyarn.application-attempts=2",
        ])
        .arg(format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.quorum()))
        .arg("-Dhigh-availability.zookeeper.client.session-timeout=4 s")
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

    let processes = cluster.bed.container_processes(&application).unwrap();
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
    let is_worker = |container: &str| !container.ends_with("_000001");
    let after = cluster.bed.container_processes(&application).unwrap();
    let after: Vec<_> = after.into_iter().filter(|one| is_worker(&one.container)).collect();
    assert_eq!(
        after.iter().map(|one| (&one.container, one.pid)).collect::<Vec<_>>(),
        workers.iter().map(|one| (&one.container, one.pid)).collect::<Vec<_>>(),
        "the same worker, and no other"
    );
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
