//! What parallelism so many slots allow (Flink 1.20 `SlotSharingSlotAllocator`). Pure.
//!
//! Each slot-sharing group has its own slots. Every group first gets its least; what is left is shared out evenly, and a group
//! that needs less than its part leaves the rest to the others. A vertex then has as many subtasks as its group has slots, up
//! to its own upper bound.

use std::collections::BTreeMap;
use std::ops::Range;

use selvedge_core::VertexId;
use selvedge_core::job_graph::JobGraph;

use super::bounds::Bounds;
use crate::jobmaster::slot_sharing::SlotSharing;

/// The parallelism of every vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobmaster) struct VertexParallelism(BTreeMap<VertexId, u32>);

/// How many slots of each kind there are.
pub(in crate::jobmaster) type Supply = Vec<usize>;

/// What the slots allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed {
    /// The parallelism; `None` where they are fewer than the least.
    pub(super) parallelism: Option<VertexParallelism>,
    /// Whether the job has all that it asks for.
    pub(super) all: bool,
}

/// A slot-sharing group.
#[derive(Debug)]
struct Group {
    /// Its place among all.
    places: Range<usize>,
    /// The kind of slot that it needs.
    kind: usize,
    least: u32,
    most: u32,
}

/// Vertices that have one parallelism.
#[derive(Debug)]
struct Joined {
    vertices: Vec<VertexId>,
    groups: Vec<usize>,
    most: u32,
}

/// The groups and vertices of a job.
#[derive(Debug)]
pub(super) struct Allocator {
    groups: Vec<Group>,
    joined: Vec<Joined>,
    kinds: usize,
}

impl VertexParallelism {
    /// That of a graph as it is.
    pub(super) fn of(graph: &JobGraph) -> Self {
        let vertices = graph.vertices.iter();
        Self(vertices.map(|vertex| (vertex.id.clone(), vertex.parallelism)).collect())
    }

    pub(super) fn of_vertex(&self, vertex: &VertexId) -> u32 {
        self.0.get(vertex).copied().unwrap_or(1)
    }

    /// Whether a vertex has fewer subtasks than before.
    pub(super) fn shrinks(&self, before: &Self) -> bool {
        self.0.iter().any(|(vertex, now)| *now < before.of_vertex(vertex))
    }

    /// By how much the vertex grows that grows most.
    pub(super) fn growth(&self, before: &Self) -> u32 {
        let growth = self
            .0
            .iter()
            .map(|(vertex, now)| now.saturating_sub(before.of_vertex(vertex)));
        growth.max().unwrap_or(0)
    }
}

impl std::fmt::Display for VertexParallelism {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, (vertex, parallelism)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{vertex} {parallelism}")?;
        }
        Ok(())
    }
}

impl Allocator {
    /// For a job with these bounds, whose groups have these places.
    pub(super) fn new(graph: &JobGraph, sharing: &SlotSharing, bounds: &Bounds) -> Self {
        let mut groups: Vec<_> = sharing
            .groups
            .values()
            .map(|places| Group {
                places: places.clone(),
                kind: sharing.profile_of[places.start],
                least: 0,
                most: 0,
            })
            .collect();
        let numbers: BTreeMap<_, _> = sharing.groups.keys().map(String::as_str).zip(0..).collect();
        let mut joined = Vec::new();
        for set in graph.forward_sets() {
            let together = bounds.joint(&set);
            let vertices = set.iter().filter_map(|id| graph.vertex(id));
            let of_set: Vec<_> = vertices
                .filter_map(|vertex| numbers.get(vertex.slot_sharing_group.as_str()).copied())
                .collect();
            for number in &of_set {
                let group = &mut groups[*number];
                group.least = group.least.max(together.lower_bound);
                group.most = group.most.max(together.upper_bound);
            }
            joined.push(Joined {
                vertices: set.into_iter().cloned().collect(),
                groups: of_set,
                most: together.upper_bound,
            });
        }
        Self {
            groups,
            joined,
            kinds: sharing.profiles.len(),
        }
    }

    /// Whether a slot is asked for at this place.
    pub(super) fn wants(&self, place: usize) -> bool {
        let group = self.groups.iter().find(|group| group.places.contains(&place));
        group.is_some_and(|group| place - group.places.start < group.most as usize)
    }

    /// How many slots the job needs at least.
    pub(super) fn least(&self) -> u32 {
        self.groups.iter().map(|group| group.least).sum()
    }

    /// What these slots allow.
    pub(super) fn allowed(&self, supply: &Supply) -> Allowed {
        let mut given = vec![0; self.groups.len()];
        for kind in 0..self.kinds {
            let slots = u32::try_from(supply.get(kind).copied().unwrap_or(0)).unwrap_or(u32::MAX);
            if !self.share_out(kind, slots, &mut given) {
                return Allowed {
                    parallelism: None,
                    all: false,
                };
            }
        }
        let parallelism = self.joined.iter().flat_map(|set| {
            let slots = set.groups.iter().map(|group| given[*group]).min().unwrap_or(1);
            let parallelism = slots.min(set.most);
            set.vertices.iter().map(move |vertex| (vertex.clone(), parallelism))
        });
        Allowed {
            parallelism: Some(VertexParallelism(parallelism.collect())),
            all: self
                .groups
                .iter()
                .zip(&given)
                .all(|(group, given)| *given == group.most),
        }
    }

