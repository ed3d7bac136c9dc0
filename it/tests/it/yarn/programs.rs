//! Programs whose jobs run on YARN: in an application that is made for what they print, or in a session.

use selvedge_it::cli::Outcome;

use super::session::{command, detached, short_job, stop, with_id};
use super::support::{Cluster, application_in};
use crate::folder::Folder;

/// Prints the graph in its argument.
const PRINTS: &str = "echo \"cluster: ${SELVEDGE_REST_URL:-none}\"; cat \"$1\" >&\"$SELVEDGE_JOB_GRAPH_OUT\"";

#[tokio::test]
async fn what_a_program_prints_runs_in_an_application_of_its_own_or_is_refused_before_there_is_one() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let program = folder.program("prints.sh", PRINTS);
    let job = folder.job(&short_job(77));
    let outcome = cluster.run(1).arg(&program).arg(&job).run().await.ended_with(0);
    outcome.assert_says(&["cluster: none", "FINISHED", "out.records: 77"]);
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    cluster.assert_nothing_left(&application).await;

    let before = cluster.traces().await;
    let fails = folder.program("fails.sh", "echo no luck; exit 7");
    let refused = cluster.run(1).arg(&fails).run().await.ended_with(1);
    refused
        .assert_says(&["ended with exit code 7", "no luck"])
        .assert_no_stack();
    let nothing = folder.program("nothing.sh", ":");
    let refused = cluster.run(1).arg(&nothing).run().await.ended_with(3);
    refused.assert_says(&["gave no job", "the only way here", "it has written nothing"]);
    assert_eq!(cluster.traces().await, before);
}

#[tokio::test]
async fn a_program_submits_to_a_session_on_yarn() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let application = detached(&cluster, &folder, &[]).await;
    let job = folder.job(&short_job(31));
    let run = |program: &std::path::Path| {
        let run = command(&cluster, &folder, "run").arg(with_id(&application));
        run.arg(program).arg(&job).run()
    };
    let submits = folder.program(
        "submits.sh",
        "\"$SELVEDGE_COMMAND\" run -d -m \"${SELVEDGE_REST_URL#http://}\" \"$1\"",
    );
    let outcome: Outcome = run(&submits).await.ended_with(0);
    outcome
        .assert_says(&[&format!("in {application} is ")])
        .assert_no_stack();
    let prints = folder.program("prints.sh", PRINTS);
    let outcome = run(&prints).await.ended_with(0);
    outcome.assert_says(&["cluster: http://", "FINISHED", "out.records: 31"]);
    stop(&cluster, &folder, &application).await;
}
