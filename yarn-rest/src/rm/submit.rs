//! What changes something: new applications, submission, kill.

use backon::Retryable;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use yarn_common::id::ApplicationId;
use yarn_common::submission::ApplicationSubmissionContext;

use super::{CLUSTER, RmClient};
use crate::error::{RestError, RestErrorKind};
use crate::http::Call;
use crate::model::{ApplicationState, NewApplication, submission_json};

impl RmClient {
    /// Asks for an id and the largest container of the cluster. An id that is not used does no harm.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn new_application(&self) -> Result<NewApplication, RestError> {
        let call = Call::new(
            Method::POST,
            "get a new application id",
            format!("{CLUSTER}/apps/new-application"),
        );
        self.whole(call).await
    }

    /// Submits an application. When it returns, the ResourceManager has it; it may still reject it, for example because
    /// its queue is unknown: then its state is `FAILED` at once, and the diagnostics say why.
    ///
    /// Where the answer is lost, the ResourceManager is asked whether it has the application before it is submitted
    /// again; the same application is never submitted twice.
    ///
    /// # Errors
    /// [`RestErrorKind::InvalidSubmission`] where no ResourceManager would take it (no command, no memory, a tag that is
    /// too long …); [`RestErrorKind::InvalidRequest`] where REST cannot say it (a pattern resource, other resource types for the
    /// ApplicationMaster) or the tokens cannot be read; [`RestErrorKind::SubmissionUnknown`] where the answer is lost
    /// and the check fails too; [`RestErrorKind::RemoteException`] where the ResourceManager rejects it.
    pub async fn submit(&self, application: &ApplicationSubmissionContext) -> Result<(), RestError> {
        let id = application.application_id;
        let call = Call::new(Method::POST, format!("submit {id}"), format!("{CLUSTER}/apps")).once();
        let refused = |kind| call.error(&self.cluster.active_base(), kind);
        application
            .check()
            .map_err(|error| refused(RestErrorKind::InvalidSubmission(error)))?;
        let body = submission_json(application).map_err(|reason| refused(RestErrorKind::InvalidRequest(reason)))?;
        let call = call.json(&body);
        (|| self.submit_once(id, &call))
            .retry(self.cluster.retry.backoff())
            .when(RestError::answer_was_lost)
            .notify(|error, delay| tracing::warn!(%error, ?delay, "not submitted, trying again"))
            .await
    }

    async fn submit_once(&self, id: ApplicationId, call: &Call) -> Result<(), RestError> {
        let lost = match self.cluster.ask(call).await {
            Ok(_) => return Ok(()),
            Err(error) if error.answer_was_lost() => error,
            Err(error) => return Err(error),
        };
        tracing::warn!(%lost, "the answer to the submission was lost, asking whether it arrived");
        match self.application(id).await {
            Ok(_) => Ok(()),
            Err(check) if check.is_not_found() => Err(lost),
            Err(check) => {
                let (lost, check) = (Box::new(lost), Box::new(check));
                let kind = RestErrorKind::SubmissionUnknown {
                    application: id,
                    lost,
                    check,
                };
                Err(call.error(&self.cluster.active_base(), kind))
            }
        }
    }

    /// Kills an application and tells its state then: it may still be on its way to
    /// [`Killed`](ApplicationState::Killed). Killing one that has ended changes nothing.
    ///
    /// # Errors
    /// [`RestError`]; [`is_not_found`](RestError::is_not_found) where there is none.
    pub async fn kill(&self, id: ApplicationId, diagnostics: Option<&str>) -> Result<ApplicationState, RestError> {
        #[derive(Deserialize)]
        struct Answer {
            state: ApplicationState,
        }
        let mut body = json!({ "state": "KILLED" });
        if let Some(diagnostics) = diagnostics {
            body["diagnostics"] = json!(diagnostics);
        }
        let call = Call::new(Method::PUT, format!("kill {id}"), format!("{CLUSTER}/apps/{id}/state")).json(&body);
        self.whole::<Answer>(call).await.map(|answer| answer.state)
    }
}
