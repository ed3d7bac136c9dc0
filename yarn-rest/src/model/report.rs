//! Small answers about applications.

use serde::Deserialize;
use yarn_common::id::{ApplicationAttemptId, ContainerId};

use super::{ApplicationState, Extra, ResourceInfo};
use crate::lenient;

/// How many applications are in a state.
///
/// `{"state":"RUNNING","type":"*","count":3}` (`/appstatistics`)
///
/// Source: `StatisticsItemInfo`; ResourceManagerRest.md, "Cluster Application Statistics API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ApplicationCount {
    /// The state.
    pub state: ApplicationState,
    /// The type in lower case, `*` for all.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub application_type: Option<String>,
    /// How many.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub count: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// When YARN kills an application by itself.
///
/// `{"type":"LIFETIME","expiryTime":"2030-01-01T00:00:00.000+0000","remainingTimeInSeconds":3600}`
///
/// Source: `AppTimeoutInfo`; ResourceManagerRest.md, "Cluster Application Timeout API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApplicationTimeout {
    /// `LIFETIME`: YARN has no other.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// When, in ISO 8601; `UNLIMITED` for never.
    #[serde(default, deserialize_with = "lenient::text")]
    pub expiry_time: Option<String>,
    /// Seconds until then; `None` for never.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub remaining_time_in_seconds: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The report of one attempt: `/apps/{id}/appattempts/{attempt}`.
///
/// `{"appAttemptId":"appattempt_…","host":"h","rpcPort":"1234","trackingUrl":"…","appAttemptState":"RUNNING",…}`
///
/// Source: `AppAttemptInfo` of `hadoop-yarn-server-common`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttemptReport {
    /// The attempt.
    pub app_attempt_id: ApplicationAttemptId,
    /// `LAUNCHED`, `RUNNING`, `FAILED`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub app_attempt_state: Option<String>,
    /// The host that the ApplicationMaster registered; `N/A` before.
    #[serde(default, deserialize_with = "lenient::text")]
    pub host: Option<String>,
    /// The port that it registered.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub rpc_port: Option<u64>,
    /// Its web page, mostly through the proxy.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tracking_url: Option<String>,
    /// Why it waits or failed.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostics_info: Option<String>,
    /// The container of the ApplicationMaster.
    #[serde(default, deserialize_with = "lenient::id")]
    pub am_container_id: Option<ContainerId>,
    /// When it started, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub started_time: Option<u64>,
    /// When it ended, in milliseconds since the epoch; 0 if not yet.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub finished_time: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Something that an application waits for.
///
/// `{"priority":1,"resourceName":"*","capability":{"memory":1024,"vCores":1},"numContainers":2,"relaxLocality":true,…}`
///
/// Source: `ResourceRequestInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceRequestInfo {
    /// The priority; the lower is served first.
    #[serde(default, deserialize_with = "lenient::signed")]
    pub priority: Option<i64>,
    /// A host, a rack or `*`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub resource_name: Option<String>,
    /// What each container needs.
    #[serde(default)]
    pub capability: Option<ResourceInfo>,
    /// How many.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub num_containers: Option<u64>,
    /// Whether elsewhere will do.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub relax_locality: Option<bool>,
    /// The id that the ApplicationMaster gave it; -1 for none.
    #[serde(default, deserialize_with = "lenient::signed")]
    pub allocation_request_id: Option<i64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Whether someone may do something in a queue.
///
/// `{"allowed":"true","user":"alice","diagnostics":""}` (`/queues/{queue}/access`)
///
/// Source: `RMQueueAclInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct QueueAccess {
    /// Whether they may; `None` where the server did not say.
    #[serde(default, deserialize_with = "lenient::boolean")]
    pub allowed: Option<bool>,
    /// Who.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user: Option<String>,
    /// Why not.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostics: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}
