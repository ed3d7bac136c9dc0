//! What workers need to keep no longer. Part of [`JobState`]'s decisions.
//!
//! A worker forgets a task's channels when the task's job ends there. A job goes on where one of its regions is started over, or
//! has FINISHED: what the attempts of that region have sent is of no use to anybody, and the workers that took part are told.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::ResourceId;
use selvedge_core::status::ExecutionState;
use selvedge_runtime::gateway::proto::ReleasedPartitions;

use super::execution_graph::TaskIndex;
use super::state::{Action, Ending, JobState};

impl JobState {
    /// The partitions of these tasks, whose consumers are among them and have all ended, are read no more.
    pub(super) fn release_partitions(&mut self, tasks: &[TaskIndex]) -> Option<Action> {
        let mut workers = BTreeSet::<ResourceId>::new();
        let mut partitions = BTreeMap::<usize, ReleasedPartitions>::new();
        for task in tasks {
            if let Some(location) = &self.graph.run(*task).location
                && self.workers.contains_key(&location.resource_id)
                && !workers.contains(&location.resource_id)
            {
                workers.insert(location.resource_id.clone());
            }
            let (position, subtask) = self.graph.layout().locate(*task);
            for edge in self.partitions.stop(*task) {
                let of_edge = partitions.entry(edge).or_insert_with(|| ReleasedPartitions {
                    edge: edge as u32,
                    vertex: self.graph.graph.vertices[position].id.0.clone(),
                    ..ReleasedPartitions::default()
                });
                of_edge.subtasks.push(subtask);
                of_edge.attempts.push(self.graph.run(*task).attempt);
            }
        }
        if partitions.is_empty() || workers.is_empty() {
            return None;
        }
        Some(Action::ReleasePartitions {
            workers: workers.into_iter().collect(),
            partitions: partitions.into_values().collect(),
        })
    }

    /// The same when the last task of a region has FINISHED, and the job goes on.
    pub(super) fn release_finished_region(&mut self, task: TaskIndex) -> Option<Action> {
        if self.graph.run(task).state() != ExecutionState::Finished {
            return None;
        }
        let tasks = self.failover.finished(task)?;
        match self.ending {
            Ending::NotYet => self.release_partitions(&tasks),
            // The end of the job does it.
            _ => None,
        }
    }
}
