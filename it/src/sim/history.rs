//! What happened in a simulation: the log of all components, line by line with simulated times, and what of it the
//! invariants look at.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Whose lines are kept: ours, at [`Level::INFO`] and above.
const OURS: [&str; 3] = ["selvedge", "yarn_rpc", "yarn_common"];
/// What turmoil calls the span of the host that runs, and the field with its name.
const HOST_SPAN: &str = "node";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A worker gave a slot to a job.
    SlotGiven {
        worker: String,
        slot: String,
        job: String,
        allocation: String,
    },
    /// A worker has a slot for itself again.
    SlotFree { worker: String, slot: String },
    /// A task has reached a state, as its worker sees it. `master` is the JobMaster that has deployed it.
    Task {
        worker: String,
        job: String,
        master: String,
        attempt: String,
        state: String,
    },
    /// A worker has forgotten partitions: these are their producers' attempts.
    Released {
        worker: String,
        master: String,
        attempts: Vec<String>,
    },
    /// A worker's process is gone, and its slots and tasks with it.
    WorkerGone { worker: String },
    /// The process of an attempt of the ApplicationMaster is gone, before the application has ended.
    MasterGone { attempt: u32 },
    /// A client saw a job in a state.
    Job { job: String, status: String },
    /// A step of the commit of a job's output.
    Commit { job: String, step: CommitStep },
    /// A client saw all tasks of a job run, when nothing was done to the cluster any more.
    Ran { job: String },
    /// A client was told that there are not enough slots for a job.
    Told { job: String },
}

/// What became of the output of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitStep {
    NotPrepared,
    Prepared,
    Published,
    NotPublished,
    Finished,
    Aborted,
}

/// The record of one run.
#[derive(Debug, Default)]
pub(crate) struct History {
    now: Duration,
    log: String,
    happenings: Vec<(Duration, Happening)>,
}

/// Written by the components' log, and read by the world.
pub(crate) type SharedHistory = Arc<Mutex<History>>;

impl History {
    /// The simulated time of what comes next.
    pub(crate) const fn advance(&mut self, now: Duration) {
        self.now = now;
    }

    pub(crate) fn note(&mut self, happening: Happening) {
        let line = format!("{happening:?}");
        self.write("", "world", &line);
        self.happenings.push((self.now, happening));
    }

    /// A line of the simulation's own.
    pub(crate) fn say(&mut self, line: &str) {
        self.write("", "world", line);
    }

    fn write(&mut self, host: &str, who: &str, line: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.log, "{:>9.3} {host:<10} {who} {line}", self.now.as_secs_f64());
    }

    pub(crate) fn happenings(&self) -> &[(Duration, Happening)] {
        &self.happenings
    }

    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    /// The hash of every byte of the log.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.log.as_bytes()))
    }
}

/// Keeps what this thread's components log, until the guard is dropped.
pub(crate) fn record(history: &SharedHistory) -> tracing::subscriber::DefaultGuard {
    let layer = Recorder(history.clone());
    tracing::subscriber::set_default(Registry::default().with(layer))
}

struct Recorder(SharedHistory);

struct HostName(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        if metadata.is_span() {
            return metadata.name() == HOST_SPAN;
        }
        *metadata.level() <= Level::INFO && OURS.iter().any(|ours| metadata.target().starts_with(ours))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(HostName(fields.take("name")));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = context.lookup_current();
        let extensions = span.as_ref().map(|span| span.extensions());
        let host = extensions.as_ref().and_then(|extensions| extensions.get::<HostName>());
        let host = host.map_or("", |host| host.0.as_str());
        let metadata = event.metadata();
        let mut history = self.0.lock();
        let who = format!("{:<5} {}:", metadata.level(), metadata.target());
        history.write(host, &who, &fields.to_string());
        let now = history.now;
        if let Some(happening) = happening(host, fields) {
            history.happenings.push((now, happening));
        }
    }
}

/// What the invariants look at is told by the workers, in lines with these messages and fields.
fn happening(host: &str, mut fields: Fields) -> Option<Happening> {
    let worker = host.to_owned();
    match fields.take("message").as_str() {
        "slot given" => Some(Happening::SlotGiven {
            worker,
            slot: fields.take("slot"),
            job: fields.take("job"),
            allocation: fields.take("allocation"),
        }),
        "slot free" => Some(Happening::SlotFree {
            worker,
            slot: fields.take("slot"),
        }),
        "task" => Some(Happening::Task {
            worker,
            job: fields.take("job"),
            master: fields.take("job_master"),
            attempt: fields.take("task"),
            state: fields.take("state"),
        }),
        "partitions released" => Some(Happening::Released {
            worker,
            master: fields.take("job_master"),
            attempts: fields
                .take("partitions")
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
        }),
        _ => None,
    }
}

/// The fields of a line, in their order.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn take(&mut self, name: &str) -> String {
        let found = self.0.iter_mut().find(|(known, _)| *known == name);
        found.map(|(_, value)| std::mem::take(value)).unwrap_or_default()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, value) in &self.0 {
            let space = if std::mem::take(&mut first) { "" } else { " " };
            match *name {
                "message" => write!(f, "{space}{value}")?,
                name => write!(f, "{space}{name}={value}")?,
            }
        }
        Ok(())
    }
}
