//! What the JobMaster sends to have a task run, read and checked.

use arrow::datatypes::SchemaRef;
use selvedge_core::job_graph::{OperatorSpec, Partitioner, SchemaSpec};
use selvedge_core::{AllocationId, ExecutionAttemptId};
use selvedge_runtime::gateway::convert::{WireId, required_attempt};
use selvedge_runtime::gateway::{GatewayError, proto};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::peers::{ChannelEnd, PeerGroups};
use crate::exchange::{InputChannelSpec, OutputChannelSpec};

/// A description that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// A part is no JSON of its kind.
    #[error("the {part} of task {attempt} cannot be read: {source}")]
    Json {
        /// Which part.
        part: &'static str,
        /// Of which task.
        attempt: ExecutionAttemptId,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An id is missing or malformed.
    #[error(transparent)]
    Id(#[from] GatewayError),
    /// A group of peers that tasks share.
    #[error("peer group {group} {problem}")]
    PeerGroup {
        /// Its place in the call, counted from 1.
        group: usize,
        /// What is wrong.
        problem: String,
    },
    /// Edges that do not fit the task.
    #[error("task {attempt} {problem}")]
    Edges {
        /// Of which task.
        attempt: ExecutionAttemptId,
        /// What is wrong.
        problem: &'static str,
    },
}

/// One attempt, as it is to be deployed.
#[derive(Debug, Clone)]
pub struct TaskDeployment {
    /// Vertex, subtask and attempt.
    pub attempt: ExecutionAttemptId,
    /// The slot.
    pub allocation: AllocationId,
    /// What users see of the vertex.
    pub task_name: String,
    /// Subtasks of the vertex.
    pub parallelism: u32,
    /// Key groups of the vertex.
    pub max_parallelism: u32,
    /// The operators.
    pub chain: Vec<OperatorSpec>,
    /// Input edges.
    pub inputs: Vec<InputEdge>,
    /// Output edges.
    pub outputs: Vec<OutputEdge>,
}

/// An input edge of a task.
#[derive(Debug, Clone)]
pub struct InputEdge {
    /// Its schema.
    pub schema: SchemaRef,
    /// One for each producer.
    pub channels: Vec<InputChannelSpec>,
}

/// An output edge of a task.
#[derive(Debug, Clone)]
pub struct OutputEdge {
    /// Its position in the JobGraph.
    pub edge: u32,
    /// Its schema.
    pub schema: SchemaRef,
    /// Which consumer gets a record.
    pub partitioner: Partitioner,
    /// One for each consumer.
    pub channels: Vec<OutputChannelSpec>,
    /// Key groups of the consuming vertex.
    pub key_groups: u32,
}

impl TaskDeployment {
    /// How many channels need credit.
    pub fn input_channels(&self) -> usize {
        self.inputs.iter().map(|edge| edge.channels.len()).sum()
    }

    /// How many channels may keep batches to join.
    pub fn output_channels(&self) -> usize {
        self.outputs.iter().map(|edge| edge.channels.len()).sum()
    }
}

impl TaskDeployment {
    /// The tasks of a call.
    ///
    /// # Errors
    /// A part that cannot be read or does not fit; none of the tasks can be deployed then.
    pub fn read_all(
        tasks: Vec<proto::TaskDeploymentDescriptor>,
        peer_groups: &[bytes::Bytes],
    ) -> Result<Vec<Self>, DeploymentError> {
        let groups = PeerGroups::decode(peer_groups)?;
        tasks.into_iter().map(|task| Self::read(task, &groups)).collect()
    }

    fn read(descriptor: proto::TaskDeploymentDescriptor, groups: &PeerGroups) -> Result<Self, DeploymentError> {
        let attempt = required_attempt(descriptor.attempt)?;
        let chain: Vec<OperatorSpec> = json("chain", &attempt, &descriptor.chain)?;
        let inputs = descriptor
            .inputs
            .into_iter()
            .map(|gate| input_edge(gate, &attempt, groups));
        let outputs = descriptor
            .outputs
            .into_iter()
            .map(|edge| output_edge(edge, &attempt, groups));
        let task = Self {
            allocation: AllocationId::from_wire(&descriptor.allocation_id)?,
            task_name: descriptor.task_name,
            parallelism: descriptor.parallelism,
            max_parallelism: descriptor.max_parallelism,
            chain,
            inputs: inputs.collect::<Result<_, _>>()?,
            outputs: outputs.collect::<Result<_, _>>()?,
            attempt,
        };
        task.check()
    }
}

impl TaskDeployment {
    fn check(self) -> Result<Self, DeploymentError> {
        let is_source = self.chain.first().is_some_and(|spec| spec.operator.is_source());
        let problem = if self.chain.is_empty() {
            "has no operators"
        } else if is_source && !self.inputs.is_empty() {
            "starts with a source and has inputs"
        } else if !is_source && self.input_channels() == 0 {
            "has neither a source nor inputs"
        } else if self.outputs.iter().any(|edge| edge.channels.is_empty()) {
            "has an output edge without consumers"
        } else {
            return Ok(self);
        };
        Err(DeploymentError::Edges {
            attempt: self.attempt,
            problem,
        })
    }
}

fn input_edge(
    gate: proto::InputGate,
    attempt: &ExecutionAttemptId,
    groups: &PeerGroups,
) -> Result<InputEdge, DeploymentError> {
    let schema = json::<SchemaSpec>("input schema", attempt, &gate.schema)?.to_arrow();
    let channel = |end: ChannelEnd| InputChannelSpec {
        edge: gate.edge,
        producer: end.attempt,
        schema: schema.clone(),
    };
    let ends = groups.ends(gate.peer_group, gate.channels)?;
    let channels = ends.into_iter().map(channel).collect();
    Ok(InputEdge { schema, channels })
}

fn output_edge(
    edge: proto::ResultPartition,
    attempt: &ExecutionAttemptId,
    groups: &PeerGroups,
) -> Result<OutputEdge, DeploymentError> {
    let channel = |end: ChannelEnd| OutputChannelSpec {
        consumer: end.attempt,
        peer: end.peer,
    };
    let ends = groups.ends(edge.peer_group, edge.channels)?;
    Ok(OutputEdge {
        edge: edge.edge,
        key_groups: edge.consumer_max_parallelism,
        schema: json::<SchemaSpec>("output schema", attempt, &edge.schema)?.to_arrow(),
        partitioner: json("partitioner", attempt, &edge.partitioner)?,
        channels: ends.into_iter().map(channel).collect(),
    })
}

fn json<T: DeserializeOwned>(
    part: &'static str,
    attempt: &ExecutionAttemptId,
    bytes: &[u8],
) -> Result<T, DeploymentError> {
    serde_json::from_slice(bytes).map_err(|source| DeploymentError::Json {
        part,
        attempt: attempt.clone(),
        source,
    })
}
