//! Options of the worker.

use std::time::Duration;

use super::super::ConfigOption;
use crate::MemorySize;
use crate::memory::ConsumerWeights;

pub use super::task::{TASK_CANCELLATION_INTERVAL, TASK_CANCELLATION_TIMEOUT};

/// Slots of a worker.
pub const NUMBER_OF_TASK_SLOTS: ConfigOption<u32> =
    ConfigOption::new("taskmanager.numberOfTaskSlots", "The slots of a worker.")
        .with_default("1")
        .at_least("1");
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
)
.with_unit("cores")
.at_least("0");
/// All memory of a worker's process: the size of its container.
pub const TOTAL_PROCESS_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.process.size",
    "All memory of a worker's process: the size of its container.",
)
.with_deprecated_keys(&["taskmanager.heap.size"]);
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
.with_deprecated_keys(&["taskmanager.memory.size"]);
/// The part of total Flink memory that is managed memory where no size is set.
pub const MANAGED_FRACTION: ConfigOption<f32> = ConfigOption::new(
    "taskmanager.memory.managed.fraction",
    "The part of total Flink memory that is managed memory where no size is set.",
)
.with_default("0.4")
.fraction();
/// The least memory for buffers of the exchange.
pub const NETWORK_MIN: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.network.min",
    "The least memory for buffers of the exchange.",
)
.with_default("64m")
.with_deprecated_keys(&["taskmanager.network.memory.min"]);
/// The most memory for buffers of the exchange.
pub const NETWORK_MAX: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.network.max",
    "The most memory for buffers of the exchange.",
)
.with_default("9223372036854775807 bytes")
.with_deprecated_keys(&["taskmanager.network.memory.max"]);
/// The part of total Flink memory for buffers of the exchange.
pub const NETWORK_FRACTION: ConfigOption<f32> = ConfigOption::new(
    "taskmanager.memory.network.fraction",
    "The part of total Flink memory for buffers of the exchange.",
)
.with_default("0.1")
.with_deprecated_keys(&["taskmanager.network.memory.fraction"])
.fraction();
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
.with_default("0.1")
.fraction();
/// Memory for reading blocking results, within the framework's off-heap memory.
pub const BATCH_SHUFFLE_MEMORY: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.framework.off-heap.batch-shuffle.size",
    "Memory for reading blocking results, within the framework's off-heap memory.",
)
.with_default("64m")
.not_in_effect();
/// The size of a network buffer.
pub const SEGMENT_SIZE: ConfigOption<MemorySize> =
    ConfigOption::new("taskmanager.memory.segment-size", "The size of a network buffer.").with_default("32kb");
/// The least size of a network buffer.
pub const MIN_SEGMENT_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "taskmanager.memory.min-segment-size",
    "The least size of a network buffer.",
)
.with_default("256 bytes")
.not_in_effect();
/// How the managed memory of a slot is divided between kinds of consumers.
pub const MANAGED_CONSUMER_WEIGHTS: ConfigOption<ConsumerWeights> = ConfigOption::new(
    "taskmanager.memory.managed.consumer-weights",
    "How the managed memory of a slot is divided between kinds of consumers.",
)
.with_default("OPERATOR:70,STATE_BACKEND:70,PYTHON:30");
/// Whether slots are spread over workers.
pub const LOAD_BALANCE_MODE: ConfigOption<String> = ConfigOption::new(
    "taskmanager.load-balance.mode",
    "Whether slots are spread over workers: SLOTS takes the least utilised worker; not set is \
     cluster.evenly-spread-out-slots.",
)
.with_default("NONE")
.one_of(&["NONE", "SLOTS"]);
/// How long a slot may be allocated without being taken by its job.
pub const SLOT_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.slot.timeout",
    "How long a slot may be allocated without being taken by its job.",
)
.with_default("10 s")
.with_fallback_keys(&["pekko.ask.timeout"]);
/// How long a worker lives without a ResourceManager.
pub const REGISTRATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.registration.timeout",
    "How long a worker tries to reach a ResourceManager before it ends itself.",
)
.with_default("5 min")
.with_deprecated_keys(&["taskmanager.maxRegistrationDuration"]);

