//! What the tasks of one slot may have handed over to connections and not yet sent.
//!
//! The credit of a channel is the consumer's memory; until a batch has left, it takes the producer's. A task waits here for
//! the network only, never for a consumer: what is in the pool is within the credit, and the other worker takes it at once.

use std::sync::Arc;

use parking_lot::Mutex;
use selvedge_runtime::clock::{thread_elapsed, thread_now};
use tokio::sync::Notify;

use super::elapsed::Elapsed;
use super::usage::NetworkUse;
use crate::operator::{TaskContext, TaskError};

/// The pool of one slot.
#[derive(Debug)]
pub struct SendPool {
    size: u64,
    usage: Arc<NetworkUse>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: u64,
    waited: Elapsed,
}

impl State {
    /// Takes what fits; what is larger than the pool fits when nothing else is there.
    fn take(&mut self, bytes: u64, size: u64) -> bool {
        let fits = self.taken == 0 || self.taken + bytes <= size;
        if fits {
            self.taken += bytes;
        }
        fits
    }
}

impl SendPool {
    /// A pool of this many bytes.
    pub(super) fn new(size: u64, usage: Arc<NetworkUse>) -> Arc<Self> {
        Arc::new(Self {
            size,
            usage,
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Takes so much for a message; waits until it is there.
    pub(super) fn take(self: &Arc<Self>, bytes: u64, context: &TaskContext) -> Result<SendPermit, TaskError> {
        let take = || self.state.lock().take(bytes, self.size);
        if !take() {
            let since = thread_now();
            let waited = context.block_on(async {
                while !take() {
                    self.changed.notified().await;
                }
            });
            let millis = &context.counters.backpressured_ms;
            self.state.lock().waited.add(thread_elapsed(since), millis);
            waited?;
        }
        self.usage.add(bytes);
        Ok(SendPermit {
            pool: self.clone(),
            bytes,
        })
    }
}

/// The place of one message, until it is dropped.
#[derive(Debug)]
pub(super) struct SendPermit {
    pool: Arc<SendPool>,
    bytes: u64,
}

impl Drop for SendPermit {
    fn drop(&mut self) {
        self.pool.usage.subtract(self.bytes);
        self.pool.state.lock().taken -= self.bytes;
        // Several may fit now; the second call is for one that is about to wait.
        self.pool.changed.notify_waiters();
        self.pool.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{attempt, context};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_task_waits_until_what_it_sends_fits() {
        let usage = Arc::<NetworkUse>::default();
        let pool = SendPool::new(100, usage.clone());
        let context = context(attempt("a", 0));
        let first = pool.take(60, &context).unwrap();
        let (waiting, waits) = (pool.clone(), context.clone());
        let second = tokio::task::spawn_blocking(move || waiting.take(60, &waits).unwrap());
        tokio::task::yield_now().await;
        assert_eq!(usage.bytes(), 60);
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(usage.bytes(), 60);
        drop(second);
        let oversized = pool.take(1000, &context).unwrap();
        assert_eq!(usage.bytes(), 1000, "alone, it may exceed the pool");
        let (waiting, waits) = (pool.clone(), context.clone());
        let cancelled = tokio::task::spawn_blocking(move || waiting.take(1, &waits).map(drop));
        context.cancelled.cancel();
        assert!(matches!(cancelled.await.unwrap(), Err(TaskError::Cancelled)));
        drop(oversized);
        assert_eq!(usage.bytes(), 0);
    }
}
