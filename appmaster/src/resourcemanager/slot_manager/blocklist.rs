//! Nodes that get no work for a while, pure.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// Blocked nodes, and until when.
#[derive(Debug, Default)]
pub(super) struct Blocklist {
    nodes: BTreeMap<String, Instant>,
}

impl Blocklist {
    /// Of two times the later one counts. Whether the node was free to use before.
    pub(super) fn block(&mut self, node: String, until: Instant) -> bool {
        match self.nodes.get_mut(&node) {
            Some(known) => {
                *known = until.max(*known);
                false
            }
            None => self.nodes.insert(node, until).is_none(),
        }
    }

    pub(super) fn contains(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    /// Nodes that may be used again; they are forgotten.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<String> {
        let expired = self.nodes.extract_if(.., |_, until| *until <= now);
        expired.map(|(node, _)| node).collect()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.nodes.values().min().copied()
    }

    pub(super) fn nodes(&self) -> BTreeSet<String> {
        self.nodes.keys().cloned().collect()
    }
}
