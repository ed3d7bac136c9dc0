//! The protobuf messages behind identifiers (Hadoop's `yarn_security_token.proto` and what it refers to), as far as
//! identifiers use them.

use super::{required, wrong};
use crate::id::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};
use crate::resource::{Priority, Resource};
use crate::submission::LogAggregationContext;
use crate::token::TokenError;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AmRmMessage {
    #[prost(message, optional, tag = "1")]
    pub(super) attempt: Option<AttemptMessage>,
    #[prost(int32, optional, tag = "2", default = "-1")]
    pub(super) key_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NmMessage {
    #[prost(message, optional, tag = "1")]
    pub(super) attempt: Option<AttemptMessage>,
    #[prost(message, optional, tag = "2")]
    pub(super) node: Option<NodeMessage>,
    #[prost(string, optional, tag = "3")]
    pub(super) submitter: Option<String>,
    #[prost(int32, optional, tag = "4", default = "-1")]
    pub(super) key_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ClientToAmMessage {
    #[prost(message, optional, tag = "1")]
    pub(super) attempt: Option<AttemptMessage>,
    #[prost(string, optional, tag = "2")]
    pub(super) client: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DelegationMessage {
    #[prost(string, optional, tag = "1")]
    pub(super) owner: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) renewer: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) real_user: Option<String>,
    #[prost(int64, optional, tag = "4")]
    pub(super) issue_date: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub(super) max_date: Option<i64>,
    #[prost(int32, optional, tag = "6")]
    pub(super) sequence_number: Option<i32>,
    #[prost(int32, optional, tag = "7")]
    pub(super) master_key_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerMessage {
    #[prost(message, optional, tag = "1")]
    pub(super) container: Option<ContainerIdMessage>,
    #[prost(string, optional, tag = "2")]
    pub(super) node_address: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) submitter: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(super) resource: Option<ResourceMessage>,
    #[prost(int64, optional, tag = "5")]
    pub(super) expiry: Option<i64>,
    #[prost(int32, optional, tag = "6", default = "-1")]
    pub(super) master_key_id: Option<i32>,
    #[prost(int64, optional, tag = "7")]
    pub(super) rm_identifier: Option<i64>,
    #[prost(message, optional, tag = "8")]
    pub(super) priority: Option<PriorityMessage>,
    #[prost(int64, optional, tag = "9")]
    pub(super) creation_time: Option<i64>,
    #[prost(message, optional, tag = "10")]
    pub(super) log_aggregation: Option<LogAggregationMessage>,
    #[prost(string, optional, tag = "11")]
    pub(super) node_label: Option<String>,
    #[prost(int32, optional, tag = "12")]
    pub(super) container_type: Option<i32>,
    #[prost(int32, optional, tag = "13")]
    pub(super) execution_type: Option<i32>,
    #[prost(int32, optional, tag = "14", default = "0")]
    pub(super) version: Option<i32>,
    #[prost(int64, optional, tag = "15", default = "-1")]
    pub(super) allocation_request_id: Option<i64>,
    #[prost(string, repeated, tag = "16")]
    pub(super) allocation_tags: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ApplicationMessage {
    #[prost(int32, optional, tag = "1")]
    id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    cluster_timestamp: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct AttemptMessage {
    #[prost(message, optional, tag = "1")]
    application: Option<ApplicationMessage>,
    #[prost(int32, optional, tag = "2")]
    attempt: Option<i32>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ContainerIdMessage {
    #[prost(message, optional, tag = "2")]
    attempt: Option<AttemptMessage>,
    #[prost(int64, optional, tag = "3")]
    id: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodeMessage {
    #[prost(string, optional, tag = "1")]
    host: Option<String>,
    #[prost(int32, optional, tag = "2")]
    port: Option<i32>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct PriorityMessage {
    #[prost(int32, optional, tag = "1")]
    pub(super) priority: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResourceMessage {
    #[prost(int64, optional, tag = "1")]
    memory: Option<i64>,
    #[prost(int32, optional, tag = "2")]
    virtual_cores: Option<i32>,
    #[prost(message, repeated, tag = "3")]
    types: Vec<ResourceTypeMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResourceTypeMessage {
    #[prost(string, required, tag = "1")]
    key: String,
    #[prost(int64, optional, tag = "2")]
    value: Option<i64>,
    #[prost(string, optional, tag = "3")]
    units: Option<String>,
    /// 0 is countable, the only one.
    #[prost(int32, optional, tag = "4")]
    kind: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LogAggregationMessage {
    #[prost(string, optional, tag = "1")]
    include: Option<String>,
    #[prost(string, optional, tag = "2")]
    exclude: Option<String>,
    #[prost(string, optional, tag = "3")]
    rolled_include: Option<String>,
    #[prost(string, optional, tag = "4")]
    rolled_exclude: Option<String>,
    #[prost(string, optional, tag = "5")]
    policy_class: Option<String>,
    #[prost(string, optional, tag = "6")]
    policy_parameters: Option<String>,
}

impl From<ApplicationAttemptId> for AttemptMessage {
    fn from(id: ApplicationAttemptId) -> Self {
        let application = ApplicationMessage {
            id: Some(id.application().sequence() as i32),
            cluster_timestamp: Some(id.application().cluster_timestamp() as i64),
        };
        Self {
            application: Some(application),
            attempt: Some(id.attempt() as i32),
        }
    }
}

impl AttemptMessage {
    pub(super) fn read(self, kind: &'static str) -> Result<ApplicationAttemptId, TokenError> {
        let application = required(kind, "application id", self.application)?;
        let timestamp = unsigned(kind, "cluster timestamp", application.cluster_timestamp)?;
        let sequence = unsigned(kind, "application number", application.id)?;
        let attempt = unsigned(kind, "attempt number", self.attempt)?;
        Ok(ApplicationAttemptId::new(
            ApplicationId::new(timestamp, sequence),
            attempt,
        ))
    }
}

impl From<ContainerId> for ContainerIdMessage {
    fn from(id: ContainerId) -> Self {
        Self {
            attempt: Some(id.attempt().into()),
            id: Some(id.packed() as i64),
        }
    }
}

impl ContainerIdMessage {
    pub(super) fn read(self, kind: &'static str) -> Result<ContainerId, TokenError> {
        let attempt = required(kind, "attempt id", self.attempt)?.read(kind)?;
        let number = required(kind, "container number", self.id)?;
        // Negative where a node has allotted it.
        Ok(attempt.container(number as u64))
    }
}

impl From<&NodeId> for NodeMessage {
    fn from(node: &NodeId) -> Self {
        Self {
            host: Some(node.host().to_owned()),
            port: Some(node.port().into()),
        }
    }
}

impl NodeMessage {
    pub(super) fn read(self, kind: &'static str) -> Result<NodeId, TokenError> {
        let host = required(kind, "host of the node", self.host)?;
        Ok(NodeId::new(host, unsigned(kind, "port of the node", self.port)?))
    }
}

impl From<Priority> for PriorityMessage {
    fn from(priority: Priority) -> Self {
        Self {
            priority: Some(priority.0),
        }
    }
}

impl From<&Resource> for ResourceMessage {
    /// As Java writes it: memory and cores stand in the list of all types too.
    fn from(resource: &Resource) -> Self {
        let memory = i64::try_from(resource.memory_mb).unwrap_or(i64::MAX);
        let cores = i32::try_from(resource.vcores).unwrap_or(i32::MAX);
        let kind = |key: &str, value: i64, units: &str| ResourceTypeMessage {
            key: key.to_owned(),
            value: Some(value),
            units: Some(units.to_owned()),
            kind: Some(0),
        };
        let extra = resource.extra.iter();
        let extra = extra.map(|(name, amount)| kind(name, i64::try_from(*amount).unwrap_or(i64::MAX), ""));
        let own = [kind("memory-mb", memory, "Mi"), kind("vcores", cores.into(), "")];
        Self {
            memory: Some(memory),
            virtual_cores: Some(cores),
            types: own.into_iter().chain(extra).collect(),
        }
    }
}

impl ResourceMessage {
    pub(super) fn read(self, kind: &'static str) -> Result<Resource, TokenError> {
        let mut resource = Resource::new(
            unsigned(kind, "memory", self.memory)?,
            unsigned(kind, "number of cores", self.virtual_cores)?,
        );
        for entry in self.types {
            if entry.key != "memory-mb" && entry.key != "vcores" {
                let amount = unsigned(kind, "amount of a resource", entry.value)?;
                resource = resource.with_extra(entry.key, amount);
            }
        }
        Ok(resource)
    }
}

impl From<&LogAggregationContext> for LogAggregationMessage {
    fn from(context: &LogAggregationContext) -> Self {
        Self {
            include: context.include_pattern.clone(),
            exclude: context.exclude_pattern.clone(),
            rolled_include: context.rolled_logs_include_pattern.clone(),
            rolled_exclude: context.rolled_logs_exclude_pattern.clone(),
            policy_class: context.policy_class_name.clone(),
            policy_parameters: context.policy_parameters.clone(),
        }
    }
}

impl LogAggregationMessage {
    pub(super) fn read(self) -> LogAggregationContext {
        LogAggregationContext {
            include_pattern: self.include,
            exclude_pattern: self.exclude,
            rolled_logs_include_pattern: self.rolled_include,
            rolled_logs_exclude_pattern: self.rolled_exclude,
            policy_class_name: self.policy_class,
            policy_parameters: self.policy_parameters,
        }
    }
}

/// Hadoop's numbers are signed; those that are never negative are unsigned on our side. One that is absent is 0.
fn unsigned<S, U>(kind: &'static str, field: &'static str, value: Option<S>) -> Result<U, TokenError>
where
    S: Default + Copy + std::fmt::Display + TryInto<U>,
{
    let value = value.unwrap_or_default();
    value.try_into().map_err(|_| wrong(kind, field, value))
}
