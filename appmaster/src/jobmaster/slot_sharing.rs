//! Which subtasks share a slot: subtask i of every vertex in a slot-sharing group stands at the group's place i. Pure.
//!
//! A place is what Flink calls an ExecutionSlotSharingGroup: it asks for one slot. Vertices of one co-location group are in
//! one slot-sharing group, which is checked with the job, so that their equal subtasks stand at one place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use selvedge_core::MemorySize;
use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::resource::ProfileSpec;

use super::execution_graph::{Layout, Peers, TaskIndex};
use super::shuffle::{Channels, channels_of};

/// From how many producers on it does not matter where they are, as in Flink.
const MOST_PREFERRED_INPUTS: usize = 8;

/// The places of a job.
#[derive(Debug)]
pub(super) struct SlotSharing {
    /// The place of each task.
    place_of: Vec<usize>,
    /// The tasks at each place.
    tasks: Vec<Vec<TaskIndex>>,
    /// What kinds of slots the job needs, each once.
    pub(super) profiles: Vec<ProfileSpec>,
    /// Which of the kinds each place needs.
    pub(super) profile_of: Vec<usize>,
    /// The places of each group.
    pub(super) groups: BTreeMap<String, Range<usize>>,
    /// The places that most of a place's input comes from, where they are few.
    inputs: Vec<Vec<usize>>,
}

impl SlotSharing {
    /// The places of a job. Where slots have a stated profile, `network` says what the channels of a subtask need beside it.
    pub(super) fn of(graph: &JobGraph, network: impl Fn(Channels) -> MemorySize) -> Self {
        Self::lay_out(graph, graph, |vertex| vertex.parallelism, network)
    }

    /// The same with places for as many subtasks as there can ever be, and with slots for the channels of the widest form of
    /// the job: neither is another one when the job is rescaled.
    pub(super) fn with_room(graph: &JobGraph, widest: &JobGraph, network: impl Fn(Channels) -> MemorySize) -> Self {
        Self::lay_out(graph, widest, |vertex| vertex.max_parallelism, network)
    }

    fn lay_out(
        graph: &JobGraph,
        widest: &JobGraph,
        room: impl Fn(&Vertex) -> u32,
        network: impl Fn(Channels) -> MemorySize,
    ) -> Self {
        let layout = Layout::of(graph);
        let mut sharing = Self {
            place_of: Vec::with_capacity(layout.len()),
            tasks: Vec::new(),
            profiles: Vec::new(),
            profile_of: Vec::new(),
            groups: BTreeMap::new(),
            inputs: Vec::new(),
        };
        sharing.lay_out_groups(widest, room, network);
        for vertex in &graph.vertices {
            let group = sharing.groups.get(&vertex.slot_sharing_group);
            let start = group.map_or(0, |places| places.start);
            for subtask in 0..vertex.parallelism as usize {
                sharing.tasks[start + subtask].push(sharing.place_of.len().into());
                sharing.place_of.push(start + subtask);
            }
        }
        sharing.inputs = sharing.inputs(graph, &layout);
        sharing
    }

    /// Groups take places one after another, in the order of their names.
    fn lay_out_groups(
        &mut self,
        graph: &JobGraph,
        room: impl Fn(&Vertex) -> u32,
        network: impl Fn(Channels) -> MemorySize,
    ) {
        let mut sizes = BTreeMap::<&str, u32>::new();
        for vertex in &graph.vertices {
            let size = sizes.entry(&vertex.slot_sharing_group).or_default();
            *size = (*size).max(room(vertex));
        }
        for (group, size) in sizes {
            let start = self.tasks.len();
            self.groups.insert(group.to_owned(), start..start + size as usize);
            let mut profile = graph.slot_profile(group);
            if let ProfileSpec::Exactly(stated) = &mut profile {
                let members = graph
                    .vertices
                    .iter()
                    .filter(|vertex| vertex.slot_sharing_group == group);
                let bytes = members.map(|vertex| network(channels_of(graph, vertex)).bytes()).sum();
                stated.network = MemorySize::from_bytes(bytes);
            }
            let kind = self.profiles.iter().position(|known| *known == profile);
            let kind = kind.unwrap_or_else(|| {
                self.profiles.push(profile);
                self.profiles.len() - 1
            });
            for _ in 0..size {
                self.tasks.push(Vec::new());
                self.profile_of.push(kind);
            }
        }
    }

