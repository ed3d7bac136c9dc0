//! Options of the ResourceManager and its SlotManager.

use std::time::Duration;

use super::super::ConfigOption;
use crate::MemorySize;

/// How long a worker may be idle before it is released.
pub const TASKMANAGER_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "resourcemanager.taskmanager-timeout",
    "How long a worker may be idle before it is released.",
)
.with_default("30 s")
.with_deprecated_keys(&["slotmanager.taskmanager-timeout"]);
/// How long a worker may take from its container's allocation to its registration.
pub const TASKMANAGER_REGISTRATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "resourcemanager.taskmanager-registration.timeout",
    "How long a worker may take from its container's allocation to its registration.",
)
.with_default("5 min")
.with_fallback_keys(&["taskmanager.registration.timeout"]);
/// How many workers a minute may fail to start before new requests pause.
pub const START_WORKER_MAX_FAILURE_RATE: ConfigOption<f64> = ConfigOption::new(
    "resourcemanager.start-worker.max-failure-rate",
    "How many workers a minute may fail to start before new requests pause.",
)
.with_default("10.0")
.with_unit("workers a minute")
.at_least("0");
/// How long new requests pause then.
pub const START_WORKER_RETRY_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "resourcemanager.start-worker.retry-interval",
    "How long new requests pause then.",
)
.with_default("3 s");
/// How long a new master waits for the workers of the previous one before it asks for others.
pub const PREVIOUS_WORKER_RECOVERY_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "resourcemanager.previous-worker.recovery.timeout",
    "How long a new master waits for the workers of the previous one before it asks for others.",
)
.with_default("0 s");
/// How long requests may wait for workers that nobody starts on demand; not set is slot.request.timeout.
pub const STANDALONE_START_UP_TIME: ConfigOption<Duration> = ConfigOption::new(
    "resourcemanager.standalone.start-up-time",
    "How long requests may wait for workers that nobody starts on demand; not set is slot.request.timeout.",
);
/// How long changes of what jobs need are gathered.
pub const REQUIREMENT_CHECK_DELAY: ConfigOption<Duration> = ConfigOption::new(
    "slotmanager.requirement-check.delay",
    "How long changes of what jobs need are gathered.",
)
.with_default("50 ms");
/// How long changes of what is needed of the cluster are gathered.
pub const DECLARE_NEEDED_RESOURCE_DELAY: ConfigOption<Duration> = ConfigOption::new(
    "slotmanager.declare-needed-resource.delay",
    "How long changes of what is needed of the cluster are gathered.",
)
.with_default("50 ms");
/// The most slots that a cluster may have.
pub const NUMBER_OF_SLOTS_MAX: ConfigOption<u32> = ConfigOption::new(
    "slotmanager.number-of-slots.max",
    "The most slots that a cluster may have.",
)
.with_default("2147483647")
.at_least("1");
/// The least slots that a cluster keeps.
pub const NUMBER_OF_SLOTS_MIN: ConfigOption<u32> = ConfigOption::new(
    "slotmanager.number-of-slots.min",
    "The least slots that a cluster keeps.",
)
.with_default("0");
/// The most CPU cores that a cluster's workers may have together.
pub const MAX_TOTAL_CPU: ConfigOption<f64> = ConfigOption::new(
    "slotmanager.max-total-resource.cpu",
    "The most CPU cores that a cluster's workers may have together.",
)
.with_unit("cores")
.at_least("0");
/// The most memory that a cluster's workers may have together.
pub const MAX_TOTAL_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "slotmanager.max-total-resource.memory",
    "The most memory that a cluster's workers may have together.",
);
/// The least CPU cores that a cluster keeps.
pub const MIN_TOTAL_CPU: ConfigOption<f64> = ConfigOption::new(
    "slotmanager.min-total-resource.cpu",
    "The least CPU cores that a cluster keeps.",
)
.with_unit("cores")
.at_least("0");
/// The least memory that a cluster keeps.
pub const MIN_TOTAL_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "slotmanager.min-total-resource.memory",
    "The least memory that a cluster keeps.",
);
/// How long a job without a JobMaster keeps its slots.
pub const JOB_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "resourcemanager.job.timeout",
    "How long a job without a JobMaster keeps its slots.",
)
.with_default("5 min");
/// Whether a worker that holds results which were not read yet is kept.
pub const WAIT_FOR_RESULTS: ConfigOption<bool> = ConfigOption::new(
    "resourcemanager.taskmanager-release.wait.result.consumed",
    "Whether a worker that holds results which were not read yet is kept.",
)
.with_default("true");
/// How many spare workers are kept.
pub const REDUNDANT_TASKMANAGERS: ConfigOption<u32> = ConfigOption::new(
    "slotmanager.redundant-taskmanager-num",
    "How many spare workers are kept.",
)
.with_default("0");

area! {
    "resourcemanager", "Workers and slots";
    options {
        TASKMANAGER_TIMEOUT, TASKMANAGER_REGISTRATION_TIMEOUT, START_WORKER_MAX_FAILURE_RATE,
        START_WORKER_RETRY_INTERVAL, PREVIOUS_WORKER_RECOVERY_TIMEOUT, STANDALONE_START_UP_TIME,
        REQUIREMENT_CHECK_DELAY, DECLARE_NEEDED_RESOURCE_DELAY, NUMBER_OF_SLOTS_MAX, NUMBER_OF_SLOTS_MIN,
        MAX_TOTAL_CPU, MAX_TOTAL_MEMORY, MIN_TOTAL_CPU, MIN_TOTAL_MEMORY, JOB_TIMEOUT, WAIT_FOR_RESULTS,
        REDUNDANT_TASKMANAGERS,
    }
    not yet {
        /// The port of a ResourceManager apart from the master.
        "resourcemanager.rpc.port": Integer = "0";
    }
}
