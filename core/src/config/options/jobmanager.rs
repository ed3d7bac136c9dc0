//! Options of the master.

use std::time::Duration;

use super::super::{ConfigOption, Timeout};
use crate::MemorySize;

/// The name under which workers reach it.
pub const RPC_ADDRESS: ConfigOption<String> = ConfigOption::new(
    "jobmanager.rpc.address",
    "The host under which workers reach the master.",
);
/// The address that it binds to.
pub const BIND_HOST: ConfigOption<String> = ConfigOption::new(
    "jobmanager.bind-host",
    "The address that the master's RPC server binds to.",
);
/// All memory of the master's process: the size of its container.
pub const TOTAL_PROCESS_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.process.size",
    "All memory of the master's process: the size of its container.",
)
.with_deprecated_keys(&["jobmanager.heap.size"]);
/// An older form of the size of the master's process, a number of mebibytes.
pub const HEAP_MB: ConfigOption<i32> = ConfigOption::new(
    "jobmanager.heap.mb",
    "An older form of the size of the master's process, a number of mebibytes.",
);
/// The master's memory without metaspace and overhead.
pub const TOTAL_FLINK_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.flink.size",
    "The master's memory without metaspace and overhead.",
);
/// The master's memory for objects.
pub const HEAP: ConfigOption<MemorySize> =
    ConfigOption::new("jobmanager.memory.heap.size", "The master's memory for objects.");
/// The master's native memory.
pub const OFF_HEAP: ConfigOption<MemorySize> =
    ConfigOption::new("jobmanager.memory.off-heap.size", "The master's native memory.").with_default("128m");
/// Whether the off-heap size is enforced.
pub const ENABLE_DIRECT_MEMORY_LIMIT: ConfigOption<bool> = ConfigOption::new(
    "jobmanager.memory.enable-jvm-direct-memory-limit",
    "Whether the off-heap size is enforced.",
)
.with_default("false")
.not_in_effect();
/// The master's memory for code; the name is Flink's.
pub const JVM_METASPACE: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.jvm-metaspace.size",
    "The master's memory for code; the name is Flink's.",
)
.with_default("256m");
/// The least memory for stacks and native allocations of the master.
pub const JVM_OVERHEAD_MIN: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.jvm-overhead.min",
    "The least memory for stacks and native allocations of the master.",
)
.with_default("192m");
/// The most memory for stacks and native allocations of the master.
pub const JVM_OVERHEAD_MAX: ConfigOption<MemorySize> = ConfigOption::new(
    "jobmanager.memory.jvm-overhead.max",
    "The most memory for stacks and native allocations of the master.",
)
.with_default("1g");
/// The part of total process memory for stacks and native allocations of the master.
pub const JVM_OVERHEAD_FRACTION: ConfigOption<f32> = ConfigOption::new(
    "jobmanager.memory.jvm-overhead.fraction",
    "The part of total process memory for stacks and native allocations of the master.",
)
.with_default("0.1")
.fraction();
/// The port, list or range of ports of the master's RPC server.
pub const RPC_PORT: ConfigOption<String> = ConfigOption::new(
    "jobmanager.rpc.port",
    "The port, list or range of ports of the master's RPC server.",
)
.with_default("6123");
/// How much of a job is restarted.
pub const FAILOVER_STRATEGY: ConfigOption<String> = ConfigOption::new(
    "jobmanager.execution.failover-strategy",
    "How much of a job is restarted when a task fails: the tasks that exchange records with it, or all.",
)
.with_default("region")
.one_of(&["region", "full"]);
/// Where the history server finds ended jobs.
pub const ARCHIVE_DIR: ConfigOption<String> = ConfigOption::new(
    "jobmanager.archive.fs.dir",
    "Where ended jobs are archived for the history server.",
);
/// How many former attempts of a task are kept.
pub const ATTEMPTS_HISTORY_SIZE: ConfigOption<i32> = ConfigOption::new(
    "jobmanager.execution.attempts-history-size",
    "How many former attempts of a task are kept.",
)
.with_default("16")
.with_deprecated_keys(&["job-manager.max-attempts-history-size"])
.at_least("0");
/// Whether workers that are known by an address get its name.
pub const RETRIEVE_TASK_MANAGER_HOSTNAME: ConfigOption<bool> = ConfigOption::new(
    "jobmanager.retrieve-taskmanager-hostname",
    "Whether a worker's host is looked up where it is an address: a source gives a worker the splits that lie on the host of that name.",
)
.with_default("true");
/// Which scheduler runs jobs.
pub const SCHEDULER: ConfigOption<String> = ConfigOption::new(
    "jobmanager.scheduler",
    "Which scheduler runs jobs. Default deploys a region when all its slots are there; Adaptive runs a streaming job with the slots that there are, and a batch job as Default does; the others of Flink are not offered.",
)
.with_default("Default")
.one_of(&["Default", "Adaptive"]);
/// How long an adaptive job waits for slots.
pub const RESOURCE_WAIT_TIMEOUT: ConfigOption<Timeout> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.resource-wait-timeout",
    "How long a job waits for all the slots that it asks for; then it starts with those that there are, or fails where they are fewer than its least; with -1 it waits without end.",
)
.with_default("5 min")
.with_fallback_keys(&["jobmanager.adaptive-scheduler.submission.resource-wait-timeout"]);
/// How long an adaptive job that could start waits for more.
pub const RESOURCE_STABILIZATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.resource-stabilization-timeout",
    "How long a job waits for more slots once it has enough to start.",
)
.with_default("10 s")
.with_fallback_keys(&["jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout"]);
/// The pause after a rescaling.
pub const SCALING_INTERVAL_MIN: ConfigOption<Duration> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.scaling-interval.min",
    "For how long a job is not rescaled after it has started or was rescaled.",
)
.with_default("30 s")
.with_fallback_keys(&["jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling"]);
/// After how long less is enough.
pub const SCALING_INTERVAL_MAX: ConfigOption<Duration> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.scaling-interval.max",
    "How long after its start a job is rescaled even where its parallelism grows by less than min-parallelism-increase; not set is never.",
);
/// How long a running job waits for more.
pub const EXECUTING_STABILIZATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout",
    "How long a running job that could be rescaled waits for more slots, where it has not yet all that it asks for.",
)
.with_default("1 min");
/// The least growth.
pub const MIN_PARALLELISM_INCREASE: ConfigOption<i32> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.min-parallelism-increase",
    "By how much the parallelism of a vertex must grow for a running job to be rescaled.",
)
.with_default("1")
.at_least("1");
/// Whether few workers are preferred.
pub const PREFER_MINIMAL_TASK_MANAGERS: ConfigOption<bool> = ConfigOption::new(
    "jobmanager.adaptive-scheduler.prefer-minimal-taskmanagers",
    "Whether a job that has more slots than it uses takes those of as few workers as possible.",
)
.with_default("true");
/// What labels failures.
pub const FAILURE_ENRICHERS: ConfigOption<String> = ConfigOption::new(
    "jobmanager.failure-enrichers",
    "The enrichers that label failures, by name, separated by commas; of two that give one key, the first counts. TYPE says USER \
     or SYSTEM; a program built on these crates may add others.",
)
.with_default("TYPE");

