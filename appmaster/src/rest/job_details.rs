//! The JSON of a job: vertices with their figures, and the plan.

use std::collections::BTreeMap;

use selvedge_core::JobGraph;
use selvedge_core::job_graph::Vertex;
use selvedge_core::status::{ExecutionState, JobStatus};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::TaskMetrics;
use serde_json::{Map, Value, json};

use crate::jobmaster::ArchivedExecutionGraph;
use crate::jobmaster::execution_graph::{Execution, count_states};
use crate::stores::JobSummary;

/// A job in the list of jobs.
pub(super) fn overview_json(job: &JobSummary, now: Timestamp) -> Value {
    let mut tasks = json!({"total": job.tasks.values().sum::<usize>()});
    task_counts(&mut tasks, &job.tasks);
    json!({
        "jid": job.job_id,
        "name": job.name,
        "start-time": job.start_time,
        "end-time": end_ms(job.end_time),
        "duration": duration_ms(Some(job.start_time), job.end_time, now),
        "state": job.status,
        "last-modification": job.last_modification,
        "tasks": tasks,
    })
}

pub(super) fn details_json(job: &ArchivedExecutionGraph, now: Timestamp) -> Value {
    let timestamps: Map<_, _> = JobStatus::ALL
        .iter()
        .map(|status| (status.to_string(), json!(job.timestamp(*status).unwrap_or_default())))
        .collect();
    let vertices: Vec<_> = job
        .vertices()
        .map(|(vertex, runs)| vertex_json(vertex, runs, now))
        .collect();
    let vertex_states = count_states(job.vertices().map(|(_, runs)| aggregate_state(runs)));
    let status_counts: Map<_, _> = ExecutionState::ALL
        .iter()
        .map(|state| {
            (
                state.to_string(),
                json!(vertex_states.get(state).copied().unwrap_or_default()),
            )
        })
        .collect();
    json!({
        "jid": job.job_id,
        "name": job.graph.name,
        "isStoppable": false,
        "state": job.status(),
        "job-type": job.graph.job_type(),
        "start-time": job.start_time(),
        "end-time": end_ms(job.end_time()),
        "duration": duration_ms(Some(job.start_time()), job.end_time(), now),
        "maxParallelism": -1,
        "now": now,
        "timestamps": timestamps,
        "vertices": vertices,
        "status-counts": status_counts,
        "plan": plan_json(job),
    })
}

fn vertex_json(vertex: &Vertex, runs: &[Execution], now: Timestamp) -> Value {
    let mut tasks = json!({});
    task_counts(&mut tasks, &count_states(runs.iter().map(Execution::state)));
    let start = runs.iter().filter_map(Execution::start_time).min();
    let (end, ended) = end_of(runs);
    json!({
        "id": vertex.id.rest_id(),
        "slotSharingGroupId": selvedge_core::VertexId::from(vertex.slot_sharing_group.as_str()).rest_id(),
        "name": vertex.display_name(),
        "maxParallelism": vertex.max_parallelism,
        "parallelism": vertex.parallelism,
        "status": aggregate_state(runs),
        "start-time": end_ms(start),
        "end-time": end_ms(end),
        "duration": duration_ms(start, end, now),
        "tasks": tasks,
        "metrics": metrics_json(runs.iter(), ended),
    })
}

/// When the last of these ended, and whether all have.
pub(super) fn end_of<'a>(runs: impl IntoIterator<Item = &'a Execution> + Clone) -> (Option<Timestamp>, bool) {
    let ended = runs.clone().into_iter().all(|run| run.state().is_terminal());
    let last = runs.into_iter().filter_map(Execution::end_time).max();
    (last.filter(|_| ended), ended)
}

/// The figures of some subtasks, summed.
pub(super) fn metrics_json<'a>(runs: impl IntoIterator<Item = &'a Execution> + Clone, complete: bool) -> Value {
    let sum = |figure: fn(&TaskMetrics) -> u64| {
        let runs = runs.clone().into_iter();
        runs.map(|run| figure(&run.metrics)).sum::<u64>()
    };
    json!({
        "read-bytes": sum(|metrics| metrics.bytes_in),
        "read-bytes-complete": complete,
        "write-bytes": sum(|metrics| metrics.bytes_out),
        "write-bytes-complete": complete,
        "read-records": sum(|metrics| metrics.records_in),
        "read-records-complete": complete,
        "write-records": sum(|metrics| metrics.records_out),
        "write-records-complete": complete,
        "accumulated-backpressured-time": sum(|metrics| metrics.backpressured_ms),
        "accumulated-idle-time": sum(|metrics| metrics.idle_ms),
        "accumulated-busy-time": sum(|metrics| metrics.busy_ms),
    })
}

