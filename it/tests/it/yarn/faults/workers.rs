//! Workers that use too much memory, never register, have resources of their own, or are asked for and not wanted any more.

use std::collections::BTreeSet;

use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};

use super::super::session::workers::parallel;
use super::super::session::{command, stop, with_id};
use super::super::support::application_in;
use super::{LOOM, cluster, session, until_exactly};
use crate::folder::Folder;
use crate::jobs::{self, job, numbers, rebalance, slow_blackhole, vertex};

/// A worker that may have less memory than any process of ours uses.
const TINY: [&str; 10] = [
    "-Dtaskmanager.memory.process.size=16m",
    "-Dtaskmanager.memory.framework.heap.size=2m",
    "-Dtaskmanager.memory.task.heap.size=2m",
    "-Dtaskmanager.memory.framework.off-heap.size=2m",
    "-Dtaskmanager.memory.managed.size=2m",
    "-Dtaskmanager.memory.network.min=2m",
    "-Dtaskmanager.memory.network.max=2m",
    "-Dtaskmanager.memory.jvm-metaspace.size=2m",
    "-Dtaskmanager.memory.jvm-overhead.min=1m",
    "-Dtaskmanager.memory.segment-size=32kb",
];

#[tokio::test]
async fn a_worker_that_uses_more_memory_than_its_container_has_fails_its_job_with_the_cause() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let job = folder.job(&jobs::endless_files("/user/alice/killed-for-memory"));
    let run = cluster.run_sized(1, "1600m", "16m").args(TINY).arg(job);
    let outcome = run.run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "-104", "more memory than the container has"])
        .assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "FAILED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

/// A job that runs for a while, and then has one record of 400 MB, which nobody counts beforehand; its sink holds it.
fn growing() -> Value {
    let text = "repeat('x', case when n = 80 then 400000000 else 1 end)";
    let grow = json!({"id": "grow", "operator": "project", "columns": [{"expression": text, "as": "text"}]});
    let mut graph = job(
        &[
            vertex("numbers", &[numbers("make", None, Some(10.0))]),
            vertex("out", &[grow, slow_blackhole("hold", "1mb")]),
        ],
        &[rebalance("numbers", "out")],
    );
    graph["configuration"] = json!({"restart-strategy.type": "none"});
    graph
}

#[tokio::test]
async fn a_worker_whose_running_task_outgrows_its_container_is_killed_and_job_and_client_tell_node_cause_and_remedy() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let master = session(&cluster, &folder, "256m", &[]).await;
    let application = master.application.clone();
    let run = command(&cluster, &folder, "run").arg(with_id(&application));
    let mut running = run.arg(folder.job(&growing())).start();
    let grows = |said: &str| said.contains("grow -> hold: RUNNING 1/1").then_some(());
    running.until_says("that the tasks run", BOUND, grows).await;
    let worker = cluster.workers(&application, 1).await.remove(0);
    let node = &cluster.bed.node_managers()[worker.node_manager].node_id;
    let expected = [
        "used more memory than the container has, which is 256 MiB",
        "raise taskmanager.memory.process.size",
        &format!("{} on node {node} ended with exit status -104", worker.container),
    ];
    let outcome = running.ended_within(BOUND).await.ended_with(1);
    outcome
        .assert_says(&["FAILED"])
        .assert_says(&expected)
        .assert_no_stack();
    let jobs = master.get("/jobs/overview").await.unwrap();
    let id = jobs["jobs"][0]["jid"].as_str().unwrap().parse().unwrap();
    let told = master.exceptions(id).await;
    for part in expected {
        assert!(told.contains(part), "{part}: {told}");
    }
    stop(&cluster, &folder, &application).await;
}

/// An endless job each of whose slots has one loom. The sink prints what its worker has found of them.
fn weaving() -> Value {
    let mut job = parallel(2);
    for vertex in job["vertices"].as_array_mut().unwrap() {
        vertex["resources"] = json!({"cpu_cores": 0.25, "task_heap": "16m"});
    }
    job["vertices"][0]["resources"]["external"] = json!({"loom": 1});
    job["vertices"][1]["chain"] = json!([
        {"id": "find", "operator": "project", "columns": [{"expression": "external_resource('loom')", "as": "loom"}]},
        {"id": "out", "operator": "print-sink"},
    ]);
    job
}

