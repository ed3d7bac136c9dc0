//! What a process costs: CPU time, proportional set size, the peak of its address space.

use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{process, sync::mpsc};

use procfs::process::Process;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Proportional set size in bytes: memory that processes share is divided among them. `None` if there is no such
/// process.
#[must_use]
pub fn pss(pid: i32) -> Option<u64> {
    let rollup = Process::new(pid).ok()?.smaps_rollup().ok()?;
    rollup.memory_map_rollup.0.first()?.extension.map.get("Pss").copied()
}

/// The largest address space that the process has had, in bytes.
#[must_use]
pub fn vm_peak(pid: i32) -> Option<u64> {
    let status = Process::new(pid).ok()?.status().ok()?;
    Some(status.vmpeak? * 1024)
}

/// User and system time of a process, its threads included. A zombie's is still known.
#[must_use]
pub fn cpu(pid: i32) -> Option<Duration> {
    let stat = Process::new(pid).ok()?.stat().ok()?;
    let ticks = stat.utime + stat.stime;
    Some(Duration::from_secs_f64(
        ticks as f64 / procfs::ticks_per_second() as f64,
    ))
}

/// What a process has cost, from its start to its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub cpu: Duration,
    /// The largest of the samples.
    pub peak_pss: u64,
    pub vm_peak: u64,
}

/// Looks at a process until told to stop, ten milliseconds apart.
#[derive(Debug)]
pub struct Sampler {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Cost>,
}

impl Sampler {
    #[must_use]
    pub fn watch(pid: i32) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut cost = Cost::default();
            loop {
                cost.peak_pss = cost.peak_pss.max(pss(pid).unwrap_or_default());
                cost.vm_peak = cost.vm_peak.max(vm_peak(pid).unwrap_or_default());
                cost.cpu = cost.cpu.max(cpu(pid).unwrap_or_default());
                if stopped.recv_timeout(Duration::from_millis(10)) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return cost;
                }
            }
        });
        Self { stop, thread }
    }

    /// # Panics
    ///
    /// If the sampling thread has panicked.
    #[must_use]
    pub fn stop(self) -> Cost {
        drop(self.stop);
        self.thread.join().expect("sampling does not panic")
    }
}

/// Waits for the end of a child, and returns its status with what it has cost.
///
/// # Panics
///
/// If it is no child of this process.
#[must_use]
pub fn wait_with_cost(child: &mut process::Child) -> (process::ExitStatus, Cost) {
    let raw = i32::try_from(child.id()).expect("Linux's process ids are small");
    let sampler = Sampler::watch(raw);
    let pid = Pid::from_raw(raw).expect("a process id is not zero");
    // Not reaped yet: its CPU time is still to be read.
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("it is a child of this process");
    let mut cost = sampler.stop();
    cost.cpu = cpu(raw).unwrap_or(cost.cpu);
    (child.wait().expect("it is a child of this process"), cost)
}

/// The machine's load average, as `/proc/loadavg` gives it.
#[must_use]
pub fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or_else(|error| error.to_string(), |text| text.trim().to_owned())
}
