//! What a NodeManager tells a container through its environment.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use thiserror::Error;

use crate::environment::Environment;
use crate::id::{ApplicationId, ContainerId, NodeId};
use crate::token::{Credentials, TokenError};

/// Why the environment is not that of a YARN container.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContainerEnvError {
    /// A variable that every container has is missing.
    #[error(
        "the environment variable {variable} ({meaning}) is not set: this process was not started by YARN {role}; it must \
         run inside one, as the command of a launch context"
    )]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What it tells.
        meaning: &'static str,
        /// `in a container`, or `in the container of an ApplicationMaster`.
        role: &'static str,
    },
    /// A variable does not hold what YARN puts there.
    #[error("the environment variable {variable} is {value:?}, which is not {meaning}: {reason}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it should tell.
        meaning: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// What an auxiliary service tells is not in the form in which YARN passes it on.
    #[error("the environment variable NM_AUX_SERVICE_{service} is not Base64: {reason}")]
    AuxService {
        /// The service.
        service: String,
        /// What is wrong.
        reason: String,
    },
}

/// The environment of a container, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainerEnvironment {
    /// `CONTAINER_ID`: this container; its attempt and application derive from it.
    pub container_id: ContainerId,
    /// `NM_HOST` and `NM_PORT`: this node's NodeManager. Its host is the name to bind and to advertise.
    pub node: NodeId,
    /// `NM_HTTP_PORT`: the web port of this node's NodeManager.
    pub node_http_port: u16,
    /// `USER`: who submitted the application, even where the process runs as another user of the system.
    pub user: String,
    /// `PWD`: the working directory, where local resources are linked.
    pub working_directory: PathBuf,
    /// `LOCAL_DIRS`: the application's directory on each local disk, for temporary files. At least one.
    pub local_dirs: Vec<PathBuf>,
    /// `LOCAL_USER_DIRS`: the user's directory on each local disk, shared by the user's applications. Old NodeManagers
    /// do not tell them.
    pub local_user_dirs: Vec<PathBuf>,
    /// `LOG_DIRS`: the container's log directory on each log disk. At least one.
    pub log_dirs: Vec<PathBuf>,
    /// `HADOOP_TOKEN_FILE_LOCATION`: the credentials file.
    pub token_file: PathBuf,
    /// `HADOOP_CONF_DIR`, where the NodeManager passes it on.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// `HADOOP_USER_NAME`, where the client set it: who to be towards HDFS on a cluster without Kerberos.
    pub hadoop_user_name: Option<String>,
    /// `NM_AUX_SERVICE_…`: what each auxiliary service of the NodeManager tells its applications, by its name.
    pub aux_services: BTreeMap<String, Bytes>,
    /// `KEYSTORE_FILE_LOCATION` and the like, where the cluster gives ApplicationMasters certificates
    /// (`yarn.resourcemanager.application-https.policy`).
    pub certificates: Option<Certificates>,
    /// What only an ApplicationMaster has.
    application_master: Option<ApplicationMasterEnvironment>,
}

/// The key and the trusted certificates that YARN made for this application, as files in Java's key store format. Their
/// passwords are in `KEYSTORE_PASSWORD` and `TRUSTSTORE_PASSWORD`; they are not kept here, since this type is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// `KEYSTORE_FILE_LOCATION`: the application's key.
    pub key_store: PathBuf,
    /// `TRUSTSTORE_FILE_LOCATION`: whom it may trust.
    pub trust_store: Option<PathBuf>,
}

/// What the ResourceManager adds to the environment of an ApplicationMaster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationMasterEnvironment {
    /// `APPLICATION_WEB_PROXY_BASE`: the path under which the web proxy shows the ApplicationMaster.
    pub web_proxy_base: String,
    /// `APP_SUBMIT_TIME_ENV`: when the application was submitted, in milliseconds since the epoch.
    pub submit_time: u64,
}

const AUX_SERVICE: &str = "NM_AUX_SERVICE_";
const IN_A_CONTAINER: &str = "in a container";
const AS_A_MASTER: &str = "in the container of an ApplicationMaster";

impl ContainerEnvironment {
    /// The environment of this process.
    ///
    /// # Errors
    /// [`ContainerEnvError`], naming the variable.
    pub fn of_process() -> Result<Self, ContainerEnvError> {
        Self::from_environment(&Environment::of_process())
    }

