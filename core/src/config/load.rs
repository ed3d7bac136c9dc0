//! Where a process finds its configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::yaml::YamlError;
use super::{ConfigError, Configuration};

/// The file's name in a configuration directory.
pub const FILE_NAME: &str = "config.yaml";
/// The environment variable that names the configuration directory.
pub const DIRECTORY_VARIABLE: &str = "SELVEDGE_CONF_DIR";

const SHIPPED: &str = include_str!("../../../conf/config.yaml");

/// Where a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// A file.
    File(PathBuf),
    /// The configuration that is compiled in.
    Shipped,
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Shipped => f.write_str("the shipped configuration"),
        }
    }
}

/// A configuration file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read.
    #[error(
        "cannot read the configuration file {}: {source}; the directory comes from --config-dir or {DIRECTORY_VARIABLE}",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds no configuration.
    #[error("cannot use the configuration file {}: {source}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Why.
        source: YamlError,
    },
}

/// Reads `config.yaml` in `directory`, else in the directory that `SELVEDGE_CONF_DIR` names; where there is neither, the
/// shipped configuration. A directory that is named must have the file.
pub fn load(directory: Option<&Path>) -> Result<(Configuration, ConfigSource), LoadError> {
    let named = directory.map(Path::to_owned).or_else(|| {
        let value = std::env::var_os(DIRECTORY_VARIABLE)?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    });
    let Some(directory) = named else {
        return Ok((shipped(), ConfigSource::Shipped));
    };
    let path = directory.join(FILE_NAME);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(LoadError::Read { path, source }),
    };
    match Configuration::from_yaml(&text) {
        Ok(configuration) => Ok((configuration, ConfigSource::File(path))),
        Err(source) => Err(LoadError::Yaml { path, source }),
    }
}

/// The configuration that is compiled in: `conf/config.yaml`.
pub fn shipped() -> Configuration {
    Configuration::from_yaml(SHIPPED).expect("a test reads the shipped configuration")
}

/// Parts of keys whose values are secrets: Flink's list.
const SENSITIVE: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];

/// What stands for a secret.
pub const MASK: &str = "******";

/// Whether the values of this key must not be shown.
pub fn is_sensitive(key: &str) -> bool {
    let key = key.to_lowercase();
    SENSITIVE.iter().any(|part| key.contains(part))
}

impl Configuration {
    /// All settings in order of keys, with secrets masked: for logs and REST.
    pub fn iter_masked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .map(|(key, value)| (key, if is_sensitive(key) { MASK } else { value }))
    }

    /// Settings of the form `KEY=VALUE`, as after `-D`; the error names the text.
    pub fn from_assignments<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ConfigError> {
        let pairs = texts.into_iter().map(|text| match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
            _ => Err(ConfigError::Invalid {
                key: text.to_owned(),
                reason: "a setting has the form KEY=VALUE".to_owned(),
            }),
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::{cluster, taskmanager};
    use crate::{JobManagerProcessSpec, TaskExecutorProcessSpec};

    #[test]
    fn the_shipped_configuration_has_the_sizes_of_a_native_process() {
        let configuration = shipped();
        let worker = TaskExecutorProcessSpec::derive(&configuration).unwrap();
        let master = JobManagerProcessSpec::derive(&configuration).unwrap();
        assert_eq!(worker.total_process().mebibytes(), 512);
        assert_eq!(worker.managed.mebibytes(), 171);
        assert_eq!(worker.network.mebibytes(), 42);
        assert_eq!(worker.task_heap.mebibytes(), 182);
        assert_eq!(master.total_process().mebibytes(), 256);
        assert_eq!(configuration.get(&taskmanager::NUMBER_OF_TASK_SLOTS), Ok(1));
        assert_eq!(configuration.get(&cluster::PARALLELISM), Ok(1));
    }

    #[test]
    fn a_directory_that_is_named_must_have_the_file() {
        let directory = std::env::temp_dir().join("selvedge-no-such-configuration");
        let message = load(Some(&directory)).unwrap_err().to_string();
        assert!(
            message.contains("selvedge-no-such-configuration/config.yaml"),
            "{message}"
        );
        assert!(message.contains("SELVEDGE_CONF_DIR"), "{message}");
        let (configuration, source) = load(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../conf")))).unwrap();
        assert_eq!(configuration, shipped());
        assert!(source.to_string().ends_with("conf/config.yaml"), "{source}");
    }

    #[test]
    fn secrets_are_masked() {
        let pairs = [
            ("s3.secret-key", "hunter2"),
            ("Security.SSL.keystore-Password", "hunter2"),
            ("parallelism.default", "2"),
        ];
        let configuration: Configuration = pairs.into_iter().collect();
        let shown: Vec<_> = configuration.iter_masked().map(|(_, value)| value).collect();
        assert_eq!(shown, [MASK, "2", MASK]);
    }

    #[test]
    fn assignments_need_a_key_and_a_value() {
        let configuration = Configuration::from_assignments(["a=b=c", " d = "]).unwrap();
        assert_eq!(configuration.iter().collect::<Vec<_>>(), [("a", "b=c"), ("d", " ")]);
        for text in ["a", "=b"] {
            let error = Configuration::from_assignments([text]).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
