//! A session that nobody deploys: all that is known of it is where its REST endpoint is.

use async_trait::async_trait;

use super::{ClusterClientError, DeployError, RestClusterClient, SessionCluster};

/// A session at a REST address.
#[derive(Debug)]
pub struct RemoteSession {
    address: String,
    rest: RestClusterClient,
}

impl RemoteSession {
    /// The session at `host:port`. Nobody is asked yet.
    ///
    /// # Errors
    /// [`ClusterClientError::Client`].
    pub fn new(address: &str) -> Result<Self, ClusterClientError> {
        Ok(Self {
            rest: RestClusterClient::direct(address)?,
            address: address.to_owned(),
        })
    }
}

#[async_trait]
impl SessionCluster for RemoteSession {
    fn name(&self) -> String {
        format!("the session at {}", self.address)
    }

    fn options(&self) -> String {
        format!("-m {}", self.address)
    }

    fn rest(&self) -> &RestClusterClient {
        &self.rest
    }

    /// Nobody else can be asked.
    async fn end(&self) -> Result<Option<String>, DeployError> {
        Ok(None)
    }
}
