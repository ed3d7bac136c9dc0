//! Options of the master.

use super::super::ConfigOption;
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
.with_fallback_keys(&["jobmanager.heap.size"]);
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
.with_default("false");
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
.with_default("0.1");
/// The port, list or range of ports of the master's RPC server.
pub const RPC_PORT: ConfigOption<String> = ConfigOption::new(
    "jobmanager.rpc.port",
    "The port, list or range of ports of the master's RPC server.",
)
.with_default("6123");
