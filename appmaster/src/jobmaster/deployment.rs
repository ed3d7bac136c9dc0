//! What each worker is sent: the descriptions of its tasks, with the other end of every channel.
//!
//! What tasks have in common is made once and shared: a vertex's operators and schemas, and, where each sends to each, all
//! subtasks at the other end of an edge ([`PeerGroup`]), encoded once for all workers. So the size of a deployment grows with
//! the number of tasks, and not with that of channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use selvedge_core::job_graph::{Artifact, Edge, Vertex};
use selvedge_core::{JobGraph, JobId, LeaderSessionId, ResourceId, VertexId};
use selvedge_runtime::artifact::key_of;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    ChannelPeer, InputGate, JobArtifact, PeerGroup, PeerWorker, ResultPartition, SubmitTasksRequest,
    TaskDeploymentDescriptor,
};
use serde::Serialize;

use super::execution_graph::{ExecutionGraph, Peers, TaskIndex};
use super::shuffle::PartitionTracker;

/// The tasks of a job by worker.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Deployment {
    pub(super) workers: BTreeMap<ResourceId, Vec<TaskDeploymentDescriptor>>,
    /// Each an encoded [`PeerGroup`]; tasks name them by their place, from 1 on.
    pub(super) peer_groups: Arc<[Bytes]>,
}

/// What a call to a worker says of the job.
#[derive(Debug, Clone)]
pub(super) struct JobHeader {
    pub(super) job_id: JobId,
    pub(super) job_master_id: LeaderSessionId,
    pub(super) job_name: String,
    pub(super) artifacts: Vec<JobArtifact>,
}

impl JobHeader {
    /// That of a job whose Dispatcher has noted in its graph what it brings along.
    pub(super) fn new(job_id: JobId, job_master_id: LeaderSessionId, graph: &JobGraph) -> Self {
        let artifact = |artifact: &Artifact| {
            let key = key_of(artifact).ok().flatten()?;
            Some(JobArtifact {
                name: artifact.name.clone(),
                sha256: key.to_wire(),
                size: artifact.size?,
            })
        };
        Self {
            job_id,
            job_master_id,
            job_name: graph.name.clone(),
            artifacts: graph.artifacts.iter().filter_map(artifact).collect(),
        }
    }

    /// The call that brings a worker its tasks.
    pub(super) fn submission(&self, tasks: Vec<TaskDeploymentDescriptor>, peer_groups: &[Bytes]) -> SubmitTasksRequest {
        SubmitTasksRequest {
            job_id: self.job_id.to_wire(),
            job_master_id: self.job_master_id.to_wire(),
            job_name: self.job_name.clone(),
            tasks,
            peer_groups: peer_groups.to_vec(),
            offloaded: None,
            artifacts: self.artifacts.clone(),
        }
    }
}

/// Describes these tasks of the job; each must have its location, as those that they exchange records with.
pub(super) fn describe(
    graph: &ExecutionGraph,
    partitions: &PartitionTracker,
    tasks: &[TaskIndex],
) -> Result<Deployment, serde_json::Error> {
    let ends = Ends { graph, partitions };
    let mut groups = Groups::default();
    let mut templates = BTreeMap::<usize, TaskDeploymentDescriptor>::new();
    let mut workers = BTreeMap::<ResourceId, Vec<TaskDeploymentDescriptor>>::new();
    for task in tasks {
        let Some(location) = &graph.run(*task).location else {
            continue;
        };
        let (position, subtask) = graph.layout().locate(*task);
        let template = match templates.entry(position) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(template(&ends, &graph.graph.vertices[position], &mut groups)?)
            }
        };
        let mut descriptor = template.clone();
        descriptor.attempt = Some((&graph.attempt(*task)).into());
        descriptor.allocation_id = location.allocation_id.to_wire();
        name_single_peers(&ends, &mut descriptor, subtask);
        match workers.get_mut(&location.resource_id) {
            Some(on_worker) => on_worker.push(descriptor),
            None => {
                workers.insert(location.resource_id.clone(), vec![descriptor]);
            }
        }
    }
    Ok(Deployment {
        workers,
        peer_groups: groups.encoded.into(),
    })
}

/// Where the ends of edges are.
#[derive(Clone, Copy)]
struct Ends<'a> {
    graph: &'a ExecutionGraph,
    partitions: &'a PartitionTracker,
}

