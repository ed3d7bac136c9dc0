//! Options of the worker.

use std::time::Duration;

use super::super::ConfigOption;
use crate::MemorySize;

/// Slots of a worker.
pub const NUMBER_OF_TASK_SLOTS: ConfigOption<u32> =
    ConfigOption::new("taskmanager.numberOfTaskSlots", "The slots of a worker.").with_default("1");
/// The address that its servers bind to.
pub const BIND_HOST: ConfigOption<String> = ConfigOption::new(
    "taskmanager.bind-host",
    "The address that the worker's servers bind to.",
);
/// The ports of its control server.
pub const RPC_PORT: ConfigOption<String> = ConfigOption::new(
    "taskmanager.rpc.port",
    "The port, list or range of ports of the worker's control server.",
)
.with_default("0");
/// The ports of its data server.
pub const DATA_PORT: ConfigOption<String> = ConfigOption::new(
    "taskmanager.data.port",
    "The port, list or range of ports of the worker's data server.",
)
.with_default("0");
/// The worker's identity.
pub const RESOURCE_ID: ConfigOption<String> = ConfigOption::new(
    "taskmanager.resource-id",
    "The worker's ResourceID; on YARN its container id.",
);
/// CPU cores of a worker; where it is not set, yarn.containers.vcores and then the number of slots count.
pub const CPU_CORES: ConfigOption<f64> = ConfigOption::new(
    "taskmanager.cpu.cores",
    "CPU cores of a worker; where it is not set, yarn.containers.vcores and then the number of slots count.",
);
/// All memory of a worker's process: the size of its container.
pub const TOTAL_PROCESS_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.process.size",
    "All memory of a worker's process: the size of its container.",
)
.with_fallback_keys(&["taskmanager.heap.size"]);
/// An older form of the size of a worker's process, a number of mebibytes.
pub const HEAP_MB: ConfigOption<i32> = ConfigOption::new(
    "taskmanager.heap.mb",
    "An older form of the size of a worker's process, a number of mebibytes.",
);
/// A worker's memory without metaspace and overhead.
pub const TOTAL_FLINK_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.flink.size",
    "A worker's memory without metaspace and overhead.",
);
/// A worker's memory for objects of its own, outside of slots.
pub const FRAMEWORK_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.heap.size",
    "A worker's memory for objects of its own, outside of slots.",
)
.with_default("128m");
/// A worker's native memory of its own, outside of slots.
pub const FRAMEWORK_OFF_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.off-heap.size",
    "A worker's native memory of its own, outside of slots.",
)
.with_default("128m");
/// A worker's memory for objects of its tasks.
pub const TASK_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.task.heap.size",
    "A worker's memory for objects of its tasks.",
);
/// Native memory of a worker's tasks.
pub const TASK_OFF_HEAP: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.task.off-heap.size",
    "Native memory of a worker's tasks.",
)
.with_default("0 bytes");
/// Memory that operators and state take from a budget.
pub const MANAGED_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.managed.size",
    "Memory that operators and state take from a budget.",
)
.with_fallback_keys(&["taskmanager.memory.size"]);
/// The part of total Flink memory that is managed memory where no size is set.
pub const MANAGED_FRACTION: ConfigOption<f32> = ConfigOption::new(
    "taskmanager.memory.managed.fraction",
    "The part of total Flink memory that is managed memory where no size is set.",
)
.with_default("0.4");
/// The least memory for buffers of the exchange.
pub const NETWORK_MIN: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.network.min",
    "The least memory for buffers of the exchange.",
)
.with_fallback_keys(&["taskmanager.network.memory.min"])
.with_default("64m");
/// The most memory for buffers of the exchange.
pub const NETWORK_MAX: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.network.max",
    "The most memory for buffers of the exchange.",
)
.with_fallback_keys(&["taskmanager.network.memory.max"])
.with_default("9223372036854775807 bytes");
/// The part of total Flink memory for buffers of the exchange.
pub const NETWORK_FRACTION: ConfigOption<f32> = ConfigOption::new(
    "taskmanager.memory.network.fraction",
    "The part of total Flink memory for buffers of the exchange.",
)
.with_fallback_keys(&["taskmanager.network.memory.fraction"])
.with_default("0.1");
/// The number of network buffers; counts only where minimum, maximum and fraction of network memory are not set.
pub const NETWORK_NUM_BUFFERS: ConfigOption<i32> = ConfigOption::new(
    "taskmanager.network.numberOfBuffers",
    "The number of network buffers; counts only where minimum, maximum and fraction of network memory are not set.",
)
.with_default("2048");
/// A worker's memory for code; the name is Flink's.
pub const JVM_METASPACE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.jvm-metaspace.size",
    "A worker's memory for code; the name is Flink's.",
)
.with_default("256m");
/// The least memory for stacks and native allocations of a worker.
pub const JVM_OVERHEAD_MIN: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.jvm-overhead.min",
    "The least memory for stacks and native allocations of a worker.",
)
.with_default("192m");
/// The most memory for stacks and native allocations of a worker.
pub const JVM_OVERHEAD_MAX: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.jvm-overhead.max",
    "The most memory for stacks and native allocations of a worker.",
)
.with_default("1g");
/// The part of total process memory for stacks and native allocations of a worker.
pub const JVM_OVERHEAD_FRACTION: ConfigOption<f32> = ConfigOption::new(
    "taskmanager.memory.jvm-overhead.fraction",
    "The part of total process memory for stacks and native allocations of a worker.",
)
.with_default("0.1");
/// Memory for reading blocking results, within the framework's off-heap memory.
pub const BATCH_SHUFFLE_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.off-heap.batch-shuffle.size",
    "Memory for reading blocking results, within the framework's off-heap memory.",
)
.with_default("64m");
/// The size of a network buffer.
pub const SEGMENT_SIZE: ConfigOption<MemorySize> =
    ConfigOption::new("taskmanager.memory.segment-size", "The size of a network buffer.").with_default("32kb");
/// The least size of a network buffer.
pub const MIN_SEGMENT_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.min-segment-size",
    "The least size of a network buffer.",
)
.with_default("256 bytes");
/// How the managed memory of a slot is divided between kinds of consumers.
pub const MANAGED_CONSUMER_WEIGHTS: ConfigOption<String> = ConfigOption::new(
    "taskmanager.memory.managed.consumer-weights",
    "How the managed memory of a slot is divided between kinds of consumers.",
)
.with_default("OPERATOR:70,STATE_BACKEND:70,PYTHON:30");
/// How long a slot may be allocated without being taken by its job.
pub const SLOT_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.slot.timeout",
    "How long a slot may be allocated without being taken by its job.",
)
.with_default("10 s");
/// How long a worker lives without a ResourceManager.
pub const REGISTRATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.registration.timeout",
    "How long a worker tries to reach a ResourceManager before it ends itself.",
)
.with_default("5 min");
/// How long a cancelled task may take to end.
pub const TASK_CANCELLATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "task.cancellation.timeout",
    "How long a cancelled task may take to end before its worker is given up.",
)
.with_default("180 s");
