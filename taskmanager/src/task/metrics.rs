//! What a task counts, as metrics with Flink's names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_runtime::metrics::MetricGroup;

use crate::operator::TaskCounters;

type Count = fn(&TaskCounters) -> &AtomicU64;

/// What came and went: each also by the second.
const FLOWS: &[(&str, Count)] = &[
    ("numRecordsIn", |task| &task.records_in),
    ("numBytesIn", |task| &task.bytes_in),
    ("numRecordsOut", |task| &task.records_out),
    ("numBytesOut", |task| &task.bytes_out),
];

/// What the task's thread does with its time: milliseconds of each second, and of all.
const TIMES: &[(&str, &str, Count)] = &[
    ("busyTimeMsPerSecond", "accumulateBusyTimeMs", |task| &task.busy_ms),
    ("idleTimeMsPerSecond", "accumulateIdleTimeMs", |task| &task.idle_ms),
    (
        "backPressuredTimeMsPerSecond",
        "accumulateBackPressuredTimeMs",
        |task| &task.backpressured_ms,
    ),
];

/// Registers the counters of a task in its group.
pub(crate) fn register(group: &MetricGroup, counters: &Arc<TaskCounters>) {
    let read = |count: Count| {
        let counters = counters.clone();
        move || count(&counters).load(Ordering::Relaxed)
    };
    for (name, count) in FLOWS {
        group.gauge(name, read(*count));
        group.meter(&format!("{name}PerSecond"), read(*count));
    }
    for (per_second, all, count) in TIMES {
        group.gauge(all, read(*count));
        group.meter(per_second, read(*count));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use selvedge_core::{ExecutionAttemptId, JobId, ResourceId};
    use selvedge_runtime::clock::SystemClock;
    use selvedge_runtime::metrics::{MetricRegistry, Scope, TaskName};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_tasks_counters_have_flinks_names_and_rates() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        let attempt = ExecutionAttemptId {
            vertex: "count".into(),
            subtask: 0,
            attempt: 0,
        };
        let task = Scope::task_manager("node", &ResourceId("tm".to_owned())).task(&TaskName {
            job_id: JobId::from_bytes([1; 16]),
            job_name: "words",
            attempt: &attempt,
            task_name: "Count",
        });
        let counters = Arc::new(TaskCounters::default());
        register(&registry.group(&task), &counters);
        counters.records_in.fetch_add(50, Ordering::Relaxed);
        counters.busy_ms.fetch_add(4000, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(5)).await;
        registry.sample();
        let readings = registry.read();
        let value = |name: &str| {
            let found = readings.iter().find(|reading| reading.name == name);
            found.unwrap_or_else(|| panic!("{name}")).value.to_string()
        };
        assert_eq!(
            (value("numRecordsIn"), value("numRecordsInPerSecond")),
            ("50".into(), "10.0".into())
        );
        assert_eq!(
            (value("accumulateBusyTimeMs"), value("busyTimeMsPerSecond")),
            ("4000".into(), "800.0".into())
        );
        assert_eq!(value("backPressuredTimeMsPerSecond"), "0.0");
        assert_eq!(readings.len(), 14);
    }
}
