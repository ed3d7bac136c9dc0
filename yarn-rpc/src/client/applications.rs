//! Applications, attempts and containers: submit, follow, change, end.

use std::{collections::BTreeSet, time::Duration};

use yarn_common::{
    id::{ApplicationAttemptId, ApplicationId, ContainerId},
    resource::{Priority, Resource},
    submission::ApplicationSubmissionContext,
};

use super::{
    ApplicationAttempt, ApplicationReport, ApplicationState, ContainerReport, YarnClient, YarnClientError,
    submission::check,
};
use crate::{
    nm::Signal,
    proto::yarn::{
        ApplicationTimeoutTypeProto, ApplicationUpdateTimeoutMapProto, ApplicationsRequestScopeProto,
        FailApplicationAttemptRequestProto, FailApplicationAttemptResponseProto,
        GetApplicationAttemptReportRequestProto, GetApplicationAttemptReportResponseProto,
        GetApplicationAttemptsRequestProto, GetApplicationAttemptsResponseProto, GetApplicationReportRequestProto,
        GetApplicationReportResponseProto, GetApplicationsRequestProto, GetApplicationsResponseProto,
        GetContainerReportRequestProto, GetContainerReportResponseProto, GetContainersRequestProto,
        GetContainersResponseProto, GetNewApplicationRequestProto, GetNewApplicationResponseProto,
        KillApplicationRequestProto, KillApplicationResponseProto, MoveApplicationAcrossQueuesRequestProto,
        MoveApplicationAcrossQueuesResponseProto, SignalContainerCommandProto, SignalContainerRequestProto,
        SignalContainerResponseProto, SubmitApplicationRequestProto, SubmitApplicationResponseProto,
        UpdateApplicationPriorityRequestProto, UpdateApplicationPriorityResponseProto,
        UpdateApplicationTimeoutsRequestProto, UpdateApplicationTimeoutsResponseProto, YarnApplicationStateProto,
    },
};

/// A fresh application id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApplication {
    /// The id to submit under.
    pub id: ApplicationId,
    /// The largest container of the cluster.
    pub maximum_capability: Resource,
}

/// Which applications are listed. Empty lists and `None` mean all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Only in one of these states.
    pub states: Vec<ApplicationState>,
    /// Only of one of these users.
    pub users: Vec<String>,
    /// Only in one of these queues.
    pub queues: Vec<String>,
    /// Only with this name (Hadoop 3.3 and later).
    pub name: Option<String>,
    /// Only of one of these types.
    pub application_types: BTreeSet<String>,
    /// Only with one of these tags.
    pub application_tags: BTreeSet<String>,
    /// Only started from the first to the second time, in milliseconds since the epoch.
    pub started_ms: Option<(i64, i64)>,
    /// Only ended from the first to the second time.
    pub finished_ms: Option<(i64, i64)>,
    /// Only those that the caller may view, or owns.
    pub scope: ApplicationScope,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Whose applications are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ApplicationScope {
    /// Everybody's.
    #[default]
    All,
    /// Those that the caller may view.
    Viewable,
    /// The caller's own.
    Own,
}

impl From<&ApplicationFilter> for GetApplicationsRequestProto {
    fn from(filter: &ApplicationFilter) -> Self {
        let states = filter
            .states
            .iter()
            .map(|state| YarnApplicationStateProto::from(*state).into());
        let scope = match filter.scope {
            ApplicationScope::All => ApplicationsRequestScopeProto::All,
            ApplicationScope::Viewable => ApplicationsRequestScopeProto::Viewable,
            ApplicationScope::Own => ApplicationsRequestScopeProto::Own,
        };
        Self {
            application_types: filter.application_types.iter().cloned().collect(),
            application_states: states.collect(),
            users: filter.users.clone(),
            queues: filter.queues.clone(),
            limit: filter.limit.map(Into::into),
            start_begin: filter.started_ms.map(|(begin, _)| begin),
            start_end: filter.started_ms.map(|(_, end)| end),
            finish_begin: filter.finished_ms.map(|(begin, _)| begin),
            finish_end: filter.finished_ms.map(|(_, end)| end),
            application_tags: filter.application_tags.iter().cloned().collect(),
            scope: Some(scope.into()),
            name: filter.name.clone(),
        }
    }
}

