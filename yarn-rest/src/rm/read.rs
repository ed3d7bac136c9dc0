//! What the ResourceManager tells.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;
use yarn_common::id::{ApplicationAttemptId, ApplicationId, NodeId};

use super::RmClient;
use crate::error::RestError;
use crate::http::Call;
use crate::lenient;
use crate::model::{
    Application, ApplicationAttempt, ApplicationState, ClusterInfo, ClusterMetrics, Container, Node, Scheduler,
};

const CLUSTER: &str = "/ws/v1/cluster";

/// Which applications are listed; the default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Only in one of these states.
    pub states: Vec<ApplicationState>,
    /// Only of this user.
    pub user: Option<String>,
    /// Only in this queue.
    pub queue: Option<String>,
    /// Only with this name (Hadoop 3.3 and later).
    pub name: Option<String>,
    /// Only of one of these types.
    pub application_types: Vec<String>,
    /// Only with one of these tags.
    pub application_tags: Vec<String>,
    /// At most so many.
    pub limit: Option<u64>,
}

impl ApplicationFilter {
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let states: Vec<_> = self.states.iter().map(ApplicationState::name).collect();
        let types = self.application_types.iter().map(String::as_str).collect::<Vec<_>>();
        let tags = self.application_tags.iter().map(String::as_str).collect::<Vec<_>>();
        for (key, values) in [
            ("states", states),
            ("applicationTypes", types),
            ("applicationTags", tags),
        ] {
            if !values.is_empty() {
                query.append_pair(key, &values.join(","));
            }
        }
        for (key, value) in [("user", &self.user), ("queue", &self.queue), ("name", &self.name)] {
            if let Some(value) = value {
                query.append_pair(key, value);
            }
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        // What each container was asked for is most of the answer, and nobody reads it here.
        query.append_pair("deSelects", "resourceRequests");
        query.finish()
    }
}

impl RmClient {
    /// Version and state of the ResourceManager that is asked first. A standby answers this itself.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn info(&self) -> Result<ClusterInfo, RestError> {
        self.member(
            Call::get("read the cluster's state", format!("{CLUSTER}/info")),
            "clusterInfo",
        )
        .await
    }

    /// Counters of the cluster: applications, memory, cores, nodes.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn metrics(&self) -> Result<ClusterMetrics, RestError> {
        self.member(
            Call::get("read the cluster's metrics", format!("{CLUSTER}/metrics")),
            "clusterMetrics",
        )
        .await
    }

    /// The scheduler and its queues.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn scheduler(&self) -> Result<Scheduler, RestError> {
        let call = Call::get("read the scheduler's queues", format!("{CLUSTER}/scheduler"));
        let served = self.cluster.ask(&call).await?;
        let body: Value = served.answer.json(&call, &served.base)?;
        Scheduler::from_json(&body).map_err(|reason| served.answer.undecodable(&call, &served.base, reason))
    }

    /// The nodes in one of `states` (`RUNNING`, `UNHEALTHY`, …); with none, those that YARN lists by default.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn nodes(&self, states: &[&str]) -> Result<Vec<Node>, RestError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !states.is_empty() {
            query.append_pair("states", &states.join(","));
        }
        let call = Call::get("list the nodes", format!("{CLUSTER}/nodes")).query(query.finish());
        self.list(call, "nodes", "node").await
    }

    /// One node.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn node(&self, id: &NodeId) -> Result<Node, RestError> {
        self.member(
            Call::get(format!("read the node {id}"), format!("{CLUSTER}/nodes/{id}")),
            "node",
        )
        .await
    }

    /// Applications.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn applications(&self, filter: &ApplicationFilter) -> Result<Vec<Application>, RestError> {
        let call = Call::get("list the applications", format!("{CLUSTER}/apps")).query(filter.query());
        self.list(call, "apps", "app").await
    }

    /// The report of one application.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn application(&self, id: ApplicationId) -> Result<Application, RestError> {
        let call = Call::get(format!("read the report of {id}"), format!("{CLUSTER}/apps/{id}"))
            .query("deSelects=resourceRequests".to_owned());
        self.member(call, "app").await
    }

    /// The state of one application: less than [`application`](Self::application).
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn application_state(&self, id: ApplicationId) -> Result<ApplicationState, RestError> {
        #[derive(Deserialize)]
        struct Answer {
            state: ApplicationState,
        }
        let call = Call::get(format!("read the state of {id}"), format!("{CLUSTER}/apps/{id}/state"));
        self.whole::<Answer>(call).await.map(|answer| answer.state)
    }

    /// The attempts of an application, in the order of the server.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is no such application.
    pub async fn attempts(&self, id: ApplicationId) -> Result<Vec<ApplicationAttempt>, RestError> {
        let call = Call::get(
            format!("list the attempts of {id}"),
            format!("{CLUSTER}/apps/{id}/appattempts"),
        );
        self.list(call, "appAttempts", "appAttempt").await
    }

    /// The containers of an attempt that the ResourceManager still knows.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is no such attempt.
    pub async fn containers(&self, attempt: ApplicationAttemptId) -> Result<Vec<Container>, RestError> {
        let path = format!(
            "{CLUSTER}/apps/{}/appattempts/{attempt}/containers",
            attempt.application()
        );
        let call = Call::get(format!("list the containers of {attempt}"), path);
        let served = self.cluster.ask(&call).await?;
        let mut body: Value = served.answer.json(&call, &served.base)?;
        // Hadoop 3.3 and older put the list at the top: {"container":[…]}.
        if body.get("containers").is_none() && body.get("container").is_some() {
            body = serde_json::json!({ "containers": body });
        }
        lenient::items_of(body, "containers", "container")
            .map_err(|reason| served.answer.undecodable(&call, &served.base, reason))
    }

    pub(super) async fn whole<T: DeserializeOwned>(&self, call: Call) -> Result<T, RestError> {
        let served = self.cluster.ask(&call).await?;
        served.answer.json(&call, &served.base)
    }

    async fn member<T: DeserializeOwned>(&self, call: Call, name: &str) -> Result<T, RestError> {
        let served = self.cluster.ask(&call).await?;
        let mut body: Value = served.answer.json(&call, &served.base)?;
        let undecodable = |reason| served.answer.undecodable(&call, &served.base, reason);
        let member = body.get_mut(name).map(Value::take);
        let member = member.ok_or_else(|| undecodable(format!("there is no object {name:?} in it")))?;
        serde_json::from_value(member).map_err(|cause| undecodable(cause.to_string()))
    }

    async fn list<T: DeserializeOwned>(&self, call: Call, outer: &str, inner: &str) -> Result<Vec<T>, RestError> {
        let served = self.cluster.ask(&call).await?;
        let body: Value = served.answer.json(&call, &served.base)?;
        lenient::items_of(body, outer, inner).map_err(|reason| served.answer.undecodable(&call, &served.base, reason))
    }
}
