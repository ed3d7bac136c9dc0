//! The JSON of a job's failures.

use serde_json::{Value, json};

use crate::jobmaster::{ExecutionGraph, Failure};

pub(super) fn exceptions_json(job: &ExecutionGraph) -> Value {
    let all: Vec<_> = job.root_cause.iter().chain(&job.further_failures).map(entry).collect();
    let concurrent: Vec<_> = job
        .further_failures
        .iter()
        .map(|failure| history_entry(failure, &[]))
        .collect();
    let history: Vec<_> = job
        .root_cause
        .iter()
        .map(|root| history_entry(root, &concurrent))
        .collect();
    json!({
        "root-exception": job.root_cause.as_ref().map(ToString::to_string),
        "timestamp": job.root_cause.as_ref().map(|root| root.timestamp),
        "all-exceptions": all,
        "truncated": false,
        "exceptionHistory": {"entries": history, "truncated": false},
    })
}

fn entry(failure: &Failure) -> Value {
    json!({
        "exception": failure.cause,
        "task": task_name(failure),
        "location": host(failure),
        "endpoint": host(failure),
        "timestamp": failure.timestamp,
        "taskManagerId": worker(failure),
    })
}

fn history_entry(failure: &Failure, concurrent: &[Value]) -> Value {
    json!({
        "exceptionName": failure.cause.lines().next().unwrap_or_default(),
        "stacktrace": failure.to_string(),
        "timestamp": failure.timestamp,
        "failureLabels": {},
        "taskName": task_name(failure),
        "location": host(failure),
        "endpoint": host(failure),
        "taskManagerId": worker(failure),
        "concurrentExceptions": concurrent,
    })
}

fn task_name(failure: &Failure) -> Option<String> {
    let (attempt, name) = failure.task.as_ref()?;
    Some(format!("{name} - execution #{}", attempt.attempt))
}

fn host(failure: &Failure) -> Option<&str> {
    failure.worker.as_ref().map(|(_, host)| host.as_str())
}

fn worker(failure: &Failure) -> Option<&str> {
    failure.worker.as_ref().map(|(id, _)| id.as_str())
}
