//! Resources and priorities.

use yarn_common::resource::{Priority, Resource};

use super::ConversionError;
use crate::proto::yarn::{PriorityProto, ResourceInformationProto, ResourceProto, ResourceTypesProto};

const MEMORY: &str = "memory-mb";
const VCORES: &str = "vcores";

impl From<&Resource> for ResourceProto {
    /// As Java writes it: memory and cores stand in the list of all types too.
    fn from(resource: &Resource) -> Self {
        let memory = to_signed(resource.memory_mb);
        let cores = i32::try_from(resource.vcores).unwrap_or(i32::MAX);
        let mut types = vec![information(MEMORY, memory, "Mi"), information(VCORES, cores.into(), "")];
        types.extend(
            resource
                .extra
                .iter()
                .map(|(name, amount)| information(name, to_signed(*amount), "")),
        );
        Self {
            memory: Some(memory),
            virtual_cores: Some(cores),
            resource_value_map: types,
        }
    }
}

fn to_signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

fn information(key: &str, value: i64, units: &str) -> ResourceInformationProto {
    ResourceInformationProto {
        key: key.to_owned(),
        value: Some(value),
        units: Some(units.to_owned()),
        r#type: Some(ResourceTypesProto::Countable.into()),
        ..Default::default()
    }
}

impl TryFrom<ResourceProto> for Resource {
    type Error = ConversionError;

    /// Negative amounts, which a headroom may hold, count as nothing.
    fn try_from(resource: ResourceProto) -> Result<Self, ConversionError> {
        let amount = |value: Option<i64>| u64::try_from(value.unwrap_or_default()).unwrap_or_default();
        let memory = amount(resource.memory);
        let cores = u32::try_from(resource.virtual_cores.unwrap_or_default()).unwrap_or_default();
        let others = resource
            .resource_value_map
            .into_iter()
            .filter(|entry| entry.key != MEMORY && entry.key != VCORES);
        Ok(others.fold(Self::new(memory, cores), |resource, entry| {
            let value = amount(entry.value);
            resource.with_extra(entry.key, value)
        }))
    }
}

impl From<Priority> for PriorityProto {
    fn from(priority: Priority) -> Self {
        Self {
            priority: Some(priority.0),
        }
    }
}

impl From<PriorityProto> for Priority {
    fn from(priority: PriorityProto) -> Self {
        Self(priority.priority.unwrap_or_default())
    }
}
