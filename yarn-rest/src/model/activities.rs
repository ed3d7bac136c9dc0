use std::time::Duration;

use serde::Deserialize;
use url::form_urlencoded::Serializer;
use yarn_common::id::ApplicationId;

use super::Extra;
use crate::lenient;

/// Which activities of an application are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivitiesFilter {
    /// Over how long they are recorded from now on; 3 seconds where `None`.
    pub max_time: Option<Duration>,
    /// Only of requests with these priorities.
    pub request_priorities: Vec<i32>,
    /// Only of requests with these allocation ids.
    pub allocation_request_ids: Vec<i64>,
    /// Whether nodes with the same diagnostic are told together.
    pub grouped: bool,
    /// At most so many.
    pub limit: Option<u64>,
    /// One summary instead of each heartbeat.
    pub summarize: bool,
}

impl ActivitiesFilter {
    pub(crate) fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(time) = self.max_time {
            // The server takes seconds with a fraction.
            query.append_pair("maxTime", &time.as_secs_f64().to_string());
        }
        for priority in &self.request_priorities {
            query.append_pair("requestPriorities", &priority.to_string());
        }
        for id in &self.allocation_request_ids {
            query.append_pair("allocationRequestIds", &id.to_string());
        }
        if self.grouped {
            query.append_pair("groupBy", "diagnostic");
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        if self.summarize {
            query.append_pair("summarize", "true");
        }
        query.finish()
    }
}

/// What happened at a heartbeat of a node.
///
/// `{"nodeId":"host:port","timestamp":1,"dateTime":"…","allocations":[{"partition":"","finalAllocationState":"SKIPPED",
/// "root":{"name":"root","allocationState":"SKIPPED","diagnostic":"…","children":[…]}}]}`, or `{"diagnostic":"…"}`
///
/// Source: `ActivitiesInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SchedulerActivities {
    /// The node.
    #[serde(default, deserialize_with = "lenient::text")]
    pub node_id: Option<String>,
    /// Why there is nothing to tell: `waiting for next allocation`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostic: Option<String>,
    /// When, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub timestamp: Option<u64>,
    /// What was tried, one for each partition.
    #[serde(default, deserialize_with = "lenient::list")]
    pub allocations: Vec<Activity>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What happened to the requests of an application.
///
/// `{"applicationId":"application_…","allocations":[{"nodeId":"…","queueName":"…","allocationState":"ALLOCATED",
/// "children":[{"requestPriority":0,"allocationState":"…","children":[…]}]}]}`, or with a `diagnostic`
///
/// Source: `AppActivitiesInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApplicationActivities {
    /// The application.
    #[serde(default, deserialize_with = "lenient::id")]
    pub application_id: Option<ApplicationId>,
    /// Why there is nothing to tell: `waiting for display`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostic: Option<String>,
    /// When, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub timestamp: Option<u64>,
    /// What was tried.
    #[serde(default, deserialize_with = "lenient::list")]
    pub allocations: Vec<Activity>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One step of the scheduler: a partition, a queue, an application, a request or a node, and what came of it.
///
/// `{"name":"root","allocationState":"SKIPPED","diagnostic":"…","children":[…]}`
///
/// Source: `ActivityNodeInfo`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Activity {
    /// What it is about, where it has a name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// `ACCEPTED`, `ALLOCATED`, `RESERVED`, `SKIPPED`, `REJECTED`, …; of a partition its `finalAllocationState`.
    #[serde(default, alias = "finalAllocationState", deserialize_with = "lenient::text")]
    pub allocation_state: Option<String>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub diagnostic: Option<String>,
    /// The steps below it; of a partition the root queue (`root`).
    #[serde(default, alias = "root", deserialize_with = "lenient::list")]
    pub children: Vec<Activity>,
    /// All other fields, such as `nodeId`, `requestPriority` and `queueName`.
    #[serde(flatten)]
    pub extra: Extra,
}
