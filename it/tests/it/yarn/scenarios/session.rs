//! Sessions, and jobs in them.

use selvedge_it::cli::{BOUND, Outcome, Selvedge};
use serde_json::{Value, json};

use super::super::session::{
    attended, command, detached, endless_job, id_in, short_job, stop, until_is, until_it_asks, with_id, yarn_session,
};
use super::super::support::{Cluster, application_of, kill_master};
use super::{failing_job, transcript};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, out_runs, rebalance, vertex};

#[track_caller]
fn assert_transcript(name: &str, outcome: &Outcome) {
    transcript::compare(name, outcome).unwrap_or_else(|difference| panic!("{difference}"));
}

async fn assert_ended(cluster: &Cluster, application: &str, state: &str, status: &str) {
    let report = cluster.ended(application).await;
    let found = (&report["state"], &report["finalStatus"]);
    assert_eq!(found, (&json!(state), &json!(status)), "{report}");
    cluster.assert_nothing_left(application).await;
}

#[tokio::test]
async fn jobs_in_a_session_end_as_their_clients_say_and_the_session_goes_on_until_its_master_is_killed() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let session = detached(&cluster, &folder, &[]).await;
    let run = |options: &[&str], job: &Value| -> Selvedge {
        let run = command(&cluster, &folder, "run").arg(with_id(&session));
        run.args(options.iter().copied()).arg(folder.job(job))
    };
    for (name, options, job, code) in [
        ("jobinsession-attached-succeeds", &[][..], short_job(10), 0),
        ("jobinsession-attached-fails", &[], failing_job(), 1),
        ("jobinsession-detached-succeeds", &["-d"], short_job(10), 0),
    ] {
        let outcome = run(options, &job).run().await.ended_with(code);
        assert_transcript(name, &outcome);
    }
    let outcome = run(&["-d"], &failing_job()).run().await.ended_with(0);
    assert_transcript("jobinsession-detached-fails", &outcome);
    until_is(&cluster, &session, &id_in(&outcome), "FAILED").await;

    // By the one who waits, and by somebody else.
    let mut running = run(&[], &endless_job()).start();
    running.until_says("that the job runs", BOUND, out_runs).await;
    running.interrupt();
    assert_transcript(
        "jobinsession-attached-cancelled",
        &running.ended_within(BOUND).await.ended_with(130),
    );
    let mut running = run(&[], &endless_job()).start();
    running.until_says("that the job runs", BOUND, out_runs).await;
    let job = running_job(&cluster, &session).await;
    let cancel = command(&cluster, &folder, "cancel").arg(with_id(&session)).arg(&job);
    assert_transcript("jobinsession-cancel", &cancel.run().await.ended_with(0));
    assert_transcript(
        "jobinsession-attached-cancelled-by-another",
        &running.ended_within(BOUND).await.ended_with(7),
    );
    jobs_of_killed_clients(&cluster, &session, &run).await;

    let mut running = run(&[], &endless_job()).start();
    running.until_says("that the job runs", BOUND, out_runs).await;
    kill_master(&cluster, &session, "01").await;
    assert_transcript(
        "jobinsession-attached-masterkilled",
        &running.ended_within(BOUND).await.ended_with(1),
    );
    let report = cluster.ended(&session).await;
    assert_eq!(report["state"], "FAILED", "{report}");
    // Of a session that nobody attends, nothing but the next client deletes the staging directory.
    let next = detached(&cluster, &folder, &[]).await;
    cluster.assert_nothing_left(&session).await;
    assert_transcript("session-stopped", &stop(&cluster, &folder, &next).await);
}

/// The job goes on, or ends with its client where that is wished; the session goes on.
async fn jobs_of_killed_clients(cluster: &Cluster, session: &str, run: &dyn Fn(&[&str], &Value) -> Selvedge) {
    let tied = [
        "-sae",
        "-Dclient.heartbeat.interval=200 ms",
        "-Dclient.heartbeat.timeout=20 s",
    ];
    // It would be cancelled long before its end.
    let untied = ["-Dclient.heartbeat.interval=200 ms", "-Dclient.heartbeat.timeout=2 s"];
    let ten_seconds = job(
        &[
            vertex("numbers", &[numbers("make", Some(1000), Some(100.0))]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    );
    for (options, job, end) in [
        (&tied[..], endless_job(), "CANCELED"),
        (&untied, ten_seconds, "FINISHED"),
    ] {
        let mut running = run(options, &job).start();
        running.until_says("that the job runs", BOUND, out_runs).await;
        let job = running_job(cluster, session).await;
        running.kill();
        until_is(cluster, session, &job, end).await;
    }
}

/// The only one that runs.
async fn running_job(cluster: &Cluster, session: &str) -> String {
    let jobs = cluster.proxied(session, "/jobs").await.unwrap();
    let mut running = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|job| job["status"] == "RUNNING");
    running.next().unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_ends_as_who_attends_it_says_and_outlives_a_client_that_is_killed() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let outcome = yarn_session(&cluster, &folder).arg("-d").run().await.ended_with(0);
    assert_transcript("session-detached", &outcome);
    stop(&cluster, &folder, &id_in(&outcome)).await;

    let (mut running, application) = attended(&cluster, &folder).await;
    running.types("stop\n").await;
    let outcome = running.ended_within(BOUND).await.ended_with(0);
    assert_transcript("session-attached-stopped", &outcome);
    assert_ended(&cluster, &application, "FINISHED", "SUCCEEDED").await;

    let (running, application) = attended(&cluster, &folder).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    assert_transcript("session-attached-interrupted", &outcome);
    assert_ended(&cluster, &application, "FINISHED", "SUCCEEDED").await;

    // Also where its jobs would end with their clients.
    let tied = yarn_session(&cluster, &folder).arg("-Dexecution.shutdown-on-attached-exit=true");
    let mut running = tied.with_input().start();
    let application = application_of(&mut running).await;
    until_it_asks(&mut running).await;
    assert!(
        running.said().contains("the session outlives this client"),
        "{}",
        running.said()
    );
    running.kill();
    let reported = cluster.report(&application).await.unwrap();
    assert_eq!(reported["state"], "RUNNING", "{reported}");
    stop(&cluster, &folder, &application).await;

    // What `-d` stands for.
    let detached = yarn_session(&cluster, &folder).arg("-Dexecution.attached=false");
    let application = id_in(&detached.run().await.ended_with(0));
    stop(&cluster, &folder, &application).await;

    let (running, application) = attended(&cluster, &folder).await;
    kill_master(&cluster, &application, "01").await;
    let outcome = running.ended_within(BOUND).await.ended_with(1);
    assert_transcript("session-attached-masterkilled", &outcome);
    assert_ended(&cluster, &application, "FAILED", "FAILED").await;
}
