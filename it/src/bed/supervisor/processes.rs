//! The supervisor's children: starting, reaping, killing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bed::error::{BedError, Step};
use crate::bed::layout::Layout;
use crate::bed::logs;

const TAIL_LINES: usize = 25;
const REAP_STEP: Duration = Duration::from_millis(20);
const END_WITHIN: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running { pid: Pid },
    Ended { status: String, success: bool },
}

/// Every process started by name. All runs on one thread: a child is entered here before it can be reaped, and the
/// thread whose end would kill it (`PR_SET_PDEATHSIG`) is the supervisor's main one.
#[derive(Debug)]
pub(super) struct Processes {
    layout: Layout,
    states: watch::Sender<BTreeMap<String, State>>,
}

impl Processes {
    /// Makes this process the heir of every orphan below it: a container outlives its NodeManager, not its bed.
    pub(super) fn new(layout: Layout) -> Result<Self, BedError> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .step(|| "becoming the subreaper of the daemons".to_owned())?;
        Ok(Self {
            layout,
            states: watch::Sender::new(BTreeMap::new()),
        })
    }

    /// Reaps children and orphans as they end. An orphan left as a zombie would look alive to a restarted
    /// NodeManager. Never returns.
    pub(super) async fn reap(&self) -> Result<(), BedError> {
        let mut ended = signal(SignalKind::child()).step(|| "listening for SIGCHLD".to_owned())?;
        loop {
            while self.reap_one() {}
            ended.recv().await;
        }
    }

    fn reap_one(&self) -> bool {
        let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) else {
            return false;
        };
        let success = status.exit_status() == Some(0);
        let status = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => "ended".to_owned(),
        };
        self.states.send_if_modified(|states| {
            let child = states
                .iter_mut()
                .find(|(_, state)| matches!(state, State::Running { pid: of } if *of == pid));
            let Some((name, state)) = child else { return false };
            // The file may be gone with the scratch folder; nobody reads it then.
            let _ = fs::remove_file(self.layout.pid_file(name));
            *state = State::Ended { status, success };
            true
        });
        true
    }

    /// Starts `command` in a process group of its own, its output appended to the log of that name.
    pub(super) fn start(&self, name: &str, mut command: Command) -> Result<(), BedError> {
        use std::os::unix::process::CommandExt;
        let path = self.layout.log(name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .step(|| format!("opening {}", path.display()))?;
        let stdout = log.try_clone().step(|| format!("opening {}", path.display()))?;
        command.process_group(0).stdin(Stdio::null()).stdout(stdout).stderr(log);
        let child = command.spawn().step(|| format!("starting {name}: {command:?}"))?;
        let pid = Pid::from_child(&child);
        self.states
            .send_modify(|states| drop(states.insert(name.to_owned(), State::Running { pid })));
        let pid_file = self.layout.pid_file(name);
        fs::write(&pid_file, format!("{pid}\n")).step(|| format!("writing {}", pid_file.display()))
    }

    pub(super) fn state(&self, name: &str) -> Option<State> {
        self.states.borrow().get(name).cloned()
    }

    pub(super) fn is_running(&self, name: &str) -> bool {
        matches!(self.state(name), Some(State::Running { .. }))
    }

    /// How a process ended, once it has.
    pub(super) async fn ended(&self, name: &str) -> (String, bool) {
        let mut states = self.states.subscribe();
        let of_name = |states: &BTreeMap<String, State>| match states.get(name) {
            Some(State::Ended { status, success }) => Some((status.clone(), *success)),
            Some(State::Running { .. }) | None => None,
        };
        let states = states
            .wait_for(|states| of_name(states).is_some())
            .await
            .expect("the sender is in self");
        of_name(&states).expect("just waited for")
    }

    pub(super) async fn kill(&self, name: &str) -> Result<(), BedError> {
        let Some(State::Running { pid }) = self.state(name) else {
            return Err(BedError::NotRunning {
                daemon: name.to_owned(),
            });
        };
        // Not reaped yet, so the number is still its own. Not its process group: that holds the scripts which note the
        // exit codes of a NodeManager's containers, and they must live on for its successor.
        rustix::process::kill_process(pid, Signal::KILL).step(|| format!("killing {name}, process {pid}"))?;
        self.ended(name).await;
        Ok(())
    }

    /// The error for a process that should not have ended.
    pub(super) fn ended_early(&self, name: &str, status: String) -> BedError {
        let log = self.layout.log(name);
        let tail = logs::tail(&log, TAIL_LINES);
        BedError::Ended {
            step: name.to_owned(),
            status,
            log,
            tail,
        }
    }

    pub(super) fn not_ready(&self, name: &str, source: crate::wait::NotInTime) -> BedError {
        let log = self.layout.log(name);
        let tail = logs::tail(&log, TAIL_LINES);
        BedError::NotReady { source, log, tail }
    }

    /// Kills everything below this process until nothing is left. As subreaper it is the ancestor of every daemon and
    /// every container, whatever session they made for themselves.
    pub(super) async fn end_all(&self) -> Result<(), BedError> {
        let deadline = Instant::now() + END_WITHIN;
        loop {
            let left = descendants();
            for pid in &left {
                // It may have ended meanwhile; what has not is seen in the next round.
                let _ = rustix::process::kill_process(*pid, Signal::KILL);
            }
            while self.reap_one() {}
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let status = format!("processes {left:?} survive SIGKILL");
                return Err(self.ended_early("supervisor", status));
            }
            tokio::time::sleep(REAP_STEP).await;
        }
    }
}

/// All processes that descend from this one, zombies included.
fn descendants() -> Vec<Pid> {
    let mut children = BTreeMap::<i32, Vec<i32>>::new();
    let processes = procfs::process::all_processes().into_iter().flatten();
    for stat in processes.flatten().filter_map(|process| process.stat().ok()) {
        children.entry(stat.ppid).or_default().push(stat.pid);
    }
    let mut found = Vec::new();
    let mut next = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = next.pop() {
        let below = children.remove(&parent).unwrap_or_default();
        found.extend(below.iter().copied().filter_map(Pid::from_raw));
        next.extend(below);
    }
    found
}
