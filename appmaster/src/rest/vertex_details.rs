//! The JSON of a vertex and its subtasks.

use std::collections::BTreeMap;

use selvedge_core::job_graph::Vertex;
use selvedge_core::status::ExecutionState;
use selvedge_runtime::clock::Timestamp;
use serde_json::{Map, Value, json};

use super::job_details::{aggregate, counts_json, duration_ms, end_ms, end_of, metrics_json};
use super::statistics::statistics;
use crate::jobmaster::execution_graph::{Execution, count_states};

/// What Flink shows of a subtask that has no slot yet.
const UNASSIGNED: &str = "(unassigned)";

/// The states in which the time of a subtask is told.
const TIMED_STATES: [ExecutionState; 5] = [
    ExecutionState::Created,
    ExecutionState::Scheduled,
    ExecutionState::Deploying,
    ExecutionState::Initializing,
    ExecutionState::Running,
];

pub(super) fn vertex_json(vertex: &Vertex, runs: &[Execution], now: Timestamp) -> Value {
    let subtasks: Vec<_> = (0..)
        .zip(runs)
        .map(|(subtask, run)| subtask_json(subtask, run, now))
        .collect();
    let mut answer = named(vertex, now);
    answer["parallelism"] = vertex.parallelism.into();
    answer["maxParallelism"] = vertex.max_parallelism.into();
    answer["aggregated"] = aggregated_json(&subtasks);
    answer["subtasks"] = subtasks.into();
    answer
}

pub(super) fn subtask_json(subtask: u32, run: &Execution, now: Timestamp) -> Value {
    let start = run.start_time();
    let times = status_durations(run, now);
    json!({
        "subtask": subtask,
        "status": run.state(),
        "attempt": run.attempt,
        "host": host(run),
        "endpoint": endpoint(run),
        "start-time": end_ms(start),
        "start_time": end_ms(start),
        "end-time": end_ms(run.end_time()),
        "duration": duration_ms(start, run.end_time(), now),
        "metrics": metrics_json([run], run.state().is_terminal()),
        "taskmanager-id": worker(run),
        "status-duration": times,
    })
}

/// How long a subtask was in each state, in milliseconds; -1 for one that it was never in.
fn status_durations(run: &Execution, now: Timestamp) -> Value {
    let mut entered: Vec<_> = ExecutionState::ALL
        .iter()
        .filter_map(|state| Some((run.timestamp(*state)?, *state)))
        .collect();
    entered.sort_by_key(|(at, state)| (*at, rank(*state)));
    let durations = TIMED_STATES.map(|state| {
        let position = entered.iter().position(|(_, other)| *other == state);
        let duration = position.map(|at| {
            let left = entered.get(at + 1).map_or(now, |(left, _)| *left);
            left.since(entered[at].0).as_millis()
        });
        (
            state.to_string(),
            duration.map_or(json!(-1), |millis| json!(millis as u64)),
        )
    });
    Value::Object(durations.into_iter().collect())
}

/// The order in which states follow each other within one millisecond.
fn rank(state: ExecutionState) -> usize {
    let timed = TIMED_STATES.iter().position(|timed| *timed == state);
    timed.unwrap_or(TIMED_STATES.len() + usize::from(state.is_terminal()))
}

/// Statistics over subtasks in their JSON form, of each figure and each state's time.
fn aggregated_json(subtasks: &[Value]) -> Value {
    let over = |group: &str| -> Value {
        let mut samples = BTreeMap::<&str, Vec<i64>>::new();
        for figures in subtasks.iter().filter_map(|subtask| subtask[group].as_object()) {
            for (name, value) in figures {
                if let Some(value) = value.as_i64() {
                    samples.entry(name).or_default().push(value);
                }
            }
        }
        let each = samples
            .into_iter()
            .map(|(name, values)| (name.to_owned(), statistics(values)));
        Value::Object(each.collect())
    };
    json!({"metrics": over("metrics"), "status-duration": over("status-duration")})
}

pub(super) fn subtask_times_json(vertex: &Vertex, runs: &[Execution], now: Timestamp) -> Value {
    let subtasks = (0_u32..).zip(runs).map(|(subtask, run)| {
        let timestamps: Map<_, _> = ExecutionState::ALL
            .iter()
            .map(|state| (state.to_string(), json!(run.timestamp(*state).unwrap_or_default())))
            .collect();
        let scheduled = run.timestamp(ExecutionState::Scheduled);
        json!({
            "subtask": subtask,
            "host": host(run),
            "endpoint": endpoint(run),
            "duration": duration_ms(scheduled, run.end_time(), now),
            "timestamps": timestamps,
        })
    });
    let mut answer = named(vertex, now);
    answer["subtasks"] = subtasks.collect();
    answer
}

