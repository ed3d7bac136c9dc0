//! What is known of the cluster's nodes, pure: which are left out, and what is wrong with those that are not as they should be.

use std::collections::{BTreeMap, BTreeSet};

use yarn_common::id::NodeId;
use yarn_rpc::types::{NodeState, NodeUpdate};

use crate::resourcemanager::UnwantedNodes;

/// The nodes as far as they matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Nodes {
    /// How many the cluster has; 0 before the first heartbeat.
    count: u32,
    unwanted: UnwantedNodes,
    /// Avoided nodes are used, because nothing else came.
    on_probation: bool,
    /// Hosts from which no containers are wanted.
    left_out: BTreeSet<String>,
    /// Nodes that gave one all the same: where yarn.scheduler.include-port-in-node-name is set, YARN knows them by their port.
    by_port: BTreeSet<NodeId>,
    /// What YARN was told.
    told: BTreeSet<String>,
    /// What YARN says of nodes that are not as they should be.
    troubled: BTreeMap<NodeId, String>,
}

impl Nodes {
    /// The cluster has so many nodes. What YARN is to be told, where that changes.
    pub(super) fn set_count(&mut self, count: u32) -> Option<BTreeSet<String>> {
        self.count = count;
        self.changed()
    }

    /// These nodes are unwanted, in place of earlier ones. What YARN is to be told, where that changes.
    pub(super) fn set_unwanted(&mut self, unwanted: UnwantedNodes) -> Option<BTreeSet<String>> {
        self.unwanted = unwanted;
        self.changed()
    }

    /// Whether avoided nodes are used for now. What YARN is to be told, where that changes.
    pub(super) fn set_probation(&mut self, on_probation: bool) -> Option<BTreeSet<String>> {
        self.on_probation = on_probation;
        self.changed()
    }

    /// A node that is left out gave a container all the same. What YARN is to be told, where that changes.
    pub(super) fn gave_one(&mut self, node: &NodeId) -> Option<BTreeSet<String>> {
        self.by_port.insert(node.clone());
        self.changed()
    }

    /// Whether no containers are wanted from there.
    pub(super) fn is_left_out(&self, node: &NodeId) -> bool {
        self.left_out.contains(node.host())
    }

    /// Where YARN gives no containers.
    pub(super) const fn left_out(&self) -> &BTreeSet<String> {
        &self.left_out
    }

    /// A third of the nodes at most are avoided, or one of two: what looks like their fault may be a setting's.
    fn most_avoided(&self) -> usize {
        (self.count / 3).max(u32::from(self.count > 1)) as usize
    }

    fn changed(&mut self) -> Option<BTreeSet<String>> {
        let most = if self.on_probation { 0 } else { self.most_avoided() };
        let avoided = self.unwanted.avoided.iter().take(most);
        // A block is an order, be it of all nodes; who avoids only guesses.
        self.left_out = self.unwanted.blocked.iter().chain(avoided).cloned().collect();
        self.by_port.retain(|node| self.left_out.contains(node.host()));
        let mut told = self.left_out.clone();
        told.extend(self.by_port.iter().map(ToString::to_string));
        if told == self.told {
            return None;
        }
        self.told.clone_from(&told);
        Some(told)
    }

    /// News of a node.
    pub(super) fn update(&mut self, update: &NodeUpdate) {
        match trouble_of(update) {
            Some(trouble) => self.troubled.insert(update.node.clone(), trouble),
            None => self.troubled.remove(&update.node),
        };
    }

    /// What is wrong with a node, to stand behind "the node is".
    pub(super) fn trouble(&self, node: &NodeId) -> Option<&str> {
        self.troubled.get(node).map(String::as_str)
    }
}

