use thiserror::Error;

use super::QuoteError;

/// Why a launch context cannot be what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// There is no command at all.
    #[error("the container has no command: give it one")]
    NoCommand,
    /// A command has no program.
    #[error("the command {0:?} is empty: name a program")]
    EmptyCommand(String),
    /// A text cannot be put into a shell script.
    #[error("{what} cannot be passed on: {source}")]
    Quote {
        /// What it is.
        what: String,
        /// Why.
        source: QuoteError,
    },
    /// The name of a log file would lead out of the log directory, or needs quoting.
    #[error("{0:?} is not the name of a log file: use letters, digits, dots, dashes and underscores")]
    LogFile(String),
    /// The name of a variable is one that no shell takes.
    #[error("{0:?} is not the name of an environment variable: use letters, digits and underscores, no digit first")]
    VariableName(String),
    /// The NodeManager sets this variable itself, whatever the launch context says.
    #[error("the environment variable {0} is set by the NodeManager itself: use another name")]
    ReservedVariable(String),
    /// Something was given twice.
    #[error("{what} {name:?} was given twice")]
    Duplicate {
        /// `the environment variable`, `the local resource` …
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A value that the shell expands would end the quotes around it.
    #[error(
        "the value {value:?} of the environment variable {name} holds a double quote at byte {position}: escape it"
    )]
    OpenQuote {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
        /// Where the quote is.
        position: usize,
    },
    /// A local resource would be linked outside of the working directory, or nowhere.
    #[error("{name:?} is not the name of a local resource: {reason}")]
    ResourceName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An attribute of a local resource is impossible.
    #[error("the local resource at {url}: {reason}")]
    Resource {
        /// Where it is.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The name of an auxiliary service is one that no NodeManager takes.
    #[error("{0:?} is not the name of an auxiliary service: use letters, digits and underscores, no digit first")]
    ServiceName(String),
    /// An access list is not of the form `user1,user2 group1,group2`.
    #[error(
        "the access list {0:?} is not of the form \"user1,user2 group1,group2\", \"*\" for everybody or \" \" for nobody"
    )]
    Acl(String),
    /// A retry context is contradictory.
    #[error("the container cannot be retried so: {0}")]
    Retry(String),
}
