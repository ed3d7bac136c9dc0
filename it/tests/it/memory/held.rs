//! A worker that holds its state: what REST shows of its memory, what the system says, and what the NodeManager sees.

use procfs::process::all_processes;
use selvedge_it::bed::ContainerProcess;
use selvedge_it::cli::{BOUND, usage};
use selvedge_it::wait;
use serde_json::Value;

use super::budget::{by_number, counting, run};
use crate::folder::Folder;
use crate::jobs::{job, numbers, vertex};
use crate::yarn::support::{Cluster, application_of};

const GROUPS: u64 = 600_000;
const MEBIBYTE: u64 = 1 << 20;
const CATEGORIES: [&str; 4] = ["managed", "network", "task", "reserve"];

struct Held<'a> {
    cluster: &'a Cluster,
    application: String,
    job: String,
}

impl Held<'_> {
    async fn get(&self, path: &str) -> Result<Value, String> {
        self.cluster.proxied(&self.application, path).await
    }

    /// The only worker as `/taskmanagers` shows it.
    async fn worker(&self) -> Result<Value, String> {
        let mut all = self.get("/taskmanagers").await?;
        match all["taskmanagers"].as_array_mut().map(Vec::as_mut_slice) {
            Some([worker]) => Ok(worker.take()),
            _ => Err(all.to_string()),
        }
    }

    /// The worker as a heartbeat told it after all groups were in the aggregate and the next one told the same.
    async fn until_steady(&self) -> Value {
        let all_taken = async || {
            let shown = self.get(&format!("/jobs/{}", self.job)).await?;
            let mut vertices = shown["vertices"].as_array().into_iter().flatten();
            if vertices.any(has_taken_all) {
                Ok(())
            } else {
                Err(shown.to_string())
            }
        };
        wait::until("all groups to be taken", BOUND, all_taken).await.unwrap();
        let mut before = self.worker().await.unwrap();
        loop {
            let next = async || {
                let worker = self.worker().await?;
                if worker["timeSinceLastHeartbeat"] == before["timeSinceLastHeartbeat"] {
                    Err("no heartbeat since".to_owned())
                } else {
                    Ok(worker)
                }
            };
            let worker = wait::until("the next heartbeat", BOUND, next).await.unwrap();
            let managed = used(&worker, "managed");
            if managed > 0 && managed == used(&before, "managed") {
                return worker;
            }
            before = worker;
        }
    }

    /// The metrics say the same: the worker's memory, and what its tasks have taken.
    async fn assert_metrics(&self, id: &str, worker: &Value) {
        let names = [
            ("Status.Flink.Memory.Managed.Used", used(worker, "managed")),
            ("Status.Flink.Memory.Managed.Total", size(worker, "managed")),
            ("Status.Selvedge.Memory.Reserve.Size", size(worker, "reserve")),
        ];
        for (name, value) in names {
            let shown = self
                .get(&format!("/taskmanagers/{id}/metrics?get={name}"))
                .await
                .unwrap();
            assert_eq!(shown[0]["value"], value.to_string(), "{name}: {shown}");
        }
        let load = "/taskmanagers/metrics?get=Status.JVM.CPU.Load,Status.JVM.Memory.Heap.Used&agg=max";
        let load = self.get(load).await.unwrap();
        assert!(
            load[0]["max"].as_f64().is_some() && load[1]["max"].as_f64() > Some(0.0),
            "{load}"
        );
        let job = self.get(&format!("/jobs/{}", self.job)).await.unwrap();
        let mut vertices = job["vertices"].as_array().into_iter().flatten();
        let count = vertices.find(|vertex| has_taken_all(vertex)).unwrap();
        let vertex = format!("/jobs/{}/vertices/{}", self.job, count["id"].as_str().unwrap());
        let records = format!("{vertex}/subtasks/metrics?get=numRecordsIn&agg=sum");
        let records = self.get(&records).await.unwrap();
        assert_eq!(
            records[0]["sum"].as_f64(),
            count["metrics"]["read-records"].as_f64(),
            "{records}"
        );
    }

    /// The NodeManager has measured the containers with all that they hold now.
    async fn until_measured(&self, node_manager: usize, holds: u64) {
        let node = &self.cluster.bed.node_managers()[node_manager].node_id;
        let look = async || {
            let shown = self.cluster.get(&format!("/ws/v1/cluster/nodes/{node}")).await?;
            let seen = &shown["node"]["resourceUtilization"]["aggregatedContainersPhysicalMemoryMB"];
            match seen.as_u64() {
                Some(seen) if seen >= holds / MEBIBYTE => Ok(()),
                _ => Err(shown.to_string()),
            }
        };
        wait::until("the NodeManager to measure the worker", BOUND, look)
            .await
            .unwrap();
    }
}

