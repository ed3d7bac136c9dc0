//! Ends that nobody has asked for.

use selvedge_it::cli::BOUND;

use super::super::support::{Cluster, STAGING, files_in, kill_application, kill_master};
use super::{attended, command, detached, endless_job, stop};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, out_runs, rebalance, vertex};

#[tokio::test]
async fn the_clients_of_a_session_whose_master_is_killed_tell_so_and_its_staging_goes() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (attended, application) = attended(&cluster, &folder).await;
    let mut of_job = command(&cluster, &folder, "run")
        .arg(folder.job(&endless_job()))
        .start();
    of_job.until_says("that the job runs", BOUND, out_runs).await;
    kill_master(&cluster, &application, "01").await;
    let report = cluster.ended(&application).await;
    assert_eq!(report["state"], "FAILED", "{report}");
    let attended = attended.ended_within(BOUND).await.ended_with(1);
    attended
        .assert_says(&["the session has ended", "FAILED"])
        .assert_no_stack();
    let of_job = of_job.ended_within(BOUND).await.ended_with(1);
    of_job
        .assert_says(&["the session ended before the job's end was known", "FAILED"])
        .assert_no_stack();
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn with_stored_jobs_the_clients_of_a_session_go_on_with_the_next_master() {
    let cluster = Cluster::shared().await;
    let (hdfs, folder) = (cluster.hdfs(), Folder::new());
    let storage = "/user/alice/ha-session";
    hdfs.delete(storage).await.unwrap();
    let storage_option = format!("-Dhigh-availability.storageDir=hdfs://{storage}");
    let options = ["-Dyarn.application-attempts=2", &storage_option];
    let application = detached(&cluster, &folder, &options).await;
    // Ten seconds.
    let job = job(
        &[
            vertex("numbers", &[numbers("make", Some(1000), Some(100.0))]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    );
    let mut running = command(&cluster, &folder, "run").arg(folder.job(&job)).start();
    running.until_says("that the job runs", BOUND, out_runs).await;
    kill_master(&cluster, &application, "01").await;
    let outcome = running.ended_within(BOUND).await.ended_with(0);
    outcome
        .assert_says(&["FINISHED", "out.records: 1000"])
        .assert_no_stack();
    let report = cluster.report(&application).await.unwrap();
    assert_eq!(report["state"], "RUNNING", "{report}");
    stop(&cluster, &folder, &application).await;
    let mut left = files_in(&hdfs, storage).await;
    left.retain(|path| path.contains(".json"));
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_attended_session_that_an_administrator_kills_is_told_and_cleaned_up() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (attended, application) = attended(&cluster, &folder).await;
    kill_application(&cluster, &application).await;
    let outcome = attended.ended_within(BOUND).await.ended_with(7);
    outcome
        .assert_says(&["the session has ended", "KILLED"])
        .assert_no_stack();
    cluster.assert_nothing_left(&application).await;
    let staged = files_in(&cluster.hdfs(), STAGING).await;
    assert!(!staged.iter().any(|file| file.contains(&application)), "{staged:?}");
    assert!(
        std::fs::read_dir(folder.root()).unwrap().next().is_none(),
        "the file is gone"
    );
}
