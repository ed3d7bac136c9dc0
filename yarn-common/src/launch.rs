//! How a container is started: its files, environment, command, tokens. The same model goes into a submission over REST
//! and into the container-management protocol.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

mod quote;
mod url;

pub use quote::{LOG_DIR, QuoteError, quote_argument, quote_environment_value, redirect_to_log_dir, variable};
pub use url::{ParseUrlError, ResourceUrl};

/// Everything that a NodeManager needs to start a container.
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
            .finish()
    }
}

/// A file or archive that the NodeManager fetches before it starts the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalResource {
    /// Where it is.
    pub url: ResourceUrl,
    /// Its length in bytes.
    pub size: u64,
    /// Its modification time in milliseconds, **exactly** as the file system tells it after the upload: otherwise the
    /// container fails ("changed on src filesystem").
    pub timestamp: i64,
    /// Whether it is unpacked.
    pub kind: LocalResourceType,
    /// Who shares the copy on the node.
    pub visibility: LocalResourceVisibility,
    /// For [`LocalResourceType::Pattern`]: what to unpack, a regular expression. REST cannot carry it.
    pub pattern: Option<String>,
}

/// Whether a local resource is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalResourceType {
    /// Unpacked, by its suffix (`.zip`, `.tar`, `.tgz`, `.tar.gz`, `.jar`), into a directory named by its key.
    Archive,
    /// Left as it is.
    File,
    /// Kept and unpacked in part.
    Pattern,
}

impl LocalResourceType {
    /// Hadoop's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "ARCHIVE",
            Self::File => "FILE",
            Self::Pattern => "PATTERN",
        }
    }
}

/// Who shares the copy of a local resource on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalResourceVisibility {
    /// All users of the node. The file must be readable, and all its parents searchable, by everybody.
    Public,
    /// All applications of the user.
    Private,
    /// The containers of one application.
    Application,
}

impl LocalResourceVisibility {
    /// Hadoop's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
            Self::Application => "APPLICATION",
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_shows_no_secrets() {
        let context = ContainerLaunchContext {
            environment: BTreeMap::from([("KEY".to_owned(), "hidden-value".to_owned())]),
            tokens: Some(Bytes::from_static(b"hidden-token")),
            ..ContainerLaunchContext::default()
        };
        let text = format!("{context:?}");
        assert!(
            !text.contains("hidden") && text.contains("KEY") && text.contains("12 bytes"),
            "{text}"
        );
    }
}
