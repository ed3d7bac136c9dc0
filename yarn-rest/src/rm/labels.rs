//! Node labels (partitions). Reading is for all; changing is for administrators, and needs `yarn.node-labels.enabled`.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;
use yarn_common::id::NodeId;

use super::{CLUSTER, RmClient};
use crate::error::RestError;
use crate::http::Call;
use crate::lenient;
use crate::model::{LabelOnNodes, LabelsOfNode, NodeLabel};

impl RmClient {
    /// The labels of the cluster.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn node_labels(&self) -> Result<Vec<NodeLabel>, RestError> {
        let call = Call::get("list the node labels", format!("{CLUSTER}/get-node-labels"));
        self.labels(call).await
    }

    /// The labels of one node.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn labels_of_node(&self, node: &NodeId) -> Result<Vec<NodeLabel>, RestError> {
        let call = Call::get(
            format!("list the labels of {node}"),
            format!("{CLUSTER}/nodes/{node}/get-labels"),
        );
        self.labels(call).await
    }

    /// The labels of each node that has any.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn labels_of_nodes(&self) -> Result<Vec<LabelsOfNode>, RestError> {
        let call = Call::get("list the labels of the nodes", format!("{CLUSTER}/get-node-to-labels"));
        self.list(call, "nodeToLabels", "entry").await
    }

    /// The nodes of each of `labels`; of all labels where none is given.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn nodes_of_labels(&self, labels: &[&str]) -> Result<Vec<LabelOnNodes>, RestError> {
        let call = Call::get("list the nodes of the labels", format!("{CLUSTER}/label-mappings")).query(query(labels));
        self.list(call, "labelsToNodes", "entry").await
    }

    /// Adds labels to the cluster, each with whether it is exclusive. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`RestError`]; among them a label that is there with the other exclusivity, and a name that is no label.
    pub async fn add_node_labels(&self, labels: &[(&str, bool)]) -> Result<(), RestError> {
        let infos: Vec<_> = labels
            .iter()
            .map(|(name, exclusive)| json!({ "name": name, "exclusivity": exclusive }))
            .collect();
        let call = Call::new(Method::POST, "add node labels", format!("{CLUSTER}/add-node-labels"));
        if labels.is_empty() || labels.iter().any(|(name, _)| name.trim().is_empty()) {
            return Err(self.invalid(&call, "there is no label to add, or one without a name"));
        }
        self.done(call.json(&json!({ "nodeLabelInfo": infos }))).await
    }

    /// Removes labels from the cluster and from its nodes.
    ///
    /// # Errors
    /// [`RestError`]; among them a label that is not there or that a queue uses.
    pub async fn remove_node_labels(&self, labels: &[&str]) -> Result<(), RestError> {
        let call = Call::new(
            Method::POST,
            "remove node labels",
            format!("{CLUSTER}/remove-node-labels"),
        )
        .query(query(labels))
        .once();
        if labels.is_empty() {
            return Err(self.invalid(&call, "there is no label to remove"));
        }
        self.done(call).await
    }

    /// Gives one node these labels instead of those that it has; none takes all away.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn replace_labels_of_node(&self, node: &NodeId, labels: &[&str]) -> Result<(), RestError> {
        let call = Call::new(
            Method::POST,
            format!("replace the labels of {node}"),
            format!("{CLUSTER}/nodes/{node}/replace-labels"),
        );
        self.done(call.query(query(labels))).await
    }

    /// Gives each of these nodes its labels instead of those that it has.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn replace_labels_of_nodes(&self, nodes: &BTreeMap<NodeId, Vec<String>>) -> Result<(), RestError> {
        let entries: Vec<_> = nodes
            .iter()
            .map(|(node, labels)| json!({ "nodeId": node.to_string(), "labels": labels }))
            .collect();
        let call = Call::new(
            Method::POST,
            "replace the labels of nodes",
            format!("{CLUSTER}/replace-node-to-labels"),
        );
        self.done(call.json(&json!({ "nodeToLabels": entries }))).await
    }

    /// The list stands at the top here: `{"nodeLabelInfo":[…]}`, or `{}`.
    async fn labels(&self, call: Call) -> Result<Vec<NodeLabel>, RestError> {
        let served = self.cluster.ask(&call).await?;
        let body: Value = served.answer.json(&call, served.base())?;
        lenient::items_of(json!({ "labels": body }), "labels", "nodeLabelInfo")
            .map_err(|reason| served.answer.undecodable(&call, served.base(), reason))
    }
}

/// Each label is a parameter of its own.
fn query(labels: &[&str]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(labels.iter().map(|label| ("labels", label)));
    query.finish()
}
