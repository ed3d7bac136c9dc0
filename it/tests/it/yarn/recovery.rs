//! Jobs that go on when their master is lost: another attempt of the ApplicationMaster takes them over.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process_group};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::support::{Cluster, application_in, files_in};
use crate::folder::Folder;
use crate::jobs::{file_sink, job, numbers, rebalance, vertex};

const ROWS: u64 = 2000;
const STORAGE: &str = "/user/alice/ha";

#[tokio::test]
async fn a_master_killed_in_the_middle_is_replaced_and_its_job_runs_again_with_its_output_there_once() {
    let cluster = Cluster::shared().await;
    let (hdfs, folder) = (cluster.hdfs(), Folder::new());
    let output = "/user/alice/recovered";
    for path in [output, STORAGE] {
        hdfs.delete(path).await.unwrap();
    }
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(ROWS), Some(100.0))]),
            vertex("files", &[file_sink("write", output, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    ));
    let options = ["-d", "-Dyarn.application-attempts=2"];
    let storage = format!("-Dhigh-availability.storageDir=hdfs://{STORAGE}");
    let outcome = cluster
        .run(1)
        .args(options)
        .arg(storage)
        .arg(job)
        .run()
        .await
        .ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    cluster.running_job(&application).await;
    let master = || async {
        let containers = cluster.bed.container_processes(&application);
        let containers = containers.map_err(|error| error.to_string())?;
        let master = containers.iter().find(|one| one.container.ends_with("_01_000001"));
        master.map(|one| one.pid).ok_or_else(|| format!("{containers:?}"))
    };
    let master = wait::until("the master's container", BOUND, master).await.unwrap();
    kill_process_group(Pid::from_raw(master).unwrap(), Signal::KILL).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    let second = report["currentAppAttemptId"].as_str().unwrap_or_default();
    assert!(second.is_empty() || second.ends_with("_000002"), "{report}");
    let mut lines = Vec::new();
    for file in hdfs.list(output).await.unwrap() {
        let content = hdfs.get(&format!("{output}/{}", file.path_suffix)).await.unwrap();
        let content = String::from_utf8(content).unwrap();
        lines.extend(content.lines().filter(|line| *line != "n").map(str::to_owned));
    }
    let numbers: BTreeSet<u64> = lines.iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!((lines.len() as u64, numbers.len() as u64), (ROWS, ROWS));
    // The result goes when YARN has been told how the application ended.
    cluster.assert_nothing_left(&application).await;
    let mut left = files_in(&hdfs, STORAGE).await;
    left.retain(|path| path.contains(".json"));
    assert!(left.is_empty(), "{left:?}");
}
