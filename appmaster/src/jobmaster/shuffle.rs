//! How records get from producers to consumers, behind a trait: a partition of a task that is being deployed is registered,
//! and what its consumers need to find it comes back. Here it is Arrow Flight between workers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::{JobId, MemorySize, ResourceId};

use super::execution_graph::{ExecutionGraph, Peers, TaskIndex, TaskLocation};

/// What a task produces for one edge of the JobGraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionId {
    /// The producer.
    pub task: TaskIndex,
    /// The edge's place in the JobGraph.
    pub edge: usize,
}

/// What consumers need to find a partition (Flink 1.20 `ShuffleDescriptor`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShuffleDescriptor {
    /// The worker that has it.
    pub resource_id: ResourceId,
    /// host:port under which that worker's data is reached.
    pub data_address: String,
}

/// How many channels a subtask of a vertex has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// From producers.
    pub inputs: u64,
    /// To consumers.
    pub outputs: u64,
}

/// The master's side of an exchange (Flink 1.20 `ShuffleMaster`), for all jobs of a cluster.
pub trait ShuffleMaster: Debug + Send + Sync + 'static {
    /// A job begins.
    fn register_job(&self, job: JobId);

    /// A job has ended: nothing of it is needed any more.
    fn unregister_job(&self, job: JobId);

    /// A task's partition, whose producer is deployed there.
    fn register_partition(&self, job: JobId, partition: PartitionId, producer: &TaskLocation) -> ShuffleDescriptor;

    /// A partition is not read any more.
    fn release_partition(&self, job: JobId, partition: PartitionId);

    /// What a subtask with these channels needs of its slot's network memory.
    fn network_memory(&self, channels: Channels) -> MemorySize;
}

/// Workers exchange records by Arrow Flight. A pipelined partition is nothing but its producer and what workers keep of its
/// channels: that they are told by their JobMaster to forget, and nothing is kept elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct FlightShuffleMaster;

/// Half of a slot's share is credit for producers: with this, a channel's is four times the least.
const BYTES_PER_INPUT: u64 = 64 << 10;
/// A quarter of it is for small batches that wait to be joined: with this, a channel has 8 KiB.
const BYTES_PER_OUTPUT: u64 = 32 << 10;

impl ShuffleMaster for FlightShuffleMaster {
    fn register_job(&self, _: JobId) {}

    fn unregister_job(&self, _: JobId) {}

    fn register_partition(&self, _: JobId, _: PartitionId, producer: &TaskLocation) -> ShuffleDescriptor {
        ShuffleDescriptor {
            resource_id: producer.resource_id.clone(),
            data_address: producer.data_address.clone(),
        }
    }

    fn release_partition(&self, _: JobId, _: PartitionId) {}

    fn network_memory(&self, channels: Channels) -> MemorySize {
        MemorySize::from_bytes(channels.inputs * BYTES_PER_INPUT + channels.outputs * BYTES_PER_OUTPUT)
    }
}

/// The channels of a subtask of a vertex.
pub(super) fn channels_of(graph: &JobGraph, vertex: &Vertex) -> Channels {
    let parallelism = |id| graph.vertex(id).map_or(0, |vertex| u64::from(vertex.parallelism));
    let count = |edge, other| match Peers::of(edge, 0) {
        Peers::One(_) => 1,
        Peers::All => parallelism(other),
    };
    Channels {
        inputs: graph
            .inputs(&vertex.id)
            .map(|(_, edge)| count(edge, &edge.source))
            .sum(),
        outputs: graph
            .outputs(&vertex.id)
            .map(|(_, edge)| count(edge, &edge.target))
            .sum(),
    }
}

/// The partitions of a job that are there, and where.
#[derive(Debug)]
pub(super) struct PartitionTracker {
    shuffle: Arc<dyn ShuffleMaster>,
    job: JobId,
    tracked: BTreeMap<PartitionId, Arc<ShuffleDescriptor>>,
}

impl PartitionTracker {
    pub(super) fn new(job: JobId, shuffle: Arc<dyn ShuffleMaster>) -> Self {
        shuffle.register_job(job);
        Self {
            shuffle,
            job,
            tracked: BTreeMap::new(),
        }
    }

    /// What a subtask with these channels needs of its slot's network memory.
    pub(super) fn network_memory(&self, channels: Channels) -> MemorySize {
        self.shuffle.network_memory(channels)
    }

