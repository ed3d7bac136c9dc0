//! A worker's metrics on their way to the master.

use selvedge_core::{ExecutionAttemptId, JobId};

use super::{MetricValue, Owner, Reading};
use crate::gateway::convert::{WireId, required_attempt};
use crate::gateway::proto::{Metric, MetricScope, MetricsDump, metric};

/// The readings of a worker as a message. What only a master has is left out.
pub fn dump(readings: Vec<Reading>) -> MetricsDump {
    let mut scopes: Vec<(Owner, MetricScope)> = Vec::new();
    for reading in readings {
        let owner = reading.scope.owner();
        let metric = Metric {
            name: reading.scope.name_of(&reading.name),
            value: Some(to_wire(reading.value)),
        };
        match scopes.last_mut() {
            Some((last, scope)) if last == owner => scope.metrics.push(metric),
            _ => {
                if let Some(mut scope) = scope_of(owner) {
                    scope.metrics.push(metric);
                    scopes.push((owner.clone(), scope));
                }
            }
        }
    }
    MetricsDump {
        scopes: scopes.into_iter().map(|(_, scope)| scope).collect(),
    }
}

/// The metrics of each owner: names, with their groups, and values. What has no meaning here, as a newer worker may send it,
/// is left out.
pub fn readings(dump: MetricsDump) -> Vec<(Owner, Vec<(String, MetricValue)>)> {
    let of_scope = |scope: MetricScope| {
        let owner = owner_of(&scope)?;
        let metric = |metric: Metric| Some((metric.name, from_wire(metric.value?)));
        Some((owner, scope.metrics.into_iter().filter_map(metric).collect()))
    };
    dump.scopes.into_iter().filter_map(of_scope).collect()
}

fn scope_of(owner: &Owner) -> Option<MetricScope> {
    let of_task = |job: &JobId, attempt: &ExecutionAttemptId, operator: &str| MetricScope {
        job_id: job.to_wire(),
        attempt: Some(attempt.into()),
        operator: operator.to_owned(),
        metrics: Vec::new(),
    };
    match owner {
        Owner::TaskManager => Some(MetricScope::default()),
        Owner::Task(job, attempt) => Some(of_task(job, attempt, "")),
        Owner::Operator(job, attempt, operator) => Some(of_task(job, attempt, operator)),
        Owner::JobManager | Owner::Job(_) => None,
    }
}

fn owner_of(scope: &MetricScope) -> Option<Owner> {
    if scope.job_id.is_empty() {
        return Some(Owner::TaskManager);
    }
    let job = JobId::from_wire(&scope.job_id).ok()?;
    let attempt = required_attempt(scope.attempt.clone()).ok()?;
    Some(match scope.operator.as_str() {
        "" => Owner::Task(job, attempt),
        operator => Owner::Operator(job, attempt, operator.to_owned()),
    })
}

fn to_wire(value: MetricValue) -> metric::Value {
    match value {
        MetricValue::Integer(value) => metric::Value::Integer(value),
        MetricValue::Number(value) => metric::Value::Number(value),
        MetricValue::Text(value) => metric::Value::Text(value),
    }
}

fn from_wire(value: metric::Value) -> MetricValue {
    match value {
        metric::Value::Integer(value) => MetricValue::Integer(value),
        metric::Value::Number(value) => MetricValue::Number(value),
        metric::Value::Text(value) => MetricValue::Text(value),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::ResourceId;

    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::{MetricRegistry, Scope, TaskName};

    #[test]
    fn what_a_worker_sends_is_what_the_master_reads() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        let worker = Scope::task_manager("node", &ResourceId("tm".to_owned()));
        let job_id = JobId::from_bytes([1; 16]);
        let attempt = ExecutionAttemptId {
            vertex: "count".into(),
            subtask: 2,
            attempt: 1,
        };
        let task = worker.task(&TaskName {
            job_id,
            job_name: "words",
            attempt: &attempt,
            task_name: "Count",
        });
        registry.group(&worker).gauge("numSlots", || -2_i64);
        registry.group(&worker).child("Status").gauge("Load", || 0.5);
        registry.group(&task).gauge("path", || "x".to_owned());
        registry.group(&task).operator("sum").gauge("records", || 7_u64);
        // A worker has none; nothing of it may be taken for the worker's own.
        registry.group(&Scope::job_manager("node")).gauge("masters", || 1_u64);
        let read = readings(dump(registry.read()));
        let named = |name: &str, value: MetricValue| (name.to_owned(), value);
        assert_eq!(
            read,
            [
                (
                    Owner::TaskManager,
                    vec![
                        named("numSlots", MetricValue::Integer(-2)),
                        named("Status.Load", MetricValue::Number(0.5))
                    ]
                ),
                (
                    Owner::Task(job_id, attempt.clone()),
                    vec![named("path", MetricValue::Text("x".to_owned()))]
                ),
                (
                    Owner::Operator(job_id, attempt, "sum".to_owned()),
                    vec![named("records", MetricValue::Integer(7))]
                ),
            ]
        );
        let odd = MetricScope {
            job_id: bytes::Bytes::from_static(b"short"),
            ..MetricScope::default()
        };
        assert!(readings(MetricsDump { scopes: vec![odd] }).is_empty());
    }
}
