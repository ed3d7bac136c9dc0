//! The adaptive scheduler on real processes: workers that come and are killed, and a job that runs with those that there are.

use reqwest::StatusCode;
use selvedge_it::cli::{BOUND, Running};
use selvedge_it::wait;
use serde_json::{Value, json};

use super::standalone::{ByHand, Master};
use crate::folder::parts;
use crate::jobs::{file_sink, job, numbers, rebalance, vertex};

/// Starts are short, so that the job follows its workers at once; failures are those of killed workers.
const SETTINGS: &str = "heartbeat.interval: 1 s\n\
                        restart-strategy.type: fixed-delay\n\
                        restart-strategy.fixed-delay.attempts: 1000\n\
                        restart-strategy.fixed-delay.delay: 200 ms\n\
                        jobmanager.adaptive-scheduler.scaling-interval.min: 0 ms\n";
const ADAPTIVE: &str = "jobmanager.scheduler: Adaptive\n\
                        jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout: 500 ms\n\
                        jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout: 500 ms\n";
const ROWS: u64 = 3_000;

/// Numbers into files, as a stream: it takes the same time with any parallelism, and begins anew when that changes.
fn stream(by_hand: &ByHand, parallelism: u32, seconds: u64) -> Value {
    let output = by_hand.0.path("out").display().to_string();
    let rate = ROWS as f64 / seconds as f64;
    let mut graph = job(
        &[
            vertex("numbers", &[numbers("make", Some(ROWS), Some(rate))]),
            vertex("files", &[file_sink("write", &output, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    );
    for vertex in graph["vertices"].as_array_mut().unwrap() {
        vertex["parallelism"] = json!(parallelism);
    }
    graph["configuration"] = json!({"execution.runtime-mode": "STREAMING"});
    graph
}

/// Each number is there once.
fn assert_whole(by_hand: &ByHand) {
    let parts = parts(&by_hand.0.path("out"));
    let lines = parts.iter().flat_map(|part| part.lines());
    // The names of the columns head each part.
    let mut numbers: Vec<u64> = lines.filter_map(|line| line.parse().ok()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..ROWS).collect::<Vec<_>>());
}

impl Master {
    /// Waits until all tasks of the job run, with this parallelism.
    async fn runs_with(&self, job: &str, parallelism: u64) {
        let look = || async {
            let (_, _, details) = self.get(&format!("/jobs/{job}")).await?;
            let vertices = details["vertices"].as_array().cloned().unwrap_or_default();
            let all =
                |vertex: &Value| vertex["parallelism"] == parallelism && vertex["tasks"]["running"] == parallelism;
            match vertices.len() == 2 && vertices.iter().all(all) {
                true => Ok(()),
                false => Err(details.to_string()),
            }
        };
        let what = format!("the job to run with parallelism {parallelism}");
        if let Err(error) = wait::until(&what, BOUND, look).await {
            panic!("{error}\n{}", self.process.said());
        }
    }

    /// The only job, as soon as it is there.
    async fn job(&self) -> String {
        let look = || async {
            let (_, _, jobs) = self.get("/jobs").await?;
            let job = jobs["jobs"][0]["id"].as_str().map(str::to_owned);
            job.ok_or_else(|| jobs.to_string())
        };
        wait::until("a job", BOUND, look).await.unwrap()
    }

    async fn put(&self, job: &str, requirements: &Value) -> (StatusCode, String) {
        let url = format!("http://{}/jobs/{job}/resource-requirements", self.rest);
        let answer = self.http.put(url).body(requirements.to_string()).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

fn up_to(parallelism: u32) -> Value {
    let bounds = json!({"parallelism": {"lowerBound": 1, "upperBound": parallelism}});
    json!({"numbers": bounds, "files": bounds})
}

#[tokio::test]
async fn a_job_starts_with_one_of_four_workers_grows_to_four_shrinks_to_two_and_ends_right() {
    let by_hand = ByHand::at_one_address(&format!("{SETTINGS}{ADAPTIVE}"));
    let master = by_hand.master().await;
    let mut workers: Vec<Running> = vec![by_hand.worker()];
    let file = by_hand.0.job(&stream(&by_hand, 4, 45));
    let address = format!("rest.address={}", master.rest.split(':').next().unwrap());
    let port = format!("rest.port={}", master.rest.rsplit(':').next().unwrap());
    let client = by_hand
        .command("run")
        .args(["-t", "remote", "-D", &address, "-D", &port])
        .arg(&file)
        .start();
    let job = master.job().await;
    master.runs_with(&job, 1).await;
    workers.extend((0..3).map(|_| by_hand.worker()));
    master.runs_with(&job, 4).await;
    // A user who wants fewer gets fewer, and who asks for what cannot be is told.
    let (status, told) = master.put(&job, &up_to(0)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    let (status, told) = master.put(&job, &up_to(3)).await;
    assert_eq!((status, told.as_str()), (StatusCode::OK, "{}"));
    master.runs_with(&job, 3).await;
    let (_, _, bounds) = master.get(&format!("/jobs/{job}/resource-requirements")).await.unwrap();
    let uppers: Vec<_> = bounds
        .as_object()
        .unwrap()
        .values()
        .map(|of| &of["parallelism"]["upperBound"])
        .collect();
    assert_eq!(uppers, [&json!(3), &json!(3)]);
    workers.drain(..2).for_each(|worker| worker.kill());
    master.runs_with(&job, 2).await;
    client
        .ended_within(BOUND)
        .await
        .ended_with(0)
        .assert_says(&["FINISHED"]);
    assert_whole(&by_hand);
    let (_, _, exceptions) = master.get(&format!("/jobs/{job}/exceptions")).await.unwrap();
    assert!(
        !exceptions["exceptionHistory"]["entries"].as_array().unwrap().is_empty(),
        "the lost workers stay in the history: {exceptions}"
    );
    master.process.terminate();
    master.process.ended_within(BOUND).await.ended_with(143);
}

#[tokio::test]
async fn in_reactive_mode_a_job_uses_each_worker_that_is_started_and_ends_right() {
    let by_hand = ByHand::at_one_address(&format!("{SETTINGS}scheduler-mode: reactive\n"));
    let file = by_hand.0.job(&stream(&by_hand, 1, 40));
    let start = |command: &str| by_hand.command(command);
    // A session has no one job that could have all.
    let refused = start("standalone-session").run().await.ended_with(1);
    refused
        .assert_says(&[
            "scheduler-mode",
            "'REACTIVE' is not for a session",
            "selvedge standalone-job",
        ])
        .assert_no_stack();
    let master = Master::of(start("standalone-job").arg(&file).start()).await;
    let mut workers = vec![by_hand.worker()];
    let job = master.job().await;
    master.runs_with(&job, 1).await;
    workers.extend((0..2).map(|_| by_hand.worker()));
    master.runs_with(&job, 3).await;
    let (status, told) = master.put(&job, &up_to(2)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    assert!(told.contains("scheduler-mode"), "{told}");
    workers.remove(0).kill();
    master.runs_with(&job, 2).await;
    master.process.ended_within(BOUND).await.ended_with(0);
    assert_whole(&by_hand);
}
