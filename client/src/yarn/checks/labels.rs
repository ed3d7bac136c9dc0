//! Node labels: whether the cluster has them, and the queue may use them.

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::yarn;
use yarn_rest::model::{Queue, Scheduler};
use yarn_rest::rm::RmClient;

use super::Request;
use crate::yarn::YarnError;

/// The labels that the settings ask for, each with its key.
pub(super) fn wished(configuration: &Configuration) -> Result<Vec<(&'static str, String)>, ConfigError> {
    let mut wished = Vec::new();
    for option in [&yarn::APPLICATION_NODE_LABEL, &yarn::TASKMANAGER_NODE_LABEL] {
        let label = configuration.find(option)?.unwrap_or_default().trim().to_owned();
        // An empty one is the nodes without a label, which everybody may use.
        if !label.is_empty() {
            wished.push((option.key(), label));
        }
    }
    Ok(wished)
}

/// Whether the cluster has the labels.
pub(super) async fn check_known(
    rm: &RmClient,
    request: &Request,
    note: &mut (dyn FnMut(&str) + Send),
) -> Result<(), YarnError> {
    if request.labels.is_empty() {
        return Ok(());
    }
    let known = match rm.node_labels().await {
        Ok(known) => known,
        // Who may submit may still not be allowed to list them; YARN itself refuses an unknown one.
        Err(error) => {
            note(&format!("the node labels could not be listed: {error}"));
            return Ok(());
        }
    };
    let names: Vec<_> = known.into_iter().map(|label| label.name).collect();
    for (key, label) in &request.labels {
        if !names.contains(label) {
            let has = match names.is_empty() {
                true => "none (see yarn.node-labels.enabled)".to_owned(),
                false => names.join(", "),
            };
            return Err(YarnError::NotReady(format!(
                "the cluster has no node label '{label}' ({key}); it has {has}"
            )));
        }
    }
    Ok(())
}

/// Whether the queue may use the labels, as far as the scheduler tells.
pub(super) fn check_access(scheduler: &Scheduler, request: &Request) -> Result<(), YarnError> {
    let Some(queue) = request.queue.as_deref().and_then(|name| scheduler.find(name)) else {
        return Ok(());
    };
    let Some(accessible) = accessible(queue) else {
        return Ok(());
    };
    for (key, label) in &request.labels {
        if !accessible.iter().any(|name| name == "*" || name == label) {
            return Err(YarnError::NotReady(format!(
                "the queue '{}' ({}) may not use nodes with the label '{label}' ({key}); it may use {}: name another label or \
                 queue, or have yarn.scheduler.capacity.{}.accessible-node-labels changed",
                queue.path,
                yarn::APPLICATION_QUEUE.key(),
                accessible.join(", "),
                queue.path
            )));
        }
    }
    Ok(())
}

/// `"nodeLabels":["gpu"]`, of one label also `"nodeLabels":"gpu"`; `*` stands for all. A queue without any does not tell.
fn accessible(queue: &Queue) -> Option<Vec<String>> {
    let value = queue.extra.get("nodeLabels")?;
    let names: Vec<_> = match value {
        serde_json::Value::String(name) => vec![name.clone()],
        _ => value
            .as_array()?
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    };
    (!names.is_empty()).then_some(names)
}