/// The master's id.
pub const RESOURCE_ID: ConfigOption<String> = ConfigOption::new(
    "jobmanager.resource-id",
    "The master's ResourceID, which names its working directory; random where it is not set.",
);

area! {
    "jobmanager", "The master and its schedulers";
    options {
        RPC_ADDRESS, BIND_HOST, TOTAL_PROCESS_MEMORY, HEAP_MB, TOTAL_FLINK_MEMORY, HEAP, OFF_HEAP, ENABLE_DIRECT_MEMORY_LIMIT,
        JVM_METASPACE, JVM_OVERHEAD_MIN, JVM_OVERHEAD_MAX, JVM_OVERHEAD_FRACTION, RPC_PORT, FAILOVER_STRATEGY,
        SCHEDULER, RESOURCE_WAIT_TIMEOUT, RESOURCE_STABILIZATION_TIMEOUT, SCALING_INTERVAL_MIN, SCALING_INTERVAL_MAX,
        EXECUTING_STABILIZATION_TIMEOUT, MIN_PARALLELISM_INCREASE, PREFER_MINIMAL_TASK_MANAGERS, ATTEMPTS_HISTORY_SIZE,
        ARCHIVE_DIR, FAILURE_ENRICHERS, RETRIEVE_TASK_MANAGER_HOSTNAME, RESOURCE_ID,
    }
    not yet {
        /// Threads of the master for computation.
        "jobmanager.future-pool.size": Integer;
        /// Threads of the master for disk and network.
        "jobmanager.io-pool.size": Integer;
        /// When a result may be read.
        "jobmanager.partition.hybrid.partition-data-consume-constraint": Choice["ALL_PRODUCERS_FINISHED", "ONLY_FINISHED_PRODUCERS", "UNFINISHED_PRODUCERS"]
           ;
        /// Whether results that were read are dropped while the job runs.
        "jobmanager.partition.release-during-job-execution": Boolean = "true";
        /// The port that the master's RPC server binds to, where it is not the one that workers use.
        "jobmanager.rpc.bind-port": Integer;
        /// From how many channels on a deployment travels as a blob.
        "jobmanager.task-deployment.offload-shuffle-descriptors-to-blob-server.threshold-num": Integer = "4194304";
    }
}
