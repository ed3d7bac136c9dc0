//! What this process and others take of the machine: open files, memory, CPU.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use procfs::process::Process;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A reading or a limit that the system refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// `/proc` cannot be read.
    #[error("cannot read /proc of process {process}: {source}")]
    Proc {
        /// The process.
        process: i32,
        /// Why.
        source: procfs::ProcError,
    },
    /// A field is not there: the kernel was built without it.
    #[error("/proc of process {process} has no {field}")]
    Field {
        /// The process.
        process: i32,
        /// What is missing.
        field: &'static str,
    },
    /// The limit of open files stays as it is.
    #[error("cannot raise the limit of open files from {from} to {to}: {source}")]
    OpenFiles {
        /// The present limit.
        from: u64,
        /// The wanted one.
        to: u64,
        /// Why.
        source: rustix::io::Errno,
    },
    /// Another thread may be reading the environment.
    #[error("cannot set the environment variables {names}: this process has {threads} threads already")]
    Threads {
        /// What was to be set.
        names: String,
        /// How many threads there are.
        threads: i64,
    },
    /// No variable can have this name, or its value.
    #[error(
        "'{name}' cannot be set as an environment variable: its name must hold no '=', and neither it nor its value a NUL"
    )]
    Variable {
        /// The name.
        name: String,
    },
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryReading {
    /// Memory in RAM, with shared pages counted in part: what the process costs the machine.
    pub pss: u64,
    /// The part of it that no file stands behind: heap, stacks, static data.
    pub anonymous: u64,
    /// Memory in RAM, with shared pages counted whole: what a NodeManager's physical check sees.
    pub resident: u64,
    /// Virtual memory: what a NodeManager's virtual check sees.
    pub virtual_size: u64,
    /// The most virtual memory so far: what a NodeManager's virtual check would have seen.
    pub virtual_peak: u64,
}

/// Sets environment variables of this process, which must not have started a thread yet.
///
/// # Errors
/// [`ProcessError::Threads`] where it has; [`ProcessError::Variable`] for what can be none. Nothing is set then.
#[expect(unsafe_code, reason = "the environment belongs to the whole process")]
pub fn set_variables(variables: &BTreeMap<String, String>) -> Result<(), ProcessError> {
    if variables.is_empty() {
        return Ok(());
    }
    if let Some((name, _)) = variables.iter().find(|(name, value)| !is_variable(name, value)) {
        return Err(ProcessError::Variable { name: name.clone() });
    }
    let threads = own_threads()?;
    if threads != 1 {
        let names: Vec<_> = variables.keys().map(String::as_str).collect();
        let names = names.join(", ");
        return Err(ProcessError::Threads { names, threads });
    }
    for (name, value) in variables {
        // SAFETY: this is the only thread, so that nobody reads or writes the environment meanwhile.
        unsafe { std::env::set_var(name, value) };
    }
    Ok(())
}

fn is_variable(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
}

/// How many threads this process has.
pub fn own_threads() -> Result<i64, ProcessError> {
    let failed = |source| ProcessError::Proc {
        process: std::process::id().cast_signed(),
        source,
    };
    let stat = Process::myself().and_then(|process| process.stat()).map_err(failed)?;
    Ok(stat.num_threads)
}

/// Raises the limit of open files to the most that the system allows this process, and tells it.
pub fn raise_nofile_limit() -> Result<u64, ProcessError> {
    let limit = getrlimit(Resource::Nofile);
    // `None` is unlimited.
    let (Some(from), to) = (limit.current, limit.maximum.unwrap_or(1 << 20)) else {
        return Ok(u64::MAX);
    };
    if from >= to {
        return Ok(from);
    }
    let raised = Rlimit {
        current: Some(to),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|source| ProcessError::OpenFiles { from, to, source })?;
    Ok(to)
}

