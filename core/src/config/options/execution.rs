//! Options of how a job is run.

use std::time::Duration;

use super::super::ConfigOption;

/// Where jobs run.
pub const TARGET: ConfigOption<String> = ConfigOption::new(
    "execution.target",
    "Where jobs go: local, remote, yarn-session, yarn-per-job or yarn-application; not set is the last session of selvedge yarn-session, else local.",
);
/// Whether the client waits for the job.
pub const ATTACHED: ConfigOption<bool> =
    ConfigOption::new("execution.attached", "Whether the client waits for the job's result.").with_default("true");
/// Whether the job ends with its client.
pub const SHUTDOWN_ON_ATTACHED_EXIT: ConfigOption<bool> = ConfigOption::new(
    "execution.shutdown-on-attached-exit",
    "Whether a job ends with the client that waits for it: it is cancelled when the client is not heard any more.",
)
.with_default("false");
/// How long a job's program may take.
pub const PROGRAM_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "selvedge.program.timeout",
    "How long the program of a job, or of an application, may take until it has ended by itself; not set is without limit.",
)
.at_least("1 ms");
/// Whether a cluster ends with its application.
pub const SHUTDOWN_ON_APPLICATION_FINISH: ConfigOption<bool> = ConfigOption::new(
    "execution.shutdown-on-application-finish",
    "Whether the cluster of an application ends with it; if not, it stays for its pages until it is told to end.",
)
.with_default("true");
/// Whether an application that fails shows as a job.
pub const SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR: ConfigOption<bool> = ConfigOption::new(
    "execution.submit-failed-job-on-application-error",
    "Whether an application whose program fails, or gives no job, is shown and archived as a FAILED job.",
)
.with_default("false");

/// How a job whose sources end is run.
pub const RUNTIME_MODE: ConfigOption<String> = ConfigOption::new(
    "execution.runtime-mode",
    "How a job that does not say it itself is run: AUTOMATIC is BATCH where all its sources end and STREAMING where one does not; STREAMING runs one that ends as if it did not, so that the adaptive scheduler takes it.",
)
.with_default("AUTOMATIC")
.one_of(&["STREAMING", "BATCH", "AUTOMATIC"]);

area! {
    "execution", "How a job is run";
    options {
        TARGET, ATTACHED, SHUTDOWN_ON_ATTACHED_EXIT, PROGRAM_TIMEOUT, SHUTDOWN_ON_APPLICATION_FINISH,
        SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR, RUNTIME_MODE,
    }
    not yet {
        /// How many state requests are gathered before they are sent.
        "execution.async-state.buffer-size": Integer = "1000";
        /// How long state requests are gathered at most.
        "execution.async-state.buffer-timeout": Integer = "1000" in "ms";
        /// How many records may wait for state at once.
        "execution.async-state.in-flight-records-limit": Integer = "6000";
        /// How a batch job's vertices exchange data.
        "execution.batch-shuffle-mode": Choice["ALL_EXCHANGES_PIPELINED", "ALL_EXCHANGES_BLOCKING", "ALL_EXCHANGES_HYBRID_FULL", "ALL_EXCHANGES_HYBRID_SELECTIVE"]
            = "ALL_EXCHANGES_BLOCKING";
        /// Whether batch jobs use a state backend for sorted input.
        "execution.batch-state-backend.enabled": Boolean = "true";
        /// Whether a batch job's parallelism follows its data.
        "execution.batch.adaptive.auto-parallelism.enabled": Boolean = "true";
        /// How much data a task should get then.
        "execution.batch.adaptive.auto-parallelism.avg-data-volume-per-task": Size = "16 mb"
            formerly "jobmanager.adaptive-batch-scheduler.avg-data-volume-per-task";
        /// The parallelism of sources then.
        "execution.batch.adaptive.auto-parallelism.default-source-parallelism": Integer
            formerly "jobmanager.adaptive-batch-scheduler.default-source-parallelism";
        /// The largest parallelism then.
        "execution.batch.adaptive.auto-parallelism.max-parallelism": Integer = "128"
            formerly "jobmanager.adaptive-batch-scheduler.max-parallelism";
        /// The least parallelism then.
        "execution.batch.adaptive.auto-parallelism.min-parallelism": Integer = "1"
            formerly "jobmanager.adaptive-batch-scheduler.min-parallelism";
        /// Whether a batch job survives its master.
        "execution.batch.job-recovery.enabled": Boolean = "false";
        /// How long a new master waits for a batch job's workers.
        "execution.batch.job-recovery.previous-worker.recovery.timeout": Duration = "30 s";
        /// The least pause between two snapshots of a batch job's coordinators.
        "execution.batch.job-recovery.snapshot.min-pause": Duration = "3 min";
        /// Whether slow tasks of batch jobs are run twice.
        "execution.batch.speculative.enabled": Boolean = "false"
            formerly "jobmanager.adaptive-batch-scheduler.speculative.enabled";
        /// How long a slow node gets no tasks.
        "execution.batch.speculative.block-slow-node-duration": Duration = "1 min"
            formerly "jobmanager.adaptive-batch-scheduler.speculative.block-slow-node-duration";
        /// How many attempts of a slow task run at once.
        "execution.batch.speculative.max-concurrent-executions": Integer = "2"
            formerly "jobmanager.adaptive-batch-scheduler.speculative.max-concurrent-executions";
        /// Whether a buffer that is not full is sent after a while.
        "execution.buffer-timeout.enabled": Boolean = "true";
        /// After how long a buffer that is not full is sent.
        "execution.buffer-timeout.interval": Duration = "100 ms" formerly "execution.buffer-timeout";
        /// Whether a program may change its job's settings.
        "execution.program-config.enabled": Boolean = "true" formerly "execution.allow-client-job-configurations";
        /// Which settings a program may change though it may change none.
        "execution.program-config.wildcards": List = "";
        /// Managed memory for sorting a keyed partition.
        "execution.sort-keyed-partition.memory": Size = "128 mb";
        /// Managed memory for sorting a partition.
        "execution.sort-partition.memory": Size = "128 mb";
        /// Whether the keyed inputs of batch jobs are sorted.
        "execution.sorted-inputs.enabled": Boolean = "true";
        /// Managed memory for sorting them.
        "execution.sorted-inputs.memory": Size = "128 mb";
    }
}
