//! Workers of other sizes than the usual one, pure: for slots that it has no room for.

use selvedge_core::Configuration;
use selvedge_core::config::options::taskmanager;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::{WorkerResourceSpec, YarnExternalResources};
use yarn_common::resource::Resource;

use crate::resourcemanager::{DriverError, WorkerSpec};
use crate::yarn::shape::WorkerShape;

/// What sizes follow from.
#[derive(Debug, Clone)]
pub(super) struct Sizing {
    /// The settings without the totals, which are those of the usual worker.
    configuration: Configuration,
    names: YarnExternalResources,
}

impl Sizing {
    pub(super) fn new(configuration: &Configuration, names: YarnExternalResources) -> Self {
        let totals = [
            taskmanager::TOTAL_PROCESS_MEMORY.key(),
            taskmanager::TOTAL_FLINK_MEMORY.key(),
            taskmanager::HEAP_MB.key(),
        ];
        let others = configuration.iter().filter(|(key, _)| !totals.contains(key));
        Self {
            configuration: others.collect(),
            names,
        }
    }

    /// The process of a worker of this size, where a container of at most `maximum` can hold it.
    pub(super) fn process_for(
        &self,
        worker: &WorkerResourceSpec,
        maximum: Option<&Resource>,
    ) -> Result<TaskExecutorProcessSpec, DriverError> {
        if let Some(name) = worker
            .total
            .extended
            .keys()
            .find(|name| !self.names.types.contains_key(*name))
        {
            return Err(DriverError(format!(
                "YARN cannot be asked for the external resource {name}: name it in external-resources, and set \
                 external-resource.{name}.yarn.config-key"
            )));
        }
        let process = TaskExecutorProcessSpec::for_worker(&self.configuration, worker);
        let process = process.map_err(|error| DriverError(error.to_string()))?;
        let spec = WorkerSpec {
            process: process.clone(),
        };
        let wanted = WorkerShape::new(spec, &self.names).resource;
        match maximum {
            Some(maximum) if !wanted.fits_in(maximum) => Err(DriverError(format!(
                "its container would be {wanted}, and the largest that the queue gives is {maximum}"
            ))),
            _ => Ok(process),
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::MemorySize;

    use super::*;

    fn sizing() -> Sizing {
        let mut configuration = selvedge_core::config::shipped();
        for (key, value) in [
            ("taskmanager.memory.process.size", "1728m"),
            ("external-resources", "gpu"),
            ("external-resource.gpu.yarn.config-key", "yarn.io/gpu"),
        ] {
            configuration.set_text(key, value);
        }
        let names = YarnExternalResources::read(&configuration).unwrap();
        Sizing::new(&configuration, names)
    }

    fn worker(heap_mb: u64, external: &str) -> WorkerResourceSpec {
        let mut total = selvedge_core::resource::ResourceProfile::ZERO;
        total.cpu_cores = selvedge_core::resource::Quantity::from_whole(2);
        total.task_heap = MemorySize::from_mebibytes(heap_mb);
        total.network = MemorySize::from_mebibytes(64);
        total
            .extended
            .insert(external.to_owned(), selvedge_core::resource::Quantity::from_whole(1));
        WorkerResourceSpec {
            total,
            number_of_slots: 1,
        }
    }

    #[test]
    fn a_worker_of_another_size_is_as_large_as_its_slot_needs_and_no_larger_than_a_container_may_be() {
        let maximum = Resource::new(8192, 4).with_extra("yarn.io/gpu", 1);
        let process = sizing().process_for(&worker(4096, "gpu"), Some(&maximum)).unwrap();
        assert_eq!(WorkerResourceSpec::from(&process), worker(4096, "gpu"));
        assert!(process.total_process() > MemorySize::from_mebibytes(4096));
        for (wanted, maximum, expected) in [
            (
                worker(9000, "gpu"),
                maximum.clone(),
                "the largest that the queue gives is <memory:8192, vCores:4",
            ),
            (
                worker(100, "gpu"),
                Resource::new(8192, 4),
                "the largest that the queue gives",
            ),
            (worker(100, "tpu"), maximum, "external-resource.tpu.yarn.config-key"),
        ] {
            let message = sizing().process_for(&wanted, Some(&maximum)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
