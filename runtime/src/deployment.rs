//! What the client tells an ApplicationMaster's container, and the master a worker's, beyond YARN's own variables.
//!
//! ```text
//! working directory of the ApplicationMaster        of a TaskManager
//!   selvedge-dist/selvedge   the binary               selvedge-dist/selvedge
//!   config.yaml              effective settings       config.yaml
//!   hadoop-site.xml          the client's Hadoop      hadoop-site.xml
//!                            configuration, no secrets
//!   job-graph.json           its only job, if any     –
//!   application.json         of an application whose  –
//!   program-NAME             program the master runs
//! commands: ./selvedge-dist/selvedge appmaster        ./selvedge-dist/selvedge taskmanager -Dkey=value …
//! ```
//!
//! The master starts workers with the same resources that it was started with: [`MasterEnvironment::shipped`] describes
//! them, so that nothing is uploaded again. The application secret travels in the containers' credentials, under
//! [`ApplicationSecret::CREDENTIALS_ALIAS`](crate::rpc::ApplicationSecret::CREDENTIALS_ALIAS), never in a variable.
//!
//! A container's command and variables stand in its launch script, on the node's disk: no secret setting may be among them.
//! Such settings travel in `config.yaml` alone, which only the user may read; a process takes its secret variables
//! (`containerized.*.env.*`) from there ([`secret_variables`]).

use std::collections::BTreeMap;

use selvedge_core::config::is_secret;
use selvedge_core::{Configuration, JobId};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use yarn_common::environment::Environment;
use yarn_common::id::ApplicationId;
use yarn_common::launch::{
    LocalResource, LocalResourceType, LocalResourceVisibility, ParseUrlError, QuoteError, quote_argument,
    quote_environment_value,
};

/// The directory in a container's working directory into which the archive is unpacked.
pub const DIST_DIRECTORY: &str = "selvedge-dist";
/// The binary in the archive.
pub const BINARY_NAME: &str = "selvedge";
/// The effective settings, in the working directory.
pub const CONFIG_FILE: &str = "config.yaml";
/// The client's Hadoop configuration without secrets, in the working directory.
pub const HADOOP_SITE_FILE: &str = "hadoop-site.xml";
/// The only job of an application that has one, in the working directory of its ApplicationMaster.
pub const JOB_GRAPH_FILE: &str = "job-graph.json";
/// The program of an application and its arguments ([`ApplicationProgram`]), in the working directory of its ApplicationMaster.
pub const APPLICATION_FILE: &str = "application.json";
/// Names the node of a worker in its environment, as Flink's `_FLINK_NODE_ID`.
pub const NODE_ID_VARIABLE: &str = "_SELVEDGE_NODE_ID";

const APPLICATION_ID: &str = "_SELVEDGE_APP_ID";
const ROLE: &str = "_SELVEDGE_ROLE";
const JOB_ID: &str = "_SELVEDGE_JOB_ID";
const STAGING_DIRECTORY: &str = "_SELVEDGE_YARN_FILES";
const DIST: &str = "_SELVEDGE_DIST_ARCHIVE";
const SHIPPED: &str = "_SELVEDGE_SHIP_FILES";
const CLIENT_HOME: &str = "_SELVEDGE_CLIENT_HOME_DIR";
const USER: &str = "HADOOP_USER_NAME";
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Few malloc arenas: each costs 64 MiB of the virtual memory that a NodeManager counts.
const ARENA_COUNT: &str = "2";

/// A file or archive in the cluster's file system that containers get by YARN's localisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippedFile {
    /// Its name in the working directory.
    pub key: String,
    /// Where it is: `hdfs://namenode:8020/…`.
    pub url: String,
    /// Its exact length in bytes.
    pub size: u64,
    /// Its exact modification time in milliseconds, as the file system tells it.
    pub modification_time: i64,
    /// Whether it is unpacked.
    pub archive: bool,
    /// Who shares the copy on a node.
    pub visibility: Visibility,
}

/// Who shares the copy of a shipped file on a node, with YARN's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Visibility {
    /// All users.
    Public,
    /// All applications of the user.
    Private,
    /// The containers of one application.
    Application,
}

impl From<Visibility> for LocalResourceVisibility {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Private => Self::Private,
            Visibility::Application => Self::Application,
        }
    }
}