/// From now on, a write that would make a file larger than this process may (`ulimit -f`) is an error like that of a full
/// disk, instead of the end of the process by SIGXFSZ. To be called inside a tokio runtime.
///
/// # Errors
/// Where the system refuses the handler.
pub fn report_file_size_limit() -> std::io::Result<()> {
    // The handler stays when the stream of signals is dropped: nobody needs to hear of them.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// SIGTERM and SIGINT: the first asks for an end in order, the second ends the process at once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Termination {
    asked: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Termination {
    /// Listens from now on. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// Where the system refuses the handlers.
    pub fn listen() -> std::io::Result<Self> {
        let termination = Self::default();
        // They listen as long as the process lives.
        for (kind, name) in [
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::interrupt(), "SIGINT"),
        ] {
            let mut signals = signal(kind)?;
            let told = termination.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    told.signalled(name, kind.as_raw_value());
                }
            });
        }
        Ok(termination)
    }

    fn signalled(&self, name: &str, number: i32) {
        // What a shell calls a process that a signal ended.
        let code = 128_u8.saturating_add(u8::try_from(number).unwrap_or(0));
        if self.asked.is_cancelled() {
            tracing::warn!("{name} again: this process ends at once");
            std::process::exit(code.into());
        }
        tracing::warn!("{name}: this process ends; the same again ends it at once");
        self.code.store(code, Ordering::Release);
        self.asked.cancel();
    }

    /// Waits for the first signal, and tells the exit code that belongs to it: 143 for SIGTERM, 130 for SIGINT.
    pub async fn asked(&self) -> u8 {
        self.asked.cancelled().await;
        self.code.load(Ordering::Acquire)
    }
}

/// The memory of this process.
pub fn memory() -> Result<MemoryReading, ProcessError> {
    memory_of(own_id())
}

/// The memory of another process of the same user.
pub fn memory_of(process: i32) -> Result<MemoryReading, ProcessError> {
    let fail = |source| ProcessError::Proc { process, source };
    let field = |field| ProcessError::Field { process, field };
    let proc = Process::new(process).map_err(fail)?;
    let status = proc.status().map_err(fail)?;
    let rollup = proc.smaps_rollup().map_err(fail)?;
    let counted = |name| {
        let maps = rollup.memory_map_rollup.iter();
        let found = maps.filter_map(|map| map.extension.map.get(name).copied()).next();
        found.ok_or_else(|| field(name))
    };
    Ok(MemoryReading {
        pss: counted("Pss")?,
        anonymous: counted("Anonymous")?,
        resident: kibibytes(status.vmrss).ok_or_else(|| field("VmRSS"))?,
        virtual_size: kibibytes(status.vmsize).ok_or_else(|| field("VmSize"))?,
        virtual_peak: kibibytes(status.vmpeak).ok_or_else(|| field("VmPeak"))?,
    })
}

/// The CPU time of this process so far, all threads, user and system, in seconds. The kernel counts in ticks of 10 ms.
pub fn cpu_seconds() -> Result<f64, ProcessError> {
    cpu_seconds_of(own_id())
}

/// The same of another process.
pub fn cpu_seconds_of(process: i32) -> Result<f64, ProcessError> {
    let fail = |source| ProcessError::Proc { process, source };
    let stat = Process::new(process).and_then(|proc| proc.stat()).map_err(fail)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "ticks of 10 ms fill 52 bits after a million years"
    )]
    let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    Ok(seconds)
}

fn own_id() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

fn kibibytes(value: Option<u64>) -> Option<u64> {
    value.map(|value| value << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_memory_and_time() {
        let reading = memory().unwrap();
        assert!(reading.pss >= 1 << 16, "{reading:?}");
        assert!(reading.resident <= reading.virtual_peak, "{reading:?}");
        assert!(reading.virtual_size <= reading.virtual_peak, "{reading:?}");
        assert!((1..=reading.pss).contains(&reading.anonymous), "{reading:?}");
        let before = cpu_seconds().unwrap();
        let mut sum = 0_u64;
        while cpu_seconds().unwrap() <= before {
            sum = (0..1_000_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
        }
        assert!(memory_of(i32::MAX).unwrap_err().to_string().contains("2147483647"));
    }

    #[tokio::test]
    async fn the_first_signal_asks_and_tells_the_exit_code_of_a_shell() {
        let termination = Termination::listen().unwrap();
        rustix::process::kill_process(rustix::process::getpid(), Signal::TERM).unwrap();
        let asked = tokio::time::timeout(std::time::Duration::from_secs(60), termination.asked());
        assert_eq!(asked.await.unwrap(), 143);
    }

    #[test]
    fn the_limit_of_open_files_goes_up_and_stays() {
        let raised = raise_nofile_limit().unwrap();
        assert_eq!(raise_nofile_limit().unwrap(), raised);
        assert!(raised >= 1024, "{raised}");
    }
}
