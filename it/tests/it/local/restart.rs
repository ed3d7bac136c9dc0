//! Jobs that fail and are restarted.

use std::fs;

use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::json;

use super::pressure::{get, rest_address};
use super::run_with;
use crate::folder::{Folder, parts};
use crate::jobs::{file_sink, job, rebalance, text_source, vertex};

const GOOD_LINES: u64 = 2000;

/// As many bytes as what stands there in the end.
const BROKEN: &str = "2000\noops\n2002\n";
const REPAIRED: &str = "2000\n2001\n2002\n";

/// `selvedge run` with these settings.
const TYPE: &str = "restart-strategy.type";
const ATTEMPTS: &str = "restart-strategy.fixed-delay.attempts";
const DELAY: &str = "restart-strategy.fixed-delay.delay";

#[tokio::test]
async fn a_task_that_fails_is_restarted_until_its_input_is_repaired_and_each_line_is_written_once() {
    let folder = Folder::new();
    let good: String = (0..GOOD_LINES).map(|number| format!("{number}\n")).collect();
    folder.write("in/good.txt", good);
    let broken = folder.write("in/broken.txt", BROKEN);
    let mut source = text_source("read", folder.path("in").to_str().unwrap());
    // Several splits for each subtask: all of them are read again.
    source["split_size"] = json!("1kb");
    let number = json!({"id": "number", "operator": "project",
        "columns": [{"expression": "cast(line as bigint)", "as": "number"}]});
    let output = folder.path("out");
    let job = folder.job(&job(
        &[
            vertex("source", &[source]),
            vertex("sink", &[number, file_sink("write", output.to_str().unwrap(), "csv")]),
        ],
        &[rebalance("source", "sink")],
    ));
    let settings = [(TYPE, "fixed-delay"), (ATTEMPTS, "1000000"), (DELAY, "100 ms")];
    let mut running = run_with(&folder, 2, &settings, &job).start();
    let rest = running
        .until_says("the address of its REST endpoint", BOUND, rest_address)
        .await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let restarted_twice = || async {
        let jobs = get(&http, &format!("{rest}/jobs")).await?;
        let id = jobs["jobs"][0]["id"].as_str().ok_or_else(|| jobs.to_string())?;
        let metrics = get(&http, &format!("{rest}/jobs/{id}/metrics?get=numRestarts")).await?;
        let restarts = metrics[0]["value"].as_str().and_then(|value| value.parse::<u64>().ok());
        if restarts.is_some_and(|restarts| restarts >= 2) {
            get(&http, &format!("{rest}/jobs/{id}/exceptions")).await
        } else {
            Err(metrics.to_string())
        }
    };
    let exceptions = wait::until("two restarts", BOUND, restarted_twice).await.unwrap();
    let entries = exceptions["exceptionHistory"]["entries"].as_array().unwrap();
    assert!(
        entries.len() >= 2 && entries[1]["stacktrace"].as_str().unwrap().contains("oops"),
        "{exceptions}"
    );
    let repaired = folder.write("repaired.txt", REPAIRED);
    fs::rename(repaired, broken).unwrap();
    running
        .ended_within(BOUND)
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
    let written = parts(&output);
    let mut numbers: Vec<u64> = written
        .iter()
        .flat_map(|part| part.lines())
        .filter_map(|line| line.parse().ok())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..GOOD_LINES + 3), "{numbers:?}");
}

#[tokio::test]
async fn when_no_restart_is_left_the_job_fails_with_its_cause_and_the_setting() {
    let folder = Folder::new();
    let input = folder.write("in.txt", BROKEN);
    let number = json!({"id": "number", "operator": "project",
        "columns": [{"expression": "cast(line as bigint)", "as": "number"}]});
    let output = folder.path("out");
    let job = folder.job(&job(
        &[
            vertex("source", &[text_source("read", input.to_str().unwrap())]),
            vertex("sink", &[number, file_sink("write", output.to_str().unwrap(), "csv")]),
        ],
        &[rebalance("source", "sink")],
    ));
    let settings = [(TYPE, "fixed-delay"), (ATTEMPTS, "2"), (DELAY, "1 ms")];
    let outcome = run_with(&folder, 1, &settings, &job).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "oops", "restart-strategy.fixed-delay.attempts is 2"])
        .assert_no_stack();
    assert!(!output.exists());
}

#[tokio::test]
async fn a_restart_strategy_that_makes_no_sense_is_refused_with_its_key_and_value() {
    let folder = Folder::new();
    let job = folder.job(&job(&[vertex("source", &[text_source("read", "/nowhere")])], &[]));
    let initial = "restart-strategy.exponential-delay.initial-backoff";
    for (kind, key, value) in [
        ("exponential-delay", initial, "2 min"),
        ("fixed-delay", ATTEMPTS, "-1"),
        ("sometimes", TYPE, "sometimes"),
    ] {
        let outcome = run_with(&folder, 1, &[(TYPE, kind), (key, value)], &job)
            .run()
            .await
            .ended_with(3);
        outcome.assert_says(&[key, value]).assert_no_stack();
    }
}
