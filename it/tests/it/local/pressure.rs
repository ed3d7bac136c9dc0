//! Back-pressure: a slow consumer slows its producer and nobody else, and memory stays where it is.

use std::time::Duration;

use selvedge_it::cli::{BOUND, Running};
use selvedge_it::wait;
use serde_json::{Value, json};
use tokio::time::{self, Instant};

use super::run;
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, slow_blackhole, vertex};

const MEBIBYTE: u64 = 1 << 20;
/// `taskmanager.memory.network` of a worker of the shipped 512 MiB: a tenth of what is left of it beside 32 MiB of
/// metaspace and a tenth of overhead, rounded up.
const NETWORK_SHARE: u64 = 43 * MEBIBYTE;

/// The REST endpoint that the command names.
pub(super) fn rest_address(said: &str) -> Option<String> {
    let start = said.find("http://")?;
    let rest = &said[start..];
    let end = rest
        .find(|c: char| c.is_whitespace() || c == ')' || c == ',')
        .unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches(['/', '.']).to_owned())
}

pub(super) struct Job {
    http: reqwest::Client,
    url: String,
}

impl Job {
    /// The only job of the process, once all its vertices run.
    pub(super) async fn of(running: &mut Running) -> Self {
        let rest = running
            .until_says("the address of its REST endpoint", BOUND, rest_address)
            .await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let find = || async {
            let jobs: Value = get(&http, &format!("{rest}/jobs")).await?;
            let id = jobs["jobs"][0]["id"]
                .as_str()
                .ok_or_else(|| jobs.to_string())?
                .to_owned();
            let job = Self {
                http: http.clone(),
                url: format!("{rest}/jobs/{id}"),
            };
            let shown = job.shown().await?;
            let all_run =
                vertices(&shown).all(|vertex| vertex["status"] == "RUNNING" || vertex["status"] == "FINISHED");
            if all_run { Ok(job) } else { Err(shown.to_string()) }
        };
        wait::until("all vertices to run", BOUND, find).await.unwrap()
    }

    pub(super) async fn cancel(&self) {
        let request = self.http.patch(format!("{}?mode=cancel", self.url));
        let answer = request.json(&json!({})).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    async fn shown(&self) -> Result<Value, String> {
        get(&self.http, &self.url).await
    }

    /// A figure of a vertex, such as `read-bytes`.
    async fn metric(&self, vertex: &str, name: &str) -> Result<u64, String> {
        let shown = self.shown().await?;
        let found = vertices(&shown).find(|one| one["name"].as_str().is_some_and(|shown| shown.contains(vertex)));
        found
            .and_then(|found| found["metrics"][name].as_u64())
            .ok_or_else(|| shown.to_string())
    }
}

pub(super) async fn get(http: &reqwest::Client, url: &str) -> Result<Value, String> {
    let answer = http.get(url).send().await.map_err(|error| error.to_string())?;
    answer.json().await.map_err(|error| error.to_string())
}

fn vertices(job: &Value) -> impl Iterator<Item = &Value> {
    job["vertices"].as_array().into_iter().flatten()
}

#[tokio::test]
async fn behind_an_unlimited_source_a_sink_of_1_mb_a_second_keeps_bytes_in_flight_and_memory_in_the_network_share() {
    let folder = Folder::new();
    let source = json!({"id": "make", "operator": "generator-source",
        "fields": [{"name": "text", "generator": {"type": "random-string", "length": 100}}]});
    let job = folder.job(&job(
        &[
            vertex("source", &[source]),
            vertex("sink", &[slow_blackhole("slow", "1mb")]),
        ],
        &[rebalance("source", "sink")],
    ));
    let mut running = run(&folder, 1, &job).start();
    let job = Job::of(&mut running).await;
    let begun = Instant::now();
    let taken_at_first = job.metric("slow", "read-bytes").await.unwrap();
    // Not its share of the program's pages, which grows when other tests' processes end.
    let held = || selvedge_runtime::process::memory_of(running.pid()).unwrap().anonymous;
    let held_at_first = held();
    let mut looks = time::interval(Duration::from_millis(500));
    while begun.elapsed() < Duration::from_secs(60) {
        looks.tick().await;
        // The sink first: what moves between the two looks counts as in flight.
        let taken = job.metric("slow", "read-bytes").await.unwrap();
        let sent = job.metric("make", "write-bytes").await.unwrap();
        let in_flight = sent.saturating_sub(taken);
        assert!(in_flight <= NETWORK_SHARE, "{in_flight} bytes are in flight");
        let grown = held().saturating_sub(held_at_first);
        assert!(grown <= NETWORK_SHARE, "{grown} bytes of memory more than at first");
    }
    let taken = job.metric("slow", "read-bytes").await.unwrap() - taken_at_first;
    let rate = taken as f64 / begun.elapsed().as_secs_f64();
    // A busy machine may be slower, but never faster.
    assert!(taken > 0 && rate < 1.5 * MEBIBYTE as f64, "{rate} bytes a second");
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130);
}

#[tokio::test]
async fn a_vertex_with_an_input_that_gives_nothing_goes_on_reading_the_other() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[
            vertex("busy", &[numbers("make-many", None, None)]),
            // One record in eleven days.
            vertex("still", &[numbers("make-few", None, Some(0.000_001))]),
            vertex("union", &[blackhole("drop")]),
        ],
        &[rebalance("busy", "union"), rebalance("still", "union")],
    ));
    let mut running = run(&folder, 1, &job).start();
    let job = Job::of(&mut running).await;
    let goes_on = || async {
        match job.metric("drop", "read-records").await? {
            read if read > 1_000_000 => Ok(()),
            read => Err(format!("{read} records read")),
        }
    };
    wait::until("a million records from the other input", BOUND, goes_on)
        .await
        .unwrap();
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130);
}

#[tokio::test]
async fn a_blocked_channel_stalls_no_other_between_the_same_workers() {
    let folder = Folder::new();
    let job = folder.job(&job(
        &[
            vertex("one", &[numbers("make-blocked", None, None)]),
            vertex("blocked", &[slow_blackhole("take-little", "1kb")]),
            vertex("other", &[numbers("make-free", Some(2_000_000), None)]),
            vertex("free", &[blackhole("take-all")]),
        ],
        &[rebalance("one", "blocked"), rebalance("other", "free")],
    ));
    let mut running = run(&folder, 2, &job).start();
    let job = Job::of(&mut running).await;
    let free_has_ended = || async {
        let shown = job.shown().await?;
        let status = |name: &str| {
            vertices(&shown)
                .find(|vertex| vertex["name"].as_str().is_some_and(|shown| shown.contains(name)))
                .map(|vertex| vertex["status"].clone())
        };
        if status("take-all") == Some("FINISHED".into()) && status("take-little") == Some("RUNNING".into()) {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    };
    wait::until(
        "the free half to finish while the other is blocked",
        BOUND,
        free_has_ended,
    )
    .await
    .unwrap();
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130);
}
