//! How a job ends, and what the command shows of it.

use selvedge_it::cli::BOUND;
use serde_json::json;

use super::run;
use crate::folder::{Folder, files_below};
use crate::jobs::{self, blackhole, file_sink, job, numbers, rebalance, vertex};

#[tokio::test]
async fn a_bounded_generator_is_counted_to_the_last_record() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(123_457), None)]),
            vertex("drop", &[blackhole("drop-all")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let outcome = run(&folder, 3, &job).run().await.ended_with(0);
    outcome.assert_says(&["FINISHED", "drop-all.records: 123457"]);
}

#[tokio::test]
async fn a_job_that_fails_exits_1_with_its_root_cause_and_without_a_stack() {
    let folder = Folder::new();
    let output = folder.path("out");
    let divide = json!({"id": "divide", "operator": "project", "columns": [{"expression": "1 / (n - 40)", "as": "x"}]});
    let failing = job(
        &[
            vertex("numbers", &[numbers("make", Some(1000), None)]),
            vertex("out", &[divide, file_sink("write", output.to_str().unwrap(), "csv")]),
        ],
        &[rebalance("numbers", "out")],
    );
    let job = folder.job(&failing);
    let outcome = run(&folder, 2, &job).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "divide by zero", "divide"])
        .assert_no_stack();
    assert_eq!(files_below(folder.root()), [job]);
}

#[tokio::test]
async fn without_a_terminal_progress_is_plain_lines() {
    let folder = Folder::new();
    let text = folder.write("in.txt", "to be or not to be\n");
    let outcome = run(&folder, 2, &jobs::wordcount())
        .args([
            "--input".as_ref(),
            text.as_os_str(),
            "--output".as_ref(),
            folder.path("out").as_os_str(),
        ])
        .run()
        .await
        .ended_with(0);
    assert!(!outcome.said().contains(['\u{1b}', '\r']), "{:?}", outcome.said());
    // The vertices by their names, and the end. How it runs may be missed: it is over within milliseconds.
    outcome.assert_says(&[
        "vertex read -> split -> lower: FINISHED 2/2",
        "vertex count-words -> write: FINISHED 2/2",
        "job WordCount FINISHED",
    ]);
}

#[tokio::test]
async fn plain_progress_names_the_states_of_a_job_that_runs() {
    let folder = Folder::new();
    let job = folder.job(&jobs::endless_files("${output}"));
    let command = run(&folder, 1, &job).args(["--output".as_ref(), folder.path("out").as_os_str()]);
    let mut running = command.start();
    for state in [
        "job a test's job: RUNNING",
        "vertex make: RUNNING",
        "vertex write: RUNNING",
    ] {
        running
            .until_says(state, BOUND, |said| said.contains(state).then_some(()))
            .await;
    }
    running.interrupt();
    running
        .ended_within(BOUND)
        .await
        .ended_with(130)
        .assert_says(&["CANCELED"]);
}

#[tokio::test]
async fn a_print_sink_prints_a_json_object_a_line_after_its_prefix() {
    let folder = Folder::new();
    let print = json!({"id": "show", "operator": "print-sink", "prefix": "seen: "});
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(3), None)]),
            vertex("out", &[print]),
        ],
        &[rebalance("numbers", "out")],
    ));
    let outcome = run(&folder, 1, &job).run().await.ended_with(0);
    let lines: Vec<_> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with("seen: "))
        .collect();
    assert_eq!(
        lines,
        ["seen: {\"n\":0}", "seen: {\"n\":1}", "seen: {\"n\":2}"],
        "{}",
        outcome.said()
    );
}

#[tokio::test]
async fn without_a_configuration_directory_the_shipped_configuration_is_used() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(10), None), blackhole("drop")])],
        &[],
    ));
    run(&folder, 1, &job)
        .run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
}

#[tokio::test]
async fn a_configuration_directory_is_used_where_it_is_named() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[vertex("all", &[numbers("make", Some(10), None), blackhole("drop")])],
        &[],
    ));
    folder.write("conf/config.yaml", "parallelism:\n  default: 3\n");
    let info = || {
        selvedge_it::cli::Selvedge::new("info")
            .current_dir(folder.root())
            .arg(&job)
    };
    let by_variable = info()
        .env("SELVEDGE_CONF_DIR", folder.path("conf"))
        .run()
        .await
        .ended_with(0);
    by_variable.assert_says(&["parallelism 3"]);
    info().run().await.ended_with(0).assert_says(&["parallelism 1"]);
}
