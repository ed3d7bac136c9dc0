//! What a slot must hold: resources of a slot-sharing group, or of single vertices.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobGraph;
use super::validate::GraphError;
use crate::MemorySize;
use crate::nearest::nearest;
use crate::resource::{ProfileSpec, Quantity, ResourceProfile};

/// Resources as a job's file states them. Cores and heap belong together: one without the other is refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceSpec {
    /// CPU cores; a fraction is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<f64>,
    /// What tasks may take for objects of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_heap: Option<MemorySize>,
    /// Native memory of tasks; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_off_heap: Option<MemorySize>,
    /// What operators and state take from the managed budget; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<MemorySize>,
    /// External resources by name, such as `gpu`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<String, f64>,
}

impl ResourceSpec {
    /// The profile, or what is wrong with it.
    pub fn profile(&self) -> Result<ResourceProfile, String> {
        let cores = self.cpu_cores.unwrap_or_default();
        let heap = self.task_heap.unwrap_or_default();
        let cpu_cores = Quantity::from_f64(cores).filter(|cores| !cores.is_zero());
        let (Some(cpu_cores), true) = (cpu_cores, heap.bytes() > 0) else {
            return Err(format!(
                "cpu_cores is {cores} and task_heap is {heap}: where resources are stated, both must be more than 0"
            ));
        };
        let amount = |(name, amount): (&String, &f64)| {
            let quantity = Quantity::from_f64(*amount).filter(|quantity| !quantity.is_zero());
            quantity
                .map(|quantity| (name.clone(), quantity))
                .ok_or_else(|| format!("its amount of {name} is {amount}: it must be more than 0"))
        };
        Ok(ResourceProfile {
            cpu_cores,
            task_heap: heap,
            task_off_heap: self.task_off_heap.unwrap_or_default(),
            managed: self.managed.unwrap_or_default(),
            network: MemorySize::default(),
            extended: self.external.iter().map(amount).collect::<Result<_, _>>()?,
        })
    }
}

impl JobGraph {
    /// What each slot of a slot-sharing group must hold: what is stated for the group, else the sum of its vertices, else the
    /// default slot.
    pub fn slot_profile(&self, group: &str) -> ProfileSpec {
        if let Some(stated) = self.slot_sharing_groups.get(group) {
            return stated.profile().map_or(ProfileSpec::Unknown, ProfileSpec::Exactly);
        }
        let members = self.vertices.iter().filter(|vertex| vertex.slot_sharing_group == group);
        let mut sum = ResourceProfile::ZERO;
        for vertex in members {
            let stated = vertex.resources.as_ref().and_then(|stated| stated.profile().ok());
            match stated.and_then(|stated| sum.checked_add(&stated)) {
                Some(more) => sum = more,
                None => return ProfileSpec::Unknown,
            }
        }
        ProfileSpec::Exactly(sum)
    }
}

/// Checks resources and co-location groups.
pub(super) fn check_resources(graph: &JobGraph) -> Result<(), GraphError> {
    for (group, stated) in &graph.slot_sharing_groups {
        let of = format!("slot-sharing group '{group}'");
        if !graph.vertices.iter().any(|vertex| vertex.slot_sharing_group == *group) {
            let groups = graph.vertices.iter().map(|vertex| vertex.slot_sharing_group.as_str());
            let hint = nearest(group, groups).map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
            let problem = format!("no vertex is in it{hint}");
            return Err(GraphError::Resources { of, problem });
        }
        stated
            .profile()
            .map_err(|problem| GraphError::Resources { of, problem })?;
    }
    for vertex in &graph.vertices {
        let of = format!("vertex '{}'", vertex.id);
        if let Some(stated) = &vertex.resources {
            stated
                .profile()
                .map_err(|problem| GraphError::Resources { of, problem })?;
        } else if let Some(other) = graph.vertices.iter().find(|vertex| vertex.resources.is_some()) {
            let problem = format!(
                "it states no resources, and vertex '{}' does: state them for all vertices, for none, or for slot-sharing \
                 groups",
                other.id
            );
            return Err(GraphError::Resources { of, problem });
        }
    }
    check_co_location(graph)
}

