//! A process that is measured, which says its steps and waits for a word after each.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cli::usage;
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::Instant;

/// What a step's line begins with; everything else on standard output is a library's.
const STEP: &str = "STEP ";
/// A side that takes longer is killed.
const BOUND: Duration = Duration::from_secs(900);

#[derive(Debug)]
pub struct Child {
    process: process::Child,
    begun: Instant,
    said: BufReader<ChildStdout>,
    orders: ChildStdin,
    errors: PathBuf,
    _scratch: TempDir,
    /// Dropped with this: the watch ends.
    _watch: mpsc::Sender<()>,
}

/// What a process had cost when it came to a step.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What stands behind the step's name.
    pub note: String,
    /// Since the process was started.
    pub at: Duration,
    pub cpu: Duration,
    pub pss: u64,
}

/// Says a step, and waits for a word: the side of the process that is measured.
///
/// # Errors
/// Where whoever measures is gone.
pub fn step(name: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{STEP}{name}")?;
    out.flush()?;
    let mut word = String::new();
    ensure!(stdin().read_line(&mut word)? > 0, "whoever measures is gone");
    Ok(())
}

impl Child {
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        let errors = scratch.path().join("stderr");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?);
        let begun = Instant::now();
        let mut process = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let (stop, stopped) = mpsc::channel::<()>();
        let pid = i32::try_from(process.id())?;
        thread::spawn(move || {
            if stopped.recv_timeout(BOUND) == Err(mpsc::RecvTimeoutError::Timeout)
                && let Some(pid) = Pid::from_raw(pid)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Ok(Self {
            said: BufReader::new(process.stdout.take().context("it is piped")?),
            orders: process.stdin.take().context("it is piped")?,
            process,
            begun,
            errors,
            _scratch: scratch,
            _watch: stop,
        })
    }

    /// Waits for the step `name`. The process waits there until [`go`](Self::go).
    pub fn step(&mut self, name: &str) -> anyhow::Result<Moment> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.said.read_line(&mut line)? == 0 {
                bail!("a side ended before {name}:\n{}", self.errors());
            }
            let Some(step) = line.trim_end().strip_prefix(STEP) else {
                continue;
            };
            let at = self.begun.elapsed();
            let (found, note) = step.split_once(' ').unwrap_or((step, ""));
            ensure!(found == name, "a side came to {found} instead of {name}");
            let pid = i32::try_from(self.process.id())?;
            return Ok(Moment {
                note: note.to_owned(),
                at,
                cpu: cpu(pid).context("the process is gone")?,
                pss: usage::pss(pid).context("the process is gone")?,
            });
        }
    }

    /// Lets the process go on, and returns when that was.
    pub fn go(&mut self) -> anyhow::Result<Instant> {
        let now = Instant::now();
        self.orders.write_all(b"\n")?;
        Ok(now)
    }

    /// Waits for the end. What it has cost is from its start.
    pub fn end(mut self) -> anyhow::Result<usage::Cost> {
        let (status, cost) = usage::wait_with_cost(&mut self.process);
        ensure!(status.success(), "a side ended with {status}:\n{}", self.errors());
        Ok(cost)
    }

    fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_else(|error| error.to_string())
    }
}

/// The CPU time of a process, to the nanosecond for the threads that live, else in the kernel's ticks of 10 ms.
fn cpu(pid: i32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let of_threads: u64 = threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    Some(usage::cpu(pid)?.max(Duration::from_nanos(of_threads)))
}
