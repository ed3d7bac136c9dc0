//! Identifiers.

use yarn_common::id::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};

use super::{ConversionError, required};
use crate::proto::yarn::{ApplicationAttemptIdProto, ApplicationIdProto, ContainerIdProto, NodeIdProto};

// Hadoop's numbers are signed; those that never are negative are unsigned on our side. The number of a container is
// negative where a node has allotted it: its bits are kept.

impl From<ApplicationId> for ApplicationIdProto {
    fn from(id: ApplicationId) -> Self {
        Self {
            id: Some(id.sequence() as i32),
            cluster_timestamp: Some(id.cluster_timestamp() as i64),
        }
    }
}

impl TryFrom<ApplicationIdProto> for ApplicationId {
    type Error = ConversionError;

    fn try_from(id: ApplicationIdProto) -> Result<Self, ConversionError> {
        Ok(Self::new(
            required(id.cluster_timestamp, "cluster timestamp")?,
            required(id.id, "application number")?,
        ))
    }
}

impl From<ApplicationAttemptId> for ApplicationAttemptIdProto {
    fn from(id: ApplicationAttemptId) -> Self {
        Self {
            application_id: Some(id.application().into()),
            attempt_id: Some(id.attempt() as i32),
        }
    }
}

impl TryFrom<ApplicationAttemptIdProto> for ApplicationAttemptId {
    type Error = ConversionError;

    fn try_from(id: ApplicationAttemptIdProto) -> Result<Self, ConversionError> {
        Ok(Self::new(
            required(id.application_id, "application id")?,
            required(id.attempt_id, "attempt number")?,
        ))
    }
}

impl From<ContainerId> for ContainerIdProto {
    fn from(id: ContainerId) -> Self {
        Self {
            app_id: None,
            app_attempt_id: Some(id.attempt().into()),
            id: Some(id.packed() as i64),
        }
    }
}

impl TryFrom<ContainerIdProto> for ContainerId {
    type Error = ConversionError;

    fn try_from(id: ContainerIdProto) -> Result<Self, ConversionError> {
        let attempt = required(id.app_attempt_id, "attempt id")?;
        let number = id.id.ok_or(ConversionError("container number"))?;
        Ok(Self::from_packed(attempt, number as u64))
    }
}

impl From<&NodeId> for NodeIdProto {
    fn from(id: &NodeId) -> Self {
        Self {
            host: Some(id.host().to_owned()),
            port: Some(id.port().into()),
        }
    }
}

impl TryFrom<NodeIdProto> for NodeId {
    type Error = ConversionError;

    fn try_from(id: NodeIdProto) -> Result<Self, ConversionError> {
        let host = id
            .host
            .filter(|host| !host.is_empty())
            .ok_or(ConversionError("node host"))?;
        Ok(Self::new(host, required(id.port, "node port")?))
    }
}
