//! How much a producer may still send on one channel.

use std::sync::Arc;

use parking_lot::Mutex;
use selvedge_runtime::clock::{thread_elapsed, thread_now};
use tokio::sync::Notify;

use super::elapsed::Elapsed;
use super::error::ExchangeError;
use crate::operator::{TaskContext, TaskError};

/// The producer's account of one channel: the consumer's grants go in, the task thread takes out and waits.
#[derive(Debug, Default)]
pub(super) struct CreditGate {
    account: Mutex<Account>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Account {
    /// Bytes that may be sent. Below zero after an oversized record.
    available: i64,
    /// The first grant: what is available when the channel is empty. Zero until it came.
    window: i64,
    failure: Option<ExchangeError>,
    waited: Elapsed,
}

impl Account {
    fn take(&mut self, bytes: i64) -> Option<Result<(), ExchangeError>> {
        if let Some(failure) = &self.failure {
            return Some(Err(failure.clone()));
        }
        let is_empty = self.window > 0 && self.available == self.window;
        if self.available >= bytes.max(1) || is_empty {
            self.available -= bytes;
            return Some(Ok(()));
        }
        None
    }

    fn window(&self) -> Option<Result<u64, ExchangeError>> {
        match &self.failure {
            Some(failure) => Some(Err(failure.clone())),
            None if self.window > 0 => Some(Ok(self.window.unsigned_abs())),
            None => None,
        }
    }
}

impl CreditGate {
    /// The consumer grants credit; its first grant is the channel's window.
    pub(super) fn grant(&self, bytes: u64) {
        let bytes = signed(bytes);
        let mut account = self.account.lock();
        if account.window == 0 {
            account.window = bytes;
        }
        account.available += bytes;
        drop(account);
        self.changed.notify_one();
    }

    /// Nothing can be sent any more.
    pub(super) fn fail(&self, error: ExchangeError) {
        self.account.lock().failure.get_or_insert(error);
        self.changed.notify_one();
    }

    /// The channel's window; waits until the consumer is there.
    pub(super) fn window(&self, context: &TaskContext, peer: &str) -> Result<u64, TaskError> {
        self.wait(context, peer, |account| account.window())
    }

    /// Takes this much of the credit; waits until it is there.
    pub(super) fn take(&self, bytes: u64, context: &TaskContext, peer: &str) -> Result<(), TaskError> {
        let bytes = signed(bytes);
        self.wait(context, peer, |account| account.take(bytes))
    }

    fn wait<T>(
        &self,
        context: &TaskContext,
        peer: &str,
        mut ready: impl FnMut(&mut Account) -> Option<Result<T, ExchangeError>>,
    ) -> Result<T, TaskError> {
        if context.cancelled.is_cancelled() {
            return Err(TaskError::Cancelled);
        }
        let mut ready = || ready(&mut self.account.lock());
        if let Some(result) = ready() {
            return result.map_err(|error| error.into_task_error(peer));
        }
        let since = thread_now();
        let result = context.block_on(async {
            loop {
                self.changed.notified().await;
                if let Some(result) = ready() {
                    return result;
                }
            }
        });
        let millis = &context.counters.backpressured_ms;
        self.account.lock().waited.add(thread_elapsed(since), millis);
        result?.map_err(|error| error.into_task_error(peer))
    }
}

pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Where the consumer's grants for one channel go.
pub(super) trait CreditSink: Send + Sync {
    fn grant(&self, bytes: u64);
}

impl CreditSink for Arc<CreditGate> {
    fn grant(&self, bytes: u64) {
        CreditGate::grant(self, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_beyond_the_credit_except_one_oversized_record_on_an_empty_channel() {
        let mut account = Account::default();
        assert!(account.take(1).is_none(), "no consumer yet");
        (account.window, account.available) = (100, 100);
        assert!(account.take(60).is_some());
        assert!(account.take(41).is_none());
        assert!(account.take(40).is_some());
        assert!(account.take(0).is_none(), "a batch without bytes waits like any other");
        account.available += 100;
        assert!(account.take(5000).is_some());
        assert_eq!(account.available, -4900);
        account.available += 4999;
        assert!(account.take(500).is_none());
        account.available += 1;
        assert!(account.take(500).is_some());
    }
}
