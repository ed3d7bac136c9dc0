//! What a token is for.

use std::fmt;

/// The kind of a token: which service issued it and which service accepts it.
///
/// Hadoop writes kinds as text; [`TokenKind::as_str`] and the conversion from `&str` give and take that text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TokenKind {
    /// `YARN_AM_RM_TOKEN`: proves an application attempt to the ResourceManager's scheduler port.
    AmRm,
    /// `NMToken`: proves an application attempt to one NodeManager.
    NodeManager,
    /// `ContainerToken`: the ResourceManager's grant of one container. It is sent inside `startContainers`, never
    /// used to log in.
    Container,
    /// `RM_DELEGATION_TOKEN`: a user's right to speak to the ResourceManager.
    ResourceManagerDelegation,
    /// `YARN_CLIENT_TOKEN`: proves a client to a secured ApplicationMaster.
    ClientToAm,
    /// `HDFS_DELEGATION_TOKEN`: a user's right to speak to a NameNode.
    HdfsDelegation,
    /// `WEBHDFS delegation`: an HDFS delegation token returned by WebHDFS over HTTP.
    WebHdfsDelegation,
    /// `SWEBHDFS delegation`: an HDFS delegation token returned by WebHDFS over HTTPS.
    SecureWebHdfsDelegation,
    /// Any other kind, as it was written.
    Other(String),
}

impl TokenKind {
    /// The text that Hadoop writes for this kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AmRm => "YARN_AM_RM_TOKEN",
            Self::NodeManager => "NMToken",
            Self::Container => "ContainerToken",
            Self::ResourceManagerDelegation => "RM_DELEGATION_TOKEN",
            Self::ClientToAm => "YARN_CLIENT_TOKEN",
            Self::HdfsDelegation => "HDFS_DELEGATION_TOKEN",
            Self::WebHdfsDelegation => "WEBHDFS delegation",
            Self::SecureWebHdfsDelegation => "SWEBHDFS delegation",
            Self::Other(text) => text,
        }
    }
}

impl From<&str> for TokenKind {
    fn from(text: &str) -> Self {
        match text {
            "YARN_AM_RM_TOKEN" => Self::AmRm,
            "NMToken" => Self::NodeManager,
            "ContainerToken" => Self::Container,
            "RM_DELEGATION_TOKEN" => Self::ResourceManagerDelegation,
            "YARN_CLIENT_TOKEN" => Self::ClientToAm,
            "HDFS_DELEGATION_TOKEN" => Self::HdfsDelegation,
            "WEBHDFS delegation" => Self::WebHdfsDelegation,
            "SWEBHDFS delegation" => Self::SecureWebHdfsDelegation,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
