//! Errors in Flink's form: a status and `{"errors": ["…"]}`.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Json;
use crate::dispatcher::DispatcherError;
use crate::jobmaster::JobMasterError;
use crate::resourcemanager::ResourceManagerError;

#[derive(Debug)]
pub(super) struct RestError {
    pub(super) status: StatusCode,
    message: String,
}

impl RestError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// A parameter in the path, or after it, that is not what it must be.
    pub(super) fn parameter(name: &str, value: &str, reason: &dyn std::fmt::Display) -> Self {
        let message = format!("Cannot resolve path parameter ({name}) from value \"{value}\": {reason}");
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The same error with the status that Flink's handler of just this path gives an unknown id.
    pub(super) fn unknown_as(mut self, status: StatusCode) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            self.status = status;
        }
        self
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        Json(self.status, json!({ "errors": [self.message] })).into_response()
    }
}

/// The answer of an endpoint that cannot serve for now: 503.
pub(crate) fn unavailable(message: &str) -> Response {
    RestError::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response()
}

impl From<DispatcherError> for RestError {
    fn from(error: DispatcherError) -> Self {
        let status = match &error {
            DispatcherError::UnknownJob(_) => StatusCode::NOT_FOUND,
            DispatcherError::Graph(_)
            | DispatcherError::TooFewSlots(_)
            | DispatcherError::JobMaster(JobMasterError::Requirements(_) | JobMasterError::SlotTooSmall { .. }) => {
                StatusCode::BAD_REQUEST
            }
            DispatcherError::Duplicate { .. }
            | DispatcherError::Changing(_)
            | DispatcherError::NotRunning(_)
            | DispatcherError::JobMaster(
                JobMasterError::CannotCancel { .. } | JobMasterError::NotAdaptive { .. } | JobMasterError::Reactive,
            ) => StatusCode::CONFLICT,
            DispatcherError::NotStored { .. }
            | DispatcherError::RequirementsNotStored { .. }
            | DispatcherError::RequirementsUnknown { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            DispatcherError::JobMaster(JobMasterError::Gone { .. })
            | DispatcherError::ShuttingDown
            | DispatcherError::Busy
            | DispatcherError::Gone => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<ResourceManagerError> for RestError {
    fn from(error: ResourceManagerError) -> Self {
        let status = match &error {
            ResourceManagerError::UnknownWorker(_) | ResourceManagerError::UnknownJob(_) => StatusCode::NOT_FOUND,
            ResourceManagerError::Gone | ResourceManagerError::Start(_) => StatusCode::SERVICE_UNAVAILABLE,
            ResourceManagerError::StaleJobMaster { .. }
            | ResourceManagerError::NotLeading { .. }
            | ResourceManagerError::JobMasterEnded { .. } => StatusCode::CONFLICT,
            ResourceManagerError::Worker { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}