    /// A task is being deployed: its partitions are there from now on.
    pub(super) fn start(&mut self, graph: &ExecutionGraph, task: TaskIndex) {
        let (position, _) = graph.layout().locate(task);
        let Some(location) = &graph.run(task).location else {
            return;
        };
        for (edge, _) in graph.graph.outputs(&graph.graph.vertices[position].id) {
            let partition = PartitionId { task, edge };
            let descriptor = self.shuffle.register_partition(self.job, partition, location);
            self.tracked.insert(partition, Arc::new(descriptor));
        }
    }

    /// The partitions of a task's attempt are read no more: it starts over, or it has FINISHED as all its consumers have. Those
    /// edges come back for which there were any.
    pub(super) fn stop(&mut self, task: TaskIndex) -> Vec<usize> {
        let all = PartitionId { task, edge: 0 }..=PartitionId { task, edge: usize::MAX };
        let gone: Vec<_> = self.tracked.range(all).map(|(partition, _)| *partition).collect();
        for partition in &gone {
            self.tracked.remove(partition);
            self.shuffle.release_partition(self.job, *partition);
        }
        gone.into_iter().map(|partition| partition.edge).collect()
    }

    /// The job has ended.
    pub(super) fn stop_all(&mut self) {
        for partition in std::mem::take(&mut self.tracked).into_keys() {
            self.shuffle.release_partition(self.job, partition);
        }
        self.shuffle.unregister_job(self.job);
    }

    /// Where the partition of a task for an edge is found.
    pub(super) fn descriptor(&self, task: TaskIndex, edge: usize) -> Option<&ShuffleDescriptor> {
        self.tracked.get(&PartitionId { task, edge }).map(Arc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use selvedge_core::AllocationId;
    use selvedge_runtime::clock::Timestamp;

    use super::*;
    use crate::testing::word_count;

    /// Notes what it is asked.
    #[derive(Debug, Clone, Default)]
    struct Noting(Arc<Mutex<Vec<String>>>);

    impl Noting {
        fn note(&self, what: String) {
            self.0.lock().unwrap().push(what);
        }
    }

    impl ShuffleMaster for Noting {
        fn register_job(&self, _: JobId) {
            self.note("job".to_owned());
        }

        fn unregister_job(&self, _: JobId) {
            self.note("job ended".to_owned());
        }

        fn register_partition(&self, job: JobId, partition: PartitionId, producer: &TaskLocation) -> ShuffleDescriptor {
            self.note(format!("+{} of edge {}", partition.task.position(), partition.edge));
            FlightShuffleMaster.register_partition(job, partition, producer)
        }

        fn release_partition(&self, _: JobId, partition: PartitionId) {
            self.note(format!("-{}", partition.task.position()));
        }

        fn network_memory(&self, channels: Channels) -> MemorySize {
            FlightShuffleMaster.network_memory(channels)
        }
    }

    #[test]
    fn each_partition_is_registered_with_its_producer_and_released_once() {
        let noting = Noting::default();
        let job = JobId::from_bytes([1; 16]);
        let mut graph = ExecutionGraph::new(job, Arc::new(word_count(2)), Timestamp::default());
        let mut tracker = PartitionTracker::new(job, Arc::new(noting.clone()));
        for task in graph.layout().tasks() {
            let location = TaskLocation {
                resource_id: format!("worker-{}", task.position()).into(),
                host: "node".to_owned(),
                data_address: "node:1".to_owned(),
                allocation_id: AllocationId::from_bytes([1; 16]),
            };
            graph.place(task, Arc::new(location));
            tracker.start(&graph, task);
        }
        let found = tracker.descriptor(1.into(), 0).unwrap();
        assert_eq!(found.resource_id.as_str(), "worker-1");
        assert_eq!(tracker.descriptor(2.into(), 0), None, "a sink has no partition");
        assert_eq!(tracker.stop(0.into()), [0]);
        assert_eq!(tracker.stop(0.into()), [0_usize; 0]);
        assert_eq!(tracker.descriptor(0.into(), 0), None);
        tracker.stop_all();
        let noted = noting.0.lock().unwrap().clone();
        assert_eq!(noted, ["job", "+0 of edge 0", "+1 of edge 0", "-0", "-1", "job ended"]);
    }

    #[test]
    fn network_memory_grows_with_the_channels_of_a_subtask() {
        let graph = word_count(10);
        let [source, sink] = [0, 1].map(|vertex| channels_of(&graph, &graph.vertices[vertex]));
        assert_eq!(
            (source.inputs, source.outputs, sink.inputs, sink.outputs),
            (0, 10, 10, 0)
        );
        assert_eq!(FlightShuffleMaster.network_memory(sink).bytes(), 640 << 10);
    }
}
