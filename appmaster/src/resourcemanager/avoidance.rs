//! Nodes on which workers fail to start again and again, pure: they get no new workers for a while.
//!
//! ```text
//!  used ──a start fails, again and again──► avoided ──a while passes──► on probation ──a start fails──► avoided
//!    ▲──────────── a worker of the node registers ─────────────┴──────────────┘
//! ```
//!
//! What runs on such a node goes on. How many of them are really left out, the driver decides: it knows how many nodes there
//! are, and a setting that no worker can start with looks like a fault of every node.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// After so many failed starts without a worker that registered, a node is avoided.
const FAILURES: u32 = 3;
/// For how long, and how long a failure counts.
const WHILE: Duration = Duration::from_secs(600);

/// What is known of a node.
#[derive(Debug, Clone, Copy)]
struct Failing {
    failures: u32,
    last: Instant,
    avoided: bool,
}

/// Nodes with failed starts.
#[derive(Debug, Default)]
pub(super) struct NodeAvoidance {
    nodes: BTreeMap<String, Failing>,
}

impl NodeAvoidance {
    /// A worker on the node never registered. Whether the node is avoided from now on.
    pub(super) fn start_failed(&mut self, node: &str, now: Instant) -> bool {
        let failing = self.nodes.entry(node.to_owned()).or_insert(Failing {
            failures: 0,
            last: now,
            avoided: false,
        });
        // As if it had been forgotten in time.
        if !failing.avoided && failing.last + WHILE <= now {
            failing.failures = 0;
        }
        failing.failures += 1;
        failing.last = now;
        let was_avoided = failing.avoided;
        failing.avoided = failing.failures >= FAILURES;
        failing.avoided && !was_avoided
    }

    /// Whether the node is avoided.
    pub(super) fn avoids(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|failing| failing.avoided)
    }

    /// A worker on the node registered. Whether the node was avoided.
    pub(super) fn started(&mut self, node: &str) -> bool {
        self.nodes.remove(node).is_some_and(|failing| failing.avoided)
    }

    /// Nodes that are tried again, with one chance; failures that lie so far back are forgotten.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<String> {
        let is_old = |failing: &Failing| failing.last + WHILE <= now;
        self.nodes.retain(|_, failing| failing.avoided || !is_old(failing));
        let mut tried = Vec::new();
        for (node, failing) in self.nodes.iter_mut().filter(|(_, failing)| is_old(failing)) {
            *failing = Failing {
                failures: FAILURES - 1,
                last: now,
                avoided: false,
            };
            tried.push(node.clone());
        }
        tried
    }

    /// When [`Self::expired`] may say something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let avoided = self.nodes.values().filter(|failing| failing.avoided);
        avoided.map(|failing| failing.last + WHILE).min()
    }

    /// The avoided nodes; those with the most failures first.
    pub(super) fn nodes(&self) -> Vec<String> {
        let mut avoided: Vec<_> = self.nodes.iter().filter(|(_, failing)| failing.avoided).collect();
        avoided.sort_by_key(|(_, failing)| std::cmp::Reverse(failing.failures));
        avoided.into_iter().map(|(node, _)| node.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(node: &str, times: u32, now: Instant) -> NodeAvoidance {
        let mut avoidance = NodeAvoidance::default();
        for time in 1..=times {
            assert_eq!(avoidance.start_failed(node, now), time == FAILURES, "{time}");
        }
        avoidance
    }

    #[test]
    fn a_node_is_avoided_after_repeated_failures_and_has_one_chance_when_a_while_has_passed() {
        let now = Instant::now();
        assert!(failing("bad", FAILURES - 1, now).nodes().is_empty());
        let mut avoidance = failing("bad", FAILURES, now);
        assert_eq!(
            (avoidance.nodes(), avoidance.deadline()),
            (vec!["bad".to_owned()], Some(now + WHILE))
        );
        let almost = now + WHILE - Duration::from_secs(1);
        assert!(avoidance.expired(almost).is_empty());
        assert_eq!(avoidance.expired(now + WHILE), ["bad"]);
        assert_eq!((avoidance.nodes().len(), avoidance.deadline()), (0, None));
        assert!(
            avoidance.start_failed("bad", now + WHILE),
            "on probation one failure is enough"
        );
    }

    #[test]
    fn failures_that_lie_a_while_back_do_not_count() {
        let now = Instant::now();
        let mut avoidance = failing("bad", FAILURES - 1, now);
        assert!(!avoidance.start_failed("bad", now + WHILE));
        assert!(avoidance.nodes().is_empty());
    }

    #[test]
    fn a_worker_that_registers_makes_its_node_good_again() {
        let now = Instant::now();
        let mut avoidance = failing("bad", FAILURES - 1, now);
        assert!(!avoidance.started("bad"));
        assert!(!avoidance.start_failed("bad", now), "it counts from the beginning");
        let mut avoidance = failing("bad", FAILURES, now);
        assert!(avoidance.started("bad"));
        assert!(avoidance.nodes().is_empty());
    }

    #[test]
    fn failures_far_back_do_not_count() {
        let now = Instant::now();
        let mut avoidance = failing("slow", FAILURES - 1, now);
        assert!(avoidance.expired(now + WHILE).is_empty());
        assert!(!avoidance.start_failed("slow", now + WHILE));
    }

    #[test]
    fn the_node_that_failed_most_often_comes_first() {
        let now = Instant::now();
        let mut avoidance = failing("a", FAILURES, now);
        for _ in 0..=FAILURES {
            avoidance.start_failed("b", now);
        }
        assert_eq!(avoidance.nodes(), ["b", "a"]);
    }
}
