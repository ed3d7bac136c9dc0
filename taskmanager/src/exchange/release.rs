//! Partitions that nobody reads any more: what is kept of their channels goes, at both ends.
//!
//! A partition is what an attempt of a producer sends over one edge. An attempt that is started over never says that it has sent
//! everything, and a stream between two workers lives as long as their job: without this, the ends of its channels would stay
//! until then, and each restart would leave some.

use std::collections::BTreeMap;
use std::fmt;

use selvedge_core::VertexId;

use super::channel::{ChannelId, JobKey};
use super::error::ExchangeError;
use super::service::Exchange;

/// Partitions of one edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedPartitions {
    /// The edge's position in the JobGraph.
    pub edge: u32,
    /// Its producing vertex.
    pub vertex: VertexId,
    /// By subtask of that vertex, the last attempt that is released; those before it are as well.
    pub attempts: BTreeMap<u32, u32>,
}

impl ReleasedPartitions {
    /// Whether the channel belongs to one of them.
    pub(super) fn cover(&self, channel: &ChannelId) -> bool {
        let last = self.attempts.get(&channel.producer.subtask);
        channel.edge == self.edge && last.is_some_and(|last| channel.producer.attempt <= *last)
    }
}

impl fmt::Display for ReleasedPartitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A line of a log holds no more.
        const NAMED: usize = 16;
        write!(f, "edge {}:", self.edge)?;
        for (subtask, attempt) in self.attempts.iter().take(NAMED) {
            write!(f, " {}_{subtask}_{attempt}", self.vertex)?;
        }
        match self.attempts.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl Exchange {
    /// Forgets the channels of these partitions. A consumer that waits for one of them fails, and so does whoever opens one
    /// later; what is still on its way over a stream is dropped where it arrives.
    pub fn release_partitions(&self, job: JobKey, partitions: &[ReleasedPartitions]) {
        for released in partitions {
            let waited = self.rendezvous().lock().release(job, released);
            for (channel, input) in waited {
                let peer = channel.producer.to_string().into();
                input.fail(&peer, &ExchangeError::PartitionReleased(channel));
            }
        }
        for incoming in self.incoming(job) {
            incoming.release(partitions);
        }
        for outgoing in self.outgoing_of(job) {
            outgoing.release(partitions);
        }
    }

    /// The ends that wait for another, and the channels of streams from and to other workers.
    #[cfg(test)]
    pub(super) fn held(&self, job: JobKey) -> (usize, usize, usize) {
        let incoming = self.incoming(job).iter().map(|stream| stream.len()).sum();
        let outgoing = self.outgoing_of(job).iter().map(|stream| stream.len()).sum();
        (self.rendezvous().lock().waiting(), incoming, outgoing)
    }
}