/// Waits until the tasks of a worker have printed this line.
async fn until_printed(cluster: &super::Cluster, application: &str, worker: &str, line: &str) {
    let look = || async {
        let logs = cluster.bed.container_logs(application).unwrap();
        let mut logs = logs.into_iter();
        let out = logs.find(|log| log.container == worker && log.file == "taskmanager.out");
        let printed = out.map(|log| log.text().unwrap()).unwrap_or_default();
        if printed.lines().next() == Some(line) {
            Ok(())
        } else {
            Err(printed)
        }
    };
    wait::until(&format!("{worker} to print {line}"), BOUND, look)
        .await
        .unwrap();
}

/// How much of the resource YARN says is used on all nodes.
async fn looms_used(cluster: &super::Cluster) -> u64 {
    let nodes = cluster.get("/ws/v1/cluster/nodes").await.unwrap();
    let nodes = nodes["nodes"]["node"].as_array().unwrap().iter();
    let used = nodes.map(|node| {
        let all = &node["usedResource"]["resourceInformations"]["resourceInformation"];
        let mut all = all.as_array().into_iter().flatten();
        let loom = all.find(|one| one["name"] == LOOM);
        loom.and_then(|one| one["value"].as_u64()).unwrap_or(0)
    });
    used.sum()
}

#[tokio::test]
async fn a_worker_that_never_registers_is_replaced_and_those_that_do_have_the_resource_that_was_asked_for() {
    let cluster = cluster().await;
    let folder = Folder::new();
    // The first worker looks for its looms until it is killed.
    let lines = format!(
        "mkdir '{}' 2>/dev/null && exec sleep 600\necho loom-$$",
        folder.path("first").display()
    );
    let script = folder.program("find-looms.sh", &lines);
    let script = format!(
        "-Dexternal-resource.loom.param.discovery-script.path={}",
        script.display()
    );
    let name = format!("-Dexternal-resource.loom.yarn.config-key={LOOM}");
    let options = [
        "-Dexternal-resources=loom",
        "-Dexternal-resource.loom.amount=1",
        &name,
        &script,
        // A script that takes ten seconds would end its worker by itself.
        "-Dresourcemanager.taskmanager-registration.timeout=8 s",
        "-Dresourcemanager.taskmanager-timeout=1 s",
    ];
    let master = session(&cluster, &folder, "600m", &options).await;
    let application = master.application.clone();
    let job = master.submit_job(weaving()).await;
    master.until_runs(job).await;
    let workers = master.get("/taskmanagers").await.unwrap();
    let (mut busy, mut looms) = (0, BTreeSet::new());
    for worker in workers["taskmanagers"].as_array().unwrap() {
        let id = worker["id"].as_str().unwrap();
        let details = master.get(&format!("/taskmanagers/{id}")).await.unwrap();
        // A spare one is given back.
        if details["allocatedSlots"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        busy += 1;
        // Each script has a process of its own, and tells workers apart by it.
        let found = &details["externalResources"];
        let loom = found["loom"][0].as_str().unwrap();
        assert!(loom.starts_with("loom-") && loom != "loom-", "{details}");
        assert!(looms.insert(loom.to_owned()), "{loom} is in two workers");
        until_printed(&cluster, &application, id, &found.to_string()).await;
        let taken = details["allocatedSlots"].to_string();
        assert!(taken.contains("\"loom\":1"), "{details}");
    }
    until_exactly(&cluster, &application, busy).await;
    // A slot needs a loom, and a worker has one: without the one that is mute it takes another.
    assert_eq!((busy, looms_used(&cluster).await), (2, 2));
    let log = master.log(&cluster);
    assert!(log.contains("did not register within 8 s"), "{log}");
    master.cancel(job).await;
    until_exactly(&cluster, &application, 0).await;
    assert_eq!(looms_used(&cluster).await, 0);
    stop(&cluster, &folder, &application).await;
}

#[tokio::test]
async fn of_thirty_workers_that_are_cancelled_while_they_are_started_none_is_left() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let options = ["-Dresourcemanager.taskmanager-timeout=1 s"];
    let master = session(&cluster, &folder, "600m", &options).await;
    let application = master.application.clone();
    // At some moment between the first and the last.
    for running in [1, 8] {
        let job = master.submit(30).await;
        let look = || async {
            let report = cluster.report(&application).await?;
            let found = report["runningContainers"].as_u64();
            if found > Some(running) {
                Ok(())
            } else {
                Err(report.to_string())
            }
        };
        wait::until("some of thirty workers", BOUND, look).await.unwrap();
        master.cancel(job).await;
        until_exactly(&cluster, &application, 0).await;
    }
    // What comes after gets what it needs, and no more.
    let job = master.submit(3).await;
    master.until_runs(job).await;
    until_exactly(&cluster, &application, 3).await;
    stop(&cluster, &folder, &application).await;
}
