//! How a container is started: its files, environment, command, tokens. The same model goes into a submission over REST
//! and into the container-management protocol.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::token::{Credentials, TokenKind};

mod builder;
mod command;
mod error;
mod local_resource;
mod quote;
mod retry;
mod url;

#[cfg(test)]
mod tests;

pub use builder::LaunchContextBuilder;
pub use command::CommandLine;
pub use error::LaunchError;
pub use local_resource::{LocalResource, LocalResourceType, LocalResourceVisibility};
pub use quote::{LOG_DIR, QuoteError, quote_argument, quote_environment_value, redirect_to_log_dir, variable};
pub use retry::{MIN_RETRY_INTERVAL, RetryContext, RetryWhen};
pub use url::{ParseUrlError, ResourceUrl};

/// Everything that a NodeManager needs to start a container. [`builder`](Self::builder) quotes and checks its parts.
///
/// Its debug form shows neither tokens nor the values of the environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ContainerLaunchContext {
    /// Files and archives to bring into the working directory, by the name of the link there.
    pub local_resources: BTreeMap<String, LocalResource>,
    /// Variables. The NodeManager writes them into a shell script: quote what is meant literally with
    /// [`quote_environment_value`].
    pub environment: BTreeMap<String, String>,
    /// Shell text, joined with spaces and run by `bash -c` from within double quotes: quote arguments with
    /// [`quote_argument`], end with [`redirect_to_log_dir`].
    pub commands: Vec<String>,
    /// The bytes of a credentials file (`HDTS…`), which the container gets as `HADOOP_TOKEN_FILE_LOCATION`.
    pub tokens: Option<Bytes>,
    /// Who may view or change the application, as `user1,user2 group1,group2`; `*` is everybody.
    pub acls: BTreeMap<ApplicationAccess, String>,
    /// Data for auxiliary services of the NodeManager, by the name of the service, which must exist.
    pub service_data: BTreeMap<String, Bytes>,
    /// Whether the NodeManager starts the process again when it fails.
    pub retry: Option<RetryContext>,
}

impl ContainerLaunchContext {
    /// The credentials as they leave for a container: without the AMRM token, with which a worker could act as its
    /// ApplicationMaster. Credentials that hold one and cannot be read are not sent at all.
    pub fn shipped_tokens(&self) -> Option<Bytes> {
        let tokens = self.tokens.as_ref()?;
        let kind = TokenKind::AmRm;
        let mentioned = tokens
            .windows(kind.as_str().len())
            .any(|part| part == kind.as_str().as_bytes());
        if !mentioned {
            return Some(tokens.clone());
        }
        let credentials = Credentials::read(tokens).ok()?;
        Some(credentials.without_am_rm_token().to_bytes())
    }
}

impl fmt::Debug for ContainerLaunchContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerLaunchContext")
            .field("local_resources", &self.local_resources)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("commands", &self.commands)
            .field(
                "tokens",
                &self.tokens.as_ref().map(|tokens| format!("{} bytes", tokens.len())),
            )
            .field("acls", &self.acls)
            .field("service_data", &self.service_data.keys().collect::<Vec<_>>())
            .field("retry", &self.retry)
            .finish()
    }
}

/// What somebody may do with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApplicationAccess {
    /// See its details and logs.
    View,
    /// Kill it.
    Modify,
}

impl ApplicationAccess {
    /// Hadoop's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "VIEW_APP",
            Self::Modify => "MODIFY_APP",
        }
    }
}
