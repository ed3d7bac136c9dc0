//! Paths about the attempts of a subtask.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use selvedge_core::status::ExecutionState;
use selvedge_runtime::clock::Timestamp;
use serde_json::{Map, Value, json};

use super::job_details::{duration_ms, end_ms, metrics_json};
use super::jobs::find;
use super::{Answer, RestContext, RestError};
use crate::jobmaster::ExecutionGraph;
use crate::jobmaster::execution_graph::Execution;

/// The current attempt of a subtask.
pub(super) async fn current(
    State(context): State<RestContext>,
    Path((job, vertex, subtask)): Path<(String, String, u32)>,
) -> Answer {
    let job = find(&context, &job).await?;
    let attempts = attempts(&job, &vertex, subtask)?;
    let run = attempts.last().copied();
    let run = run.ok_or_else(|| not_found(format!("subtask {subtask} of vertex {vertex} is not there")))?;
    Ok(attempt_json(run, subtask, context.clock.wall()).into())
}

/// An attempt of a subtask, as long as it is kept.
pub(super) async fn attempt(
    State(context): State<RestContext>,
    Path((job, vertex, subtask, attempt)): Path<(String, String, u32, u32)>,
) -> Answer {
    let job = find(&context, &job).await?;
    let attempts = attempts(&job, &vertex, subtask)?;
    let run = attempts.into_iter().find(|run| run.attempt == attempt);
    let missing = || format!("attempt {attempt} of subtask {subtask} of vertex {vertex} is not there");
    let run = run.ok_or_else(|| not_found(missing()))?;
    Ok(attempt_json(run, subtask, context.clock.wall()).into())
}

fn attempts<'a>(job: &'a ExecutionGraph, vertex: &str, subtask: u32) -> Result<Vec<&'a Execution>, RestError> {
    let found = job.vertices().find(|(known, _)| known.id.rest_id() == vertex);
    let (known, _) = found.ok_or_else(|| not_found(format!("no vertex of the job is {vertex}")))?;
    Ok(job.attempts(&known.id, subtask))
}

fn not_found(message: String) -> RestError {
    RestError::new(StatusCode::NOT_FOUND, message)
}

fn attempt_json(run: &Execution, subtask: u32, now: Timestamp) -> Value {
    let location = run.location.as_ref();
    let host = location.map_or("(unassigned)", |location| location.host.as_str());
    let worker = location.map_or("(unassigned)", |location| location.resource_id.as_str());
    let (start, end) = (run.start_time(), run.end_time());
    json!({
        "subtask": subtask,
        "status": run.state(),
        "attempt": run.attempt,
        "host": host,
        "endpoint": host,
        "start-time": end_ms(start),
        "start_time": end_ms(start),
        "end-time": end_ms(end),
        "duration": duration_ms(start, end, now),
        "metrics": metrics_json(std::iter::once(run), run.state().is_terminal()),
        "taskmanager-id": worker,
        "status-duration": state_durations(run, now),
    })
}

/// How long an attempt was in each state that it has entered, until the next one.
fn state_durations(run: &Execution, now: Timestamp) -> Map<String, Value> {
    let mut entered: Vec<_> = ExecutionState::ALL
        .iter()
        .filter_map(|state| Some((run.timestamp(*state)?, *state)))
        .collect();
    // What came within one millisecond comes in the order of the states' table, which has the terminal ones behind.
    entered.sort_by_key(|(time, _)| *time);
    let ends = entered.iter().skip(1).map(|(time, _)| *time).chain([now]);
    let states = entered.iter().zip(ends).filter(|((_, state), _)| !state.is_terminal());
    states
        .map(|((start, state), end)| (state.to_string(), json!(end.since(*start).as_millis() as u64)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::JobId;

    use super::*;
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
        let run = attempts(&job, &selvedge_core::VertexId::from("sink").rest_id(), 1).unwrap();
        let shown = attempt_json(run[0], 1, at(100));
        let durations = json!({"CREATED": 2, "SCHEDULED": 3, "DEPLOYING": 20, "RUNNING": 70});
        assert_eq!(shown["status-duration"], durations);
        assert_eq!(
            (&shown["duration"], &shown["host"]),
            (&json!(90), &json!("(unassigned)"))
        );
        assert!(attempts(&job, "no-vertex", 0).is_err());
    }
}
