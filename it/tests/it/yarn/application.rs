//! Applications: programs, and jobs, that an application's master runs.

use std::path::Path;

use selvedge_it::cli::{BOUND, Outcome, Selvedge};
use serde_json::Value;

use super::session::{endless_job, short_job};
use super::support::{Cluster, application_in, application_of, kill_master};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, vertex};

/// `selvedge run-application`, with containers that the bed's NodeManagers are made for.
pub(crate) fn run_application(cluster: &Cluster) -> Selvedge {
    Selvedge::on(&cluster.bed, "run-application")
        .args(["-t", "yarn-application"])
        .args([
            "-Djobmanager.memory.process.size=1600m",
            "-Dtaskmanager.memory.process.size=1728m",
        ])
}

/// A program that prints this graph.
pub(crate) fn printing(graph: &Value) -> String {
    format!("cat >&\"$SELVEDGE_JOB_GRAPH_OUT\" <<'GRAPH'\n{graph}\nGRAPH\n")
}

/// A line of a program that submits this graph and waits for its end.
fn submitting(name: &str, graph: &Value) -> String {
    format!(
        "cat >{name}.json <<'GRAPH'\n{graph}\nGRAPH\n\"$SELVEDGE_COMMAND\" run -m \"${{SELVEDGE_REST_URL#http://}}\" \
         {name}.json\n"
    )
}

/// Runs the program in an attended application, to the end: how that and the application ended.
async fn run(cluster: &Cluster, program: &Path, options: &[&str]) -> (Outcome, Value) {
    let run = run_application(cluster).args(options.iter().copied()).arg(program);
    let outcome = run.args(["one", "two words"]).run().await;
    outcome.assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
    (outcome, report)
}

/// One that cannot end well.
fn failing_job() -> Value {
    let bad = serde_json::json!({"id": "bad", "operator": "filter", "predicate": "1 / (n - 3) > 0"});
    job(
        &[vertex("all", &[numbers("make", Some(5), None), bad, blackhole("out")])],
        &[],
    )
}

#[tokio::test]
async fn a_program_runs_in_the_master_and_the_application_ends_with_its_job() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let lines = format!("set -e\n[ \"$2\" = 'two words' ]\n{}", printing(&short_job(55)));
    let program = folder.program("my job.sh", &lines);
    let (outcome, report) = run(&cluster, &program, &["-o", "json"]).await;
    let outcome = outcome.ended_with(0);
    outcome.assert_says(&["is FINISHED", "the application has ended"]);
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&told["application-id"], &told["status"]),
        (&report["id"], &"SUCCEEDED".into()),
        "{told}"
    );
    assert!(told["tracking-url"].as_str().unwrap().starts_with("http"), "{told}");
    assert_eq!(
        (&report["finalStatus"], &report["name"]),
        (&"SUCCEEDED".into(), &"my job.sh".into()),
        "{report}"
    );
    // Detached: the id, and nothing else, on standard output.
    let detached = run_application(&cluster)
        .arg("-d")
        .arg(folder.path("my job.sh"))
        .args(["one", "two words"]);
    let detached = detached.run().await.ended_with(0);
    let application = detached.stdout.trim().to_owned();
    assert_eq!(application_in(&application).as_ref(), Some(&application));
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn a_job_runs_in_an_application_like_a_program() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&short_job(5));
    // Flink 2 says it so.
    let flink = Selvedge::on(&cluster.bed, "run")
        .args(["-t", "yarn-application"])
        .args([
            "-Djobmanager.memory.process.size=1600m",
            "-Dtaskmanager.memory.process.size=1728m",
        ]);
    let outcome = flink.arg(&job).run().await.ended_with(0);
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(
        (&report["finalStatus"], &report["name"]),
        (&"SUCCEEDED".into(), &"a test's job".into()),
        "{report}"
    );
    cluster.assert_nothing_left(&application).await;
    let before = cluster.traces().await;
    let refused = Selvedge::on(&cluster.bed, "run-application")
        .args(["-t", "yarn-session"])
        .arg(&job)
        .run()
        .await;
    refused
        .ended_with(3)
        .assert_says(&["-t yarn-application", "selvedge run"]);
    assert_eq!(cluster.traces().await, before);
}

#[tokio::test]
async fn a_program_may_have_several_jobs_and_the_first_that_does_not_finish_decides() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let both = submitting("first", &short_job(7)) + &submitting("second", &short_job(8));
    let (outcome, report) = run(&cluster, &folder.program("two.sh", &format!("set -e\n{both}")), &[]).await;
    outcome.ended_with(0).assert_says(&["all 2 jobs FINISHED"]);
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");

    let both = submitting("first", &failing_job()) + &submitting("second", &short_job(8));
    let (outcome, report) = run(&cluster, &folder.program("bad.sh", &format!("set -e\n{both}")), &[]).await;
    outcome.ended_with(1).assert_says(&["FAILED", "divide by zero"]);
    assert_eq!(report["finalStatus"], "FAILED", "{report}");
}