    /// Shares the slots of a kind out; `false` where they are fewer than the least.
    fn share_out(&self, kind: usize, slots: u32, given: &mut [u32]) -> bool {
        let mut of_kind: Vec<_> = (0..self.groups.len())
            .filter(|group| self.groups[*group].kind == kind)
            .collect();
        let least = of_kind.iter().map(|group| self.groups[*group].least).sum();
        let Some(mut left) = slots.checked_sub(least) else {
            return false;
        };
        let range = |group: usize| self.groups[group].most - self.groups[group].least;
        // Who needs least more first: what it leaves is there for those that come after it.
        of_kind.sort_by_key(|group| range(*group));
        let mut waiting = u32::try_from(of_kind.len()).unwrap_or(u32::MAX);
        for group in of_kind {
            let more = range(group).min(left / waiting.max(1));
            given[group] = self.groups[group].least + more;
            left -= more;
            waiting -= 1;
        }
        true
    }

    /// How many slots of each kind a parallelism takes.
    pub(super) fn taken_by(&self, parallelism: &VertexParallelism) -> Supply {
        let mut of_group = vec![0; self.groups.len()];
        for set in &self.joined {
            let subtasks = set.vertices.first().map_or(0, |vertex| parallelism.of_vertex(vertex));
            for group in &set.groups {
                of_group[*group] = of_group[*group].max(subtasks as usize);
            }
        }
        let mut taken = vec![0; self.kinds];
        for (group, slots) in self.groups.iter().zip(of_group) {
            taken[group.kind] += slots;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::MemorySize;
    use selvedge_core::job_graph::Partitioner;
    use serde_json::json;

    use super::*;
    use crate::testing::word_count;

    fn allocator(graph: &JobGraph) -> Allocator {
        let sharing = SlotSharing::with_room(graph, graph, |_| MemorySize::from_bytes(0));
        Allocator::new(graph, &sharing, &Bounds::of(graph, false))
    }

    fn bounded(source: (u32, u32), sink: (u32, u32)) -> JobGraph {
        let mut graph = word_count(4);
        let of = |(lower, upper): (u32, u32)| json!({"parallelism": {"lowerBound": lower, "upperBound": upper}});
        graph.resource_requirements = serde_json::from_value(json!({"source": of(source), "sink": of(sink)})).unwrap();
        graph
    }

    /// Source, sink, and whether that is all, with so many slots; `None` where they are not enough.
    fn with(graph: &JobGraph, slots: usize) -> Option<(u32, u32, bool)> {
        let allowed = allocator(graph).allowed(&vec![slots]);
        let of = allowed.parallelism?;
        Some((
            of.of_vertex(&"source".into()),
            of.of_vertex(&"sink".into()),
            allowed.all,
        ))
    }

    #[test]
    fn vertices_that_share_slots_have_as_many_subtasks_as_there_are_slots_within_their_bounds() {
        let graph = bounded((1, 4), (2, 3));
        for (slots, expected) in [
            (0, None),
            (1, None),
            (2, Some((2, 2, false))),
            (3, Some((3, 3, false))),
            (4, Some((4, 3, true))),
            (9, Some((4, 3, true))),
        ] {
            assert_eq!(with(&graph, slots), expected, "{slots} slots");
        }
    }

    #[test]
    fn groups_get_their_least_first_and_share_the_rest_evenly() {
        let mut graph = bounded((1, 2), (2, 8));
        graph.vertices[1].slot_sharing_group = "sinks".to_owned();
        for (slots, expected) in [
            (2, None),
            (3, Some((1, 2, false))),
            (4, Some((1, 3, false))),
            (5, Some((2, 3, false))),
            (9, Some((2, 7, false))),
            (10, Some((2, 8, true))),
        ] {
            assert_eq!(with(&graph, slots), expected, "{slots} slots");
        }
        let allocator = allocator(&graph);
        assert_eq!(allocator.least(), 3);
        let some = allocator.allowed(&vec![5]).parallelism.unwrap();
        assert_eq!(allocator.taken_by(&some), [5]);
        let wanted = (0..256).filter(|place| allocator.wants(*place)).count();
        assert_eq!(wanted, 10, "of both groups' places");
    }

    #[test]
    fn vertices_joined_by_forward_edges_have_one_parallelism_also_across_groups() {
        let mut graph = bounded((1, 4), (1, 6));
        graph.edges[0].partitioner = Partitioner::Forward;
        assert_eq!(with(&graph, 9), Some((4, 4, true)));
        graph.vertices[1].slot_sharing_group = "sinks".to_owned();
        assert_eq!(with(&graph, 5), Some((2, 2, false)), "one group has three");
        assert_eq!(with(&graph, 8), Some((4, 4, true)));
    }

    #[test]
    fn groups_of_other_kinds_of_slots_do_not_share() {
        let mut graph = bounded((1, 4), (1, 4));
        graph.vertices[1].slot_sharing_group = "sinks".to_owned();
        graph.slot_sharing_groups =
            serde_json::from_value(json!({"sinks": {"cpu_cores": 1.0, "task_heap": "1m"}})).unwrap();
        let allocator = allocator(&graph);
        let of = |supply: [usize; 2]| allocator.allowed(&supply.to_vec()).parallelism;
        assert_eq!(of([4, 0]), None);
        let some = of([3, 2]).unwrap();
        assert_eq!(
            (some.of_vertex(&"source".into()), some.of_vertex(&"sink".into())),
            (3, 2)
        );
        assert_eq!(allocator.taken_by(&some), [3, 2]);
    }

    #[test]
    fn growth_is_that_of_the_vertex_that_grows_most() {
        let (before, after) = (
            VertexParallelism::of(&bounded((1, 4), (1, 4))),
            allocator(&bounded((1, 4), (1, 2)))
                .allowed(&vec![9])
                .parallelism
                .unwrap(),
        );
        assert!(after.shrinks(&before) && !before.shrinks(&after));
        assert_eq!((after.growth(&before), before.growth(&after)), (0, 2));
        assert_eq!(after.to_string(), "sink 2, source 4");
    }
}
