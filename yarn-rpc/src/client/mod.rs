//! ApplicationClientProtocol: submit an application and follow it; look at the cluster.
//!
//! What the REST interface offers too, for clusters where it is closed or cannot say it: where both have a method, it
//! has the same name and the same meaning. Without Kerberos the caller is a user by name ([`Identity::Simple`]) or holds
//! a delegation token.

mod applications;
mod attempt;
mod cluster;
mod error;
mod queue;
mod report;
mod security;
mod submission;

#[cfg(test)]
mod tests;

use prost::Message;
use yarn_common::conf::{ConfError, HadoopConfiguration};

pub use self::applications::{ApplicationFilter, ApplicationScope, NewApplication};
pub use self::attempt::{ApplicationAttempt, AttemptState, ContainerReport};
pub use self::cluster::{ClusterMetrics, NodeLabel, QueueAccess};
pub use self::error::YarnClientError;
pub use self::queue::{Queue, QueueState};
pub use self::report::{
    ApplicationReport, ApplicationState, FinalApplicationStatus, Lifetime, LogAggregationStatus, ResourceUsage,
};
use crate::{
    convert::{self, ConversionError},
    ipc::{Identity, IpcClient, IpcOptions, Protocol},
    retry::{Outcome, RetryPolicy, Servers},
};

/// How a [`YarnClient`] finds the ResourceManager and who it is.
#[derive(Clone, Debug)]
pub struct YarnClientOptions {
    /// Client addresses (`host:port`, default port 8032), one per ResourceManager.
    pub addresses: Vec<String>,
    /// Who asks.
    pub identity: Identity,
    /// How long to look for an active ResourceManager.
    pub retry: RetryPolicy,
    /// Time-outs and limits of the connection.
    pub ipc: IpcOptions,
}

impl YarnClientOptions {
    /// Hadoop's defaults.
    pub fn new(addresses: Vec<String>, identity: Identity) -> Self {
        Self {
            addresses,
            identity,
            retry: RetryPolicy::RESOURCE_MANAGER,
            ipc: IpcOptions::default(),
        }
    }

    /// The addresses of a Hadoop configuration.
    ///
    /// # Errors
    /// [`ConfError`], naming the property and its file.
    pub fn from_configuration(conf: &HadoopConfiguration, identity: Identity) -> Result<Self, ConfError> {
        let addresses = conf.rm_client_addresses()?;
        Ok(Self::new(addresses.iter().map(ToString::to_string).collect(), identity))
    }
}

/// Speaks ApplicationClientProtocol with the active ResourceManager. Calls may be made side by side.
#[derive(Debug)]
pub struct YarnClient {
    servers: Servers,
}

impl YarnClient {
    /// A client that connects with its first call.
    ///
    /// # Errors
    /// [`YarnClientError::NoAddress`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(options: YarnClientOptions) -> Result<Self, YarnClientError> {
        if options.addresses.is_empty() {
            return Err(YarnClientError::NoAddress);
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

    async fn call<Q: Message, A: Message + Default>(
        &self,
        step: &'static str,
        request: &Q,
    ) -> Result<A, YarnClientError> {
        let Outcome { result, retries } = self.servers.call(step, request).await;
        result.map_err(|source| YarnClientError::Call { step, retries, source })
    }

    /// A field of an answer that must be there.
    fn field<P, T>(step: &'static str, field: Option<P>, name: &'static str) -> Result<T, YarnClientError>
    where
        T: TryFrom<P, Error: Into<ConversionError>>,
    {
        convert::required(field, name).map_err(|source| YarnClientError::Answer { step, source })
    }

    /// The elements of a list in an answer.
    fn fields<P, T: TryFrom<P, Error = ConversionError>>(
        step: &'static str,
        fields: Vec<P>,
    ) -> Result<Vec<T>, YarnClientError> {
        convert::all(fields).map_err(|source| YarnClientError::Answer { step, source })
    }
}
