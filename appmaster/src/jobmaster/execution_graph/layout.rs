//! Which subtask is which: a number for each, vertex by vertex in the order of the file. Pure.

use std::collections::BTreeMap;
use std::ops::Range;

use selvedge_core::VertexId;
use selvedge_core::job_graph::{Edge, JobGraph, Partitioner};
use serde::{Deserialize, Serialize};

/// A subtask of a job, as a number: what sets and plans are made of, where a name would be copied for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskIndex(u32);

impl TaskIndex {
    pub(crate) const fn position(self) -> usize {
        self.0 as usize
    }
}

impl From<usize> for TaskIndex {
    fn from(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }
}

/// The subtasks of a job in a row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Where each vertex begins, in the order of the file, and where the last one ends.
    bounds: Vec<usize>,
    positions: BTreeMap<VertexId, usize>,
}

impl Layout {
    pub(crate) fn of(graph: &JobGraph) -> Self {
        let mut bounds = vec![0];
        let mut end = 0;
        for vertex in &graph.vertices {
            end += vertex.parallelism as usize;
            bounds.push(end);
        }
        let ids = graph.vertices.iter().map(|vertex| vertex.id.clone());
        Self {
            bounds,
            positions: ids.zip(0..).collect(),
        }
    }

    /// How many subtasks there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.last().copied().unwrap_or_default()
    }

    /// All subtasks.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskIndex> + use<> {
        (0..self.len()).map(TaskIndex::from)
    }

    /// Where a vertex stands in the file.
    pub(crate) fn position(&self, vertex: &VertexId) -> Option<usize> {
        self.positions.get(vertex).copied()
    }

    /// The subtasks of the vertex that stands here in the file.
    pub(crate) fn range(&self, position: usize) -> Range<usize> {
        match (self.bounds.get(position), self.bounds.get(position + 1)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    /// The subtasks of a vertex.
    pub(crate) fn range_of(&self, vertex: &VertexId) -> Range<usize> {
        self.position(vertex).map_or(0..0, |position| self.range(position))
    }

    /// A subtask of a vertex; `None` where it has no such one.
    pub(crate) fn task(&self, vertex: &VertexId, subtask: u32) -> Option<TaskIndex> {
        let range = self.range_of(vertex);
        let position = range.start + subtask as usize;
        range.contains(&position).then(|| position.into())
    }

    /// The vertex of a task, by where it stands in the file, and which of its subtasks the task is.
    pub(crate) fn locate(&self, task: TaskIndex) -> (usize, u32) {
        let position = self.bounds.partition_point(|start| *start <= task.position()) - 1;
        (position, (task.position() - self.bounds[position]) as u32)
    }
}

/// The subtasks at the other end of an edge that subtask `subtask` exchanges records with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    /// The same one.
    One(u32),
    /// All, and all subtasks of this end share them.
    All,
}

impl Peers {
    pub(crate) fn of(edge: &Edge, subtask: u32) -> Self {
        match edge.partitioner {
            Partitioner::Forward => Self::One(subtask),
            _ => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    #[test]
    fn every_subtask_has_a_number_and_its_number_names_it() {
        let layout = Layout::of(&word_count(3));
        assert_eq!((layout.len(), layout.range_of(&"sink".into())), (6, 3..6));
        let task = layout.task(&"sink".into(), 1).unwrap();
        assert_eq!((task.position(), layout.locate(task)), (4, (1, 1)));
        assert_eq!(layout.locate(0.into()), (0, 0));
        assert_eq!(layout.task(&"sink".into(), 3), None);
        assert_eq!(layout.task(&"other".into(), 0), None);
    }

    #[test]
    fn a_forward_edge_joins_equal_subtasks_and_others_join_all() {
        let mut edge = word_count(2).edges[0].clone();
        assert_eq!(Peers::of(&edge, 1), Peers::All);
        edge.partitioner = Partitioner::Forward;
        assert_eq!(Peers::of(&edge, 1), Peers::One(1));
    }
}
