//! Which tasks are restarted together. Pure.
//!
//! Tasks that exchange records while they run form a region: what one of them has sent cannot be sent again, so that all of
//! them start anew. Blocking edges, which would part regions, are refused when a job is checked.

use selvedge_core::job_graph::{JobGraph, Partitioner};

use super::execution_graph::{Layout, TaskIndex};

/// The regions of a job, numbered by their first task.
#[derive(Debug)]
pub(super) struct Regions {
    /// The region of every task.
    of: Vec<usize>,
    /// The tasks of every region, in order.
    tasks: Vec<Vec<TaskIndex>>,
}

impl Regions {
    /// The regions of a job; with `full` it is one.
    pub(super) fn of(graph: &JobGraph, full: bool) -> Self {
        let layout = Layout::of(graph);
        let mut sets = Sets((0..layout.len()).collect());
        if full {
            (1..layout.len()).for_each(|task| sets.join(0, task));
        }
        for edge in &graph.edges {
            let (producers, consumers) = (layout.range_of(&edge.source), layout.range_of(&edge.target));
            if edge.partitioner == Partitioner::Forward {
                producers.zip(consumers).for_each(|(from, to)| sets.join(from, to));
            } else {
                // Each to each: one producer joins all consumers, and one consumer all producers.
                consumers
                    .clone()
                    .for_each(|consumer| sets.join(producers.start, consumer));
                producers.for_each(|producer| sets.join(producer, consumers.start));
            }
        }
        let mut regions = Self {
            of: Vec::with_capacity(layout.len()),
            tasks: Vec::new(),
        };
        for task in layout.tasks() {
            // A root is the first task of its set.
            let root = sets.root(task.position());
            let region = if root == task.position() {
                regions.tasks.push(Vec::new());
                regions.tasks.len() - 1
            } else {
                regions.of[root]
            };
            regions.of.push(region);
            regions.tasks[region].push(task);
        }
        regions
    }

    /// The tasks of each region.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[TaskIndex]> {
        self.tasks.iter().map(Vec::as_slice)
    }

    /// The tasks of a region.
    pub(super) fn tasks(&self, region: usize) -> &[TaskIndex] {
        &self.tasks[region]
    }

    /// The region of a task.
    pub(super) fn number_of(&self, task: TaskIndex) -> usize {
        self.of[task.position()]
    }

    /// The regions of these tasks, each once.
    pub(super) fn numbers_of(&self, tasks: &[TaskIndex]) -> Vec<usize> {
        let mut regions: Vec<_> = tasks.iter().map(|task| self.of[task.position()]).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    /// The tasks that are in a region with one of the failed, in order.
    pub(super) fn joined_with(&self, failed: &[TaskIndex]) -> Vec<TaskIndex> {
        let hit = self.numbers_of(failed);
        let mut tasks: Vec<_> = hit.iter().flat_map(|region| self.tasks(*region)).copied().collect();
        tasks.sort_unstable();
        tasks
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

    /// The tasks that are restarted with this one: 0 and 1 are the sources, 2 and 3 the sinks.
    fn restarted(graph: &JobGraph, full: bool, failed: usize) -> Vec<usize> {
        let joined = Regions::of(graph, full).joined_with(&[failed.into()]);
        joined.into_iter().map(TaskIndex::position).collect()
    }

    #[test]
    fn tasks_that_exchange_records_are_restarted_together() {
        let mut graph = word_count(2);
        let all = [0, 1, 2, 3];
        assert_eq!(restarted(&graph, false, 1), all);
        graph.edges[0].partitioner = Partitioner::Forward;
        assert_eq!(restarted(&graph, false, 1), [1, 3]);
        assert_eq!(restarted(&graph, false, 2), [0, 2]);
        assert_eq!(restarted(&graph, true, 2), all, "full failover takes them all");
        let two = Regions::of(&graph, false);
        assert_eq!(two.joined_with(&[3.into(), 0.into(), 2.into()]).len(), 4);
        assert_eq!(two.iter().map(<[_]>::len).collect::<Vec<_>>(), [2, 2]);
        graph.edges.clear();
        assert_eq!(restarted(&graph, false, 3), [3]);
    }
}
