//! The sizes that workers have: the usual one, and those of slots that need more than it.

use std::sync::Arc;

use selvedge_core::resource::ResourceProfile;
use selvedge_core::resource::WorkerResourceSpec;

use super::service::Service;
use super::slot_manager::OwnSizes;
use super::tracker::{Needed, WorkerKind};
use super::{ResourceManagerDriver, WorkerSpec};

/// One size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WorkerSize {
    /// What its slots hold, as such a worker registers.
    pub(super) resources: WorkerResourceSpec,
    /// What the driver is asked for.
    pub(super) spec: WorkerSpec,
}

/// What the driver says of sizes.
pub(super) fn of_driver(driver: Arc<dyn ResourceManagerDriver>) -> Arc<OwnSizes> {
    Arc::new(move |worker| match driver.process_for(worker) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(None),
        Err(error) => Err(Some(error.to_string())),
    })
}

impl Service {
    /// How many workers of each size are needed.
    pub(super) fn needed(&mut self, usual: u32, alone: Vec<(WorkerResourceSpec, u32)>) -> Needed {
        let mut needed = Needed::from([(WorkerKind::USUAL, usual)]);
        for (resources, count) in alone {
            if let Some(kind) = self.kind_with(resources) {
                *needed.entry(kind).or_default() += count;
            }
        }
        needed
    }

    /// The size with these resources, known or new.
    fn kind_with(&mut self, resources: WorkerResourceSpec) -> Option<WorkerKind> {
        if let Some(known) = self.sizes.iter().position(|size| size.resources == resources) {
            return Some(WorkerKind(known));
        }
        // It was planned because the driver said so.
        let process = self.environment.driver.process_for(&resources).ok()??;
        let spec = WorkerSpec { process };
        self.sizes.push(WorkerSize { resources, spec });
        Some(WorkerKind(self.sizes.len() - 1))
    }

    /// The size that was asked for so.
    pub(super) fn kind_of(&self, spec: &WorkerSpec) -> WorkerKind {
        let known = self.sizes.iter().position(|size| size.spec == *spec);
        WorkerKind(known.unwrap_or_default())
    }

    /// The size of a worker with so much in all.
    pub(super) fn kind_of_total(&self, total: &ResourceProfile) -> WorkerKind {
        let known = self.sizes.iter().position(|size| size.resources.total == *total);
        WorkerKind(known.unwrap_or_default())
    }
}
