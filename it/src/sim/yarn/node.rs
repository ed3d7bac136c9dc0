//! What a NodeManager knows of its containers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::cluster::Refusal;

const YARN: &str = "org.apache.hadoop.yarn.exceptions.YarnException";
const INVALID_CONTAINER: &str = "org.apache.hadoop.yarn.exceptions.InvalidContainerException";
/// What YARN calls a process that its ApplicationMaster stopped.
const STOPPED_BY_MASTER: i32 = -105;
const LAUNCH: Duration = Duration::from_millis(200);

/// What a node does wrong with the next container that it shall start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeFault {
    /// It refuses the call.
    Refuse,
    /// The process ends at once.
    FailLaunch,
    /// It takes so long to bring the files there.
    Slow(Duration),
    /// The process starts, and then does nothing: it never registers.
    Hang,
}

/// A process that is to be started.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) container: u64,
    pub(super) command: String,
    pub(super) hangs: bool,
}

#[derive(Debug)]
enum Phase {
    Launching { at: Duration, command: String, hangs: bool },
    Running,
    Completed { exit_status: i32, diagnostics: String },
}

#[derive(Debug)]
pub(crate) struct Node {
    containers: BTreeMap<u64, Phase>,
    /// All that it has ever started.
    started: BTreeSet<u64>,
    /// The ResourceManager that it is registered with.
    obeys: i64,
    faults: Vec<NodeFault>,
    /// Its process runs.
    is_up: bool,
    /// Every container that is started ends at once.
    is_broken: bool,
    /// It is so for good.
    is_spoilt: bool,
}

impl Node {
    pub(super) const fn new() -> Self {
        Self {
            containers: BTreeMap::new(),
            started: BTreeSet::new(),
            obeys: 1,
            faults: Vec::new(),
            is_up: true,
            is_broken: false,
            is_spoilt: false,
        }
    }

    pub(crate) fn fault(&mut self, fault: NodeFault) {
        self.faults.push(fault);
    }

    pub(crate) const fn set_broken(&mut self, is_broken: bool) {
        self.is_broken = is_broken;
    }

    pub(super) const fn spoil(&mut self) {
        self.is_spoilt = true;
    }

    pub(super) const fn set_up(&mut self, is_up: bool) {
        self.is_up = is_up;
    }

    pub(super) const fn is_up(&self) -> bool {
        self.is_up
    }

    pub(super) const fn obey(&mut self, identifier: i64) {
        self.obeys = identifier;
    }

    pub(super) fn knows(&self, container: u64) -> bool {
        self.containers.contains_key(&container)
    }

    pub(super) fn processes(&self) -> impl Iterator<Item = u64> {
        let alive = |phase: &Phase| !matches!(phase, Phase::Completed { .. });
        self.containers
            .iter()
            .filter(move |(_, phase)| alive(phase))
            .map(|(number, _)| *number)
    }

    pub(super) fn start(
        &mut self,
        number: u64,
        identifier: i64,
        command: String,
        now: Duration,
    ) -> Result<(), Refusal> {
        if identifier != self.obeys {
            let message = format!("Container {number} rejected as it is allocated by a previous RM");
            return Err(Refusal::new(INVALID_CONTAINER, message));
        }
        if self.knows(number) {
            let message = format!("Container {number} already is running on this node!!");
            return Err(Refusal::new(YARN, message));
        }
        if self.started.contains(&number) {
            let message = format!("Attempt to relaunch the same container with id {number}.");
            return Err(Refusal::new(YARN, message));
        }
        let fault = if self.is_broken || self.is_spoilt {
            Some(NodeFault::FailLaunch)
        } else {
            self.faults.pop()
        };
        let launching = |longer: Duration, hangs: bool| Phase::Launching {
            at: now + LAUNCH + longer,
            command,
            hangs,
        };
        let phase = match fault {
            Some(NodeFault::Refuse) => return Err(Refusal::new(YARN, "the node has no room for logs")),
            Some(NodeFault::FailLaunch) => Phase::Completed {
                exit_status: 1,
                diagnostics: "Exception from container-launch".to_owned(),
            },
            Some(NodeFault::Slow(longer)) => launching(longer, false),
            Some(NodeFault::Hang) => launching(Duration::ZERO, true),
            None => launching(Duration::ZERO, false),
        };
        self.containers.insert(number, phase);
        self.started.insert(number);
        Ok(())
    }

    pub(super) fn take_launches(&mut self, now: Duration) -> Vec<Launch> {
        let mut due = Vec::new();
        for (number, phase) in &mut self.containers {
            if let Phase::Launching { at, command, hangs } = phase
                && *at <= now
            {
                due.push(Launch {
                    container: *number,
                    command: std::mem::take(command),
                    hangs: *hangs,
                });
                *phase = Phase::Running;
            }
        }
        due
    }

    /// Ends a process. Whether there was one.
    pub(super) fn stop(&mut self, number: u64) -> bool {
        let is_running = matches!(self.containers.get(&number), Some(Phase::Running));
        self.complete(number, STOPPED_BY_MASTER, "Container killed by the ApplicationMaster.");
        is_running
    }

    pub(super) fn exited(&mut self, number: u64, exit_status: i32, diagnostics: &str) {
        self.complete(number, exit_status, diagnostics);
    }

    fn complete(&mut self, number: u64, exit_status: i32, diagnostics: &str) {
        if let Some(phase) = self.containers.get_mut(&number)
            && !matches!(phase, Phase::Completed { .. })
        {
            *phase = Phase::Completed {
                exit_status,
                diagnostics: diagnostics.to_owned(),
            };
        }
    }

    /// What ended since the last heartbeat; the node forgets it.
    pub(super) fn take_completed(&mut self) -> Vec<(u64, i32, String)> {
        let mut completed = Vec::new();
        self.containers.retain(|number, phase| match phase {
            Phase::Completed {
                exit_status,
                diagnostics,
            } => {
                completed.push((*number, *exit_status, std::mem::take(diagnostics)));
                false
            }
            Phase::Launching { .. } | Phase::Running => true,
        });
        completed
    }
}
