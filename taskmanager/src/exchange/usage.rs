//! How many bytes the exchange of a worker holds now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of batches on their way: waiting in gates, to be joined, or to be sent.
#[derive(Debug, Default)]
pub struct NetworkUse(AtomicU64);

impl NetworkUse {
    /// All of them.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, bytes: u64) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One part of the use; what it holds ends with it.
#[derive(Debug)]
pub(super) struct Held {
    usage: Arc<NetworkUse>,
    bytes: u64,
}

impl Held {
    pub(super) const fn new(usage: Arc<NetworkUse>) -> Self {
        Self { usage, bytes: 0 }
    }

    /// This part holds so much from now on.
    pub(super) fn set(&mut self, bytes: u64) {
        self.usage.add(bytes);
        self.usage.subtract(self.bytes);
        self.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}
