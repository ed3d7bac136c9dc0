use selvedge_appmaster::resourcemanager::{MostSlotsError, TooFewSlots};
use selvedge_core::config::ConfigError;
use selvedge_core::memory::MemoryError;
use selvedge_runtime::artifact::ArtifactError;
use selvedge_runtime::connector::ConnectorError;
use selvedge_runtime::deployment::DeploymentError;
use selvedge_runtime::fs::{FsError, Location, ParseLocationError};
use thiserror::Error;
use yarn_common::conf::ConfError;
use yarn_common::id::ApplicationId;
use yarn_rest::error::RestError;
use yarn_rest::rm::BuildError;

use super::ShipError;
use crate::cluster::ClusterClientError;

/// Why a job could not be brought to YARN, or what became of it there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum YarnError {
    /// The Hadoop configuration.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
    /// The addresses of the ResourceManager.
    #[error(transparent)]
    Address(#[from] BuildError),
    /// A request to the ResourceManager.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The memory of the master or the workers.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// How many slots the cluster can have.
    #[error(transparent)]
    Slots(#[from] MostSlotsError),
    /// The job needs more.
    #[error(transparent)]
    TooFewSlots(#[from] TooFewSlots),
    /// A path.
    #[error(transparent)]
    Path(#[from] ParseLocationError),
    /// The environment of the master.
    #[error(transparent)]
    Environment(#[from] DeploymentError),
    /// The master's REST endpoint.
    #[error(transparent)]
    Client(#[from] ClusterClientError),
    /// Nobody to be.
    #[error("it is not known as which user to submit: set HADOOP_USER_NAME or USER")]
    NoUser,
    /// Nobody here can log in to the cluster.
    #[error(
        "the Hadoop configuration asks for Kerberos (hadoop.security.authentication is kerberos), by which Selvedge's client and \
         containers do not log in: they could neither submit nor read what is staged. Use a cluster with simple authentication; \
         if this one has it, set hadoop.security.authentication in core-site.xml, or \
         -Dflink.hadoop.hadoop.security.authentication=simple"
    )]
    Kerberos,
    /// The cluster cannot take the request.
    #[error("{0}")]
    NotReady(String),
    /// The default file system cannot hold what containers need.
    #[error(
        "fs.defaultFS is {found}, and containers on other nodes cannot read a local disk: set fs.defaultFS in core-site.xml \
         to HDFS, or yarn.staging-directory to an hdfs:// directory"
    )]
    LocalStaging {
        /// As configured.
        found: Location,
    },
    /// A file could not be staged.
    #[error("cannot stage {what}")]
    Stage {
        /// Which file or directory.
        what: String,
        /// Why.
        #[source]
        cause: Box<FsError>,
    },
    /// The user may not write where it is staged.
    #[error(
        "cannot stage {what}: set yarn.staging-directory to a directory that you may write to, or have an administrator of HDFS \
         make your home directory"
    )]
    Denied {
        /// Which file or directory.
        what: String,
        /// Why.
        #[source]
        cause: Box<FsError>,
    },
    /// The queue does not take the user's applications.
    #[error(
        "YARN does not let you use the queue '{queue}': name another one (yarn.application.queue, -qu; selvedge yarn-session -q shows \
         them), or ask its administrator for access"
    )]
    QueueDenied {
        /// The queue.
        queue: String,
        /// What YARN said.
        #[source]
        cause: RestError,
    },
    /// A sink of the job.
    #[error(transparent)]
    Sink(ConnectorError),
    /// A file that the job brings along.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// What was to be sent along.
    #[error(transparent)]
    Ship(#[from] ShipError),
    /// The place of the archive is not safe.
    #[error("cannot stage the binary: {0}")]
    Unsafe(String),
    /// The binary itself.
    #[error("cannot pack the binary {path}")]
    Pack {
        /// The binary or the archive.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The job graph has no JSON form.
    #[error("the job graph cannot be written as JSON")]
    Graph(#[source] serde_json::Error),
    /// No such application.
    #[error(
        "YARN does not know {application}: it is another cluster's, or ended so long ago that YARN has forgotten it; \
         selvedge yarn-session starts a session"
    )]
    UnknownApplication {
        /// The application.
        application: ApplicationId,
    },
    /// It runs no more.
    #[error("{application} is {state}: {diagnostics}; selvedge yarn-session starts a session")]
    Over {
        /// The application.
        application: ApplicationId,
        /// FAILED, KILLED or FINISHED.
        state: String,
        /// What YARN says.
        diagnostics: String,
    },
    /// Somebody else's.
    #[error(
        "{application} belongs to {owner}, and you are {user}: who may act for {owner} sets HADOOP_USER_NAME={owner}; selvedge \
         yarn-session starts a session of your own"
    )]
    Foreign {
        /// The application.
        application: ApplicationId,
        /// Whose it is.
        owner: String,
        /// Who asks.
        user: String,
    },
    /// Another kind of application.
    #[error("{application} is no session of Selvedge: {reason}")]
    NotASession {
        /// The application.
        application: ApplicationId,
        /// What it is.
        reason: String,
    },
    /// The file systems.
    #[error(transparent)]
    FileSystem(#[from] FsError),
    /// YARN ended the application before its master was there.
    #[error("{application} is {state} before its master could be reached: {diagnostics}{log}")]
    Ended {
        /// The application.
        application: ApplicationId,
        /// FAILED, KILLED or FINISHED.
        state: String,
        /// What YARN says.
        diagnostics: String,
        /// The last lines of the master's log, where they could be read.
        log: String,
    },
}

impl YarnError {
    /// Whether the application that was asked for does not run any more.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::UnknownApplication { .. } | Self::Over { .. })
    }
}
