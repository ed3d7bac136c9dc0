//! What is done to a run between two steps, and undone later.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::plan::Fault;
use super::settings::MASTER;
use super::world::World;
use super::yarn::RESOURCE_MANAGER;

/// What ends a fault that lasts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Undo {
    Reconnect(String),
    Release(String, String),
    ResourceManager,
}

impl World {
    /// Undoes what is due.
    pub(super) fn undo(&mut self, now: Duration) {
        let due: Vec<_> = self.undone.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, undo) in due {
            self.history.lock().say(&format!("{undo:?}"));
            match undo {
                Undo::Reconnect(worker) => self.sim.repair(worker, MASTER),
                Undo::Release(one, other) => self.sim.release(one, other),
                Undo::ResourceManager => {
                    self.cluster.lock().restart_resource_manager();
                    self.sim.bounce(RESOURCE_MANAGER);
                }
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
            Fault::KillWorker { which } => {
                if let Some((container, _)) = self.worker(which) {
                    self.cluster.lock().exited(container, None);
                    self.end(container);
                }
            }
            Fault::Hold { which, lasts } => {
                if let Some((_, worker)) = self.worker(which) {
                    self.hold(worker, MASTER.to_owned(), now + lasts);
                }
            }
            Fault::Cut { which, lasts } => {
                if let Some((_, worker)) = self.worker(which) {
                    self.sim.partition(worker.as_str(), MASTER);
                    self.undone.push((now + lasts, Undo::Reconnect(worker)));
                }
            }
            Fault::Delay { which, latency } => {
                if let Some((_, worker)) = self.worker(which) {
                    self.sim.set_link_max_message_latency(worker, MASTER, latency);
                }
            }
            Fault::RestartResourceManager { lasts } => {
                if self.sim.is_host_running(RESOURCE_MANAGER) {
                    self.sim.crash(RESOURCE_MANAGER);
                    self.undone.push((now + lasts, Undo::ResourceManager));
                }
            }
            Fault::Grant(fault) => self.cluster.lock().fault_grants(fault),
            Fault::Node { which, fault } => {
                if let Some(node) = self.cluster.lock().node_mut(&self.node(which)) {
                    node.fault(fault);
                }
            }
            Fault::LoseNode { which } => {
                let lost = self.cluster.lock().lose_node(&self.node(which));
                lost.into_iter().for_each(|container| self.end(container));
            }
            Fault::HoldResourceManager { lasts } => {
                self.hold(RESOURCE_MANAGER.to_owned(), MASTER.to_owned(), now + lasts);
            }
            Fault::HoldWorkers {
                which: (one, other),
                lasts,
            } => {
                if let (Some((_, one)), Some((_, other))) = (self.worker(one), self.worker(other))
                    && one != other
                {
                    self.hold(one, other, now + lasts);
                }
            }
            Fault::FailCommit => {
                self.connectors.faults.fetch_add(1, Ordering::Relaxed);
            }
            Fault::FailTask => {
                self.task_faults.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn hold(&mut self, one: String, other: String, until: Duration) {
        self.sim.hold(one.as_str(), other.as_str());
        self.undone.push((until, Undo::Release(one, other)));
    }

    fn node(&self, which: usize) -> String {
        format!("nm-{}", which % self.plan.nodes + 1)
    }

    /// One of the workers that run.
    fn worker(&self, which: usize) -> Option<(u64, String)> {
        let count = self.workers.len();
        let picked = self.workers.iter().nth(which.checked_rem(count)?)?;
        Some((*picked.0, picked.1.clone()))
    }
}
