//! What a NodeManager tells a container through its environment.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::environment::Environment;
use crate::id::{ApplicationId, ContainerId, NodeId};

/// Why the environment is not that of a YARN container.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContainerEnvError {
    /// A variable that every container has is missing.
    #[error("the environment variable {variable} ({meaning}) is not set: this process was not started by YARN {role}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What it tells.
        meaning: &'static str,
        /// `in a container`, or `as an ApplicationMaster`.
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
}

/// The environment of a container, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// `LOG_DIRS`: the container's log directory on each log disk. At least one.
    pub log_dirs: Vec<PathBuf>,
    /// `HADOOP_TOKEN_FILE_LOCATION`: the credentials file.
    pub token_file: PathBuf,
    /// `HADOOP_CONF_DIR`, where the NodeManager passes it on.
    pub hadoop_conf_dir: Option<PathBuf>,
    /// `HADOOP_USER_NAME`, where the client set it: who to be towards HDFS on a cluster without Kerberos.
    pub hadoop_user_name: Option<String>,
    /// What only an ApplicationMaster has.
    application_master: Option<ApplicationMasterEnvironment>,
}

/// What the ResourceManager adds to the environment of an ApplicationMaster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationMasterEnvironment {
    /// `APPLICATION_WEB_PROXY_BASE`: the path under which the web proxy shows the ApplicationMaster.
    pub web_proxy_base: String,
    /// `APP_SUBMIT_TIME_ENV`: when the application was submitted, in milliseconds since the epoch.
    pub submit_time: u64,
}

const IN_A_CONTAINER: &str = "in a container";
const AS_A_MASTER: &str = "as an ApplicationMaster";

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
            log_dirs: directories("LOG_DIRS", required("LOG_DIRS", "the log directories")?)?,
            token_file: required("HADOOP_TOKEN_FILE_LOCATION", "the credentials file")?.into(),
            hadoop_conf_dir: environment.get("HADOOP_CONF_DIR").map(PathBuf::from),
            hadoop_user_name: environment.get("HADOOP_USER_NAME").map(str::to_owned),
            application_master: master(environment)?,
        })
    }

    /// The application that this container works for.
    pub fn application_id(&self) -> ApplicationId {
        self.container_id.application()
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
    let directories: Vec<PathBuf> = value
        .split(',')
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
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

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: [(&str, &str); 9] = [
        ("CONTAINER_ID", "container_e03_1700000000000_0007_01_000002"),
        ("NM_HOST", "127.0.0.2"),
        ("NM_PORT", "45454"),
        ("NM_HTTP_PORT", "8042"),
        ("USER", "alice"),
        ("PWD", "/data/1/c"),
        ("LOCAL_DIRS", "/data/1/app,/data/2/app"),
        ("LOG_DIRS", "/logs/c"),
        ("HADOOP_TOKEN_FILE_LOCATION", "/data/1/c/container_tokens"),
    ];

    fn with(extra: &[(&'static str, &'static str)]) -> Result<ContainerEnvironment, ContainerEnvError> {
        ContainerEnvironment::from_environment(&WORKER.iter().chain(extra).copied().collect())
    }

    #[test]
    fn a_container_knows_who_and_where_it_is() {
        let environment = with(&[]).unwrap();
        assert_eq!(
            environment.application_id().to_string(),
            "application_1700000000000_0007"
        );
        assert_eq!(environment.node.to_string(), "127.0.0.2:45454");
        assert_eq!(environment.node_address(), Some(IpAddr::from([127, 0, 0, 2])));
        assert_eq!(
            environment.local_dirs,
            [PathBuf::from("/data/1/app"), PathBuf::from("/data/2/app")]
        );
        assert_eq!(environment.hadoop_conf_dir, None);
        let message = environment.application_master().unwrap_err().to_string();
        assert!(
            message.ends_with("not started by YARN as an ApplicationMaster"),
            "{message}"
        );
    }

    #[test]
    fn a_master_knows_its_proxy_path() {
        let environment = with(&[
            ("APPLICATION_WEB_PROXY_BASE", "/proxy/application_1700000000000_0007"),
            ("APP_SUBMIT_TIME_ENV", "1700000000123"),
            ("HADOOP_CONF_DIR", "/etc/hadoop"),
        ])
        .unwrap();
        let master = environment.application_master().unwrap();
        assert_eq!(master.web_proxy_base, "/proxy/application_1700000000000_0007");
        assert_eq!(master.submit_time, 1_700_000_000_123);
        assert_eq!(environment.hadoop_conf_dir, Some(PathBuf::from("/etc/hadoop")));
    }

    #[test]
    fn every_missing_variable_is_named() {
        for (variable, _) in WORKER {
            let environment = WORKER.iter().copied().filter(|(name, _)| *name != variable).collect();
            let error = ContainerEnvironment::from_environment(&environment).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("the environment variable {variable} (")),
                "{error}"
            );
        }
    }

    #[test]
    fn every_wrong_variable_is_named() {
        for (variable, value) in [
            ("CONTAINER_ID", "container_1"),
            ("NM_PORT", "65536"),
            ("NM_HTTP_PORT", "x"),
            ("LOG_DIRS", ","),
        ] {
            let error = with(&[(variable, value)]).unwrap_err();
            let start = format!("the environment variable {variable} is {value:?}, which is not a");
            assert!(error.to_string().starts_with(&start), "{error}");
        }
    }
}
