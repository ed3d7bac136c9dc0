//! How a worker ends.

use std::time::Duration;

use selvedge_core::ExecutionAttemptId;
use selvedge_runtime::gateway::GatewayError;
use tokio::sync::mpsc;

use super::TaskExecutorError;
use super::event::Notification;
use super::service::Service;
use crate::exchange::JobKey;

/// How long tasks may take to end when the worker does.
const FAREWELL: Duration = Duration::from_secs(5);

/// How the worker ends.
pub(super) struct End {
    /// Why, for the log and the ResourceManager.
    pub(super) cause: String,
    /// Whether the ResourceManager itself asked for it: it then waits for no good-bye, and may be gone already.
    pub(super) asked_by_resource_manager: bool,
    pub(super) result: Result<(), TaskExecutorError>,
}

impl End {
    pub(super) fn stopped() -> Self {
        Self {
            cause: "the worker was stopped".to_owned(),
            asked_by_resource_manager: false,
            result: Ok(()),
        }
    }

    pub(super) fn asked(cause: String) -> Self {
        Self {
            cause,
            asked_by_resource_manager: true,
            result: Ok(()),
        }
    }

    pub(super) fn failed(error: TaskExecutorError) -> Self {
        Self {
            cause: error.to_string(),
            asked_by_resource_manager: false,
            result: Err(error),
        }
    }
}

impl Service {
    pub(super) fn end_refused(&mut self, error: &GatewayError) {
        let error = TaskExecutorError::Refused {
            worker: self.identity.resource_id.clone(),
            address: self.config.resource_manager_address.as_str().into(),
            reason: error.to_string().into(),
        };
        self.end.get_or_insert(End::failed(error));
    }

    pub(super) fn end_unregistered(&mut self) {
        let error = TaskExecutorError::Registration {
            worker: self.identity.resource_id.clone(),
            address: self.config.resource_manager_address.as_str().into(),
            timeout: self.config.timeouts.registration,
            last: self.resource_manager.last_error.lock().as_str().into(),
        };
        self.end.get_or_insert(End::failed(error));
    }

    pub(super) fn end_stuck(&mut self, job: JobKey, attempt: ExecutionAttemptId) {
        let task = self.tasks.get(&(job.job_id, attempt.clone()));
        let error = TaskExecutorError::StuckTask {
            name: task.map(|task| task.name.as_str()).unwrap_or_default().into(),
            attempt,
            timeout: self.config.timeouts.cancellation,
        };
        self.end.get_or_insert(End::failed(error));
    }

    /// Ends what runs, within a bound, and says good-bye.
    pub(super) async fn farewell(mut self, end: &End, notifications: &mut mpsc::Receiver<Notification>) {
        let reason = format!("worker {} is shutting down: {}", self.identity.resource_id, end.cause);
        self.tasks.values().for_each(|task| task.stop(Some(&reason)));
        let ending = async {
            while self.state.has_running_tasks()
                && let Some(notification) = notifications.recv().await
            {
                self.on_notification(notification);
            }
        };
        if tokio::time::timeout(FAREWELL, ending).await.is_err() {
            tracing::warn!("some tasks have not ended");
        }
        notifications.close();
        if let Some(leader) = self.state.resource_manager()
            && !end.asked_by_resource_manager
        {
            let worker = &self.identity.resource_id;
            self.resource_manager.disconnect(leader, worker, &end.cause).await;
        }
        self.resource_manager.closed.cancel();
        self.deployer.exchange.shut_down();
    }
}
