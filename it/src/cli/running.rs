//! A command that runs: what it has said so far, signals, its end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::time::Instant;

use super::outcome::Outcome;
use super::usage;
use crate::wait;

/// Killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Apart from the child: waiting for that would end it.
    input: Option<ChildStdin>,
    pid: i32,
    scratch: TempDir,
    started: Instant,
    line: String,
}

impl Running {
    fn spawn(command: Command, scratch: TempDir) -> Self {
        let line = format!("{command:?}");
        let started = Instant::now();
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        let pid = child.id().expect("a process that was just started has an id");
        Self {
            input: child.stdin.take(),
            child,
            pid: pid.try_into().expect("Linux's process ids are positive and small"),
            scratch,
            started,
            line,
        }
    }

    /// Any command, with its output in files.
    pub(crate) fn of(mut command: Command) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch directory can be made");
        let file = |name: &str| fs::File::create(scratch.path().join(name)).expect("a file can be made in it");
        command.stdout(file("stdout")).stderr(file("stderr"));
        Self::spawn(command, scratch)
    }

    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// What it has written to standard output and standard error until now.
    #[must_use]
    pub fn said(&self) -> String {
        self.stream("stdout") + &self.stream("stderr")
    }

    /// Proportional set size now, in bytes; `None` once it has ended.
    #[must_use]
    pub fn pss(&self) -> Option<u64> {
        usage::pss(self.pid)
    }

    /// Waits until `find` finds something in what it has said.
    ///
    /// # Panics
    ///
    /// If it ends first, or does not say it within `bound`.
    pub async fn until_says<T>(&mut self, what: &str, bound: Duration, find: impl Fn(&str) -> Option<T>) -> T {
        let line = self.line.clone();
        let look = || {
            let ended = self.child.try_wait().expect("a child can be waited for");
            let said = self.said();
            std::future::ready(match (find(&said), ended) {
                (Some(found), _) => Ok(Ok(found)),
                (None, Some(status)) => Ok(Err(format!("{line} ended ({status}) before it said {what}:\n{said}"))),
                (None, None) => Err(said),
            })
        };
        let found = wait::until(&format!("{what} from {line}"), bound, look).await;
        found
            .unwrap_or_else(|error| panic!("{error}"))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Types into its input.
    ///
    /// # Panics
    ///
    /// If it has none, or reads no more.
    pub async fn types(&mut self, text: &str) {
        let input = self.input.as_mut().expect("it was started with an input");
        input.write_all(text.as_bytes()).await.expect("it reads its input");
    }

    /// Ends its input, as Ctrl-D does.
    pub fn ends_input(&mut self) {
        self.input = None;
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// With SIGTERM, as service managers do.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// With SIGKILL: it can do nothing more.
    pub fn kill(&self) {
        // Where it has ended already, nothing is left to kill.
        if let Err(error) = kill_process(self.process(), Signal::KILL)
            && error != Errno::SRCH
        {
            panic!("{}: {error}\n{}", self.line, self.said());
        }
    }

    /// Stops it where it stands, as a machine that swaps or a paused container does.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn process(&self) -> Pid {
        Pid::from_raw(self.pid).expect("a process id is not zero")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.line, self.said()));
    }

    /// # Panics
    ///
    /// If it does not end within `bound`.
    pub async fn ended_within(mut self, bound: Duration) -> Outcome {
        let Ok(status) = tokio::time::timeout(bound, self.child.wait()).await else {
            panic!("{} did not end within {bound:?}; it said:\n{}", self.line, self.said());
        };
        let status = status.expect("a child can be waited for");
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stream("stdout"),
            stderr: self.stream("stderr"),
            took: self.started.elapsed(),
            line: self.line,
        }
    }

    fn stream(&self, name: &str) -> String {
        let bytes = fs::read(self.scratch.path().join(name)).expect("the file was made before the start");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
