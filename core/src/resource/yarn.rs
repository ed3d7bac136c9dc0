//! What YARN is asked for.

use std::collections::BTreeMap;

use super::YarnExternalResources;
use crate::memory::TaskExecutorProcessSpec;

/// The container of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YarnContainer {
    /// Memory in whole MiB; the rest is cut, as Flink does.
    pub memory_mb: u64,
    /// Virtual cores, at least 1.
    pub vcores: u32,
    /// Other resources by YARN's names (`yarn.io/gpu`).
    pub extended: BTreeMap<String, u64>,
}

impl YarnContainer {
    /// The container that a worker needs, where `names` says what YARN calls its external resources.
    pub fn of(spec: &TaskExecutorProcessSpec, names: &YarnExternalResources) -> Self {
        Self {
            memory_mb: spec.total_process().mebibytes(),
            vcores: spec.vcores(),
            extended: names.request(&spec.external_resources),
        }
    }
}
