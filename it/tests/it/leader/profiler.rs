//! Where a master and a worker, each a process of its own, spend their CPU time.

use std::io::Read;

use flate2::read::GzDecoder;
use prost::Message;
use reqwest::StatusCode;
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use selvedge_runtime::profiling::proto::{Label, Profile, Sample};
use serde_json::{Value, json};

use super::standalone::{ByHand, Master};
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, out_runs, rebalance, vertex};

impl Master {
    async fn profile(&self, path: &str, seconds: u64) -> (StatusCode, Value) {
        let url = format!("http://{}{path}/profiler", self.rest);
        let body = json!({"mode": "CPU", "duration": seconds}).to_string();
        let answer = self.http.post(url).body(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The newest profile, when it has ended.
    async fn profiled(&self, path: &str) -> Value {
        let look = async || {
            let (_, _, list) = self.get(&format!("{path}/profiler")).await?;
            match &list["profilingList"][0] {
                newest if newest["finishedTime"].is_u64() => Ok(newest.clone()),
                _ => Err(list.to_string()),
            }
        };
        wait::until("the end of the profile", BOUND, look).await.unwrap()
    }

    async fn file_of(&self, path: &str, profile: &Value) -> Profile {
        assert_eq!(profile["status"], "FINISHED", "{profile}");
        let name = profile["outputFile"].as_str().unwrap();
        let url = format!("http://{}{path}/profiler/{name}", self.rest);
        let bytes = self.http.get(url).send().await.unwrap().bytes().await.unwrap();
        let mut file = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut file).unwrap();
        Profile::decode(file.as_slice()).unwrap()
    }
}

/// The CPU time in milliseconds of stacks in such a thread that go through such a function.
fn millis(profile: &Profile, thread: &str, function: &str) -> i64 {
    let text = |index: i64| profile.string_table[usize::try_from(index).unwrap()].as_str();
    let is_of_thread = |label: &Label| text(label.key) == "thread" && text(label.str).starts_with(thread);
    let is_of_function = |location: &u64| {
        let location = profile.location.iter().find(|known| known.id == *location).unwrap();
        let mut functions = profile.function.iter();
        let called = functions.find(|known| known.id == location.line[0].function_id);
        text(called.unwrap().name).contains(function)
    };
    let is_meant =
        |sample: &&Sample| sample.label.iter().any(is_of_thread) && sample.location_id.iter().any(is_of_function);
    let meant = profile.sample.iter().filter(is_meant);
    meant.map(|sample| sample.value[1] / 1_000_000).sum()
}

#[tokio::test]
async fn a_profile_of_a_worker_shows_the_task_that_uses_its_cpu_and_the_masters_is_another() {
    let profiles = Folder::new();
    let by_hand = ByHand::at_one_address(&format!(
        "rest.profiling.enabled: true\nrest.profiling.dir: {}\ntaskmanager.resource-id: burner\n",
        profiles.root().display()
    ));
    let master = by_hand.master().await;
    let worker = by_hand.worker();
    let graph = job(
        &[
            vertex("numbers", &[numbers("make", None, None)]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    );
    let file = by_hand.0.job(&graph);
    let (host, port) = master.rest.split_once(':').unwrap();
    let [address, port] = [format!("rest.address={host}"), format!("rest.port={port}")];
    let mut client = by_hand
        .command("run")
        .args(["-t", "remote", "-D", &address, "-D", &port])
        .arg(&file)
        .start();
    client.until_says("that its job runs", BOUND, out_runs).await;
    let path = "/taskmanagers/burner";
    let (status, running) = master.profile(path, 2).await;
    assert_eq!(
        (status, &running["status"]),
        (StatusCode::OK, &json!("RUNNING")),
        "{running}"
    );
    let (status, refused) = master.profile(path, 2).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    let (status, refused) = master.profile(path, 301).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let (status, running) = master.profile("/jobmanager", 1).await;
    assert_eq!(status, StatusCode::OK, "a master is another process: {running}");
    let of_worker = master.profiled(path).await;
    let profile = master.file_of(path, &of_worker).await;
    let spent = millis(&profile, "numbers", "selvedge_taskmanager::");
    assert!(spent >= 100, "{spent} ms of {of_worker}");
    let of_master = master.profiled("/jobmanager").await;
    let profile = master.file_of("/jobmanager", &of_master).await;
    assert_eq!(millis(&profile, "numbers", ""), 0, "tasks run in workers");
    for path in [
        "/taskmanagers/burner/profiler/none",
        "/jobmanager/profiler/none",
        "/taskmanagers/none/profiler",
    ] {
        let (status, _, told) = master.get(path).await.unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND, "{told}");
    }
    // It has stopped for nobody: the job runs on.
    let (_, _, jobs) = master.get("/jobs").await.unwrap();
    assert_eq!(jobs["jobs"][0]["status"], "RUNNING", "{jobs}");
    worker.kill();
    let gone = async || match master.get("/taskmanagers/burner/profiler").await? {
        (StatusCode::NOT_FOUND, ..) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait::until("the worker to be gone", BOUND, gone).await.unwrap();
    master.process.terminate();
    master.process.ended_within(BOUND).await.ended_with(143);
}