fn trouble_of(update: &NodeUpdate) -> Option<String> {
    let report = update.health_report.trim();
    let trouble = match update.state {
        NodeState::New | NodeState::Running | NodeState::Rebooted => return None,
        NodeState::Unhealthy if report.is_empty() => "unhealthy".to_owned(),
        NodeState::Unhealthy => format!("unhealthy: {report}"),
        NodeState::Decommissioning => "being decommissioned".to_owned(),
        NodeState::Decommissioned => "decommissioned".to_owned(),
        NodeState::Shutdown => "shut down".to_owned(),
        _ => "lost".to_owned(),
    };
    Some(trouble)
}

#[cfg(test)]
pub(super) mod testing {
    use std::collections::{BTreeMap, BTreeSet};

    use yarn_common::id::NodeId;
    use yarn_rpc::types::{NodeState, NodeUpdate};

    /// A node in this state.
    pub(in super::super) fn node(state: NodeState, health_report: &str) -> NodeUpdate {
        NodeUpdate {
            node: NodeId::new("127.0.0.2", 45454),
            http_address: String::new(),
            rack: "/default-rack".to_owned(),
            state,
            capability: None,
            health_report: health_report.to_owned(),
            decommissioning_timeout: None,
            kind: None,
            used: None,
            containers: 0,
            last_health_report_ms: None,
            labels: BTreeSet::new(),
            attributes: BTreeMap::new(),
            containers_utilization: None,
            node_utilization: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(nodes: &[&str]) -> BTreeSet<String> {
        nodes.iter().map(|node| (*node).to_owned()).collect()
    }

    #[test]
    fn of_the_nodes_that_fail_a_third_are_left_out_at_most_and_all_that_are_blocked() {
        for (count, blocked, expected) in [
            (0, &[][..], &[][..]),
            (1, &[], &[]),
            (2, &[], &["a"]),
            (5, &[], &["a"]),
            (6, &[], &["a", "b"]),
            (100, &[], &["a", "b", "c"]),
            (1, &["x", "y"], &["x", "y"]),
            (3, &["x"], &["a", "x"]),
        ] {
            let mut nodes = Nodes::default();
            let unwanted = UnwantedNodes {
                blocked: set(blocked),
                avoided: ["a", "b", "c"].map(str::to_owned).to_vec(),
            };
            let told = nodes.set_unwanted(unwanted).unwrap_or_default();
            let told = nodes.set_count(count).unwrap_or(told);
            assert_eq!(told, set(expected), "{count} nodes");
            assert_eq!(nodes.set_count(count), None, "it is told once");
            assert_eq!(nodes.is_left_out(&NodeId::new("a", 1)), expected.contains(&"a"));
        }
    }

    #[test]
    fn a_node_that_gives_containers_all_the_same_is_named_by_its_port_while_it_is_left_out() {
        let mut nodes = Nodes::default();
        nodes.set_count(6);
        let avoid = |avoided: &[&str]| UnwantedNodes {
            blocked: set(&["x"]),
            avoided: avoided.iter().map(|node| (*node).to_owned()).collect(),
        };
        nodes.set_unwanted(avoid(&["a"]));
        assert_eq!(
            nodes.gave_one(&NodeId::new("a", 45454)),
            Some(set(&["a", "a:45454", "x"]))
        );
        assert_eq!(nodes.gave_one(&NodeId::new("a", 45454)), None);
        assert_eq!(
            nodes.gave_one(&NodeId::new("x", 1)),
            Some(set(&["a", "a:45454", "x", "x:1"]))
        );
        assert_eq!(nodes.set_unwanted(avoid(&[])), Some(set(&["x", "x:1"])));
    }

    #[test]
    fn on_probation_only_the_blocked_nodes_are_left_out() {
        let mut nodes = Nodes::default();
        nodes.set_count(3);
        nodes.set_unwanted(UnwantedNodes {
            blocked: set(&["x"]),
            avoided: vec!["a".to_owned()],
        });
        assert_eq!(nodes.set_probation(true), Some(set(&["x"])));
        assert!(!nodes.is_left_out(&NodeId::new("a", 1)) && nodes.is_left_out(&NodeId::new("x", 1)));
        assert_eq!(nodes.set_probation(false), Some(set(&["a", "x"])));
    }
}
