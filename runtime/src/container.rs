//! What a process that YARN started finds in its container: who it is, its settings, the Hadoop configuration and the
//! credentials. Both roles open it first.

use selvedge_core::Configuration;
use selvedge_core::config::options::io::TMP_DIRS;
use selvedge_core::config::options::{cluster, high_availability, jobmanager, rest, taskmanager};
use selvedge_core::config::{self, ConfigError, LoadError};
use thiserror::Error;
use yarn_common::conf::{ConfError, HadoopConfiguration};
use yarn_common::container_env::{ContainerEnvError, ContainerEnvironment};
use yarn_common::environment::Environment;
use yarn_common::token::{Credentials, TokenError};

use crate::deployment::{HADOOP_SITE_FILE, secret_variables};
use crate::fs::{FileSystems, FsError};
use crate::logging::LogFiles;
use crate::process::{self, ProcessError};
use crate::rpc::{ApplicationSecret, SecretError};

/// What a client's configuration says for its own machine; on another node it would hide the server.
const LOCALHOST: &str = "localhost";

/// Why a container cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// YARN's variables are missing or wrong.
    #[error(transparent)]
    Environment(#[from] ContainerEnvError),
    /// The shipped settings cannot be read.
    #[error("reading the shipped settings: {0}")]
    Settings(#[from] LoadError),
    /// There is no usable Hadoop configuration.
    #[error("reading the Hadoop configuration from {source_name}: {source}")]
    Hadoop {
        /// Which one.
        source_name: String,
        /// Why.
        source: Box<ConfError>,
    },
    /// The credentials cannot be read.
    #[error("reading the container's credentials: {0}")]
    Credentials(#[from] TokenError),
    /// The credentials hold no application secret.
    #[error(
        "the container's credentials hold no secret '{}': this process was not started by a Selvedge client",
        ApplicationSecret::CREDENTIALS_ALIAS
    )]
    NoSecret,
    /// The application secret is not one.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The process cannot have the variables that are to be its own.
    #[error(transparent)]
    Variables(#[from] ProcessError),
}

/// A container, opened.
#[derive(Debug, Clone)]
pub struct Container {
    /// YARN's variables.
    pub environment: ContainerEnvironment,
    /// The settings: shipped, then the command line's, then what the container decides.
    pub configuration: Configuration,
    /// What was set on the command line.
    pub assignments: Configuration,
    /// The Hadoop configuration.
    pub hadoop: HadoopConfiguration,
    /// Where the Hadoop configuration came from.
    pub hadoop_source: String,
    /// All tokens and secrets.
    pub credentials: Credentials,
    /// The application's secret.
    pub secret: ApplicationSecret,
}

impl Container {
    /// Reads everything from the variables and the working directory; `assignments` is what the command line sets.
    pub fn open(variables: &Environment, assignments: Configuration) -> Result<Self, ContainerError> {
        let environment = ContainerEnvironment::from_environment(variables)?;
        let (mut configuration, _) = config::load(Some(&environment.working_directory))?;
        configuration.merge(&assignments);
        settle(&mut configuration, &environment);
        let (hadoop, hadoop_source) = hadoop_configuration(&environment, variables)?;
        let credentials = Credentials::read_file(&environment.token_file)?;
        let secret = credentials
            .secret(ApplicationSecret::CREDENTIALS_ALIAS)
            .ok_or(ContainerError::NoSecret)?;
        Ok(Self {
            secret: ApplicationSecret::from_bytes(secret)?,
            environment,
            configuration,
            assignments,
            hadoop,
            hadoop_source,
            credentials,
        })
    }

    /// Sets the variables below `prefix` that are secrets, and so are not in the launch script. Must come before the first
    /// thread.
    ///
    /// # Errors
    /// [`ContainerError::Variables`].
    pub fn set_secret_variables(&self, prefix: &str) -> Result<(), ContainerError> {
        Ok(process::set_variables(&secret_variables(&self.configuration, prefix))?)
    }

    /// The log of this process, in the container's log directory on the first log disk.
    pub fn log_files(&self, base_name: &str) -> Result<LogFiles, ConfigError> {
        Ok(LogFiles {
            directory: self.environment.log_dirs.first().cloned().unwrap_or_default(),
            base_name: base_name.to_owned(),
            level: self.configuration.get(&cluster::LOG_LEVEL)?,
            max_files: self.configuration.get(&cluster::LOG_MAX)?,
            max_bytes: self.configuration.get(&cluster::LOG_MAX_SIZE)?.bytes(),
        })
    }

    /// Logs who and where this process is, and with which settings.
    pub fn log_introduction(&self) {
        let environment = &self.environment;
        tracing::info!(
            container = %environment.container_id,
            node = %environment.node,
            user = %environment.user,
            directory = %environment.working_directory.display(),
            version = env!("CARGO_PKG_VERSION"),
            "started by YARN"
        );
        tracing::info!("Hadoop configuration: {}", self.hadoop_source);
        for (key, value) in self.configuration.iter_masked() {
            tracing::info!("setting {key}: {value}");
        }
    }

    /// The file systems of the Hadoop configuration, as the submitting user. Nothing is sent before they are used.
    pub fn file_systems(&self) -> Result<FileSystems, FsError> {
        let properties = self.hadoop.iter().map(|(key, property)| {
            let value = self.hadoop.get(key).ok().flatten();
            (key.to_owned(), value.unwrap_or_else(|| property.raw_value().to_owned()))
        });
        let user = self.environment.hadoop_user_name.as_deref();
        FileSystems::with_hadoop(properties, user.or(Some(&self.environment.user)))
    }
}

/// What the container decides, whatever was shipped: its servers are reached under the node's own name and listen there
/// only, and temporary files go where YARN cleans up.
fn settle(configuration: &mut Configuration, environment: &ContainerEnvironment) {
    let host = environment.node.host().to_owned();
    for option in [jobmanager::BIND_HOST, taskmanager::BIND_HOST, rest::BIND_ADDRESS] {
        let set = configuration.text(option.key());
        if set.is_none_or(|set| set.trim().is_empty() || set.trim() == LOCALHOST) {
            configuration.set(&option, &host);
        }
    }
    let directories: Vec<_> = environment
        .local_dirs
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    configuration.set(&TMP_DIRS, &directories.join(","));
    // All attempts and workers of the application meet under its id.
    let cluster_id = &high_availability::CLUSTER_ID;
    if cluster_id.keys().all(|key| configuration.text(key).is_none()) {
        configuration.set(cluster_id, &environment.container_id.application().to_string());
    }
}

/// The client's own configuration, shipped; else that of the node.
fn hadoop_configuration(
    environment: &ContainerEnvironment,
    variables: &Environment,
) -> Result<(HadoopConfiguration, String), ContainerError> {
    let shipped = environment.working_directory.join(HADOOP_SITE_FILE);
    let (source_name, read) = if shipped.is_file() {
        let name = format!("{} as shipped by the client", shipped.display());
        (name, HadoopConfiguration::from_file(&shipped))
    } else {
        let directory = environment.hadoop_conf_dir.as_ref();
        let name = directory.map_or_else(
            || "HADOOP_CONF_DIR of the NodeManager".to_owned(),
            |directory| format!("HADOOP_CONF_DIR of the NodeManager, {}", directory.display()),
        );
        (name, HadoopConfiguration::from_environment(variables.clone()))
    };
    match read {
        Ok(configuration) => Ok((configuration, source_name)),
        Err(source) => Err(ContainerError::Hadoop {
            source_name,
            source: Box::new(source),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const SITE: &str = "<configuration><property><name>fs.defaultFS</name><value>hdfs://nn:8020</value></property>\
                        </configuration>";

    fn variables(directory: &Path) -> Vec<(String, String)> {
        let path = |name: &str| directory.join(name).display().to_string();
        [
            ("CONTAINER_ID", "container_1700000000000_0007_01_000002".to_owned()),
            ("NM_HOST", "127.0.0.2".to_owned()),
            ("NM_PORT", "45454".to_owned()),
            ("NM_HTTP_PORT", "8042".to_owned()),
            ("USER", "alice".to_owned()),
            ("PWD", path("")),
            ("LOCAL_DIRS", "/data/1,/data/2".to_owned()),
            ("LOG_DIRS", "/logs/1,/logs/2".to_owned()),
            ("HADOOP_TOKEN_FILE_LOCATION", path("container_tokens")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    fn prepared(secret: &[u8]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let settings =
            "taskmanager.numberOfTaskSlots: 2\njobmanager.bind-host: localhost\nrest.bind-address: 0.0.0.0\n";
        fs::write(directory.path().join("config.yaml"), settings).unwrap();
        let mut credentials = Credentials::new();
        credentials.add_secret(ApplicationSecret::CREDENTIALS_ALIAS, secret.to_vec());
        credentials
            .write_file(directory.path().join("container_tokens"))
            .unwrap();
        directory
    }

    fn open(directory: &Path, extra: &[(&str, &str)]) -> Result<Container, ContainerError> {
        let extra = extra
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables = variables(directory).into_iter().chain(extra).collect();
        Container::open(
            &variables,
            Configuration::from_iter([("taskmanager.numberOfTaskSlots", "3")]),
        )
    }

    #[test]
    fn the_command_line_wins_over_the_shipped_settings_and_servers_listen_on_their_node_only() {
        let directory = prepared(&[7; 32]);
        fs::write(directory.path().join(HADOOP_SITE_FILE), SITE).unwrap();
        let container = open(directory.path(), &[]).unwrap();
        let text = |key: &str| container.configuration.text(key);
        assert_eq!(text("taskmanager.numberOfTaskSlots"), Some("3"));
        assert_eq!(text("jobmanager.bind-host"), Some("127.0.0.2"));
        assert_eq!(text("taskmanager.bind-host"), Some("127.0.0.2"));
        assert_eq!(text("rest.bind-address"), Some("0.0.0.0"), "the user's own decision");
        assert_eq!(text("io.tmp.dirs"), Some("/data/1,/data/2"));
        assert_eq!(
            text("high-availability.cluster-id"),
            Some("application_1700000000000_0007")
        );
        let log = container.log_files("taskmanager").unwrap();
        assert_eq!(
            (log.directory.as_path(), log.level.as_str()),
            (Path::new("/logs/1"), "info")
        );
    }

    #[test]
    fn the_shipped_hadoop_configuration_stands_over_the_nodes() {
        let directory = prepared(&[7; 32]);
        let node = tempfile::tempdir().unwrap();
        let other = SITE.replace("nn:8020", "node:8020");
        fs::write(node.path().join("core-site.xml"), &other).unwrap();
        fs::write(node.path().join("yarn-site.xml"), "<configuration/>").unwrap();
        let conf_dir = node.path().display().to_string();
        let conf_dir = [("HADOOP_CONF_DIR", conf_dir.as_str())];
        let of_node = open(directory.path(), &conf_dir).unwrap();
        assert_eq!(of_node.hadoop.default_fs().unwrap(), "hdfs://node:8020");
        assert!(
            of_node.hadoop_source.contains(conf_dir[0].1),
            "{}",
            of_node.hadoop_source
        );
        fs::write(directory.path().join(HADOOP_SITE_FILE), SITE).unwrap();
        let shipped = open(directory.path(), &conf_dir).unwrap();
        assert_eq!(shipped.hadoop.default_fs().unwrap(), "hdfs://nn:8020");
        assert!(shipped.hadoop_source.ends_with("as shipped by the client"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let directory = prepared(&[7; 3]);
        let message = open(directory.path(), &[]).unwrap_err().to_string();
        assert!(message.contains("HADOOP_CONF_DIR of the NodeManager"), "{message}");
        fs::write(directory.path().join(HADOOP_SITE_FILE), SITE).unwrap();
        let message = open(directory.path(), &[]).unwrap_err().to_string();
        assert!(message.contains("has 3 bytes"), "{message}");
        fs::remove_file(directory.path().join("config.yaml")).unwrap();
        let message = open(directory.path(), &[]).unwrap_err().to_string();
        assert!(message.contains("config.yaml"), "{message}");
    }
}
