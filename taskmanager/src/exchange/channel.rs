//! Names of channels and of those at their ends.

use std::fmt;

use selvedge_core::{ExecutionAttemptId, JobId, LeaderSessionId, ResourceId};

/// A job under one of its leaders: what an earlier leader deployed never meets what a later one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// The job.
    pub job_id: JobId,
    /// The JobMaster's fencing token.
    pub job_master_id: LeaderSessionId,
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} of leader {}", self.job_id, self.job_master_id)
    }
}

/// A channel of a job: one edge, one attempt at each end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    /// The edge's position in the JobGraph.
    pub edge: u32,
    /// Who sends.
    pub producer: ExecutionAttemptId,
    /// Who receives.
    pub consumer: ExecutionAttemptId,
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} (edge {})", self.producer, self.consumer, self.edge)
    }
}

/// A worker at the other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// The worker's ResourceID; on YARN its container id.
    pub resource_id: ResourceId,
    /// host:port of its Flight service.
    pub data_address: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.resource_id)?;
        if self.data_address.is_empty() {
            return Ok(());
        }
        write!(f, " at {}", self.data_address)
    }
}