area! {
    "taskmanager", "The worker: slots, memory, network";
    options {
        NUMBER_OF_TASK_SLOTS, BIND_HOST, RPC_PORT, DATA_PORT, RESOURCE_ID, CPU_CORES, TOTAL_PROCESS_MEMORY,
        HEAP_MB, TOTAL_FLINK_MEMORY, FRAMEWORK_HEAP, FRAMEWORK_OFF_HEAP, TASK_HEAP, TASK_OFF_HEAP, MANAGED_MEMORY,
        MANAGED_FRACTION, NETWORK_MIN, NETWORK_MAX, NETWORK_FRACTION, NETWORK_NUM_BUFFERS, JVM_METASPACE,
        JVM_OVERHEAD_MIN, JVM_OVERHEAD_MAX, JVM_OVERHEAD_FRACTION, BATCH_SHUFFLE_MEMORY, SEGMENT_SIZE,
        MIN_SEGMENT_SIZE, MANAGED_CONSUMER_WEIGHTS, LOAD_BALANCE_MODE, SLOT_TIMEOUT, REGISTRATION_TIMEOUT,
    }
    not yet {
        /// The port for collecting results.
        "taskmanager.collect-sink.port": Integer = "0";
        /// The port that the data server binds to, where it is not the one that others use.
        "taskmanager.data.bind-port": Text;
        /// Whether data between workers is encrypted where internal encryption is on.
        "taskmanager.data.ssl.enabled": Boolean = "true";
        /// The name under which others reach the worker.
        "taskmanager.host": Text;
        /// The path of the worker's log.
        "taskmanager.log.path": Text;
        /// Whether blocking results are compressed.
        "taskmanager.network.batch-shuffle.compression.enabled": Boolean = "true"
            formerly "taskmanager.network.blocking-shuffle.compression.enabled";
        /// Whether a worker is known by its name or its address.
        "taskmanager.network.bind-policy": Choice["name", "ip"] = "ip";
        /// How blocking results are read.
        "taskmanager.network.blocking-shuffle.type": Choice["file", "mmap", "auto"] = "file";
        /// How blocking results are compressed.
        "taskmanager.network.compression.codec": Choice["LZ4", "LZO", "ZSTD"] = "LZ4";
        /// Whether queues of the network are measured.
        "taskmanager.network.detailed-metrics": Boolean = "false";
        /// Whether hybrid results use tiers.
        "taskmanager.network.hybrid-shuffle.enable-new-mode": Boolean = "true";
        /// How much of a hybrid result's index stays in memory.
        "taskmanager.network.hybrid-shuffle.num-retained-in-memory-regions-max": Integer = "1048576";
        /// The remote directory of hybrid results.
        "taskmanager.network.hybrid-shuffle.remote.path": Text;
        /// In which pieces that index is spilled.
        "taskmanager.network.hybrid-shuffle.spill-index-region-group-size": Integer = "1024" in "bytes"
            formerly "taskmanager.network.hybrid-shuffle.spill-index-segment-size";
        /// How many connections lead from one worker to another.
        "taskmanager.network.max-num-tcp-connections": Integer = "1";
        /// Whether buffers shrink so that they hold no more than some time's data.
        "taskmanager.network.memory.buffer-debloat.enabled": Boolean = "false";
        /// How often their size is computed.
        "taskmanager.network.memory.buffer-debloat.period": Duration = "200 ms";
        /// Over how many values the throughput is smoothed.
        "taskmanager.network.memory.buffer-debloat.samples": Integer = "20";
        /// How much time's data buffers should hold.
        "taskmanager.network.memory.buffer-debloat.target": Duration = "1 s";
        /// The least change of their size.
        "taskmanager.network.memory.buffer-debloat.threshold-percentages": Integer = "25" in "percent";
        /// Buffers that each channel has for itself.
        "taskmanager.network.memory.buffers-per-channel": Integer = "2";
        /// How long a task waits for its first buffers.
        "taskmanager.network.memory.buffers-request-timeout": Duration = "30 s"
            formerly "taskmanager.network.memory.exclusive-buffers-request-timeout-ms";
        /// Buffers that the channels of a gate share.
        "taskmanager.network.memory.floating-buffers-per-gate": Integer = "8";
        /// The most buffers of an outgoing channel.
        "taskmanager.network.memory.max-buffers-per-channel": Integer = "10";
        /// Buffers beyond the limit that let a task end its record.
        "taskmanager.network.memory.max-overdraft-buffers-per-gate": Integer = "5";
        /// The most buffers that a gate demands before it starts.
        "taskmanager.network.memory.read-buffer.required-per-gate.max": Integer;
        /// How long a result may be waited for.
        "taskmanager.network.partition-request-timeout": Duration = "10 s";
        /// The first pause before a result is asked for again.
        "taskmanager.network.request-backoff.initial": Integer = "100" in "ms"
            formerly "taskmanager.net.request-backoff.initial";
        /// The longest such pause.
        "taskmanager.network.request-backoff.max": Integer = "10000" in "ms"
            formerly "taskmanager.net.request-backoff.max";
        /// How often a connection to another worker is tried again.
        "taskmanager.network.retries": Integer = "0";
        /// The least buffers for writing a sorted result.
        "taskmanager.network.sort-shuffle.min-buffers": Integer = "512";
        /// From which parallelism on results are sorted.
        "taskmanager.network.sort-shuffle.min-parallelism": Integer = "1";
        /// Whether connections between workers outlive a job.
        "taskmanager.network.tcp-connection.enable-reuse-across-jobs": Boolean = "true";
        /// The port that the control server binds to, where it is not the one that others use.
        "taskmanager.rpc.bind-port": Integer;
        /// How long opening a file may take; 0 is for ever.
        "taskmanager.runtime.fs-timeout": Duration = "0 ms" formerly "taskmanager.runtime.fs_timeout";
        /// Whether hash joins filter what they spill.
        "taskmanager.runtime.hashjoin-bloom-filters": Boolean = "false";
        /// Whether sorting keeps large records apart.
        "taskmanager.runtime.large-record-handler": Boolean = "false";
        /// How many spilled files are merged at once.
        "taskmanager.runtime.max-fan": Integer = "128";
        /// How full memory is when sorting begins to spill.
        "taskmanager.runtime.sort-spilling-threshold": Fraction = "0.8";
    }
}
