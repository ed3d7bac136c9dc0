//! The memory of the master.

use serde::{Deserialize, Serialize};

use super::arithmetic::{RangeFractionOptions, rest, saturating_sum, sum};
use super::error::{MemoryError, MemoryProblem, ProcessKind};
use super::metaspace_and_overhead::{Basis, ProcessOptions};
use crate::config::options::jobmanager;
use crate::{Configuration, MemorySize};

/// What the master is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobManagerProcessSpec {
    /// Objects.
    pub heap: MemorySize,
    /// Native memory.
    pub off_heap: MemorySize,
    /// Code; the name is Flink's.
    pub jvm_metaspace: MemorySize,
    /// Stacks and native allocations; the name is Flink's.
    pub jvm_overhead: MemorySize,
}

const OPTIONS: ProcessOptions = ProcessOptions {
    parts: &[jobmanager::HEAP],
    total_flink: jobmanager::TOTAL_FLINK_MEMORY,
    total_process: jobmanager::TOTAL_PROCESS_MEMORY,
    heap_mb: jobmanager::HEAP_MB,
    metaspace: jobmanager::JVM_METASPACE,
    overhead: RangeFractionOptions {
        min: jobmanager::JVM_OVERHEAD_MIN,
        max: jobmanager::JVM_OVERHEAD_MAX,
        fraction: jobmanager::JVM_OVERHEAD_FRACTION,
    },
};

impl JobManagerProcessSpec {
    /// Derives the spec from what is configured.
    pub fn derive(configuration: &Configuration) -> Result<Self, MemoryError> {
        derive(configuration).map_err(|problem| MemoryError {
            process: ProcessKind::JobManager,
            problem,
        })
    }

    /// The memory without metaspace and overhead.
    pub fn total_flink(&self) -> MemorySize {
        saturating_sum([self.heap, self.off_heap])
    }

    /// All memory: the size of the container.
    pub fn total_process(&self) -> MemorySize {
        saturating_sum([self.total_flink(), self.jvm_metaspace, self.jvm_overhead])
    }

    /// The settings that make a master derive exactly this spec.
    pub fn to_dynamic_properties(&self) -> Vec<(String, String)> {
        let sizes = [
            (jobmanager::HEAP.key(), self.heap),
            (jobmanager::OFF_HEAP.key(), self.off_heap),
            (jobmanager::JVM_METASPACE.key(), self.jvm_metaspace),
            (jobmanager::JVM_OVERHEAD_MIN.key(), self.jvm_overhead),
            (jobmanager::JVM_OVERHEAD_MAX.key(), self.jvm_overhead),
        ];
        sizes
            .map(|(key, size)| (key.to_owned(), format!("{}b", size.bytes())))
            .into()
    }
}

fn derive(configuration: &Configuration) -> Result<JobManagerProcessSpec, MemoryProblem> {
    let configuration = &*OPTIONS.without_older_forms(configuration)?;
    let (heap, off_heap, outer) = match OPTIONS.basis(configuration)? {
        Basis::Parts => {
            let (heap, off_heap) = from_heap(configuration)?;
            (heap, off_heap, None)
        }
        Basis::TotalFlink(total) => {
            let (heap, off_heap) = from_total(configuration, total)?;
            (heap, off_heap, None)
        }
        Basis::TotalProcess(total, outer) => {
            let (heap, off_heap) = from_total(configuration, total)?;
            (heap, off_heap, Some(outer))
        }
    };
    let outer = match outer {
        Some(outer) => outer,
        None => OPTIONS.beside_flink(configuration, sum([heap, off_heap])?)?,
    };
    Ok(JobManagerProcessSpec {
        heap,
        off_heap,
        jvm_metaspace: outer.metaspace,
        jvm_overhead: outer.overhead,
    })
}

fn from_heap(configuration: &Configuration) -> Result<(MemorySize, MemorySize), MemoryProblem> {
    let heap = configuration.get(&jobmanager::HEAP)?;
    let off_heap = configuration.get(&jobmanager::OFF_HEAP)?;
    let Some(total) = configuration.find(&jobmanager::TOTAL_FLINK_MEMORY)? else {
        return Ok((heap, off_heap));
    };
    if configuration.contains(&jobmanager::OFF_HEAP) {
        return match sum([heap, off_heap])? == total {
            true => Ok((heap, off_heap)),
            false => Err(MemoryProblem::HeapAndOffHeapMismatch { heap, off_heap, total }),
        };
    }
    match rest(total, heap) {
        Some(off_heap) => Ok((heap, off_heap)),
        None => Err(MemoryProblem::HeapExceedsFlink { heap, total }),
    }
}

fn from_total(configuration: &Configuration, total: MemorySize) -> Result<(MemorySize, MemorySize), MemoryProblem> {
    let off_heap = configuration.get(&jobmanager::OFF_HEAP)?;
    match rest(total, off_heap) {
        Some(heap) if heap.bytes() > 0 => Ok((heap, off_heap)),
        _ => Err(MemoryProblem::FlinkBelowOffHeap {
            total,
            off_heap,
            total_key: jobmanager::TOTAL_FLINK_MEMORY.key(),
        }),
    }
}
