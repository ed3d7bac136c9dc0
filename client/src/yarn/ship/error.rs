use selvedge_core::config::ConfigError;
use selvedge_runtime::fs::{FsError, ParseLocationError};
use thiserror::Error;

/// Why something cannot be sent along into the containers.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShipError {
    /// The setting itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It names no path.
    #[error("{key}")]
    Path {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        cause: ParseLocationError,
    },
    /// It cannot be read.
    #[error("{key}")]
    Unreadable {
        /// The setting.
        key: &'static str,
        /// Why, with the path.
        #[source]
        cause: Box<FsError>,
    },
    /// Another place is meant for it.
    #[error(
        "{key}: {location} would be '{name}' in the containers, a name that is taken there: rename it, or send its files along \
         one by one"
    )]
    Reserved {
        /// The setting.
        key: &'static str,
        /// What was to be sent.
        location: String,
        /// Its name there.
        name: String,
    },
    /// A container's script cannot hold it.
    #[error(
        "{location} would be '{name}' in the containers, which their scripts cannot hold: rename it, or pack it into an \
         archive and send that along with yarn.ship-archives"
    )]
    Name {
        /// What was to be sent.
        location: String,
        /// Its name there.
        name: String,
    },
    /// Two of one name.
    #[error("{first} and {second} would both be '{name}' in the containers: rename one of them")]
    Twice {
        /// The name.
        name: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// YARN would not unpack it.
    #[error(
        "yarn.ship-archives: {location} is no archive that YARN unpacks: it takes {known}; yarn.ship-files sends it along as it is"
    )]
    NoArchive {
        /// What was to be sent.
        location: String,
        /// What would do.
        known: String,
    },
    /// Not the place where a usrlib can be.
    #[error("yarn.provided.usrlib.dir: {location} {problem}")]
    Usrlib {
        /// What was named.
        location: String,
        /// What is wrong and the remedy.
        problem: &'static str,
    },
    /// The list would not fit into the environment of a container.
    #[error(
        "{count} files are to be sent along, more than a container's environment can name: pack them into an archive \
         and send that along with yarn.ship-archives"
    )]
    TooMany {
        /// How many.
        count: usize,
    },
}
