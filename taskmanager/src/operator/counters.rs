//! What a task has done, counted by its thread and read by heartbeats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use selvedge_core::ExecutionAttemptId;
use selvedge_runtime::gateway::proto::TaskMetrics;

/// A count that an operator keeps, under `<operator id>.<name>`.
#[derive(Debug, Clone, Default)]
pub struct Accumulator(Arc<AtomicI64>);

impl Accumulator {
    /// Adds to the count.
    pub fn add(&self, amount: i64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one task. Input counts are what came through its gate, or for a source what it read; output counts are what
/// went to its result partitions, each record once.
#[derive(Debug, Default)]
pub struct TaskCounters {
    /// Records that came in.
    pub records_in: AtomicU64,
    /// Bytes that came in: Arrow buffers, or for a file source bytes of the file.
    pub bytes_in: AtomicU64,
    /// Records that went out.
    pub records_out: AtomicU64,
    /// Bytes of Arrow buffers that went out.
    pub bytes_out: AtomicU64,
    /// Milliseconds in operators.
    pub busy_ms: AtomicU64,
    /// Milliseconds without input.
    pub idle_ms: AtomicU64,
    /// Milliseconds in which the consumers were behind.
    pub backpressured_ms: AtomicU64,
    accumulators: Mutex<BTreeMap<String, Accumulator>>,
}

impl TaskCounters {
    /// The accumulator of an operator, made at the first call.
    pub fn accumulator(&self, operator: &str, name: &str) -> Accumulator {
        self.accumulators
            .lock()
            .entry(format!("{operator}.{name}"))
            .or_default()
            .clone()
    }

    /// The figures now.
    pub fn snapshot(&self, attempt: &ExecutionAttemptId) -> TaskMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let accumulators = self.accumulators.lock();
        TaskMetrics {
            attempt: Some(attempt.into()),
            records_in: read(&self.records_in),
            bytes_in: read(&self.bytes_in),
            records_out: read(&self.records_out),
            bytes_out: read(&self.bytes_out),
            busy_ms: read(&self.busy_ms),
            idle_ms: read(&self.idle_ms),
            backpressured_ms: read(&self.backpressured_ms),
            accumulators: accumulators
                .iter()
                .map(|(key, count)| (key.clone(), count.get()))
                .collect(),
        }
    }
}
