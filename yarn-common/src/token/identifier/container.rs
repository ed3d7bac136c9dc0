//! The grant of one container.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use super::message::{ContainerMessage, LogAggregationMessage};
use super::{decoded, required, wrong};
use crate::id::ContainerId;
use crate::resource::{Priority, Resource};
use crate::submission::LogAggregationContext;
use crate::token::TokenError;

const KIND: &str = "container token";

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerType {
    /// The ApplicationMaster's own.
    ApplicationMaster,
    /// Any other.
    Task,
}

/// Whether a container's resources are kept for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExecutionType {
    /// It has its resources from the start.
    #[default]
    Guaranteed,
    /// It runs where something is left over, and may wait on the node or be killed for a guaranteed one.
    Opportunistic,
}

/// What the ResourceManager grants by a container token. The NodeManager enforces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerTokenIdentifier {
    /// The container.
    pub container: ContainerId,
    /// The NodeManager, `host:port`.
    pub node_address: String,
    /// The user that it runs as.
    pub submitter: String,
    /// How much it may use.
    pub resource: Resource,
    /// It must be started before this time, in milliseconds since 1970.
    pub expiry: i64,
    /// The key that signed it.
    pub master_key_id: i32,
    /// The ResourceManager that granted it, by its start time; a NodeManager refuses the grants of a previous one.
    pub rm_identifier: i64,
    /// The priority of the ask.
    pub priority: Priority,
    /// When it was granted, in milliseconds since 1970.
    pub creation_time: i64,
    /// Which logs are gathered.
    pub log_aggregation: Option<LogAggregationContext>,
    /// The label of the node; empty for none.
    pub node_label: String,
    /// What it is for; `None` where an old ResourceManager does not say.
    pub container_type: Option<ContainerType>,
    /// Whether its resources are kept for it.
    pub execution_type: ExecutionType,
    /// Raised by every update of the container.
    pub version: i32,
    /// The id of the ask; -1 for none.
    pub allocation_request_id: i64,
    /// The tags under which placement constraints count it.
    pub allocation_tags: BTreeSet<String>,
}

impl ContainerTokenIdentifier {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`TokenError::Identifier`] or [`TokenError::IdentifierField`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        let message: ContainerMessage = decoded(KIND, bytes)?;
        let container_type = match message.container_type {
            None => None,
            Some(1) => Some(ContainerType::ApplicationMaster),
            Some(2) => Some(ContainerType::Task),
            Some(other) => return Err(wrong(KIND, "container type", other)),
        };
        let execution_type = match message.execution_type {
            None | Some(1) => ExecutionType::Guaranteed,
            Some(2) => ExecutionType::Opportunistic,
            Some(other) => return Err(wrong(KIND, "execution type", other)),
        };
        Ok(Self {
            master_key_id: message.master_key_id(),
            version: message.version(),
            allocation_request_id: message.allocation_request_id(),
            container: required(KIND, "container id", message.container)?.read(KIND)?,
            node_address: message.node_address.unwrap_or_default(),
            submitter: message.submitter.unwrap_or_default(),
            resource: required(KIND, "resource", message.resource)?.read(KIND)?,
            expiry: message.expiry.unwrap_or_default(),
            rm_identifier: message.rm_identifier.unwrap_or_default(),
            priority: Priority(message.priority.unwrap_or_default().priority.unwrap_or_default()),
            creation_time: message.creation_time.unwrap_or_default(),
            log_aggregation: message.log_aggregation.map(LogAggregationMessage::read),
            node_label: message.node_label.unwrap_or_default(),
            container_type,
            execution_type,
            allocation_tags: message.allocation_tags.into_iter().collect(),
        })
    }

    /// The bytes that Hadoop writes.
    pub fn encode(&self) -> Bytes {
        let message = ContainerMessage {
            container: Some(self.container.into()),
            node_address: Some(self.node_address.clone()),
            submitter: Some(self.submitter.clone()),
            resource: Some((&self.resource).into()),
            expiry: Some(self.expiry),
            master_key_id: Some(self.master_key_id),
            rm_identifier: Some(self.rm_identifier),
            priority: Some(self.priority.into()),
            creation_time: Some(self.creation_time),
            log_aggregation: self.log_aggregation.as_ref().map(Into::into),
            node_label: Some(self.node_label.clone()).filter(|label| !label.is_empty()),
            container_type: self.container_type.map(|kind| match kind {
                ContainerType::ApplicationMaster => 1,
                ContainerType::Task => 2,
            }),
            execution_type: Some(match self.execution_type {
                ExecutionType::Guaranteed => 1,
                ExecutionType::Opportunistic => 2,
            }),
            version: Some(self.version),
            allocation_request_id: Some(self.allocation_request_id),
            allocation_tags: self.allocation_tags.iter().cloned().collect(),
        };
        message.encode_to_vec().into()
    }
}
