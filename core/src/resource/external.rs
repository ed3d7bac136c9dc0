//! External resources such as GPUs: how many a worker has, and what YARN calls them.

use std::collections::BTreeMap;

use crate::Configuration;
use crate::config::options::external_resource::{self, PREFIX};
use crate::config::{ConfigError, ConfigValue};

/// What stands for an empty list, because an empty value would be the default again.
const NONE: &str = "none";

/// What is configured of `external-resources`, and what of it is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExternalResources {
    /// How much of each resource a worker has, by name; at least 1.
    pub amounts: BTreeMap<String, u64>,
    /// A line for each resource that is ignored, with the key to set.
    pub ignored: Vec<String>,
}

/// What YARN calls the external resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct YarnExternalResources {
    /// The resource type of YARN (`yarn.io/gpu`) by name of the external resource.
    pub types: BTreeMap<String, String>,
    /// A line for each resource that YARN is not asked for, with the key to set.
    pub ignored: Vec<String>,
}

impl ExternalResources {
    /// Reads `external-resource.<name>.amount` of each name. A resource without an amount, or with one below 1, is ignored, as
    /// in Flink.
    ///
    /// # Errors
    /// An amount that is no whole number.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let mut read = Self::default();
        for name in names(configuration)? {
            let key = format!("{PREFIX}{name}.amount");
            match whole_number(configuration, &key)? {
                Some(amount) if amount > 0 => {
                    read.amounts.insert(name, amount.unsigned_abs());
                }
                Some(amount) => read.ignored.push(format!(
                    "the external resource {name} is ignored, because its amount {key} is {amount}; write 1 or more"
                )),
                None => read.ignored.push(format!(
                    "the external resource {name} is ignored, because its amount is not set; set {key}"
                )),
            }
        }
        Ok(read)
    }

    /// The settings that make a worker read exactly these amounts.
    pub fn to_properties(amounts: &BTreeMap<String, u64>) -> Vec<(String, String)> {
        let names: Vec<_> = amounts.keys().cloned().collect();
        let list = match names.is_empty() {
            true => NONE.to_owned(),
            false => names.to_text(),
        };
        let amounts = amounts
            .iter()
            .map(|(name, amount)| (format!("{PREFIX}{name}.amount"), amount.to_string()));
        std::iter::once((external_resource::EXTERNAL_RESOURCES.key().to_owned(), list))
            .chain(amounts)
            .collect()
    }

    /// Whether each amount can be meant, for those who would rather be told than have a resource ignored.
    ///
    /// # Errors
    /// An amount that is less than 0, or no whole number.
    pub fn check_amounts(configuration: &Configuration) -> Result<(), ConfigError> {
        for name in names(configuration)? {
            let key = format!("{PREFIX}{name}.amount");
            if let Some(amount) = whole_number(configuration, &key)?
                && amount < 0
            {
                let reason = format!("'{amount}' is less than nothing; write 1 or more");
                return Err(ConfigError::Invalid { key, reason });
            }
        }
        Ok(())
    }
}

impl YarnExternalResources {
    /// Reads `external-resource.<name>.yarn.config-key` of each name. Where two names say the same, the later one counts.
    ///
    /// # Errors
    /// A list of names that cannot be read.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let mut read = Self::default();
        let mut name_of: BTreeMap<String, String> = BTreeMap::new();
        for name in names(configuration)? {
            let key = format!("{PREFIX}{name}.yarn.config-key");
            let Some(kind) = configuration.text(&key).map(str::trim).filter(|kind| !kind.is_empty()) else {
                read.ignored.push(format!(
                    "YARN is not asked for the external resource {name}, because {key} does not say what YARN calls it"
                ));
                continue;
            };
            if let Some(earlier) = name_of.insert(kind.to_owned(), name.clone()) {
                read.types.remove(&earlier);
                read.ignored.push(format!(
                    "YARN is not asked for the external resource {earlier}, because {key} says {kind} too"
                ));
            }
            read.types.insert(name, kind.to_owned());
        }
        Ok(read)
    }

    /// The amounts by YARN's names, for a container request.
    pub fn request(&self, amounts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let asked = amounts.iter();
        asked
            .filter_map(|(name, amount)| Some((self.types.get(name)?.clone(), *amount)))
            .collect()
    }
}

/// The names in the order of the list, each once.
fn names(configuration: &Configuration) -> Result<Vec<String>, ConfigError> {
    if configuration.text(external_resource::EXTERNAL_RESOURCES.key()) == Some(NONE) {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    for name in configuration.get(&external_resource::EXTERNAL_RESOURCES)? {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn whole_number(configuration: &Configuration, key: &str) -> Result<Option<i64>, ConfigError> {
    let invalid = |reason| ConfigError::Invalid {
        key: key.to_owned(),
        reason,
    };
    configuration.text(key).map(i64::parse).transpose().map_err(invalid)
}
