//! What the container of a worker is made of.

use std::collections::BTreeMap;

use selvedge_core::TaskExecutorProcessSpec;
use yarn_common::resource::Resource;

/// The size of a worker's container and the settings that go with it. Workers of one shape are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerShape {
    /// What YARN is asked for.
    pub(super) resource: Resource,
    /// The memory model as settings of the worker.
    pub(super) properties: BTreeMap<String, String>,
}

impl From<&TaskExecutorProcessSpec> for WorkerShape {
    fn from(spec: &TaskExecutorProcessSpec) -> Self {
        Self {
            // Whole mebibytes, as Flink asks.
            resource: Resource::new(spec.total_process().mebibytes(), spec.vcores()),
            properties: spec.to_dynamic_properties().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::config::shipped;

    use super::*;

    #[test]
    fn the_container_is_as_large_as_the_process() {
        let mut configuration = shipped();
        configuration.set_text("taskmanager.memory.process.size", "1728m");
        let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        let shape = WorkerShape::from(&spec);
        assert_eq!(shape.resource, Resource::new(1728, 1));
        assert_eq!(shape.properties["taskmanager.numberOfTaskSlots"], "1");
    }

    #[test]
    fn the_settings_of_a_shape_make_the_worker_as_large() {
        let mut configuration = shipped();
        configuration.set_text("taskmanager.numberOfTaskSlots", "3");
        let spec = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        let told = WorkerShape::from(&spec).properties.into_iter().collect();
        assert_eq!(TaskExecutorProcessSpec::derive(&told).unwrap(), spec);
    }
}
