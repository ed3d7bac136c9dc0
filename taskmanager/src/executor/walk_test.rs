//! Two workers run a job of the built-in operators, exchanging by hash over loopback.

use std::sync::Arc;

use bytes::Bytes;
use selvedge_core::ExecutionAttemptId;
use selvedge_core::resource::Discovery;
use selvedge_runtime::gateway::TaskExecutorGateway;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{ChannelPeer, InputGate, ResultPartition, TaskDeploymentDescriptor};
use serde_json::json;

use super::TaskExecutorTimeouts;
use super::testing::{Master, Told, Worker, allocation, demand, submission};
use super::tests::registered_with;
use crate::exchange::testing::{attempt, job};
use crate::task::OperatorPlanner;

const ROWS: u64 = 10_000;
const KEYS: i64 = 97;

fn peer(task: &ExecutionAttemptId, workers: &[Worker]) -> ChannelPeer {
    ChannelPeer {
        attempt: Some(task.into()),
        resource_id: format!("container_{}", task.subtask),
        data_address: workers[task.subtask as usize].handle.addresses().data.clone(),
    }
}

fn json_bytes(value: &serde_json::Value) -> Bytes {
    value.to_string().into_bytes().into()
}

fn descriptor(task: &ExecutionAttemptId, chain: &serde_json::Value) -> TaskDeploymentDescriptor {
    TaskDeploymentDescriptor {
        attempt: Some(task.into()),
        allocation_id: allocation(task.subtask as u8).to_wire(),
        task_name: task.vertex.to_string(),
        parallelism: 2,
        max_parallelism: 128,
        chain: json_bytes(chain),
        inputs: Vec::new(),
        outputs: Vec::new(),
    }
}

/// Numbers modulo the keys, counted by key.
fn tasks_of(subtask: u32, workers: &[Worker]) -> Vec<TaskDeploymentDescriptor> {
    let schema = json_bytes(&json!([{"name": "k", "type": "Int64", "nullable": false}]));
    let mut make = descriptor(
        &attempt("make", subtask),
        &json!([
            {"id": "numbers", "operator": "generator-source", "rows": ROWS,
             "fields": [{"name": "n", "generator": {"type": "sequence"}}]},
            {"id": "key", "operator": "project", "columns": [{"expression": format!("n % {KEYS}"), "as": "k"}]},
        ]),
    );
    make.outputs = vec![ResultPartition {
        edge: 0,
        schema: schema.clone(),
        partitioner: json_bytes(&json!({"type": "hash", "keys": ["k"]})),
        channels: (0..2).map(|to| peer(&attempt("count", to), workers)).collect(),
        consumer_max_parallelism: 128,
        peer_group: 0,
    }];
    let mut count = descriptor(
        &attempt("count", subtask),
        &json!([
            {"id": "sum", "operator": "aggregate", "keys": ["k"],
             "aggregates": [{"expression": "count(*)", "as": "count"}]},
            {"id": "drop", "operator": "blackhole-sink"},
        ]),
    );
    count.inputs = vec![InputGate {
        edge: 0,
        schema,
        channels: (0..2).map(|from| peer(&attempt("make", from), workers)).collect(),
        peer_group: 0,
    }];
    vec![make, count]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_count_by_key_and_no_key_is_counted_twice() {
    let mut master = Master::start().await;
    let mut workers = Vec::new();
    for index in 0..2 {
        let name = format!("container_{index}");
        let worker = master.worker_with(TaskExecutorTimeouts::default(), |config| {
            config.resource_id = name.into();
            config.planner = Arc::new(OperatorPlanner);
        });
        workers.push(worker.await);
        assert!(matches!(master.next().await, Told::Registered(_)));
    }
    for (index, worker) in (0u8..).zip(&workers) {
        worker.until_registered().await;
        let demand = demand(&master, 0, allocation(index));
        worker.gateway.request_slot(demand).await.unwrap();
    }
    for (subtask, worker) in (0..).zip(&workers) {
        let tasks = tasks_of(subtask, &workers);
        worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    }
    let (_, ended) = master.states(4).await;
    let mut counted = (0, 0);
    for end in ended {
        assert_eq!(end.state, "FINISHED", "{}", end.cause);
        let metrics = end.metrics.unwrap();
        if let Some(records) = metrics.accumulators.get("drop.records") {
            counted = (counted.0 + records, counted.1 + metrics.records_in);
        }
    }
    assert_eq!(counted, (KEYS, ROWS));
}

#[tokio::test]
async fn a_task_sees_what_the_script_of_its_worker_has_found() {
    let mut master = Master::start().await;
    let worker = registered_with(&mut master, |config| {
        config.planner = Arc::new(OperatorPlanner);
        // It prints `1 ,left`.
        config.discoveries = vec![Discovery {
            resource: "loom".to_owned(),
            amount: 1,
            script: "/bin/echo".into(),
            arguments: vec![",left".to_owned()],
        }];
    });
    let worker = worker.await;
    let demand = demand(&master, 0, allocation(0));
    worker.gateway.request_slot(demand).await.unwrap();
    let mut weave = descriptor(
        &attempt("weave", 0),
        &json!([
            {"id": "numbers", "operator": "generator-source", "rows": 3,
             "fields": [{"name": "n", "generator": {"type": "sequence"}}]},
            {"id": "at", "operator": "filter",
             "predicate": "array_to_string(external_resource('loom'), '+') = '1+left'"},
            {"id": "drop", "operator": "blackhole-sink"},
        ]),
    );
    weave.parallelism = 1;
    let submission = submission(job(1), vec![weave]);
    worker.gateway.submit_tasks(submission).await.unwrap();
    let (_, ended) = master.states(1).await;
    assert_eq!(ended[0].state, "FINISHED", "{}", ended[0].cause);
    let metrics = ended[0].metrics.as_ref().unwrap();
    assert_eq!(metrics.accumulators.get("drop.records"), Some(&3));
}
