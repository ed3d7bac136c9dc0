use serde::Deserialize;
use serde_json::Value;
use yarn_common::id::ApplicationId;
use yarn_common::resource::{Resource, ResourceError};

use super::Extra;
use crate::lenient;

/// An amount of resources as YARN's web interfaces write it.
///
/// `{"memory":8192,"vCores":4,
/// "resourceInformations":{"resourceInformation":[{"name":"yarn.io/gpu","units":"","value":2}]}}`
///
/// Source: `ResourceInfo`.
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
///
/// `{"application-id":"application_…","maximum-resource-capability":{"memory":8192,"vCores":4}}`
///
/// Source: `NewApplication`; ResourceManagerRest.md, "Cluster New Application API".
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

    /// Whether the cluster has all resource types of `resource`, and a container so large.
    ///
    /// # Errors
    /// [`ResourceError::UnknownType`] with the types that there are; [`ResourceError::TooLarge`] with the amount.
    pub fn check(&self, resource: &Resource) -> Result<(), ResourceError> {
        let maximum = self.maximum_capability();
        let known = ["memory-mb", "vcores"].into_iter();
        resource.check_types(known.chain(maximum.extra.keys().map(String::as_str)))?;
        let amounts = [
            ("memory", resource.memory_mb, maximum.memory_mb),
            ("number of cores", resource.vcores.into(), maximum.vcores.into()),
        ];
        match amounts.into_iter().find(|(_, asked, most)| asked > most) {
            Some((what, asked, _)) => Err(ResourceError::TooLarge {
                what,
                value: i64::try_from(asked).unwrap_or(i64::MAX),
            }),
            None => Ok(()),
        }
    }
}
