//! Between messages and the model's types: ids as bytes, states by name, profiles in bytes.

use bytes::Bytes;
use selvedge_core::resource::{Quantity, ResourceProfile};
use selvedge_core::status::FailureType;
use selvedge_core::{AllocationId, ExecutionAttemptId, InstanceId, JobId, LeaderSessionId, MemorySize, VertexId};

use super::{GatewayError, GatewayResult, proto};

/// Ids that travel as sixteen bytes.
pub trait WireId: Sized {
    /// The id of these bytes; `Rejected` where they are not sixteen.
    fn from_wire(bytes: &[u8]) -> GatewayResult<Self>;
    /// The bytes of the id.
    fn to_wire(&self) -> Bytes;
}

macro_rules! wire_id {
    ($($name:ident),+) => {
        $(impl WireId for $name {
            fn from_wire(bytes: &[u8]) -> GatewayResult<Self> {
                let bytes = bytes.try_into().map_err(|_| {
                    GatewayError::Rejected(format!("{} bytes are no {}", bytes.len(), stringify!($name)))
                })?;
                Ok(Self::from_bytes(bytes))
            }

            fn to_wire(&self) -> Bytes {
                Bytes::copy_from_slice(self.as_bytes())
            }
        })+
    };
}

wire_id!(JobId, AllocationId, InstanceId, LeaderSessionId);

impl From<&ExecutionAttemptId> for proto::ExecutionAttempt {
    fn from(id: &ExecutionAttemptId) -> Self {
        Self {
            vertex: id.vertex.0.clone(),
            subtask: id.subtask,
            attempt: id.attempt,
        }
    }
}

impl From<proto::ExecutionAttempt> for ExecutionAttemptId {
    fn from(attempt: proto::ExecutionAttempt) -> Self {
        Self {
            vertex: VertexId(attempt.vertex),
            subtask: attempt.subtask,
            attempt: attempt.attempt,
        }
    }
}

impl From<FailureType> for proto::FailureType {
    fn from(failure: FailureType) -> Self {
        match failure {
            FailureType::Recoverable => Self::Recoverable,
            FailureType::NonRecoverable => Self::NonRecoverable,
            FailureType::PartitionDataMissing => Self::PartitionDataMissing,
            FailureType::Environment => Self::Environment,
        }
    }
}

/// The type of a failure; `Rejected` where it is none.
pub fn failure_type(wire: i32) -> GatewayResult<FailureType> {
    match proto::FailureType::try_from(wire) {
        Ok(proto::FailureType::Recoverable) => Ok(FailureType::Recoverable),
        Ok(proto::FailureType::NonRecoverable) => Ok(FailureType::NonRecoverable),
        Ok(proto::FailureType::PartitionDataMissing) => Ok(FailureType::PartitionDataMissing),
        Ok(proto::FailureType::Environment) => Ok(FailureType::Environment),
        Err(_) => Err(GatewayError::Rejected(format!("{wire} is no type of a failure"))),
    }
}

/// The attempt that a message must name.
pub fn required_attempt(attempt: Option<proto::ExecutionAttempt>) -> GatewayResult<ExecutionAttemptId> {
    attempt
        .map(Into::into)
        .ok_or_else(|| GatewayError::Rejected("the message names no execution attempt".to_owned()))
}

impl From<&ResourceProfile> for proto::ResourceProfile {
    fn from(profile: &ResourceProfile) -> Self {
        Self {
            cpu_cores: profile.cpu_cores.to_f64(),
            task_heap: profile.task_heap.bytes(),
            task_off_heap: profile.task_off_heap.bytes(),
            managed: profile.managed.bytes(),
            network: profile.network.bytes(),
            extended: profile
                .extended
                .iter()
                .map(|(name, amount)| (name.clone(), amount.to_f64()))
                .collect(),
        }
    }
}

impl From<&proto::ResourceProfile> for ResourceProfile {
    fn from(profile: &proto::ResourceProfile) -> Self {
        // What is no amount is nothing: it never makes a slot larger than it is.
        let quantity = |amount: f64| Quantity::from_f64(amount).unwrap_or_default();
        Self {
            cpu_cores: quantity(profile.cpu_cores),
            task_heap: MemorySize::from_bytes(profile.task_heap),
            task_off_heap: MemorySize::from_bytes(profile.task_off_heap),
            managed: MemorySize::from_bytes(profile.managed),
            network: MemorySize::from_bytes(profile.network),
            extended: profile
                .extended
                .iter()
                .map(|(name, amount)| (name.clone(), quantity(*amount)))
                .collect(),
        }
    }
}
