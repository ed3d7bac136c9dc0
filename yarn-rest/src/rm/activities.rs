//! Why something is not scheduled: what the capacity scheduler thought when a node told that it has room.

use http::Method;
use url::form_urlencoded::Serializer;
use yarn_common::id::{ApplicationId, NodeId};

use super::{CLUSTER, RmClient};
use crate::error::RestError;
use crate::http::Call;
use crate::model::{ActivitiesFilter, ApplicationActivities, SchedulerActivities};

impl RmClient {
    /// What happened at the last heartbeat of `node`, or of any node. The first question turns the recording on: until
    /// the next heartbeat there is only a diagnostic (`waiting for next allocation`). Ask again.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn scheduler_activities(
        &self,
        node: Option<&NodeId>,
        grouped: bool,
    ) -> Result<SchedulerActivities, RestError> {
        let mut query = Serializer::new(String::new());
        if let Some(node) = node {
            query.append_pair("nodeId", &node.to_string());
        }
        if grouped {
            query.append_pair("groupBy", "diagnostic");
        }
        let call = Call::get(
            "read the scheduler's activities",
            format!("{CLUSTER}/scheduler/activities"),
        )
        .query(query.finish());
        self.member(call, "activities").await
    }

    /// The same for the next `count` heartbeats, gathered (Hadoop 3.3 and later).
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn bulk_activities(&self, count: u32) -> Result<Vec<SchedulerActivities>, RestError> {
        let call = Call::get(
            "read the scheduler's activities in bulk",
            format!("{CLUSTER}/scheduler/bulk-activities"),
        )
        .query(format!("activitiesCount={count}"));
        self.list(call, "bulkActivities", "activities").await
    }

    /// What the scheduler thought of each request of an application. The first question turns the recording on for this
    /// application: until the next heartbeat there is only a diagnostic (`waiting for display`). Ask again.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn application_activities(
        &self,
        id: ApplicationId,
        filter: &ActivitiesFilter,
    ) -> Result<ApplicationActivities, RestError> {
        let call = Call::new(
            Method::GET,
            format!("read the activities of {id}"),
            format!("{CLUSTER}/scheduler/app-activities/{id}"),
        )
        .query(filter.query());
        self.member(call, "appActivities").await
    }
}
