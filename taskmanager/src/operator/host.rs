//! What an operator has of its task: a name for its errors and counts, files, time and cancellation.

use std::error::Error;
use std::time::{Duration, Instant};

use selvedge_runtime::clock::thread_now;
use selvedge_runtime::connector::{ConnectorError, report};
use selvedge_runtime::metrics::MetricGroup;

use super::{Accumulator, TaskContext, TaskError};
use crate::memory::{Reservation, TaskMemoryError};

/// The most rows of a batch.
pub(super) const MAX_ROWS: usize = 8192;
/// The least that an operator may hold of one thing, in bytes.
const LEAST_SHARE: usize = 1 << 20;

/// An operator's view of its task.
#[derive(Debug, Clone)]
pub(super) struct OperatorHost {
    pub(super) ctx: TaskContext,
    pub(super) id: String,
}

impl OperatorHost {
    pub(super) fn new(ctx: &TaskContext, id: &str) -> Self {
        Self {
            ctx: ctx.clone(),
            id: id.to_owned(),
        }
    }

    /// The operator failed.
    pub(super) fn fail(&self, message: impl Into<String>) -> TaskError {
        TaskError::Operator {
            operator: self.id.clone(),
            source: ConnectorError::new(message),
        }
    }

    /// The operator failed because of something. The whole story is in the message: what crosses processes is text.
    pub(super) fn caused(&self, message: &str, cause: impl Error + 'static) -> TaskError {
        self.fail(format!("{message}: {}", report(&cause)))
    }

    /// An account of the managed memory that the operator holds.
    pub(super) fn reservation(&self) -> Reservation {
        self.ctx.memory.reservation(&self.id)
    }

    /// How many bytes of one thing the operator may hold without a reservation: `most`, or a quarter of the slot's task memory
    /// where that is less, as a thing is there several times while it is worked on.
    pub(super) fn share_of_task_memory(&self, most: usize) -> usize {
        let quarter = usize::try_from(self.ctx.memory.task_size() / 4).unwrap_or(usize::MAX);
        // Less than the pieces that files are read and written in would help nobody.
        quarter.clamp(LEAST_SHARE, most.max(LEAST_SHARE))
    }

    /// What the operator would have to hold is more than that.
    pub(super) fn beyond_task_memory(&self, what: String, limit: usize) -> TaskError {
        TaskError::TaskMemory(TaskMemoryError {
            operator: self.id.clone(),
            what,
            limit: limit as u64,
            slot_size: self.ctx.memory.task_size(),
        })
    }

    /// A count of the operator's, which is a metric of its too.
    pub(super) fn accumulator(&self, name: &str) -> Accumulator {
        let count = self.ctx.counters.accumulator(&self.id, name);
        let counted = count.clone();
        self.metrics().gauge(name, move || counted.get());
        count
    }

    /// The operator's metrics, to register more.
    pub(super) fn metrics(&self) -> MetricGroup {
        self.ctx.metrics.operator(&self.id)
    }

    /// Waits until a time has come or the task is cancelled.
    pub(super) fn wait_until(&self, due: Instant) -> Result<(), TaskError> {
        let left = due.saturating_duration_since(thread_now());
        if left.is_zero() {
            return Ok(());
        }
        self.ctx.block_on(async move { tokio::time::sleep(left).await })
    }
}

/// Spaces out what may happen only so often: amounts are paid for with time.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    due: Option<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: f64) -> Self {
        Self { per_second, due: None }
    }

    /// When the next amount may pass.
    pub(super) fn due(&self) -> Instant {
        self.due.unwrap_or_else(thread_now)
    }

    /// Notes that an amount passes now. Time in which nothing passed is not made up for.
    pub(super) fn pay(&mut self, amount: f64) {
        let now = thread_now();
        let start = self.due.map_or(now, |due| due.max(now));
        self.due = Some(start + Duration::from_secs_f64((amount / self.per_second).min(1e9)));
    }
}
