//! Hadoop's client configuration: `core-site.xml`, `hdfs-site.xml` and `yarn-site.xml`.
//!
//! ```
//! use yarn_common::conf::HadoopConfiguration;
//! use yarn_common::environment::Environment;
//!
//! let yarn_site = "<configuration>
//!   <property><name>yarn.resourcemanager.hostname</name><value>rm.example.com</value></property>
//! </configuration>";
//! let conf = HadoopConfiguration::from_texts([("yarn-site.xml", yarn_site)], Environment::default())?;
//! assert_eq!(conf.rm_web_addresses()?[0].url(), "http://rm.example.com:8088");
//! # Ok::<(), yarn_common::conf::ConfError>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::environment::Environment;

mod accessors;
mod deprecated;
mod error;
mod expand;
mod hdfs;
pub mod keys;
mod load;
mod rm;
mod secrets;
mod typed;
mod write;
mod xml;

pub use accessors::Authentication;
pub use error::ConfError;
pub use hdfs::NameNodeAddress;
pub use rm::{RmAddress, RmWebAddress};
pub use secrets::is_secret;

#[cfg(test)]
mod tests;

/// Properties as a Hadoop client sees them: files in order, `<final>` and includes honoured, variables substituted.
///
/// It holds only what the files say. Accessors named after a property know Hadoop's default ([`keys`]).
#[derive(Clone)]
pub struct HadoopConfiguration {
    properties: BTreeMap<String, Property>,
    environment: Environment,
    /// All files that were read, for messages.
    files: Vec<String>,
}

/// One property as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    value: String,
    source: Arc<str>,
    is_final: bool,
    /// The deprecated name that the file uses.
    written_as: Option<Arc<str>>,
}

impl Property {
    /// The value as written, without substitution, trimmed.
    pub fn raw_value(&self) -> &str {
        &self.value
    }

    /// The file in which it was set.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether later files could not override it.
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// The deprecated name under which the file sets it, such as `fs.default.name` for `fs.defaultFS`.
    pub fn written_as(&self) -> Option<&str> {
        self.written_as.as_deref()
    }
}

impl HadoopConfiguration {
    /// The value of `key` with variables substituted, trimmed; `None` where no file sets it. A deprecated name and its
    /// successor are the same property, whichever of them a file or the caller uses.
    ///
    /// # Errors
    /// [`ConfError::SubstitutionTooDeep`].
    pub fn get(&self, key: &str) -> Result<Option<String>, ConfError> {
        self.property(key)
            .map(|property| self.expand(key, &property.value))
            .transpose()
    }

    /// The property `key` as it was written.
    pub fn property(&self, key: &str) -> Option<&Property> {
        self.properties.get(deprecated::current(key))
    }

    /// Sets `key` even if a file made it final; `source` is what messages will name as its origin.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>, source: &str) {
        let key = key.into();
        let property = Property {
            value: value.into().trim().to_owned(),
            source: Arc::from(source),
            is_final: false,
            written_as: None,
        };
        self.properties.insert(deprecated::current(&key).to_owned(), property);
    }

    /// All properties that are set, by their current names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.properties.iter().map(|(key, property)| (key.as_str(), property))
    }

    /// The files that were read, in their order.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The file that sets `key`, or all files where none does.
    fn source_or_files(&self, key: &str) -> String {
        match self.property(key) {
            Some(property) => match &property.written_as {
                Some(name) => format!("{}, written as the deprecated {name}", property.source),
                None => property.source.to_string(),
            },
            None if self.files.is_empty() => "no file was read".to_owned(),
            None => format!("read: {}", self.files.join(", ")),
        }
    }
}

/// Files and the number of properties only: values may be secrets.
impl fmt::Debug for HadoopConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HadoopConfiguration")
            .field("files", &self.files)
            .field("properties", &self.properties.len())
            .finish_non_exhaustive()
    }
}
