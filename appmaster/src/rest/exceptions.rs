//! The JSON of a job's failures.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::jobmaster::{ArchivedExecutionGraph, Failure};

/// What may be asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ExceptionsQuery {
    #[serde(rename = "maxExceptions")]
    max_exceptions: Option<usize>,
    /// `key:value`, more than one separated by commas: only failures with all of these labels.
    #[serde(rename = "failureLabelFilter")]
    failure_label_filter: Option<String>,
}

impl ExceptionsQuery {
    fn matches(&self, failure: &Failure) -> bool {
        let wanted = self.failure_label_filter.iter().flat_map(|filter| filter.split(','));
        let has = |label: &str| {
            let pair = label.split_once(':');
            pair.is_some_and(|(key, value)| failure.labels.get(key).is_some_and(|own| own == value))
        };
        wanted.into_iter().all(has)
    }
}

/// How many entries there are where nothing else is asked for, as in Flink.
const MOST_ENTRIES: usize = 20;

/// The failures of a job, the last one first.
fn failures(job: &ArchivedExecutionGraph) -> Vec<(&Failure, &[Failure])> {
    let current = job
        .root_cause
        .iter()
        .map(|root| (root, job.further_failures.as_slice()));
    let past = job.past_failures.iter().rev();
    current
        .chain(past.map(|past| (&past.failure, past.concurrent.as_slice())))
        .collect()
}

pub(super) fn exceptions_json(job: &ArchivedExecutionGraph, query: &ExceptionsQuery) -> Value {
    let most = query.max_exceptions.unwrap_or(MOST_ENTRIES);
    let mut failures = failures(job);
    let last = failures.first().map(|(root, _)| *root);
    let all: Vec<_> = failures
        .iter()
        .flat_map(|(root, concurrent)| std::iter::once(*root).chain(*concurrent))
        .collect();
    failures.retain(|(root, _)| query.matches(root));
    let history = failures.iter().take(most).map(|(root, concurrent)| {
        let concurrent: Vec<_> = concurrent.iter().map(|failure| history_entry(failure, &[])).collect();
        history_entry(root, &concurrent)
    });
    let truncated = job.history_truncated || failures.len() > most;
    json!({
        "root-exception": last.map(ToString::to_string),
        "timestamp": last.map(|root| root.timestamp),
        "all-exceptions": all.iter().take(most).map(|failure| entry(failure)).collect::<Vec<_>>(),
        "truncated": all.len() > most,
        "exceptionHistory": {"entries": history.collect::<Vec<_>>(), "truncated": truncated},
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
        "failureLabels": failure.labels,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::{ExecutionAttemptId, JobId};
    use selvedge_runtime::clock::Timestamp;

    use super::*;
    use crate::jobmaster::execution_graph::PastFailure;
    use crate::jobmaster::{ExecutionGraph, FailureKind, FailureOrigin};
    use crate::testing::word_count;

    fn failure(cause: &str, attempt: u32) -> Failure {
        let id = ExecutionAttemptId {
            vertex: "source".into(),
            subtask: 0,
            attempt,
        };
        Failure {
            cause: cause.to_owned(),
            kind: FailureKind::Cause,
            origin: FailureOrigin::Task,
            labels: [("TYPE".to_owned(), "USER".to_owned())].into(),
            task: Some((id, "generate (1/2)".to_owned())),
            worker: Some(("worker-1".into(), "node-1".to_owned())),
            timestamp: Timestamp::from_millis(u64::from(attempt)),
        }
    }

    #[test]
    fn the_last_failure_comes_first_with_what_came_with_it() {
        let mut job = ExecutionGraph::new(
            JobId::from_bytes([1; 16]),
            Arc::new(word_count(2)),
            Timestamp::default(),
        );
        for attempt in 0..2 {
            job.record_mut().past_failures.push_back(PastFailure {
                failure: failure(&format!("failure {attempt}"), attempt),
                concurrent: vec![failure(&format!("beside {attempt}"), attempt)],
            });
        }
        let running = exceptions_json(&job, &ExceptionsQuery::default());
        assert_eq!(
            running["root-exception"],
            "task 'generate (1/2)' failed on worker-1 (node-1): failure 1"
        );
        job.record_mut().root_cause = Some(failure("the end", 2));
        let shown = exceptions_json(&job, &ExceptionsQuery::default());
        let entries = shown["exceptionHistory"]["entries"].as_array().unwrap();
        let names: Vec<_> = entries
            .iter()
            .map(|entry| entry["exceptionName"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["the end", "failure 1", "failure 0"]);
        assert_eq!(entries[1]["concurrentExceptions"][0]["exceptionName"], "beside 1");
        assert_eq!(entries[1]["taskName"], "generate (1/2) - execution #1");
        assert_eq!(shown["all-exceptions"].as_array().unwrap().len(), 5);
        assert_eq!(shown["exceptionHistory"]["truncated"], false);
        let query = ExceptionsQuery {
            max_exceptions: Some(1),
            ..ExceptionsQuery::default()
        };
        let shown = exceptions_json(&job, &query);
        assert_eq!(shown["exceptionHistory"]["entries"].as_array().unwrap().len(), 1);
        assert_eq!(shown["exceptionHistory"]["truncated"], true);
        let labelled = |filter: &str| {
            let query = ExceptionsQuery {
                failure_label_filter: Some(filter.to_owned()),
                ..ExceptionsQuery::default()
            };
            let shown = exceptions_json(&job, &query);
            shown["exceptionHistory"]["entries"].as_array().unwrap().len()
        };
        assert_eq!(
            ["TYPE:USER", "TYPE:SYSTEM", "TYPE:USER,A:B", "TYPE"].map(labelled),
            [3, 0, 0, 0]
        );
        assert_eq!(entries[0]["failureLabels"]["TYPE"], "USER");
    }
}