#[tokio::test]
async fn a_program_that_fails_or_gives_no_job_fails_the_application_with_its_last_lines() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let fails = folder.program("fails.sh", "echo out of luck; exit 7");
    let (outcome, report) = run(&cluster, &fails, &[]).await;
    outcome
        .ended_with(1)
        .assert_says(&["ended with exit code 7", "out of luck"]);
    assert_eq!(report["finalStatus"], "FAILED", "{report}");

    let nothing = folder.program("nothing.sh", "echo nothing to do");
    let (outcome, report) = run(&cluster, &nothing, &[]).await;
    outcome
        .ended_with(1)
        .assert_says(&["gave no job", "nor did it submit one to http://", "nothing to do"]);
    assert_eq!(report["finalStatus"], "FAILED", "{report}");

    // As a job, where that is wished.
    let shown = ["-Dexecution.submit-failed-job-on-application-error=true"];
    let (outcome, report) = run(&cluster, &fails, &shown).await;
    outcome
        .ended_with(1)
        .assert_says(&["FAILED: the program", "out of luck"]);
    let diagnostics = report["diagnostics"].as_str().unwrap();
    assert!(
        diagnostics.starts_with("Job ") && report["finalStatus"] == "FAILED",
        "{report}"
    );

    let hangs = folder.program("hangs.sh", "echo working; exec sleep 600");
    let (outcome, _) = run(&cluster, &hangs, &["--program-timeout", "2 s"]).await;
    outcome.ended_with(1).assert_says(&["ran for more than 2s"]);
}

#[tokio::test]
async fn an_application_is_cancelled_with_its_job_or_by_ctrl_c() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let program = folder.program("endless.sh", &printing(&endless_job()));
    let mut running = run_application(&cluster).arg(&program).start();
    let application = application_of(&mut running).await;
    let job = cluster.running_job(&application).await;
    let cancel = Selvedge::on(&cluster.bed, "cancel").args(["-t", "yarn-application"]);
    let cancel = cancel.arg(format!("-Dyarn.application.id={application}")).arg(&job);
    cancel.run().await.ended_with(0);
    let outcome = running.ended_within(BOUND).await.ended_with(7);
    outcome.assert_says(&["CANCELED"]).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;

    // The program itself has not ended then.
    let lines = submitting("job", &endless_job());
    let mut running = run_application(&cluster)
        .arg(folder.program("waits.sh", &lines))
        .start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn an_application_ends_with_its_client_where_that_is_wished() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    // The program waits for its job, and so for ever.
    let program = folder.program("waits.sh", &submitting("job", &endless_job()));
    let tied = [
        "-sae",
        "-Dclient.heartbeat.interval=200 ms",
        "-Dclient.heartbeat.timeout=20 s",
    ];
    let mut running = run_application(&cluster).args(tied).arg(&program).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    running.kill();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    let diagnostics = report["diagnostics"].as_str().unwrap();
    assert!(diagnostics.contains("client.heartbeat.timeout"), "{diagnostics}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn an_applications_cluster_stays_where_it_is_told_to_and_ends_as_its_job_did() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let program = folder.program("short.sh", &printing(&short_job(3)));
    let stays = run_application(&cluster).arg("-Dexecution.shutdown-on-application-finish=false");
    let mut running = stays.arg(program).start();
    let finished = |said: &str| said.contains("is FINISHED").then_some(());
    running.until_says("that the job has ended", BOUND, finished).await;
    let application = application_in(&running.said()).unwrap();
    let report = cluster.report(&application).await.unwrap();
    assert_eq!(report["state"], "RUNNING", "{report}");
    let list = Selvedge::on(&cluster.bed, "list").args(["-a", "-t", "yarn-application"]);
    let list = list.arg(format!("-Dyarn.application.id={application}")).run().await;
    list.ended_with(0).assert_says(&["(FINISHED)"]);
    running.terminate();
    running.ended_within(BOUND).await.ended_with(143);
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn the_program_runs_again_when_its_master_was_killed_and_another_attempt_is_allowed() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    // The first attempt's job has no end: the kill cannot come too late.
    let lines = format!(
        "case \"$CONTAINER_ID\" in\n*_01_000001)\n{};;\n*)\n{};;\nesac\n",
        printing(&endless_job()),
        printing(&short_job(3))
    );
    let program = folder.program("again.sh", &lines);
    let again = run_application(&cluster)
        .arg("-Dyarn.application-attempts=2")
        .arg(&program);
    let mut running = again.start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    kill_master(&cluster, &application, "01").await;
    let outcome = running.ended_within(BOUND).await.ended_with(0);
    outcome
        .assert_says(&["the application has ended", "FINISHED"])
        .assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
}
