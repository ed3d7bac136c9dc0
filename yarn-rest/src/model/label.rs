use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use yarn_common::id::NodeId;

use super::{Extra, ResourceInfo};
use crate::lenient;

/// A node label.
///
/// `{"name":"gpu","exclusivity":"true","partitionInfo":{"resourceAvailable":{…}}}`
///
/// Source: `NodeLabelInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeLabel {
    /// Its name; empty for the default partition.
    #[serde(default)]
    pub name: String,
    /// Whether only who asks for it gets its nodes; else idle ones are given to others, too.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub exclusivity: Option<bool>,
    /// What its nodes have.
    #[serde(default)]
    pub partition_info: Option<PartitionInfo>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What the nodes with a label have.
///
/// `{"resourceAvailable":{"memory":8192,"vCores":8}}`
///
/// Source: `PartitionInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PartitionInfo {
    /// All of it.
    #[serde(default)]
    pub resource_available: Option<ResourceInfo>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A node and its labels.
///
/// `{"key":"host:port","value":{"nodeLabelInfo":[…]}}`
///
/// Source: `NodeToLabelsInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct LabelsOfNode {
    /// The node; port 0 stands for all NodeManagers of the host.
    #[serde(rename = "key")]
    pub node: NodeId,
    /// Its labels.
    #[serde(default, rename = "value", deserialize_with = "labels")]
    pub labels: Vec<NodeLabel>,
}

/// A label and its nodes.
///
/// `{"key":{"name":"gpu","exclusivity":"true"},"value":{"nodes":["host:port"],"partitionInfo":{…}}}`
///
/// Source: `LabelsToNodesInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct LabelOnNodes {
    /// The label.
    #[serde(rename = "key")]
    pub label: NodeLabel,
    /// Its nodes.
    #[serde(default, rename = "value", deserialize_with = "nodes")]
    pub nodes: Vec<NodeId>,
}

fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NodeLabel>, D::Error> {
    inner(deserializer, "nodeLabelInfo")
}

fn nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NodeId>, D::Error> {
    inner(deserializer, "nodes")
}

fn inner<'de, D, T>(deserializer: D, name: &str) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    lenient::items_of(json!({ "value": value }), "value", name).map_err(serde::de::Error::custom)
}