async fn only_job(cluster: &Cluster, application: &str) -> String {
    let look = async || {
        let jobs = cluster.proxied(application, "/jobs").await?;
        jobs["jobs"][0]["id"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| jobs.to_string())
    };
    wait::until("the job's id", BOUND, look).await.unwrap()
}

/// The vertex that counts. The source has made as many records, and has FINISHED: it tells nothing any more.
fn has_taken_all(vertex: &Value) -> bool {
    vertex["status"] == "RUNNING" && vertex["metrics"]["read-records"].as_u64() >= Some(GROUPS)
}

fn used(worker: &Value, category: &str) -> u64 {
    worker["memoryUse"][category]["used"].as_u64().unwrap()
}

fn size(worker: &Value, category: &str) -> u64 {
    worker["memoryUse"][category]["size"].as_u64().unwrap()
}

/// The worker itself: the container's first process may be the shell that started it.
fn worker_pid(container: &ContainerProcess) -> i32 {
    let processes = all_processes().unwrap().flatten();
    let mut of_session = processes.filter(|process| process.stat().is_ok_and(|stat| stat.session == container.pid));
    let is_worker = |process: &procfs::process::Process| process.exe().is_ok_and(|exe| exe.ends_with("selvedge"));
    of_session.find(is_worker).map(|process| process.pid).unwrap()
}

fn resident(pid: i32) -> u64 {
    let status = procfs::process::Process::new(pid).unwrap().status().unwrap();
    status.vmrss.unwrap() << 10
}

#[tokio::test]
async fn the_categories_of_a_loaded_worker_sum_up_to_its_pss_and_stay_within_their_sizes() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    // A record in eleven days keeps the aggregate's input open.
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(GROUPS), None)]),
            vertex("still", &[numbers("make-few", None, Some(0.000_001))]),
            counting(),
        ],
        &[by_number("numbers"), by_number("still")],
    ));
    let mut running = run(&cluster, &["-Dheartbeat.interval=500ms"], job).start();
    let application = application_of(&mut running).await;
    let job = only_job(&cluster, &application).await;
    let held = Held {
        cluster: &cluster,
        application,
        job,
    };
    let container = cluster.workers(&held.application, 1).await.remove(0);
    let worker = held.until_steady().await;
    let pid = worker_pid(&container);
    let pss = usage::pss(pid).unwrap();

    let sum: u64 = CATEGORIES.iter().map(|category| used(&worker, category)).sum();
    assert!(sum.abs_diff(pss) * 100 <= pss * 15, "{sum} of {pss}: {worker}");
    // Also without what is only known as the rest: the books explain the process.
    let named = sum - worker["memoryUse"]["reserve"]["slack"].as_u64().unwrap();
    assert!(named.abs_diff(pss) * 100 <= pss * 15, "{named} of {pss}: {worker}");
    for category in CATEGORIES {
        assert!(
            used(&worker, category) <= size(&worker, category),
            "{category}: {worker}"
        );
    }
    // A number, its place in the table and its count.
    assert!(used(&worker, "managed") >= GROUPS * 32, "{worker}");
    assert!(used(&worker, "process") <= size(&worker, "process"), "{worker}");
    assert_eq!(size(&worker, "process"), 256 * MEBIBYTE);

    let id = worker["id"].as_str().unwrap();
    assert_eq!(id, container.container);
    let details = held.get(&format!("/taskmanagers/{id}")).await.unwrap();
    assert_eq!(used(&details, "managed"), used(&worker, "managed"), "{details}");
    held.assert_metrics(id, &worker).await;
    let metrics = &details["metrics"];
    assert_eq!(
        metrics["nettyShuffleMemoryTotal"],
        details["memoryConfiguration"]["networkMemory"]
    );
    assert!(metrics["heapUsed"].as_u64().unwrap() > 0, "{details}");

    held.until_measured(container.node_manager, resident(pid) * 9 / 10)
        .await;
    assert_eq!(cluster.workers(&held.application, 1).await.remove(0), container);
    let shown = held.get(&format!("/jobs/{}", held.job)).await.unwrap();
    assert_eq!(shown["state"], "RUNNING", "{shown}");
    running.interrupt();
    running.ended_within(BOUND).await;
    cluster.ended(&held.application).await;
    cluster.assert_nothing_left(&held.application).await;
}