fn check_co_location(graph: &JobGraph) -> Result<(), GraphError> {
    let mut groups = BTreeMap::new();
    for vertex in &graph.vertices {
        let Some(group) = &vertex.co_location_group else {
            continue;
        };
        let first = *groups.entry(group).or_insert(vertex);
        if first.slot_sharing_group != vertex.slot_sharing_group {
            return Err(GraphError::CoLocation {
                group: group.clone(),
                first: first.id.clone(),
                second: vertex.id.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn graph(change: impl FnOnce(&mut Value)) -> JobGraph {
        let mut document = json!({"name": "j", "vertices": [
            {"id": "in", "chain": [{"id": "make", "operator": "generator-source", "fields": [], "rows": 1}]},
            {"id": "out", "chain": [{"id": "drop", "operator": "blackhole-sink"}]}],
            "edges": [{"source": "in", "target": "out", "partitioner": {"type": "forward"}}]});
        change(&mut document);
        serde_json::from_value(document).unwrap()
    }

    fn fault(change: impl FnOnce(&mut Value)) -> String {
        check_resources(&graph(change)).unwrap_err().to_string()
    }

    #[test]
    fn a_groups_slot_is_what_is_stated_or_the_sum_of_its_vertices_or_the_default() {
        assert_eq!(graph(|_| ()).slot_profile("default"), ProfileSpec::Unknown);
        let half = json!({"cpu_cores": 0.5, "task_heap": "10m", "external": {"gpu": 1.0}});
        let vertices = graph(|g| {
            for vertex in [0, 1] {
                g["vertices"][vertex]["resources"] = half.clone();
            }
        });
        assert_eq!(check_resources(&vertices), Ok(()));
        let ProfileSpec::Exactly(sum) = vertices.slot_profile("default") else {
            panic!("the vertices state it")
        };
        assert_eq!(
            (sum.cpu_cores.to_string(), sum.amount("gpu").to_string()),
            ("1".into(), "2".into())
        );
        assert_eq!(sum.task_heap.bytes(), 20 << 20);
        let mut stated = vertices;
        stated.slot_sharing_groups = serde_json::from_value(json!({"default": half})).unwrap();
        let ProfileSpec::Exactly(stated) = stated.slot_profile("default") else {
            panic!("the group states it")
        };
        assert_eq!(stated.task_heap.bytes(), 10 << 20);
    }

    #[test]
    fn partial_resources_are_refused_with_what_is_missing() {
        let whole = json!({"cpu_cores": 1.0, "task_heap": "10m"});
        let cases = [
            (
                fault(|g| g["slot_sharing_groups"] = json!({"default": {"cpu_cores": 1.0}})),
                "slot-sharing group 'default': cpu_cores is 1 and task_heap is 0",
            ),
            (
                fault(|g| g["slot_sharing_groups"] = json!({"default": {"cpu_cores": -1.0, "task_heap": "10m"}})),
                "cpu_cores is -1",
            ),
            (
                fault(|g| g["slot_sharing_groups"] = json!({"defualt": whole.clone()})),
                "no vertex is in it (did you mean 'default'?)",
            ),
            (
                fault(|g| g["vertices"][1]["resources"] = whole.clone()),
                "vertex 'in': it states no resources, and vertex 'out' does",
            ),
            (
                fault(|g| g["vertices"][0]["resources"] = json!({"managed": "1m"})),
                "vertex 'in': cpu_cores is 0",
            ),
        ];
        for (message, expected) in cases {
            assert!(message.contains(expected), "{message} / {expected}");
        }
    }

    #[test]
    fn co_located_vertices_share_their_slots() {
        let message = fault(|g| {
            g["vertices"][0]["co_location_group"] = json!("pair");
            g["vertices"][1]["co_location_group"] = json!("pair");
            g["vertices"][1]["slot_sharing_group"] = json!("other");
        });
        assert!(
            message.contains("'in' and 'out'") && message.contains("'pair'"),
            "{message}"
        );
    }
}
