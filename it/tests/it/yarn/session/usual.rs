//! A session as it is meant.

use selvedge_it::cli::BOUND;

use super::super::support::Cluster;
use super::{
    attended, command, detached, endless_job, id_in, short_job, stop, submit, until_is, until_it_asks, with_id,
};
use crate::folder::Folder;
use crate::jobs::out_runs;

/// The file of the last session.
fn file_in(folder: &Folder) -> Option<String> {
    let entries = std::fs::read_dir(folder.root()).unwrap();
    let mut files = entries.map(|entry| entry.unwrap().path());
    let file = files.find(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(".yarn-properties-")
    })?;
    Some(std::fs::read_to_string(file).unwrap())
}

#[tokio::test]
async fn a_detached_session_takes_jobs_by_its_file_and_by_its_id_until_it_is_told_to_stop() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let application = detached(&cluster, &folder, &[]).await;
    let file = file_in(&folder).unwrap();
    assert!(file.contains(&format!("applicationID={application}\n")), "{file}");
    let job = folder.job(&short_job(123));
    // Neither is started in an application of its own.
    let before = cluster.traces().await;
    let by_file = command(&cluster, &folder, "run").args(["-o", "json"]).arg(&job);
    let by_file = by_file.run().await.ended_with(0);
    by_file.assert_says(&[&application, "taken by", "FINISHED", "out.records: 123"]);
    let told: serde_json::Value = serde_json::from_str(&by_file.stdout).unwrap();
    assert_eq!(told["application-id"], application.as_str(), "{told}");
    assert_eq!(told["jobs"][0]["accumulators"]["out.records"], 123, "{told}");
    let elsewhere = Folder::new();
    let by_id = command(&cluster, &elsewhere, "run").args(["-t", "yarn-session"]);
    let by_id = by_id.arg(with_id(&application)).arg(&job).run().await.ended_with(0);
    by_id.assert_says(&["FINISHED", "out.records: 123"]);
    assert_eq!(cluster.traces().await, before);

    let id = submit(&cluster, &folder, &application, &endless_job()).await;
    until_is(&cluster, &application, &id, "RUNNING").await;
    let listed = command(&cluster, &folder, "list").run().await.ended_with(0);
    listed.assert_says(&[
        "Running/Restarting Jobs",
        &format!(" : {id} : a test's job (RUNNING)"),
        "No scheduled jobs",
    ]);
    let all = command(&cluster, &folder, "list")
        .args(["-a", "-o", "json"])
        .run()
        .await
        .ended_with(0);
    let all: serde_json::Value = serde_json::from_str(&all.stdout).unwrap();
    let states: Vec<_> = all["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["FINISHED", "FINISHED", "RUNNING"]);
    let cancelled = command(&cluster, &folder, "cancel").arg(&id).run().await.ended_with(0);
    cancelled.assert_says(&[&id]);
    until_is(&cluster, &application, &id, "CANCELED").await;
    let again = command(&cluster, &folder, "cancel").arg(&id).run().await.ended_with(6);
    again.assert_says(&["is CANCELED already"]);

    stop(&cluster, &folder, &application).await;
    assert_eq!(file_in(&folder), None);
}

#[tokio::test]
async fn an_attended_session_answers_help_and_ends_when_stop_is_typed() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (mut running, application) = attended(&cluster, &folder).await;
    running.types("help\nwhat?\n").await;
    let helps = |said: &str| (said.contains("Ctrl-D") && said.contains("'what?' is unknown")).then_some(());
    running.until_says("help", BOUND, helps).await;
    // A job that runs when its session ends is cancelled.
    let job = folder.job(&endless_job());
    let mut of_job = command(&cluster, &folder, "run").arg(job).start();
    of_job.until_says("that the job runs", BOUND, out_runs).await;
    running.types("stop\n").await;
    running
        .ended_within(BOUND)
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"])
        .assert_no_stack();
    let of_job = of_job.ended_within(BOUND).await;
    // The master may be gone before it was asked how the job ended.
    let seen = of_job.said().contains("CANCELED");
    let of_job = of_job.ended_with(if seen { 7 } else { 1 });
    of_job
        .assert_says(&[if seen { "CANCELED" } else { "the session ended" }])
        .assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
    assert_eq!(file_in(&folder), None);
}

#[tokio::test]
async fn ctrl_c_ends_an_attended_session_and_the_end_of_its_input_leaves_it() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let (mut running, application) = attended(&cluster, &folder).await;
    running.ends_input();
    let left = running.ended_within(BOUND).await.ended_with(0);
    left.assert_says(&["the session goes on", &format!("yarn-session -id {application}")]);
    assert_eq!(cluster.report(&application).await.unwrap()["state"], "RUNNING");

    let attend = command(&cluster, &folder, "yarn-session").args(["-id", &application]);
    let mut running = attend.with_input().start();
    until_it_asks(&mut running).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
    assert_eq!(file_in(&folder), None);
}

#[tokio::test]
async fn two_sessions_of_one_user_are_told_apart() {
    let cluster = Cluster::shared().await;
    let (folder, other) = (Folder::new(), Folder::new());
    let first = detached(&cluster, &folder, &["-nm", "first"]).await;
    let second = detached(&cluster, &folder, &["-nm", "second"]).await;
    // The file names the last.
    let job = folder.job(&endless_job());
    let of_second = command(&cluster, &folder, "run").arg("-d").arg(&job).run().await;
    let of_second = id_in(&of_second.ended_with(0));
    let of_first = submit(&cluster, &other, &first, &endless_job()).await;
    for (application, own, foreign) in [(&first, &of_first, &of_second), (&second, &of_second, &of_first)] {
        let list = command(&cluster, &folder, "list").arg("-a").arg(with_id(application));
        let listed = list.run().await.ended_with(0);
        listed.assert_says(&[own]).assert_does_not_say(&[foreign]);
    }
    // The end of one leaves the file that names the other.
    stop(&cluster, &folder, &first).await;
    assert!(file_in(&folder).unwrap().contains(&second));
    let refused = command(&cluster, &folder, "cancel")
        .arg(&of_first)
        .run()
        .await
        .ended_with(6);
    refused.assert_says(&[&format!("knows no job {of_first}"), "list -a"]);
    until_is(&cluster, &second, &of_second, "RUNNING").await;
    stop(&cluster, &folder, &second).await;
    assert_eq!(file_in(&folder), None);
}

#[tokio::test]
async fn a_session_outlives_thirty_jobs() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let application = detached(&cluster, &folder, &[]).await;
    let job = folder.job(&short_job(10));
    for _ in 0..30 {
        let outcome = command(&cluster, &folder, "run").arg(&job).run().await.ended_with(0);
        outcome.assert_says(&["FINISHED"]);
    }
    let overview = cluster.proxied(&application, "/overview").await.unwrap();
    assert_eq!(
        (&overview["jobs-finished"], &overview["jobs-running"]),
        (&30.into(), &0.into()),
        "{overview}"
    );
    // All ran on what the first one has started.
    assert_eq!(overview["taskmanagers"], 1, "{overview}");
    stop(&cluster, &folder, &application).await;
}