    fn inputs(&self, graph: &JobGraph, layout: &Layout) -> Vec<Vec<usize>> {
        let mut inputs = vec![BTreeSet::new(); self.tasks.len()];
        for edge in &graph.edges {
            let (producers, consumers) = (layout.range_of(&edge.source), layout.range_of(&edge.target));
            for (subtask, consumer) in (0..).zip(consumers) {
                let place = self.place_of[consumer];
                let from = match Peers::of(edge, subtask) {
                    Peers::One(peer) => producers.start + peer as usize..producers.start + peer as usize + 1,
                    Peers::All if producers.len() <= MOST_PREFERRED_INPUTS => producers.clone(),
                    Peers::All => continue,
                };
                inputs[place].extend(
                    from.map(|producer| self.place_of[producer])
                        .filter(|from| *from != place),
                );
            }
        }
        inputs.into_iter().map(|places| places.into_iter().collect()).collect()
    }

    pub(super) fn places(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn place_of(&self, task: TaskIndex) -> usize {
        self.place_of[task.position()]
    }

    pub(super) fn tasks_at(&self, place: usize) -> &[TaskIndex] {
        &self.tasks[place]
    }

    pub(super) fn inputs_of(&self, place: usize) -> &[usize] {
        &self.inputs[place]
    }

    /// The places of these tasks, each once.
    pub(super) fn places_of(&self, tasks: &[TaskIndex]) -> Vec<usize> {
        let mut places: Vec<_> = tasks.iter().map(|task| self.place_of(*task)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::job_graph::Partitioner;

    use super::*;
    use crate::testing::word_count;

    fn sharing_of(graph: &JobGraph) -> SlotSharing {
        SlotSharing::of(graph, |channels| MemorySize::from_bytes(channels.inputs))
    }

    #[test]
    fn a_stated_profile_gets_the_network_memory_of_its_groups_channels() {
        let mut graph = word_count(5);
        graph.slot_sharing_groups = serde_json::from_value(serde_json::json!({
            "default": {"cpu_cores": 1.0, "task_heap": "1m"}
        }))
        .unwrap();
        let profiles = sharing_of(&graph).profiles;
        let [ProfileSpec::Exactly(profile)] = profiles.as_slice() else {
            panic!("a stated profile")
        };
        assert_eq!(profile.network.bytes(), 5);
    }

    #[test]
    fn a_group_shares_its_slots_and_groups_do_not() {
        let mut graph = word_count(2);
        assert_eq!(sharing_of(&graph).place_of, [0, 1, 0, 1]);
        graph.vertices[1].slot_sharing_group = "sinks".into();
        let sharing = sharing_of(&graph);
        assert_eq!(sharing.place_of, [0, 1, 2, 3]);
        assert_eq!((sharing.places(), graph.required_slots()), (4, 4));
        assert_eq!(sharing.places_of(&[3.into(), 0.into(), 3.into()]), [0, 3]);
        assert_eq!(sharing.tasks_at(3), [TaskIndex::from(3)]);
    }

    #[test]
    fn with_room_places_stay_where_they_are_when_a_job_is_rescaled() {
        let mut submitted = word_count(4);
        submitted.vertices[1].slot_sharing_group = "sinks".into();
        let mut graph = submitted.clone();
        graph.vertices.iter_mut().for_each(|vertex| vertex.parallelism = 1);
        let with_room = |graph| SlotSharing::with_room(graph, &submitted, |_| MemorySize::from_bytes(0));
        let (wide, narrow) = (with_room(&submitted), with_room(&graph));
        assert_eq!((wide.places(), narrow.places()), (256, 256), "the maximum of both");
        assert_eq!(
            (&wide.place_of[4..], &narrow.place_of[1..]),
            (&[128, 129, 130, 131][..], &[128][..])
        );
        assert_eq!((wide.profiles, wide.groups), (narrow.profiles, narrow.groups));
    }

    #[test]
    fn a_place_knows_where_its_input_comes_from_where_that_is_few_places() {
        let mut graph = word_count(2);
        graph.vertices[1].slot_sharing_group = "sinks".into();
        let inputs = |graph: &JobGraph| sharing_of(graph).inputs_of(3).to_vec();
        assert_eq!(inputs(&graph), [0, 1], "each sends to each");
        graph.edges[0].partitioner = Partitioner::Forward;
        assert_eq!(inputs(&graph), [1]);
        graph.vertices[1].slot_sharing_group = graph.vertices[0].slot_sharing_group.clone();
        assert_eq!(sharing_of(&graph).inputs_of(1), [0; 0], "it is there already");
        let mut many = word_count(9);
        many.vertices[1].slot_sharing_group = "sinks".into();
        assert_eq!(
            sharing_of(&many).inputs_of(9),
            [0; 0],
            "nine producers are no preference"
        );
    }
}
