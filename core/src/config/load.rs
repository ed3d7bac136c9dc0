//! Where a process finds its configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::yaml::{self, Lines, YamlError};
use super::{ConfigError, Configuration, legacy, shown};

/// The file's name in a configuration directory.
pub const FILE_NAME: &str = "config.yaml";
/// The file's name before Flink 1.19, with a setting on each line.
pub const LEGACY_FILE_NAME: &str = "flink-conf.yaml";
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
    /// None: every option has its default.
    Defaults,
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Shipped => f.write_str("the shipped configuration"),
            Self::Defaults => f.write_str("no configuration file"),
        }
    }
}

/// A configuration file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory has none.
    #[error(
        "there is no {FILE_NAME} in {}, the directory that --configDir or {DIRECTORY_VARIABLE} names",
        directory.display()
    )]
    Missing {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory has a file of either form.
    #[error("{} has both {FILE_NAME} and {LEGACY_FILE_NAME}: take one of them away", directory.display())]
    Both {
        /// The directory.
        directory: PathBuf,
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

/// Reads the configuration file in `directory`, else in the directory that `SELVEDGE_CONF_DIR` names; where there is
/// neither, the shipped configuration. A directory that is named must have the file.
pub fn load(directory: Option<&Path>) -> Result<(Configuration, ConfigSource), LoadError> {
    read(directory).map(|(lines, source)| (lines.configuration, source))
}

/// The same with the line of each setting.
pub(super) fn read(directory: Option<&Path>) -> Result<(Lines, ConfigSource), LoadError> {
    match directory.map(Path::to_owned).or_else(named_directory) {
        Some(directory) => read_file(file_in(&directory)?),
        None => Ok((read_shipped(), ConfigSource::Shipped)),
    }
}

/// Reads this file: in the line-based form where it has the name that goes with it, else as YAML.
pub(super) fn read_file(path: PathBuf) -> Result<(Lines, ConfigSource), LoadError> {
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(LoadError::Read { path, source }),
    };
    let is_legacy = path.file_name().is_some_and(|name| name == LEGACY_FILE_NAME);
    let form = if is_legacy { legacy::read } else { yaml::read };
    match text_of(&bytes).and_then(form) {
        Ok(lines) => Ok((lines, ConfigSource::File(path))),
        Err(source) => Err(LoadError::Yaml { path, source }),
    }
}

fn named_directory() -> Option<PathBuf> {
    let value = std::env::var_os(DIRECTORY_VARIABLE)?;
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// `config.yaml`, else `flink-conf.yaml`. Which of two would count is nothing to guess.
fn file_in(directory: &Path) -> Result<PathBuf, LoadError> {
    let [yaml, legacy] = [FILE_NAME, LEGACY_FILE_NAME].map(|name| directory.join(name));
    match (yaml.exists(), legacy.exists()) {
        (true, true) => Err(LoadError::Both {
            directory: directory.to_owned(),
        }),
        (false, true) => Ok(legacy),
        (true, false) => Ok(yaml),
        (false, false) => Err(LoadError::Missing {
            directory: directory.to_owned(),
        }),
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, YamlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        YamlError::NotUtf8 {
            line: 1 + before.filter(|byte| **byte == b'\n').count() as u64,
        }
    })
}

fn read_shipped() -> Lines {
    yaml::read(SHIPPED).expect("a test reads the shipped configuration")
}

/// The configuration that is compiled in: `conf/config.yaml`.
pub fn shipped() -> Configuration {
    read_shipped().configuration
}

impl Configuration {
    /// All settings in order of keys, with secrets masked: for logs and REST.
    pub fn iter_masked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(key, value)| (key, shown(key, value)))
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
    use proptest::prelude::*;

    use super::*;
    use crate::config::MASK;
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
            message.contains("no config.yaml in") && message.contains("selvedge-no-such-configuration"),
            "{message}"
        );
        assert!(message.contains("SELVEDGE_CONF_DIR"), "{message}");
        let (configuration, source) = load(Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../conf")))).unwrap();
        assert_eq!(configuration, shipped());
        assert!(source.to_string().ends_with("conf/config.yaml"), "{source}");
    }

    #[test]
    fn settings_are_shown_with_their_secrets_masked() {
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
    fn a_directory_may_have_the_old_form_but_not_both() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write(LEGACY_FILE_NAME, "taskmanager.numberOfTaskSlots: 3\n");
        let (configuration, source) = load(Some(directory.path())).unwrap();
        assert_eq!(configuration.get(&taskmanager::NUMBER_OF_TASK_SLOTS), Ok(3));
        assert!(source.to_string().ends_with(LEGACY_FILE_NAME), "{source}");
        write(FILE_NAME, "");
        let message = load(Some(directory.path())).unwrap_err().to_string();
        assert!(
            message.contains(LEGACY_FILE_NAME) && message.contains(FILE_NAME),
            "{message}"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_line() {
        assert_eq!(text_of(b"a: 1\nb: \xff\n"), Err(YamlError::NotUtf8 { line: 2 }));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for form in [yaml::read, legacy::read] {
                if let Err(error) = text_of(&bytes).and_then(form) {
                    let has_place = matches!(error, YamlError::NotAMapping) || error.to_string().contains("line");
                    prop_assert!(has_place, "{}", error);
                }
            }
        }
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
