//! What is done to a run between two steps, and undone later.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::plan::Fault;
use super::world::World;
use super::yarn::{End, RESOURCE_MANAGERS};
use super::zookeeper::ZOOKEEPER;

/// What ends a fault that lasts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Undo {
    Reconnect(String, String),
    Release(String, String),
    ResourceManager(&'static str),
    /// This one is active from now on.
    TakeOver(&'static str),
    Node(String),
    Mend(String),
    Preempt(u64),
    /// YARN starts the next attempt.
    Master(u32),
    /// The node of an attempt that was given up hears of it.
    EndMaster(u32),
}

impl World {
    /// Undoes what is due.
    pub(super) fn undo(&mut self, now: Duration) {
        let due: Vec<_> = self.undone.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, undo) in due {
            self.history.lock().say(&format!("{undo:?}"));
            match undo {
                Undo::Reconnect(one, other) => self.sim.repair(one, other),
                Undo::Release(one, other) => self.sim.release(one, other),
                Undo::ResourceManager(host) => {
                    let mut cluster = self.cluster.lock();
                    // One that was killed while it stepped down stands by.
                    if cluster.active() == Some(host) {
                        cluster.restart_resource_manager();
                    }
                    drop(cluster);
                    self.sim.bounce(host);
                }
                Undo::TakeOver(host) => self.cluster.lock().take_over(host),
                Undo::Node(node) => {
                    self.cluster.lock().start_node(&node);
                    self.sim.bounce(node);
                }
                Undo::Mend(node) => self.set_broken(&node, false),
                Undo::Preempt(container) => self.end_by_yarn(container, End::Preempted),
                Undo::Master(attempt) => self.start_master(attempt),
                Undo::EndMaster(attempt) => self.end_master(attempt, now),
            }
        }
    }

    /// Does what is planned for now.
    pub(super) fn disturb(&mut self, now: Duration) {
        while self.plan.faults.first().is_some_and(|(at, _)| *at <= now) {
            let (_, fault) = self.plan.faults.remove(0);
            self.history.lock().say(&format!("{fault:?}"));
            self.apply(fault, now);
        }
    }

    fn apply(&mut self, fault: Fault, now: Duration) {
        match fault {
            Fault::EndWorker { .. }
            | Fault::Preempt { .. }
            | Fault::Hold { .. }
            | Fault::Cut { .. }
            | Fault::Delay { .. }
            | Fault::HoldWorkers { .. } => self.disturb_worker(fault, now),
            Fault::Node { .. }
            | Fault::BreakNode { .. }
            | Fault::RestartNode { .. }
            | Fault::HoldNode { .. }
            | Fault::LoseNodeAnswer { .. }
            | Fault::LoseNode { .. } => self.disturb_node(fault, now),
            Fault::RestartResourceManager { .. }
            | Fault::FailOver { .. }
            | Fault::HoldResourceManager { .. }
            | Fault::LoseAnswer => self.disturb_resource_manager(fault, now),
            Fault::Grant(fault) => self.cluster.lock().fault_grants(fault),
            Fault::Heartbeats { fault, count } => self.cluster.lock().fault_heartbeats(fault, count),
            Fault::FailTask => count(&self.task_faults),
            Fault::FailPrepare => count(&self.connectors.prepare_faults),
            Fault::FailCommit => count(&self.connectors.publish_faults),
            Fault::BreakJobMaster => count(&self.shuffle.faults),
            Fault::KillMaster => self.end_master(self.attempt, now),
            Fault::IsolateMaster { lasts } => self.isolate_master(now, lasts),
            Fault::ExpireSession => self.ensemble.lock().expire_leader(),
            Fault::HoldZooKeeper { lasts } => self.hold(ZOOKEEPER.to_owned(), self.master(), now + lasts),
            Fault::CutZooKeeper { lasts } => self.cut(ZOOKEEPER.to_owned(), self.master(), now + lasts),
        }
    }

    fn disturb_resource_manager(&mut self, fault: Fault, now: Duration) {
        let active = self.cluster.lock().active();
        // One is on its way back already.
        let Some(host) = active.filter(|host| self.sim.is_host_running(*host)) else {
            return;
        };
        match fault {
            Fault::RestartResourceManager { lasts } => {
                self.sim.crash(host);
                self.undone.push((now + lasts, Undo::ResourceManager(host)));
            }
            Fault::FailOver { is_killed, lasts } => {
                self.cluster.lock().step_down();
                let [first, second] = RESOURCE_MANAGERS;
                let next = if host == first { second } else { first };
                self.undone.push((now + lasts, Undo::TakeOver(next)));
                if is_killed {
                    self.sim.crash(host);
                    self.undone.push((now + lasts, Undo::ResourceManager(host)));
                }
            }
            Fault::HoldResourceManager { lasts } => self.hold(host.to_owned(), self.master(), now + lasts),
            Fault::LoseAnswer => self.cluster.lock().lose_answer(host),
            _ => {}
        }
    }

    fn disturb_worker(&mut self, fault: Fault, now: Duration) {
        let which = match fault {
            Fault::HoldWorkers { which, lasts } => return self.hold_workers(which, now + lasts),
            Fault::EndWorker { which, .. }
            | Fault::Preempt { which, .. }
            | Fault::Hold { which, .. }
            | Fault::Cut { which, .. }
            | Fault::Delay { which, .. } => which,
            _ => return,
        };
        let Some((container, worker)) = self.worker(which) else {
            return;
        };
        match fault {
            Fault::EndWorker { how, .. } => self.end_by_yarn(container, how),
            Fault::Preempt { lasts, .. } => {
                self.cluster.lock().warn_of_preemption(container);
                self.undone.push((now + lasts, Undo::Preempt(container)));
            }
            Fault::Hold { lasts, .. } => self.hold(worker, self.master(), now + lasts),
            Fault::Cut { lasts, .. } => self.cut(worker, self.master(), now + lasts),
            Fault::Delay { latency, .. } => self.sim.set_link_max_message_latency(worker, self.master(), latency),
            _ => {}
        }
    }

    fn hold_workers(&mut self, (one, other): (usize, usize), until: Duration) {
        if let (Some((_, one)), Some((_, other))) = (self.worker(one), self.worker(other))
            && one != other
        {
            self.hold(one, other, until);
        }
    }

    fn disturb_node(&mut self, fault: Fault, now: Duration) {
        match fault {
            Fault::Node { which, fault } => {
                if let Some(node) = self.cluster.lock().node_mut(&self.node(which)) {
                    node.fault(fault);
                }
            }
            Fault::BreakNode { which, lasts } => {
                let node = self.node(which);
                self.set_broken(&node, true);
                self.undone.push((now + lasts, Undo::Mend(node)));
            }
            Fault::RestartNode { which, recovers, lasts } => {
                let node = self.node(which);
                if self.sim.is_host_running(node.as_str()) {
                    self.sim.crash(node.as_str());
                    let ended = self.cluster.lock().stop_node(&node, recovers);
                    ended.into_iter().for_each(|container| self.end(container));
                    self.undone.push((now + lasts, Undo::Node(node)));
                }
            }
            Fault::HoldNode { which, lasts } => self.hold(self.node(which), self.master(), now + lasts),
            Fault::LoseNodeAnswer { which } => self.cluster.lock().lose_answer(&self.node(which)),
            Fault::LoseNode { which } => {
                let lost = self.cluster.lock().lose_node(&self.node(which));
                lost.into_iter().for_each(|container| self.end(container));
            }
            _ => {}
        }
    }

    fn end_by_yarn(&mut self, container: u64, how: End) {
        self.cluster.lock().ends(container, how);
        self.end(container);
    }

    fn set_broken(&self, node: &str, is_broken: bool) {
        if let Some(node) = self.cluster.lock().node_mut(node) {
            node.set_broken(is_broken);
        }
    }

    pub(super) fn cut(&mut self, one: String, other: String, until: Duration) {
        self.sim.partition(one.as_str(), other.as_str());
        self.undone.push((until, Undo::Reconnect(one, other)));
    }

    fn hold(&mut self, one: String, other: String, until: Duration) {
        self.sim.hold(one.as_str(), other.as_str());
        self.undone.push((until, Undo::Release(one, other)));
    }

    fn node(&self, which: usize) -> String {
        self.plan.node(which)
    }

    /// One of the workers that run.
    fn worker(&self, which: usize) -> Option<(u64, String)> {
        let count = self.workers.len();
        let picked = self.workers.iter().nth(which.checked_rem(count)?)?;
        Some((*picked.0, picked.1.clone()))
    }
}

/// One more of what shall fail.
fn count(faults: &AtomicU32) {
    faults.fetch_add(1, Ordering::Relaxed);
}
