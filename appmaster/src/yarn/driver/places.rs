//! Where containers are asked for, pure.
//!
//! A CapacityScheduler gives one container with each heartbeat of a node, which is a second, where any node will do
//! (`yarn.scheduler.capacity.per-node-heartbeat.maximum-offswitch-assignments`), and as many as fit where the node is named. So
//! where more containers are wanted than there are nodes, each node is asked for its share: all come with one round of
//! heartbeats, and are spread evenly. Where a node has no room for its share, any other will do.

use std::collections::{BTreeMap, BTreeSet};

use yarn_rpc::am::Locality;

/// Larger clusters are not asked node by node: their heartbeats are many, and so would the rows be.
const MOST_NODES: usize = 64;

/// The nodes that can run containers, as YARN lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// By host. A rack must be the node's own: YARN would never give a container on a node whose rack is not asked for.
    racks: BTreeMap<String, String>,
}

impl Places {
    /// A node can run containers, or cannot any more.
    pub(super) fn update(&mut self, host: &str, rack: &str, is_usable: bool) {
        if is_usable && !rack.is_empty() {
            self.racks.insert(host.to_owned(), rack.to_owned());
        } else {
            self.racks.remove(host);
        }
    }

    /// Where to ask for so many containers, and for how many at each place; not on nodes that are left out.
    pub(super) fn spread(&self, count: u32, left_out: &BTreeSet<String>) -> Vec<(Locality, u32)> {
        let nodes: Vec<_> = self
            .racks
            .iter()
            .filter(|(host, _)| !left_out.contains(*host))
            .collect();
        let anywhere = || vec![(Locality::Anywhere, count)];
        if nodes.is_empty() || nodes.len() > MOST_NODES {
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
    use super::*;

    fn places(hosts: &[&str]) -> Places {
        let mut places = Places::default();
        for host in hosts {
            places.update(host, "/default-rack", true);
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
        two.update("a", "/default-rack", false);
        assert_eq!(told(&two, 5, &[]), [("b".to_owned(), 5)]);
        let hosts: Vec<_> = (0..=MOST_NODES).map(|number| format!("n{number}")).collect();
        let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
        assert_eq!(told(&places(&hosts), 500, &[]), [("*".to_owned(), 500)]);
    }
}