/// The state of a vertex as Flink derives it from its subtasks: the worst first, then what is furthest behind.
fn aggregate_state(runs: &[Execution]) -> ExecutionState {
    aggregate(&count_states(runs.iter().map(Execution::state)))
}

/// The same, from the number of subtasks in each state.
pub(super) fn aggregate(counts: &BTreeMap<ExecutionState, usize>) -> ExecutionState {
    let order = [
        ExecutionState::Failed,
        ExecutionState::Canceling,
        ExecutionState::Canceled,
        ExecutionState::Initializing,
        ExecutionState::Running,
    ];
    if let Some(state) = order.into_iter().find(|state| counts.contains_key(state)) {
        return state;
    }
    match counts.get(&ExecutionState::Finished) {
        Some(finished) if *finished == counts.values().sum::<usize>() => ExecutionState::Finished,
        Some(_) => ExecutionState::Running,
        None => [ExecutionState::Deploying, ExecutionState::Scheduled]
            .into_iter()
            .find(|state| counts.contains_key(state))
            .unwrap_or(ExecutionState::Created),
    }
}

/// How a job is run.
pub(super) fn config_json(job: &ArchivedExecutionGraph) -> Value {
    let parallelism = job.graph.vertices.iter().map(|vertex| vertex.parallelism).max();
    let own = &job.graph.configuration;
    let restart = ["restart-strategy.type", "restart-strategy"]
        .iter()
        .find_map(|key| own.get(*key))
        .map_or("Cluster level default restart strategy", String::as_str);
    json!({
        "jid": job.job_id,
        "name": job.graph.name,
        "execution-config": {
            "execution-mode": "PIPELINED",
            "restart-strategy": restart,
            "job-parallelism": parallelism.unwrap_or(1),
            "object-reuse-mode": false,
            "user-config": {},
        },
    })
}

/// What the operators of a job have counted.
pub(super) fn job_accumulators_json(job: &ArchivedExecutionGraph) -> Value {
    json!({
        "job-accumulators": [],
        "user-task-accumulators": counts_json(&job.accumulators()),
        "serialized-user-task-accumulators": {},
    })
}

/// Counts by name, as Flink's clients read them.
pub(super) fn counts_json(counts: &BTreeMap<String, i64>) -> Value {
    let counts = counts
        .iter()
        .map(|(name, value)| json!({"name": name, "type": "LongCounter", "value": value.to_string()}));
    counts.collect()
}

pub(super) fn plan_json(job: &ArchivedExecutionGraph) -> Value {
    let graph = &job.graph;
    let nodes: Vec<_> = job.vertices().map(|(vertex, _)| plan_node(graph, vertex)).collect();
    json!({"jid": job.job_id, "name": graph.name, "type": graph.job_type(), "nodes": nodes})
}

fn plan_node(graph: &JobGraph, vertex: &Vertex) -> Value {
    let inputs: Vec<_> = graph
        .inputs(&vertex.id)
        .enumerate()
        .map(|(number, (_, edge))| {
            json!({
                "num": number,
                "id": edge.source.rest_id(),
                "ship_strategy": edge.partitioner.ship_strategy(),
                "exchange": edge.exchange.as_str(),
            })
        })
        .collect();
    let mut node = json!({
        "id": vertex.id.rest_id(),
        "parallelism": vertex.parallelism,
        "operator": "",
        "operator_strategy": "",
        "description": vertex.display_name(),
        "optimizer_properties": {},
    });
    if !inputs.is_empty() {
        node["inputs"] = json!(inputs);
    }
    node
}

/// Adds the number of tasks in each state, under Flink's lower-case keys.
pub(super) fn task_counts(tasks: &mut Value, counts: &BTreeMap<ExecutionState, usize>) {
    for state in ExecutionState::ALL {
        let key = state.as_str().to_ascii_lowercase();
        tasks[key] = json!(counts.get(state).copied().unwrap_or_default());
    }
}

/// A time, or -1 where there is none.
pub(super) fn end_ms(time: Option<Timestamp>) -> Value {
    time.map_or_else(|| json!(-1), |time| json!(time))
}

/// From the start to the end, or until now; -1 where it has not started.
pub(super) fn duration_ms(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp) -> Value {
    start.map_or_else(
        || json!(-1),
        |start| json!(end.unwrap_or(now).millis().saturating_sub(start.millis())),
    )
}