impl ShippedFile {
    /// The entry of a container's launch context, whose key is [`key`](Self::key).
    ///
    /// # Errors
    /// [`DeploymentError::Invalid`] where the URL cannot be read.
    pub fn to_local_resource(&self) -> Result<LocalResource, DeploymentError> {
        let url = self
            .url
            .parse()
            .map_err(|error: ParseUrlError| invalid(SHIPPED, &self.url, &error.reason))?;
        Ok(LocalResource {
            url,
            size: self.size,
            timestamp: self.modification_time,
            kind: if self.archive {
                LocalResourceType::Archive
            } else {
                LocalResourceType::File
            },
            visibility: self.visibility.into(),
            pattern: None,
        })
    }
}

/// The program that the master of an application runs; its arguments may be nobody else's to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationProgram {
    /// Its file in the working directory.
    pub file: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl ApplicationProgram {
    /// How the names of such files begin.
    pub const PREFIX: &str = "program-";

    /// The name in a container's working directory of a program with this one: scripts of containers know few characters.
    pub fn file_of(name: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        format!("{}{name}", Self::PREFIX)
    }
}

/// Stands for an application as a whole, in place of a job, where its client tells that it is there.
pub const CLIENT_OF_APPLICATION: JobId = JobId::from_bytes([0; 16]);

/// What an ApplicationMaster is for (`_SELVEDGE_ROLE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterRole {
    /// It runs one job and ends with it: the job's id (`_SELVEDGE_JOB_ID`).
    PerJob(JobId),
    /// It takes jobs until it is told to end.
    Session,
    /// It runs a program, or submits a job, and ends with the jobs that come of it.
    Application,
}

const PER_JOB: &str = "per-job";
const APPLICATION: &str = "application";
const SESSION: &str = "session";

impl MasterRole {
    fn to_env(self) -> Vec<(String, String)> {
        match self {
            Self::PerJob(job) => vec![
                (ROLE.to_owned(), PER_JOB.to_owned()),
                (JOB_ID.to_owned(), job.to_string()),
            ],
            Self::Session => vec![(ROLE.to_owned(), SESSION.to_owned())],
            Self::Application => vec![(ROLE.to_owned(), APPLICATION.to_owned())],
        }
    }

    fn from_env(environment: &Environment) -> Result<Self, DeploymentError> {
        match required(environment, ROLE)? {
            PER_JOB => Ok(Self::PerJob(parsed(environment, JOB_ID)?)),
            SESSION => Ok(Self::Session),
            APPLICATION => Ok(Self::Application),
            other => {
                let known = format!("known are {PER_JOB}, {SESSION} and {APPLICATION}");
                Err(invalid(ROLE, other, &known))
            }
        }
    }
}

/// What the client tells the ApplicationMaster through its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterEnvironment {
    /// The application (`_SELVEDGE_APP_ID`).
    pub application_id: ApplicationId,
    /// What its master is for.
    pub role: MasterRole,
    /// The application's directory in the cluster's file system, which the master deletes when it has unregistered
    /// (`_SELVEDGE_YARN_FILES`).
    pub staging_directory: String,
    /// The archive with the binary (`_SELVEDGE_DIST_ARCHIVE`, JSON).
    pub dist: ShippedFile,
    /// What each worker gets besides it (`_SELVEDGE_SHIP_FILES`, a JSON list).
    pub shipped: Vec<ShippedFile>,
    /// The user's directory in which the staging directory lies (`_SELVEDGE_CLIENT_HOME_DIR`).
    pub client_home: String,
    /// The submitting user (`HADOOP_USER_NAME`).
    pub user: String,
}

/// A variable of the deployment that is missing or cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// Not set.
    #[error("the environment variable {variable} is not set: this process was not started by a Selvedge client")]
    Missing {
        /// The variable.
        variable: &'static str,
    },
    /// Not readable.
    #[error("the environment variable {variable} is '{value}': {reason}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// As found.
        value: String,
        /// What is wrong.
        reason: String,
    },
    /// A container's script cannot hold the value.
    #[error("the environment variable {variable} cannot be passed to a container: {reason}")]
    Quote {
        /// The variable.
        variable: String,
        /// What is wrong.
        reason: QuoteError,
    },
    /// A secret was about to stand on a command line.
    #[error(
        "the setting {key} is a secret and cannot be passed on a command line, where everybody on the node can read it: it \
         belongs into {CONFIG_FILE}, which travels with the application"
    )]
    Secret {
        /// The setting's key.
        key: String,
    },
}

impl MasterEnvironment {
    /// The variables with their plain values. A container's script needs them quoted: see [`quoted`].
    pub fn to_env(&self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::from([
            (APPLICATION_ID.to_owned(), self.application_id.to_string()),
            (STAGING_DIRECTORY.to_owned(), self.staging_directory.clone()),
            (DIST.to_owned(), json(&self.dist)),
            (SHIPPED.to_owned(), json(&self.shipped)),
            (CLIENT_HOME.to_owned(), self.client_home.clone()),
            (USER.to_owned(), self.user.clone()),
            (ARENAS.to_owned(), ARENA_COUNT.to_owned()),
        ]);
        variables.extend(self.role.to_env());
        variables
    }