/// One end of an edge, by the edge's place in the JobGraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Found as the shuffle master says.
    Producers(usize),
    /// Found where they run.
    Consumers(usize),
}

impl Ends<'_> {
    fn edge(&self, end: End) -> &Edge {
        let (End::Producers(edge) | End::Consumers(edge)) = end;
        &self.graph.graph.edges[edge]
    }

    fn vertex(&self, end: End) -> &VertexId {
        match end {
            End::Producers(_) => &self.edge(end).source,
            End::Consumers(_) => &self.edge(end).target,
        }
    }

    /// Worker and data address of a task at this end.
    fn address(&self, end: End, task: TaskIndex) -> Option<(&ResourceId, &str)> {
        match end {
            End::Producers(edge) => {
                let found = self.partitions.descriptor(task, edge)?;
                Some((&found.resource_id, &found.data_address))
            }
            End::Consumers(_) => {
                let location = self.graph.run(task).location.as_ref()?;
                Some((&location.resource_id, &location.data_address))
            }
        }
    }

    fn channel(&self, end: End, task: TaskIndex) -> Option<ChannelPeer> {
        let (resource_id, data_address) = self.address(end, task)?;
        Some(ChannelPeer {
            attempt: Some((&self.graph.attempt(task)).into()),
            resource_id: resource_id.0.clone(),
            data_address: data_address.to_owned(),
        })
    }

    fn group(&self, end: End) -> PeerGroup {
        let vertex = self.vertex(end);
        let mut group = PeerGroup {
            vertex: vertex.0.clone(),
            ..PeerGroup::default()
        };
        let mut places = BTreeMap::<&ResourceId, u32>::new();
        for task in self.graph.layout().range_of(vertex).map(TaskIndex::from) {
            let Some((resource_id, data_address)) = self.address(end, task) else {
                continue;
            };
            let place = *places.entry(resource_id).or_insert_with(|| {
                group.workers.push(PeerWorker {
                    resource_id: resource_id.0.clone(),
                    data_address: data_address.to_owned(),
                });
                group.workers.len() as u32 - 1
            });
            group.worker_of.push(place);
            group.attempts.push(self.graph.run(task).attempt);
        }
        group
    }
}

/// What the tasks of a vertex have in common: all but the attempt, the slot, and the peers of forward edges.
fn template(
    ends: &Ends<'_>,
    vertex: &Vertex,
    groups: &mut Groups,
) -> Result<TaskDeploymentDescriptor, serde_json::Error> {
    let job = &ends.graph.graph;
    let inputs = job.inputs(&vertex.id).map(|(index, edge)| {
        Ok(InputGate {
            edge: index as u32,
            schema: json(&edge.schema)?,
            channels: Vec::new(),
            peer_group: groups.of(ends, End::Producers(index)),
        })
    });
    let inputs = inputs.collect::<Result<_, serde_json::Error>>()?;
    let outputs = job.outputs(&vertex.id).map(|(index, edge)| {
        let consumer = job.vertex(&edge.target);
        Ok(ResultPartition {
            edge: index as u32,
            schema: json(&edge.schema)?,
            partitioner: json(&edge.partitioner)?,
            channels: Vec::new(),
            consumer_max_parallelism: consumer.map_or(0, |vertex| vertex.max_parallelism),
            peer_group: groups.of(ends, End::Consumers(index)),
        })
    });
    let outputs = outputs.collect::<Result<_, serde_json::Error>>()?;
    Ok(TaskDeploymentDescriptor {
        attempt: None,
        allocation_id: Bytes::new(),
        task_name: vertex.display_name(),
        parallelism: vertex.parallelism,
        max_parallelism: vertex.max_parallelism,
        chain: json(&vertex.chain)?,
        inputs,
        outputs,
    })
}

/// The one peer on each edge that has no group.
fn name_single_peers(ends: &Ends<'_>, descriptor: &mut TaskDeploymentDescriptor, subtask: u32) {
    let single = |end: End| {
        let Peers::One(peer) = Peers::of(ends.edge(end), subtask) else {
            return None;
        };
        let task = ends.graph.layout().task(ends.vertex(end), peer)?;
        ends.channel(end, task)
    };
    for gate in descriptor.inputs.iter_mut().filter(|gate| gate.peer_group == 0) {
        gate.channels.extend(single(End::Producers(gate.edge as usize)));
    }
    for partition in descriptor.outputs.iter_mut().filter(|edge| edge.peer_group == 0) {
        partition
            .channels
            .extend(single(End::Consumers(partition.edge as usize)));
    }
}

