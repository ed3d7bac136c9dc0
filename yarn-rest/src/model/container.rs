use serde::Deserialize;
use serde_json::Value;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::{ContainerId, NodeId};

use super::Extra;
use crate::lenient;

/// A container, as the ResourceManager knows it.
///
/// `{"containerId":"container_…","allocatedMB":1024,"allocatedVCores":1,"assignedNodeId":"node-7:45454",
/// "priority":10,"startedTime":1,"finishedTime":2,"containerExitStatus":-105,"containerState":"COMPLETE",…}`
///
/// Source: `ContainerInfo` of `hadoop-yarn-server-common`, of the history server, too; TimelineServer.md, "Container".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Container {
    /// The container.
    pub container_id: ContainerId,
    /// `RUNNING` or `COMPLETE`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub container_state: Option<String>,
    /// How it ended, 0 while it runs; see [`exit_status`](Self::exit_status).
    #[serde(default, deserialize_with = "lenient::signed")]
    pub container_exit_status: Option<i64>,
    /// Why it ended so.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostics_info: Option<String>,
    /// Its memory in MiB.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "allocatedMB")]
    pub allocated_mb: Option<u64>,
    /// Its cores.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "allocatedVCores")]
    pub allocated_vcores: Option<u64>,
    /// Its node.
    #[serde(default, deserialize_with = "lenient::id")]
    pub assigned_node_id: Option<NodeId>,
    /// The web address of its NodeManager, mostly with `http://`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub node_http_address: Option<String>,
    /// The priority of its request; the lower is served first.
    #[serde(default, deserialize_with = "lenient::signed")]
    pub priority: Option<i64>,
    /// When it started, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub started_time: Option<u64>,
    /// When it ended, in milliseconds since the epoch; 0 if not yet.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub finished_time: Option<u64>,
    /// The page with its logs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub log_url: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Container {
    /// How it ended; 0 also while it runs.
    pub fn exit_status(&self) -> Option<ContainerExitStatus> {
        self.container_exit_status
            .and_then(|code| i32::try_from(code).ok())
            .map(ContainerExitStatus)
    }
}

/// A container, as its NodeManager knows it.
///
/// `{"id":"container_…","state":"RUNNING","exitCode":-1000,"diagnostics":"","user":"alice","totalMemoryNeededMB":1024,
/// "totalVCoresNeeded":1,"containerLogFiles":["stderr","stdout"],…}`
///
/// Source: `ContainerInfo` of the NodeManager; NodeManagerRest.md, "Container API".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeContainer {
    /// The container.
    pub id: ContainerId,
    /// `NEW`, `LOCALIZING`, `RUNNING`, `DONE`, …
    #[serde(default, deserialize_with = "lenient::text")]
    pub state: Option<String>,
    /// The exit code, or why there is none; see [`exit_status`](Self::exit_status).
    #[serde(default, deserialize_with = "lenient::signed")]
    pub exit_code: Option<i64>,
    /// What the node says about it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostics: Option<String>,
    /// Who owns it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user: Option<String>,
    /// Its memory in MiB.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "totalMemoryNeededMB")]
    pub total_memory_needed_mb: Option<u64>,
    /// Its cores.
    #[serde(default, deserialize_with = "lenient::unsigned", rename = "totalVCoresNeeded")]
    pub total_vcores_needed: Option<u64>,
    /// The page with its logs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub container_logs_link: Option<String>,
    /// The names of its log files.
    #[serde(default, deserialize_with = "lenient::list")]
    pub container_log_files: Vec<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl NodeContainer {
    /// How it ended; [`ContainerExitStatus::INVALID`] while it runs.
    pub fn exit_status(&self) -> Option<ContainerExitStatus> {
        self.exit_code
            .and_then(|code| i32::try_from(code).ok())
            .map(ContainerExitStatus)
    }
}

/// A log file of a container.
///
/// `{"fileName":"stdout","fileSize":"6","lastModifiedTime":"Thu Apr 30 20:01:13 +0000 2015"}`
///
/// Source: `ContainerLogFileInfo`, in a `ContainerLogsInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContainerLogFile {
    /// Its name.
    pub file_name: String,
    /// Its length in bytes.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub file_size: Option<u64>,
    /// When it was last written, as the server says it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_modified_time: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ContainerLogFile {
    /// The answer is one `containerLogsInfo`, or a list of them (local and aggregated logs).
    pub(crate) fn from_json(body: Value) -> Result<Vec<Self>, String> {
        let whole = match body {
            Value::Object(mut object) => object.remove("containerLogsInfo").unwrap_or(Value::Object(object)),
            other => other,
        };
        let parts = match whole {
            Value::Array(parts) => parts,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        let mut files = Vec::new();
        for part in parts {
            let part = part.get("containerLogsInfo").cloned().unwrap_or(part);
            let inner = serde_json::json!({ "logs": { "files": part.get("containerLogInfo") } });
            files.extend(lenient::items_of(inner, "logs", "files")?);
        }
        Ok(files)
    }
}
