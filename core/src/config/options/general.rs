//! Options of what belongs to no component.

use super::super::ConfigOption;

/// The parallelism of vertices that state none.
pub const PARALLELISM: ConfigOption<u32> =
    ConfigOption::new("parallelism.default", "The parallelism of vertices that state none.")
        .with_default("1")
        .at_least("1");
/// Where ended jobs are kept.
pub const JOBSTORE_TYPE: ConfigOption<String> = ConfigOption::new(
    "jobstore.type",
    "Where a session keeps ended jobs for their pages: on the local disk or in memory.",
)
.with_default("File")
.one_of(&["File", "Memory"]);
/// How much of them is in memory too.
pub const JOBSTORE_CACHE_SIZE: ConfigOption<u64> = ConfigOption::new(
    "jobstore.cache-size",
    "How much of the ended jobs that are on disk is kept in memory too.",
)
.with_default("52428800")
.with_unit("bytes");
/// For how long.
pub const JOBSTORE_EXPIRATION_TIME: ConfigOption<u64> =
    ConfigOption::new("jobstore.expiration-time", "How long ended jobs are kept.")
        .with_default("3600")
        .with_unit("seconds")
        .at_least("1");
/// How many.
pub const JOBSTORE_MAX_CAPACITY: ConfigOption<i32> =
    ConfigOption::new("jobstore.max-capacity", "How many ended jobs are kept.")
        .with_default("2147483647")
        .at_least("1");

/// Whether a cluster's size decides a job's parallelism.
pub const SCHEDULER_MODE: ConfigOption<String> = ConfigOption::new(
    "scheduler-mode",
    "REACTIVE runs a streaming job on all slots that there are, each vertex with up to its max_parallelism: for selvedge standalone-job only.",
)
.one_of(&["REACTIVE"]);

area! {
    "core", "What belongs to no component";
    options {
        PARALLELISM, JOBSTORE_TYPE, JOBSTORE_CACHE_SIZE, JOBSTORE_EXPIRATION_TIME, JOBSTORE_MAX_CAPACITY, SCHEDULER_MODE,
    }
    not yet {
        /// How often slow tasks are looked for.
        "slow-task-detector.check-interval": Duration = "1 s";
        /// Tasks that run shorter than this are never slow.
        "slow-task-detector.execution-time.baseline-lower-bound": Duration = "1 min";
        /// How many times the median a task may run before it is slow.
        "slow-task-detector.execution-time.baseline-multiplier": Number = "1.5";
        /// The part of a vertex's tasks that must have finished before others can be slow.
        "slow-task-detector.execution-time.baseline-ratio": Fraction = "0.75";
        /// The buffer for events from which a batch job is recovered.
        "job-event.store.write-buffer.size": Size = "1 mb";
        /// How often that buffer is written.
        "job-event.store.write-buffer.flush-interval": Duration = "1 s";
        /// The largest piece in which results are collected.
        "collect-sink.batch-size.max": Size = "2 mb";
        /// How long the collection of results waits for a worker.
        "collect-sink.socket-timeout": Duration = "10 s";
        /// Artifacts to fetch besides the job's own.
        "user.artifacts.artifact-list": List;
        /// Where fetched artifacts are kept.
        "user.artifacts.base-dir": Text = "/opt/flink/artifacts";
        /// Headers to send when artifacts are fetched.
        "user.artifacts.http-headers": Map;
        /// Whether artifacts may be fetched over plain HTTP.
        "user.artifacts.raw-http-enabled": Boolean = "false";
        /// How many workers a local cluster has.
        "minicluster.number-of-taskmanagers": Integer = "1" formerly "local.number-taskmanager";
        /// Whether jobs with resource profiles exchange blocking results only.
        "fine-grained.shuffle-mode.all-blocking": Boolean = "false";
        /// Which reporters of traces are used.
        "traces.reporters": Text;
        /// Whether events are reported as spans too.
        "traces.report-events-as-spans": Boolean = "false";
    }
    families not yet {
        /// A reporter of traces.
        "traces.reporter.<name>.*": Text;
    }
}
