use serde::Deserialize;
use serde_json::Value;
use yarn_common::id::ApplicationId;
use yarn_common::resource::Resource;

use super::Extra;
use crate::lenient;

/// An amount of resources as YARN's web interfaces write it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceInfo {
    /// Memory in MiB.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub memory: Option<u64>,
    /// Cores.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub v_cores: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Deserialize)]
struct ResourceInformation {
    name: String,
    #[serde(default, deserialize_with = "lenient::unsigned")]
    value: Option<u64>,
}

impl ResourceInfo {
    /// The same, with other resource types by name. A number of cores above `u32` is cut off there.
    pub fn to_resource(&self) -> Resource {
        let mut resource = Resource::new(
            self.memory.unwrap_or(0),
            u32::try_from(self.v_cores.unwrap_or(0)).unwrap_or(u32::MAX),
        );
        let informations = self.extra.get("resourceInformations").cloned().unwrap_or(Value::Null);
        let wrapped = serde_json::json!({ "resourceInformations": informations });
        let types: Vec<ResourceInformation> =
            lenient::items_of(wrapped, "resourceInformations", "resourceInformation").unwrap_or_default();
        for information in types {
            if !matches!(information.name.as_str(), "memory-mb" | "vcores") {
                resource.extra.insert(information.name, information.value.unwrap_or(0));
            }
        }
        resource
    }
}

/// A new application id, and the largest container that the cluster gives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct NewApplication {
    /// The id to submit with.
    pub application_id: ApplicationId,
    /// The largest container; see [`maximum_capability`](Self::maximum_capability).
    pub maximum_resource_capability: ResourceInfo,
}

impl NewApplication {
    /// The largest container that the cluster gives.
    pub fn maximum_capability(&self) -> Resource {
        self.maximum_resource_capability.to_resource()
    }
}
