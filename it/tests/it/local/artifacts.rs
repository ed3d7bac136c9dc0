//! Files that jobs bring along.

use std::path::Path;

use selvedge_it::cli::{BOUND, Selvedge};
use serde_json::{Value, json};

use super::run_with;
use crate::folder::{Folder, files_below, parts};
use crate::jobs::{blackhole, file_sink, job, numbers, rebalance, text_source, vertex};

const LINES: usize = 5000;

fn words(folder: &Folder) -> String {
    let lines: String = (0..LINES).map(|number| format!("line {number}\n")).collect();
    folder.write("words.txt", &lines);
    lines
}

fn brings(mut job: Value, artifacts: &Value) -> Value {
    job["artifacts"] = artifacts.clone();
    job
}

/// The lines of `artifact:words`, in several splits for each subtask, into files.
fn copies(folder: &Folder, artifacts: &Value) -> Value {
    let mut source = text_source("read", "artifact:words");
    source["split_size"] = json!("1kb");
    let output = folder.path("out").display().to_string();
    let vertices = [
        vertex("source", &[source]),
        vertex("sink", &[file_sink("write", &output, "text")]),
    ];
    brings(job(&vertices, &[rebalance("source", "sink")]), artifacts)
}

/// Runs beside an artifact until it is told to end.
fn endless(artifacts: &Value) -> Value {
    let vertices = [vertex("all", &[numbers("make", None, Some(1000.0)), blackhole("drop")])];
    brings(job(&vertices, &[]), artifacts)
}

fn at(path: &Path) -> Value {
    json!([{"name": "words", "path": path}])
}

/// With temporary files in a folder of the test's.
fn run(folder: &Folder, parallelism: u32, job: &Path) -> Selvedge {
    let temporary = folder.path("tmp").display().to_string();
    run_with(folder, parallelism, &[("io.tmp.dirs", &temporary)], job)
}

fn in_tmp(folder: &Folder) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.path("tmp")) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn assert_tmp_is_empty(folder: &Folder) {
    assert_eq!(in_tmp(folder), [""; 0]);
}

/// Starts an endless job, and waits until its worker has the artifact.
async fn started(folder: &Folder, job: &Path) -> selvedge_it::cli::Running {
    let mut running = run(folder, 1, job).start();
    running
        .until_says("it to run", BOUND, |said| {
            said.contains("vertex make -> drop: RUNNING").then_some(())
        })
        .await;
    let fetched = files_below(&folder.path("tmp"));
    let named = fetched.iter().find(|file| file.ends_with("files/words"));
    let named = named.unwrap_or_else(|| panic!("{fetched:?}"));
    let directory = named.display().to_string();
    assert!(
        directory.contains("/tm_taskmanager-1-") && directory.contains("/blobStorage/"),
        "{directory}"
    );
    assert_eq!(std::fs::read_to_string(named).unwrap().lines().count(), LINES);
    running
}

#[tokio::test]
async fn a_source_reads_what_the_job_brings_along_each_line_once() {
    let folder = Folder::new();
    let written = words(&folder);
    let job = folder.job(&copies(&folder, &at(&folder.path("words.txt"))));
    let outcome = run(&folder, 3, &job).run().await.ended_with(0);
    outcome.assert_says(&["FINISHED"]);
    let copied = parts(&folder.path("out"));
    let mut lines: Vec<_> = copied.iter().flat_map(|part| part.lines()).collect();
    let mut expected: Vec<_> = written.lines().collect();
    lines.sort_unstable();
    expected.sort_unstable();
    assert!(lines == expected, "{} lines", lines.len());
    assert_tmp_is_empty(&folder);
}

#[tokio::test]
async fn a_relative_path_is_below_the_current_directory() {
    let folder = Folder::new();
    words(&folder);
    let job = folder.job(&copies(&folder, &at(Path::new("words.txt"))));
    run(&folder, 1, &job).run().await.ended_with(0);
    assert_eq!(parts(&folder.path("out"))[0].lines().count(), LINES);
}

