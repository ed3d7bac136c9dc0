use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a Hadoop configuration could not be loaded, or does not say what was asked of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfError {
    /// Neither `HADOOP_CONF_DIR` nor `YARN_CONF_DIR` is set.
    #[error(
        "HADOOP_CONF_DIR is not set: set it (or YARN_CONF_DIR) to the directory that holds core-site.xml and \
         yarn-site.xml of the cluster, for example export HADOOP_CONF_DIR=/etc/hadoop/conf"
    )]
    DirectoryNotSet,
    /// A configuration directory does not exist or is a file.
    #[error("{variable} is {}, which is not a directory", path.display())]
    NotADirectory {
        /// Where the path came from: an environment variable, or `the configuration directory`.
        variable: String,
        /// The path.
        path: PathBuf,
    },
    /// A file that must be there is not.
    #[error("there is no {file} in {directories}: point HADOOP_CONF_DIR to the configuration directory of the cluster")]
    MissingFile {
        /// The name of the file.
        file: &'static str,
        /// The directories that were searched.
        directories: String,
    },
    /// A file could not be read.
    #[error("cannot read the Hadoop configuration {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file is not a Hadoop configuration in XML.
    #[error("{file}, line {line}, column {column}: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Includes are nested too deeply, probably because a file includes itself.
    #[error("{file}: includes are nested more than {limit} deep; does the file include itself?")]
    IncludeTooDeep {
        /// The file whose include was not followed.
        file: String,
        /// The bound.
        limit: usize,
    },
    /// The files include too many others.
    #[error("{file}: the configuration consists of more than {limit} files; do some include each other?")]
    TooManyFiles {
        /// The file whose include was not followed.
        file: String,
        /// The bound.
        limit: usize,
    },
    /// An included file does not exist and there is no fallback.
    #[error("{file} includes {href}, which cannot be read: {reason}")]
    Include {
        /// The including file.
        file: String,
        /// What it includes.
        href: String,
        /// Why that failed.
        reason: String,
    },
    /// A value refers to a variable that refers to a variable, too many times.
    #[error("{key} ({source_file}): {value:?} still holds variables after {limit} substitutions")]
    SubstitutionTooDeep {
        /// The property.
        key: String,
        /// Where it was set.
        source_file: String,
        /// Its value as written.
        value: String,
        /// The bound.
        limit: usize,
    },
    /// A value is not of the type that its property has.
    #[error("{key} is {value:?} ({source_file}), which is not {expected}")]
    BadValue {
        /// The property.
        key: String,
        /// Its value.
        value: String,
        /// Where it was set.
        source_file: String,
        /// What was expected.
        expected: String,
    },
    /// An address that a client needs is not configured, or is the wildcard address that only a server can use.
    #[error("{what} is not configured: {key} {state} ({source_file}); {remedy}")]
    NotConfigured {
        /// What is missing, in words.
        what: String,
        /// The property to set.
        key: String,
        /// What it is now: `is not set`, or `is "0.0.0.0:8088"`.
        state: String,
        /// Where it was set, or the files that were searched.
        source_file: String,
        /// What to do.
        remedy: String,
    },
}
