//! What can go wrong in the exchange.

use std::sync::Arc;

use selvedge_core::ResourceId;
use selvedge_core::status::FailureType;
use thiserror::Error;
use tonic::Status;

use super::channel::{ChannelId, JobKey};
use crate::operator::TaskError;

/// A failure of the exchange, by step. Cheap to clone: one failed stream fails every task that it served.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The stream to or from another worker broke.
    #[error("the stream with {peer} broke: {reason}")]
    PeerLost {
        /// The other worker.
        peer: Arc<str>,
        /// As the connection tells it.
        reason: Arc<str>,
    },
    /// Another worker broke the protocol.
    #[error("{peer} broke the exchange protocol: {reason}")]
    Protocol {
        /// The other worker.
        peer: Arc<str>,
        /// What it did.
        reason: Arc<str>,
    },
    /// The stream belongs to a job or leader that is over.
    #[error("{job} has ended on worker {worker}")]
    JobEnded {
        /// The job.
        job: JobKey,
        /// The worker that refuses.
        worker: ResourceId,
    },
    /// Two ends of one kind claim one channel.
    #[error("the channel {0} is open already")]
    DuplicateChannel(ChannelId),
    /// The producer was started over, or its consumers have everything.
    #[error("the partition of channel {0} is released: nobody reads it any more")]
    PartitionReleased(ChannelId),
    /// A batch cannot be encoded or decoded.
    #[error("a batch of {peer} cannot be {step}: {reason}")]
    Codec {
        /// The other end.
        peer: Arc<str>,
        /// `encoded` or `decoded`.
        step: &'static str,
        /// Arrow's words.
        reason: Arc<str>,
    },
    /// One record is larger than a message may be.
    #[error(
        "a record for {peer} takes {bytes} bytes, more than the {limit} that a message may hold; make the record smaller"
    )]
    RecordTooLarge {
        /// The other end.
        peer: Arc<str>,
        /// The record's size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The share of network memory is too small for the channels of a slot.
    #[error(
        "insufficient network memory: {channels} input channels need at least {required} bytes, the slot has {available}; \
         raise taskmanager.memory.network.min and .max, or lower the parallelism"
    )]
    InsufficientMemory {
        /// Input channels of the tasks in the slot.
        channels: usize,
        /// The least that they need.
        required: u64,
        /// What the slot has left.
        available: u64,
    },
    /// The worker ends.
    #[error("worker {0} is shutting down")]
    ShuttingDown(ResourceId),
}

impl ExchangeError {
    /// The error as a task reports it, `peer` being its view of the other end.
    pub fn into_task_error(self, peer: &str) -> TaskError {
        let (peer, reason) = match &self {
            Self::PeerLost { peer, reason } | Self::Protocol { peer, reason } => (peer.to_string(), reason.to_string()),
            other => (peer.to_owned(), other.to_string()),
        };
        TaskError::Exchange {
            peer,
            reason,
            failure_type: self.failure_type(),
        }
    }

    const fn failure_type(&self) -> FailureType {
        match self {
            Self::PeerLost { .. }
            | Self::Protocol { .. }
            | Self::JobEnded { .. }
            | Self::PartitionReleased(_)
            | Self::ShuttingDown(_) => FailureType::PartitionDataMissing,
            _ => FailureType::Recoverable,
        }
    }
}

impl From<&ExchangeError> for Status {
    fn from(error: &ExchangeError) -> Self {
        let message = error.to_string();
        match error {
            ExchangeError::JobEnded { .. } | ExchangeError::PartitionReleased(_) => Self::failed_precondition(message),
            ExchangeError::ShuttingDown(_) => Self::unavailable(message),
            ExchangeError::DuplicateChannel(_) => Self::already_exists(message),
            _ => Self::invalid_argument(message),
        }
    }
}