pub(super) fn task_managers_json(vertex: &Vertex, runs: &[Execution], now: Timestamp) -> Value {
    let mut workers = BTreeMap::<&str, Vec<(u32, &Execution)>>::new();
    for (subtask, run) in (0..).zip(runs) {
        workers.entry(worker(run)).or_default().push((subtask, run));
    }
    let workers = workers.into_iter().map(|(id, runs)| task_manager_json(id, &runs, now));
    let mut answer = named(vertex, now);
    answer["taskmanagers"] = workers.collect();
    answer
}

fn task_manager_json(id: &str, runs: &[(u32, &Execution)], now: Timestamp) -> Value {
    let subtasks: Vec<_> = runs
        .iter()
        .map(|(subtask, run)| subtask_json(*subtask, run, now))
        .collect();
    let runs: Vec<_> = runs.iter().map(|(_, run)| *run).collect();
    let counts = count_states(runs.iter().map(|run| run.state()));
    let start = runs.iter().filter_map(|run| run.start_time()).min();
    let (end, ended) = end_of(runs.iter().copied());
    let shown: Map<_, _> = ExecutionState::ALL
        .iter()
        .map(|state| (state.to_string(), json!(counts.get(state).copied().unwrap_or_default())))
        .collect();
    json!({
        "host": runs.first().map_or(UNASSIGNED, |run| host(run)),
        "endpoint": runs.first().map_or(UNASSIGNED, |run| endpoint(run)),
        "taskmanager-id": id,
        "status": aggregate(&counts),
        "start-time": end_ms(start),
        "end-time": end_ms(end),
        "duration": duration_ms(start, end, now),
        "metrics": metrics_json(runs.iter().copied(), ended),
        "status-counts": shown,
        "aggregated": aggregated_json(&subtasks),
    })
}

pub(super) fn vertex_accumulators_json(vertex: &Vertex, runs: &[Execution]) -> Value {
    let mut sums = BTreeMap::new();
    for (name, value) in runs.iter().flat_map(|run| &run.metrics.accumulators) {
        *sums.entry(name.clone()).or_default() += value;
    }
    json!({"id": vertex.id.rest_id(), "user-accumulators": counts_json(&sums)})
}

pub(super) fn subtask_accumulators_json(vertex: &Vertex, subtask: u32, run: &Execution) -> Value {
    json!({
        "subtask": subtask,
        "attempt": run.attempt,
        "id": format!("{}_{subtask}_{}", vertex.id.rest_id(), run.attempt),
        "user-accumulators": counts_json(&run.metrics.accumulators),
    })
}

pub(super) fn all_subtasks_accumulators_json(vertex: &Vertex, runs: &[Execution]) -> Value {
    let subtasks = (0_u32..).zip(runs).map(|(subtask, run)| {
        json!({
            "subtask": subtask,
            "attempt": run.attempt,
            "host": host(run),
            "endpoint": endpoint(run),
            "user-accumulators": counts_json(&run.metrics.accumulators),
        })
    });
    json!({
        "id": vertex.id.rest_id(),
        "parallelism": vertex.parallelism,
        "subtasks": subtasks.collect::<Vec<_>>(),
    })
}

fn named(vertex: &Vertex, now: Timestamp) -> Value {
    json!({"id": vertex.id.rest_id(), "name": vertex.display_name(), "now": now})
}

fn host(run: &Execution) -> &str {
    run.location.as_ref().map_or(UNASSIGNED, |at| at.host.as_str())
}

fn endpoint(run: &Execution) -> &str {
    run.location.as_ref().map_or(UNASSIGNED, |at| at.data_address.as_str())
}

fn worker(run: &Execution) -> &str {
    run.location.as_ref().map_or(UNASSIGNED, |at| at.resource_id.as_str())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::JobId;

    use super::*;
    use crate::jobmaster::ExecutionGraph;
    use crate::testing::word_count;

    #[test]
    fn an_attempt_shows_how_long_it_was_in_each_state() {
        let at = Timestamp::from_millis;
        let mut job = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(word_count(2)), at(5));
        let task = job.layout().task(&"sink".into(), 1).unwrap();
        for (state, millis) in [
            (ExecutionState::Scheduled, 7),
            (ExecutionState::Deploying, 10),
            (ExecutionState::Running, 30),
        ] {
            job.transition(task, state, at(millis)).unwrap();
        }
        let shown = subtask_json(1, job.run(task), at(100));
        let durations = json!({"CREATED": 2, "SCHEDULED": 3, "DEPLOYING": 20, "INITIALIZING": -1, "RUNNING": 70});
        assert_eq!(shown["status-duration"], durations);
        assert_eq!(
            (&shown["duration"], &shown["host"]),
            (&json!(90), &json!("(unassigned)"))
        );
    }
}