impl YarnClient {
    /// Asks for an application id. One that is not used does no harm.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn new_application(&self) -> Result<NewApplication, YarnClientError> {
        const STEP: &str = "getNewApplication";
        let answer: GetNewApplicationResponseProto = self.call(STEP, &GetNewApplicationRequestProto {}).await?;
        Ok(NewApplication {
            id: Self::field(STEP, answer.application_id, "application id")?,
            maximum_capability: Self::field(STEP, answer.maximum_capability, "maximum capability")?,
        })
    }

    /// Submits an application. Submitting the same id twice does no harm. The application is only accepted once its
    /// report has left the states before [`ApplicationState::Accepted`].
    ///
    /// # Errors
    /// See [`YarnClientError`]; [`YarnClientError::Invalid`] before anything is sent.
    pub async fn submit(&self, application: &ApplicationSubmissionContext) -> Result<(), YarnClientError> {
        check(application)?;
        let request = SubmitApplicationRequestProto {
            application_submission_context: Some(application.into()),
        };
        self.call::<_, SubmitApplicationResponseProto>("submitApplication", &request)
            .await?;
        Ok(())
    }

    /// The report of an application.
    ///
    /// # Errors
    /// See [`YarnClientError`]; [`is_not_found`](YarnClientError::is_not_found) where there is none.
    pub async fn application(&self, id: ApplicationId) -> Result<ApplicationReport, YarnClientError> {
        const STEP: &str = "getApplicationReport";
        let request = GetApplicationReportRequestProto {
            application_id: Some(id.into()),
        };
        let answer: GetApplicationReportResponseProto = self.call(STEP, &request).await?;
        Self::field(STEP, answer.application_report, "application report")
    }

    /// The state of an application.
    ///
    /// # Errors
    /// As [`application`](Self::application).
    pub async fn application_state(&self, id: ApplicationId) -> Result<ApplicationState, YarnClientError> {
        Ok(self.application(id).await?.state)
    }

    /// Applications.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn applications(&self, filter: &ApplicationFilter) -> Result<Vec<ApplicationReport>, YarnClientError> {
        const STEP: &str = "getApplications";
        let request = GetApplicationsRequestProto::from(filter);
        let answer: GetApplicationsResponseProto = self.call(STEP, &request).await?;
        Self::fields(STEP, answer.applications)
    }

    /// Asks once to kill an application, and tells its state; ask again, with pauses, until that is final.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn kill(
        &self,
        id: ApplicationId,
        diagnostics: Option<&str>,
    ) -> Result<ApplicationState, YarnClientError> {
        let request = KillApplicationRequestProto {
            application_id: Some(id.into()),
            diagnostics: diagnostics.map(str::to_owned),
        };
        let answer: KillApplicationResponseProto = self.call("forceKillApplication", &request).await?;
        if answer.is_kill_completed() {
            return Ok(ApplicationState::Killed);
        }
        self.application_state(id).await
    }

    /// Ends the present attempt as failed, so that another one is started while there are attempts left.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn fail_attempt(&self, attempt: ApplicationAttemptId) -> Result<(), YarnClientError> {
        let request = FailApplicationAttemptRequestProto {
            application_attempt_id: Some(attempt.into()),
        };
        self.call::<_, FailApplicationAttemptResponseProto>("failApplicationAttempt", &request)
            .await?;
        Ok(())
    }

    /// Moves an application to another queue.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn move_to_queue(&self, id: ApplicationId, queue: &str) -> Result<(), YarnClientError> {
        let request = MoveApplicationAcrossQueuesRequestProto {
            application_id: id.into(),
            target_queue: queue.to_owned(),
        };
        self.call::<_, MoveApplicationAcrossQueuesResponseProto>("moveApplicationAcrossQueues", &request)
            .await?;
        Ok(())
    }

    /// Sets the priority of an application; tells the one that it has now, which the cluster may have capped.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn set_priority(&self, id: ApplicationId, priority: Priority) -> Result<Priority, YarnClientError> {
        let request = UpdateApplicationPriorityRequestProto {
            application_id: id.into(),
            application_priority: priority.into(),
        };
        let answer: UpdateApplicationPriorityResponseProto = self.call("updateApplicationPriority", &request).await?;
        Ok(answer.application_priority.map_or(priority, Into::into))
    }

    /// Sets when an application will be killed: `expires` is ISO 8601 (`2030-01-01T00:00:00.000+0000`). Tells the time
    /// that holds now.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn set_lifetime(&self, id: ApplicationId, expires: &str) -> Result<String, YarnClientError> {
        let request = UpdateApplicationTimeoutsRequestProto {
            application_id: id.into(),
            application_timeouts: vec![ApplicationUpdateTimeoutMapProto {
                application_timeout_type: Some(ApplicationTimeoutTypeProto::AppTimeoutLifetime.into()),
                expire_time: Some(expires.to_owned()),
            }],
        };
        let answer: UpdateApplicationTimeoutsResponseProto = self.call("updateApplicationTimeouts", &request).await?;
        let told = answer
            .application_timeouts
            .into_iter()
            .find_map(|entry| entry.expire_time);
        Ok(told.unwrap_or_else(|| expires.to_owned()))
    }

    /// The attempts of an application.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn attempts(&self, id: ApplicationId) -> Result<Vec<ApplicationAttempt>, YarnClientError> {
        const STEP: &str = "getApplicationAttempts";
        let request = GetApplicationAttemptsRequestProto {
            application_id: Some(id.into()),
        };
        let answer: GetApplicationAttemptsResponseProto = self.call(STEP, &request).await?;
        Self::fields(STEP, answer.application_attempts)
    }

    /// One attempt.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn attempt(&self, attempt: ApplicationAttemptId) -> Result<ApplicationAttempt, YarnClientError> {
        const STEP: &str = "getApplicationAttemptReport";
        let request = GetApplicationAttemptReportRequestProto {
            application_attempt_id: Some(attempt.into()),
        };
        let answer: GetApplicationAttemptReportResponseProto = self.call(STEP, &request).await?;
        Self::field(STEP, answer.application_attempt_report, "attempt report")
    }

    /// The containers of an attempt that the ResourceManager still knows.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn containers(&self, attempt: ApplicationAttemptId) -> Result<Vec<ContainerReport>, YarnClientError> {
        const STEP: &str = "getContainers";
        let request = GetContainersRequestProto {
            application_attempt_id: Some(attempt.into()),
        };
        let answer: GetContainersResponseProto = self.call(STEP, &request).await?;
        Self::fields(STEP, answer.containers)
    }

    /// One container.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn container(&self, container: ContainerId) -> Result<ContainerReport, YarnClientError> {
        const STEP: &str = "getContainerReport";
        let request = GetContainerReportRequestProto {
            container_id: Some(container.into()),
        };
        let answer: GetContainerReportResponseProto = self.call(STEP, &request).await?;
        Self::field(STEP, answer.container_report, "container report")
    }

    /// Signals the process of a container.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn signal_container(&self, container: ContainerId, signal: Signal) -> Result<(), YarnClientError> {
        let command: SignalContainerCommandProto = signal.into();
        let request = SignalContainerRequestProto {
            container_id: container.into(),
            command: command.into(),
        };
        self.call::<_, SignalContainerResponseProto>("signalToContainer", &request)
            .await?;
        Ok(())
    }

    /// Follows an application until it has ended, looking at it in these pauses.
    ///
    /// # Errors
    /// See [`YarnClientError`].
    pub async fn wait_until_final(
        &self,
        id: ApplicationId,
        pause: Duration,
    ) -> Result<ApplicationReport, YarnClientError> {
        loop {
            let report = self.application(id).await?;
            if report.state.is_final() {
                return Ok(report);
            }
            tokio::time::sleep(pause).await;
        }
    }
}
