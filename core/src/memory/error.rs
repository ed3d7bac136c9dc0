//! Why a memory configuration does not work.

use std::fmt;

use thiserror::Error;

use crate::MemorySize;
use crate::config::ConfigError;

/// A memory configuration that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{process} memory configuration failed ({}): {problem}", problem.id())]
pub struct MemoryError {
    /// Whose memory.
    pub process: ProcessKind,
    /// What is wrong.
    pub problem: MemoryProblem,
}

/// Whose memory is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessKind {
    /// A worker.
    TaskManager,
    /// The master.
    JobManager,
}

impl fmt::Display for ProcessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TaskManager => "TaskManager",
            Self::JobManager => "JobManager",
        })
    }
}

/// What is wrong with a memory configuration. The texts name the options by key and the sizes in units and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MemoryProblem {
    /// Nothing is configured to start from.
    #[error(
        "either the parts ({parts}), or the total Flink memory ({total_flink}), or the total process memory \
         ({total_process}) must be set"
    )]
    NothingConfigured {
        /// The keys of the parts, joined by "and".
        parts: String,
        /// The key of the total Flink memory.
        total_flink: &'static str,
        /// The key of the total process memory.
        total_process: &'static str,
    },
    /// The process is too small for what does not belong to Flink memory.
    #[error(
        "the sum of JVM metaspace ({}) and JVM overhead ({}) exceeds the configured total process memory ({}); raise {key}",
        human(*metaspace), human(*overhead), human(*process)
    )]
    ProcessBelowOverhead {
        /// JVM metaspace.
        metaspace: MemorySize,
        /// JVM overhead.
        overhead: MemorySize,
        /// What is configured.
        process: MemorySize,
        /// The key to raise.
        key: &'static str,
    },
    /// The parts, with a configured task heap, are more than the total Flink memory.
    #[error(
        "the sum of {} exceeds the total Flink memory ({}); raise the total or lower a part",
        list(parts), human(*total)
    )]
    PartsExceedFlink {
        /// Name and size of each part.
        parts: Vec<(&'static str, MemorySize)>,
        /// The total.
        total: MemorySize,
    },
    /// The parts leave nothing of the total Flink memory for the task heap.
    #[error(
        "the sum of {} exceeds the total Flink memory ({}) and leaves nothing for the task heap; raise the total or lower a part",
        list(parts), human(*total)
    )]
    NoTaskHeapLeft {
        /// Name and size of each part.
        parts: Vec<(&'static str, MemorySize)>,
        /// The total.
        total: MemorySize,
    },
    /// Total Flink memory and heap are set, and what they leave for the network is out of range.
    #[error(
        "with total Flink memory ({}) and task heap ({}) set, network memory is what is left, {}, and that is not \
         between {min_key} ({}) and {max_key} ({}); change one of them",
        human(*total), human(*task_heap), human(*network), human(*min), human(*max)
    )]
    NetworkOutOfRange {
        /// Total Flink memory.
        total: MemorySize,
        /// Task heap.
        task_heap: MemorySize,
        /// What is left.
        network: MemorySize,
        /// The least.
        min: MemorySize,
        /// Its key.
        min_key: &'static str,
        /// The most.
        max: MemorySize,
        /// Its key.
        max_key: &'static str,
    },
    /// The same with a configured number of buffers.
    #[error(
        "the network memory that is left ({}) is not the configured one ({}), which {buffers_key} and {segment_key} make",
        human(*network), human(*configured)
    )]
    NetworkBuffersMismatch {
        /// What is left.
        network: MemorySize,
        /// Buffers times their size.
        configured: MemorySize,
        /// The key of the number of buffers.
        buffers_key: &'static str,
        /// The key of the size of a buffer.
        segment_key: &'static str,
    },
    /// The parts do not make the configured total Flink memory.
    #[error("the sum of {} is not the configured total Flink memory ({})", list(parts), human(*total))]
    SumMismatch {
        /// Name and size of each part.
        parts: Vec<(&'static str, MemorySize)>,
        /// What is configured.
        total: MemorySize,
    },
    /// The process is smaller than what it must hold.
    #[error(
        "the configured total process memory ({}) is less than the sum of the derived total Flink memory ({}) and \
         JVM metaspace ({}); raise {key}",
        human(*process), human(*flink), human(*metaspace)
    )]
    ProcessBelowFlink {
        /// What is configured.
        process: MemorySize,
        /// Total Flink memory.
        flink: MemorySize,
        /// JVM metaspace.
        metaspace: MemorySize,
        /// The key to raise.
        key: &'static str,
    },
    /// What is left for the overhead is out of range.
    #[error(
        "the JVM overhead that is left ({}) is not between {min_key} ({}) and {max_key} ({}); change one of them, or leave \
         total process memory or total Flink memory away",
        human(*overhead), human(*min), human(*max)
    )]
    OverheadOutOfRange {
        /// What is left.
        overhead: MemorySize,
        /// The least.
        min: MemorySize,
        /// Its key.
        min_key: &'static str,
        /// The most.
        max: MemorySize,
        /// Its key.
        max_key: &'static str,
    },
    /// The master's heap and off-heap memory are not its total Flink memory.
    #[error(
        "the sum of heap ({}) and off-heap memory ({}) is not the configured total Flink memory ({}); leave one of the three away",
        human(*heap), human(*off_heap), human(*total)
    )]
    HeapAndOffHeapMismatch {
        /// The heap.
        heap: MemorySize,
        /// Off-heap memory.
        off_heap: MemorySize,
        /// What is configured.
        total: MemorySize,
    },
    /// The master's heap is more than its total Flink memory.
    #[error(
        "the heap ({}) exceeds the total Flink memory ({}); leave one of the two away, or raise the total",
        human(*heap), human(*total)
    )]
    HeapExceedsFlink {
        /// The heap.
        heap: MemorySize,
        /// Total Flink memory.
        total: MemorySize,
    },
    /// The master's total Flink memory leaves no heap.
    #[error("the total Flink memory ({}) does not exceed the off-heap memory ({}); raise {total_key} or the process", human(*total), human(*off_heap))]
    FlinkBelowOffHeap {
        /// Total Flink memory.
        total: MemorySize,
        /// Off-heap memory.
        off_heap: MemorySize,
        /// The key of the total.
        total_key: &'static str,
    },
    /// A fraction, minimum or maximum contradicts itself.
    #[error("inconsistently configured: {0}")]
    Fraction(String),
    /// An option cannot be read.
    #[error("cannot read an option: {0}")]
    Option(ConfigError),
    /// The size of a network buffer is none that Flink takes.
    #[error("{key} is {}; it must be a power of two from 4096 bytes to 1 gb", human(*segment))]
    SegmentSize {
        /// What is configured.
        segment: MemorySize,
        /// Its key.
        key: &'static str,
    },
    /// No CPU.
    #[error("{key}: '{value}' is not a positive number; a worker needs a CPU, so write {remedy}")]
    NoCpu {
        /// What is configured.
        value: String,
        /// Its key.
        key: &'static str,
        /// A value that works.
        remedy: &'static str,
    },
    /// A sum is more than a size can be.
    #[error("the sizes add up to more than {}; lower one of them", human(MemorySize::MAX))]
    Overflow,
}

