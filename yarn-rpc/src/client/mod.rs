//! ApplicationClientProtocol: submit an application and follow it.
//!
//! What the REST interface offers too, for clusters where it is closed or cannot say it. Without Kerberos the caller is
//! a user by name ([`Identity::Simple`]) or holds a delegation token.

mod report;
mod submission;

#[cfg(test)]
mod tests;

use yarn_common::{id::ApplicationId, resource::Resource, submission::ApplicationSubmissionContext};

pub use self::report::{ApplicationReport, ApplicationState, FinalApplicationStatus};
use crate::{
    convert::{ConversionError, required},
    ipc::{Identity, IpcClient, IpcError, IpcOptions, Protocol, RemoteException},
    proto::yarn::{
        GetApplicationReportRequestProto, GetApplicationReportResponseProto, GetNewApplicationRequestProto,
        GetNewApplicationResponseProto, KillApplicationRequestProto, KillApplicationResponseProto,
        SubmitApplicationRequestProto, SubmitApplicationResponseProto,
    },
    retry::{Outcome, RetryPolicy, Servers},
};

/// How an [`RmClient`] finds the ResourceManager and who it is.
#[derive(Clone, Debug)]
pub struct RmClientOptions {
    /// Client addresses (`host:port`, default port 8032), one per ResourceManager.
    pub addresses: Vec<String>,
    /// Who submits.
    pub identity: Identity,
    /// How long to look for an active ResourceManager.
    pub retry: RetryPolicy,
    /// Time-outs and limits of the connection.
    pub ipc: IpcOptions,
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RmClientError {
    /// No address was given.
    #[error("no ResourceManager address is known; set yarn.resourcemanager.address or yarn.resourcemanager.hostname")]
    NoAddress,
    /// The ResourceManager refused, or could not be reached for as long as the retry policy waits.
    #[error("{step} failed after {retries} retries: {source}")]
    Call {
        /// What was tried.
        step: &'static str,
        /// How often it was repeated.
        retries: u32,
        /// The last failure.
        source: IpcError,
    },
    /// The answer lacks something.
    #[error("the answer to {step} cannot be used: {source}")]
    Answer {
        /// What was tried.
        step: &'static str,
        /// What is missing.
        source: ConversionError,
    },
}

impl RmClientError {
    /// The server's exception, if it sent one.
    pub fn exception(&self) -> Option<&RemoteException> {
        match self {
            Self::Call { source, .. } => source.remote(),
            _ => None,
        }
    }
}

/// A fresh application id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApplication {
    /// The id to submit under.
    pub id: ApplicationId,
    /// The largest container of the cluster.
    pub maximum_capability: Resource,
}

/// Speaks ApplicationClientProtocol with the active ResourceManager.
#[derive(Debug)]
pub struct RmClient {
    servers: Servers,
}

impl RmClient {
    /// A client that connects with its first call.
    ///
    /// # Errors
    /// [`RmClientError::NoAddress`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(options: RmClientOptions) -> Result<Self, RmClientError> {
        if options.addresses.is_empty() {
            return Err(RmClientError::NoAddress);
        }
        let connect = |address: String| {
            let (identity, ipc) = (options.identity.clone(), options.ipc.clone());
            IpcClient::new(address, Protocol::APPLICATION_CLIENT, identity, ipc)
        };
        let clients = options.addresses.into_iter().map(connect).collect();
        Ok(Self {
            servers: Servers::new(clients, options.retry),
        })
    }

    /// Asks for an application id.
    ///
    /// # Errors
    /// See [`RmClientError`].
    pub async fn new_application(&mut self) -> Result<NewApplication, RmClientError> {
        const STEP: &str = "getNewApplication";
        let answer: GetNewApplicationResponseProto = self.call(STEP, &GetNewApplicationRequestProto {}).await?;
        let unusable = |source| RmClientError::Answer { step: STEP, source };
        Ok(NewApplication {
            id: required(answer.application_id, "application id").map_err(unusable)?,
            maximum_capability: required(answer.maximum_capability, "maximum capability").map_err(unusable)?,
        })
    }

    /// Submits an application. Submitting the same id twice does no harm. The application is only accepted once its
    /// report has left the states before [`ApplicationState::Accepted`].
    ///
    /// # Errors
    /// See [`RmClientError`].
    pub async fn submit(&mut self, application: &ApplicationSubmissionContext) -> Result<(), RmClientError> {
        let request = SubmitApplicationRequestProto {
            application_submission_context: Some(application.into()),
        };
        self.call::<_, SubmitApplicationResponseProto>("submitApplication", &request)
            .await?;
        Ok(())
    }

    /// The state of an application.
    ///
    /// # Errors
    /// See [`RmClientError`].
    pub async fn report(&mut self, application: ApplicationId) -> Result<ApplicationReport, RmClientError> {
        const STEP: &str = "getApplicationReport";
        let request = GetApplicationReportRequestProto {
            application_id: Some(application.into()),
        };
        let answer: GetApplicationReportResponseProto = self.call(STEP, &request).await?;
        required(answer.application_report, "application report")
            .map_err(|source| RmClientError::Answer { step: STEP, source })
    }

    /// Asks once to kill an application; true when it is dead. Repeat until then, with pauses.
    ///
    /// # Errors
    /// See [`RmClientError`].
    pub async fn kill(&mut self, application: ApplicationId, reason: &str) -> Result<bool, RmClientError> {
        let request = KillApplicationRequestProto {
            application_id: Some(application.into()),
            diagnostics: Some(reason.to_owned()),
        };
        let answer: KillApplicationResponseProto = self.call("forceKillApplication", &request).await?;
        Ok(answer.is_kill_completed())
    }

    async fn call<Q: prost::Message, A: prost::Message + Default>(
        &mut self,
        step: &'static str,
        request: &Q,
    ) -> Result<A, RmClientError> {
        let Outcome { result, retries } = self.servers.call(step, request).await;
        result.map_err(|source| RmClientError::Call { step, retries, source })
    }
}
