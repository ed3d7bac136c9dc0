//! Batches from task to task: over Arrow Flight between workers, through memory within one.
//!
//! ```text
//!  producer's worker                                             consumer's worker
//!  task ─ ResultPartition ─┬─ LocalSender ──────────────────┐
//!                          │                                ├──▶ InputGate ─ task
//!                          └─ RemoteSender ─ one DoExchange ┘        │
//!             ▲                              per (worker, worker,    │
//!             └───────── credit in bytes ◀── job and leader) ◀───────┘
//! ```
//!
//! A channel carries what one attempt of a producer sends to one attempt of a consumer over one edge. The consumer grants
//! it credit in bytes; a producer never sends beyond it, so what waits in a gate is bounded, and since everything that
//! arrives is taken off the stream at once, a blocked channel stalls no other. A channel whose consumer is not there yet has
//! no credit. Only an oversized record may exceed the credit, alone, when the channel is empty. An attempt whose partition
//! nobody reads any more leaves nothing: see `release.rs`.
//!
//! Callers: the TaskExecutor opens gates and partitions for the tasks that it deploys, and begins and ends jobs.

mod batch;
mod budget;
mod channel;
mod client;
mod coalesce;
mod credit;
mod elapsed;
mod error;
mod gate;
mod gate_queue;
mod incoming;
mod partition;
mod partitioner;
mod release;
mod send_pool;
mod sender;
mod server;
mod service;
mod state;
mod stream_credit;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

use std::time::Duration;

use selvedge_core::MemorySize;

pub use budget::{MAX_CHANNEL_CREDIT, MIN_CHANNEL_CREDIT, NetworkBudget, OutputGrant};
pub(crate) use elapsed::Elapsed;

pub use channel::{ChannelId, JobKey, Peer};
pub use error::ExchangeError;
pub use gate::{GateEvent, InputGate};
pub use partition::{Outputs, ResultPartition};
pub use partitioner::{BatchPartitioner, Shipping};
pub use release::ReleasedPartitions;
pub use send_pool::SendPool;
pub use service::{Exchange, InputChannelSpec, OutputChannelSpec};
pub use usage::NetworkUse;

/// What the exchange of one worker may take, and how it batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeConfig {
    /// All memory for batches on their way, of the whole worker.
    pub network_memory: MemorySize,
    /// A channel's small batches are joined up to this many rows.
    pub coalesce_rows: usize,
    /// The longest that a record waits to be joined with others (Flink's `execution.buffer-timeout.interval`).
    pub buffer_timeout: Duration,
}

impl ExchangeConfig {
    /// The defaults for this much network memory.
    pub const fn new(network_memory: MemorySize) -> Self {
        Self {
            network_memory,
            coalesce_rows: 8192,
            buffer_timeout: Duration::from_millis(100),
        }
    }

    /// The HTTP/2 window: at least all credits together, so that the stream itself never holds a channel back.
    fn window(&self) -> u32 {
        const MAX_WINDOW: u64 = (1 << 31) - 1;
        let bytes = self.network_memory.bytes().clamp(1 << 20, MAX_WINDOW);
        u32::try_from(bytes).unwrap_or(u32::MAX >> 1)
    }
}
