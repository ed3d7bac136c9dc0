//! Jobs that are programs, with a cluster in the command's own process to submit to.

use std::path::Path;

use selvedge_it::cli::{BOUND, Selvedge};
use serde_json::Value;

use super::{run, run_with};
use crate::folder::{Folder, parts};
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

fn example(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

/// Numbers into nothing: so many, or without end.
fn numbers_of(rows: Option<u64>) -> Value {
    let per_second = rows.is_none().then_some(100.0);
    job(
        &[
            vertex("numbers", &[numbers("make", rows, per_second)]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    )
}

#[tokio::test]
async fn the_examples_program_prints_its_graph_and_its_words_are_counted() {
    let folder = Folder::new();
    let input = folder.write("in.txt", "a rose is a rose\n");
    let output = folder.path("out");
    let program = example("wordcount.sh");
    let outcome = run(&folder, 1, &program)
        .args([&input, &output])
        .run()
        .await
        .ended_with(0);
    outcome.assert_says(&[
        "counting the words of",
        "word count of",
        "FINISHED",
        output.to_str().unwrap(),
    ]);
    let mut lines: Vec<_> = parts(&output).concat().lines().map(str::to_owned).collect();
    lines.sort();
    for counted in ["a,2", "is,1", "rose,2"] {
        assert!(lines.iter().any(|line| line == counted), "{lines:?}");
    }
    let drawn = Selvedge::new("info")
        .arg(&program)
        .args([&input, &output])
        .run()
        .await
        .ended_with(0);
    drawn.assert_says(&["by-word"]);
    // Its own complaint about its own arguments.
    let outcome = run(&folder, 1, &program).arg("--input").run().await.ended_with(1);
    outcome
        .assert_says(&["ended with exit code 64", "usage: wordcount.sh INPUT OUTPUT"])
        .assert_no_stack();
}

#[tokio::test]
async fn a_programs_jobs_are_submitted_one_after_the_other_and_all_are_told() {
    let folder = Folder::new();
    let first = folder.job(&numbers_of(Some(11)));
    let second = folder.write("second.json", numbers_of(Some(22)).to_string());
    let outcome = run(&folder, 1, &example("two-jobs.sh"))
        .args([&first, &second])
        .run()
        .await
        .ended_with(0);
    outcome.assert_says(&["local cluster at http://", "out.records: 11", "out.records: 22"]);
    // A job that is left running is waited for; one that is printed runs beside it.
    let graph = numbers_of(Some(33)).to_string();
    let program = folder.program(
        "both.sh",
        &format!(
            "set -e\n\"$SELVEDGE_COMMAND\" run -d -m \"${{SELVEDGE_REST_URL#http://}}\" \"$1\"\n\
             cat >&\"$SELVEDGE_JOB_GRAPH_OUT\" <<'GRAPH'\n{graph}\nGRAPH"
        ),
    );
    let outcome = run(&folder, 1, &program).arg(&first).run().await.ended_with(0);
    outcome.assert_says(&["out.records: 11", "out.records: 33"]);
}

#[tokio::test]
async fn a_program_without_a_job_with_a_failing_one_or_that_fails_is_told() {
    let folder = Folder::new();
    let nothing = folder.program("nothing.sh", "echo done nothing");
    let outcome = run(&folder, 1, &nothing).run().await.ended_with(3);
    outcome.assert_says(&[
        "gave no job",
        "descriptor 3",
        "nor did it submit one to http://127.0.0.1:",
        "done nothing",
    ]);

    let failing = job(
        &[vertex(
            "all",
            &[
                numbers("make", Some(5), None),
                serde_json::json!({"id": "bad", "operator": "filter", "predicate": "1 / (n - 3) > 0"}),
                blackhole("out"),
            ],
        )],
        &[],
    );
    let program = folder.program("prints.sh", "cat \"$1\" >&\"$SELVEDGE_JOB_GRAPH_OUT\"");
    let job = folder.job(&failing);
    let outcome = run(&folder, 1, &program).arg(&job).run().await.ended_with(1);
    outcome.assert_says(&["FAILED", "divide by zero"]).assert_no_stack();

    let twice = folder.program("twice.sh", "cat \"$1\" \"$1\" >&\"$SELVEDGE_JOB_GRAPH_OUT\"");
    let outcome = run(&folder, 1, &twice).arg(&job).run().await.ended_with(3);
    outcome.assert_says(&["printed 2 JobGraphs", "exactly one"]);

    let hangs = folder.program("hangs.sh", "echo working; exec sleep 600");
    let outcome = run_with(&folder, 1, &[("selvedge.program.timeout", "3 s")], &hangs)
        .run()
        .await
        .ended_with(124);
    outcome.assert_says(&["ran for more than 3s", "--program-timeout"]);
    let detached = Selvedge::new("run")
        .arg("-d")
        .args(["-t", "local"])
        .arg(&hangs)
        .run()
        .await
        .ended_with(3);
    detached.assert_says(&["cannot be left"]);
}

#[tokio::test]
async fn ctrl_c_ends_the_program_or_cancels_the_jobs_that_it_has_left() {
    let folder = Folder::new();
    let hangs = folder.program("hangs.sh", "echo working; exec sleep 600");
    let mut running = run(&folder, 1, &hangs).start();
    let works = |said: &str| said.contains("working").then_some(());
    running.until_says("that the program runs", BOUND, works).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();

    let endless = folder.job(&numbers_of(None));
    let prints = folder.program("prints.sh", "cat \"$1\" >&\"$SELVEDGE_JOB_GRAPH_OUT\"");
    let mut running = run(&folder, 1, &prints).arg(&endless).start();
    let runs = |said: &str| said.contains("vertex out: RUNNING").then_some(());
    running.until_says("that the job runs", BOUND, runs).await;
    running.terminate();
    let outcome = running.ended_within(BOUND).await.ended_with(143);
    outcome
        .assert_says(&["cancelling the program's jobs"])
        .assert_no_stack();
}
