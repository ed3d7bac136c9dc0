//! How the ResourceManager is found and treated.

use yarn_common::{
    conf::HadoopConfiguration,
    container_env::ContainerEnvironment,
    token::{Credentials, Token, TokenKind},
};

use super::AmError;
use crate::{ipc::IpcOptions, retry::RetryPolicy};

/// How an [`AmClient`](super::AmClient) finds and treats the ResourceManager.
#[derive(Clone, Debug)]
pub struct AmOptions {
    /// Scheduler addresses (`host:port`, default port 8030), one per ResourceManager.
    pub addresses: Vec<String>,
    /// The AMRM token from the container's credentials file.
    pub token: Token,
    /// How long to look for an active ResourceManager.
    pub retry: RetryPolicy,
    /// Time-outs and limits of the connection.
    pub ipc: IpcOptions,
}

impl AmOptions {
    /// Hadoop's defaults.
    pub fn new(addresses: Vec<String>, token: Token) -> Self {
        Self {
            addresses,
            token,
            retry: RetryPolicy::RESOURCE_MANAGER,
            ipc: IpcOptions::default(),
        }
    }

    /// What a process finds that YARN has started as an ApplicationMaster: the scheduler addresses and the patience in
    /// the Hadoop configuration (`HADOOP_CONF_DIR`), the token in the credentials file.
    ///
    /// # Errors
    /// [`AmError::Environment`], naming the variable, the property or the file.
    pub fn from_container() -> Result<Self, AmError> {
        let unusable = |error: &dyn std::fmt::Display| AmError::Environment(error.to_string());
        let container = ContainerEnvironment::of_process().map_err(|error| unusable(&error))?;
        let credentials = Credentials::read_file(&container.token_file).map_err(|error| unusable(&error))?;
        let conf = HadoopConfiguration::from_env().map_err(|error| unusable(&error))?;
        Self::from_configuration(&conf, &credentials)
    }

    /// The same from a configuration and credentials that were read already.
    ///
    /// # Errors
    /// [`AmError::Environment`].
    pub fn from_configuration(conf: &HadoopConfiguration, credentials: &Credentials) -> Result<Self, AmError> {
        let unusable = |error: &dyn std::fmt::Display| AmError::Environment(error.to_string());
        let token = credentials.am_rm_token().ok_or_else(|| {
            AmError::Environment(
                "the credentials hold no AMRM token (kind YARN_AM_RM_TOKEN): only the process that YARN starts as an \
                 ApplicationMaster gets one"
                    .to_owned(),
            )
        })?;
        let addresses = conf.rm_scheduler_addresses().map_err(|error| unusable(&error))?;
        let mut options = Self::new(addresses.iter().map(ToString::to_string).collect(), token.clone());
        options.retry.max_delay = conf.rm_connect_retry_interval().map_err(|error| unusable(&error))?;
        if let Some(limit) = conf.rm_connect_max_wait().map_err(|error| unusable(&error))? {
            options.retry.max_wait = limit;
        } else {
            options.retry.max_wait = std::time::Duration::MAX;
        }
        Ok(options)
    }

    pub(super) fn check(&self) -> Result<(), AmError> {
        if self.addresses.is_empty() {
            return Err(AmError::NoAddress);
        }
        if let Some(address) = self.addresses.iter().find(|address| !is_address(address)) {
            return Err(AmError::Address(address.clone()));
        }
        if *self.token.kind() != TokenKind::AmRm {
            return Err(AmError::WrongToken(self.token.kind().as_str().to_owned()));
        }
        Ok(())
    }
}

/// `host:port` with a port from 1 on.
pub(super) fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}
