//! Jobs that need more than the managed share, and jobs that do not.

use selvedge_it::cli::Selvedge;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, vertex};
use crate::yarn::support::{Cluster, application_in};

/// The container of a worker of these tests; its managed share is two fifths of 192 MiB.
pub(super) const CONTAINER: &str = "256m";

pub(super) fn by_number(source: &str) -> Value {
    json!({"source": source, "target": "count", "partitioner": {"type": "hash", "keys": ["n"]}})
}

/// A group for each number.
pub(super) fn counting() -> Value {
    let aggregate = json!({"id": "count-by-number", "operator": "aggregate", "keys": ["n"],
        "aggregates": [{"expression": "count(*)", "as": "count"}]});
    vertex("count", &[aggregate, blackhole("drop")])
}

pub(super) fn run(cluster: &Cluster, settings: &[&str], job: std::path::PathBuf) -> Selvedge {
    let sized = cluster.run_sized(1, CONTAINER, CONTAINER);
    sized.args(settings.iter().copied()).arg(job)
}

fn assert_not_killed(told: &str) {
    // -103 and -104: beyond virtual or physical memory.
    for kill in ["-103", "-104", "virtual memory", "physical memory"] {
        assert!(!told.contains(kill), "{kill}: {told}");
    }
}

#[tokio::test]
async fn groups_beyond_the_managed_share_fail_the_job_with_operator_sizes_and_options_and_yarn_kills_nothing() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("numbers", &[numbers("make", None, None)]), counting()],
        &[by_number("numbers")],
    ));
    let outcome = run(&cluster, &[], job).run().await.ended_with(1);
    outcome
        .assert_says(&[
            "FAILED",
            "insufficient managed memory",
            "operator 'count-by-number' needs",
            "are available",
            "taskmanager.memory.managed.size",
            "taskmanager.memory.managed.fraction",
        ])
        .assert_no_stack();
    assert_not_killed(&outcome.said());
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(
        (&report["state"], &report["finalStatus"]),
        (&"FINISHED".into(), &"FAILED".into()),
        "{report}"
    );
    let diagnostics = report["diagnostics"].as_str().unwrap();
    assert!(diagnostics.contains("insufficient managed memory"), "{diagnostics}");
    assert_not_killed(diagnostics);
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn a_job_that_fits_finishes_in_a_container_of_the_same_size() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("numbers", &[numbers("make", Some(400_000), None)]), counting()],
        &[by_number("numbers")],
    ));
    let outcome = run(&cluster, &[], job).run().await.ended_with(0);
    outcome.assert_says(&["FINISHED"]);
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;
}
