//! Where containers are asked for, pure.
//!
//! A CapacityScheduler gives one container with each heartbeat of a node, which is a second, where any node will do
//! (`yarn.scheduler.capacity.per-node-heartbeat.maximum-offswitch-assignments`), and as many as fit where the node is named. So
//! where more containers are wanted than there are nodes, each node is asked for its share: all come with one round of
//! heartbeats, and are spread evenly. Nodes are named for a few of their heartbeats only: for a share that has no room there
//! the scheduler would let many more pass before it takes another node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use yarn_rpc::am::Locality;
use yarn_rpc::types::{NodeState, NodeUpdate};

/// Larger clusters are not asked node by node: their heartbeats are many, and so would the rows be.
const MOST_NODES: usize = 16;
/// How long nodes are named: a few of their heartbeats.
const ROUND: Duration = Duration::from_secs(3);

/// The nodes that can run containers, as YARN lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// By host. A rack must be the node's own: YARN would never give a container on a node whose rack is not asked for.
    racks: BTreeMap<String, String>,
    /// Since when something has been wanted.
    wanted_since: Option<Instant>,
    /// What is still wanted may come from anywhere.
    is_over: bool,
}

impl Places {
    /// A node can run containers, or cannot any more.
    pub(super) fn update(&mut self, node: &NodeUpdate) {
        // Nothing that is asked for without a label comes from a node that has one.
        let gives = node.is_usable() && node.state != NodeState::Decommissioning && node.labels.is_empty();
        if gives && !node.rack.is_empty() {
            self.racks.insert(node.node.host().to_owned(), node.rack.clone());
        } else {
            self.racks.remove(node.node.host());
        }
    }

    /// A heartbeat has passed, and something is wanted or nothing. Whether all that is wanted is to be asked for anew, as nodes
    /// are named no longer.
    pub(super) fn round_is_over(&mut self, is_wanted: bool, now: Instant) -> bool {
        if !is_wanted {
            (self.wanted_since, self.is_over) = (None, false);
            return false;
        }
        let since = *self.wanted_since.get_or_insert(now);
        let ends_now = !self.is_over && since + ROUND <= now;
        self.is_over |= ends_now;
        ends_now && !self.racks.is_empty()
    }

    /// Where to ask for so many containers, and for how many at each place; not on nodes that are left out.
    pub(super) fn spread(&self, count: u32, left_out: &BTreeSet<String>) -> Vec<(Locality, u32)> {
        let nodes: Vec<_> = self
            .racks
            .iter()
            .filter(|(host, _)| !left_out.contains(*host))
            .collect();
        let anywhere = || vec![(Locality::Anywhere, count)];
        if self.is_over || nodes.is_empty() || nodes.len() > MOST_NODES {
            return anywhere();
        }
        let (share, over) = (count / nodes.len() as u32, count as usize % nodes.len());
        if share == 0 || count as usize == nodes.len() {
            return anywhere();
        }
        let places = nodes.into_iter().enumerate().map(|(index, (host, rack))| {
            let place = Locality::Nodes {
                nodes: vec![(host.clone(), rack.clone())],
                relax: true,
            };
            (place, share + u32::from(index < over))
        });
        places.collect()
    }
}

#[cfg(test)]
mod tests {
    use yarn_common::id::NodeId;

    use super::*;
    use crate::yarn::driver::nodes::testing::node;

    fn named(host: &str, state: NodeState) -> NodeUpdate {
        NodeUpdate {
            node: NodeId::new(host, 45454),
            ..node(state, "")
        }
    }

    fn places(hosts: &[&str]) -> Places {
        let mut places = Places::default();
        for host in hosts {
            places.update(&named(host, NodeState::Running));
        }
        places
    }

    fn told(places: &Places, count: u32, left_out: &[&str]) -> Vec<(String, u32)> {
        let left_out = left_out.iter().map(|host| (*host).to_owned()).collect();
        let name = |place| match place {
            Locality::Nodes { nodes, relax: true } => nodes[0].0.clone(),
            Locality::Anywhere => "*".to_owned(),
            other => panic!("{other:?}"),
        };
        let asked = places.spread(count, &left_out).into_iter();
        asked.map(|(place, count)| (name(place), count)).collect()
    }

    #[test]
    fn more_containers_than_nodes_are_asked_of_each_node_and_others_of_any() {
        for (hosts, left_out, count, expected) in [
            (&[][..], &[][..], 20, &[("*", 20)][..]),
            (&["a"], &[], 0, &[("*", 0)]),
            (&["a"], &[], 1, &[("*", 1)]),
            (&["a"], &[], 20, &[("a", 20)]),
            (&["a", "b", "c"], &[], 3, &[("*", 3)]),
            (&["a", "b", "c"], &[], 5, &[("a", 2), ("b", 2), ("c", 1)]),
            (&["a", "b", "c"], &["b"], 5, &[("a", 3), ("c", 2)]),
            (&["a"], &["a"], 5, &[("*", 5)]),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(host, count)| ((*host).to_owned(), *count))
                .collect();
            assert_eq!(told(&places(hosts), count, left_out), expected, "{hosts:?} {count}");
        }
    }

    #[test]
    fn a_node_that_is_lost_is_not_asked_and_a_large_cluster_is_not_asked_node_by_node() {
        let mut two = places(&["a", "b"]);
        two.update(&named("a", NodeState::Lost));
        assert_eq!(told(&two, 5, &[]), [("b".to_owned(), 5)]);
        let hosts: Vec<_> = (0..=MOST_NODES).map(|number| format!("n{number}")).collect();
        let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
        assert_eq!(told(&places(&hosts), 500, &[]), [("*".to_owned(), 500)]);
    }

    #[test]
    fn nodes_that_leave_and_those_with_a_label_are_not_asked() {
        let mut three = places(&["a", "b", "c"]);
        three.update(&named("a", NodeState::Decommissioning));
        three.update(&NodeUpdate {
            labels: ["gpu".to_owned()].into(),
            ..named("b", NodeState::Running)
        });
        assert_eq!(told(&three, 5, &[]), [("c".to_owned(), 5)]);
    }

    #[test]
    fn what_a_few_heartbeats_have_not_brought_may_come_from_anywhere() {
        let (mut one, begin) = (places(&["a"]), Instant::now());
        let from_a = [("a".to_owned(), 5)];
        assert!(!one.round_is_over(true, begin) && !one.round_is_over(true, begin + ROUND / 2));
        assert_eq!(told(&one, 5, &[]), from_a);
        assert!(one.round_is_over(true, begin + ROUND));
        assert_eq!(told(&one, 5, &[]), [("*".to_owned(), 5)]);
        assert!(!one.round_is_over(true, begin + ROUND * 2), "it is said once");
        assert!(!one.round_is_over(false, begin + ROUND * 2));
        assert_eq!(told(&one, 5, &[]), from_a);
    }
}
