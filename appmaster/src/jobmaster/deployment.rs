//! What each worker is sent: the descriptions of its tasks, with the other end of every channel.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use selvedge_core::job_graph::{Edge, Vertex};
use selvedge_core::{ExecutionAttemptId, ResourceId, VertexId};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{ChannelPeer, InputGate, ResultPartition, TaskDeploymentDescriptor};
use serde::Serialize;

use super::execution_graph::{ExecutionGraph, peers_of};

/// The tasks of a job by worker. Every execution must have its location.
pub(super) type Deployment = BTreeMap<ResourceId, Vec<TaskDeploymentDescriptor>>;

/// Describes these tasks of the job.
pub(super) fn describe(
    graph: &ExecutionGraph,
    tasks: &BTreeSet<ExecutionAttemptId>,
) -> Result<Deployment, serde_json::Error> {
    let mut deployment = Deployment::new();
    for (vertex, executions) in graph.vertices() {
        for subtask in 0..executions.len() as u32 {
            let Some((attempt, resource_id)) = located(graph, &vertex.id, subtask) else {
                continue;
            };
            if !tasks.contains(&attempt) {
                continue;
            }
            let descriptor = descriptor(graph, vertex, &attempt)?;
            deployment.entry(resource_id).or_default().push(descriptor);
        }
    }
    Ok(deployment)
}

fn located(graph: &ExecutionGraph, vertex: &VertexId, subtask: u32) -> Option<(ExecutionAttemptId, ResourceId)> {
    let attempt = graph.current_attempt(vertex, subtask)?;
    let location = graph.execution(&attempt)?.location.as_ref()?;
    Some((attempt, location.resource_id.clone()))
}

fn descriptor(
    graph: &ExecutionGraph,
    vertex: &Vertex,
    attempt: &ExecutionAttemptId,
) -> Result<TaskDeploymentDescriptor, serde_json::Error> {
    let location = graph
        .execution(attempt)
        .and_then(|execution| execution.location.as_ref());
    Ok(TaskDeploymentDescriptor {
        attempt: Some(attempt.into()),
        allocation_id: location
            .map(|location| location.allocation_id.to_wire())
            .unwrap_or_default(),
        task_name: vertex.display_name(),
        parallelism: vertex.parallelism,
        max_parallelism: vertex.max_parallelism,
        chain: json(&vertex.chain)?,
        inputs: graph
            .graph
            .inputs(&vertex.id)
            .map(|(index, edge)| input_gate(graph, index, edge, attempt.subtask))
            .collect::<Result<_, _>>()?,
        outputs: graph
            .graph
            .outputs(&vertex.id)
            .map(|(index, edge)| result_partition(graph, index, edge, attempt.subtask))
            .collect::<Result<_, _>>()?,
    })
}

fn input_gate(graph: &ExecutionGraph, index: usize, edge: &Edge, subtask: u32) -> Result<InputGate, serde_json::Error> {
    Ok(InputGate {
        edge: index as u32,
        schema: json(&edge.schema)?,
        channels: channels(graph, edge, &edge.source, subtask),
    })
}

fn result_partition(
    graph: &ExecutionGraph,
    index: usize,
    edge: &Edge,
    subtask: u32,
) -> Result<ResultPartition, serde_json::Error> {
    Ok(ResultPartition {
        edge: index as u32,
        schema: json(&edge.schema)?,
        partitioner: json(&edge.partitioner)?,
        channels: channels(graph, edge, &edge.target, subtask),
        consumer_max_parallelism: graph
            .graph
            .vertex(&edge.target)
            .map_or(0, |vertex| vertex.max_parallelism),
    })
}

fn channels(graph: &ExecutionGraph, edge: &Edge, other: &VertexId, subtask: u32) -> Vec<ChannelPeer> {
    let parallelism = graph.graph.vertex(other).map_or(0, |vertex| vertex.parallelism);
    peers_of(edge, subtask, parallelism)
        .filter_map(|peer| channel(graph, other, peer))
        .collect()
}

fn channel(graph: &ExecutionGraph, vertex: &VertexId, subtask: u32) -> Option<ChannelPeer> {
    let attempt = graph.current_attempt(vertex, subtask)?;
    let location = graph.execution(&attempt)?.location.as_ref()?;
    Some(ChannelPeer {
        attempt: Some((&attempt).into()),
        resource_id: location.resource_id.0.clone(),
        data_address: location.data_address.clone(),
    })
}

fn json(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(value).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::job_graph::Partitioner;
    use selvedge_core::{AllocationId, JobId};
    use selvedge_runtime::clock::Timestamp;

    use super::super::execution_graph::TaskLocation;
    use super::*;
    use crate::testing::word_count;

    fn deployed(partitioner: Partitioner) -> Deployment {
        let mut job = word_count(2);
        job.edges[0].partitioner = partitioner;
        let mut graph = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(job), Timestamp::default());
        let attempts: Vec<_> = graph.executions().map(|(id, _)| id).collect();
        for id in attempts.clone() {
            graph.execution_mut(&id).unwrap().location = Some(TaskLocation {
                resource_id: format!("worker-{}", id.subtask).into(),
                host: "node".into(),
                data_address: format!("node:{}", id.subtask),
                allocation_id: AllocationId::from_bytes([id.subtask as u8; 16]),
            });
        }
        describe(&graph, &attempts.into_iter().collect()).unwrap()
    }

    #[test]
    fn a_worker_gets_all_its_tasks_at_once_with_every_peer() {
        let deployment = deployed(Partitioner::Hash {
            keys: vec!["word".into()],
        });
        assert_eq!(deployment.len(), 2);
        let tasks = &deployment[&"worker-1".into()];
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks[0].outputs[0].channels.len(), 2);
        let peers: Vec<_> = tasks[1].inputs[0]
            .channels
            .iter()
            .map(|peer| peer.data_address.as_str())
            .collect();
        assert_eq!(peers, ["node:0", "node:1"]);
    }

    #[test]
    fn a_forward_edge_has_one_channel_for_each_subtask() {
        let deployment = deployed(Partitioner::Forward);
        let tasks = &deployment[&"worker-1".into()];
        let peers: Vec<_> = tasks[1].inputs[0]
            .channels
            .iter()
            .map(|peer| peer.data_address.as_str())
            .collect();
        assert_eq!(peers, ["node:1"]);
    }
}