    /// Reads the given variables.
    ///
    /// # Errors
    /// [`ContainerEnvError`], naming the variable.
    pub fn from_environment(environment: &Environment) -> Result<Self, ContainerEnvError> {
        let required = |variable, meaning| required(environment, variable, meaning, IN_A_CONTAINER);
        let container_id = parsed(
            "CONTAINER_ID",
            "a container id",
            required("CONTAINER_ID", "the container's id")?,
        )?;
        let host = required("NM_HOST", "the host of the NodeManager")?;
        let port = parsed("NM_PORT", "a port", required("NM_PORT", "the port of the NodeManager")?)?;
        let web_port = required("NM_HTTP_PORT", "the web port of the NodeManager")?;
        Ok(Self {
            container_id,
            node: NodeId::new(without_brackets(host), port),
            node_http_port: parsed("NM_HTTP_PORT", "a port", web_port)?,
            user: required("USER", "the submitting user")?.to_owned(),
            working_directory: required("PWD", "the working directory")?.into(),
            local_dirs: directories("LOCAL_DIRS", required("LOCAL_DIRS", "the local directories")?)?,
            local_user_dirs: environment.get("LOCAL_USER_DIRS").map(paths).unwrap_or_default(),
            log_dirs: directories("LOG_DIRS", required("LOG_DIRS", "the log directories")?)?,
            token_file: required("HADOOP_TOKEN_FILE_LOCATION", "the credentials file")?.into(),
            hadoop_conf_dir: environment.get("HADOOP_CONF_DIR").map(PathBuf::from),
            hadoop_user_name: environment.get("HADOOP_USER_NAME").map(str::to_owned),
            aux_services: aux_services(environment)?,
            certificates: environment.get("KEYSTORE_FILE_LOCATION").map(|key_store| Certificates {
                key_store: key_store.into(),
                trust_store: environment.get("TRUSTSTORE_FILE_LOCATION").map(PathBuf::from),
            }),
            application_master: master(environment)?,
        })
    }

    /// The application that this container works for.
    pub fn application_id(&self) -> ApplicationId {
        self.container_id.application()
    }

    /// Reads the credentials file.
    ///
    /// # Errors
    /// [`TokenError`], naming the file.
    pub fn credentials(&self) -> Result<Credentials, TokenError> {
        Credentials::read_file(&self.token_file)
    }

    /// The variables that only an ApplicationMaster has.
    ///
    /// # Errors
    /// [`ContainerEnvError::Missing`] in a container of another kind.
    pub fn application_master(&self) -> Result<&ApplicationMasterEnvironment, ContainerEnvError> {
        self.application_master.as_ref().ok_or(ContainerEnvError::Missing {
            variable: "APPLICATION_WEB_PROXY_BASE",
            meaning: "the path in the web proxy",
            role: AS_A_MASTER,
        })
    }

    /// The address that servers of this container should listen on, where the node's host is one.
    pub fn node_address(&self) -> Option<IpAddr> {
        match self.node.host() {
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            host => host.parse().ok(),
        }
    }
}

fn master(environment: &Environment) -> Result<Option<ApplicationMasterEnvironment>, ContainerEnvError> {
    let Some(base) = environment.get("APPLICATION_WEB_PROXY_BASE") else {
        return Ok(None);
    };
    let time = required(
        environment,
        "APP_SUBMIT_TIME_ENV",
        "when the application was submitted",
        AS_A_MASTER,
    )?;
    let submit_time = parsed("APP_SUBMIT_TIME_ENV", "a time in milliseconds", time)?;
    Ok(Some(ApplicationMasterEnvironment {
        web_proxy_base: base.to_owned(),
        submit_time,
    }))
}

fn required<'a>(
    environment: &'a Environment,
    variable: &'static str,
    meaning: &'static str,
    role: &'static str,
) -> Result<&'a str, ContainerEnvError> {
    environment.get(variable).ok_or(ContainerEnvError::Missing {
        variable,
        meaning,
        role,
    })
}

fn parsed<T: FromStr<Err: ToString>>(
    variable: &'static str,
    meaning: &'static str,
    value: &str,
) -> Result<T, ContainerEnvError> {
    value.parse().map_err(|cause: T::Err| ContainerEnvError::Invalid {
        variable,
        value: value.to_owned(),
        meaning,
        reason: cause.to_string(),
    })
}

fn directories(variable: &'static str, value: &str) -> Result<Vec<PathBuf>, ContainerEnvError> {
    let directories = paths(value);
    if directories.is_empty() {
        let reason = "it names none".to_owned();
        let meaning = "a list of directories with commas";
        return Err(ContainerEnvError::Invalid {
            variable,
            value: value.to_owned(),
            meaning,
            reason,
        });
    }
    Ok(directories)
}

fn paths(value: &str) -> Vec<PathBuf> {
    let paths = value.split(',').map(str::trim).filter(|path| !path.is_empty());
    paths.map(PathBuf::from).collect()
}

fn aux_services(environment: &Environment) -> Result<BTreeMap<String, Bytes>, ContainerEnvError> {
    let mut services = BTreeMap::new();
    for (variable, value) in environment.iter() {
        let Some(service) = variable.strip_prefix(AUX_SERVICE) else {
            continue;
        };
        let data = STANDARD.decode(value).map_err(|cause| ContainerEnvError::AuxService {
            service: service.to_owned(),
            reason: cause.to_string(),
        })?;
        services.insert(service.to_owned(), data.into());
    }
    Ok(services)
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests;