impl MemoryProblem {
    /// The problem's name in the documentation (`docs/memory.md`): `E0` to `E13` in the order of Flink's checks, and three
    /// that have no number there.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::NothingConfigured { .. } => "E0",
            Self::ProcessBelowOverhead { .. } => "E1",
            Self::PartsExceedFlink { .. } => "E2",
            Self::NoTaskHeapLeft { .. } => "E3",
            Self::NetworkOutOfRange { .. } => "E4",
            Self::NetworkBuffersMismatch { .. } => "E5",
            Self::SumMismatch { .. } => "E6",
            Self::ProcessBelowFlink { .. } => "E7",
            Self::OverheadOutOfRange { .. } => "E8",
            Self::HeapAndOffHeapMismatch { .. } => "E9",
            Self::HeapExceedsFlink { .. } => "E10",
            Self::FlinkBelowOffHeap { .. } => "E11",
            Self::Option(_) => "E12",
            Self::Fraction(_) => "E13",
            Self::SegmentSize { .. } => "SEGMENT",
            Self::NoCpu { .. } => "CPU",
            Self::Overflow => "OVERFLOW",
        }
    }
}

fn list(parts: &[(&'static str, MemorySize)]) -> String {
    let mut texts: Vec<_> = parts
        .iter()
        .map(|(name, size)| format!("{name} ({})", human(*size)))
        .collect();
    let last = texts.pop().unwrap_or_default();
    match texts.is_empty() {
        true => last,
        false => format!("{} and {last}", texts.join(", ")),
    }
}

/// Flink's text for people: `1.688gb (1811939328 bytes)`.
pub(super) fn human(size: MemorySize) -> String {
    let bytes = size.bytes();
    let unit = [("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)]
        .into_iter()
        .find(|(_, shift)| bytes > 1 << shift);
    match unit {
        Some((name, shift)) => format!("{:.3}{name} ({bytes} bytes)", bytes as f64 / (1_u64 << shift) as f64),
        None => format!("{bytes} bytes"),
    }
}
