//! Ends that nobody has asked for.

use rustix::process::{Pid, Signal, kill_process_group};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;

use super::super::support::{Cluster, STAGING, application_of, files_in, kill_application};
use super::{command, endless_job, yarn_session};
use crate::folder::Folder;

#[tokio::test]
async fn the_clients_of_a_session_whose_master_is_killed_tell_so_and_its_staging_goes() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let mut attended = yarn_session(&cluster, &folder).with_input().start();
    let application = application_of(&mut attended).await;
    let asks = |said: &str| said.contains("type stop").then_some(());
    attended.until_says("what may be typed", BOUND, asks).await;
    let mut of_job = command(&cluster, &folder, "run")
        .arg(folder.job(&endless_job()))
        .start();
    let runs = |said: &str| said.contains("vertex out: RUNNING").then_some(());
    of_job.until_says("that the job runs", BOUND, runs).await;
    let master = || async {
        let containers = cluster.bed.container_processes(&application);
        let containers = containers.map_err(|error| error.to_string())?;
        let master = containers.iter().find(|one| one.container.ends_with("_000001"));
        master.map(|one| one.pid).ok_or_else(|| format!("{containers:?}"))
    };
    let master = wait::until("the master's container", BOUND, master).await.unwrap();
    kill_process_group(Pid::from_raw(master).unwrap(), Signal::KILL).unwrap();
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
async fn an_attended_session_that_an_administrator_kills_is_told_and_cleaned_up() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let mut attended = yarn_session(&cluster, &folder).with_input().start();
    let application = application_of(&mut attended).await;
    let asks = |said: &str| said.contains("type stop").then_some(());
    attended.until_says("what may be typed", BOUND, asks).await;
    kill_application(&cluster, &application).await;
    let outcome = attended.ended_within(BOUND).await.ended_with(1);
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
