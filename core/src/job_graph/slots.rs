//! How many slots a job needs, pure.

use std::collections::BTreeMap;

use super::{JobGraph, Partitioner, Vertex};

impl JobGraph {
    /// How many slots the job needs to run all its tasks at once: the largest parallelism of each slot-sharing group, summed.
    pub fn required_slots(&self) -> u32 {
        slots_of_groups(self.vertices.iter().map(|vertex| (vertex, vertex.parallelism)))
    }

    /// With how many slots it can come to its end at the least. Tasks of a job whose sources end that exchange no records,
    /// themselves or by others, can run one after another.
    pub fn least_slots(&self) -> u32 {
        if self.has_unbounded_source() {
            return self.required_slots();
        }
        let component_of = self.components();
        let mut is_mixed = vec![false; self.vertices.len()];
        let position = self.positions();
        for edge in &self.edges {
            if edge.partitioner != Partitioner::Forward
                && let Some(source) = position.get(edge.source.as_str())
            {
                is_mixed[component_of[*source]] = true;
            }
        }
        let of_component = |component: usize| {
            let members = (self.vertices.iter().zip(&component_of)).filter(|(_, of)| **of == component);
            // Subtasks that are linked one by one form a chain each.
            let width = |vertex: &Vertex| if is_mixed[component] { vertex.parallelism } else { 1 };
            slots_of_groups(members.map(|(vertex, _)| (vertex, width(vertex))))
        };
        (0..self.vertices.len()).map(of_component).max().unwrap_or_default()
    }

    fn positions(&self) -> BTreeMap<&str, usize> {
        let positions = self.vertices.iter().enumerate();
        positions
            .map(|(position, vertex)| (vertex.id.as_str(), position))
            .collect()
    }

    /// For each vertex, the first one that it is connected with.
    fn components(&self) -> Vec<usize> {
        let position = self.positions();
        let mut first: Vec<usize> = (0..self.vertices.len()).collect();
        for edge in &self.edges {
            let (Some(source), Some(target)) = (position.get(edge.source.as_str()), position.get(edge.target.as_str()))
            else {
                continue;
            };
            let (one, other) = (first[*source], first[*target]);
            for of in first.iter_mut().filter(|of| **of == one.max(other)) {
                *of = one.min(other);
            }
        }
        first
    }
}

fn slots_of_groups<'a>(vertices: impl Iterator<Item = (&'a Vertex, u32)>) -> u32 {
    let mut groups = BTreeMap::<&str, u32>::new();
    for (vertex, width) in vertices {
        let slots = groups.entry(&vertex.slot_sharing_group).or_default();
        *slots = (*slots).max(width);
    }
    groups.values().sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn graph(rows: Option<u64>, edges: &[(&str, &str, &str)]) -> JobGraph {
        let vertex = |id: &str, parallelism: u32, group: &str, operator: serde_json::Value| json!({"id": id, "parallelism": parallelism, "slot_sharing_group": group, "chain": [operator]});
        let source = |id: &str| {
            json!({"id": id, "operator": "generator-source", "rows": rows,
            "fields": [{"name": "n", "generator": {"type": "sequence"}}]})
        };
        let edges: Vec<_> = edges
            .iter()
            .map(|(source, target, kind)| json!({"source": source, "target": target, "partitioner": {"type": kind}}))
            .collect();
        serde_json::from_value(json!({"name": "j", "edges": edges, "vertices": [
            vertex("a", 4, "default", source("a1")),
            vertex("b", 4, "default", json!({"id": "b1", "operator": "blackhole-sink"})),
            vertex("c", 3, "others", json!({"id": "c1", "operator": "blackhole-sink"})),
        ]}))
        .unwrap()
    }

    #[test]
    fn tasks_of_a_batch_job_that_exchange_nothing_can_run_one_after_another() {
        for (edges, least) in [
            (&[][..], 1),
            (&[("a", "b", "forward")], 1),
            (&[("a", "b", "rebalance")], 4),
            (&[("a", "b", "forward"), ("b", "c", "broadcast")], 7),
            (&[("b", "c", "broadcast")], 7),
        ] {
            let graph = graph(Some(10), edges);
            assert_eq!((graph.required_slots(), graph.least_slots()), (7, least), "{edges:?}");
        }
    }

    #[test]
    fn a_job_without_end_needs_all_its_slots_at_once() {
        assert_eq!(graph(None, &[("a", "b", "forward")]).least_slots(), 7);
    }

    #[test]
    fn edges_to_vertices_that_are_not_there_do_no_harm() {
        assert_eq!(
            graph(Some(10), &[("a", "z", "forward"), ("z", "b", "rebalance")]).least_slots(),
            1
        );
    }
}