    /// Reads the variables of an ApplicationMaster's container.
    ///
    /// # Errors
    /// [`DeploymentError`], naming the variable.
    pub fn from_env(environment: &Environment) -> Result<Self, DeploymentError> {
        Ok(Self {
            application_id: parsed(environment, APPLICATION_ID)?,
            role: MasterRole::from_env(environment)?,
            staging_directory: required(environment, STAGING_DIRECTORY)?.to_owned(),
            dist: from_json(environment, DIST)?,
            shipped: from_json(environment, SHIPPED)?,
            client_home: required(environment, CLIENT_HOME)?.to_owned(),
            user: required(environment, USER)?.to_owned(),
        })
    }

    /// The variables of a worker's container on `node`, with plain values; settings add to it
    /// (`containerized.taskmanager.env.*`).
    pub fn worker_env(&self, node: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            (USER.to_owned(), self.user.clone()),
            (NODE_ID_VARIABLE.to_owned(), node.to_owned()),
            (ARENAS.to_owned(), ARENA_COUNT.to_owned()),
        ])
    }

    /// What a worker's container gets, by its name in the working directory: the binary and the shipped files.
    ///
    /// # Errors
    /// [`DeploymentError::Invalid`] where a URL cannot be read.
    pub fn worker_resources(&self) -> Result<BTreeMap<String, LocalResource>, DeploymentError> {
        std::iter::once(&self.dist)
            .chain(&self.shipped)
            .map(|file| Ok((file.key.clone(), file.to_local_resource()?)))
            .collect()
    }
}

/// The variables as a launch context needs them, such that the process sees exactly the given values.
///
/// # Errors
/// [`DeploymentError::Quote`] where a value holds a NUL character.
pub fn quoted(variables: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, DeploymentError> {
    variables
        .into_iter()
        .map(|(variable, value)| match quote_environment_value(&value) {
            Ok(value) => Ok((variable, value)),
            Err(reason) => Err(DeploymentError::Quote { variable, reason }),
        })
        .collect()
}

/// The variables that the settings give to a container's launch script: those below `prefix` that are no secrets.
pub fn open_variables(configuration: &Configuration, prefix: &str) -> BTreeMap<String, String> {
    variables(configuration, prefix, false)
}

/// The variables that a process must set for itself, as they may not stand in its launch script: the secrets below
/// `prefix`.
pub fn secret_variables(configuration: &Configuration, prefix: &str) -> BTreeMap<String, String> {
    variables(configuration, prefix, true)
}

fn variables(configuration: &Configuration, prefix: &str, secret: bool) -> BTreeMap<String, String> {
    let wanted = configuration
        .iter()
        .filter(|(key, value)| is_secret(key, value) == secret);
    wanted
        .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.to_owned())))
        .collect()
}

/// Settings as arguments of a role's command line, quoted for the shell that starts it.
///
/// # Errors
/// [`DeploymentError::Quote`] where a value holds a NUL character, [`DeploymentError::Secret`] where one is a secret.
pub fn dynamic_properties<'a>(
    settings: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<String>, DeploymentError> {
    let argument = |(key, value): (&str, &str)| {
        if is_secret(key, value) {
            return Err(DeploymentError::Secret { key: key.to_owned() });
        }
        quote_argument(&format!("-D{key}={value}")).map_err(|reason| DeploymentError::Quote {
            variable: key.to_owned(),
            reason,
        })
    };
    settings.into_iter().map(argument).collect()
}

fn required<'a>(environment: &'a Environment, variable: &'static str) -> Result<&'a str, DeploymentError> {
    environment.get(variable).ok_or(DeploymentError::Missing { variable })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    environment: &Environment,
    variable: &'static str,
) -> Result<T, DeploymentError> {
    let text = required(environment, variable)?;
    text.parse().map_err(|error: T::Err| invalid(variable, text, &error))
}

fn from_json<T: serde::de::DeserializeOwned>(
    environment: &Environment,
    variable: &'static str,
) -> Result<T, DeploymentError> {
    let text = required(environment, variable)?;
    serde_json::from_str(text).map_err(|error| invalid(variable, text, &error))
}

/// Plain structs and lists of texts and numbers always have a JSON form.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a shipped file has a JSON form")
}

fn invalid(variable: &'static str, value: &str, reason: &dyn std::fmt::Display) -> DeploymentError {
    DeploymentError::Invalid {
        variable,
        value: value.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests;
