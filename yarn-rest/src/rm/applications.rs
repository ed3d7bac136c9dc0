//! Applications, their attempts and containers.

use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;
use yarn_common::id::{ApplicationAttemptId, ApplicationId, ContainerId};

use super::{ApplicationFilter, CLUSTER, RmClient};
use crate::error::RestError;
use crate::history::HistoryClient;
use crate::http::Call;
use crate::lenient;
use crate::model::{Application, ApplicationAttempt, ApplicationCount, ApplicationState, AttemptReport, Container};

impl RmClient {
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

    /// The same with what the application still waits for, in
    /// [`resource_requests`](Application::resource_requests): a long answer for a large one.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn application_with_requests(&self, id: ApplicationId) -> Result<Application, RestError> {
        let call = Call::get(format!("read the requests of {id}"), format!("{CLUSTER}/apps/{id}"));
        self.member(call, "app").await
    }

    /// How many applications there are in each of `states` (all, if none is given), of one type or of all (`*`).
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn statistics(
        &self,
        states: &[ApplicationState],
        application_type: Option<&str>,
    ) -> Result<Vec<ApplicationCount>, RestError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let states: Vec<_> = states.iter().map(ApplicationState::name).collect();
        if !states.is_empty() {
            query.append_pair("states", &states.join(","));
        }
        if let Some(one) = application_type {
            query.append_pair("applicationTypes", one);
        }
        let call = Call::get("count the applications", format!("{CLUSTER}/appstatistics")).query(query.finish());
        self.list(call, "appStatInfo", "statItem").await
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

    /// One attempt.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn attempt(&self, id: ApplicationAttemptId) -> Result<AttemptReport, RestError> {
        let path = format!("{CLUSTER}/apps/{}/appattempts/{id}", id.application());
        self.whole(Call::get(format!("read the report of {id}"), path)).await
    }

    /// One container that the ResourceManager still knows. Where it does not, a
    /// [`HistoryClient`] may.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn container(&self, id: ContainerId) -> Result<Container, RestError> {
        let attempt = id.attempt();
        let path = format!(
            "{CLUSTER}/apps/{}/appattempts/{attempt}/containers/{id}",
            attempt.application()
        );
        self.whole(Call::get(format!("read the report of {id}"), path)).await
    }

    /// The same, from `history` where the ResourceManager has forgotten the container.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where neither server has it.
    pub async fn container_or_history(&self, id: ContainerId, history: &HistoryClient) -> Result<Container, RestError> {
        match self.container(id).await {
            Err(error) if error.is_not_found() => history.container(id).await,
            told => told,
        }
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
        let mut body: Value = served.answer.json(&call, served.base())?;
        // Hadoop 3.3 and older put the list at the top: {"container":[…]}.
        if body.get("containers").is_none() && body.get("container").is_some() {
            body = serde_json::json!({ "containers": body });
        }
        lenient::items_of(body, "containers", "container")
            .map_err(|reason| served.answer.undecodable(&call, served.base(), reason))
    }
}
