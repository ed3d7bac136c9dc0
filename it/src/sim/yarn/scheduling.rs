//! What the ResourceManager does when a node reports: ended containers are told, released ones ended, wishes granted.

use std::time::Duration;

use yarn_rpc::proto::yarn::ResourceProto;

use super::cluster::{Cluster, Granted};
use super::faults::GrantFault;
use super::{NOWHERE, answers};

/// What is granted next.
struct Next {
    priority: i32,
    capability: ResourceProto,
    is_nowhere: bool,
}

impl Cluster {
    /// The node tells what ended, hears what it shall end, and gets work.
    pub(super) fn node_heartbeat(&mut self, name: &str, now: Duration) {
        let Some(node) = self.nodes.get_mut(name).filter(|node| node.is_up()) else {
            return;
        };
        node.obey(self.identifier);
        for (number, exit_status, diagnostics) in node.take_completed() {
            self.complete(number, exit_status, &diagnostics);
        }
        for number in self.unwanted(name) {
            self.stop(name, number);
        }
        if self.finished.is_none() && self.is_registered && !self.blacklist.contains(name) {
            self.schedule(name, now);
        }
    }

    /// What runs on a node though it was given back, or its grant is void.
    fn unwanted(&self, name: &str) -> Vec<u64> {
        let here = self.processes().filter(|(_, node)| *node == name);
        let is_wanted = |number: &u64| self.granted.get(number).is_some_and(|granted| !granted.is_released);
        here.map(|(number, _)| number)
            .filter(|number| !is_wanted(number))
            .collect()
    }

    fn schedule(&mut self, name: &str, now: Duration) {
        while let Some(Next {
            priority,
            capability,
            is_nowhere,
        }) = self.next_grant()
        {
            let memory = capability.memory();
            if self.free_memory(name) < memory {
                return;
            }
            let node = if is_nowhere { NOWHERE } else { name };
            self.grant(node, priority, capability, now);
            if let Some(ask) = self.asks.get_mut(&priority) {
                ask.count -= 1;
                if ask.count == 0 {
                    self.asks.remove(&priority);
                }
            }
        }
    }

    /// What is granted next: with a fault where one is due.
    fn next_grant(&mut self) -> Option<Next> {
        let (priority, ask) = self.asks.first_key_value()?;
        let (mut priority, mut capability, asked) = (*priority, ask.capability.clone(), ask.count);
        let fault = self.take_grant_fault();
        match fault {
            Some(GrantFault::Surplus) => {
                if let Some(ask) = self.asks.get_mut(&priority) {
                    ask.count = asked + 1;
                }
            }
            Some(GrantFault::Foreign) => priority += 90,
            Some(GrantFault::Undersized) => capability = answers::half(&capability),
            Some(GrantFault::Nowhere | GrantFault::Duplicated | GrantFault::Reordered) | None => {}
        }
        Some(Next {
            priority,
            capability,
            is_nowhere: fault == Some(GrantFault::Nowhere),
        })
    }

    fn free_memory(&self, name: &str) -> i64 {
        let size = i64::try_from(self.maximum.memory_mb).unwrap_or(i64::MAX);
        let used = self.granted.values().filter(|granted| granted.node == name);
        size - used.map(|granted| granted.capability.memory()).sum::<i64>()
    }

    fn grant(&mut self, name: &str, priority: i32, capability: ResourceProto, now: Duration) {
        let number = self.next_container;
        self.next_container += 1;
        let request_id = self.asks.get(&priority).map_or(0, |ask| ask.request_id);
        let ask = answers::Grant {
            attempt: self.attempt,
            number,
            node: name,
            priority,
            capability: &capability,
            request_id,
            identifier: self.identifier,
        };
        let container = ask.container();
        self.news.allocated_containers.push(container);
        if self.tokens_sent.insert(name.to_owned()) {
            self.news.nm_tokens.push(answers::nm_token(name));
        }
        tracing::info!(container = number, node = name, priority, "granted");
        let granted = Granted {
            attempt: self.attempt,
            node: name.to_owned(),
            priority,
            capability,
            since: now,
            is_released: false,
        };
        self.granted.insert(number, granted);
    }
}
