use serde::{Deserialize, Deserializer};
use yarn_common::id::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};

use super::{ApplicationState, ApplicationTimeout, Extra, FinalApplicationStatus, ResourceRequestInfo};
use crate::lenient;

/// The report of an application. Without the right to view it, and after its end, many fields are `None`.
///
/// `{"id":"application_…","user":"alice","name":"wc","queue":"default","state":"RUNNING","finalStatus":"UNDEFINED",
/// "progress":50.0,"trackingUrl":"…","amHostHttpAddress":"node-7:8042","allocatedMB":2048,"runningContainers":2,…}`
///
/// Source: `AppInfo`; ResourceManagerRest.md, "Cluster Application API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Application {
    /// The application.
    pub id: ApplicationId,
    /// Who submitted it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// Its queue.
    #[serde(default, deserialize_with = "lenient::text")]
    pub queue: Option<String>,
    /// Where it is in its life.
    pub state: ApplicationState,
    /// How it ended.
    #[serde(default)]
    pub final_status: Option<FinalApplicationStatus>,
    /// Its progress in percent, as the ApplicationMaster tells it.
    #[serde(default, deserialize_with = "lenient::float")]
    pub progress: Option<f64>,
    /// `UNASSIGNED`, `ApplicationMaster` or `History`.
    #[serde(default, deserialize_with = "lenient::text", rename = "trackingUI")]
    pub tracking_ui: Option<String>,
    /// Its web page, mostly through the proxy.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tracking_url: Option<String>,
    /// Why it waits, failed or was killed.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostics: Option<String>,
    /// Its type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub application_type: Option<String>,
    /// Its tags.
    #[serde(default, deserialize_with = "tags")]
    pub application_tags: Vec<String>,
    /// Its priority; the higher wins.
    #[serde(default, deserialize_with = "lenient::signed")]
    pub priority: Option<i64>,
    /// When it was submitted, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub started_time: Option<u64>,
    /// When its first attempt was launched, in milliseconds since the epoch; 0 if not yet.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub launch_time: Option<u64>,
    /// When it ended, in milliseconds since the epoch; 0 if not yet.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub finished_time: Option<u64>,
    /// How long it has run, in milliseconds.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub elapsed_time: Option<u64>,
    /// The page with the logs of the ApplicationMaster.
    #[serde(default, deserialize_with = "lenient::text")]
    pub am_container_logs: Option<String>,
    /// The web address of the NodeManager that runs the ApplicationMaster: `host:port`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub am_host_http_address: Option<String>,
    /// Host and port that the ApplicationMaster registered: `host:port`.
    #[serde(default, deserialize_with = "lenient::text", rename = "amRPCAddress")]
    pub am_rpc_address: Option<String>,
    /// The node of the ApplicationMaster.
    #[serde(default, deserialize_with = "lenient::id")]
    pub master_node_id: Option<NodeId>,
    /// Memory of its containers in MiB.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "allocatedMB")]
    pub allocated_mb: Option<u64>,
    /// Cores of its containers.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "allocatedVCores")]
    pub allocated_vcores: Option<u64>,
    /// Its containers, the ApplicationMaster included.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub running_containers: Option<u64>,
    /// How far the gathering of its logs is.
    #[serde(default, deserialize_with = "lenient::text")]
    pub log_aggregation_status: Option<String>,
    /// MiB times seconds that it has used.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub memory_seconds: Option<u64>,
    /// Cores times seconds that it has used.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub vcore_seconds: Option<u64>,
    /// When YARN kills it by itself.
    #[serde(default, deserialize_with = "timeouts")]
    pub timeouts: Vec<ApplicationTimeout>,
    /// What it waits for; told by
    /// [`application_with_requests`](crate::rm::RmClient::application_with_requests) only.
    #[serde(default, deserialize_with = "lenient::list")]
    pub resource_requests: Vec<ResourceRequestInfo>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Application {
    /// Host and port that the ApplicationMaster registered, if it has: `None` for `N/A` and port -1.
    pub fn am_address(&self) -> Option<(&str, u16)> {
        let (host, port) = self.am_rpc_address.as_deref()?.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty() && host != "N/A").then_some((host, port))
    }
}

/// One attempt of an application.
///
/// `{"id":1,"appAttemptId":"appattempt_…","startTime":1,"finishedTime":0,"containerId":"container_…",
/// "nodeHttpAddress":"node-7:8042","nodeId":"node-7:45454","logsLink":"…"}`
///
/// Source: `AppAttemptInfo` of the ResourceManager; ResourceManagerRest.md, "Cluster Application Attempts API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApplicationAttempt {
    /// Its number, from 1.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub id: Option<u64>,
    /// Its id.
    #[serde(default, deserialize_with = "lenient::id")]
    pub app_attempt_id: Option<ApplicationAttemptId>,
    /// When it started, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub start_time: Option<u64>,
    /// When it ended, in milliseconds since the epoch; 0 if not yet.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub finished_time: Option<u64>,
    /// The container of the ApplicationMaster.
    #[serde(default, deserialize_with = "lenient::id")]
    pub container_id: Option<ContainerId>,
    /// The web address of its NodeManager: `host:port`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub node_http_address: Option<String>,
    /// Its node.
    #[serde(default, deserialize_with = "lenient::id")]
    pub node_id: Option<NodeId>,
    /// The page with its logs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub logs_link: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = lenient::text(deserializer)?.unwrap_or_default();
    Ok(text
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect())
}

fn timeouts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ApplicationTimeout>, D::Error> {
    let wrapped = serde_json::json!({ "timeouts": serde_json::Value::deserialize(deserializer)? });
    lenient::items_of(wrapped, "timeouts", "timeout").map_err(serde::de::Error::custom)
}