#[tokio::test]
async fn an_artifact_that_cannot_be_brought_along_is_told_by_its_name_and_nothing_is_left() {
    let folder = Folder::new();
    words(&folder);
    let good = at(&folder.path("words.txt"));
    let with = |key: &str, value: Value| {
        let mut artifacts = good.clone();
        artifacts[0][key] = value;
        artifacts
    };
    let twice = json!([good[0], good[0]]);
    let other_hash = "ab".repeat(32);
    for (artifacts, expected) in [
        (at(&folder.path("missing")), vec!["'words'", "missing", "no such file"]),
        (at(folder.root()), vec!["'words'", "is a directory"]),
        (twice, vec!["'words'", "named twice"]),
        (with("name", json!("../words")), vec!["'../words'", "slash"]),
        (
            with("name", json!("word")),
            vec!["'read'", "did you mean 'artifact:word'"],
        ),
        (
            with("sha256", json!(other_hash)),
            vec!["'words'", "words.txt", "the SHA-256", &other_hash],
        ),
        (with("size", json!(7)), vec!["'words'", "instead of 7 bytes"]),
        (with("path", json!("s3://bucket/words")), vec!["'words'", "'s3'"]),
        (with("executable", json!(true)), vec!["unknown field `executable`"]),
    ] {
        let job = folder.job(&copies(&folder, &artifacts));
        let outcome = run(&folder, 1, &job).run().await.ended_with(3);
        outcome.assert_says(&expected).assert_no_stack();
        assert!(!folder.path("out").exists(), "{expected:?}");
        assert_tmp_is_empty(&folder);
    }
}

#[tokio::test]
async fn what_a_job_brings_along_goes_when_it_is_cancelled_and_when_it_fails() {
    let folder = Folder::new();
    words(&folder);
    let artifacts = at(&folder.path("words.txt"));
    let job = folder.job(&endless(&artifacts));
    let running = started(&folder, &job).await;
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130);
    assert_tmp_is_empty(&folder);
    let divide = json!({"id": "divide", "operator": "project", "columns": [{"expression": "1 / (n - 40)", "as": "x"}]});
    let failing = crate::jobs::job(
        &[vertex(
            "all",
            &[numbers("make", Some(1000), None), divide, blackhole("drop")],
        )],
        &[],
    );
    let job = folder.job(&brings(failing, &artifacts));
    run(&folder, 1, &job).run().await.ended_with(1);
    assert_tmp_is_empty(&folder);
}

#[tokio::test]
async fn what_a_killed_command_leaves_goes_with_the_next_one() {
    let folder = Folder::new();
    words(&folder);
    let artifacts = at(&folder.path("words.txt"));
    let running = started(&folder, &folder.job(&endless(&artifacts))).await;
    running.kill();
    drop(running.ended_within(BOUND).await);
    assert_ne!(in_tmp(&folder), [""; 0], "nobody could clear it away");
    let job = folder.job(&copies(&folder, &artifacts));
    run(&folder, 1, &job).run().await.ended_with(0);
    assert_tmp_is_empty(&folder);
}

#[tokio::test]
async fn a_job_that_asks_for_checkpoints_is_refused_and_one_that_only_configures_them_runs() {
    let folder = Folder::new();
    let mut counts = job(
        &[vertex("all", &[numbers("make", Some(10), None), blackhole("drop")])],
        &[],
    );
    counts["checkpointing"] = json!({"timeout": "5 min"});
    run(&folder, 1, &folder.job(&counts)).run().await.ended_with(0);
    counts["checkpointing"]["interval"] = json!("30 s");
    let outcome = run(&folder, 1, &folder.job(&counts)).run().await.ended_with(3);
    outcome
        .assert_says(&[
            "checkpointing.interval is 30 s",
            "no checkpoints are taken yet",
            "leave it out",
        ])
        .assert_no_stack();
    let info = Selvedge::new("info")
        .current_dir(folder.root())
        .arg(folder.path("job.json"));
    info.run()
        .await
        .ended_with(3)
        .assert_says(&["checkpointing.interval is 30 s"]);
    counts["checkpointing"] = json!({"timeout": "-1 s"});
    let outcome = run(&folder, 1, &folder.job(&counts)).run().await.ended_with(3);
    outcome.assert_says(&["checkpointing.timeout", "'-1 s' is not a duration"]);
}
