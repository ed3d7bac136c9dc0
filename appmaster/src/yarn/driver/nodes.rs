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
    /// What YARN was told.
    left_out: BTreeSet<String>,
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

    /// Whether YARN gives no containers there.
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
        let avoided = self.unwanted.avoided.iter().take(self.most_avoided());
        let left_out: BTreeSet<_> = self.unwanted.blocked.iter().chain(avoided).cloned().collect();
        if left_out == self.left_out {
            return None;
        }
        self.left_out.clone_from(&left_out);
        Some(left_out)
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
}
