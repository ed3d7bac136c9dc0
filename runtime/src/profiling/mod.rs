//! Where a process spends its CPU time: Flink's profiler (`rest.profiling.*`) without a JVM. Master and worker have a
//! [`Profiler`] each, which keeps a history and its files.
//!
//! ```text
//! REST, the worker's gateway ──► Profiler ── history.rs: one at a time, so many are kept
//!                                   │ a thread for each profile
//!                                   ▼
//!   SIGPROF ── signal.rs: copies registers and the top of the stack ──► sampler.rs ──► unwinding.rs: return addresses
//!                                                          pprof.rs: the file ◄── symbols.rs: names of functions
//! ```
//!
//! The handler of the signal only copies: it walks no stack, takes no lock and allocates nothing, whatever it has interrupted.
//! Stacks are walked by what the compiler left for unwinding (`.eh_frame`), which stripping a binary keeps. Names of functions
//! go with stripping: what has none is shown as module and offset.

mod error;
mod history;
mod info;
mod modules;
mod pprof;
mod recording;
mod sampler;
mod settings;
mod signal;
mod stacks;
mod symbols;
#[cfg(test)]
mod tests;
mod unwinding;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

pub use error::ProfilingError;
pub use info::{ProfilingInfo, ProfilingMode, ProfilingStatus};
pub use settings::ProfilingSettings;

use crate::clock::{Clock, Timestamp};
use crate::connector::report;
use history::History;
use recording::record;
use sampler::Sampling;

/// Messages of `proto/profile.proto`: what a profile's file holds, gzipped.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/perftools.profiles.rs"));
}

/// The profiles of a master or a worker. Cheap to clone; when the last one is dropped, what is being recorded is given up.
#[derive(Debug, Clone)]
pub struct Profiler(Arc<Room>);

#[derive(Debug)]
struct Room {
    /// Whose profiles they are.
    subject: String,
    settings: ProfilingSettings,
    clock: Arc<dyn Clock>,
    history: Mutex<History>,
}

impl Profiler {
    /// That of the process, or of a part of it that has profiles of its own: `subject` is the id of a worker, or `JobManager`.
    pub fn new(subject: impl Into<String>, settings: ProfilingSettings, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Room {
            subject: subject.into(),
            history: Mutex::new(History::new(settings.history_size)),
            settings,
            clock,
        }))
    }

    /// What it was made with.
    pub fn settings(&self) -> &ProfilingSettings {
        &self.0.settings
    }

    /// Samples this process for so long from now on. What the answer tells is RUNNING, or FAILED where the system does not let
    /// the process be sampled, as in Flink.
    ///
    /// # Errors
    /// A duration out of its bounds, and a profile while another one of the same process is recorded.
    pub fn start(&self, mode: ProfilingMode, duration: Duration) -> Result<ProfilingInfo, ProfilingError> {
        let room = &self.0;
        room.settings.check(duration)?;
        let busy = || ProfilingError::Busy(room.subject.clone());
        let mut history = room.history.lock();
        // Workers of one process share it.
        let sampling = Sampling::begin().transpose().ok_or_else(busy)?;
        let now = room.clock.wall();
        let info = history.begin(mode, duration, now).ok_or_else(busy)?;
        let started = sampling.and_then(|sampling| self.spawn(sampling, mode, duration));
        Ok(match started {
            Ok(()) => info,
            Err(error) => {
                history.fail(format!("Start profiler failed. {error}"), now);
                history.list().swap_remove(0)
            }
        })
    }

    fn spawn(&self, sampling: Sampling, mode: ProfilingMode, duration: Duration) -> io::Result<()> {
        let room = Arc::downgrade(&self.0);
        let thread = std::thread::Builder::new().name("profiler".to_owned());
        thread.spawn(move || run(&room, sampling, mode, duration)).map(drop)
    }

    /// The profiles that are kept, the newest first.
    pub fn list(&self) -> Vec<ProfilingInfo> {
        self.0.history.lock().list()
    }

    /// The file of a profile.
    ///
    /// # Errors
    /// There is no finished profile of this name; no other file is ever told.
    pub fn file(&self, name: &str) -> Result<PathBuf, ProfilingError> {
        match self.0.history.lock().has_file(name) {
            true => Ok(self.0.settings.directory.join(name)),
            false => Err(ProfilingError::UnknownFile(name.to_owned())),
        }
    }
}

/// Records a profile and enters how that ended.
fn run(room: &Weak<Room>, sampling: Sampling, mode: ProfilingMode, duration: Duration) {
    let is_wanted = || room.strong_count() > 0;
    let recorded = catch_unwind(AssertUnwindSafe(|| {
        let recorded = record(sampling, duration, is_wanted)?;
        Ok::<_, io::Error>((recorded.to_string(), recorded.encode(mode)?))
    }));
    // Nobody could ask for it any more.
    let Some(room) = room.upgrade() else { return };
    let outcome = match recorded {
        Ok(Ok((about, file))) => room.write(mode, &about, &file),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err("Stop profiler failed. The profiler broke down".to_owned()),
    };
    room.ended(outcome);
}

/// In Flink's words.
fn failed(error: &io::Error) -> String {
    format!("Stop profiler failed. {}", report(error))
}

impl Room {
    /// The name of the file and what is to be said of it.
    fn write(&self, mode: ProfilingMode, about: &str, file: &[u8]) -> Result<(String, String), String> {
        let name = file_name(&self.subject, mode, self.clock.wall());
        let path = self.settings.directory.join(&name);
        let written = write_new(&path, file);
        written.map_err(|error| format!("Stop profiler failed. {} cannot be written: {error}", path.display()))?;
        Ok((name, format!("Profiling Successful: {about}")))
    }

    fn ended(&self, outcome: Result<(String, String), String>) {
        let now = self.clock.wall();
        let mut history = self.history.lock();
        let forgotten = match outcome {
            Ok((file, message)) => history.finish(file, message, now),
            Err(message) => {
                tracing::warn!("profile of {}: {message}", self.subject);
                history.fail(message, now);
                return;
            }
        };
        for file in forgotten {
            let path = self.settings.directory.join(file);
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!("the old profile {} cannot be deleted: {error}", path.display());
            }
        }
    }
}

/// As Flink names them, with the end of what is written here and the time in UTC: `JobManager_CPU_2026-01-31_12_00_00.pb.gz`.
fn file_name(subject: &str, mode: ProfilingMode, at: Timestamp) -> String {
    let time: String = at.to_string().chars().take("2026-01-31T12:00:00".len()).collect();
    let time = time.replace(['T', ':'], "_");
    // Whoever starts a worker names it.
    let subject = subject.replace('/', "_");
    format!("{subject}_{mode}_{time}.pb.gz")
}

/// A file that was not there: the directory may be one that everybody writes to.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