/// The groups of a deployment, each made when a task first needs it.
#[derive(Debug, Default)]
struct Groups {
    encoded: Vec<Bytes>,
    /// The place of each group, from 1 on.
    places: BTreeMap<End, u32>,
}

impl Groups {
    /// The group at this end of an edge; 0 where each task has its own peer.
    fn of(&mut self, ends: &Ends<'_>, end: End) -> u32 {
        if Peers::of(ends.edge(end), 0) != Peers::All {
            return 0;
        }
        *self.places.entry(end).or_insert_with(|| {
            self.encoded.push(ends.group(end).encode_to_vec().into());
            self.encoded.len() as u32
        })
    }
}

fn json(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(value).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use selvedge_core::AllocationId;
    use selvedge_core::job_graph::Partitioner;
    use selvedge_runtime::clock::Timestamp;

    use super::super::execution_graph::TaskLocation;
    use super::super::shuffle::FlightShuffleMaster;
    use super::*;
    use crate::testing::word_count;

    fn deployed(parallelism: u32, partitioner: Partitioner) -> Deployment {
        let mut job = word_count(parallelism);
        job.edges[0].partitioner = partitioner;
        let mut graph = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(job), Timestamp::default());
        let mut partitions = PartitionTracker::new(graph.job_id, Arc::new(FlightShuffleMaster));
        let tasks: Vec<_> = graph.layout().tasks().collect();
        for task in &tasks {
            let subtask = graph.attempt(*task).subtask % 2;
            let location = TaskLocation {
                resource_id: format!("worker-{subtask}").into(),
                host: "node".into(),
                data_address: format!("node:{subtask}"),
                allocation_id: AllocationId::from_bytes([subtask as u8; 16]),
            };
            graph.place(*task, Arc::new(location));
            partitions.start(&graph, *task);
        }
        describe(&graph, &partitions, &tasks).unwrap()
    }

    fn hash() -> Partitioner {
        let keys = vec!["word".to_owned()];
        Partitioner::Hash { keys }
    }

    #[test]
    fn a_worker_gets_all_its_tasks_at_once_and_tasks_share_their_peers() {
        let deployment = deployed(3, hash());
        let tasks = &deployment.workers[&"worker-0".into()];
        assert_eq!((deployment.workers.len(), tasks.len()), (2, 4));
        let group = |place: u32| PeerGroup::decode(deployment.peer_groups[place as usize - 1].clone()).unwrap();
        let sinks = group(tasks[0].outputs[0].peer_group);
        let addresses: Vec<_> = sinks
            .workers
            .iter()
            .map(|worker| worker.data_address.as_str())
            .collect();
        assert_eq!((sinks.vertex.as_str(), addresses), ("sink", vec!["node:0", "node:1"]));
        assert_eq!((sinks.worker_of, sinks.attempts), (vec![0, 1, 0], vec![0, 0, 0]));
        assert_eq!(group(tasks[2].inputs[0].peer_group).vertex, "source");
        assert!(
            tasks
                .iter()
                .all(|task| task.inputs.iter().all(|gate| gate.channels.is_empty()))
        );
    }

    #[test]
    fn a_deployment_grows_with_its_tasks_and_not_with_its_channels() {
        let size = |parallelism| {
            let deployment = deployed(parallelism, hash());
            let (job, leader) = (JobId::from_bytes([1; 16]), LeaderSessionId::from_bytes([2; 16]));
            let header = JobHeader::new(job, leader, &word_count(1));
            let calls = deployment.workers.into_values();
            let bytes = calls.map(|tasks| header.submission(tasks, &deployment.peer_groups).encoded_len());
            bytes.sum::<usize>()
        };
        let (small, large) = (size(100), size(1000));
        assert!(large < small * 12, "{small} bytes for 200 tasks, {large} for 2000");
    }

    #[test]
    fn a_forward_edge_has_one_channel_for_each_subtask() {
        let deployment = deployed(2, Partitioner::Forward);
        let tasks = &deployment.workers[&"worker-1".into()];
        let channels = &tasks[1].inputs[0].channels;
        let peers: Vec<_> = channels.iter().map(|peer| peer.data_address.as_str()).collect();
        assert_eq!((peers, deployment.peer_groups.len()), (vec!["node:1"], 0));
    }
}
