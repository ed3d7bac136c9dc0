//! Configuration: Flink's keys and defaults wherever the meaning is the same.
//!
//! A [`Configuration`] is a flat map of texts; a [`ConfigOption`] is a declared key with its type and default, in one file
//! per area below [`options`]. A value is parsed when it is read, and an error names key, value and remedy.
//!
//! ```text
//! file, or the shipped one ─┐
//! environment ──────────────┼─► Settings: who set what, where ─► findings: unknown keys, wrong values
//! command line ─────────────┘        └─► Configuration: what holds
//! ```
//!
//! A client loads [`Settings`] and refuses what is wrong in them. Master and workers [`load`] the file that the client has
//! checked and sent along.

pub mod catalogue;
mod declaration;
mod family;
mod finding;
mod kind;
mod legacy;
mod load;
mod no_meaning;
mod option;
pub mod options;
pub mod reference;
mod sensitive;
mod settings;
mod value;
mod yaml;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use catalogue::Area;
pub use declaration::{Declaration, VARIABLE_PREFIX};
pub use family::Family;
pub use finding::{Finding, Severity};
pub use kind::Kind;
pub use load::{ConfigSource, DIRECTORY_VARIABLE, FILE_NAME, LEGACY_FILE_NAME, LoadError, load, shipped};
pub use option::ConfigOption;
pub use sensitive::{MASK, is_secret, is_sensitive, shown};
pub use settings::{Origin, Setting, Settings, is_variable};
pub use value::{ConfigValue, Timeout};
pub use yaml::YamlError;

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value does not have the option's type.
    #[error("{key}: {reason}")]
    Invalid {
        /// The option's key.
        key: String,
        /// Why, with the value and the remedy.
        reason: String,
    },
    /// The option has no default and is not set.
    #[error("{key} is not set and has no default")]
    Missing {
        /// The option's key.
        key: String,
    },
}

/// Settings by key, in order of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Configuration {
    values: BTreeMap<String, String>,
}

impl Configuration {
    /// No settings: every option has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of an option: as set, under its key or a fallback key, else its default.
    pub fn get<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Result<T, ConfigError> {
        match self.find(option)? {
            Some(value) => Ok(value),
            None => option.default().ok_or_else(|| ConfigError::Missing {
                key: option.key().to_owned(),
            })?,
        }
    }

    /// The value of an option as set, or `None`; the default is not looked at.
    pub fn find<T: ConfigValue>(&self, option: &ConfigOption<T>) -> Result<Option<T>, ConfigError> {
        option.keys().find_map(|key| self.value_of(option, key)).transpose()
    }

    /// The value that stands under one key of an option, or, for a map, in entries below it, as in Flink.
    fn value_of<T: ConfigValue>(&self, option: &ConfigOption<T>, key: &str) -> Option<Result<T, ConfigError>> {
        let value = match self.values.get(key) {
            Some(text) => T::parse(text).and_then(|value| option.check_range(text).map(|()| value)),
            None if option.kind == Kind::Map => {
                let entries: BTreeMap<_, _> = self.entries(key).collect();
                (!entries.is_empty()).then(|| T::of_entries(entries))?
            }
            None => return None,
        };
        let invalid = |reason| ConfigError::Invalid {
            key: key.to_owned(),
            reason,
        };
        Some(value.map_err(invalid))
    }

    /// The entries of a map that are set one by one, below the map's key.
    fn entries(&self, key: &str) -> impl Iterator<Item = (String, String)> {
        self.iter().filter_map(move |(entry, value)| {
            let name = entry.strip_prefix(key)?.strip_prefix('.')?;
            (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
        })
    }

    /// Whether an option is set, under its key or a fallback key.
    pub fn contains<T: ConfigValue>(&self, option: &ConfigOption<T>) -> bool {
        let has_entries = |key: &str| option.kind == Kind::Map && self.entries(key).next().is_some();
        option
            .keys()
            .any(|key| self.values.contains_key(key) || has_entries(key))
    }

    /// Sets an option.
    pub fn set<T: ConfigValue>(&mut self, option: &ConfigOption<T>, value: &T) {
        self.set_text(option.key(), value.to_text());
    }

    /// Sets a key to a text.
    pub fn set_text(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), value.into());
    }

    /// The text of a key as set.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Takes a setting away.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    /// Takes over all settings of another configuration; where both have a key, the other's wins.
    pub fn merge(&mut self, other: &Self) {
        self.values
            .extend(other.values.iter().map(|(key, value)| (key.clone(), value.clone())));
    }

    /// All settings in order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The settings whose keys start with `prefix`, with the prefix cut off: `containerized.master.env.` gives variables.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter()
            .filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value)))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Configuration {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self {
            values: pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::options::{heartbeat, taskmanager};
    use super::*;

    type Map = BTreeMap<String, String>;
    const LABELS: ConfigOption<Map> = ConfigOption::new("labels", "").with_fallback_keys(&["tags"]);

    fn labels(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        let configuration: Configuration = pairs.iter().copied().collect();
        assert_eq!(
            configuration.contains(&LABELS),
            configuration.find(&LABELS).unwrap().is_some()
        );
        Some(configuration.find(&LABELS).unwrap()?.into_iter().collect())
    }

    #[test]
    fn a_map_is_one_text_or_the_entries_below_its_key() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for (set, expected) in [
            (
                &[("labels.city", "Rome, IT"), ("labels.a.b", "x:y")][..],
                Some(vec![pair("a.b", "x:y"), pair("city", "Rome, IT")]),
            ),
            (
                &[("labels", "a:1"), ("labels.city", "Rome")],
                Some(vec![pair("a", "1")]),
            ),
            (
                &[("tags.city", "Rome"), ("labels.", "x"), ("labelsx.y", "z")],
                Some(vec![pair("city", "Rome")]),
            ),
            (&[("labels.", "x"), ("labelsx.y", "z")], None),
        ] {
            assert_eq!(labels(set), expected, "{set:?}");
        }
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_where_it_is_read_too() {
        let configuration: Configuration = [
            ("heartbeat.interval", "0 ms"),
            ("heartbeat.timeout", "1 ms"),
            ("taskmanager.numberOfTaskSlots", "0"),
        ]
        .into_iter()
        .collect();
        let error = configuration.get(&heartbeat::INTERVAL).unwrap_err().to_string();
        assert_eq!(
            error,
            "heartbeat.interval: '0 ms' is out of range: it must be at least 1 ms"
        );
        assert!(configuration.find(&taskmanager::NUMBER_OF_TASK_SLOTS).is_err());
        assert_eq!(configuration.get(&heartbeat::TIMEOUT), Ok(Duration::from_millis(1)));
    }
}
