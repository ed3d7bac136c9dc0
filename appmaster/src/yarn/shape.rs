//! What the container of a worker is made of.

use std::collections::BTreeMap;

use selvedge_core::config::options::taskmanager;
use selvedge_core::resource::{YarnContainer, YarnExternalResources};
use yarn_common::resource::Resource;

use crate::resourcemanager::WorkerSpec;

/// The size of a worker's container and the settings that go with it. Workers of one shape are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerShape {
    /// What YARN is asked for.
    pub(super) resource: Resource,
    /// The memory model as settings of the worker.
    pub(super) properties: BTreeMap<String, String>,
    /// The worker, as it was asked for.
    pub(super) spec: WorkerSpec,
}

impl WorkerShape {
    /// What YARN is asked for so that a worker of `spec` fits, and what makes the worker of it.
    pub(super) fn new(spec: WorkerSpec, names: &YarnExternalResources) -> Self {
        let process = &spec.process;
        let YarnContainer {
            memory_mb,
            vcores,
            extended: extra,
        } = YarnContainer::of(process, names);
        let parts = process.clone().with_whole_cores().to_dynamic_properties();
        // The totals of the usual worker are not those of every other one.
        let totals = [
            (taskmanager::TOTAL_PROCESS_MEMORY.key(), process.total_process()),
            (taskmanager::TOTAL_FLINK_MEMORY.key(), process.total_flink()),
        ];
        let totals = totals.map(|(key, size)| (key.to_owned(), format!("{}b", size.bytes())));
        Self {
            resource: Resource {
                memory_mb,
                vcores,
                extra,
            },
            properties: parts.into_iter().chain(totals).collect(),
            spec,
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::TaskExecutorProcessSpec;
    use selvedge_core::config::shipped;

    use super::*;

    fn shape(spec: &TaskExecutorProcessSpec) -> WorkerShape {
        let process = spec.clone();
        WorkerShape::new(WorkerSpec { process }, &YarnExternalResources::default())
    }

    #[test]
    fn the_container_is_as_large_as_the_process() {
        let mut configuration = shipped();
        configuration.set_text("taskmanager.memory.process.size", "1728m");
        let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        let shape = shape(&spec);
        assert_eq!(shape.resource, Resource::new(1728, 1));
        assert_eq!(shape.properties["taskmanager.numberOfTaskSlots"], "1");
    }

    #[test]
    fn the_settings_of_a_shape_make_the_worker_as_large() {
        let mut configuration = shipped();
        configuration.set_text("taskmanager.numberOfTaskSlots", "3");
        let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        let told = shape(&spec).properties.into_iter().collect();
        assert_eq!(TaskExecutorProcessSpec::derive(&told).unwrap(), spec);
    }

    #[test]
    fn a_worker_of_another_size_is_not_bound_by_the_totals_of_the_usual_one() {
        let mut configuration = shipped();
        configuration.set_text("taskmanager.memory.process.size", "1728m");
        let mut spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        spec.task_heap = selvedge_core::MemorySize::from_mebibytes(4096);
        for (key, value) in shape(&spec).properties {
            configuration.set_text(&key, &value);
        }
        assert_eq!(TaskExecutorProcessSpec::derive(&configuration).unwrap(), spec);
    }

    #[test]
    fn external_resources_and_whole_cores_are_asked_of_yarn_by_its_names() {
        let mut configuration = shipped();
        for (key, value) in [
            ("taskmanager.cpu.cores", "1.5"),
            ("external-resources", "gpu;fpga"),
            ("external-resource.gpu.amount", "2"),
            ("external-resource.gpu.yarn.config-key", "yarn.io/gpu"),
            ("external-resource.fpga.amount", "1"),
        ] {
            configuration.set_text(key, value);
        }
        let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        let names = YarnExternalResources::read(&configuration).unwrap();
        let shape = WorkerShape::new(WorkerSpec { process: spec }, &names);
        assert_eq!(shape.resource, Resource::new(512, 2).with_extra("yarn.io/gpu", 2));
        assert_eq!(shape.properties["taskmanager.cpu.cores"], "2.0");
        assert_eq!(shape.properties["external-resources"], "fpga;gpu");
        assert_eq!(shape.properties["external-resource.fpga.amount"], "1");
    }
}
