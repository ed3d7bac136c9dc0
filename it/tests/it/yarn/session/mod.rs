//! Sessions: clusters on YARN that take jobs until they are told to end.

mod ends;
mod firewall;
mod options;
mod refused;
mod submitted;
mod usual;
pub(super) mod workers;

use selvedge_it::cli::{BOUND, Outcome, Running, Selvedge};
use selvedge_it::wait;
use serde_json::Value;

use super::support::{Cluster, application_of};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

/// A command on the bed, with the file of the last session in the test's own folder.
pub(super) fn command(cluster: &Cluster, folder: &Folder, subcommand: &str) -> Selvedge {
    Selvedge::on(&cluster.bed, subcommand).arg(format!("-Dyarn.properties-file.location={}", folder.root().display()))
}

/// `selvedge yarn-session`, with containers that the bed's NodeManagers are made for.
pub(super) fn yarn_session(cluster: &Cluster, folder: &Folder) -> Selvedge {
    command(cluster, folder, "yarn-session").args(["-jm", "1600", "-tm", "1728m"])
}

/// Starts a session that nobody attends; its application.
pub(super) async fn detached(cluster: &Cluster, folder: &Folder, options: &[&str]) -> String {
    let session = yarn_session(cluster, folder).arg("-d").args(options.iter().copied());
    let outcome = session.run().await.ended_with(0);
    outcome.assert_no_stack();
    id_in(&outcome)
}

/// Starts a session and attends it; its application.
pub(super) async fn attended(cluster: &Cluster, folder: &Folder) -> (Running, String) {
    let mut running = yarn_session(cluster, folder).with_input().start();
    let application = application_of(&mut running).await;
    until_it_asks(&mut running).await;
    (running, application)
}

/// Waits until the client says what may be typed.
pub(super) async fn until_it_asks(running: &mut Running) {
    let asks = |said: &str| said.contains("type stop").then_some(());
    running.until_says("what may be typed", BOUND, asks).await;
}

/// All that a detached command prints on standard output.
pub(super) fn id_in(outcome: &Outcome) -> String {
    outcome.stdout.trim().to_owned()
}

/// `-Dyarn.application.id=…`.
pub(super) fn with_id(application: &str) -> String {
    format!("-Dyarn.application.id={application}")
}

/// `echo stop | selvedge yarn-session -id …`.
pub(super) async fn stop(cluster: &Cluster, folder: &Folder, application: &str) -> Outcome {
    let mut running = command(cluster, folder, "yarn-session")
        .args(["-id", application])
        .with_input()
        .start();
    running.types("stop\n").await;
    let outcome = running.ended_within(BOUND).await.ended_with(0);
    let report = cluster.ended(application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(application).await;
    outcome
}

/// Some numbers into nothing.
pub(crate) fn short_job(rows: u64) -> Value {
    job(
        &[
            vertex("numbers", &[numbers("make", Some(rows), None)]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    )
}

/// The same without end.
pub(super) fn endless_job() -> Value {
    job(
        &[
            vertex("numbers", &[numbers("make", None, Some(100.0))]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    )
}

/// Submits a job without waiting for it; its id.
pub(super) async fn submit(cluster: &Cluster, folder: &Folder, application: &str, job: &Value) -> String {
    let run = command(cluster, folder, "run").args(["-t", "yarn-session", "-d"]);
    let outcome = run.arg(with_id(application)).arg(folder.job(job)).run().await;
    id_in(&outcome.ended_with(0))
}

/// Waits until the job is in this state, as the session tells through YARN's proxy.
pub(super) async fn until_is(cluster: &Cluster, application: &str, job: &str, state: &str) {
    let look = || async {
        let details = cluster.proxied(application, &format!("/jobs/{job}")).await?;
        let vertices = details["vertices"].as_array().into_iter().flatten();
        let mut all_run = vertices.map(|vertex| vertex["tasks"]["running"] == vertex["parallelism"]);
        // RUNNING is said of a job as soon as it is scheduled.
        if details["state"] == state && (state != "RUNNING" || all_run.all(|runs| runs)) {
            Ok(())
        } else {
            Err(details.to_string())
        }
    };
    wait::until(&format!("job {job} to be {state}"), BOUND, look)
        .await
        .unwrap();
}
