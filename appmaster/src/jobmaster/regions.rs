//! Which tasks are restarted together. Pure.
//!
//! Tasks that exchange records while they run form a region: what one of them has sent cannot be sent again, so that all of
//! them start anew. Blocking edges, which would part regions, are refused when a job is checked.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::job_graph::{JobGraph, Partitioner};
use selvedge_core::{ExecutionAttemptId, VertexId};

/// The region of every subtask, as a number.
#[derive(Debug)]
pub(super) struct Regions(BTreeMap<VertexId, Vec<usize>>);

impl Regions {
    /// The regions of a job; with `full` it is one.
    pub(super) fn of(graph: &JobGraph, full: bool) -> Self {
        let mut first = BTreeMap::new();
        let mut count = 0;
        for vertex in &graph.vertices {
            first.insert(&vertex.id, count);
            count += vertex.parallelism as usize;
        }
        let mut sets = Sets((0..count).collect());
        if full {
            (1..count).for_each(|task| sets.join(0, task));
        }
        for edge in &graph.edges {
            let ends = [&edge.source, &edge.target].map(|id| Some((*first.get(id)?, graph.vertex(id)?.parallelism)));
            let [Some((source, producers)), Some((target, consumers))] = ends else {
                continue;
            };
            let (producers, consumers) = (producers as usize, consumers as usize);
            if edge.partitioner == Partitioner::Forward {
                (0..producers.min(consumers)).for_each(|subtask| sets.join(source + subtask, target + subtask));
            } else {
                // Each to each: one producer joins all consumers, and one consumer all producers.
                (0..consumers).for_each(|subtask| sets.join(source, target + subtask));
                (0..producers).for_each(|subtask| sets.join(source + subtask, target));
            }
        }
        let regions = graph.vertices.iter().map(|vertex| {
            let first = first[&vertex.id];
            let tasks = first..first + vertex.parallelism as usize;
            (vertex.id.clone(), tasks.map(|task| sets.root(task)).collect())
        });
        Self(regions.collect())
    }

    fn region(&self, task: &ExecutionAttemptId) -> Option<usize> {
        self.0.get(&task.vertex)?.get(task.subtask as usize).copied()
    }

    /// Those of the tasks that are in a region with one of the failed.
    pub(super) fn joined_with(
        &self,
        failed: &[ExecutionAttemptId],
        tasks: impl Iterator<Item = ExecutionAttemptId>,
    ) -> BTreeSet<ExecutionAttemptId> {
        let hit: BTreeSet<_> = failed.iter().filter_map(|task| self.region(task)).collect();
        let is_hit = |task: &ExecutionAttemptId| self.region(task).is_some_and(|region| hit.contains(&region));
        tasks.filter(is_hit).collect()
    }
}

/// Sets that are joined one after another: each element names another one of its set, or itself.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&mut self, mut of: usize) -> usize {
        while self.0[of] != of {
            self.0[of] = self.0[self.0[of]];
            of = self.0[of];
        }
        of
    }

    fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        self.0[left.max(right)] = left.min(right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    fn tasks(graph: &JobGraph) -> Vec<ExecutionAttemptId> {
        let of_vertex = |vertex: &selvedge_core::job_graph::Vertex| {
            let id = vertex.id.clone();
            (0..vertex.parallelism).map(move |subtask| ExecutionAttemptId {
                vertex: id.clone(),
                subtask,
                attempt: 0,
            })
        };
        graph.vertices.iter().flat_map(of_vertex).collect()
    }

    fn restarted(graph: &JobGraph, full: bool, failed: usize) -> Vec<String> {
        let all = tasks(graph);
        let regions = Regions::of(graph, full);
        let joined = regions.joined_with(&all[failed..=failed], all.clone().into_iter());
        joined.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tasks_that_exchange_records_are_restarted_together() {
        let mut graph = word_count(2);
        let all = ["sink_0_0", "sink_1_0", "source_0_0", "source_1_0"];
        assert_eq!(restarted(&graph, false, 1), all);
        graph.edges[0].partitioner = Partitioner::Forward;
        assert_eq!(restarted(&graph, false, 1), ["sink_1_0", "source_1_0"]);
        assert_eq!(restarted(&graph, false, 2), ["sink_0_0", "source_0_0"]);
        assert_eq!(restarted(&graph, true, 2), all, "full failover takes them all");
        graph.edges.clear();
        assert_eq!(restarted(&graph, false, 3), ["sink_1_0"]);
    }
}
